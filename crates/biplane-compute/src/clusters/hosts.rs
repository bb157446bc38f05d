//! The machines of one cluster: ordered, awaited, watched, ended.

use super::keep::{Memory, Next, TRY_AGAIN, give_up};
use super::order::{Wanted, put_together};
use super::pools::{self, Taken};
use super::reasons::{self, reason};
use super::store::{self, Cluster, HostRow};
use super::{change, own};
use crate::Compute;
use crate::nodes::place::Given;
use crate::provider::{
    Host, HostOrder, HostState, NodeType, Provider, ProviderError, ProviderResult,
};
use biplane_api::clusters::{ClusterState as State, ClusterTermination};
use biplane_api::ids::NodeId;
use biplane_platform::{ApiError, Result};
use futures::{StreamExt, stream};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Questions to a provider at a time, for one cluster.
const AT_ONCE: usize = 8;
const RETRY_MAX: Duration = Duration::from_secs(30);
/// For sandboxes to end before their host does.
const SANDBOXES_END: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);

/// A machine that this task ordered, until the provider made it.
pub(crate) struct Order {
    /// None until it is put together.
    order: Option<HostOrder>,
    attempts: u32,
    retry_at: Instant,
    /// No more attempts after that.
    until: Instant,
}

/// Notes those that are missing.
pub(super) async fn order(
    compute: &Arc<Compute>,
    row: &Cluster,
    hosts: &[HostRow],
    memory: &mut Memory,
) -> Result<Next> {
    let missing: Vec<i64> = (0..=row.workers)
        .filter(|ordinal| !hosts.iter().any(|host| host.ordinal == *ordinal))
        .collect();
    if missing.is_empty() {
        return Ok(Next::Rest);
    }
    let types = match compute.node_types_told(row.workspace_id).await? {
        Ok(types) => types,
        Err((provider, error)) => {
            let ordinal = missing.first().copied().unwrap_or_default();
            return untold(compute, row, ordinal, &provider, &error, memory).await;
        }
    };
    memory.untold_since = None;
    let new = wanted(compute, row, missing, &types).await?;
    let mut tx = compute.db.write().await?;
    // Whoever changed the row meanwhile may not want them.
    if !change::write(&mut tx, row, |_| (), None, compute.clock.now_ms()).await? {
        return Ok(Next::Again);
    }
    let (mut ordered, mut noted) = (Vec::new(), false);
    for mut host in new {
        match pools::taken(compute, &mut tx, &mut host).await? {
            Taken::Host => {
                store::host_insert(&mut tx, &host).await?;
                noted = true;
            }
            Taken::Order => {
                store::host_insert(&mut tx, &host).await?;
                noted = true;
                ordered.push(host);
            }
            Taken::Soon => memory.wake_at(Instant::now() + TRY_AGAIN),
            Taken::Not(why) => {
                drop(tx);
                without(compute, row, &host, &why).await?;
                return Ok(Next::Again);
            }
        }
    }
    if !noted {
        return Ok(Next::Rest);
    }
    tx.commit().await?;
    let now = Instant::now();
    for host in ordered {
        let until = now + compute.config.clusters.launch_wait;
        let order = Order { order: None, attempts: 0, retry_at: now, until };
        memory.orders.insert(host.node_id, order);
    }
    Ok(Next::Again)
}

/// A provider that does not say what it has is asked again for a while.
async fn untold(
    compute: &Arc<Compute>,
    row: &Cluster,
    ordinal: i64,
    provider: &str,
    error: &ProviderError,
    memory: &mut Memory,
) -> Result<Next> {
    tracing::warn!(cluster_id = %row.id, %error, code = ?error.code, "a provider does not say what it has");
    let now = Instant::now();
    let since = *memory.untold_since.get_or_insert(now);
    if error.kind.retryable() && now < since + compute.config.clusters.launch_wait {
        memory.wake_at(now + TRY_AGAIN);
        return Ok(Next::Rest);
    }
    memory.untold_since = None;
    fewer(compute, row, ordinal, &reasons::of_provider(error, provider)).await?;
    Ok(Next::Again)
}

/// Rows for these hosts of the cluster, which nobody was asked for yet.
async fn wanted(
    compute: &Arc<Compute>,
    row: &Cluster,
    missing: Vec<i64>,
    types: &[NodeType],
) -> Result<Vec<HostRow>> {
    let mut new = Vec::new();
    for ordinal in missing {
        let spec = &row.spec;
        let driver = spec.driver_instance_pool_id.as_deref().filter(|_| ordinal == 0);
        let pools = [driver, spec.instance_pool_id.as_deref()];
        let pool_id = pools.into_iter().flatten().find_map(|id| id.parse().ok());
        let wanted = if ordinal == 0 { &spec.driver_node_type_id } else { &spec.node_type_id };
        let wanted = wanted.clone().unwrap_or_default();
        let (provider, place) = compute.source_of(row.workspace_id, &wanted).await?;
        let known = types.iter().find(|known| known.node_type_id == wanted);
        let size = known.map_or_else(Given::default, Given::from);
        new.push(HostRow {
            node_id: NodeId::random(),
            cluster_id: row.id.clone(),
            workspace_id: row.workspace_id,
            generation: row.generation,
            ordinal,
            provider,
            place,
            node_type_id: wanted,
            size,
            host_id: None,
            private_ip: None,
            is_spot: false,
            ready: false,
            created_at: compute.clock.now_ms(),
            pool_id,
        });
    }
    Ok(new)
}

/// Has the provider make those that it was not asked for, or could not make.
pub(super) async fn make(
    compute: &Arc<Compute>,
    row: &Cluster,
    hosts: &[HostRow],
    memory: &mut Memory,
) -> Result<Next> {
    let now = Instant::now();
    let (mut due, mut next) = (Vec::new(), Next::Rest);
    for host in hosts.iter().filter(|host| host.host_id.is_none()) {
        let Some(order) = memory.orders.get_mut(&host.node_id) else {
            if host.created_at < *compute.clusters.began_ms.read() {
                adopt(compute, host).await?;
                next = Next::Again;
            }
            continue;
        };
        if order.retry_at > now {
            let at = order.retry_at;
            memory.wake_at(at);
            continue;
        }
        let provider = compute.provider(&host.provider)?;
        let wanted = match &order.order {
            Some(known) => known.clone(),
            None => {
                let made = order_of(compute, row, host).await?;
                order.order.insert(made).clone()
            }
        };
        due.push((host, provider, wanted));
    }
    if due.is_empty() {
        return Ok(next);
    }
    let mut orders = Vec::new();
    for (host, provider, wanted) in due {
        orders.push(create(compute.clone(), host.clone(), provider, wanted));
    }
    let answers: Vec<_> = stream::iter(orders).buffer_unordered(AT_ONCE).collect().await;
    let mut failed = None;
    for (host, answer) in answers {
        match answer {
            Ok(made) => {
                let mut tx = compute.db.write().await?;
                store::host_made(&mut tx, &host.node_id, &made).await?;
                tx.commit().await?;
                memory.orders.remove(&host.node_id);
            }
            Err(error) => {
                tracing::warn!(cluster_id = %row.id, %error, code = ?error.code, kind = ?error.kind, "a host could not be made");
                let Some(order) = memory.orders.get_mut(&host.node_id) else { continue };
                order.attempts += 1;
                let wait = compute.config.clusters.retry_wait * 2_u32.pow(order.attempts.min(10));
                order.retry_at = Instant::now() + wait.min(RETRY_MAX);
                if !error.kind.retryable() || order.retry_at > order.until {
                    let why = reasons::of_provider(&error, &host.provider);
                    failed = Some((host, why));
                }
            }
        }
    }
    if let Some((host, why)) = failed {
        without(compute, row, &host, &why).await?;
    }
    Ok(Next::Again)
}

async fn create(
    compute: Arc<Compute>,
    host: HostRow,
    provider: Arc<dyn Provider>,
    wanted: HostOrder,
) -> (HostRow, ProviderResult<Host>) {
    let made = compute.answered(provider.create(&host.place, &wanted)).await;
    (host, made)
}

/// A server before this one noted it; whether it was made as well, the provider knows.
async fn adopt(compute: &Arc<Compute>, host: &HostRow) -> Result<()> {
    let provider = compute.provider(&host.provider)?;
    let known = compute.answered(provider.hosts(&host.place)).await;
    let known = known.map_err(reasons::to_caller)?;
    let found = known.into_iter().find(|one| one.node_id.as_ref() == Some(&host.node_id));
    let mut tx = compute.db.write().await?;
    match found {
        Some(made) => store::host_made(&mut tx, &host.node_id, &made).await?,
        // Another is ordered in its place.
        None => store::host_delete(&mut tx, &host.node_id).await?,
    }
    tx.commit().await
}

async fn order_of(compute: &Arc<Compute>, row: &Cluster, host: &HostRow) -> Result<HostOrder> {
    let HostRow { node_id, provider, place, .. } = host;
    if let Some(id) = &host.pool_id {
        let pool = pools::store::get(&mut compute.db.read().await?, id.as_str()).await?;
        let pool = pool.ok_or_else(|| ApiError::internal("the pool of a host that is ordered"))?;
        return pools::order(compute, &pool, node_id, provider, place).await;
    }
    let aws = row.spec.aws_attributes.clone().unwrap_or_default();
    let mut tags = row.spec.custom_tags.clone().unwrap_or_default();
    for (key, value) in [
        ("Vendor", "Biplane"),
        ("ClusterName", row.name.as_str()),
        ("ClusterId", row.id.as_str()),
        ("Creator", row.creator_name.as_str()),
    ] {
        tags.insert(key.into(), value.into());
    }
    let wanted = Wanted {
        kind: "cluster",
        id: row.id.as_str(),
        workspace_id: row.workspace_id,
        creator_name: &row.creator_name,
        node_id,
        provider,
        place,
        node_type_id: &host.node_type_id,
        on_demand: host.ordinal < aws.first_on_demand.unwrap_or(0),
        aws,
        tags,
    };
    put_together(compute, wanted).await
}

/// Those that are to join do, and those that joined stay.
pub(super) async fn watch(
    compute: &Arc<Compute>,
    row: &Cluster,
    hosts: &[HostRow],
    memory: &mut Memory,
) -> Result<Next> {
    let now = Instant::now();
    let made: Vec<_> = hosts.iter().filter(|host| host.host_id.is_some()).collect();
    let mut away = Vec::new();
    let mut joined = Vec::new();
    for host in made {
        let node = compute.nodes.get(&host.node_id);
        match node.is_some_and(|node| !node.clears()) {
            true if host.ready => {
                memory.lost.remove(&host.node_id);
            }
            true => joined.push(host),
            false => away.push(host),
        }
    }
    if !joined.is_empty() {
        let mut tx = compute.db.write().await?;
        for host in joined {
            store::host_ready(&mut tx, &host.node_id).await?;
            tracing::info!(cluster_id = %row.id, node_id = %host.node_id, host_id = host.host_id, "a host joined its cluster");
        }
        tx.commit().await?;
        return Ok(Next::Again);
    }
    if away.is_empty() {
        return Ok(Next::Rest);
    }
    let told = ask(compute, &away, memory).await?;
    for host in away {
        let ended = told.as_ref().and_then(|told| end_of(host, told));
        let overdue = match host.ready {
            false => {
                let waited = compute.clock.now_ms() - host.created_at;
                let waited = Duration::from_millis(u64::try_from(waited).unwrap_or(0));
                let wait = compute.config.clusters.boot_wait;
                memory.wake_at(now + wait.saturating_sub(waited));
                (waited >= wait).then(|| reasons::late(host))
            }
            true => {
                let since = *memory.lost.entry(host.node_id.clone()).or_insert(now);
                memory.wake_at(since + compute.config.lease);
                (now >= since + compute.config.lease).then(|| unreachable(host))
            }
        };
        if let Some(why) = ended.or(overdue) {
            memory.lost.remove(&host.node_id);
            without(compute, row, host, &why).await?;
            return Ok(Next::Again);
        }
    }
    Ok(Next::Rest)
}

fn unreachable(host: &HostRow) -> ClusterTermination {
    let id = host.host_id.as_deref().unwrap_or_default();
    let said = "The host stopped answering.";
    let parameters = [("instance_id", id), ("databricks_error_message", said)];
    reason("DRIVER_UNREACHABLE", reasons::SERVICE_FAULT, &parameters)
}

/// How these are, as their provider says; None = not asked now.
async fn ask(
    compute: &Arc<Compute>,
    away: &[&HostRow],
    memory: &mut Memory,
) -> Result<Option<Vec<Host>>> {
    let (now, every) = (Instant::now(), compute.config.clusters.host_poll);
    // One that just went may have been taken back: that is asked at once.
    let news = away.iter().any(|host| host.ready && !memory.lost.contains_key(&host.node_id));
    let due = *memory.asked_at.get_or_insert(now) + every;
    if !news && now < due {
        memory.wake_at(due);
        return Ok(None);
    }
    memory.asked_at = Some(now);
    memory.wake_at(now + every);
    let mut told = Vec::new();
    for host in away {
        let (Some(id), provider) = (&host.host_id, compute.provider(&host.provider)?) else {
            continue;
        };
        let id = std::slice::from_ref(id);
        match compute.answered(provider.describe(&host.place, id)).await {
            Ok(hosts) if hosts.is_empty() && host.ready => told.push(Host {
                host_id: id[0].clone(),
                state: HostState::Ended,
                ..Host::default()
            }),
            Ok(hosts) => told.extend(hosts),
            Err(error) => {
                tracing::warn!(host_id = id[0], %error, "a provider could not say how a host is");
            }
        }
    }
    Ok(Some(told))
}

fn end_of(host: &HostRow, told: &[Host]) -> Option<ClusterTermination> {
    let seen = told.iter().find(|seen| Some(&seen.host_id) == host.host_id.as_ref())?;
    let (code, said) = match seen.state {
        HostState::Pending | HostState::Running => return None,
        HostState::Reclaimed => ("SPOT_INSTANCE_TERMINATION", "The provider took the host back."),
        HostState::Ending | HostState::Ended if host.ready => {
            ("CLOUD_PROVIDER_SHUTDOWN", "The host was ended.")
        }
        HostState::Ending | HostState::Ended => {
            ("CLOUD_PROVIDER_LAUNCH_FAILURE", "The host ended before it joined.")
        }
    };
    let parameters = [
        ("instance_id", seen.host_id.as_str()),
        ("databricks_error_message", seen.reason.as_deref().unwrap_or(said)),
    ];
    Some(reason(code, reasons::CLOUD_FAILURE, &parameters))
}

/// The cluster has to do without this host: it ends with its driver, and while it starts with any. Else a
/// worker that was there is replaced, and one that could not be had is done without.
async fn without(
    compute: &Arc<Compute>,
    row: &Cluster,
    host: &HostRow,
    why: &ClusterTermination,
) -> Result<()> {
    if host.ready && host.ordinal != 0 && row.is(&[State::Running, State::Resizing]) {
        let lost = json!({ "reason": why, "instance_id": host.host_id, "cause": "AUTORECOVERY" });
        let replace = |row: &mut Cluster| {
            row.state = State::Resizing;
            row.state_message = "Replacing a host that was lost".into();
        };
        if compute.cluster_change(row, replace, Some(("NODES_LOST", lost))).await? {
            end_now(compute, std::slice::from_ref(host)).await?;
        }
        return Ok(());
    }
    fewer(compute, row, host.ordinal, why).await
}

/// It is done without the worker; without the driver, or while the cluster starts, that is its end.
async fn fewer(
    compute: &Arc<Compute>,
    row: &Cluster,
    ordinal: i64,
    why: &ClusterTermination,
) -> Result<()> {
    if ordinal == 0 || !row.is(&[State::Running, State::Resizing]) {
        give_up(compute, row, why).await?;
        return Ok(());
    }
    let details = json!({ "reason": why, "target_num_workers": row.workers });
    let fewer = |row: &mut Cluster| {
        row.workers = row.workers.min(ordinal - 1);
        row.state_message = format!("Not all workers could be added: {}", why.code);
    };
    compute.cluster_change(row, fewer, Some(("ADD_NODES_FAILED", details))).await?;
    Ok(())
}

/// Ends hosts. True: something of them went.
pub(super) async fn end(
    compute: &Arc<Compute>,
    row: &Cluster,
    going: &[HostRow],
    memory: &mut Memory,
) -> Result<bool> {
    if going.iter().any(|host| host.ordinal == 0) {
        compute.code_leave_cluster(&row.id, &format!("The cluster {} ended.", row.id));
    }
    sandboxes_end(compute, going).await;
    for host in going {
        memory.orders.remove(&host.node_id);
        memory.lost.remove(&host.node_id);
    }
    // One that was noted and perhaps made by a server before this one is looked for first.
    for host in going.iter().filter(|host| host.host_id.is_none()) {
        if host.created_at < *compute.clusters.began_ms.read() {
            adopt(compute, host).await?;
            return Ok(true);
        }
    }
    let going = pools::give_back(compute, going).await?;
    match end_now(compute, &going).await {
        Ok(()) => Ok(true),
        Err(error) => {
            tracing::warn!(cluster_id = %row.id, %error, "hosts could not be ended");
            memory.wake_at(Instant::now() + TRY_AGAIN);
            Ok(false)
        }
    }
}

/// The own sandboxes of these hosts are told to end; a host that does not answer is not waited for.
async fn sandboxes_end(compute: &Arc<Compute>, going: &[HostRow]) {
    let end = Instant::now() + SANDBOXES_END;
    let busy = |host: &HostRow| {
        compute.nodes.get(&host.node_id).is_some() && !compute.code.on(&host.node_id).is_empty()
    };
    while going.iter().any(busy) && Instant::now() < end {
        tokio::time::sleep(LOOK).await;
    }
}

async fn end_now(compute: &Arc<Compute>, going: &[HostRow]) -> Result<()> {
    let mut by_place: Vec<(&HostRow, Arc<dyn Provider>, Vec<String>)> = Vec::new();
    for host in going {
        let Some(id) = host.host_id.clone() else { continue };
        let same = |known: &&mut (&HostRow, _, _)| {
            known.0.provider == host.provider && known.0.place == host.place
        };
        match by_place.iter_mut().find(same) {
            Some(known) => known.2.push(id),
            None => by_place.push((host, compute.provider(&host.provider)?, vec![id])),
        }
    }
    for (host, provider, ids) in by_place {
        let ended = compute.answered(provider.terminate(&host.place, &ids)).await;
        ended.map_err(|error| ApiError::internal(error.message))?;
    }
    let mut tx = compute.db.write().await?;
    for host in going {
        store::host_delete(&mut tx, &host.node_id).await?;
        if let Some(pool) = &host.pool_id {
            // It may have room for another one now, or may be forgotten.
            tx.notify(pools::store::TOPIC, pool.as_str());
        }
        if host.provider != own::NAME {
            // Its certificate is good for nothing from now on.
            crate::nodes::store::delete(&mut tx, &host.node_id).await?;
        }
    }
    tx.commit().await?;
    for host in going.iter().filter(|host| host.provider != own::NAME) {
        compute.node_gone(&host.node_id);
    }
    Ok(())
}
