//! Nodes as the operator sees them, and where a sandbox goes.

pub(crate) mod http;
mod ops;
pub(crate) mod outbound;
pub(crate) mod place;
pub(crate) mod reach;
mod store;
pub(crate) mod usage;
