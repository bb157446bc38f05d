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

use biplane_api::ids::ClusterId;
use biplane_api::libraries::Library;
use biplane_platform::{Result, Tx};

/// Refuses what cannot be installed here.
pub(crate) fn library_check(library: &Library) -> Result<()> {
    spec::source(library).map(|_| ())
}

/// Has it installed with the next look at the cluster.
pub(crate) async fn library_want(tx: &mut Tx, id: &ClusterId, library: &Library) -> Result<()> {
    store::want(tx, id, &store::key(library)?).await
}
