//! A node that runs nothing: it is as large as it says, and its engines are tasks of this process.

use crate::fake_engine;
use crate::support::World;
use biplane_api::ids::NodeId;
use biplane_proto::channel;
use biplane_proto::preface::{RELAY_NAME, Role};
use biplane_proto::v1::node_event::Event;
use biplane_proto::v1::node_server::{Node, NodeServer};
use biplane_proto::v1::start_sandbox_request::Program;
use biplane_proto::v1::*;
use futures::StreamExt;
use futures::stream::BoxStream;
use parking_lot::Mutex;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Request, Response, Status};

/// Connects to a relay with this certificate and key (one PEM text), or with none.
pub async fn dial(
    relay: SocketAddr,
    ca: &str,
    pem: Option<&str>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match pem {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let cert = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![cert], key).unwrap()
        }
    };
    let tcp = TcpStream::connect(relay).await?;
    TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from(RELAY_NAME).unwrap(), tcp)
        .await
}

#[derive(Clone)]
pub struct FakeNode {
    pub id: NodeId,
    hello: Hello,
    relay: SocketAddr,
    ca: String,
    pem: String,
    running: Arc<Mutex<HashMap<String, Running>>>,
    /// Orders to stop are carried out.
    stops: watch::Sender<bool>,
    /// It answers at all.
    answers: watch::Sender<bool>,
    end: CancellationToken,
    _end: Arc<DropGuard>,
}

struct Running {
    request: StartSandboxRequest,
    end: CancellationToken,
}

impl FakeNode {
    /// With what `hello` says of it; connects again whenever it is cut off, until it is dropped.
    pub fn start(world: &World, hello: Hello) -> Self {
        let (id, end) = (NodeId::random(), CancellationToken::new());
        let node = Self {
            pem: world.ca.issue_node_cert(&id).unwrap(),
            id,
            hello,
            relay: world.relay,
            ca: world.ca.certificate().to_owned(),
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
        let serving = node.service();
        tokio::spawn(end.run_until_cancelled_owned(serving.serve()));
        node
    }

    pub fn sized(world: &World, gib: u64) -> Self {
        Self::start(world, Hello { cpus: 8, memory_bytes: gib << 30, ..Hello::default() })
    }

    fn service(&self) -> Service {
        // Not the guard: it is the handle's.
        let Self { id, hello, relay, ca, pem, running, stops, answers, .. } = self.clone();
        Service {
            id,
            hello,
            relay,
            ca,
            pem,
            running,
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
    ca: String,
    pem: String,
    running: Arc<Mutex<HashMap<String, Running>>>,
    stops: watch::Receiver<bool>,
    answers: watch::Receiver<bool>,
}

impl Service {
    async fn connect(&self, role: Role) -> std::io::Result<TlsStream<TcpStream>> {
        let mut stream = dial(self.relay, &self.ca, Some(&self.pem)).await?;
        role.write(&mut stream).await.map_err(std::io::Error::other)?;
        Ok(stream)
    }

    async fn serve(self) {
        loop {
            if let Ok(stream) = self.connect(Role::Node { node_id: self.id.to_string() }).await {
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
}
