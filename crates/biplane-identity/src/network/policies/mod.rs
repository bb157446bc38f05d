//! Network policies: what serverless compute of a workspace may reach. `default-policy` is always there
//! and holds where no other was chosen.

pub mod check;
pub mod http;
pub mod ops;
mod store;

pub const DEFAULT: &str = "default-policy";
