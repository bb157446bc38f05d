//! What the sandboxes of a workspace may reach: asked of those who decide it, told to the nodes.
//!
//! What must hold: a node knows it before it starts the sandbox, and hears of a change within a second.

use crate::Compute;
use crate::relay::nodes::Node;
use biplane_api::ids::WorkspaceId;
use biplane_api::network::EgressPolicy;
use biplane_platform::db::Change;
use biplane_platform::{ApiError, Result, Secret};
use biplane_proto::v1;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::broadcast::{self, error::RecvError};

/// A node that could not be told is told again.
const TELL_AGAIN: Duration = Duration::from_millis(500);
const TELL_TRIES_MAX: u32 = 10;

/// Who decides what a workspace may reach.
#[async_trait::async_trait]
pub trait Reaches: Send + Sync {
    async fn reach(&self, workspace: WorkspaceId) -> Result<Reach>;

    /// Changes under these topics may change it.
    fn topics(&self) -> &'static [&'static str];
}

#[derive(Debug, Clone)]
pub struct Reach {
    /// None: nothing.
    pub egress: Option<EgressPolicy>,
    pub stores: Vec<ReachStore>,
}

/// A store that speaks S3. The key goes to nodes, never into a sandbox.
#[derive(Debug, Clone)]
pub struct ReachStore {
    /// None: S3 of AWS.
    pub endpoint: Option<String>,
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: Secret,
    pub session_token: Option<Secret>,
    pub grants: Vec<ReachGrant>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReachGrant {
    pub bucket: String,
    /// A directory; empty = the whole bucket.
    pub prefix: String,
    pub write: bool,
}

impl Compute {
    /// Without it sandboxes reach nothing.
    pub fn set_reaches(self: &Arc<Self>, reaches: Arc<dyn Reaches>) {
        let news = self.db.subscribe();
        *self.reaches.write() = Some(reaches.clone());
        tokio::spawn(self.clone().heed_reaches(reaches, news));
    }

    /// For a sandbox that is to start.
    pub(crate) async fn reach_of(&self, workspace: WorkspaceId) -> Result<Option<v1::Reach>> {
        let reaches = self.reaches.read().clone();
        let Some(reaches) = reaches else {
            return Ok(None);
        };
        // Before it is read: what is read later has the greater number.
        let version = self.reach_serial.fetch_add(1, Ordering::Relaxed) + 1;
        wire(workspace, reaches.reach(workspace).await?, version).map(Some)
    }

    async fn heed_reaches(
        self: Arc<Self>,
        reaches: Arc<dyn Reaches>,
        mut news: broadcast::Receiver<Change>,
    ) {
        loop {
            let change = tokio::select! {
                () = self.stop.cancelled() => return,
                change = news.recv() => change,
            };
            match change {
                Ok(change) if !reaches.topics().contains(&&*change.topic) => continue,
                // Whatever was missed may have been one of ours.
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
            // One round for all that is there already.
            while news.try_recv().is_ok() {}
            for node in self.nodes.all() {
                tokio::spawn(self.clone().reaches_tell(node));
            }
        }
    }

    /// Tells a node about every workspace that it runs something of.
    pub(crate) async fn reaches_tell(self: Arc<Self>, node: Arc<Node>) {
        for try_ in 1..=TELL_TRIES_MAX {
            match self.tell(&node).await {
                Ok(()) => return,
                Err(error) if try_ < TELL_TRIES_MAX => {
                    tracing::debug!(node_id = %node.id, %error, "a node could not be told what its sandboxes may reach");
                    tokio::time::sleep(TELL_AGAIN).await;
                }
                Err(error) => {
                    tracing::warn!(node_id = %node.id, %error, cause = ?error.internal, "a node does not hear what its sandboxes may reach: cutting it off");
                    node.cut();
                }
            }
        }
    }

    async fn tell(&self, node: &Arc<Node>) -> Result<()> {
        let here = |slot: &Arc<crate::warehouses::slot::Slot>| {
            slot.live.borrow().members.iter().any(|member| member.node_id == node.id)
        };
        let for_code = self.code.on(&node.id).into_iter().map(|sandbox| sandbox.workspace_id);
        let mut workspaces: HashSet<WorkspaceId> = self
            .all_slots()
            .iter()
            .filter(|slot| here(slot))
            .map(|slot| slot.workspace_id)
            .collect();
        workspaces.extend(for_code);
        for workspace in workspaces {
            if let Some(reach) = self.reach_of(workspace).await? {
                node.set_reach(reach).await.map_err(ApiError::internal)?;
            }
        }
        Ok(())
    }
}

fn wire(workspace: WorkspaceId, reach: Reach, version: u64) -> Result<v1::Reach> {
    let egress_policy = match &reach.egress {
        Some(policy) => serde_json::to_string(policy).map_err(ApiError::internal)?,
        None => String::new(),
    };
    let secret = |secret: &Secret| secret.expose().to_owned();
    let store = |store: &ReachStore| v1::ObjectStore {
        endpoint: store.endpoint.clone().unwrap_or_default(),
        region: store.region.clone(),
        access_key_id: store.access_key_id.clone(),
        secret_access_key: secret(&store.secret_access_key),
        session_token: store.session_token.as_ref().map(secret).unwrap_or_default(),
        grants: store.grants.iter().map(grant).collect(),
    };
    let stores = reach.stores.iter().map(store).collect();
    Ok(v1::Reach { workspace_id: workspace.0, egress_policy, stores, version })
}

fn grant(grant: &ReachGrant) -> v1::StoreGrant {
    let ReachGrant { bucket, prefix, write } = grant.clone();
    v1::StoreGrant { bucket, prefix, write }
}
