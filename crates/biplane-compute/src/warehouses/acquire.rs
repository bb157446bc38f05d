//! An engine for a statement: at once when one has room, else after its turn in the queue, after another
//! engine came, or after the warehouse was started.

use super::queue::Wish;
use super::slot::{EngineLink, Fate, Live, Member, Slot};
use super::store::{self, Desired};
use crate::Compute;
use biplane_api::ids::{SandboxId, WarehouseId};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result};
use biplane_proto::v1::engine_client::EngineClient;
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

/// Between the end of an engine's connection and its node's word why.
const FATE_MAX: Duration = Duration::from_secs(2);

/// What a statement asks for.
#[derive(Debug, Clone)]
pub struct AcquireRequest {
    /// The engine that the session used last.
    pub engine: Option<SandboxId>,
    /// The session has temporary objects there: no other will do, as long as that one is there.
    pub bound: bool,
    /// A stopped warehouse must have started by then.
    pub start_by: Instant,
    /// An engine of a running one must have room by then.
    pub queue_by: Instant,
}

impl AcquireRequest {
    pub fn by(deadline: Instant) -> Self {
        Self { engine: None, bound: false, start_by: deadline, queue_by: deadline }
    }
}

/// The right to run one statement on an engine. As long as it lives the warehouse is not idle.
pub struct EngineLease {
    slot: Arc<Slot>,
    link: EngineLink,
    memory_bytes: u64,
    /// Waited for because all engines had enough to do.
    pub queued: Duration,
}

impl EngineLease {
    /// One of the places of this member.
    pub(super) fn take(slot: &Arc<Slot>, member: &mut Member) -> Option<Self> {
        let link = member.engine.clone()?;
        member.active += 1;
        slot.pulse.began();
        let memory_bytes = member.given.memory_bytes;
        Some(Self { slot: slot.clone(), link, memory_bytes, queued: Duration::ZERO })
    }

    /// A client on the engine's one connection; as cheap as a few counters.
    pub fn engine(&self) -> EngineClient<Channel> {
        self.link.client.clone()
    }

    pub fn sandbox_id(&self) -> &SandboxId {
        &self.link.sandbox_id
    }

    pub fn warehouse_id(&self) -> &WarehouseId {
        &self.slot.id
    }

    /// Cancelled when the engine is gone, for whatever reason. What ran on it is lost.
    pub fn lost(&self) -> &CancellationToken {
        &self.link.lost
    }

    /// For one that is lost: whether it was ended because it used too much memory, and how much it has.
    /// The node's word may come a moment later.
    pub async fn ran_out_of_memory(&self) -> Option<u64> {
        let mut fate = self.link.fate.clone();
        let told = tokio::time::timeout(FATE_MAX, fate.wait_for(Option::is_some)).await;
        let out_of_memory =
            told.is_ok_and(|fate| fate.is_ok_and(|fate| *fate == Some(Fate::OutOfMemory)));
        out_of_memory.then_some(self.memory_bytes)
    }

    /// Something of a session stays on this engine: while the pin lives the engine is not taken away for
    /// having nothing to do.
    pub fn pin(&self) -> Box<dyn Any + Send + Sync> {
        self.slot.update_quietly(&self.link.sandbox_id, |member| member.pins += 1);
        Box::new(EnginePin { slot: self.slot.clone(), id: self.link.sandbox_id.clone() })
    }
}

impl Drop for EngineLease {
    fn drop(&mut self) {
        self.slot.pulse.ended();
        // One of several engines may go now, at once or after a while.
        let mut idle = false;
        self.slot.live.send_if_modified(|live| {
            let now = Instant::now();
            live.idle_since = now;
            let generation = live.row.generation;
            let id = &self.link.sandbox_id;
            let several = live.members.len() > 1;
            if let Some(member) = live.members.iter_mut().find(|member| member.id == *id) {
                member.active = member.active.saturating_sub(1);
                member.idle_since = now;
                let leaving = member.retiring || member.generation != generation || !member.alive();
                idle = member.active == 0 && (leaving || several);
            }
            false
        });
        self.slot.dispatch();
        if idle {
            self.slot.wake.notify_one();
        }
    }
}

struct EnginePin {
    slot: Arc<Slot>,
    id: SandboxId,
}

impl Drop for EnginePin {
    fn drop(&mut self) {
        self.slot.update_quietly(&self.id, |member| member.pins = member.pins.saturating_sub(1));
        self.slot.wake.notify_one();
    }
}

/// What somebody who waits for an engine finds.
enum Found {
    /// Engines are there; the turn comes.
    Queue,
    /// Engines are on their way.
    Wait,
    Stopped,
    StoppedByHand,
    GivenUp(String),
    Deleted,
}

impl Compute {
    /// An engine of a warehouse that `ctx` may use. A stopped warehouse is started and waited for.
    pub async fn acquire(
        self: &Arc<Self>,
        ctx: &Ctx,
        id: &WarehouseId,
        request: AcquireRequest,
    ) -> Result<EngineLease> {
        let slot = self.slot_for(ctx, id, "CAN_USE").await?;
        let wish = Wish { engine: request.engine.clone(), bound: request.bound };
        match slot.lease(&wish) {
            Some(lease) => Ok(lease),
            None => self.acquire_later(slot, wish, request).await,
        }
    }

    /// Refuses when the queue of the warehouse is full.
    pub fn queue_check(&self, id: &WarehouseId) -> Result<()> {
        let waiting = self.slot(id).map_or(0, |slot| slot.live.borrow().queue.len());
        match waiting < self.config.queue_max {
            true => Ok(()),
            false => Err(self.queue_full(id)),
        }
    }

    fn queue_full(&self, id: &WarehouseId) -> ApiError {
        let text = format!(
            "SQL warehouse {id} has {} statements waiting. Try again later.",
            self.config.queue_max
        );
        let mut error = ApiError::new(ErrorCode::ResourceExhausted, text);
        error.retry_after_s = Some(1);
        error
    }

    async fn acquire_later(
        self: &Arc<Self>,
        slot: Arc<Slot>,
        wish: Wish,
        request: AcquireRequest,
    ) -> Result<EngineLease> {
        let mut changes = slot.live.subscribe();
        let (stops, give_ups) = {
            let live = changes.borrow_and_update();
            (live.stops, live.give_ups)
        };
        let turn = slot.enqueue(wish, self.config.queue_max);
        let mut turn = turn.ok_or_else(|| self.queue_full(&slot.id))?;
        slot.wake.notify_one();
        let mut queued = Duration::ZERO;
        loop {
            let found = look(&changes.borrow_and_update(), stops, give_ups);
            let deadline = match found {
                Found::Queue => request.queue_by,
                Found::Wait => request.start_by,
                Found::Stopped => {
                    self.want_running(&slot).await?;
                    request.start_by
                }
                Found::StoppedByHand => {
                    return Err(ApiError::new(
                        ErrorCode::InvalidState,
                        format!("SQL warehouse {} was stopped.", slot.id),
                    ));
                }
                Found::GivenUp(summary) => {
                    return Err(ApiError::new(
                        ErrorCode::TemporarilyUnavailable,
                        format!("SQL warehouse {} could not be started: {summary}", slot.id),
                    ));
                }
                Found::Deleted => return Err(super::ops::missing(&slot.id)),
            };
            let since = Instant::now();
            let overloaded = matches!(found, Found::Queue);
            let lease = tokio::select! {
                biased;
                lease = &mut turn => Some(lease),
                _ = changes.changed() => None,
                () = tokio::time::sleep_until(deadline) => return Err(late(&slot, overloaded)),
            };
            if overloaded {
                queued += since.elapsed();
            }
            if let Some(lease) = lease {
                let lost = |_| ApiError::internal("the queue of a warehouse lost a statement");
                let mut lease = lease.map_err(lost)?;
                lease.queued = queued;
                return Ok(lease);
            }
        }
    }

    /// Writes the intent to run and takes it in. Nothing happens when it was there already.
    pub(crate) async fn want_running(self: &Arc<Self>, slot: &Slot) -> Result<()> {
        let mut tx = self.db.write().await?;
        let row = store::want_running(&mut tx, &slot.id, self.clock.now_ms()).await?;
        tx.commit().await?;
        match row {
            Some(row) => slot.apply(row),
            None => self.reload(&slot.id).await?,
        }
        Ok(())
    }
}

fn late(slot: &Slot, overloaded: bool) -> ApiError {
    let text = match overloaded {
        true => format!(
            "SQL warehouse {} had too much to do: the statement waited too long for its turn.",
            slot.id
        ),
        false => format!("SQL warehouse {} did not start in time.", slot.id),
    };
    ApiError::new(ErrorCode::DeadlineExceeded, text)
}

impl Slot {
    /// A lease without waiting, unless others wait already.
    fn lease(self: &Arc<Self>, wish: &Wish) -> Option<EngineLease> {
        let mut lease = None;
        self.live.send_if_modified(|live| {
            if live.queue.is_empty()
                && let Some(index) = live.pick(wish)
            {
                lease = EngineLease::take(self, &mut live.members[index]);
            }
            false
        });
        lease
    }
}

fn look(live: &Live, stops: u64, give_ups: u64) -> Found {
    if live.deleted {
        Found::Deleted
    } else if live.ready() {
        Found::Queue
    } else if live.stops != stops {
        Found::StoppedByHand
    } else if live.give_ups != give_ups {
        Found::GivenUp(live.gave_up.clone())
    } else if live.row.desired == Desired::Stopped {
        Found::Stopped
    } else {
        Found::Wait
    }
}
