//! What engines ask for every statement: names to tables, paths to storage.

pub(crate) mod http;
pub(crate) mod names;
pub(crate) mod paths;
