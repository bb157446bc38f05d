//! All sandboxes of this node: start, stop, who watches them.

use crate::doors::{Doors, Inside, ReachError};
use crate::isolation::{Engine, Launch};
use crate::prestarted::{Pool, Prestarted, Size};
use crate::process::{self, Ended, Ending};
use crate::python::{Python, PythonError, Runtime};
use crate::shares::{self, Shares};
use crate::tls::Dialer;
use crate::{NodeConfig, door, host};
use biplane_api::ids::{SandboxId, WorkspaceId};
use biplane_api::network::EgressProduct;
use biplane_doors::Identity;
use biplane_proto::v1::node_event::Event;
use biplane_proto::v1::start_sandbox_request::Program;
use biplane_proto::v1::{
    Hello, Leaving, NodeEvent, Sandbox, SandboxExited, SandboxUsage, StartSandboxRequest,
};
use biplane_sandbox::{Isolator, SpawnError};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

/// A watcher that falls this far behind is cut off; it comes back and is told everything anew.
const EVENTS_MAX: usize = 1024;
/// Time between SIGTERM and SIGKILL when the agent itself ends.
const CLOSE_GRACE: Duration = Duration::from_secs(3);
/// For a control plane to come back.
const TELL_WAIT: Duration = Duration::from_millis(500);

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
    #[error(transparent)]
    Python(#[from] PythonError),
    #[error("the request names no directory of a cluster")]
    Share,
    #[error("the directory of the sandbox could not be made")]
    Dir(#[source] io::Error),
    #[error("the request cannot be read")]
    Reach(#[from] ReachError),
    #[error("the engine could not be started")]
    Spawn(#[source] SpawnError),
    #[error("the engine could not be started")]
    Interrupted(#[source] io::Error),
}

pub struct Sandboxes {
    config: Arc<NodeConfig>,
    /// Holds a directory for each of them.
    dir: PathBuf,
    shares: Shares,
    dialer: Arc<Dialer>,
    isolator: Arc<dyn Isolator>,
    engine: Engine,
    python: Python,
    doors: Arc<Doors>,
    abandoned: CancellationToken,
    state: Mutex<State>,
    /// One start of an id at a time: two must not both see it missing.
    starting: Mutex<HashMap<SandboxId, Arc<tokio::sync::Mutex<()>>>>,
    /// A sandbox ended; for whoever drains.
    ended: Notify,
    pool: Pool,
}

/// What runs in a sandbox now.
struct Launched {
    sandbox: Arc<biplane_sandbox::Sandbox>,
    stderr: OwnedFd,
    closed: CancellationToken,
    dir: PathBuf,
}

#[derive(Default)]
struct State {
    running: HashMap<SandboxId, Running>,
    watcher: Option<mpsc::Sender<NodeEvent>>,
    closing: bool,
    /// On their way in, and counted as if they ran.
    entering: usize,
    /// How often all were ended: what was being started meanwhile ends as well.
    kills: u64,
}

struct Running {
    generation: u64,
    sandbox: Arc<biplane_sandbox::Sandbox>,
    ending: Arc<watch::Sender<Ending>>,
    /// Closed when nothing of it is left.
    gone: CancellationToken,
}

impl Sandboxes {
    #[expect(clippy::too_many_arguments, reason = "what an agent is made of, once")]
    pub fn new(
        config: Arc<NodeConfig>,
        dir: PathBuf,
        dialer: Arc<Dialer>,
        isolator: Arc<dyn Isolator>,
        engine: Engine,
        python: Python,
        doors: Arc<Doors>,
        abandoned: CancellationToken,
    ) -> Self {
        let (state, starting, ended, pool) = Default::default();
        Self {
            config,
            shares: Shares::beside(&dir),
            dir,
            dialer,
            isolator,
            engine,
            python,
            doors,
            abandoned,
            state,
            starting,
            ended,
            pool,
        }
    }

    /// Starts one, or finds that it runs.
    pub async fn start(
        self: &Arc<Self>,
        id: SandboxId,
        request: StartSandboxRequest,
    ) -> Result<(), StartError> {
        let mut runtime = match request.program {
            None => return Err(StartError::NoProgram),
            Some(Program::Engine(_)) => None,
            Some(Program::Python(_)) => Some(self.python.ready()?),
            Some(Program::Runtime(_)) => Some(self.python.runtime_ready()?),
            Some(Program::Spark(ref program)) => {
                Some(self.python.spark_ready(self.isolator.as_ref(), program.clone())?)
            }
        };
        if let (Some(runtime), Some(wanted)) = (&mut runtime, &request.cluster) {
            runtime.share = Some(self.shares.of(wanted)?);
        }
        let filled = runtime.as_ref().and_then(|runtime| shares::filled_by(runtime.share.as_ref()));
        let is_engine = runtime.is_none();
        let _turn = self.turn(&id).await;
        let Some(kills) = self.enter(&id, request.generation)? else {
            return Ok(());
        };
        let size = size(&request);
        let launched = self.launch(&id, size, &request, runtime).await;
        self.state.lock().entering -= 1;
        let Launched { sandbox, stderr, closed, dir } = launched?;
        let (ending, ended) = watch::channel(Ending::No);
        let (ending, gone) = (Arc::new(ending), CancellationToken::new());
        let generation = request.generation;
        {
            let mut state = self.state.lock();
            if state.closing || state.kills != kills {
                ending.send_replace(Ending::Kill);
            }
            let (sandbox, ending, gone) = (sandbox.clone(), ending.clone(), gone.clone());
            let running = Running { generation, sandbox, ending, gone };
            state.running.insert(id.clone(), running);
        }
        tracing::info!(sandbox_id = %id, generation, pid = sandbox.pid, "sandbox started");
        if let (Some(dir), most @ 1..) = (filled, self.config.isolation.sandbox_disk_bytes) {
            tokio::spawn(shares::bound(dir, most, ending.clone(), closed.clone()));
        }
        let (all, abandoned) = (self.clone(), self.abandoned.clone());
        tokio::spawn(async move {
            let watching = abandoned.run_until_cancelled(std::future::pending::<()>());
            let supervising = process::supervise(sandbox, stderr, ended);
            tokio::pin!(supervising);
            let how = tokio::select! {
                end = &mut supervising => end,
                _ = watching => {
                    ending.send_replace(Ending::Kill);
                    supervising.await
                }
            };
            closed.cancel();
            remove_dir(dir).await;
            all.finished(id, generation, how);
            gone.cancel();
        });
        if is_engine && self.config.prestarted > 0 {
            tokio::spawn(self.clone().prestart(size));
        }
        Ok(())
    }

    async fn turn(&self, id: &SandboxId) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = {
            let mut starting = self.starting.lock();
            // Those whose turn nobody has or waits for.
            starting.retain(|_, turn| Arc::strong_count(turn) > 1);
            starting.entry(id.clone()).or_default().clone()
        };
        turn.lock_owned().await
    }

    /// None: it runs. Else it is on its way in from now on, and what is told is the number of kills so far.
    fn enter(&self, id: &SandboxId, generation: u64) -> Result<Option<u64>, StartError> {
        let mut state = self.state.lock();
        if state.closing {
            return Err(StartError::Closing);
        }
        match state.running.get(id) {
            Some(running) if running.generation == generation => Ok(None),
            Some(_) => Err(StartError::Generation),
            None if state.running.len() + state.entering >= self.config.sandboxes_max => {
                Err(StartError::Full)
            }
            None => {
                state.entering += 1;
                Ok(Some(state.kills))
            }
        }
    }

    async fn launch(
        &self,
        id: &SandboxId,
        size: Size,
        request: &StartSandboxRequest,
        runtime: Option<Runtime>,
    ) -> Result<Launched, StartError> {
        let ready = if runtime.is_none() { self.pool.take(size).await } else { None };
        if let Some(ready) = ready {
            return match self.open_doors(id, &ready.dir, request, Inside::Engine) {
                Ok(closed) => {
                    let Prestarted { dir, listener, sandbox, stderr, .. } = ready;
                    let door =
                        door::keep(listener, id.to_string(), self.dialer.clone(), closed.clone());
                    tokio::spawn(door);
                    Ok(Launched { sandbox, stderr, closed, dir })
                }
                Err(error) => {
                    discard(ready);
                    Err(error)
                }
            };
        }
        let dir = self.dir.join(id.as_str());
        let started = self.launch_in(id, &dir, size, request, runtime).await;
        match started {
            Ok((sandbox, stderr, closed)) => Ok(Launched { sandbox, stderr, closed, dir }),
            Err(error) => {
                remove_dir(dir).await;
                Err(error)
            }
        }
    }

    async fn launch_in(
        &self,
        id: &SandboxId,
        dir: &Path,
        size: Size,
        request: &StartSandboxRequest,
        runtime: Option<Runtime>,
    ) -> Result<(Arc<biplane_sandbox::Sandbox>, OwnedFd, CancellationToken), StartError> {
        let listener = prepare(dir)?;
        let inside = match &runtime {
            None => Inside::Engine,
            Some(runtime) if runtime.reads_tables() => Inside::Runtime,
            Some(_) => Inside::Code,
        };
        let closed = self.open_doors(id, dir, request, inside)?;
        // Until the sandbox runs, leaving here closes its doors again.
        let closing = closed.clone().drop_guard();
        let workspace = Some(WorkspaceId(request.workspace_id));
        let (sandbox, stderr) = self.spawn(id, workspace, dir, size, runtime).await?;
        closing.disarm();
        tokio::spawn(door::keep(listener, id.to_string(), self.dialer.clone(), closed.clone()));
        Ok((sandbox, stderr, closed))
    }

    /// The doors that need to know whose they are.
    fn open_doors(
        &self,
        id: &SandboxId,
        dir: &Path,
        request: &StartSandboxRequest,
        inside: Inside,
    ) -> Result<CancellationToken, StartError> {
        if let Some(reach) = request.reach.clone() {
            self.doors.set(reach)?;
        }
        let closed = CancellationToken::new();
        let identity = Identity {
            sandbox_id: id.clone(),
            workspace_id: WorkspaceId(request.workspace_id),
            product: match inside {
                Inside::Engine => EgressProduct::Sql,
                Inside::Code | Inside::Runtime => EgressProduct::Other,
            },
        };
        let doors = dir.join(biplane_sandbox::DOORS);
        if let Err(error) = self.doors.open(&doors, identity, inside, closed.clone()) {
            closed.cancel();
            return Err(StartError::Dir(error));
        }
        Ok(closed)
    }

    async fn spawn(
        &self,
        name: &SandboxId,
        workspace: Option<WorkspaceId>,
        dir: &Path,
        size: Size,
        runtime: Option<Runtime>,
    ) -> Result<(Arc<biplane_sandbox::Sandbox>, OwnedFd), StartError> {
        let Size { cpu_millis, memory_bytes } = size;
        let name = name.as_str();
        let launch = Launch {
            name,
            workspace,
            dir,
            door: door::NAME,
            cpu_millis,
            memory_bytes,
            disk_bytes: self.config.isolation.sandbox_disk_bytes,
        };
        let spec = match runtime {
            None => self.engine.spec(&launch, self.isolator.as_ref()),
            Some(runtime) => {
                runtime.spec(&launch, self.isolator.as_ref()).map_err(PythonError::from)?
            }
        };
        let (stderr, write) = io::pipe().map_err(StartError::Interrupted)?;
        let isolator = self.isolator.clone();
        let spawning = tokio::task::spawn_blocking(move || isolator.spawn(&spec, write.into()));
        let spawned = spawning.await.map_err(|error| StartError::Interrupted(error.into()))?;
        Ok((Arc::new(spawned.map_err(StartError::Spawn)?), stderr.into()))
    }

    /// Starts engines of this size before anybody needs them.
    async fn prestart(self: Arc<Self>, size: Size) {
        let _one = self.pool.filling.lock().await;
        self.pool.take_others(Some(size)).into_iter().for_each(discard);
        while self.pool.len() < self.config.prestarted && !self.ends() {
            let name = SandboxId::random();
            let dir = self.dir.join(name.as_str());
            self.pool.comes(size);
            let started = async {
                let listener = prepare(&dir)?;
                let (sandbox, stderr) = self.spawn(&name, None, &dir, size, None).await?;
                Ok::<_, StartError>(Prestarted {
                    size,
                    dir: dir.clone(),
                    listener,
                    sandbox,
                    stderr,
                })
            };
            match started.await {
                Ok(ready) => self.pool.arrives(Some(ready)),
                Err(error) => {
                    self.pool.arrives(None);
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "an engine could not be started ahead"
                    );
                    return remove_dir(dir).await;
                }
            }
        }
        if self.ends() {
            self.pool.take_others(None).into_iter().for_each(discard);
        }
    }

    fn ends(&self) -> bool {
        self.abandoned.is_cancelled() || self.state.lock().closing
    }

    fn finished(&self, id: SandboxId, generation: u64, how: Ended) {
        let Ended { status, out_of_memory, mut tail } = how;
        tracing::info!(sandbox_id = %id, generation, status, out_of_memory, "sandbox ended");
        if out_of_memory {
            tail.push_str("\nit used more memory than it may, and was ended as a whole");
        }
        let mut state = self.state.lock();
        state.running.remove(&id);
        self.ended.notify_one();
        let sandbox_id = id.into();
        let exited = SandboxExited { sandbox_id, generation, status, tail, out_of_memory };
        let event = Event::SandboxExited(exited);
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
        if !self.state.lock().running.contains_key(id) {
            // It may be on its way in: whoever asked for it no longer waits.
            drop(self.turn(id).await);
        }
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
        self.pool.take_others(None).into_iter().for_each(discard);
        let mut state = self.state.lock();
        state.kills += 1;
        for running in state.running.values() {
            running.ending.send_replace(Ending::Kill);
        }
    }

    /// Takes no more. Returns when the control plane has ended all, or after `grace`, or at once when no
    /// control plane is there to do so.
    pub async fn drain(&self, grace: Duration) {
        let watched = {
            let mut state = self.state.lock();
            state.closing = true;
            state.watcher.as_ref().is_some_and(|watcher| watcher.try_send(leaving()).is_ok())
        };
        let empty = async {
            while !self.state.lock().running.is_empty() {
                self.ended.notified().await;
            }
        };
        if watched {
            let _ = tokio::time::timeout(grace, empty).await;
        }
    }

    /// Takes no more and ends all. Returns when nothing is left.
    pub async fn close(&self) {
        let ids: Vec<SandboxId> = {
            let mut state = self.state.lock();
            state.closing = true;
            state.running.keys().cloned().collect()
        };
        self.pool.take_others(None).into_iter().for_each(discard);
        futures::future::join_all(ids.iter().map(|id| self.stop(id, CLOSE_GRACE))).await;
        self.isolator.retire();
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
            isolation: self.isolator.level().kind.as_str().to_owned(),
            isolation_reasons: self.isolator.level().reasons.clone(),
            python: self.python.version(),
            mesh_address: self.doors.mesh().address().to_owned(),
        };
        // The channel is new and has room.
        let _ = tell.try_send(NodeEvent { event: Some(Event::Hello(hello)) });
        if state.closing {
            let _ = tell.try_send(leaving());
        }
        state.watcher = Some(tell);
        told
    }

    pub fn doors(&self) -> &Arc<Doors> {
        &self.doors
    }

    /// Tells the control plane what sandboxes tried to reach. Never returns.
    pub async fn tell_outbound(&self) {
        loop {
            let event = Event::Outbound(self.doors.events().await);
            // Without anybody to tell, these wait here and the rest in a log that forgets the oldest.
            while !self.tell(event.clone()) {
                tokio::time::sleep(TELL_WAIT).await;
            }
        }
    }

    /// False: nobody heard it.
    fn tell(&self, event: Event) -> bool {
        let state = self.state.lock();
        let watcher = state.watcher.as_ref();
        watcher.is_some_and(|watcher| watcher.try_send(NodeEvent { event: Some(event) }).is_ok())
    }

    pub fn unwatch(&self) {
        self.state.lock().watcher = None;
    }

    pub fn prestarted(&self) -> usize {
        self.pool.len()
    }

    pub fn usage(&self) -> Vec<SandboxUsage> {
        let running: Vec<_> = self
            .state
            .lock()
            .running
            .iter()
            .map(|(id, running)| (id.clone(), running.sandbox.clone()))
            .collect();
        let usage = |(id, sandbox): &(SandboxId, Arc<_>)| {
            let stats = self.isolator.stats(sandbox);
            let (egress, storage) = self.doors.traffic(id).unzip();
            SandboxUsage {
                sandbox_id: id.to_string(),
                memory_bytes: stats.memory_bytes,
                cpu_ms: stats.cpu_ms,
                processes: stats.processes,
                egress,
                storage,
                mesh: self.doors.mesh_traffic(id),
            }
        };
        running.iter().map(usage).collect()
    }
}

fn size(request: &StartSandboxRequest) -> Size {
    let limits = request.limits.unwrap_or_default();
    let memory_bytes = match limits.memory_bytes {
        0 => host::memory_bytes() / 2,
        bytes => bytes,
    };
    Size { cpu_millis: limits.cpu_millis, memory_bytes }
}

/// The directory of a sandbox, and its relay door.
fn prepare(dir: &Path) -> Result<UnixListener, StartError> {
    let doors = dir.join(biplane_sandbox::DOORS);
    for made in [&doors, &dir.join(biplane_sandbox::WORK).join("tmp")] {
        host::private_dir(made).map_err(StartError::Dir)?;
    }
    door::open(&doors).map_err(StartError::Dir)
}

/// Ends one that belongs to nobody.
fn discard(ready: Prestarted) {
    let (ending, ended) = watch::channel(Ending::Kill);
    tokio::spawn(async move {
        process::supervise(ready.sandbox, ready.stderr, ended).await;
        remove_dir(ready.dir).await;
        drop(ending);
    });
}

fn leaving() -> NodeEvent {
    NodeEvent { event: Some(Event::Leaving(Leaving {})) }
}

async fn remove_dir(dir: PathBuf) {
    let removed = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(dir)).await;
    if let Ok(Err(error)) = removed
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "the directory of a sandbox could not be removed");
    }
}
