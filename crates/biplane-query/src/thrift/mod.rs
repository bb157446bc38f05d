//! The Thrift front end: TCLIService over HTTP, as the SQL connectors speak it.
//!
//! `codec` knows bytes, `idl` the structs.

mod codec;
mod columns;
mod handles;
mod idl;
mod metadata;
mod parameters;
mod schema;
