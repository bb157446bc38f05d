//! The node agent: dials the control plane, and starts, watches and ends sandboxes as it is told.
//!
//! What must hold: the node listens on no network, but for other nodes of a mesh where it is told to;
//! a sandbox reaches nothing but its doors; no process
//! of a sandbox outlives its sandbox, and no sandbox outlives the agent or the lease that the control
//! plane gave it.

mod door;
mod doors;
mod host;
mod isolation;
mod lease;
mod link;
mod mesh;
mod prestarted;
mod process;
mod python;
mod sandboxes;
mod service;
mod tls;

pub use biplane_doors::{Operator, Range};
pub use isolation::Isolation;
pub use mesh::MeshConfig;
pub use python::PythonConfig;

use biplane_api::ids::NodeId;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What ended last is told within this.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Where the agent finds the control plane, who it is, and what it starts.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    pub node_id: NodeId,
    /// `host:port` of the relay.
    pub relay: String,
    /// PEM files. They are read again when they change: certificates are short-lived.
    pub ca_cert: PathBuf,
    pub cert: PathBuf,
    pub key: PathBuf,
    /// Belongs to this agent alone; sandboxes live in `sandboxes/` below it.
    pub work_dir: PathBuf,
    /// The engine's program and its first arguments: `["/usr/bin/biplane", "engine"]`.
    pub engine_command: Vec<String>,
    /// The whole environment an engine gets beside its own HOME, TMPDIR, LANG and TZ.
    pub engine_env: Vec<(String, String)>,
    /// Sandboxes at one time; more are refused.
    pub sandboxes_max: usize,
    pub isolation: Isolation,
    pub python: PythonConfig,
    pub mesh: MeshConfig,
    /// Where it stands; empty = of every region.
    pub region: String,
    /// What the operator says of it: `dedicated-host` keeps it for workspaces with that tag.
    pub labels: BTreeMap<String, String>,
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
    #[error("another node agent uses {0}")]
    InUse(PathBuf),
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

/// Runs until `stop`, then drains, ends every sandbox and returns, within five seconds more than the
/// drain may take.
///
/// Dropping the future ends the sandboxes too, without grace.
pub async fn run(config: NodeConfig, stop: CancellationToken) -> Result<(), NodeError> {
    if config.engine_command.is_empty() {
        return Err(NodeError::NoEngine);
    }
    let _lock = host::claim(&config.work_dir)?;
    let abandoned = CancellationToken::new();
    let _abandon = abandoned.clone().drop_guard();
    let config = Arc::new(config);
    let setting_up = config.clone();
    let (isolator, engine, python) = tokio::task::spawn_blocking(move || {
        let engine = isolation::Engine::new(&setting_up)?;
        let python = python::Python::find(&setting_up);
        Ok::<_, NodeError>((isolation::isolator(&setting_up)?, engine, python))
    })
    .await??;
    let dialer = Arc::new(tls::Dialer::new(&config));
    let mesh = mesh::Mesh::start(&config.mesh, abandoned.clone()).await?;
    let doors = Arc::new(doors::Doors::new(config.isolation.outside.clone(), mesh)?);
    let sandboxes = Arc::new(sandboxes::Sandboxes::new(
        config.clone(),
        dialer.clone(),
        isolator,
        engine,
        python,
        doors,
        abandoned.clone(),
    ));
    let lease = Arc::new(lease::Lease::new());
    let line = link::Line::default();

    let ending = async {
        stop.cancelled().await;
        // The connection stays up meanwhile: the control plane is told what ends.
        sandboxes.drain(config.drain).await;
        sandboxes.close().await;
        line.end.cancel();
        tokio::time::sleep(LAST_WORDS).await;
    };
    let expired = || {
        sandboxes.kill_all();
        // It leads nowhere, whatever TCP thinks.
        line.cut.notify_waiters();
    };
    tokio::select! {
        () = ending => {}
        () = link::keep_connected(&config, &dialer, &sandboxes, &lease, &line) => {}
        () = lease.enforce(expired) => {}
        () = sandboxes.tell_outbound() => {}
    }
    Ok(())
}
