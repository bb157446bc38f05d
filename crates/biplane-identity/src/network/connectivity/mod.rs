//! Network connectivity configurations: where compute of a workspace comes from when it calls out, and
//! private endpoints. Addresses are what the operator of this deployment says; private endpoints cannot be
//! made here, and their rules say so.

pub mod http;
pub mod ops;
pub mod rules;
mod store;
