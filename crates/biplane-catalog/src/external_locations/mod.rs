//! External locations: places of the users' own, and who may use them for what.

pub(crate) mod http;
pub(crate) mod ops;
