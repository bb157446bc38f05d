//! Virtual networks of local hosts: a namespace with nothing but loopback for every workspace, and a broker
//! of this process that connects for the hosts in it.
//!
//! What must hold: a host starts in the network of its workspace or not at all; a network is there while a
//! host of it is.

use anyhow::Context;
use biplane_api::ids::WorkspaceId;
use biplane_node::{
    Broker, HostReach, Operator, PythonConfig, Reachable, StorePlace, listen_for_hosts, serve_hosts,
};
use biplane_sandbox::VirtualNetwork;
use biplane_server::{InNetwork, LocalNetworks, NetworkedHost, Reaches, StartError};
use nix::errno::Errno;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::process::Child;
use tokio_util::sync::{CancellationToken, DropGuard};

#[derive(Debug)]
pub struct Networks {
    /// Each broker has a directory in it.
    dir: PathBuf,
    operator: Operator,
    python: PythonConfig,
    open: Mutex<HashMap<WorkspaceId, Weak<Network>>>,
    serial: AtomicU64,
}

#[derive(Debug)]
struct Network {
    /// Where its broker is asked.
    dir: PathBuf,
    /// None: its first host has not started yet.
    namespace: Mutex<Option<Arc<VirtualNetwork>>>,
    _broker: DropGuard,
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl Networks {
    pub fn of(
        hosts: &Path,
        operator: Operator,
        images_dir: PathBuf,
    ) -> anyhow::Result<Arc<dyn LocalNetworks>> {
        let dir = std::path::absolute(hosts).context("the directory of local hosts")?;
        let interpreter = std::env::var_os("BIPLANE_PYTHON").map(PathBuf::from);
        let python = PythonConfig { interpreter, images_dir: Some(images_dir) };
        let (open, serial) = (Mutex::default(), AtomicU64::new(0));
        Ok(Arc::new(Self { dir, operator, python, open, serial }))
    }

    fn network(&self, host: &NetworkedHost<'_>) -> io::Result<Arc<Network>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(network) = open.get(&host.workspace).and_then(Weak::upgrade) {
            return Ok(network);
        }
        open.retain(|_, network| network.strong_count() > 0);
        // A new one may begin before the last of the workspace is cleared away.
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let dir = self.dir.join(format!("network-{}-{serial}", host.workspace));
        let listener = listen_for_hosts(&dir)?;
        let reachable = Arc::new(OfWorkspace {
            workspace: host.workspace,
            reaches: host.reaches.clone(),
            operator: self.operator.clone(),
        });
        let broker = Broker::new(host.relay.to_owned(), reachable, self.python.clone());
        let closed = CancellationToken::new();
        tokio::spawn(serve_hosts(Arc::new(broker), listener, closed.clone()));
        let _broker = closed.drop_guard();
        let network = Arc::new(Network { dir, namespace: Mutex::default(), _broker });
        open.insert(host.workspace, Arc::downgrade(&network));
        Ok(network)
    }
}

impl LocalNetworks for Networks {
    fn start(&self, host: NetworkedHost<'_>) -> Result<InNetwork, StartError> {
        let network = self.network(&host)?;
        let mut command = host.command;
        command.arg("--way-out").arg(&network.dir);
        let agent = network.spawn(command).map_err(why)?;
        Ok(InNetwork { agent, network: Box::new(network) })
    }
}

impl Network {
    fn spawn(&self, mut command: Command) -> io::Result<Child> {
        let mut namespace = self.namespace.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = namespace.clone() {
            drop(namespace);
            known.enter(&mut command);
            return tokio::process::Command::from(command).spawn();
        }
        VirtualNetwork::of_new(&mut command);
        let mut command = tokio::process::Command::from(command);
        // An agent whose network cannot be found again does not stay.
        let mut first = command.spawn()?;
        let made = first.id().ok_or(io::ErrorKind::BrokenPipe.into()).and_then(VirtualNetwork::of);
        match made {
            Ok(made) => *namespace = Some(Arc::new(made)),
            Err(error) => {
                let _ = first.start_kill();
                return Err(error);
            }
        }
        Ok(first)
    }
}

/// Making and entering namespaces, and the program, fail alike: with a number.
fn why(error: io::Error) -> StartError {
    let fix = match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOSPC | Errno::EUSERS) => {
            "Raise the limits user.max_net_namespaces and user.max_user_namespaces (sysctl)"
        }
        Some(Errno::EPERM | Errno::EACCES) => {
            "Let the server make user and network namespaces: run it as root, or set \
             kernel.unprivileged_userns_clone=1 and kernel.apparmor_restrict_unprivileged_userns=0 \
             (sysctl), and in a container allow `unshare` in its seccomp profile"
        }
        Some(Errno::EINVAL | Errno::ENOSYS) => {
            "Run it on a kernel with CONFIG_NET_NS and CONFIG_USER_NS"
        }
        _ => return error.into(),
    };
    StartError::NoNetwork(format!(
        "This machine refuses the network namespace that a local host begins in: {error}. {fix}. \
         For development alone: `--dev-no-isolation`."
    ))
}

/// What the control plane says of a workspace now, with what the operator of this machine allows.
struct OfWorkspace {
    workspace: WorkspaceId,
    reaches: Arc<dyn Reaches>,
    operator: Operator,
}

#[async_trait::async_trait]
impl Reachable for OfWorkspace {
    async fn now(&self) -> io::Result<HostReach> {
        let reach = self.reaches.reach(self.workspace).await.map_err(io::Error::other)?;
        let stores = reach.stores.into_iter().map(|store| StorePlace {
            endpoint: store.endpoint,
            region: store.region,
            buckets: store.grants.into_iter().map(|grant| grant.bucket).collect(),
        });
        Ok(HostReach::new(reach.egress.as_ref(), &self.operator, stores.collect()))
    }
}
