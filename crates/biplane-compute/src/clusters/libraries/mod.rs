//! Libraries of clusters.
//!
//! What must hold: what is wanted is a row, written before it is answered, and holds over restarts; what is
//! uninstalled goes with the next start; pip runs as code of users does, on the hosts of the cluster, and
//! what it leaves is in the directory that all contexts of the cluster read.

pub(super) mod http;
mod install;
mod ops;
mod spec;
pub(super) mod store;

pub(super) use install::keep;
pub(super) use spec::path_of;
