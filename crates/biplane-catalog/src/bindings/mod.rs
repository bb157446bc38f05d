//! In which workspaces an isolated catalog, external location or credential may be used.

pub(crate) mod http;
pub(crate) mod ops;
pub(crate) mod store;
