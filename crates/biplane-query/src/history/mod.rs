//! The query history: what ran, for whom, with which outcome and cost.

mod filter;
pub(crate) mod http;
mod ops;
mod store;
mod system;
