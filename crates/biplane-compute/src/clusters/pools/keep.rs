//! Makes the idle hosts of pools as many as they are to be. One task per pool that has something to do or
//! to wait for; it takes no input but the database and what is connected, so it can stop and begin again at
//! any point.

use super::super::keep::{Memory, Next, TRY_AGAIN};
use super::super::{Keeper, reasons};
use super::store::{self, Pool, PoolHost};
use crate::Compute;
use crate::nodes::place::Given;
use crate::provider::{HostState, ProviderResult};
use biplane_api::ids::{InstancePoolId, NodeId};
use biplane_api::pools::{InstancePoolStats, PendingInstanceError};
use biplane_platform::{ApiError, Result};
use futures::{StreamExt, stream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// Questions to a provider at a time, for one pool.
const AT_ONCE: usize = 8;
const RETRY_MAX: Duration = Duration::from_secs(60);
/// As many are told.
const PROBLEMS_MAX: usize = 10;

/// What the task of a pool remembers between its steps.
#[derive(Default)]
struct PoolMemory {
    common: Memory,
    /// After failures, nothing is ordered before that.
    retry_at: Option<Instant>,
    failures: u32,
}

impl Compute {
    /// Has the task of this pool look, or begins one.
    pub(in super::super) fn pool_keep(self: &Arc<Self>, id: &InstancePoolId) {
        let mut keepers = self.clusters.pool_keepers.lock();
        if let Some(keeper) = keepers.get(id) {
            return keeper.ask();
        }
        if self.clusters.providers.read().is_empty() {
            return;
        }
        let keeper = Arc::new(Keeper::default());
        keepers.insert(id.clone(), keeper.clone());
        tokio::spawn(run(self.clone(), id.clone(), keeper));
    }

    pub(in super::super) async fn pools_look(self: &Arc<Self>) -> Result<()> {
        let all = store::all(&mut self.db.read().await?).await?;
        for id in all {
            self.pool_keep(&id);
        }
        Ok(())
    }
}

async fn run(compute: Arc<Compute>, id: InstancePoolId, keeper: Arc<Keeper>) {
    let mut memory = PoolMemory::default();
    loop {
        keeper.asked.store(false, Ordering::SeqCst);
        memory.common.alarm = None;
        match step(&compute, &id, &mut memory).await {
            Ok(Next::Again) => continue,
            Ok(Next::Done) => {
                let mut keepers = compute.clusters.pool_keepers.lock();
                if !keeper.asked.load(Ordering::SeqCst) {
                    keepers.remove(&id);
                    return;
                }
                continue;
            }
            Ok(Next::Rest) => {}
            Err(error) => {
                tracing::warn!(pool_id = %id, %error, cause = ?error.internal, "an instance pool could not be looked after");
                memory.common.wake_at(Instant::now() + TRY_AGAIN);
            }
        }
        let alarm = memory.common.alarm;
        let deadline = async {
            match alarm {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = keeper.wake.notified() => {}
            () = deadline => {}
            () = compute.stop.cancelled() => return,
        }
    }
}

async fn step(
    compute: &Arc<Compute>,
    id: &InstancePoolId,
    memory: &mut PoolMemory,
) -> Result<Next> {
    let (pool, hosts, stats) = {
        let mut tx = compute.db.read().await?;
        let pool = store::get(&mut tx, id.as_str()).await?;
        (pool, store::hosts(&mut tx, id.as_str()).await?, store::stats(&mut tx, id.as_str()).await?)
    };
    let Some(pool) = pool else { return Ok(Next::Done) };
    if let Some(host) = hosts.iter().find(|host| host.ending) {
        end(compute, host).await?;
        return Ok(Next::Again);
    }
    // All orders are made in one step: what is not made yet is of a server before this one.
    if let Some(host) = hosts.iter().find(|host| host.host_id.is_none()) {
        adopt(compute, host).await?;
        return Ok(Next::Again);
    }
    let mut going: Vec<(NodeId, Option<String>)> = Vec::new();
    if watch(compute, &hosts, &mut memory.common, &mut going).await? {
        return Ok(Next::Again);
    }
    if going.is_empty() {
        let idle = surplus(compute, &pool, &hosts, stats, &mut memory.common);
        going.extend(idle.into_iter().map(|host| (host, None)));
    }
    if !going.is_empty() {
        dismiss(compute, &pool, &going).await?;
        return Ok(Next::Again);
    }
    if pool.deleted {
        return match stats == InstancePoolStats::default() {
            true => {
                let mut tx = compute.db.write().await?;
                store::delete(&mut tx, id).await?;
                tx.commit().await?;
                Ok(Next::Done)
            }
            // The end of the last host of a cluster is news.
            false => Ok(Next::Rest),
        };
    }
    let least = pool.spec.min_idle_instances.unwrap_or(0).min(room(&pool, stats));
    let missing = least - i64::try_from(hosts.len()).unwrap_or(i64::MAX);
    if missing > 0 {
        return make(compute, &pool, missing, memory).await;
    }
    Ok(if hosts.is_empty() { Next::Done } else { Next::Rest })
}

/// How many may be idle beside those in clusters.
fn room(pool: &Pool, stats: InstancePoolStats) -> i64 {
    let used = stats.used_count + stats.pending_used_count;
    pool.spec.max_capacity.map_or(i64::MAX, |most| (most - used).max(0))
}

/// Those that are to join do, those that joined stay; others are `going`. True: something changed.
async fn watch(
    compute: &Arc<Compute>,
    hosts: &[PoolHost],
    memory: &mut Memory,
    going: &mut Vec<(NodeId, Option<String>)>,
) -> Result<bool> {
    let now = Instant::now();
    let mut joined = Vec::new();
    for host in hosts {
        let there = compute.nodes.get(&host.node_id).is_some_and(|node| !node.clears());
        if there {
            memory.lost.remove(&host.node_id);
            if !host.ready {
                joined.push(host);
            }
            continue;
        }
        let first = !memory.lost.contains_key(&host.node_id);
        let since = *memory.lost.entry(host.node_id.clone()).or_insert(now);
        let late = match host.ready {
            true => now >= since + compute.config.lease,
            false => {
                let waited = compute.clock.now_ms() - host.created_at;
                let waited = Duration::from_millis(u64::try_from(waited).unwrap_or(0));
                waited >= compute.config.clusters.boot_wait
            }
        };
        let due = memory.asked_at.is_none_or(|at| now >= at + compute.config.clusters.host_poll);
        let why = match late {
            true if host.ready => Some(None),
            true => Some(Some("The host did not join in time.".to_owned())),
            false if due || (first && host.ready) => ended(compute, host).await,
            false => None,
        };
        match why {
            Some(why) => going.push((host.node_id.clone(), why)),
            None => memory.wake_at(now + compute.config.clusters.host_poll),
        }
        if due {
            memory.asked_at = Some(now);
        }
    }
    if joined.is_empty() {
        return Ok(false);
    }
    let mut tx = compute.db.write().await?;
    for host in joined {
        store::host_ready(&mut tx, &host.node_id, compute.clock.now_ms()).await?;
        tracing::info!(pool_id = %host.pool_id, node_id = %host.node_id, "a host joined its pool");
    }
    tx.commit().await?;
    Ok(true)
}

/// Whether the provider says that it is no more, and why.
async fn ended(compute: &Arc<Compute>, host: &PoolHost) -> Option<Option<String>> {
    let provider = compute.provider(&host.provider).ok()?;
    let id = host.host_id.clone()?;
    match compute.answered(provider.describe(&host.place, std::slice::from_ref(&id))).await {
        Ok(told) => match told.into_iter().find(|one| one.host_id == id) {
            None if host.ready => Some(None),
            Some(one) if !matches!(one.state, HostState::Pending | HostState::Running) => {
                Some(one.reason.or_else(|| Some("The host was ended.".into())))
            }
            _ => None,
        },
        Err(error) => {
            tracing::warn!(host_id = id, %error, "a provider could not say how a host is");
            None
        }
    }
}

/// Idle ones that are more than there may be, or than are needed and were not for long enough.
fn surplus(
    compute: &Compute,
    pool: &Pool,
    hosts: &[PoolHost],
    stats: InstancePoolStats,
    memory: &mut Memory,
) -> Vec<NodeId> {
    if pool.deleted {
        return hosts.iter().map(|host| host.node_id.clone()).collect();
    }
    let count = |many: i64| usize::try_from(many).unwrap_or(0);
    let over = hosts.len().saturating_sub(count(room(pool, stats)));
    let spare = hosts.len().saturating_sub(count(pool.spec.min_idle_instances.unwrap_or(0)));
    let minutes = pool.spec.idle_instance_autotermination_minutes.unwrap_or(0);
    let patience = compute.config.minute.saturating_mul(u32::try_from(minutes).unwrap_or(0));
    let now = compute.clock.now_ms();
    // The last in the list have waited longest.
    let mut oldest = hosts.iter().rev().filter(|host| host.ready);
    let mut going: Vec<NodeId> =
        oldest.by_ref().take(over).map(|host| host.node_id.clone()).collect();
    for host in oldest.take(spare.saturating_sub(over)) {
        let idle = Duration::from_millis(u64::try_from(now - host.idle_since).unwrap_or(0));
        match idle >= patience {
            true => going.push(host.node_id.clone()),
            false => memory.wake_at(Instant::now() + (patience - idle)),
        }
    }
    going
}

/// From here on nobody gets them. What went wrong is told.
async fn dismiss(
    compute: &Arc<Compute>,
    pool: &Pool,
    going: &[(NodeId, Option<String>)],
) -> Result<()> {
    let mut tx = compute.db.write().await?;
    let mut problems = Vec::new();
    for (node_id, why) in going {
        store::host_ending(&mut tx, node_id).await?;
        if let Some(message) = why {
            let instance_id = node_id.to_string();
            problems.push(PendingInstanceError { instance_id, message: message.clone() });
        }
    }
    if !problems.is_empty() {
        problems.truncate(PROBLEMS_MAX);
        store::set_problems(&mut tx, &pool.id, &problems).await?;
    }
    tx.commit().await
}

async fn end(compute: &Arc<Compute>, host: &PoolHost) -> Result<()> {
    if let Some(id) = &host.host_id {
        let provider = compute.provider(&host.provider)?;
        let ended = provider.terminate(&host.place, std::slice::from_ref(id));
        let ended = compute.answered(ended).await;
        ended.map_err(|error| ApiError::internal(error.message))?;
    }
    let mut tx = compute.db.write().await?;
    store::host_delete(&mut tx, &host.node_id).await?;
    // Its certificate is good for nothing from now on.
    crate::nodes::store::delete(&mut tx, &host.node_id).await?;
    tx.commit().await?;
    compute.node_gone(&host.node_id);
    Ok(())
}

/// A server before this one noted it; whether it was made as well, the provider knows.
async fn adopt(compute: &Arc<Compute>, host: &PoolHost) -> Result<()> {
    let provider = compute.provider(&host.provider)?;
    let known = compute.answered(provider.hosts(&host.place)).await;
    let known = known.map_err(reasons::to_caller)?;
    let found = known.into_iter().find(|one| one.node_id.as_ref() == Some(&host.node_id));
    let mut tx = compute.db.write().await?;
    match found {
        Some(made) => store::host_made(&mut tx, &host.node_id, &made).await?,
        None => {
            store::host_delete(&mut tx, &host.node_id).await?;
        }
    }
    tx.commit().await
}

/// Notes them, and has the provider make them.
async fn make(
    compute: &Arc<Compute>,
    pool: &Pool,
    missing: i64,
    memory: &mut PoolMemory,
) -> Result<Next> {
    if let Some(at) = memory.retry_at.filter(|at| *at > Instant::now()) {
        memory.common.wake_at(at);
        return Ok(Next::Rest);
    }
    let (provider_name, place) = compute.source_of(pool.workspace_id, pool.node_type()).await?;
    let provider = compute.provider(&provider_name)?;
    let types = compute.node_types_of(pool.workspace_id).await?;
    let known = types.iter().find(|known| known.node_type_id == pool.node_type());
    let size = known.map_or_else(Given::default, Given::from);
    let now = compute.clock.now_ms();
    let one = |_| PoolHost {
        node_id: NodeId::random(),
        pool_id: pool.id.clone(),
        workspace_id: pool.workspace_id,
        provider: provider_name.clone(),
        place: place.clone(),
        node_type_id: pool.node_type().to_owned(),
        size,
        host_id: None,
        private_ip: None,
        is_spot: false,
        ready: false,
        ending: false,
        created_at: now,
        idle_since: now,
    };
    let new: Vec<PoolHost> = (0..missing).map(one).collect();
    let mut tx = compute.db.write().await?;
    for host in &new {
        store::host_insert(&mut tx, host).await?;
    }
    tx.commit().await?;
    let mut orders = Vec::new();
    for host in new {
        let order = super::order(compute, pool, &host.node_id, &provider_name, &place).await?;
        let (provider, place) = (&provider, &place);
        orders.push(async move { (host, compute.answered(provider.create(place, &order)).await) });
    }
    let answers: Vec<_> = stream::iter(orders).buffer_unordered(AT_ONCE).collect().await;
    noted(compute, pool, answers, memory).await?;
    Ok(Next::Again)
}

/// What came of the orders. One that failed and was made all the same is nobody's, and is reaped.
async fn noted(
    compute: &Arc<Compute>,
    pool: &Pool,
    answers: Vec<(PoolHost, ProviderResult<crate::provider::Host>)>,
    memory: &mut PoolMemory,
) -> Result<()> {
    let mut problems = Vec::new();
    let mut tx = compute.db.write().await?;
    for (host, answer) in answers {
        match answer {
            Ok(made) => store::host_made(&mut tx, &host.node_id, &made).await?,
            Err(error) => {
                tracing::warn!(pool_id = %pool.id, %error, code = ?error.code, kind = ?error.kind, "a host of a pool could not be made");
                store::host_delete(&mut tx, &host.node_id).await?;
                let instance_id = host.node_id.to_string();
                problems.push(PendingInstanceError { instance_id, message: error.message });
            }
        }
    }
    match problems.is_empty() {
        true => (memory.failures, memory.retry_at) = (0, None),
        false => {
            memory.failures += 1;
            let wait = compute.config.clusters.retry_wait * 2_u32.pow(memory.failures.min(10));
            memory.retry_at = Some(Instant::now() + wait.min(RETRY_MAX));
        }
    }
    problems.truncate(PROBLEMS_MAX);
    if problems != pool.problems {
        store::set_problems(&mut tx, &pool.id, &problems).await?;
    }
    tx.commit().await
}
