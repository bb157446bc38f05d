//! SQL sessions: where a client's statements find their catalog, schema, configuration and tags.
//!
//! One object behind Thrift sessions and `/api/2.0/sql/sessions`. It is in the database before its id is
//! given out and follows USE and SET there, so it outlives the server; temporary views are the engine's
//! and end with it.

pub(crate) mod http;
pub(crate) mod ops;
pub(crate) mod settings;
mod store;

pub(crate) use store::change as store_change;

pub use ops::Sessions;
pub use settings::{QueryTag, Settings};

use biplane_api::ids::{PrincipalId, SandboxId, SqlSessionId, WarehouseId, WorkspaceId};
use biplane_proto::v1::SessionChange;
use biplane_proto::v1::engine_client::EngineClient;
use parking_lot::Mutex;
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

/// What a client asks for when it opens a session.
#[derive(Debug, Clone)]
pub struct OpenSession {
    pub warehouse_id: WarehouseId,
    pub catalog: Option<String>,
    pub schema: Option<String>,
    /// Keys in any case. `QUERY_TAGS` is taken out of it.
    pub conf: BTreeMap<String, String>,
    pub client_application: Option<String>,
}

#[derive(Debug)]
pub struct SqlSession {
    pub id: SqlSessionId,
    pub workspace_id: WorkspaceId,
    pub warehouse_id: WarehouseId,
    pub principal_id: PrincipalId,
    pub client_application: Option<String>,
    pub created_at: i64,
    settings: Mutex<Settings>,
    last_used_at: AtomicI64,
    /// What the database has of `last_used_at`.
    last_used_written: AtomicI64,
    /// Statements that have not ended. A session with any is not idle.
    running: AtomicUsize,
    /// Cancelled when the session is closed; its statements go with it.
    closed: CancellationToken,
    engines: Mutex<Engines>,
}

/// Where a session has been.
#[derive(Default)]
struct Engines {
    /// All that may keep something of it, the last one last.
    used: Vec<(SandboxId, EngineClient<Channel>)>,
    /// Keeps the engine with its temporary objects.
    pin: Option<Pin>,
}

struct Pin {
    engine: SandboxId,
    _kept: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for Engines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engines").field("used", &self.used.len()).finish_non_exhaustive()
    }
}

/// More than a warehouse has engines.
const ENGINES_MAX: usize = 64;

impl SqlSession {
    /// What holds for the next statement.
    pub fn settings(&self) -> Settings {
        self.settings.lock().clone()
    }

    pub fn last_used_at(&self) -> i64 {
        self.last_used_at.load(Ordering::Relaxed)
    }

    pub(crate) fn closed(&self) -> &CancellationToken {
        &self.closed
    }

    /// Takes in what a statement left behind; the new settings if that changed anything.
    pub(crate) fn apply(&self, change: &SessionChange) -> Option<Settings> {
        let mut settings = self.settings.lock();
        settings.apply(change).then(|| settings.clone())
    }

    pub(crate) fn began(self: &std::sync::Arc<Self>, now_ms: i64) -> RunningIn {
        self.last_used_at.store(now_ms, Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::Relaxed);
        RunningIn(self.clone())
    }

    /// The engine that its next statement would like, and whether no other will do.
    pub(crate) fn engine_wish(&self) -> (Option<SandboxId>, bool) {
        let engines = self.engines.lock();
        match &engines.pin {
            Some(pin) => (Some(pin.engine.clone()), true),
            None => (engines.used.last().map(|(id, _)| id.clone()), false),
        }
    }

    /// A statement runs there. What the session had on the engine it was bound to is gone with that one.
    pub(crate) fn ran_on(&self, id: &SandboxId, client: &EngineClient<Channel>) {
        let mut engines = self.engines.lock();
        engines.pin.take_if(|pin| pin.engine != *id);
        engines.used.retain(|(used, _)| used != id);
        if engines.used.len() >= ENGINES_MAX {
            engines.used.remove(0);
        }
        engines.used.push((id.clone(), client.clone()));
    }

    /// It leaves temporary objects there.
    pub(crate) fn bind(&self, id: &SandboxId, pin: impl FnOnce() -> Box<dyn Any + Send + Sync>) {
        let mut engines = self.engines.lock();
        if engines.pin.as_ref().is_none_or(|pin| pin.engine != *id) {
            engines.pin = Some(Pin { engine: id.clone(), _kept: pin() });
        }
    }

    fn engines_left(&self) -> Vec<EngineClient<Channel>> {
        let engines = std::mem::take(&mut *self.engines.lock());
        engines.used.into_iter().map(|(_, client)| client).collect()
    }
}

/// A statement that runs in a session.
#[derive(Debug)]
pub(crate) struct RunningIn(std::sync::Arc<SqlSession>);

impl RunningIn {
    pub fn session(&self) -> &std::sync::Arc<SqlSession> {
        &self.0
    }
}

impl Drop for RunningIn {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}
