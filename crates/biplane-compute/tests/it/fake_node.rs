//! A node that runs nothing: it is as large as it says, and its engines are tasks of this process.

use crate::fake_engine;
use crate::relay::{Credential, connect_to, credential};
use crate::support::World;
use biplane_api::ids::NodeId;
use biplane_compute::RelayCa;
use biplane_platform::Db;
use biplane_platform::db::args;
use biplane_proto::channel;
use biplane_proto::preface::{Agent, RELAY_NAME, Role, Verdict};
use biplane_proto::v1::node_event::Event;
use biplane_proto::v1::node_server::{Node, NodeServer};
use biplane_proto::v1::start_sandbox_request::Program;
use biplane_proto::v1::*;
use futures::StreamExt;
use futures::stream::BoxStream;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Request, Response, Status};

#[derive(Clone)]
pub struct FakeNode {
    pub id: NodeId,
    hello: Hello,
    relay: SocketAddr,
    who: Arc<(Arc<RelayCa>, Credential)>,
    running: Arc<Mutex<HashMap<String, Running>>>,
    /// Orders to stop are carried out.
    stops: watch::Sender<bool>,
    /// It answers at all.
    answers: watch::Sender<bool>,
    end: CancellationToken,
    _end: Arc<DropGuard>,
}

/// Where nodes dial in.
#[derive(Clone)]
pub struct Relay {
    pub ca: Arc<RelayCa>,
    pub address: SocketAddr,
    pub db: Db,
}

impl Relay {
    pub fn of(world: &World) -> Self {
        Self { ca: world.ca.clone(), address: world.relay, db: world.db.db.clone() }
    }
}

/// Exit code and output of what a host is told to run.
pub type Runs = Arc<dyn Fn(&NodeId, &Value) -> (i64, String) + Send + Sync>;

async fn read_frame(stream: &mut TlsStream<TcpStream>) -> Option<Value> {
    let length = stream.read_u32().await.ok()?;
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).await.ok()?;
    serde_json::from_slice(&body).ok()
}

async fn write_frame(stream: &mut TlsStream<TcpStream>, frame: &Value) {
    let body = frame.to_string().into_bytes();
    let mut bytes = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(body);
    let _ = stream.write_all(&bytes).await;
    let _ = stream.flush().await;
}

struct Running {
    request: StartSandboxRequest,
    end: CancellationToken,
}

impl FakeNode {
    /// With what `hello` says of it; connects again whenever it is cut off, until it is dropped.
    pub fn start(world: &World, hello: Hello) -> Self {
        Self::start_as(&Relay::of(world), NodeId::random(), &[], hello)
    }

    /// Under an id and with labels that were given to it.
    pub fn start_as(home: &Relay, id: NodeId, labels: &[(&str, &str)], hello: Hello) -> Self {
        Self::start_running(home, id, labels, hello, Arc::new(|_, _| (0, String::new())))
    }

    /// With what comes of what it is told to run.
    pub fn start_running(
        home: &Relay,
        id: NodeId,
        labels: &[(&str, &str)],
        hello: Hello,
        runs: Runs,
    ) -> Self {
        let labels: HashMap<&str, &str> = labels.iter().copied().collect();
        let labels = serde_json::to_string(&labels).unwrap();
        let end = CancellationToken::new();
        let node = Self {
            who: Arc::new((home.ca.clone(), credential(&home.ca, &id, "fake"))),
            id,
            hello,
            relay: home.address,
            running: Arc::default(),
            stops: watch::Sender::new(true),
            answers: watch::Sender::new(true),
            end: end.clone(),
            _end: Arc::new(end.clone().drop_guard()),
        };
        for stranger in &node.hello.sandboxes {
            let (request, end) = Default::default();
            let running = Running { request, end };
            node.running.lock().insert(stranger.sandbox_id.clone(), running);
        }
        let (serving, db) = (node.service(runs), home.db.clone());
        let life = async move {
            serving.admit(&db, labels).await;
            serving.serve().await;
        };
        tokio::spawn(end.run_until_cancelled_owned(life));
        node
    }

    pub fn sized(world: &World, gib: u64) -> Self {
        Self::start(world, Hello { cpus: 8, memory_bytes: gib << 30, ..Hello::default() })
    }

    fn service(&self, runs: Runs) -> Service {
        // Not the guard: it is the handle's.
        let Self { id, hello, relay, who, running, stops, answers, .. } = self.clone();
        Service {
            id,
            hello,
            relay,
            who,
            running,
            runs,
            stops: stops.subscribe(),
            answers: answers.subscribe(),
        }
    }

    pub fn hold_stops(&self, hold: bool) {
        self.stops.send_replace(!hold);
    }

    /// Connections stay, but nothing comes from it any more.
    pub fn freeze(&self) {
        self.answers.send_replace(false);
    }

    /// Its own connection ends for good; those of its sandboxes stay.
    pub fn hang_up(&self) {
        self.end.cancel();
    }

    pub fn sandboxes(&self) -> Vec<String> {
        self.running.lock().keys().cloned().collect()
    }

    /// Memory that its sandboxes were given.
    pub fn given(&self) -> u64 {
        let limits = |one: &Running| one.request.limits.unwrap_or_default().memory_bytes;
        self.running.lock().values().map(limits).sum()
    }

    /// Workspaces that have a sandbox here.
    pub fn workspaces(&self) -> Vec<i64> {
        let mut found: Vec<_> =
            self.running.lock().values().map(|one| one.request.workspace_id).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

#[derive(Clone)]
struct Service {
    id: NodeId,
    hello: Hello,
    relay: SocketAddr,
    who: Arc<(Arc<RelayCa>, Credential)>,
    running: Arc<Mutex<HashMap<String, Running>>>,
    runs: Runs,
    stops: watch::Receiver<bool>,
    answers: watch::Receiver<bool>,
}

impl Service {
    /// As with a token that says this of it.
    async fn admit(&self, db: &Db, labels: String) {
        let mut tx = db.write().await.unwrap();
        tx.execute(
            "INSERT INTO nodes (id, version, isolation, cpus, memory_bytes, first_seen_at, last_seen_at, region, labels,
               host_id, admission, certificate_expires_at) VALUES ($1, '', '', 0, 0, 0, 0, '', $2, $1, 'fake', $3)",
            args![self.id.as_str(), labels, i64::MAX],
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
    }

    async fn connect(&self, role: Role) -> std::io::Result<TlsStream<TcpStream>> {
        let mut stream = connect_to(&self.who.0, self.relay, RELAY_NAME, Some(&self.who.1)).await?;
        role.write(&mut stream).await.map_err(std::io::Error::other)?;
        Ok(stream)
    }

    async fn serve(self) {
        loop {
            let agent = Agent { incarnation: 1, run: 1 };
            let role = Role::Node { node_id: self.id.to_string(), agent };
            if let Ok(mut stream) = self.connect(role).await
                && matches!(Verdict::read(&mut stream).await, Ok(Verdict::Welcome))
            {
                let _ = channel::serve(stream, NodeServer::new(self.clone())).await;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn engine(self, sandbox_id: String) {
        loop {
            let role = Role::Engine { sandbox_id: sandbox_id.clone() };
            if let Ok(stream) = self.connect(role).await {
                let _ = channel::serve(stream, fake_engine::service()).await;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// It keeps files, and runs what the tests say that it does.
    async fn preparer(self, sandbox_id: String) {
        let mut stream = self.connect(Role::Code { sandbox_id }).await.unwrap();
        while let Some(order) = read_frame(&mut stream).await {
            match order["op"].as_str() {
                Some("file") => write_frame(&mut stream, &json!({ "event": "kept" })).await,
                Some("run") => {
                    let (status, said) = (self.runs)(&self.id, &order);
                    let output = json!({ "event": "output", "text": said });
                    write_frame(&mut stream, &output).await;
                    let exited =
                        json!({ "event": "exited", "status": status, "tail": said, "late": false });
                    write_frame(&mut stream, &exited).await;
                }
                _ => {}
            }
        }
    }

    /// It is there and says nothing.
    async fn interpreter(self, sandbox_id: String) {
        let mut stream = self.connect(Role::Code { sandbox_id }).await.unwrap();
        let mut bytes = [0; 4096];
        while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
    }

    async fn answering(&self) {
        let _ = self.answers.clone().wait_for(|answers| *answers).await;
    }
}

#[tonic::async_trait]
impl Node for Service {
    type WatchStream = BoxStream<'static, Result<NodeEvent, Status>>;

    async fn watch(&self, _: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let mut hello = self.hello.clone();
        let running = self.running.lock();
        let one = |(id, running): (&String, &Running)| Sandbox {
            sandbox_id: id.clone(),
            generation: running.request.generation,
        };
        hello.sandboxes = running.iter().map(one).collect();
        let first = NodeEvent { event: Some(Event::Hello(hello)) };
        let events = futures::stream::iter([Ok(first)]).chain(futures::stream::pending());
        Ok(Response::new(events.boxed()))
    }

    async fn renew(&self, _: Request<RenewRequest>) -> Result<Response<Heartbeat>, Status> {
        self.answering().await;
        Ok(Response::new(Heartbeat::default()))
    }

    async fn start_sandbox(
        &self,
        request: Request<StartSandboxRequest>,
    ) -> Result<Response<StartSandboxResponse>, Status> {
        self.answering().await;
        let (request, end) = (request.into_inner(), CancellationToken::new());
        let id = request.sandbox_id.clone();
        match request.program {
            Some(Program::Python(_))
                if request.cluster.as_ref().is_some_and(|one| one.prepares) =>
            {
                let life = self.clone().preparer(id.clone());
                tokio::spawn(end.clone().run_until_cancelled_owned(life));
            }
            Some(Program::Python(_)) => {
                let life = self.clone().interpreter(id.clone());
                tokio::spawn(end.clone().run_until_cancelled_owned(life));
            }
            _ => {
                let life = self.clone().engine(id.clone());
                tokio::spawn(end.clone().run_until_cancelled_owned(life));
            }
        }
        self.running.lock().insert(id, Running { request, end });
        Ok(Response::new(StartSandboxResponse {}))
    }

    async fn stop_sandbox(
        &self,
        request: Request<StopSandboxRequest>,
    ) -> Result<Response<StopSandboxResponse>, Status> {
        self.answering().await;
        let _ = self.stops.clone().wait_for(|open| *open).await;
        if let Some(stopped) = self.running.lock().remove(&request.get_ref().sandbox_id) {
            stopped.end.cancel();
        }
        Ok(Response::new(StopSandboxResponse {}))
    }

    async fn set_reach(
        &self,
        _: Request<SetReachRequest>,
    ) -> Result<Response<SetReachResponse>, Status> {
        Ok(Response::new(SetReachResponse {}))
    }

    async fn set_mesh(
        &self,
        _: Request<SetMeshRequest>,
    ) -> Result<Response<SetMeshResponse>, Status> {
        Ok(Response::new(SetMeshResponse {}))
    }

    async fn set_granted(
        &self,
        _: Request<SetGrantedRequest>,
    ) -> Result<Response<SetGrantedResponse>, Status> {
        Ok(Response::new(SetGrantedResponse {}))
    }
}
