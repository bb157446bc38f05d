//! Functions: what is known of them. The engine runs them.

pub(crate) mod http;
pub(crate) mod ops;
