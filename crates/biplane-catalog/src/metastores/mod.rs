//! Metastores: the root of everything, and which workspace uses which.

pub(crate) mod account;
pub(crate) mod http;
pub(crate) mod ops;
pub(crate) mod store;
