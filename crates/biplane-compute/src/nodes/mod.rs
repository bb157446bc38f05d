//! Nodes as the operator sees them, and where a sandbox goes.

pub(crate) mod http;
mod ops;
pub(crate) mod place;
mod store;
