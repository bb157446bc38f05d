//! Catalogs.

pub(crate) mod http;
pub(crate) mod ops;
