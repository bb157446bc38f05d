//! Where a sandbox goes: on a node of the workspace's region, that its workspace may use, with the most
//! room; and whether its workspace may have another one at all.
//!
//! No node gives away more memory than it has, and no workspace gets more than its limits: what is chosen
//! is taken under the same lock.

use crate::clusters::{CLUSTER, WORKSPACE};
use crate::provider::NodeType;
use crate::relay::nodes::Node;
use crate::{Compute, ComputeConfig};
use biplane_api::ids::{NodeId, WorkspaceId};
use biplane_platform::Result;
use biplane_platform::db::Row;
use biplane_proto::v1::Hello;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
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
    /// They have given all their memory away.
    Full,
    /// The workspace has all it may have.
    Limit(&'static str),
}

/// What a sandbox is given of its node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Given {
    pub cpu_millis: u32,
    pub memory_bytes: u64,
}

impl Given {
    /// As it is kept in rows: thousandths of a processor, MiB.
    pub fn of_row(row: &Row, cpu_millis: usize, memory_mib: usize) -> Result<Self> {
        Ok(Self {
            cpu_millis: u32::try_from(row.int(cpu_millis)?).unwrap_or(0),
            memory_bytes: u64::try_from(row.int(memory_mib)?).unwrap_or(0) << 20,
        })
    }

    pub fn memory_mib(&self) -> i64 {
        i64::try_from(self.memory_bytes >> 20).unwrap_or(i64::MAX)
    }
}

impl From<&NodeType> for Given {
    fn from(all: &NodeType) -> Self {
        Self { cpu_millis: (all.cores * 1000.0) as u32, memory_bytes: all.memory_mib << 20 }
    }
}

/// With less than this nothing useful runs.
const LEAST: Given = Given { cpu_millis: 1000, memory_bytes: 256 << 20 };

impl NoPlace {
    pub fn code(&self) -> &'static str {
        match self {
            NoPlace::NoNode | NoPlace::NoneFits { .. } => {
                "ALLOCATION_TIMEOUT_NODE_DAEMON_NOT_READY"
            }
            NoPlace::Full => "CLOUD_PROVIDER_RESOURCE_STOCKOUT",
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
            NoPlace::Full => "The compute nodes for this workspace have no memory left.".into(),
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
    /// By host: two nodes of one share its memory while one takes over from the other.
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
        let host = |id: &NodeId| {
            self.nodes.get(id).map_or_else(|| id.clone(), |node| node.host_id.clone())
        };
        for slot in self.all_slots() {
            for member in &slot.live.borrow().members {
                let host = host(&member.node_id);
                *census.given.entry(host.clone()).or_default() += member.given.memory_bytes;
                census.tenants.entry(host).or_default().insert(slot.workspace_id);
                if slot.workspace_id == workspace {
                    census.own.sandboxes += 1;
                    census.own.cpu_millis += u64::from(member.given.cpu_millis);
                    census.own.memory_bytes += member.given.memory_bytes;
                }
            }
        }
        for sandbox in self.code.all() {
            let Some((node_id, given)) = sandbox.placed() else {
                continue;
            };
            let host = host(&node_id);
            *census.given.entry(host.clone()).or_default() += given.memory_bytes;
            census.tenants.entry(host).or_default().insert(sandbox.workspace_id);
            if sandbox.workspace_id == workspace {
                census.own.sandboxes += 1;
                census.own.cpu_millis += u64::from(given.cpu_millis);
                census.own.memory_bytes += given.memory_bytes;
            }
        }
        census
    }

    /// Chooses a node and has `reserve` count what is given there, before anybody else chooses.
    pub(crate) fn place<T>(
        &self,
        workspace: WorkspaceId,
        tenancy: &Tenancy,
        wanted: Given,
        able: impl Fn(&Arc<Node>) -> bool,
        reserve: impl FnOnce(Arc<Node>, Given) -> T,
    ) -> Result<T, NoPlace> {
        let _one_at_a_time = self.placing.lock();
        let (node, given) = self.choose(workspace, tenancy, wanted, able)?;
        Ok(reserve(node, given))
    }

    /// The same on this node and no other, which belongs to a cluster.
    pub(crate) fn place_on<T>(
        &self,
        workspace: WorkspaceId,
        node_id: &NodeId,
        wanted: Given,
        reserve: impl FnOnce(Arc<Node>, Given) -> T,
    ) -> Result<T, NoPlace> {
        let _one_at_a_time = self.placing.lock();
        let node = self.nodes.get(node_id).filter(|node| node.takes()).ok_or(NoPlace::NoNode)?;
        let census = self.census(workspace);
        let wanted = self.within_limits(&census.own, wanted)?;
        let used = census.given.get(&node.host_id).copied().unwrap_or(0);
        let Hello { cpus, memory_bytes, .. } = node.hello;
        let given = share(wanted, cpus, memory_bytes, used).ok_or(NoPlace::Full)?;
        Ok(reserve(node, given))
    }

    /// Of the fitting nodes the one that gives the most, and of such the one with the smallest part of its
    /// memory given away.
    pub(crate) fn choose(
        &self,
        workspace: WorkspaceId,
        tenancy: &Tenancy,
        wanted: Given,
        able: impl Fn(&Arc<Node>) -> bool,
    ) -> Result<(Arc<Node>, Given), NoPlace> {
        let nodes: Vec<_> = self.nodes.all().into_iter().filter(|node| node.takes()).collect();
        if nodes.is_empty() {
            return Err(NoPlace::NoNode);
        }
        let census = self.census(workspace);
        let wanted = self.within_limits(&census.own, wanted)?;
        let used = |node: &Arc<Node>| census.given.get(&node.host_id).copied().unwrap_or(0);
        let load =
            |node: &Arc<Node>| used(node).saturating_mul(1000) / node.hello.memory_bytes.max(1);
        let alone = |node: &Arc<Node>| {
            // What cannot keep workspaces apart does not get two.
            let strangers = census
                .tenants
                .get(&node.host_id)
                .is_some_and(|tenants| tenants.iter().any(|tenant| *tenant != workspace));
            !(node.hello.isolation.starts_with("degraded") && strangers)
        };
        let fitting: Vec<_> = nodes
            .into_iter()
            .filter(able)
            .filter(|node| !for_clusters(&node.labels))
            .filter(|node| fits(&node.region, node.labels.get(DEDICATED), tenancy))
            .filter(alone)
            .collect();
        if fitting.is_empty() {
            return Err(NoPlace::NoneFits {
                region: tenancy.region.clone(),
                dedicated: tenancy.dedicated.is_some(),
            });
        }
        fitting
            .into_iter()
            .filter_map(|node| {
                let Hello { cpus, memory_bytes, .. } = node.hello;
                let given = share(wanted, cpus, memory_bytes, used(&node))?;
                Some((node, given))
            })
            .max_by_key(|(node, given)| (given.memory_bytes, std::cmp::Reverse(load(node))))
            .ok_or(NoPlace::Full)
    }

    /// What the workspace may have of it.
    fn within_limits(&self, own: &WorkspaceLimits, wanted: Given) -> Result<Given, NoPlace> {
        let limits = &self.config.workspace_limits;
        if limits.sandboxes > 0 && own.sandboxes >= limits.sandboxes {
            return Err(NoPlace::Limit("sandboxes"));
        }
        let left = |limit: u64, used: u64| match limit {
            0 => u64::MAX,
            limit => limit.saturating_sub(used),
        };
        // Whole processors: an engine has as many threads.
        let cpus = left(limits.cpu_millis, own.cpu_millis) / 1000;
        let cpu_millis = u32::try_from(cpus.saturating_mul(1000)).unwrap_or(u32::MAX);
        let memory_bytes = left(limits.memory_bytes, own.memory_bytes);
        if cpu_millis < LEAST.cpu_millis {
            return Err(NoPlace::Limit("processors"));
        }
        if memory_bytes < LEAST.memory_bytes {
            return Err(NoPlace::Limit("memory"));
        }
        Ok(Given {
            cpu_millis: wanted.cpu_millis.min(cpu_millis),
            memory_bytes: wanted.memory_bytes.min(memory_bytes),
        })
    }
}

/// What a node gives. An eighth of its memory is its own, for the agent and the page cache. One sandbox
/// gets at most a third of the rest, so that the first two are the same, which engines started ahead need;
/// and at most half of what is free, so that the next one finds something, too.
fn share(wanted: Given, cpus: u32, memory_bytes: u64, used: u64) -> Option<Given> {
    let ours = memory_bytes - memory_bytes / 8;
    let most = (ours / 3).min(ours.saturating_sub(used) / 2);
    let memory_bytes = wanted.memory_bytes.min(most);
    let cpu_millis = wanted.cpu_millis.min(cpus.max(1).saturating_mul(1000));
    (memory_bytes >= LEAST.memory_bytes).then_some(Given { cpu_millis, memory_bytes })
}

/// Hosts of clusters, and machines that are kept for them, take nothing else.
fn for_clusters(labels: &BTreeMap<String, String>) -> bool {
    labels.contains_key(CLUSTER) || labels.contains_key(WORKSPACE)
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
    fn shares_are_what_is_wanted_or_get_smaller_and_never_too_many() {
        let wanted = Given { cpu_millis: 4000, memory_bytes: 8 << 30 };
        let given = |cpu_millis, memory_bytes| Some(Given { cpu_millis, memory_bytes });
        assert_eq!(share(wanted, 64, 512 << 30, 400 << 30), given(4000, 8 << 30));
        let (mut used, mut shares) = (0, Vec::new());
        while let Some(given) = share(wanted, 2, 12 << 30, used) {
            used += given.memory_bytes;
            shares.push(given.memory_bytes >> 20);
        }
        assert_eq!(shares, [3584, 3584, 1792, 896, 448]);
        assert_eq!(share(wanted, 2, 1 << 30, 0), given(2000, (1 << 30) / 8 * 7 / 3));
    }

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
