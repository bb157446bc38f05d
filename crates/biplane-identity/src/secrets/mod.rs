//! OAuth secrets of service principals: `dose` and 128 random bits, stored as SHA-256.

pub mod http;
pub mod ops;
mod store;

const PREFIX: &str = "dose";
