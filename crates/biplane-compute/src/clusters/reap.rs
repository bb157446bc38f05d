//! Machines that nobody owns are ended: what was ordered and noted by no row, what should have ended and
//! did not. At the start and every now and then.

use super::store::{self, Cluster};
use crate::Compute;
use crate::provider::{HostState, Place};
use biplane_api::clusters::ClusterState as State;
use biplane_platform::Result;
use std::sync::Arc;

/// Clusters that ended so long ago are forgotten, if nobody pinned them.
const KEPT_MS: i64 = 30 * 24 * 3_600_000;

impl Compute {
    pub(super) async fn clusters_reap(self: Arc<Self>) {
        loop {
            if let Err(error) = self.hosts_reap().await {
                tracing::warn!(%error, cause = ?error.internal, "hosts that nobody owns could not be looked for");
            }
            if let Err(error) = self.clusters_sweep().await {
                tracing::warn!(%error, cause = ?error.internal, "old clusters could not be forgotten");
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(self.config.clusters.reap_every) => {}
            }
        }
    }

    /// Everywhere where clusters are or were.
    async fn places_known(&self) -> Result<Vec<(String, Place)>> {
        let places = self.clusters.places.read().clone();
        let mut known = match places {
            Some(places) => places.places().await?,
            None => Vec::new(),
        };
        let rows = store::owned(&mut self.db.read().await?).await?;
        known.extend(rows.into_iter().map(|row| (row.provider, row.place)));
        let mut once: Vec<(String, Place)> = Vec::new();
        for one in known {
            if !once.contains(&one) {
                once.push(one);
            }
        }
        Ok(once)
    }

    /// How many were ended.
    pub(crate) async fn hosts_reap(&self) -> Result<usize> {
        let mut ended = 0;
        for (name, place) in self.places_known().await? {
            let Ok(provider) = self.provider(&name) else { continue };
            let found = match self.answered(provider.hosts(&place)).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::warn!(provider = name, workspace_id = place.workspace_id, %error, "a provider could not list hosts");
                    continue;
                }
            };
            // Read after the list: what is in the list and owned was noted before it was made.
            let rows = store::owned(&mut self.db.read().await?).await?;
            let owned = |host: &crate::provider::Host| {
                rows.iter().any(|row| {
                    row.host_id.as_ref() == Some(&host.host_id)
                        || host.node_id.as_ref().is_some_and(|id| id.as_str() == row.node_id)
                })
            };
            let nobodys: Vec<String> = found
                .iter()
                .filter(|host| matches!(host.state, HostState::Pending | HostState::Running))
                .filter(|host| !owned(host))
                .map(|host| host.host_id.clone())
                .collect();
            if nobodys.is_empty() {
                continue;
            }
            tracing::warn!(provider = name, workspace_id = place.workspace_id, hosts = ?nobodys, "ending hosts that nobody owns");
            match self.answered(provider.terminate(&place, &nobodys)).await {
                Ok(()) => ended += nobodys.len(),
                Err(error) => tracing::warn!(provider = name, %error, "hosts could not be ended"),
            }
        }
        Ok(ended)
    }

    async fn clusters_sweep(self: &Arc<Self>) -> Result<()> {
        let before = self.clock.now_ms() - KEPT_MS;
        let stale = store::stale(&mut self.db.read().await?, before).await?;
        for id in stale {
            let row = store::get(&mut self.db.read().await?, &id).await?;
            let Some(row) = row.filter(|row| row.state == State::Terminated) else { continue };
            if self.cluster_change(&row, |row: &mut Cluster| row.deleted = true, None).await? {
                self.cluster_keep(&id);
            }
        }
        Ok(())
    }
}
