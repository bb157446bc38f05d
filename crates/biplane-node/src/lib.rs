//! The node agent: dials the control plane, and starts, watches and ends sandboxes as it is told.
//!
//! What must hold: the node listens on no network, but for other nodes of a mesh where it is told to;
//! a sandbox reaches nothing but its doors; no process
//! of a sandbox outlives its sandbox, and no sandbox outlives the agent or the lease that the control
//! plane gave it.

mod admission;
mod control;
mod door;
mod doors;
mod host;
mod identity;
mod isolation;
mod lease;
mod link;
mod mesh;
mod place;
mod prestarted;
mod process;
mod proxy;
mod python;
mod sandboxes;
mod service;
mod shares;
mod tls;
mod way_out;

pub use biplane_doors::{HostReach, Operator, Range, StorePlace};
pub use biplane_proto::admission::{JoinToken, TokenError};
pub use biplane_proto::preface::Refusal;
pub use isolation::Isolation;
pub use mesh::MeshConfig;
pub use proxy::{ProxyError, Route};
pub use python::PythonConfig;
pub use way_out::{Broker, Reachable, WayOut, listen as listen_for_hosts, serve as serve_hosts};

use biplane_proto::preface::Role;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What ended last is told within this.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Where the agent finds the control plane, who it is, and what it starts.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// `host:port` of the relay.
    pub relay: String,
    /// How it gets there.
    pub route: Route,
    /// For one connection, or one answer.
    pub dial_patience: Duration,
    /// Belongs to the agents of this host alone: who they are, and their sandboxes.
    pub data_dir: PathBuf,
    /// For a host that is no node yet, or not any more.
    pub join_token: Option<JoinToken>,
    /// Takes over from the agent that runs on this host: starts beside it and has it drain.
    pub replace: bool,
    /// The engine's program and its first arguments: `["/usr/bin/biplane", "engine"]`.
    pub engine_command: Vec<String>,
    /// The whole environment an engine gets beside its own HOME, TMPDIR, LANG and TZ.
    pub engine_env: Vec<(String, String)>,
    /// Sandboxes at one time; more are refused.
    pub sandboxes_max: usize,
    pub isolation: Isolation,
    pub python: PythonConfig,
    pub mesh: MeshConfig,
    /// Engines kept started for whoever needs one next, of the size that was asked for last.
    pub prestarted: usize,
    /// When told to end: so long statements may go on, while warehouses move to other nodes.
    pub drain: Duration,
}

impl NodeConfig {
    /// Names of variables worth passing from the agent's environment to its engines.
    pub const ENGINE_ENV_NAMES: &[&str] =
        &["BIPLANE_LOG", "RUST_BACKTRACE", "SSL_CERT_DIR", "SSL_CERT_FILE"];
}

#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    #[error("the node cannot use {path}")]
    WorkDir { path: PathBuf, source: std::io::Error },
    #[error("another node agent uses {0}; to take over from it, start with --replace")]
    InUse(PathBuf),
    #[error("the agent that uses {0} is being replaced already")]
    Replacing(PathBuf),
    #[error("the agent to take over from has not joined yet")]
    NothingToReplace,
    #[error("this host has not joined: give it a token (`biplane node-token create`)")]
    NotJoined,
    #[error("the certificate of this node has expired; let it join again with a new token")]
    Expired,
    #[error("the control plane does not let this host in: {0}")]
    NotAdmitted(String),
    #[error("the control plane refuses this node")]
    Refused(#[from] Refusal),
    #[error("the control plane's answer cannot be read")]
    Answer,
    #[error("the identity of this node cannot be read")]
    Identity(#[source] std::io::Error),
    #[error("a key could not be made")]
    Key(#[from] rcgen::Error),
    #[error("the certificates cannot be used")]
    Tls(#[from] rustls::Error),
    #[error("no engine command is configured")]
    NoEngine,
    #[error("the engine {program} cannot be used")]
    Engine { program: String, source: std::io::Error },
    #[error("a directory for storage cannot be used")]
    Storage(#[source] std::io::Error),
    #[error(transparent)]
    Isolation(#[from] biplane_sandbox::IsolatorError),
    #[error("the doors to the outside could not be set up")]
    Doors(#[from] biplane_doors::storage::ClientError),
    #[error("the mesh could not be set up")]
    Mesh(#[from] mesh::MeshError),
    #[error("isolation could not be set up")]
    Setup(#[from] tokio::task::JoinError),
}

impl place::Place {
    fn failed(&self, source: std::io::Error) -> NodeError {
        NodeError::WorkDir { path: self.dir.clone(), source }
    }
}

/// Runs until `stop`, then drains, ends every sandbox and returns, within five seconds more than the
/// drain may take. Returns an error when this host is no node, or not any more.
///
/// Dropping the future ends the sandboxes too, without grace.
pub async fn run(mut config: NodeConfig, stop: CancellationToken) -> Result<(), NodeError> {
    if config.engine_command.is_empty() {
        return Err(NodeError::NoEngine);
    }
    let path = config.data_dir.clone();
    config.data_dir = std::path::absolute(&config.data_dir)
        .map_err(|source| NodeError::WorkDir { path, source })?;
    let config = Arc::new(config);
    let abandoned = CancellationToken::new();
    let _abandon = abandoned.clone().drop_guard();
    let setting_up = config.clone();
    let (place, isolator, engine, python) = tokio::task::spawn_blocking(move || {
        let place = place::claim(&setting_up.data_dir, setting_up.replace)?;
        let engine = isolation::Engine::new(&setting_up)?;
        let python = python::Python::find(&setting_up);
        let isolator = isolation::isolator(&setting_up, &place.dir)?;
        Ok::<_, NodeError>((place, isolator, engine, python))
    })
    .await??;
    let (relay, route) = (config.relay.clone(), config.route.clone());
    let dialer = Arc::new(tls::Dialer::new(relay, route, config.dial_patience));
    let mesh = mesh::Mesh::start(&config.mesh, abandoned.clone()).await?;
    let files = isolation::roots(&config.isolation.file_roots)
        .and_then(|roots| biplane_doors::storage::Roots::open(&roots))
        .map_err(NodeError::Storage)?;
    let (operator, outside) = (config.isolation.outside.clone(), config.route.outside());
    let doors = doors::Doors::new(outside, operator, mesh, Arc::new(files))?;
    let doors = Arc::new(doors);
    let sandboxes = Arc::new(sandboxes::Sandboxes::new(
        config.clone(),
        place.dir.join("sandboxes"),
        dialer.clone(),
        isolator,
        engine,
        python,
        doors,
        abandoned.clone(),
    ));
    let stop = stop.child_token();
    let control = control::open(&place.dir).map_err(|source| place.failed(source))?;
    let node = Node { config, place, dialer, sandboxes: sandboxes.clone() };
    tokio::select! {
        ended = node.live(&stop) => {
            if ended.is_err() {
                sandboxes.kill_all();
                sandboxes.close().await;
            }
            ended
        }
        () = control::serve(&control, &stop) => Ok(()),
    }
}

struct Node {
    config: Arc<NodeConfig>,
    place: place::Place,
    dialer: Arc<tls::Dialer>,
    sandboxes: Arc<sandboxes::Sandboxes>,
}

impl Node {
    async fn live(&self, stop: &CancellationToken) -> Result<(), NodeError> {
        let mut token = self.config.join_token.clone();
        let joining = admission::obtain(&self.dialer, &self.place, &mut token);
        let Some(identity) = stop.run_until_cancelled(joining).await else {
            return Ok(());
        };
        let mut identity = identity?;
        loop {
            let refusal = match self.serve(&identity, stop).await? {
                None => return Ok(()),
                Some(refusal) => refusal,
            };
            tracing::error!(node_id = %identity.node_id, %refusal, "the control plane refuses this node");
            self.sandboxes.kill_all();
            identity = match token.take() {
                Some(token) if refusal != Refusal::Superseded => {
                    let joining = admission::join(&self.dialer, &self.place, &token);
                    match stop.run_until_cancelled(joining).await {
                        Some(identity) => identity?,
                        None => return Ok(()),
                    }
                }
                _ => return Err(refusal.into()),
            };
        }
    }

    /// Is the node of this identity until `stop`, or until it is refused.
    async fn serve(
        &self,
        identity: &identity::Identity,
        stop: &CancellationToken,
    ) -> Result<Option<Refusal>, NodeError> {
        self.dialer.set(identity)?;
        let Self { config, place, dialer, sandboxes } = self;
        let lease = Arc::new(lease::Lease::new());
        let (connected, told) = watch::channel(false);
        let end = CancellationToken::new();
        let role = Role::Node { node_id: identity.node_id.to_string(), agent: place.agent.clone() };
        let ending = async {
            stop.cancelled().await;
            // The connection stays up meanwhile: the control plane is told what ends.
            sandboxes.drain(config.drain).await;
            sandboxes.close().await;
            end.cancel();
            tokio::time::sleep(LAST_WORDS).await;
        };
        tokio::select! {
            () = ending => Ok(None),
            refusal = link::keep_connected(&role, dialer, sandboxes, &lease, &connected, &end) => Ok(Some(refusal)),
            () = lease.enforce(|| sandboxes.kill_all()) => Ok(None),
            () = sandboxes.tell_outbound() => Ok(None),
            () = admission::keep_renewed(dialer, place, identity.clone()) => Ok(None),
            () = admission::take_over(dialer, place, identity, told) => Ok(None),
        }
    }
}

/// Between half of it and all of it, so that nodes do not come back in step.
fn jittered(backoff: Duration) -> Duration {
    let mut byte = [0_u8; 1];
    // Without randomness: no jitter, and nothing else is lost.
    let _ = getrandom::fill(&mut byte);
    backoff.mul_f64(0.5 + f64::from(byte[0]) / 510.0)
}
