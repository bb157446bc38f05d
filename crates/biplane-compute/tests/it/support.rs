//! A control plane, a node, a proxy between them that can fail, and ways to ask.

use crate::fake_engine;
use axum::routing::get;
use axum::{Extension, Router};
use biplane_api::compute::{NodeInfo, NodeState, WarehouseInfo, WarehouseRequest, WarehouseState};
use biplane_api::ids::{NodeId, WarehouseId, WorkspaceId};
use biplane_compute::{
    AcquireRequest, ClusterConfig, Compute, ComputeConfig, EngineLease, MIGRATIONS, NewNode,
    RelayCa, WorkspaceLimits,
};
use biplane_node::{JoinToken, MeshConfig, NodeConfig, NodeError, Route};
use biplane_platform::testing::{TestDb, admin_ctx};
use biplane_platform::{Clock, Ctx, RelayPeer, Result};
use biplane_proto::v1::ExecuteRequest;
use biplane_proto::v1::execute_event::Event;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// No wait of a test takes longer, however busy the machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub fn quick() -> ComputeConfig {
    ComputeConfig {
        lease: Duration::from_secs(20),
        engine_wait: PATIENCE,
        reconnect_wait: Duration::from_secs(10),
        node_wait: PATIENCE,
        drain_wait: PATIENCE,
        scale_out_wait: Duration::from_millis(5),
        scale_in_wait: PATIENCE,
        queue_max: 100,
        workspace_limits: WorkspaceLimits::default(),
        stop_grace: Duration::from_millis(500),
        retry_wait: Duration::from_millis(5),
        node_certificate: Duration::from_secs(3600),
        minute: Duration::from_secs(60),
        clusters: ClusterConfig {
            retry_wait: Duration::from_millis(5),
            host_poll: Duration::from_millis(20),
            reap_every: Duration::from_millis(50),
            ..ClusterConfig::default()
        },
    }
}

pub struct World {
    pub compute: Arc<Compute>,
    pub ctx: Ctx,
    pub config: ComputeConfig,
    pub ca: Arc<RelayCa>,
    /// Of the first node.
    pub token: JoinToken,
    pub node_id: NodeId,
    pub relay: SocketAddr,
    pub proxy: Proxy,
    pub node: Option<Agent>,
    pub db: TestDb,
    server: CancellationToken,
    serving: JoinHandle<()>,
}

pub struct Agent {
    pub node_id: NodeId,
    pub stop: CancellationToken,
    pub task: JoinHandle<Result<(), NodeError>>,
}

impl World {
    /// With a node whose engines serve.
    pub async fn new() -> Self {
        Self::with(quick(), "serve").await
    }

    pub async fn with(config: ComputeConfig, engine_mode: &str) -> Self {
        let mut world = Self::without_node(config).await;
        world.start_node(engine_mode);
        world
    }

    pub async fn without_node(config: ComputeConfig) -> Self {
        let db = TestDb::new(&[MIGRATIONS]).await.unwrap();
        let tls = db.dir().join("tls");
        let ca = Arc::new(RelayCa::load(&db.db, &tls, Clock::system()).await.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = listener.local_addr().unwrap();
        let server = CancellationToken::new();
        let (compute, serving) = serve(&db, &config, &ca, listener, &server).await;
        let proxy = Proxy::to(relay).await;
        let ctx = admin_ctx("admin@example.org");
        let node_id = NodeId::random();
        let new = NewNode { node_id: Some(node_id.clone()), ..NewNode::default() };
        let (token, _) = compute.node_token_issue(new).await.unwrap();
        Self {
            compute,
            ctx,
            config,
            ca,
            token,
            node_id,
            relay,
            proxy,
            node: None,
            db,
            server,
            serving,
        }
    }

    pub async fn token(&self, region: &str, labels: &[(&str, &str)]) -> (JoinToken, NodeId) {
        let labels = labels.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        let new = NewNode { region: region.into(), labels, ..NewNode::default() };
        let (token, info) = self.compute.node_token_issue(new).await.unwrap();
        (token, info.node_id)
    }

    /// Another node than the first, as the operator describes it.
    pub async fn start_other_node(
        &self,
        region: &str,
        labels: &[(&str, &str)],
        drain: Duration,
    ) -> Agent {
        let (token, node_id) = self.token(region, labels).await;
        let data_dir = tempfile::tempdir_in(self.db.dir()).unwrap().keep();
        let join_token = Some(token);
        agent(node_id, NodeConfig { drain, data_dir, join_token, ..self.node_config("serve") })
    }

    /// The first node, with engines started ahead.
    pub fn start_eager_node(&mut self, prestarted: usize) {
        let config = NodeConfig { prestarted, ..self.node_config("serve") };
        self.node = Some(agent(self.node_id.clone(), config));
    }

    pub fn start_node(&mut self, engine_mode: &str) {
        self.node = Some(agent(self.node_id.clone(), self.node_config(engine_mode)));
    }

    /// Of the first node.
    pub fn node_config(&self, engine_mode: &str) -> NodeConfig {
        NodeConfig {
            relay: self.proxy.address.to_string(),
            route: Route::default(),
            dial_patience: PATIENCE,
            data_dir: self.db.dir().join("node"),
            join_token: Some(self.token.clone()),
            replace: false,
            engine_command: fake_engine::command(),
            engine_env: vec![("FAKE_MODE".into(), engine_mode.into())],
            sandboxes_max: 16,
            isolation: fake_engine::isolation(),
            mesh: MeshConfig { listen: Some(([127, 0, 0, 1], 0).into()), address: None },
            python: Default::default(),
            drain: Duration::ZERO,
            prestarted: 0,
        }
    }

    pub async fn stop_node(&mut self) {
        let agent = self.node.take().unwrap();
        agent.stop.cancel();
        tokio::time::timeout(Duration::from_secs(5), agent.task).await.unwrap().unwrap().unwrap();
    }

    /// Of the first node's agent.
    pub fn place(&self) -> std::path::PathBuf {
        self.db.dir().join("node/agents/a")
    }

    /// The server ends and one elsewhere begins at the same address: all it has is the database.
    pub async fn restart_server_elsewhere(&mut self) {
        let tls = self.db.dir().join("tls-elsewhere");
        self.ca = Arc::new(RelayCa::load(&self.db.db, &tls, Clock::system()).await.unwrap());
        self.restart_server().await;
    }

    /// The server ends and another begins at the same address, with the same database.
    pub async fn restart_server(&mut self) {
        self.server.cancel();
        (&mut self.serving).await.unwrap();
        self.server = CancellationToken::new();
        let listener = TcpListener::bind(self.relay).await.unwrap();
        (self.compute, self.serving) =
            serve(&self.db, &self.config, &self.ca, listener, &self.server).await;
    }

    pub fn workspace(&self) -> WorkspaceId {
        self.ctx.workspace().unwrap()
    }

    pub async fn create(&self, name: &str) -> WarehouseId {
        self.create_with(WarehouseRequest {
            name: Some(name.into()),
            ..WarehouseRequest::default()
        })
        .await
    }

    pub async fn create_with(&self, request: WarehouseRequest) -> WarehouseId {
        self.compute.warehouse_create(&self.ctx, &request).await.unwrap()
    }

    pub async fn get(&self, id: &WarehouseId) -> WarehouseInfo {
        self.compute.warehouse_get(&self.ctx, id).await.unwrap()
    }

    pub async fn until(&self, id: &WarehouseId, state: WarehouseState) -> WarehouseInfo {
        eventually(&format!("{state:?}"), async || {
            Some(self.get(id).await).filter(|info| info.state == state)
        })
        .await
    }

    pub async fn acquire(&self, id: &WarehouseId) -> Result<EngineLease> {
        self.acquire_as(id, AcquireRequest::by(Instant::now() + PATIENCE)).await
    }

    pub async fn acquire_as(
        &self,
        id: &WarehouseId,
        request: AcquireRequest,
    ) -> Result<EngineLease> {
        self.compute.acquire(&self.ctx, id, request).await
    }

    /// With so many engines at least and at most.
    pub async fn create_clusters(&self, least: i64, most: i64) -> WarehouseId {
        self.create_with(WarehouseRequest {
            name: Some("many".into()),
            cluster_size: Some("2X-Small".into()),
            min_num_clusters: Some(least),
            max_num_clusters: Some(most),
            ..WarehouseRequest::default()
        })
        .await
    }

    /// Waits until it has so many engines that serve.
    pub async fn clusters(&self, id: &WarehouseId, number: i64) {
        eventually(&format!("{number} engines"), async || {
            let info = self.get(id).await;
            let serves = info.state == WarehouseState::Running && info.num_clusters == number;
            serves.then_some(())
        })
        .await;
    }

    /// Waits until so many nodes take sandboxes.
    pub async fn nodes(&self, number: usize) {
        self.nodes_that(number, |node| node.connected && node.state != NodeState::Lost).await;
    }

    /// Waits until so many nodes are as `fits` says.
    pub async fn nodes_that(&self, number: usize, fits: fn(&NodeInfo) -> bool) {
        eventually("nodes", async || {
            let nodes = self.compute.node_list(&self.ctx, None, None).await.unwrap().nodes;
            (nodes.iter().filter(|node| fits(node)).count() == number).then_some(())
        })
        .await;
    }

    /// Sandboxes by node.
    pub async fn placed(&self) -> std::collections::BTreeMap<String, usize> {
        let nodes = self.compute.node_list(&self.ctx, None, None).await.unwrap().nodes;
        let placed = nodes.into_iter().map(|node| (node.id.to_string(), node.sandboxes.len()));
        placed.filter(|(_, sandboxes)| *sandboxes > 0).collect()
    }

    /// Acquires, asks the engine, gives back.
    pub async fn ask(&self, id: &WarehouseId, statement: &str) -> String {
        ask(&self.acquire(id).await.unwrap(), statement).await
    }

    /// The same where an engine may be lost meanwhile.
    pub async fn try_ask(&self, id: &WarehouseId, statement: &str) -> Option<String> {
        try_ask(&self.acquire(id).await.ok()?, statement).await.ok()
    }

    pub async fn pid(&self, id: &WarehouseId) -> u32 {
        self.ask(id, "pid").await.parse().unwrap()
    }

    pub async fn sandboxes(&self) -> Vec<String> {
        let nodes = self.compute.node_list(&self.ctx, None, None).await.unwrap().nodes;
        nodes
            .into_iter()
            .flat_map(|node| node.sandboxes)
            .map(|sandbox| sandbox.sandbox_id)
            .collect()
    }

    pub async fn node_connected(&self, connected: bool) {
        eventually("the node's connection", async || {
            let nodes = self.compute.node_list(&self.ctx, None, None).await.unwrap().nodes;
            (nodes.iter().any(|node| node.connected) == connected).then_some(())
        })
        .await;
    }
}

/// `node_id` is what it will be when it joins.
pub fn agent(node_id: NodeId, config: NodeConfig) -> Agent {
    let stop = CancellationToken::new();
    let task = tokio::spawn(biplane_node::run(config, stop.clone()));
    Agent { node_id, stop, task }
}

async fn serve(
    db: &TestDb,
    config: &ComputeConfig,
    ca: &Arc<RelayCa>,
    listener: TcpListener,
    stop: &CancellationToken,
) -> (Arc<Compute>, JoinHandle<()>) {
    let compute =
        Compute::start(db.db.clone(), Clock::system(), config.clone(), stop.clone()).await.unwrap();
    compute.set_authority(ca.clone());
    let who = |Extension(peer): Extension<RelayPeer>| async move {
        format!("{} {}", peer.workspace_id, peer.sandbox_id)
    };
    let calls = Router::new().route("/who", get(who));
    let (relay, ca) = (compute.clone(), ca.clone());
    let serving =
        tokio::spawn(async move { relay.serve_relay(listener, ca, calls).await.unwrap() });
    (compute, serving)
}

pub async fn ask(lease: &EngineLease, statement: &str) -> String {
    try_ask(lease, statement).await.unwrap()
}

pub async fn try_ask(lease: &EngineLease, statement: &str) -> Result<String, tonic::Status> {
    let request = ExecuteRequest { statement: statement.into(), ..ExecuteRequest::default() };
    let mut events = lease.engine().execute(request).await?.into_inner();
    let mut text = String::new();
    while let Some(event) = events.message().await? {
        if let Some(Event::Chunk(chunk)) = event.event {
            text += std::str::from_utf8(&chunk.data).unwrap();
        }
    }
    Ok(text)
}

/// Asks until there is an answer.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < end, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.starts_with(" Z"))
}

pub async fn dies(pid: u32) {
    eventually("the end of a process", async || (!alive(pid)).then_some(())).await;
}

#[derive(Clone, Copy, PartialEq)]
enum Line {
    Carries,
    /// Connections stay open, nothing passes.
    Silent,
    /// Connections break.
    Down,
}

#[derive(Clone, Copy)]
struct State {
    line: Line,
    /// Connections with a smaller number are silent for ever.
    stranded: u64,
}

/// Stands between node and relay.
pub struct Proxy {
    pub address: SocketAddr,
    state: watch::Sender<State>,
    accepted: Arc<AtomicU64>,
}

impl Proxy {
    async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (state, mut told) = watch::channel(State { line: Line::Carries, stranded: 0 });
        let accepted = Arc::new(AtomicU64::new(0));
        let counted = accepted.clone();
        tokio::spawn(async move {
            while let Ok((inner, _)) = listener.accept().await {
                let number = counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(carry(inner, target, number, told.clone()));
                told.borrow_and_update();
            }
        });
        Self { address, state, accepted }
    }

    /// What is connected stays open, and nothing passes on it any more; what comes is carried.
    pub fn strand(&self) {
        let stranded = self.accepted.load(Ordering::SeqCst);
        self.state.send_modify(|state| state.stranded = stranded);
    }

    /// How many there were.
    pub fn connections(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst)
    }

    fn set(&self, line: Line) {
        self.state.send_modify(|state| state.line = line);
    }

    pub fn silence(&self) {
        self.set(Line::Silent);
    }

    pub fn down(&self) {
        self.set(Line::Down);
    }

    pub fn up(&self) {
        self.set(Line::Carries);
    }
}

async fn carry(
    mut inner: TcpStream,
    target: SocketAddr,
    number: u64,
    mut told: watch::Receiver<State>,
) {
    let Ok(mut outer) = TcpStream::connect(target).await else {
        return;
    };
    for end in [&inner, &outer] {
        end.set_nodelay(true).unwrap();
    }
    loop {
        let state = *told.borrow_and_update();
        let line = if number < state.stranded { Line::Silent } else { state.line };
        match line {
            Line::Down => return,
            Line::Silent => {
                if told.changed().await.is_err() {
                    return;
                }
            }
            Line::Carries => tokio::select! {
                // Dropped half-way it may lose bytes; a line that failed is not expected to recover.
                _ = tokio::io::copy_bidirectional(&mut inner, &mut outer) => return,
                changed = told.changed() => if changed.is_err() { return },
            },
        }
    }
}
