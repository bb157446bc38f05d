//! What network configuration means for the workspace of the call, for people who may not change it.

pub mod http;
mod ops;
