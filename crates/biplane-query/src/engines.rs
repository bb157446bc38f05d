//! What this service needs of compute: an engine to run a statement on.

use biplane_api::ids::{SandboxId, WarehouseId, WorkspaceId};
use biplane_platform::{Ctx, Result};
use biplane_proto::v1::engine_client::EngineClient;
use std::any::Any;
use std::fmt;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

/// The right to run one statement on an engine. The warehouse is not idle while it lives.
pub struct Lease {
    pub client: EngineClient<Channel>,
    pub sandbox_id: SandboxId,
    /// Cancelled when the engine is gone.
    pub lost: CancellationToken,
    /// Waited for because all engines had enough to do; the rest of the wait was for a start.
    pub queued: Duration,
    /// Dropped with the lease.
    pub guard: Box<dyn LeaseGuard>,
}

/// What keeps a lease.
#[async_trait::async_trait]
pub trait LeaseGuard: Send + Sync {
    /// For an engine that is gone: the memory it had, when it was ended because it used more.
    async fn ran_out_of_memory(&self) -> Option<u64> {
        None
    }

    /// Something of the session stays on this engine; it is kept for the session while the pin lives.
    fn pin(&self) -> Box<dyn Any + Send + Sync>;
}

#[async_trait::async_trait]
impl LeaseGuard for () {
    fn pin(&self) -> Box<dyn Any + Send + Sync> {
        Box::new(())
    }
}

/// Which engine, and how long it is worth waiting for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The one that the session used last.
    pub engine: Option<SandboxId>,
    /// The session has temporary objects there: no other will do while that one is there.
    pub bound: bool,
    /// A stopped warehouse must have started by then.
    pub start_by: Instant,
    /// An engine of a running one must have room by then.
    pub queue_by: Instant,
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("sandbox_id", &self.sandbox_id).finish_non_exhaustive()
    }
}

/// What a warehouse says about the statements that run on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WarehouseRules {
    /// The warehouse's own limit of a statement's run time.
    pub statement_timeout: Option<Duration>,
}

#[async_trait::async_trait]
pub trait Engines: Send + Sync {
    /// Refuses unless `ctx` may use the warehouse: 404 when it may not know of it, else 403. Quick: it
    /// is asked for every statement.
    async fn authorize(&self, ctx: &Ctx, warehouse: &WarehouseId) -> Result<WarehouseRules>;

    /// An engine of the warehouse, started and waited for if it is stopped.
    async fn acquire(&self, ctx: &Ctx, warehouse: &WarehouseId, wish: Wish) -> Result<Lease>;

    /// Refuses when so many wait for the warehouse that one more makes no sense. At once.
    fn queue_check(&self, _warehouse: &WarehouseId) -> Result<()> {
        Ok(())
    }

    /// Warehouses whose query history `ctx` may see whole (CAN_MONITOR).
    async fn monitored(&self, ctx: &Ctx) -> Result<Vec<WarehouseId>>;

    /// Counts of open sessions, for those who show them.
    fn session_opened(&self, _warehouse: &WarehouseId) {}
    fn session_closed(&self, _warehouse: &WarehouseId) {}
}

/// The catalog side of a workspace.
#[derive(Debug, Clone, Default)]
pub struct Home {
    pub metastore_id: String,
    /// Where a session without a catalog starts.
    pub default_catalog: String,
}

#[async_trait::async_trait]
pub trait Homes: Send + Sync {
    async fn home(&self, workspace: WorkspaceId) -> Result<Home>;
}
