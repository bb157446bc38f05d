//! Where a sandbox goes: on a node of the workspace's region, that its workspace may use, with the most
//! room; and whether its workspace may have another one at all.

use crate::relay::nodes::Node;
use crate::{Compute, ComputeConfig};
use biplane_api::ids::{NodeId, WorkspaceId};
use biplane_platform::Result;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The label of nodes that are kept for some workspaces, and the tag of a workspace that wants such.
pub const DEDICATED: &str = "dedicated-host";

/// What placement needs to know of a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tenancy {
    pub region: String,
    /// Only on nodes that have this value of the label `dedicated-host`.
    pub dedicated: Option<String>,
}

/// What this service needs of identity.
#[async_trait::async_trait]
pub trait Tenancies: Send + Sync {
    async fn tenancy(&self, workspace: WorkspaceId) -> Result<Tenancy>;
}

/// What the sandboxes of one workspace may have together, on all nodes. 0 = no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkspaceLimits {
    pub sandboxes: u32,
    pub cpu_millis: u64,
    pub memory_bytes: u64,
}

/// Why there is no node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoPlace {
    NoNode,
    /// Nodes are there, but not for this workspace.
    NoneFits {
        region: String,
        dedicated: bool,
    },
    /// The workspace has all it may have.
    Limit(&'static str),
}

impl NoPlace {
    pub fn code(&self) -> &'static str {
        match self {
            NoPlace::NoNode | NoPlace::NoneFits { .. } => {
                "ALLOCATION_TIMEOUT_NODE_DAEMON_NOT_READY"
            }
            NoPlace::Limit(_) => "WORKSPACE_CONFIGURATION_ERROR",
        }
    }

    pub fn summary(&self) -> String {
        match self {
            NoPlace::NoNode => "No compute node is connected.".into(),
            NoPlace::NoneFits { region, dedicated: false } => {
                format!("No compute node of the region {region:?} is free for this workspace.")
            }
            NoPlace::NoneFits { region, dedicated: true } => {
                format!("No dedicated compute node of this workspace is connected in {region:?}.")
            }
            NoPlace::Limit(what) => format!("This workspace uses all the {what} it may use."),
        }
    }

    /// How long to hope. What another warehouse of the workspace holds may come free.
    pub fn patience(&self, config: &ComputeConfig) -> Duration {
        config.node_wait
    }
}

/// What runs on the nodes now.
#[derive(Default)]
struct Census {
    given: HashMap<NodeId, u64>,
    tenants: HashMap<NodeId, HashSet<WorkspaceId>>,
    own: WorkspaceLimits,
}

impl Compute {
    pub(crate) async fn tenancy(&self, workspace: WorkspaceId) -> Result<Tenancy> {
        let tenancies = self.tenancies.read().clone();
        match tenancies {
            Some(tenancies) => tenancies.tenancy(workspace).await,
            None => Ok(Tenancy::default()),
        }
    }

    /// Without it every workspace is of every region.
    pub fn set_tenancies(&self, tenancies: Arc<dyn Tenancies>) {
        *self.tenancies.write() = Some(tenancies);
        self.wake_all();
    }

    fn census(&self, workspace: WorkspaceId) -> Census {
        let mut census = Census::default();
        for slot in self.all_slots() {
            for member in &slot.live.borrow().members {
                *census.given.entry(member.node_id.clone()).or_default() += member.memory_bytes;
                census.tenants.entry(member.node_id.clone()).or_default().insert(slot.workspace_id);
                if slot.workspace_id == workspace {
                    census.own.sandboxes += 1;
                    census.own.cpu_millis += u64::from(member.cpu_millis);
                    census.own.memory_bytes += member.memory_bytes;
                }
            }
        }
        for sandbox in self.code.all() {
            if let Some(node_id) = sandbox.node_id() {
                *census.given.entry(node_id.clone()).or_default() += sandbox.memory_bytes;
                census.tenants.entry(node_id).or_default().insert(sandbox.workspace_id);
            }
            if sandbox.workspace_id == workspace && sandbox.node_id().is_some() {
                census.own.sandboxes += 1;
                census.own.cpu_millis += u64::from(sandbox.cpu_millis);
                census.own.memory_bytes += sandbox.memory_bytes;
            }
        }
        census
    }

    /// The fitting node with the smallest part of its memory given away.
    pub(crate) fn place(
        &self,
        workspace: WorkspaceId,
        tenancy: &Tenancy,
    ) -> Result<Arc<Node>, NoPlace> {
        self.place_where(workspace, tenancy, |_| true)
    }

    /// The same of those nodes that can do something.
    pub(crate) fn place_where(
        &self,
        workspace: WorkspaceId,
        tenancy: &Tenancy,
        able: impl Fn(&Arc<Node>) -> bool,
    ) -> Result<Arc<Node>, NoPlace> {
        let staying = |node: &Arc<Node>| !node.leaving.load(Ordering::Relaxed);
        let nodes: Vec<_> = self.nodes.all().into_iter().filter(staying).collect();
        if nodes.is_empty() {
            return Err(NoPlace::NoNode);
        }
        let census = self.census(workspace);
        self.within_limits(&census.own)?;
        let load = |node: &Arc<Node>| {
            let given = census.given.get(&node.id).copied().unwrap_or(0);
            given.saturating_mul(1000) / node.hello.memory_bytes.max(1)
        };
        let alone = |node: &Arc<Node>| {
            // What cannot keep workspaces apart does not get two.
            let strangers = census
                .tenants
                .get(&node.id)
                .is_some_and(|tenants| tenants.iter().any(|tenant| *tenant != workspace));
            !(node.hello.isolation.starts_with("degraded") && strangers)
        };
        nodes
            .into_iter()
            .filter(able)
            .filter(|node| fits(&node.hello.region, node.hello.labels.get(DEDICATED), tenancy))
            .filter(alone)
            .min_by_key(load)
            .ok_or_else(|| NoPlace::NoneFits {
                region: tenancy.region.clone(),
                dedicated: tenancy.dedicated.is_some(),
            })
    }

    fn within_limits(&self, own: &WorkspaceLimits) -> Result<(), NoPlace> {
        let limits = &self.config.workspace_limits;
        let used_up = |used: u64, limit: u64| limit > 0 && used >= limit;
        if used_up(own.sandboxes.into(), limits.sandboxes.into()) {
            return Err(NoPlace::Limit("sandboxes"));
        }
        if used_up(own.cpu_millis, limits.cpu_millis) {
            return Err(NoPlace::Limit("processors"));
        }
        if used_up(own.memory_bytes, limits.memory_bytes) {
            return Err(NoPlace::Limit("memory"));
        }
        Ok(())
    }
}

/// A node without a region is of every one. A dedicated node takes only who asks for it.
fn fits(region: &str, dedicated: Option<&String>, tenancy: &Tenancy) -> bool {
    let here = region.is_empty() || tenancy.region.is_empty() || region == tenancy.region;
    here && dedicated == tenancy.dedicated.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_fits_by_region_and_dedication() {
        let tenancy = |region: &str, dedicated: Option<&str>| Tenancy {
            region: region.into(),
            dedicated: dedicated.map(Into::into),
        };
        let acme = "acme".to_owned();
        assert!(fits("", None, &tenancy("eu", None)));
        assert!(fits("eu", None, &tenancy("eu", None)));
        assert!(!fits("us", None, &tenancy("eu", None)));
        assert!(!fits("eu", Some(&acme), &tenancy("eu", None)));
        assert!(fits("eu", Some(&acme), &tenancy("eu", Some("acme"))));
        assert!(!fits("eu", None, &tenancy("eu", Some("acme"))));
        assert!(!fits("eu", Some(&acme), &tenancy("eu", Some("other"))));
    }
}
