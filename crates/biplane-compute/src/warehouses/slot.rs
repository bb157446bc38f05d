//! One warehouse in memory: its row, what runs for it now, who uses it. All under one lock that is held
//! for nanoseconds; whoever waits for a change subscribes.

use super::queue::{Queue, Wish};
use super::samples::Pulse;
use super::store::{Desired, Warehouse};
use crate::nodes::place::Given;
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
    pub pulse: Pulse,
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
    /// What runs for it, in the order of their beginning.
    pub members: Vec<Member>,
    /// Statements that wait for an engine.
    pub queue: Queue,
    pub sessions: i64,
    pub idle_since: Instant,
    /// How often somebody stopped it on purpose, and how often a start was given up: whoever waits
    /// compares with what it saw first.
    pub stops: u64,
    pub give_ups: u64,
    /// Why the last one was given up: the row may be about the next start already.
    pub gave_up: String,
    /// The last attempt of a start that goes on.
    pub trouble: Option<String>,
}

/// A sandbox that was placed on a node, and the engine in it.
pub(crate) struct Member {
    pub id: SandboxId,
    pub node_id: NodeId,
    pub generation: i64,
    pub given: Given,
    pub created_at: i64,
    pub engine: Option<EngineLink>,
    /// Its engine must be connected by then.
    pub engine_due: Instant,
    /// A server before this one placed it: its end says nothing about the next start.
    pub adopted: bool,
    /// Set once the engine connected for the first time.
    pub served_since: Option<Instant>,
    /// The node says that nothing of it is left.
    pub exited: Option<String>,
    /// Told to whoever had statements there.
    pub fate: watch::Sender<Option<Fate>>,
    /// It is to end: statements go there only while there is no other.
    pub retiring: bool,
    /// Statements in progress, and how many there may be.
    pub active: u32,
    pub room: u32,
    /// Sessions whose temporary objects are there.
    pub pins: u32,
    pub idle_since: Instant,
    /// Statements on an engine that is to be replaced may run until then.
    pub drain_due: Option<Instant>,
    /// On a node that is away: forgotten then.
    pub node_back_due: Option<Instant>,
    /// Cancelled when the sandbox is forgotten: its connections end.
    pub closed: CancellationToken,
}

impl Member {
    /// Connected, and not known to have ended.
    pub fn alive(&self) -> bool {
        let connected = self.engine.as_ref().is_some_and(|engine| !engine.lost.is_cancelled());
        connected && self.exited.is_none()
    }

    fn full(&self) -> bool {
        self.active >= self.room
    }
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
    /// Why its sandbox ended, when that is known.
    pub fate: watch::Receiver<Option<Fate>>,
}

/// How a sandbox ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    OutOfMemory,
    Other,
}

impl Live {
    pub fn member(&self, id: &SandboxId) -> Option<&Member> {
        self.members.iter().find(|member| member.id == *id)
    }

    /// Statements in progress and in the queue.
    pub fn busy(&self) -> bool {
        !self.queue.is_empty() || self.members.iter().any(|member| member.active > 0)
    }

    fn wanted(&self) -> bool {
        !self.deleted && !self.gated && self.row.desired == Desired::Running
    }

    /// Whether statements may run on this one.
    fn serves(&self, member: &Member) -> bool {
        self.wanted() && member.generation == self.row.generation && member.alive()
    }

    /// The engines that statements may run on.
    pub fn serving(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| self.serves(member))
    }

    /// Whether there is an engine at all; it may be full.
    pub fn ready(&self) -> bool {
        self.serving().next().is_some()
    }

    /// The engine that the next statement goes to: the one it is bound to and no other, the one it would
    /// like, or the one with the least to do.
    pub fn pick(&self, wish: &Wish) -> Option<usize> {
        let asked = self.members.iter().position(|member| wish.engine.as_ref() == Some(&member.id));
        if let Some(index) = asked {
            let member = &self.members[index];
            let free = self.serves(member) && !member.full();
            // It may be back in a moment, with what the session left there.
            let there = member.exited.is_none() && member.generation == self.row.generation;
            if wish.bound && there {
                return free.then_some(index);
            }
            if free && !member.retiring {
                return Some(index);
            }
        }
        let serving = || self.members.iter().enumerate().filter(|(_, member)| self.serves(member));
        let staying = serving().any(|(_, member)| !member.retiring);
        let open = serving().filter(|(_, member)| !member.full() && member.retiring != staying);
        let load =
            |member: &Member| u64::from(member.active) * 1000 / u64::from(member.room.max(1));
        open.min_by_key(|(_, member)| load(member)).map(|(index, _)| index)
    }

    pub fn state(&self) -> WarehouseState {
        match self.row.desired {
            _ if self.deleted => WarehouseState::Deleted,
            Desired::Running if self.gated => WarehouseState::Stopping,
            Desired::Running if self.ready() => WarehouseState::Running,
            Desired::Running => WarehouseState::Starting,
            Desired::Stopped if !self.members.is_empty() => WarehouseState::Stopping,
            Desired::Stopped => WarehouseState::Stopped,
        }
    }
}

impl Slot {
    pub fn new(row: Warehouse) -> Self {
        let live = Live {
            deleted: false,
            gated: false,
            members: Vec::new(),
            queue: Queue::default(),
            sessions: 0,
            idle_since: Instant::now(),
            stops: 0,
            give_ups: 0,
            gave_up: String::new(),
            trouble: None,
            row: Arc::new(row),
        };
        Self {
            id: live.row.id.clone(),
            workspace_id: live.row.workspace_id,
            live: watch::Sender::new(live),
            wake: Notify::new(),
            pulse: Pulse::default(),
            acl: Mutex::default(),
        }
    }

    /// Takes a row that was read or written; an older one than is known is ignored.
    pub fn apply(&self, row: Warehouse) {
        self.apply_with(row, |_| ());
    }

    /// The same together with what else changes: nobody sees one without the other.
    pub fn apply_with(&self, row: Warehouse, change: impl FnOnce(&mut Live)) {
        self.live.send_modify(|live| {
            change(live);
            if row.version > live.row.version {
                let ends = live.row.desired == Desired::Running && row.desired == Desired::Stopped;
                if let (true, Some(failure)) = (ends, &row.failure) {
                    live.give_ups += 1;
                    live.gave_up = failure.summary.clone();
                    live.trouble = None;
                }
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

    /// Changes what is known of the sandbox `id`, if it is still there.
    pub fn update_member(&self, id: &SandboxId, change: impl FnOnce(&mut Member)) {
        self.live.send_if_modified(|live| {
            let member = live.members.iter_mut().find(|member| member.id == *id);
            member.map(change).is_some()
        });
        self.wake.notify_one();
    }

    /// The same, of what only the reconciler cares for.
    pub fn update_quietly(&self, id: &SandboxId, change: impl FnOnce(&mut Member)) {
        self.live.send_if_modified(|live| {
            if let Some(member) = live.members.iter_mut().find(|member| member.id == *id) {
                change(member);
            }
            false
        });
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
