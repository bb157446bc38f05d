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
    /// Dropped with the lease.
    pub guard: Box<dyn Any + Send + Sync>,
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
    async fn acquire(&self, ctx: &Ctx, warehouse: &WarehouseId, deadline: Instant)
    -> Result<Lease>;

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
