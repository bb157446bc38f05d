//! Spark Connect runtimes: each a sandbox of its own, of one user of one compute resource.
//!
//! What must hold: who asks reaches its own runtime and no other; functions of the user run in it, so it is
//! given no credential, neither the caller's, and of storage only the tables that its user may read in whole
//! (`granted.rs`); it ends when nobody used it for a while.

use super::granted::Granted;
use super::sandbox::CodeSandbox;
use super::{Code, IDLE};
use crate::Compute;
use crate::clusters::{Attached, LOAD_LIFE};
use crate::relay::{Guarded, Refused};
use axum::body::Body;
use biplane_api::ids::{ClusterId, PrincipalId, WorkspaceId};
use biplane_platform::{ApiError, Result};
use biplane_proto::channel::{PING_INTERVAL, PING_TIMEOUT, WINDOW_BYTES};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A call waits this long for a runtime that starts. Then it is told to come again.
const HOLD: Duration = Duration::from_secs(50);

/// Whose runtime.
#[derive(Clone)]
pub struct Owner {
    pub workspace_id: WorkspaceId,
    pub principal_id: PrincipalId,
    pub user_name: String,
    /// The compute resource that it belongs to; None: serverless.
    pub cluster: Option<Attached>,
}

impl Owner {
    /// Of the one who uses a sandbox of code.
    pub fn of(sandbox: &CodeSandbox) -> Self {
        Self {
            workspace_id: sandbox.workspace_id,
            principal_id: sandbox.principal_id,
            user_name: sandbox.user_name.clone(),
            cluster: sandbox.cluster.clone(),
        }
    }
}

/// Calls go on its connection without a queue between: every turn of a task would be felt.
pub type Calls = SendRequest<Body>;

/// What a sandbox has beside the rest when it is a runtime.
pub struct Runtime {
    /// The connection that it serves on, by number.
    link: watch::Sender<Option<(u64, Calls)>>,
    calls: Mutex<Count>,
    /// Tasks that its driver has to run, as it said then.
    tasks: Mutex<Option<(u64, Instant)>>,
    pub granted: Granted,
}

struct Count {
    running: usize,
    /// Since when none runs.
    since: Instant,
}

impl Runtime {
    pub fn new() -> Self {
        let calls = Mutex::new(Count { running: 0, since: Instant::now() });
        Self {
            link: watch::Sender::new(None),
            calls,
            tasks: Mutex::default(),
            granted: Granted::default(),
        }
    }

    fn idle_for(&self) -> Duration {
        let calls = self.calls.lock();
        if calls.running > 0 { Duration::ZERO } else { calls.since.elapsed() }
    }
}

/// A runtime that a call uses: it does not end for want of use meanwhile.
pub struct InUse {
    pub calls: Calls,
    sandbox: Arc<CodeSandbox>,
}

impl InUse {
    /// Its runtime ends, and every call with it.
    pub fn ended(&self) -> CancellationToken {
        self.sandbox.closed.clone()
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        if let Some(runtime) = &self.sandbox.runtime {
            let mut calls = runtime.calls.lock();
            calls.running -= 1;
            calls.since = Instant::now();
        }
    }
}

/// Why there is none to speak to.
#[derive(Debug)]
pub enum NoRuntime {
    /// It is being started, and will be there later.
    Pending,
    Failed(String),
    Refused(ApiError),
}

impl Compute {
    /// The owner's runtime, started when there is none.
    pub(crate) async fn runtime(self: &Arc<Self>, owner: &Owner) -> Result<InUse, NoRuntime> {
        self.code_possible().map_err(NoRuntime::Refused)?;
        let (sandbox, new) = self.code.runtime_of(owner, self.clock.now_ms());
        if new {
            tokio::spawn(self.clone().code_keep(sandbox.clone()));
            if sandbox.drives() {
                tokio::spawn(self.clone().executors_keep(sandbox.clone()));
            }
        }
        let Some(runtime) = &sandbox.runtime else {
            return Err(NoRuntime::Refused(ApiError::internal("a runtime that is none")));
        };
        let mut link = runtime.link.subscribe();
        let served = async {
            let found = link.wait_for(Option::is_some).await.ok()?;
            found.as_ref().map(|(_, calls)| calls.clone())
        };
        let calls = tokio::select! {
            biased;
            () = sandbox.closed.cancelled() => {
                let fate = sandbox.fate.lock().clone();
                return Err(NoRuntime::Failed(fate.unwrap_or_else(|| "The Spark runtime ended.".into())));
            }
            calls = served => calls,
            () = tokio::time::sleep(HOLD) => None,
        };
        let calls = calls.ok_or(NoRuntime::Pending)?;
        runtime.calls.lock().running += 1;
        Ok(InUse { calls, sandbox })
    }

    /// A runtime serves on this connection. Returns when that ended.
    pub(crate) async fn runtime_connected<S>(
        &self,
        sandbox: &Arc<CodeSandbox>,
        stream: S,
    ) -> Result<(), Refused>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let runtime = sandbox.runtime.as_ref().ok_or(Refused::UnknownSandbox)?;
        let (lost, cut) = (CancellationToken::new(), sandbox.closed.child_token());
        let _cut = cut.clone().drop_guard();
        let stream = TokioIo::new(Guarded::new(stream, cut, lost.clone()));
        let (calls, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES * 2)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .keep_alive_while_idle(true)
            .handshake(stream)
            .await?;
        // Its end is seen by the stream's.
        tokio::spawn(connection);
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        tracing::info!(sandbox_id = %sandbox.id, "runtime connected");
        runtime.link.send_replace(Some((serial, calls)));
        sandbox.connected.cancel();
        tokio::select! {
            () = lost.cancelled() => {}
            () = self.stop.cancelled() => return Ok(()),
        }
        tracing::info!(sandbox_id = %sandbox.id, "runtime disconnected");
        let own =
            |link: &Option<(u64, Calls)>| link.as_ref().is_some_and(|(one, _)| *one == serial);
        runtime.link.send_if_modified(|link| own(link) && link.take().is_some());
        let (mut link, mut exited) = (runtime.link.subscribe(), sandbox.exited.subscribe());
        let back = tokio::select! {
            found = link.wait_for(Option::is_some) => found.is_ok(),
            _ = exited.wait_for(Option::is_some) => false,
            () = tokio::time::sleep(self.config.reconnect_wait) => false,
            () = sandbox.closed.cancelled() => false,
        };
        if !back {
            sandbox.closed.cancel();
        }
        Ok(())
    }
}

impl Runtime {
    pub fn tell_tasks(&self, tasks: u64) {
        *self.tasks.lock() = Some((tasks, Instant::now()));
    }
}

impl Compute {
    /// What the drivers on a cluster have to run.
    pub(crate) fn code_tasks(&self, cluster: &ClusterId) -> u64 {
        let on = |sandbox: &Arc<CodeSandbox>| {
            let here = sandbox.cluster.as_ref().is_some_and(|on| on.id == *cluster);
            let (tasks, at) = (*sandbox.runtime.as_ref().filter(|_| here)?.tasks.lock())?;
            (at.elapsed() < LOAD_LIFE).then_some(tasks)
        };
        self.code.all().iter().filter_map(on).fold(0, u64::saturating_add)
    }
}

impl Code {
    /// The owner's, made when there is none that lives. True: it is new.
    fn runtime_of(&self, owner: &Owner, now_ms: i64) -> (Arc<CodeSandbox>, bool) {
        let mut sandboxes = self.sandboxes.lock();
        let own = |sandbox: &&Arc<CodeSandbox>| {
            sandbox.workspace_id == owner.workspace_id
                && sandbox.principal_id == owner.principal_id
                && !sandbox.closed.is_cancelled()
                && sandbox.runtime.is_some()
                && sandbox.cluster.as_ref().map(|on| (&on.id, &on.driver))
                    == owner.cluster.as_ref().map(|on| (&on.id, &on.driver))
        };
        if let Some(found) = sandboxes.values().find(own) {
            return (found.clone(), false);
        }
        let made = Arc::new(CodeSandbox::of_runtime(owner, now_ms));
        sandboxes.insert(made.id.clone(), made.clone());
        (made, true)
    }

    /// How long nobody has used the runtimes on a cluster.
    pub(super) fn runtime_idle(&self, cluster: &ClusterId) -> Option<Duration> {
        let sandboxes = self.sandboxes.lock();
        let on = sandboxes
            .values()
            .filter(|sandbox| sandbox.cluster.as_ref().is_some_and(|on| on.id == *cluster));
        on.filter_map(|sandbox| sandbox.runtime.as_ref()).map(Runtime::idle_for).min()
    }

    /// Ends runtimes: those that nobody used for a while.
    pub(super) fn end_idle_runtimes(&self) {
        let idle = |sandbox: &CodeSandbox| {
            sandbox.runtime.as_ref().is_some_and(|runtime| runtime.idle_for() >= IDLE)
        };
        for sandbox in self.all().iter().filter(|sandbox| idle(sandbox)) {
            sandbox.end("The Spark runtime was not used for a while.");
        }
    }

    /// Ends the runtimes of a workspace that goes.
    pub(super) fn end_runtimes_of(&self, workspace: WorkspaceId) {
        for sandbox in self.all() {
            if sandbox.workspace_id == workspace && sandbox.runtime.is_some() {
                sandbox.end("The workspace was deleted.");
            }
        }
    }
}
