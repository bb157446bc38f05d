//! One warehouse in memory: its row, what runs for it now, who uses it. All under one lock that is held
//! for nanoseconds; whoever waits for a change subscribes.

use super::store::{Desired, Warehouse};
use biplane_api::compute::WarehouseState;
use biplane_api::ids::{NodeId, SandboxId, WarehouseId, WorkspaceId};
use biplane_platform::acl::Entry;
use biplane_proto::v1::engine_client::EngineClient;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

pub(crate) struct Slot {
    pub id: WarehouseId,
    pub workspace_id: WorkspaceId,
    pub live: watch::Sender<Live>,
    /// Wakes the reconciler of this warehouse.
    pub wake: Notify,
    acl: Mutex<Acl>,
}

/// Permissions as last read. The epoch tells a reader that they changed while it read.
#[derive(Default)]
struct Acl {
    epoch: u64,
    entries: Option<Arc<[Entry]>>,
}

pub(crate) struct Live {
    pub row: Arc<Warehouse>,
    /// Its row is gone.
    pub deleted: bool,
    /// The decision to stop it for idleness was made and is being written: nobody new gets in.
    pub gated: bool,
    pub sandbox: Option<Placed>,
    pub engine: Option<EngineLink>,
    /// Statements in progress.
    pub active: u32,
    pub sessions: i64,
    pub idle_since: Instant,
    /// How often somebody stopped it on purpose, and how often a start was given up: whoever waits
    /// compares with what it saw first.
    pub stops: u64,
    pub give_ups: u64,
    /// The last attempt of a start that goes on.
    pub trouble: Option<String>,
}

/// A sandbox that was placed on a node.
#[derive(Clone)]
pub(crate) struct Placed {
    pub id: SandboxId,
    pub node_id: NodeId,
    pub generation: i64,
    pub memory_bytes: u64,
    pub created_at: i64,
    /// Its engine must be connected by then.
    pub engine_due: Instant,
    /// A server before this one placed it: its end says nothing about the next start.
    pub adopted: bool,
    /// Set once the engine connected for the first time.
    pub served_since: Option<Instant>,
    /// The node says that nothing of it is left.
    pub exited: Option<String>,
    /// Cancelled when the sandbox is forgotten: its connections end.
    pub closed: CancellationToken,
}

/// The connection of a running engine.
#[derive(Clone)]
pub(crate) struct EngineLink {
    pub sandbox_id: SandboxId,
    pub client: EngineClient<Channel>,
    /// Cancelled when the connection is gone.
    pub lost: CancellationToken,
    /// Cancels it.
    pub cut: CancellationToken,
    /// Tells this connection from the one before.
    pub serial: u64,
}

impl Live {
    /// The engine that statements may run on.
    pub fn ready(&self) -> Option<&EngineLink> {
        let sandbox = self.sandbox.as_ref()?;
        let wanted = !self.deleted && !self.gated && self.row.desired == Desired::Running;
        let current = sandbox.generation == self.row.generation && sandbox.exited.is_none();
        self.engine.as_ref().filter(|engine| wanted && current && !engine.lost.is_cancelled())
    }

    pub fn state(&self) -> WarehouseState {
        match self.row.desired {
            _ if self.deleted => WarehouseState::Deleted,
            Desired::Running if self.gated => WarehouseState::Stopping,
            Desired::Running if self.ready().is_some() => WarehouseState::Running,
            Desired::Running => WarehouseState::Starting,
            Desired::Stopped if self.sandbox.is_some() => WarehouseState::Stopping,
            Desired::Stopped => WarehouseState::Stopped,
        }
    }
}

impl Slot {
    pub fn new(row: Warehouse) -> Self {
        let live = Live {
            deleted: false,
            gated: false,
            sandbox: None,
            engine: None,
            active: 0,
            sessions: 0,
            idle_since: Instant::now(),
            stops: 0,
            give_ups: 0,
            trouble: None,
            row: Arc::new(row),
        };
        Self {
            id: live.row.id.clone(),
            workspace_id: live.row.workspace_id,
            live: watch::Sender::new(live),
            wake: Notify::new(),
            acl: Mutex::default(),
        }
    }

    /// Takes a row that was read or written; an older one than is known is ignored.
    pub fn apply(&self, row: Warehouse) {
        self.live.send_modify(|live| {
            if row.version > live.row.version {
                if live.row.desired == Desired::Stopped && row.desired == Desired::Running {
                    live.idle_since = Instant::now();
                }
                live.row = Arc::new(row);
            }
        });
        self.wake.notify_one();
    }

    pub fn row(&self) -> Arc<Warehouse> {
        self.live.borrow().row.clone()
    }

    /// Changes what is known of the sandbox `id`, if it is still the one.
    pub fn update_sandbox(&self, id: &SandboxId, change: impl FnOnce(&mut Live, &mut Placed)) {
        self.live.send_if_modified(|live| {
            let Some(mut placed) = live.sandbox.take() else {
                return false;
            };
            let same = placed.id == *id;
            if same {
                change(live, &mut placed);
            }
            live.sandbox = Some(placed);
            same
        });
        self.wake.notify_one();
    }

    pub fn acl_known(&self) -> (u64, Option<Arc<[Entry]>>) {
        let acl = self.acl.lock();
        (acl.epoch, acl.entries.clone())
    }

    pub fn acl_learn(&self, epoch: u64, entries: Arc<[Entry]>) {
        let mut acl = self.acl.lock();
        if acl.epoch == epoch {
            acl.entries = Some(entries);
        }
    }

    pub fn acl_forget(&self) {
        let mut acl = self.acl.lock();
        acl.epoch += 1;
        acl.entries = None;
    }
}
