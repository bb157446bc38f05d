//! Volumes: places for files.

pub(crate) mod http;
pub(crate) mod ops;
