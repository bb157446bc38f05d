//! Init scripts: the workspace's own (global) and then those of a cluster, on every host before it is used.
//!
//! What must hold: they run in order, as code of users does; a host on which one failed is not used; what
//! they leave in the cluster's directory is there for its contexts.

mod global;
pub(super) mod http;
mod run;
mod spec;
mod store;

pub(super) use run::{Prepared, before_use};
pub(super) use spec::{check, sources};
pub(super) use store::forget_workspace;
