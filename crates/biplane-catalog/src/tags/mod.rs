//! Tags: keys and values that people put on catalogs, schemas, tables, columns and volumes.

pub(crate) mod internal;
mod ops;
mod store;
