//! How many engines a warehouse has: as many as it is to have at least, more while statements wait, fewer
//! when some have had nothing to do for a while.

use super::reconcile::{Alarm, Memory, Next, TRY_AGAIN, failed, failure, forget, give_up};
use super::slot::{Live, Member, Slot};
use super::store::{self, SandboxRow, Warehouse};
use crate::Compute;
use crate::nodes::place::Given;
use crate::relay::nodes::Node;
use biplane_api::ids::SandboxId;
use biplane_platform::Result;
use biplane_proto::v1::start_sandbox_request::Program;
use biplane_proto::v1::{EngineProgram, Limits, Reach, StartSandboxRequest};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Engines as counted for the decision.
struct Count {
    /// Of the current generation, on their way or serving, and not to end.
    staying: usize,
    starting: usize,
    serving: usize,
    /// To serve what runs and waits.
    needed: usize,
    /// Since when the first statement of the queue waits.
    waits_since: Option<Instant>,
}

fn stays(live: &Live, member: &Member) -> bool {
    member.generation == live.row.generation && !member.retiring && member.exited.is_none()
}

fn count(live: &Live) -> Count {
    let staying = || live.members.iter().filter(|member| stays(live, member));
    let active: u32 = live.members.iter().map(|member| member.active).sum();
    let work = active as usize + live.queue.len();
    let room = live.row.spec.statements_max().max(1) as usize;
    Count {
        staying: staying().count(),
        starting: staying().filter(|member| !member.alive()).count(),
        serving: staying().filter(|member| member.alive()).count(),
        needed: work.div_ceil(room),
        waits_since: live.queue.since(),
    }
}

fn clusters(number: i64) -> usize {
    usize::try_from(number).unwrap_or(1).max(1)
}

pub(super) async fn adjust(
    compute: &Arc<Compute>,
    slot: &Arc<Slot>,
    row: &Warehouse,
    memory: &mut Memory,
    alarm: &mut Alarm,
) -> Result<Next> {
    let count = count(&slot.live.borrow());
    let (least, most) = (clusters(row.spec.min_num_clusters), clusters(row.spec.max_num_clusters));
    if count.serving >= least && count.starting == 0 {
        memory.attempts = 0;
        memory.node_due = None;
    }
    if count.staying < least {
        return start(compute, slot, row, memory, alarm).await;
    }
    let now = Instant::now();
    if count.staying < most
        && count.needed > count.staying
        && count.serving > 0
        && let Some(since) = count.waits_since
    {
        let due = since + compute.config.scale_out_wait;
        if now >= due {
            return start(compute, slot, row, memory, alarm).await;
        }
        alarm.at(due);
    }
    if count.starting == 0 && memory.retry_at.is_none_or(|at| at <= now) {
        // As many as are needed: what went wrong on the way is over.
        slot.live.send_if_modified(|live| live.trouble.take().is_some());
    }
    Ok(scale_in(compute, slot, count.staying, least, most, alarm))
}

/// The one that has been idle for longest, if long enough; at once if there are more than may be.
fn scale_in(
    compute: &Compute,
    slot: &Slot,
    staying: usize,
    least: usize,
    most: usize,
    alarm: &mut Alarm,
) -> Next {
    if staying <= least {
        return Next::Rest;
    }
    let now = Instant::now();
    let patience = if staying > most { Duration::ZERO } else { compute.config.scale_in_wait };
    let mut chosen = false;
    slot.live.send_if_modified(|live| {
        let idle = |(_, member): &(usize, &Member)| {
            stays(live, member) && member.alive() && member.active == 0 && member.pins == 0
        };
        let idle = live.members.iter().enumerate().filter(idle);
        let longest = idle.min_by_key(|(_, member)| member.idle_since);
        let Some((index, due)) = longest.map(|(index, one)| (index, one.idle_since + patience))
        else {
            return false;
        };
        if now < due {
            alarm.at(due);
            return false;
        }
        live.members[index].retiring = true;
        chosen = true;
        true
    });
    match chosen {
        true => Next::Again,
        false => Next::Rest,
    }
}

async fn start(
    compute: &Arc<Compute>,
    slot: &Arc<Slot>,
    row: &Warehouse,
    memory: &mut Memory,
    alarm: &mut Alarm,
) -> Result<Next> {
    let now = Instant::now();
    if let Some(retry_at) = memory.retry_at.filter(|at| *at > now) {
        alarm.at(retry_at);
        return Ok(Next::Rest);
    }
    memory.retry_at = None;
    let tenancy = compute.tenancy(slot.workspace_id).await?;
    let wait = compute.config.engine_wait;
    let reserve = |node: Arc<Node>, given| {
        let sandbox = SandboxRow {
            id: SandboxId::random(),
            warehouse_id: slot.id.clone(),
            node_id: node.id.clone(),
            generation: row.generation,
            created_at: compute.clock.now_ms(),
            given,
        };
        compute.expect(slot, &sandbox, wait);
        (node, sandbox)
    };
    let placed = compute.place(slot.workspace_id, &tenancy, row.spec.wanted(), |_| true, reserve);
    let (node, sandbox) = match placed {
        Ok(placed) => placed,
        Err(none) if slot.live.borrow().ready() => {
            // What there is goes on; a node that comes wakes this task.
            let trouble = Some(none.summary());
            slot.live.send_if_modified(|live| {
                let news = live.trouble != trouble;
                live.trouble = trouble;
                news
            });
            alarm.at(now + TRY_AGAIN);
            return Ok(Next::Rest);
        }
        Err(none) => {
            let due = *memory.node_due.get_or_insert(now + none.patience(&compute.config));
            if now < due {
                alarm.at(due.min(now + TRY_AGAIN));
                return Ok(Next::Rest);
            }
            let failure = failure(none.code(), &none.summary());
            return give_up(compute, slot, row.generation, failure).await;
        }
    };
    let (inserted, reach) = match note(compute, &sandbox, row).await {
        Ok(noted) => noted,
        Err(error) => {
            compute.unexpect(slot, &sandbox.id);
            return Err(error);
        }
    };
    if !inserted {
        // The row changed under us; its news is on the way, at the latest with the next look.
        compute.unexpect(slot, &sandbox.id);
        compute.reload(&slot.id).await?;
        alarm.at(now + TRY_AGAIN);
        return Ok(Next::Rest);
    }
    let Given { cpu_millis, memory_bytes } = sandbox.given;
    let request = StartSandboxRequest {
        sandbox_id: sandbox.id.to_string(),
        generation: u64::try_from(row.generation).unwrap_or(0),
        workspace_id: row.workspace_id.0,
        resource_id: slot.id.to_string(),
        program: Some(Program::Engine(EngineProgram {})),
        limits: Some(Limits { cpu_millis, memory_bytes }),
        reach,
        cluster: None,
    };
    if let Err(status) = node.start_sandbox(request).await {
        tracing::warn!(warehouse_id = %slot.id, node_id = %node.id, %status, "a sandbox could not be started");
        // It may run for all we know.
        node.stop_or_cut(&sandbox.id).await;
        forget(compute, slot, &sandbox.id).await?;
        if went_away(&status) || !compute.nodes.stays(&node.id) {
            // Its node's end, not its own; another one, or its return, wakes this task.
            alarm.at(Instant::now() + TRY_AGAIN);
            return Ok(Next::Rest);
        }
        let failure = failure("BOOTSTRAP_TIMEOUT", "The engine could not be started.");
        return failed(compute, slot, memory, failure).await;
    }
    Ok(Next::Again)
}

/// Writes the row before anything of it runs. False when that generation is no longer wanted.
async fn note(
    compute: &Compute,
    sandbox: &SandboxRow,
    row: &Warehouse,
) -> Result<(bool, Option<Reach>)> {
    let reach = compute.reach_of(row.workspace_id).await?;
    let mut tx = compute.db.write().await?;
    let inserted = store::sandbox_insert(&mut tx, sandbox).await?;
    tx.commit().await?;
    Ok((inserted, reach))
}

/// What a node answers that is shutting down, and what comes of a connection that ends.
fn went_away(status: &tonic::Status) -> bool {
    use tonic::Code;
    matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled)
}
