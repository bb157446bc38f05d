//! Placeholder.

pub mod thrift;
