//! Machines that a workspace has already: nodes that joined with a token labelled `workspace=<id>`. A
//! cluster takes whole ones and gives them back; nothing is started or ended but what runs there.

use super::{CLUSTER, WORKSPACE, store};
use crate::Compute;
use crate::provider::{
    Finding, Host, HostOrder, HostState, NodeType, Place, Provider, ProviderError,
    ProviderErrorKind, ProviderResult,
};
use crate::relay::nodes::Node;
use biplane_api::ids::{NodeId, WorkspaceId};
use biplane_platform::ApiError;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

pub(super) const NAME: &str = "own";
const PREFIX: &str = "own.";

pub(super) fn is_own(node_type: &str) -> bool {
    node_type.starts_with(PREFIX)
}

fn type_of(node: &Node) -> String {
    format!("{PREFIX}{}c-{}g", node.hello.cpus, node.hello.memory_bytes.div_ceil(1 << 30))
}

/// Whether it is a machine of the workspace's own.
fn is_of(node: &Node, workspace: i64) -> bool {
    let label = node.labels.get(WORKSPACE);
    label.is_some_and(|id| *id == workspace.to_string()) && !node.labels.contains_key(CLUSTER)
}

impl Compute {
    /// What the machines of a workspace are, each kind once.
    pub(super) fn own_types(&self, workspace: WorkspaceId) -> Vec<NodeType> {
        let mut types: Vec<NodeType> = Vec::new();
        for node in self.nodes.all().iter().filter(|node| is_of(node, workspace.0)) {
            let node_type_id = type_of(node);
            if types.iter().all(|known| known.node_type_id != node_type_id) {
                types.push(NodeType {
                    node_type_id,
                    description: "A machine of the workspace's own".into(),
                    category: "General Purpose".into(),
                    cores: node.hello.cpus.into(),
                    memory_mib: node.hello.memory_bytes >> 20,
                    ..NodeType::default()
                });
            }
        }
        types.sort_by(|a, b| a.node_type_id.cmp(&b.node_type_id));
        types
    }
}

pub(super) struct OwnMachines {
    compute: Weak<Compute>,
    /// Machine to order, from the choice on.
    taken: Mutex<HashMap<NodeId, NodeId>>,
}

fn unavailable(error: impl std::fmt::Display) -> ProviderError {
    let kind = ProviderErrorKind::Unavailable;
    ProviderError { kind, message: error.to_string(), code: None }
}

impl OwnMachines {
    pub fn new(compute: Weak<Compute>) -> Self {
        Self { compute, taken: Mutex::default() }
    }

    fn compute(&self) -> ProviderResult<Arc<Compute>> {
        self.compute.upgrade().ok_or_else(|| unavailable("The server ends."))
    }
}

fn host(node_id: &NodeId, state: HostState) -> Host {
    Host { host_id: node_id.to_string(), node_id: Some(node_id.clone()), state, ..Host::default() }
}

#[async_trait::async_trait]
impl Provider for OwnMachines {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn node_types(&self, place: &Place) -> ProviderResult<Vec<NodeType>> {
        Ok(self.compute()?.own_types(WorkspaceId(place.workspace_id)))
    }

    async fn zones(&self, _: &Place) -> ProviderResult<(Vec<String>, String)> {
        Ok((vec!["own".into()], "own".into()))
    }

    async fn create(&self, place: &Place, order: &HostOrder) -> ProviderResult<Host> {
        let compute = self.compute()?;
        let read = async {
            let rows = store::all_hosts(&mut compute.db.read().await?).await?;
            Ok::<_, ApiError>(rows)
        };
        let rows = read.await.map_err(|error| unavailable(error.message))?;
        let wanted = order.node_id.clone().unwrap_or_else(NodeId::random);
        let mut taken = self.taken.lock();
        if let Some((machine, _)) = taken.iter().find(|(_, by)| **by == wanted) {
            return Ok(host(machine, HostState::Running));
        }
        let free = |node: &&Arc<Node>| {
            is_of(node, place.workspace_id)
                && type_of(node) == order.node_type_id
                && node.takes()
                && !taken.contains_key(&node.id)
                && rows.iter().all(|row| row.node_id != node.id)
        };
        let nodes = compute.nodes.all();
        let Some(found) = nodes.iter().find(free) else {
            return Err(ProviderError {
                kind: ProviderErrorKind::Capacity,
                message: format!(
                    "No machine of the workspace of type {} is free.",
                    order.node_type_id
                ),
                code: None,
            });
        };
        taken.insert(found.id.clone(), wanted);
        Ok(host(&found.id, HostState::Running))
    }

    async fn describe(&self, _: &Place, host_ids: &[String]) -> ProviderResult<Vec<Host>> {
        // Whether it is there is known by its connection; nobody else would know.
        let ids = host_ids.iter().filter_map(|id| id.parse().ok());
        Ok(ids.map(|id| host(&id, HostState::Running)).collect())
    }

    async fn terminate(&self, _: &Place, host_ids: &[String]) -> ProviderResult<()> {
        let mut taken = self.taken.lock();
        taken.retain(|machine, _| !host_ids.iter().any(|id| id == machine.as_str()));
        Ok(())
    }

    async fn hosts(&self, _: &Place) -> ProviderResult<Vec<Host>> {
        let taken = self.taken.lock();
        let one = |(machine, order): (&NodeId, &NodeId)| Host {
            // Until its row has the machine's own id, it is known by that of the order.
            host_id: machine.to_string(),
            node_id: Some(order.clone()),
            state: HostState::Running,
            ..Host::default()
        };
        Ok(taken.iter().map(one).collect())
    }

    async fn check(&self, _: &Place) -> ProviderResult<Vec<Finding>> {
        Ok(Vec::new())
    }
}
