//! Grants: who has which privilege on what.

pub(crate) mod http;
pub(crate) mod ops;
