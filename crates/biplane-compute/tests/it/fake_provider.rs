//! A provider whose machines are `FakeNode`s, and that fails when it is told to.

use crate::fake_node::{FakeNode, Relay, Runs};
use crate::support::World;
use biplane_api::ids::{PrincipalId, WorkspaceId};
use biplane_compute::provider::{
    Finding, Host, HostOrder, HostState, NodeType, Place, Provider, ProviderError,
    ProviderErrorKind, ProviderResult,
};
use biplane_compute::{Home, Places};
use biplane_platform::Result;
use biplane_proto::v1::Hello;
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

pub struct FakeProvider {
    relay: Relay,
    pub machines: Mutex<BTreeMap<String, Machine>>,
    pub errors: Mutex<VecDeque<ProviderErrorKind>>,
    /// How many were asked for.
    pub orders: AtomicUsize,
    /// Orders are carried out.
    pub open: watch::Sender<bool>,
    /// Machines join.
    pub join: watch::Sender<bool>,
    /// What comes of what machines that join from now on are told to run.
    pub runs: Mutex<Runs>,
}

pub struct Machine {
    pub host: Host,
    pub order: HostOrder,
    pub node: Option<FakeNode>,
}

impl FakeProvider {
    pub fn of(world: &World) -> Arc<Self> {
        Arc::new(Self {
            relay: Relay::of(world),
            machines: Mutex::default(),
            errors: Mutex::default(),
            orders: AtomicUsize::new(0),
            open: watch::Sender::new(true),
            join: watch::Sender::new(true),
            runs: Mutex::new(Arc::new(|_, _| (0, String::new()))),
        })
    }

    /// Gives the server of `world` this provider; once per server.
    pub fn serve(self: &Arc<Self>, world: &World) {
        world.compute.set_places(Arc::new(Here));
        world.compute.serve_clusters(Home::default(), vec![self.clone()]);
    }

    pub fn live(&self) -> Vec<String> {
        let machines = self.machines.lock();
        let runs = |machine: &&Machine| machine.host.state == HostState::Running;
        machines.values().filter(runs).map(|machine| machine.host.host_id.clone()).collect()
    }

    /// The machine ends as the provider does it.
    pub fn take_back(&self, id: &str, state: HostState) {
        let mut machines = self.machines.lock();
        let machine = machines.get_mut(id).unwrap();
        machine.host.state = state;
        if let Some(node) = machine.node.take() {
            node.hang_up();
        }
    }

    /// One that nobody ordered.
    pub fn stray(&self, id: &str) {
        let host = Host { host_id: id.into(), state: HostState::Running, ..Host::default() };
        let order = HostOrder::default();
        self.machines.lock().insert(id.into(), Machine { host, order, node: None });
    }
}

/// All workspaces are here.
struct Here;

#[async_trait::async_trait]
impl Places for Here {
    async fn place(&self, workspace: WorkspaceId) -> Result<(String, Place)> {
        Ok(("fake".into(), Place { workspace_id: workspace.0, ..Place::default() }))
    }

    async fn places(&self) -> Result<Vec<(String, Place)>> {
        Ok(vec![("fake".into(), Place::default())])
    }

    async fn is_member(&self, _: WorkspaceId, name: &str) -> Result<bool> {
        Ok(name == "other@example.org")
    }

    async fn profiles_of(&self, _: WorkspaceId, _: PrincipalId) -> Result<Vec<String>> {
        Ok(vec!["arn:aws:iam::123456789012:instance-profile/given".into()])
    }
}

#[async_trait::async_trait]
impl Provider for FakeProvider {
    fn name(&self) -> &'static str {
        "fake"
    }

    async fn node_types(&self, _: &Place) -> ProviderResult<Vec<NodeType>> {
        let one = |name: &str, cores: f64| NodeType {
            node_type_id: name.into(),
            cores,
            memory_mib: 16 << 10,
            ..NodeType::default()
        };
        Ok(vec![one("large", 16.0), one("small", 4.0)])
    }

    async fn zones(&self, _: &Place) -> ProviderResult<(Vec<String>, String)> {
        Ok((vec!["a".into(), "b".into()], "a".into()))
    }

    async fn create(&self, place: &Place, order: &HostOrder) -> ProviderResult<Host> {
        self.orders.fetch_add(1, Ordering::SeqCst);
        let failure = self.errors.lock().pop_front();
        if let Some(kind) = failure {
            let message = format!("{kind:?} happened");
            return Err(ProviderError { kind, message, code: Some("Fake".into()) });
        }
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        let node_id = order.node_id.clone().unwrap();
        let id = format!("i-{node_id}");
        let host = Host {
            host_id: id.clone(),
            node_id: Some(node_id.clone()),
            workspace_id: Some(WorkspaceId(place.workspace_id)),
            state: HostState::Running,
            private_ip: Some("10.0.0.7".into()),
            ..Host::default()
        };
        let hello =
            Hello { cpus: 4, memory_bytes: 16 << 30, python: "3.12".into(), ..Hello::default() };
        let joins = *self.join.borrow();
        let node = joins.then(|| {
            let labels = [("cluster", order.cluster_id.as_str())];
            let runs = self.runs.lock().clone();
            FakeNode::start_running(&self.relay, node_id, &labels, hello, runs)
        });
        let machine = Machine { host: host.clone(), order: order.clone(), node };
        self.machines.lock().insert(id, machine);
        Ok(host)
    }

    async fn describe(&self, _: &Place, ids: &[String]) -> ProviderResult<Vec<Host>> {
        let machines = self.machines.lock();
        Ok(ids.iter().filter_map(|id| Some(machines.get(id)?.host.clone())).collect())
    }

    async fn terminate(&self, _: &Place, ids: &[String]) -> ProviderResult<()> {
        let mut machines = self.machines.lock();
        for machine in ids.iter().filter_map(|id| machines.remove(id)) {
            if let Some(node) = machine.node {
                node.hang_up();
            }
        }
        Ok(())
    }

    async fn hosts(&self, _: &Place) -> ProviderResult<Vec<Host>> {
        Ok(self.machines.lock().values().map(|machine| machine.host.clone()).collect())
    }

    async fn check(&self, _: &Place) -> ProviderResult<Vec<Finding>> {
        Ok(Vec::new())
    }
}
