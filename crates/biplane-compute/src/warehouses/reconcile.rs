//! Makes what runs follow what is wanted. One task per warehouse, woken by every change and by its own
//! next deadline; it takes no input but the state, so it can stop and begin again at any point.

use super::slot::{Placed, Slot};
use super::store::{self, Desired, Failure, SandboxRow, Warehouse};
use crate::Compute;
use biplane_api::ids::SandboxId;
use biplane_platform::Result;
use biplane_proto::v1::start_sandbox_request::Program;
use biplane_proto::v1::{EngineProgram, Limits, StartSandboxRequest};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const ATTEMPTS_MAX: u32 = 3;
/// An engine that served this long and then ended did not fail to start.
const STEADY: Duration = Duration::from_secs(10);
/// When the database or a node does not answer.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// What the task remembers between its steps, all of it about the current generation.
#[derive(Default)]
struct Memory {
    generation: i64,
    attempts: u32,
    retry_at: Option<Instant>,
    /// A start without a node to start on is given up then.
    node_due: Option<Instant>,
    /// Statements on an engine that is to be replaced may run until then.
    drain_due: Option<Instant>,
    /// A sandbox on a node that is away is forgotten then.
    node_back_due: Option<Instant>,
}

enum Next {
    Again,
    Idle,
    At(Instant),
    Done,
}

pub(crate) async fn run(compute: Arc<Compute>, slot: Arc<Slot>) {
    let mut memory = Memory::default();
    loop {
        let until = match step(&compute, &slot, &mut memory).await {
            Ok(Next::Again) => continue,
            Ok(Next::Done) => return,
            Ok(Next::Idle) => None,
            Ok(Next::At(instant)) => Some(instant),
            Err(error) => {
                tracing::warn!(warehouse_id = %slot.id, %error, cause = ?error.internal, "a warehouse could not be reconciled");
                Some(Instant::now() + TRY_AGAIN)
            }
        };
        let deadline = async {
            match until {
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

async fn step(compute: &Arc<Compute>, slot: &Arc<Slot>, memory: &mut Memory) -> Result<Next> {
    let (row, deleted, sandbox, connected) = {
        let live = slot.live.borrow();
        (live.row.clone(), live.deleted, live.sandbox.clone(), live.ready().is_some())
    };
    if memory.generation != row.generation {
        *memory = Memory { generation: row.generation, ..Memory::default() };
    }
    let wanted = !deleted && row.desired == Desired::Running;
    match sandbox {
        None if deleted => Ok(Next::Done),
        None if wanted => start(compute, slot, &row, memory).await,
        None => Ok(Next::Idle),
        Some(sandbox) if sandbox.exited.is_some() => {
            exited(compute, slot, sandbox, wanted, memory).await
        }
        Some(sandbox) if !wanted => stop(compute, slot, &sandbox, memory).await,
        Some(sandbox) if sandbox.generation != row.generation => {
            replace(compute, slot, &sandbox, memory).await
        }
        Some(sandbox) if !connected => await_engine(compute, slot, sandbox, memory).await,
        Some(_) => watch_idleness(compute, slot, &row, memory).await,
    }
}

async fn start(
    compute: &Arc<Compute>,
    slot: &Arc<Slot>,
    row: &Warehouse,
    memory: &mut Memory,
) -> Result<Next> {
    let now = Instant::now();
    if let Some(retry_at) = memory.retry_at.filter(|at| *at > now) {
        return Ok(Next::At(retry_at));
    }
    let Some(node) = compute.place() else {
        let due = *memory.node_due.get_or_insert(now + compute.config.node_wait);
        if now < due {
            return Ok(Next::At(due));
        }
        let failure =
            failure("ALLOCATION_TIMEOUT_NODE_DAEMON_NOT_READY", "No compute node is connected.");
        return give_up(compute, slot, row.generation, failure).await;
    };
    let (cpu_millis, memory_bytes) = row.spec.limits(node.hello.cpus, node.hello.memory_bytes);
    let sandbox = SandboxRow {
        id: SandboxId::random(),
        warehouse_id: slot.id.clone(),
        node_id: node.id.clone(),
        generation: row.generation,
        created_at: compute.clock.now_ms(),
    };
    let mut tx = compute.db.write().await?;
    let inserted = store::sandbox_insert(&mut tx, &sandbox).await?;
    tx.commit().await?;
    if !inserted {
        // The row changed under us; its news is on the way, at the latest with the next look.
        compute.reload(&slot.id).await?;
        return Ok(Next::At(now + TRY_AGAIN));
    }
    compute.expect(slot, &sandbox, memory_bytes, compute.config.engine_wait);
    let request = StartSandboxRequest {
        sandbox_id: sandbox.id.to_string(),
        generation: u64::try_from(row.generation).unwrap_or(0),
        workspace_id: row.workspace_id.0,
        resource_id: slot.id.to_string(),
        program: Some(Program::Engine(EngineProgram {})),
        limits: Some(Limits { cpu_millis, memory_bytes }),
    };
    if let Err(status) = node.start_sandbox(request).await {
        tracing::warn!(warehouse_id = %slot.id, node_id = %node.id, %status, "a sandbox could not be started");
        // It may run for all we know.
        let _ = node.stop_sandbox(&sandbox.id, Duration::ZERO).await;
        forget(compute, slot, &sandbox.id).await?;
        return failed(
            compute,
            slot,
            memory,
            failure("BOOTSTRAP_TIMEOUT", "The engine could not be started."),
        )
        .await;
    }
    Ok(Next::Again)
}

/// Nothing is left of the sandbox.
async fn exited(
    compute: &Arc<Compute>,
    slot: &Arc<Slot>,
    sandbox: Placed,
    wanted: bool,
    memory: &mut Memory,
) -> Result<Next> {
    forget(compute, slot, &sandbox.id).await?;
    if !wanted || sandbox.generation != memory.generation {
        return Ok(Next::Again);
    }
    if sandbox.served_since.is_some_and(|since| since.elapsed() >= STEADY) {
        memory.attempts = 0;
        return Ok(Next::Again);
    }
    let node = compute.nodes.get(&sandbox.node_id);
    if sandbox.adopted || node.is_none_or(|node| node.leaving.load(Ordering::Relaxed)) {
        // Its node's end, not its own.
        return Ok(Next::Again);
    }
    let how = sandbox.exited.unwrap_or_default();
    failed(
        compute,
        slot,
        memory,
        failure("SERVICE_FAULT", &format!("The engine ended unexpectedly ({how}).")),
    )
    .await
}

async fn stop(
    compute: &Arc<Compute>,
    slot: &Arc<Slot>,
    sandbox: &Placed,
    memory: &mut Memory,
) -> Result<Next> {
    let now = Instant::now();
    match compute.nodes.get(&sandbox.node_id) {
        Some(node) => {
            if let Err(status) = node.stop_sandbox(&sandbox.id, compute.config.stop_grace).await {
                tracing::warn!(warehouse_id = %slot.id, node_id = %node.id, %status, "a sandbox could not be stopped");
                return Ok(Next::At(now + TRY_AGAIN));
            }
        }
        // Its lease ends it, or the node's return: it is then told to stop what nobody knows.
        None => {
            let due = *memory.node_back_due.get_or_insert(now + compute.config.reconnect_wait);
            if now < due {
                return Ok(Next::At(due));
            }
        }
    }
    memory.node_back_due = None;
    memory.drain_due = None;
    forget(compute, slot, &sandbox.id).await?;
    Ok(Next::Again)
}

/// The warehouse was changed so that it needs another engine: nothing new runs on the old one.
async fn replace(
    compute: &Arc<Compute>,
    slot: &Arc<Slot>,
    sandbox: &Placed,
    memory: &mut Memory,
) -> Result<Next> {
    let now = Instant::now();
    let due = *memory.drain_due.get_or_insert(now + compute.config.drain_wait);
    let (active, alive) = {
        let live = slot.live.borrow();
        (live.active, live.engine.as_ref().is_some_and(|engine| !engine.lost.is_cancelled()))
    };
    if active > 0 && alive && now < due {
        return Ok(Next::At(due));
    }
    stop(compute, slot, sandbox, memory).await
}

async fn await_engine(
    compute: &Arc<Compute>,
    slot: &Arc<Slot>,
    sandbox: Placed,
    memory: &mut Memory,
) -> Result<Next> {
    if Instant::now() < sandbox.engine_due {
        return Ok(Next::At(sandbox.engine_due));
    }
    let away = match compute.nodes.get(&sandbox.node_id) {
        Some(node) => {
            if let Err(status) = node.stop_sandbox(&sandbox.id, Duration::ZERO).await {
                tracing::warn!(warehouse_id = %slot.id, node_id = %node.id, %status, "a silent sandbox could not be stopped");
            }
            false
        }
        None => true,
    };
    forget(compute, slot, &sandbox.id).await?;
    if away || sandbox.adopted {
        return Ok(Next::Again);
    }
    failed(
        compute,
        slot,
        memory,
        failure("BOOTSTRAP_TIMEOUT", "The engine did not connect in time."),
    )
    .await
}

async fn watch_idleness(
    compute: &Arc<Compute>,
    slot: &Arc<Slot>,
    row: &Warehouse,
    memory: &mut Memory,
) -> Result<Next> {
    memory.node_due = None;
    memory.retry_at = None;
    let minutes = u32::try_from(row.spec.auto_stop_mins).unwrap_or(u32::MAX);
    if minutes == 0 {
        return Ok(Next::Idle);
    }
    let patience = compute.config.minute.saturating_mul(minutes);
    let now = Instant::now();
    let mut due = None;
    slot.live.send_if_modified(|live| {
        // While a statement runs the clock stands still; it starts when the last one ends.
        let stops_at = if live.active > 0 { now + patience } else { live.idle_since + patience };
        due = (stops_at > now).then_some(stops_at);
        live.gated = due.is_none();
        live.gated
    });
    if let Some(due) = due {
        return Ok(Next::At(due));
    }
    let written = async {
        let mut tx = compute.db.write().await?;
        let row = store::want_stopped(
            &mut tx,
            &slot.id,
            Some(row.generation),
            None,
            compute.clock.now_ms(),
        )
        .await?;
        tx.commit().await?;
        Ok(row)
    };
    let written: Result<_> = written.await;
    slot.live.send_modify(|live| live.gated = false);
    match written? {
        Some(row) => {
            tracing::info!(warehouse_id = %slot.id, "warehouse stops: idle");
            slot.apply(row);
        }
        None => compute.reload(&slot.id).await?,
    }
    Ok(Next::Again)
}

/// One attempt failed: another comes after a while, or none.
async fn failed(
    compute: &Arc<Compute>,
    slot: &Arc<Slot>,
    memory: &mut Memory,
    failure: Failure,
) -> Result<Next> {
    memory.attempts += 1;
    if memory.attempts >= ATTEMPTS_MAX {
        return give_up(compute, slot, memory.generation, failure).await;
    }
    let wait = compute.config.retry_wait * 4_u32.pow(memory.attempts - 1);
    memory.retry_at = Some(Instant::now() + wait);
    slot.live.send_modify(|live| live.trouble = Some(failure.summary));
    Ok(Next::Again)
}

async fn give_up(
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
        slot.live.send_if_modified(|live| {
            live.give_ups += 1;
            live.trouble = None;
            false
        });
        slot.apply(row);
    }
    Ok(Next::Again)
}

/// The sandbox is no longer: in the database, in memory, on the relay.
async fn forget(compute: &Arc<Compute>, slot: &Arc<Slot>, id: &SandboxId) -> Result<()> {
    let mut tx = compute.db.write().await?;
    store::sandbox_delete(&mut tx, id).await?;
    tx.commit().await?;
    compute.unexpect(id);
    slot.live.send_modify(|live| {
        if let Some(sandbox) = live.sandbox.take_if(|sandbox| sandbox.id == *id) {
            sandbox.closed.cancel();
            live.engine = None;
        }
    });
    Ok(())
}

fn failure(code: &str, summary: &str) -> Failure {
    Failure { code: code.into(), summary: summary.into() }
}

impl Compute {
    /// From now on the engine of this sandbox may connect.
    pub(crate) fn expect(
        &self,
        slot: &Arc<Slot>,
        sandbox: &SandboxRow,
        memory_bytes: u64,
        wait: Duration,
    ) {
        let placed = Placed {
            id: sandbox.id.clone(),
            node_id: sandbox.node_id.clone(),
            generation: sandbox.generation,
            memory_bytes,
            created_at: sandbox.created_at,
            engine_due: Instant::now() + wait,
            adopted: false,
            served_since: None,
            exited: None,
            closed: CancellationToken::new(),
        };
        slot.live.send_modify(|live| live.sandbox = Some(placed));
        self.expected.write().insert(sandbox.id.clone(), slot.clone());
    }

    fn unexpect(&self, id: &SandboxId) {
        self.expected.write().remove(id);
    }
}
