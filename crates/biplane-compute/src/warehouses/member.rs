//! One engine of a warehouse: awaited, kept, drained, stopped, forgotten.

use super::reconcile::{Alarm, Memory, Next, TRY_AGAIN, failed, failure, forget};
use super::slot::Slot;
use crate::Compute;
use biplane_api::ids::{NodeId, SandboxId};
use biplane_platform::Result;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// An engine that served this long and then ended did not fail to start.
const STEADY: Duration = Duration::from_secs(10);

/// What a step needs to know of a member.
struct Seen {
    id: SandboxId,
    node_id: NodeId,
    engine_due: Instant,
    adopted: bool,
    served_since: Option<Instant>,
    exited: Option<String>,
    alive: bool,
    active: u32,
    current: bool,
    retiring: bool,
    drain_due: Option<Instant>,
}

fn seen(slot: &Slot) -> Vec<Seen> {
    let live = slot.live.borrow();
    let one = |member: &super::slot::Member| Seen {
        id: member.id.clone(),
        node_id: member.node_id.clone(),
        engine_due: member.engine_due,
        adopted: member.adopted,
        served_since: member.served_since,
        exited: member.exited.clone(),
        alive: member.alive(),
        active: member.active,
        current: member.generation == live.row.generation,
        retiring: member.retiring,
        drain_due: member.drain_due,
    };
    live.members.iter().map(one).collect()
}

pub(super) async fn look_at_all(
    compute: &Arc<Compute>,
    slot: &Arc<Slot>,
    wanted: bool,
    memory: &mut Memory,
    alarm: &mut Alarm,
) -> Result<Next> {
    let members = seen(slot);
    if let Some(member) = members.iter().find(|member| member.exited.is_some()) {
        return exited(compute, slot, member, wanted, memory).await;
    }
    if !wanted {
        let stops = members.iter().map(|member| stop(compute, slot, member));
        let stops = futures::future::join_all(stops).await;
        return settle(stops, alarm);
    }
    for member in &members {
        let leaving = compute.nodes.get(&member.node_id).is_some_and(|node| node.empties());
        if leaving && !member.retiring {
            slot.live.send_modify(|live| {
                let found = live.members.iter_mut().find(|found| found.id == member.id);
                if let Some(found) = found {
                    found.retiring = true;
                }
            });
            return Ok(Next::Again);
        }
        let next = if !member.current {
            replace(compute, slot, member, alarm).await?
        } else if !member.alive {
            await_engine(compute, slot, member, memory, alarm).await?
        } else if member.retiring {
            retire(compute, slot, member, leaving, alarm).await?
        } else {
            Next::Rest
        };
        if next == Next::Again {
            return Ok(Next::Again);
        }
    }
    Ok(Next::Rest)
}

fn settle(stops: Vec<Result<Option<Instant>>>, alarm: &mut Alarm) -> Result<Next> {
    let mut next = Next::Rest;
    for stopped in stops {
        match stopped? {
            None => next = Next::Again,
            Some(later) => alarm.at(later),
        }
    }
    Ok(next)
}

/// Nothing is left of the sandbox.
async fn exited(
    compute: &Arc<Compute>,
    slot: &Arc<Slot>,
    member: &Seen,
    wanted: bool,
    memory: &mut Memory,
) -> Result<Next> {
    forget(compute, slot, &member.id).await?;
    if !wanted || !member.current || member.retiring {
        return Ok(Next::Again);
    }
    if member.served_since.is_some_and(|since| since.elapsed() >= STEADY) {
        memory.attempts = 0;
        return Ok(Next::Again);
    }
    if member.adopted || !compute.nodes.stays(&member.node_id) {
        // Its node's end, not its own.
        return Ok(Next::Again);
    }
    let how = member.exited.as_deref().unwrap_or_default();
    let failure = failure("SERVICE_FAULT", &format!("The engine ended unexpectedly ({how})."));
    failed(compute, slot, memory, failure).await
}

/// Ends and forgets it. When that cannot be done now: when to try again.
async fn stop(compute: &Arc<Compute>, slot: &Arc<Slot>, member: &Seen) -> Result<Option<Instant>> {
    let now = Instant::now();
    match compute.nodes.get(&member.node_id) {
        Some(node) => {
            if let Err(status) = node.stop_sandbox(&member.id, compute.config.stop_grace).await {
                tracing::warn!(warehouse_id = %slot.id, node_id = %node.id, %status, "a sandbox could not be stopped");
                return Ok(Some(now + TRY_AGAIN));
            }
        }
        // Its lease ends it, or the node's return: it is then told to stop what nobody knows.
        None => {
            let mut due = now;
            slot.update_quietly(&member.id, |member| {
                due = *member.node_back_due.get_or_insert(now + compute.config.reconnect_wait);
            });
            if now < due {
                return Ok(Some(due));
            }
        }
    }
    forget(compute, slot, &member.id).await?;
    Ok(None)
}

async fn stop_now(
    compute: &Arc<Compute>,
    slot: &Arc<Slot>,
    member: &Seen,
    alarm: &mut Alarm,
) -> Result<Next> {
    settle(vec![stop(compute, slot, member).await], alarm)
}

/// The warehouse was changed so that it needs another engine: nothing new runs on the old one.
async fn replace(
    compute: &Arc<Compute>,
    slot: &Arc<Slot>,
    member: &Seen,
    alarm: &mut Alarm,
) -> Result<Next> {
    let now = Instant::now();
    let due = member.drain_due.unwrap_or_else(|| {
        let due = now + compute.config.drain_wait;
        slot.update_quietly(&member.id, |member| member.drain_due = Some(due));
        due
    });
    if member.active > 0 && member.alive && now < due {
        alarm.at(due);
        return Ok(Next::Rest);
    }
    stop_now(compute, slot, member, alarm).await
}

async fn await_engine(
    compute: &Arc<Compute>,
    slot: &Arc<Slot>,
    member: &Seen,
    memory: &mut Memory,
    alarm: &mut Alarm,
) -> Result<Next> {
    if Instant::now() < member.engine_due {
        alarm.at(member.engine_due);
        return Ok(Next::Rest);
    }
    let away = match compute.nodes.get(&member.node_id) {
        Some(node) => {
            node.stop_or_cut(&member.id).await;
            false
        }
        None => true,
    };
    forget(compute, slot, &member.id).await?;
    if away || member.adopted || member.retiring {
        return Ok(Next::Again);
    }
    let failure = failure("BOOTSTRAP_TIMEOUT", "The engine did not connect in time.");
    failed(compute, slot, memory, failure).await
}

/// Too many, or on a node that leaves: it ends when nothing runs on it. Before that another must serve,
/// or else be impossible.
async fn retire(
    compute: &Arc<Compute>,
    slot: &Arc<Slot>,
    member: &Seen,
    leaving: bool,
    alarm: &mut Alarm,
) -> Result<Next> {
    if member.active > 0 {
        return Ok(Next::Rest);
    }
    let others = slot.live.borrow().serving().any(|other| !other.retiring);
    if !others {
        let tenancy = compute.tenancy(slot.workspace_id).await?;
        let wanted = slot.row().spec.wanted();
        if compute.choose(slot.workspace_id, &tenancy, wanted, |_| true).is_ok() {
            // Another is on its way; its coming wakes this task.
            alarm.at(Instant::now() + TRY_AGAIN);
            return Ok(Next::Rest);
        }
        if !leaving {
            slot.update_member(&member.id, |member| member.retiring = false);
            return Ok(Next::Again);
        }
    }
    stop_now(compute, slot, member, alarm).await
}
