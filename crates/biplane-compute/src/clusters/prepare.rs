//! What scripts and libraries have in common: one task of a kind per cluster, and a sandbox on a host.

use super::Attached;
use super::environment::Environment;
use super::store::{Cluster, HostRow};
use super::versions::Engine;
use crate::Compute;
use crate::code::Preparer;
use biplane_api::ids::ClusterId;
use biplane_platform::Principal;
use std::sync::Arc;

/// The one task of its kind for a cluster. When it ends, the cluster is looked at again.
pub(super) struct Turn {
    pub compute: Arc<Compute>,
    pub id: ClusterId,
    kind: &'static str,
}

impl Turn {
    /// None: there is one.
    pub fn take(compute: &Arc<Compute>, id: &ClusterId, kind: &'static str) -> Option<Self> {
        let new = compute.clusters.busy.lock().insert((id.clone(), kind));
        new.then(|| Self { compute: compute.clone(), id: id.clone(), kind })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.compute.clusters.busy.lock().remove(&(self.id.clone(), self.kind));
        self.compute.cluster_keep(&self.id);
    }
}

/// A sandbox that may write to the cluster's directory on this host.
pub(super) async fn preparer(
    compute: &Arc<Compute>,
    row: &Cluster,
    owner: &Principal,
    host: &HostRow,
) -> Result<Preparer, String> {
    let on = Attached {
        id: row.id.clone(),
        generation: row.generation,
        driver: host.node_id.clone(),
        size: host.size,
        engine: Engine::Sail,
        has_workers: false,
        environment: Environment::default(),
    };
    compute.preparer(row.workspace_id, owner, &on).await
}
