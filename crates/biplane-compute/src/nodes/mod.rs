//! Nodes as the operator sees them, and where a sandbox goes.

pub(crate) mod accesses;
pub(crate) mod admission;
pub(crate) mod http;
mod operate;
mod ops;
pub(crate) mod outbound;
pub(crate) mod place;
pub(crate) mod reach;
pub(crate) mod sandboxes;
pub(crate) mod store;
mod token_store;
pub(crate) mod tokens;
pub(crate) mod usage;
