//! Hosts for development: agents as processes of this machine. They end when this process does, however
//! that ends, because their standard input does. Those of a workspace are in a network of their own.

mod said;

use crate::nodes::reach::Reaches;
use crate::provider::{
    Finding, Host, HostOrder, HostState, NodeType, Place, Provider, ProviderError,
    ProviderErrorKind, ProviderResult,
};
use biplane_api::ids::{NodeId, WorkspaceId};
use biplane_platform::Clock;
use parking_lot::Mutex;
use said::Said;
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin};
use tokio::sync::watch;
use tokio::time::timeout;

const HOSTS_MAX: usize = 256;
/// For an agent to end what it runs.
const END_MAX: Duration = Duration::from_secs(5);
/// For the last words of an agent that ended: what it started may hold the pipe.
const SAID_MAX: Duration = Duration::from_millis(200);
/// The code of an error: the kernel has no network for the host.
pub(super) const NO_NETWORK: &str = "NetworkNamespaceRefused";
/// Name and the part of the machine.
const TYPES: [(&str, u32); 3] = [("local.small", 4), ("local.medium", 2), ("local.large", 1)];

/// How an agent is started.
#[derive(Debug, Clone)]
pub struct LocalHosts {
    /// The program and what comes first: `biplane node …`. Relay, data directory and token are added.
    pub command: Vec<String>,
    /// Variables that are none of a host's business.
    pub hidden: Vec<String>,
    /// Each host has a directory in it.
    pub dir: PathBuf,
    /// None: they are in the network of this machine, for development without isolation.
    pub networks: Option<Arc<dyn LocalNetworks>>,
}

/// Virtual networks: one for every workspace.
pub trait LocalNetworks: Send + Sync + std::fmt::Debug {
    /// Starts the agent of a host in the network of the workspace, which it leaves for the relay and what
    /// `reaches` says alone. Where that cannot be, it is an error.
    fn start(&self, host: NetworkedHost<'_>) -> Result<InNetwork, StartError>;
}

/// Why an agent did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The kernel makes no network for it. The text says what to change.
    #[error("{0}")]
    NoNetwork(String),
    #[error("The agent could not be started: {0}")]
    Failed(#[from] std::io::Error),
}

impl StartError {
    /// Whether it may be otherwise in a moment.
    fn passes(&self) -> bool {
        let Self::Failed(error) = self else { return false };
        use std::io::ErrorKind::{InvalidInput, NotFound, PermissionDenied, Unsupported};
        !matches!(error.kind(), NotFound | PermissionDenied | Unsupported | InvalidInput)
    }
}

impl From<StartError> for ProviderError {
    fn from(error: StartError) -> Self {
        let kind = match error.passes() {
            true => ProviderErrorKind::Unavailable,
            false => ProviderErrorKind::Refused,
        };
        let no_network = matches!(error, StartError::NoNetwork(_));
        let code = no_network.then(|| NO_NETWORK.to_owned());
        Self { kind, message: error.to_string(), code }
    }
}

/// The agent of a host that is to start.
pub struct NetworkedHost<'a> {
    pub command: Command,
    pub workspace: WorkspaceId,
    /// `host:port`.
    pub relay: &'a str,
    pub reaches: &'a Arc<dyn Reaches>,
}

/// An agent in a network.
pub struct InNetwork {
    pub agent: Child,
    /// Kept until it ended.
    pub network: Box<dyn Send>,
}

pub struct LocalProvider {
    config: LocalHosts,
    clock: Clock,
    reaches: Arc<dyn Reaches>,
    hosts: Mutex<HashMap<String, Running>>,
}

struct Running {
    host: Host,
    /// Closed, it ends.
    life_line: Option<ChildStdin>,
    /// None: it runs. Else why it does not.
    ended: watch::Receiver<Option<String>>,
}

fn failed(kind: ProviderErrorKind, message: impl Into<String>) -> ProviderError {
    ProviderError { kind, message: message.into(), code: None }
}

impl LocalProvider {
    pub const NAME: &str = "local";

    /// Forgets what hosts of a process before this one left on the disk.
    pub fn new(config: LocalHosts, clock: Clock, reaches: Arc<dyn Reaches>) -> Arc<Self> {
        let _ = std::fs::remove_dir_all(&config.dir);
        if config.networks.is_none() {
            tracing::warn!(
                "local hosts of clusters are in the network of this machine, for isolation is off"
            );
        }
        Arc::new(Self { config, clock, reaches, hosts: Mutex::default() })
    }

    /// All of them end, for the server does.
    pub async fn end(&self) {
        let ids: Vec<String> = self.hosts.lock().keys().cloned().collect();
        if let Err(error) = self.terminate(&Place::default(), &ids).await {
            tracing::warn!(%error, "not all local hosts ended in time");
        }
    }

    fn seen(&self, running: &Running) -> Host {
        let mut host = running.host.clone();
        if let Some(why) = &*running.ended.borrow() {
            host.state = HostState::Ended;
            host.reason = Some(why.clone());
        }
        host
    }

    async fn spawn(
        &self,
        order: &HostOrder,
        workspace: WorkspaceId,
        id: &str,
    ) -> Result<Running, StartError> {
        let dir = self.config.dir.join(id);
        std::fs::create_dir_all(&dir)?;
        let Some((program, first)) = self.config.command.split_first() else {
            return Err(std::io::Error::other("there is no program").into());
        };
        let mut command = Command::new(program);
        command.args(first).arg("--relay").arg(&order.boot.relay);
        command.args(["--with-stdin", "--join-token-file", "-", "--proxy", ""]);
        // Executors of Spark reach each other and their driver.
        command.args(["--mesh-listen", "127.0.0.1:0"]);
        command.arg("--data-dir").arg(&dir);
        for name in &self.config.hidden {
            command.env_remove(name);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let InNetwork { agent: mut child, network } = self.start(command, workspace, order)?;
        let pipes = child.stdin.take().zip(child.stderr.take());
        let (mut life_line, said) =
            pipes.ok_or(std::io::Error::from(std::io::ErrorKind::BrokenPipe))?;
        let said = Said::by(said);
        // One that is gone already tells why.
        let _ = life_line.write_all(format!("{}\n", order.boot.join_token).as_bytes()).await;
        let (told, ended) = watch::channel(None);
        let host_id = id.to_owned();
        tokio::spawn(async move {
            let status = child.wait().await;
            let last = timeout(SAID_MAX, said.last()).await.ok().flatten();
            let why = why_ended(status.as_ref().ok(), last.as_deref());
            tracing::info!(host_id, why, "the agent of a local host ended");
            let _ = std::fs::remove_dir_all(dir);
            drop(network);
            told.send_replace(Some(why));
        });
        let host = Host {
            host_id: id.to_owned(),
            node_id: order.node_id.clone(),
            cluster_id: order.cluster_id.clone(),
            workspace_id: None,
            state: HostState::Running,
            private_ip: Some("127.0.0.1".into()),
            zone_id: Self::NAME.into(),
            is_spot: false,
            started_at: self.clock.now_ms(),
            reason: None,
        };
        Ok(Running { host, life_line: Some(life_line), ended })
    }

    fn start(
        &self,
        command: Command,
        workspace: WorkspaceId,
        order: &HostOrder,
    ) -> Result<InNetwork, StartError> {
        let Some(networks) = &self.config.networks else {
            let agent = tokio::process::Command::from(command).spawn()?;
            return Ok(InNetwork { agent, network: Box::new(()) });
        };
        let (relay, reaches) = (order.boot.relay.as_str(), &self.reaches);
        networks.start(NetworkedHost { command, workspace, relay, reaches })
    }
}

#[async_trait::async_trait]
impl Provider for LocalProvider {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    async fn node_types(&self, _: &Place) -> ProviderResult<Vec<NodeType>> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let memory_mib = memory_mib();
        let one = |(name, part): &(&str, u32)| NodeType {
            node_type_id: (*name).into(),
            description: format!("An agent on the server's machine, with a {part}th of it"),
            category: "General Purpose".into(),
            cores: (cores as f64 / f64::from(*part)).max(1.0).floor(),
            memory_mib: memory_mib / u64::from(*part),
            ..NodeType::default()
        };
        Ok(TYPES.iter().map(one).collect())
    }

    async fn zones(&self, _: &Place) -> ProviderResult<(Vec<String>, String)> {
        Ok((vec![Self::NAME.into()], Self::NAME.into()))
    }

    async fn create(&self, place: &Place, order: &HostOrder) -> ProviderResult<Host> {
        let node_id = order.node_id.clone().unwrap_or_else(NodeId::random);
        let id = format!("local-{node_id}");
        let live = {
            let hosts = self.hosts.lock();
            if let Some(known) = hosts.get(&id) {
                return Ok(self.seen(known));
            }
            hosts.values().filter(|running| running.ended.borrow().is_none()).count()
        };
        if live >= HOSTS_MAX {
            let text = format!("This machine runs {HOSTS_MAX} hosts already.");
            return Err(failed(ProviderErrorKind::Capacity, text));
        }
        let workspace = WorkspaceId(place.workspace_id);
        let mut running = self.spawn(order, workspace, &id).await.map_err(|error| {
            tracing::error!(%error, "a local host could not be started");
            let _ = std::fs::remove_dir_all(self.config.dir.join(&id));
            ProviderError::from(error)
        })?;
        running.host.workspace_id = Some(workspace);
        let host = running.host.clone();
        self.hosts.lock().insert(id, running);
        Ok(host)
    }

    async fn describe(&self, _: &Place, host_ids: &[String]) -> ProviderResult<Vec<Host>> {
        let hosts = self.hosts.lock();
        Ok(host_ids.iter().filter_map(|id| hosts.get(id)).map(|one| self.seen(one)).collect())
    }

    async fn terminate(&self, _: &Place, host_ids: &[String]) -> ProviderResult<()> {
        let mut waits = Vec::new();
        {
            let mut hosts = self.hosts.lock();
            for id in host_ids {
                if let Some(running) = hosts.get_mut(id) {
                    running.life_line.take();
                    waits.push(running.ended.clone());
                }
            }
        }
        let all = async {
            for mut ended in waits {
                // Without a sender it is gone, too.
                let _ = ended.wait_for(Option::is_some).await;
            }
        };
        if timeout(END_MAX, all).await.is_err() {
            return Err(failed(ProviderErrorKind::Unavailable, "An agent does not end."));
        }
        let mut hosts = self.hosts.lock();
        hosts.retain(|id, _| !host_ids.contains(id));
        Ok(())
    }

    async fn hosts(&self, place: &Place) -> ProviderResult<Vec<Host>> {
        let hosts = self.hosts.lock();
        let here = |running: &&Running| {
            running.host.workspace_id == Some(WorkspaceId(place.workspace_id))
                && running.ended.borrow().is_none()
        };
        Ok(hosts.values().filter(here).map(|running| self.seen(running)).collect())
    }

    async fn check(&self, _: &Place) -> ProviderResult<Vec<Finding>> {
        Ok(Vec::new())
    }
}

/// For the message of its cluster.
fn why_ended(status: Option<&ExitStatus>, last: Option<&str>) -> String {
    let status = status.filter(|status| !status.success()).map(ToString::to_string);
    match (status, last) {
        (Some(status), Some(last)) => format!("Its agent ended ({status}): {last}"),
        (Some(status), None) => format!("Its agent ended ({status})."),
        (None, _) => "Its agent ended.".into(),
    }
}

fn memory_mib() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(4 << 20) / 1024
}
