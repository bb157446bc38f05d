//! Makes what runs follow what is wanted. One task per warehouse, woken by every change and by its own
//! next deadline; it takes no input but the state, so it can stop and begin again at any point.
//!
//! Every engine is looked at by itself (`member`), then their number (`scale`), then idleness.

use super::slot::{Member, Slot};
use super::store::{self, Desired, Failure, SandboxRow, Warehouse};
use super::{events, member, mesh, scale};
use crate::Compute;
use biplane_api::ids::SandboxId;
use biplane_platform::Result;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(super) const ATTEMPTS_MAX: u32 = 3;
/// When the database or a node does not answer.
pub(super) const TRY_AGAIN: Duration = Duration::from_secs(1);

/// What the task remembers between its steps, all of it about the current generation.
#[derive(Default)]
pub(super) struct Memory {
    pub generation: i64,
    /// Starts that failed since one succeeded.
    pub attempts: u32,
    pub retry_at: Option<Instant>,
    /// A start without a node to start on is given up then.
    pub node_due: Option<Instant>,
    pub told: events::Told,
    pub meshed: crate::mesh::Told,
}

/// The earliest of several deadlines.
#[derive(Default)]
pub(super) struct Alarm(Option<Instant>);

impl Alarm {
    pub fn at(&mut self, instant: Instant) {
        self.0 = Some(self.0.map_or(instant, |earlier| earlier.min(instant)));
    }
}

/// What a part of a step found.
#[derive(PartialEq, Eq)]
pub(super) enum Next {
    /// Something changed: look at everything again.
    Again,
    /// Nothing to do before the alarm or a change.
    Rest,
}

pub(crate) async fn run(compute: Arc<Compute>, slot: Arc<Slot>) {
    let mut memory = Memory::default();
    loop {
        let mut alarm = Alarm::default();
        let step = step(&compute, &slot, &mut memory, &mut alarm).await;
        events::tell(&compute, &slot, &mut memory.told).await;
        match step {
            Ok(Next::Again) => continue,
            Ok(Next::Rest) if gone(&slot) => return,
            Ok(Next::Rest) => {}
            Err(error) => {
                tracing::warn!(warehouse_id = %slot.id, %error, cause = ?error.internal, "a warehouse could not be reconciled");
                alarm.at(Instant::now() + TRY_AGAIN);
            }
        }
        let deadline = async {
            match alarm.0 {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = slot.wake.notified() => {}
            () = deadline => {}
            () = compute.stop.cancelled() => return,
        }
    }
}

fn gone(slot: &Slot) -> bool {
    let live = slot.live.borrow();
    live.deleted && live.members.is_empty()
}

async fn step(
    compute: &Arc<Compute>,
    slot: &Arc<Slot>,
    memory: &mut Memory,
    alarm: &mut Alarm,
) -> Result<Next> {
    let (row, deleted) = {
        let live = slot.live.borrow();
        (live.row.clone(), live.deleted)
    };
    if memory.generation != row.generation {
        let told = std::mem::take(&mut memory.told);
        *memory = Memory { generation: row.generation, told, ..Memory::default() };
    }
    let wanted = !deleted && row.desired == Desired::Running;
    if member::look_at_all(compute, slot, wanted, memory, alarm).await? == Next::Again {
        return Ok(Next::Again);
    }
    if !wanted {
        return Ok(Next::Rest);
    }
    if scale::adjust(compute, slot, &row, memory, alarm).await? == Next::Again {
        return Ok(Next::Again);
    }
    mesh::tell(compute, slot, &mut memory.meshed, alarm).await?;
    watch_idleness(compute, slot, &row, alarm).await
}

async fn watch_idleness(
    compute: &Arc<Compute>,
    slot: &Arc<Slot>,
    row: &Warehouse,
    alarm: &mut Alarm,
) -> Result<Next> {
    let minutes = u32::try_from(row.spec.auto_stop_mins).unwrap_or(u32::MAX);
    if minutes == 0 || !slot.live.borrow().ready() {
        return Ok(Next::Rest);
    }
    let patience = compute.config.minute.saturating_mul(minutes);
    let now = Instant::now();
    let mut due = None;
    slot.live.send_if_modified(|live| {
        // While a statement runs the clock stands still; it starts when the last one ends.
        let stops_at = if live.busy() { now + patience } else { live.idle_since + patience };
        due = (stops_at > now).then_some(stops_at);
        live.gated = due.is_none();
        live.gated
    });
    if let Some(due) = due {
        alarm.at(due);
        return Ok(Next::Rest);
    }
    let written = async {
        let mut tx = compute.db.write().await?;
        let now = compute.clock.now_ms();
        let row = store::want_stopped(&mut tx, &slot.id, Some(row.generation), None, now).await?;
        tx.commit().await?;
        Ok(row)
    };
    let written: Result<_> = written.await;
    slot.live.send_modify(|live| live.gated = false);
    match written {
        Ok(Some(row)) => {
            tracing::info!(warehouse_id = %slot.id, "warehouse stops: idle");
            slot.apply(row);
        }
        Ok(None) => compute.reload(&slot.id).await?,
        Err(error) => {
            slot.dispatch();
            return Err(error);
        }
    }
    slot.dispatch();
    Ok(Next::Again)
}

/// One attempt failed: another comes after a while, or none. While other engines serve, the warehouse
/// goes on with them.
pub(super) async fn failed(
    compute: &Arc<Compute>,
    slot: &Arc<Slot>,
    memory: &mut Memory,
    failure: Failure,
) -> Result<Next> {
    memory.attempts += 1;
    let serves = slot.live.borrow().ready();
    if memory.attempts >= ATTEMPTS_MAX && !serves {
        return give_up(compute, slot, memory.generation, failure).await;
    }
    let doubled = 4_u32.pow((memory.attempts - 1).min(6));
    memory.retry_at = Some(Instant::now() + compute.config.retry_wait * doubled);
    slot.live.send_modify(|live| live.trouble = Some(failure.summary));
    Ok(Next::Again)
}

pub(super) async fn give_up(
    compute: &Arc<Compute>,
    slot: &Arc<Slot>,
    generation: i64,
    failure: Failure,
) -> Result<Next> {
    tracing::error!(warehouse_id = %slot.id, summary = failure.summary, "warehouse could not be started");
    let mut tx = compute.db.write().await?;
    let now = compute.clock.now_ms();
    let row = store::want_stopped(&mut tx, &slot.id, Some(generation), Some(&failure), now).await?;
    tx.commit().await?;
    if let Some(row) = row {
        slot.apply(row);
    }
    Ok(Next::Again)
}

/// The sandbox is no longer: in the database, in memory, on the relay.
pub(super) async fn forget(compute: &Arc<Compute>, slot: &Arc<Slot>, id: &SandboxId) -> Result<()> {
    let mut tx = compute.db.write().await?;
    store::sandbox_delete(&mut tx, id).await?;
    tx.commit().await?;
    compute.unexpect(slot, id);
    Ok(())
}

pub(super) fn failure(code: &str, summary: &str) -> Failure {
    Failure { code: code.into(), summary: summary.into() }
}

impl Compute {
    /// From now on the engine of this sandbox may connect.
    pub(crate) fn expect(&self, slot: &Arc<Slot>, sandbox: &SandboxRow, wait: Duration) {
        let now = Instant::now();
        slot.live.send_modify(|live| {
            live.members.push(Member {
                id: sandbox.id.clone(),
                node_id: sandbox.node_id.clone(),
                generation: sandbox.generation,
                given: sandbox.given,
                created_at: sandbox.created_at,
                engine: None,
                engine_due: now + wait,
                adopted: false,
                served_since: None,
                exited: None,
                fate: watch::Sender::new(None),
                retiring: false,
                active: 0,
                room: live.row.spec.statements_max(),
                pins: 0,
                idle_since: now,
                drain_due: None,
                node_back_due: None,
                closed: CancellationToken::new(),
            });
        });
        self.expected.write().insert(sandbox.id.clone(), slot.clone());
    }

    /// Nothing of it is known any more, and nothing of a node counts as its own.
    pub(crate) fn unexpect(&self, slot: &Arc<Slot>, id: &SandboxId) {
        self.expected.write().remove(id);
        slot.live.send_modify(|live| {
            if let Some(member) = live.members.iter().find(|member| member.id == *id) {
                member.closed.cancel();
            }
            live.members.retain(|member| member.id != *id);
        });
        // Who was bound to it goes elsewhere.
        slot.dispatch();
    }
}
