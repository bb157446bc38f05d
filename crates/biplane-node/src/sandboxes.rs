//! All sandboxes of this node: start, stop, who watches them.

use crate::process::{self, Ending, Launch};
use crate::spawner::Spawner;
use crate::tls::Dialer;
use crate::{NodeConfig, door, host, isolation};
use biplane_api::ids::SandboxId;
use biplane_proto::v1::node_event::Event;
use biplane_proto::v1::{
    Hello, Leaving, NodeEvent, Sandbox, SandboxExited, SandboxUsage, StartSandboxRequest,
};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Child;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// A watcher that falls this far behind is cut off; it comes back and is told everything anew.
const EVENTS_MAX: usize = 1024;
/// Time between SIGTERM and SIGKILL when the agent itself ends.
const CLOSE_GRACE: Duration = Duration::from_secs(3);

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("this node runs as many sandboxes as it may")]
    Full,
    #[error("this sandbox runs with another generation")]
    Generation,
    #[error("this node is shutting down")]
    Closing,
    #[error("the request names no program that this node knows")]
    NoProgram,
    #[error("the directory of the sandbox could not be made")]
    Dir(#[source] io::Error),
    #[error("the engine could not be started")]
    Spawn(#[source] io::Error),
}

pub struct Sandboxes {
    config: Arc<NodeConfig>,
    dialer: Arc<Dialer>,
    spawner: Spawner,
    abandoned: CancellationToken,
    state: Mutex<State>,
    /// One start at a time: two for the same id must not both see it missing.
    starting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    running: HashMap<SandboxId, Running>,
    watcher: Option<mpsc::Sender<NodeEvent>>,
    closing: bool,
}

struct Running {
    generation: u64,
    pid: i32,
    ending: Arc<watch::Sender<Ending>>,
    /// Closed when nothing of it is left.
    gone: CancellationToken,
}

impl Sandboxes {
    pub fn new(
        config: Arc<NodeConfig>,
        dialer: Arc<Dialer>,
        spawner: Spawner,
        abandoned: CancellationToken,
    ) -> Self {
        let (state, starting) = Default::default();
        Self { config, dialer, spawner, abandoned, state, starting }
    }

    /// Starts one, or finds that it runs.
    pub async fn start(
        self: &Arc<Self>,
        id: SandboxId,
        request: StartSandboxRequest,
    ) -> Result<(), StartError> {
        if request.program.is_none() {
            return Err(StartError::NoProgram);
        }
        let _one = self.starting.lock().await;
        if self.runs(&id, request.generation)? {
            return Ok(());
        }
        let dir = self.config.work_dir.join("sandboxes").join(id.as_str());
        let started = self.launch(&id, &dir, &request).await;
        let (child, pid, closed) = match started {
            Ok(started) => started,
            Err(error) => {
                remove_dir(dir).await;
                return Err(error);
            }
        };
        let (ending, ended) = watch::channel(Ending::No);
        let (ending, gone) = (Arc::new(ending), CancellationToken::new());
        let generation = request.generation;
        {
            let mut state = self.state.lock();
            if state.closing {
                ending.send_replace(Ending::Kill);
            }
            let running = Running { generation, pid, ending: ending.clone(), gone: gone.clone() };
            state.running.insert(id.clone(), running);
        }
        tracing::info!(sandbox_id = %id, generation, pid, "sandbox started");
        let (all, abandoned) = (self.clone(), self.abandoned.clone());
        tokio::spawn(async move {
            let watching = abandoned.run_until_cancelled(std::future::pending::<()>());
            let supervising = process::supervise(child, pid, ended);
            tokio::pin!(supervising);
            let (status, tail) = tokio::select! {
                end = &mut supervising => end,
                _ = watching => {
                    ending.send_replace(Ending::Kill);
                    supervising.await
                }
            };
            closed.cancel();
            remove_dir(dir).await;
            all.finished(id, generation, status, tail);
            gone.cancel();
        });
        Ok(())
    }

    fn runs(&self, id: &SandboxId, generation: u64) -> Result<bool, StartError> {
        let state = self.state.lock();
        if state.closing {
            return Err(StartError::Closing);
        }
        match state.running.get(id) {
            Some(running) if running.generation == generation => Ok(true),
            Some(_) => Err(StartError::Generation),
            None if state.running.len() >= self.config.sandboxes_max => Err(StartError::Full),
            None => Ok(false),
        }
    }

    async fn launch(
        &self,
        id: &SandboxId,
        dir: &Path,
        request: &StartSandboxRequest,
    ) -> Result<(Child, i32, CancellationToken), StartError> {
        host::private_dir(&dir.join("tmp")).map_err(StartError::Dir)?;
        std::fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .map_err(StartError::Dir)?;
        let listener = door::open(dir).map_err(StartError::Dir)?;
        let limits = request.limits.unwrap_or_default();
        let launch = Launch {
            command: &self.config.engine_command,
            env: &self.config.engine_env,
            dir,
            door: door::NAME,
            cpus: limits.cpu_millis.div_ceil(1000).max(1),
            memory_bytes: match limits.memory_bytes {
                0 => host::memory_bytes() / 2,
                bytes => bytes,
            },
        };
        let command = process::command(&launch).ok_or(StartError::NoProgram)?;
        let child = self.spawner.spawn(command).await.map_err(StartError::Spawn)?;
        let pid = child
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .ok_or_else(|| StartError::Spawn(io::Error::other("it ended at once")))?;
        let closed = CancellationToken::new();
        tokio::spawn(door::keep(listener, id.to_string(), self.dialer.clone(), closed.clone()));
        Ok((child, pid, closed))
    }

    fn finished(&self, id: SandboxId, generation: u64, status: i32, tail: String) {
        tracing::info!(sandbox_id = %id, generation, status, "sandbox ended");
        let mut state = self.state.lock();
        state.running.remove(&id);
        let event =
            Event::SandboxExited(SandboxExited { sandbox_id: id.into(), generation, status, tail });
        let lagging = match &state.watcher {
            Some(watcher) => watcher.try_send(NodeEvent { event: Some(event) }).is_err(),
            None => false,
        };
        if lagging {
            state.watcher = None;
        }
    }

    /// Returns when nothing of the sandbox is left.
    pub async fn stop(&self, id: &SandboxId, grace: Duration) {
        let gone = {
            let state = self.state.lock();
            let Some(running) = state.running.get(id) else {
                return;
            };
            running.ending.send_if_modified(|ending| {
                let first = *ending == Ending::No;
                if first {
                    *ending = Ending::Term(grace);
                }
                first
            });
            running.gone.clone()
        };
        gone.cancelled().await;
    }

    /// Ends all without grace; does not wait.
    pub fn kill_all(&self) {
        for running in self.state.lock().running.values() {
            running.ending.send_replace(Ending::Kill);
        }
    }

    /// Takes no more and ends all. Returns when nothing is left.
    pub async fn close(&self) {
        let ids: Vec<SandboxId> = {
            let mut state = self.state.lock();
            state.closing = true;
            if let Some(watcher) = &state.watcher {
                let _ = watcher.try_send(NodeEvent { event: Some(Event::Leaving(Leaving {})) });
            }
            state.running.keys().cloned().collect()
        };
        futures::future::join_all(ids.iter().map(|id| self.stop(id, CLOSE_GRACE))).await;
    }

    /// What happens from now on. Whoever watched before is cut off.
    pub fn watch(&self) -> mpsc::Receiver<NodeEvent> {
        let (tell, told) = mpsc::channel(EVENTS_MAX);
        let mut state = self.state.lock();
        let sandboxes = state
            .running
            .iter()
            .map(|(id, running)| Sandbox {
                sandbox_id: id.to_string(),
                generation: running.generation,
            })
            .collect();
        let hello = Hello {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cpus: host::cpus(),
            memory_bytes: host::memory_bytes(),
            sandboxes,
            isolation: isolation::LEVEL.to_owned(),
        };
        // The channel is new and has room.
        let _ = tell.try_send(NodeEvent { event: Some(Event::Hello(hello)) });
        state.watcher = Some(tell);
        told
    }

    pub fn unwatch(&self) {
        self.state.lock().watcher = None;
    }

    pub fn usage(&self) -> Vec<SandboxUsage> {
        let pids: Vec<(SandboxId, i32)> = self
            .state
            .lock()
            .running
            .iter()
            .map(|(id, running)| (id.clone(), running.pid))
            .collect();
        pids.iter().map(|(id, pid)| host::usage(id.as_str(), *pid)).collect()
    }
}

async fn remove_dir(dir: PathBuf) {
    let removed = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(dir)).await;
    if let Ok(Err(error)) = removed
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "the directory of a sandbox could not be removed");
    }
}
