//! Personal access tokens: `dapi` and 128 random bits, good in one workspace, stored as SHA-256.

pub mod http;
pub mod ops;
pub mod store;

pub const PREFIX: &str = "dapi";
