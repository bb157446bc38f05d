//! Network connectivity configurations: where compute of a workspace comes from when it calls out, and
//! private endpoints. Both are what the operator of this deployment says: its addresses, and where the
//! services are that rules name; a rule for another service says so.

pub mod http;
pub mod ops;
pub mod rules;
mod store;
