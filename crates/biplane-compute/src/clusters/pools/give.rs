//! Hosts change over: from a pool to a cluster, and back.

use super::super::libraries::store as setups;
use super::super::reasons::{self, reason};
use super::super::store::{self as clusters, HostRow};
use super::store::{self, PoolHost, TOPIC};
use crate::Compute;
use biplane_api::clusters::ClusterTermination;
use biplane_platform::{Result, Tx};

/// What a cluster gets for one of its hosts.
#[derive(Debug)]
pub(in super::super) enum Taken {
    /// One that was there.
    Host,
    /// None is there, but another one may be ordered.
    Order,
    /// One is on its way, or in the way.
    Soon,
    Not(ClusterTermination),
}

/// Makes `wanted` a host of its pool, ready ones first, in the transaction of who wants it.
pub(in super::super) async fn taken(
    compute: &Compute,
    tx: &mut Tx,
    wanted: &mut HostRow,
) -> Result<Taken> {
    let Some(id) = wanted.pool_id.clone() else { return Ok(Taken::Order) };
    let id = id.as_str();
    let pool = store::get(tx, id).await?.filter(|pool| !pool.deleted);
    let Some(pool) = pool else {
        let said = [("instance_pool_id", id)];
        return Ok(Taken::Not(reason("INSTANCE_POOL_NOT_FOUND", reasons::CLIENT_ERROR, &said)));
    };
    let hosts = store::hosts(tx, id).await?;
    let there = |host: &&PoolHost| {
        let node = compute.nodes.get(&host.node_id);
        let usable = match host.ready {
            true => node.is_some_and(|node| node.takes()),
            false => host.host_id.is_some(),
        };
        usable && !host.ending
    };
    for host in hosts.iter().filter(there) {
        if store::host_delete(tx, &host.node_id).await? {
            tx.notify(TOPIC, id);
            // What a cluster before this one prepared there goes with its directory.
            setups::setup_delete(tx, &host.node_id).await?;
            wanted.node_id = host.node_id.clone();
            wanted.provider.clone_from(&host.provider);
            wanted.place.clone_from(&host.place);
            wanted.node_type_id.clone_from(&host.node_type_id);
            wanted.size = host.size;
            wanted.host_id.clone_from(&host.host_id);
            wanted.private_ip.clone_from(&host.private_ip);
            (wanted.is_spot, wanted.ready) = (host.is_spot, host.ready);
            return Ok(Taken::Host);
        }
    }
    let stats = store::stats(tx, id).await?;
    let all =
        stats.used_count + stats.pending_used_count + stats.idle_count + stats.pending_idle_count;
    Ok(match pool.spec.max_capacity.filter(|most| all >= *most) {
        Some(most) if hosts.is_empty() => {
            let said =
                format!("The instance pool {} has {most} hosts, and all are used.", pool.name());
            let said = [("instance_pool_id", id), ("databricks_error_message", said.as_str())];
            let code = "INSTANCE_POOL_MAX_CAPACITY_REACHED";
            Taken::Not(reason(code, reasons::CLIENT_ERROR, &said))
        }
        Some(_) => Taken::Soon,
        None => Taken::Order,
    })
}

/// Gives those back that may be had by others; the others are to be ended.
pub(in super::super) async fn give_back(
    compute: &Compute,
    going: &[HostRow],
) -> Result<Vec<HostRow>> {
    if going.iter().all(|host| host.pool_id.is_none()) {
        return Ok(going.to_vec());
    }
    let mut ending = Vec::new();
    let mut tx = compute.db.write().await?;
    for host in going {
        let clean = host.ready
            && compute.nodes.get(&host.node_id).is_some_and(|node| node.takes())
            && compute.code.on(&host.node_id).is_empty();
        let pool = match &host.pool_id {
            Some(id) if clean => {
                store::get(&mut tx, id.as_str()).await?.filter(|pool| !pool.deleted)
            }
            _ => None,
        };
        let Some(pool) = pool else {
            ending.push(host.clone());
            continue;
        };
        clusters::host_delete(&mut tx, &host.node_id).await?;
        let idle = store::idle_again(host, &pool.id, compute.clock.now_ms());
        store::host_insert(&mut tx, &idle).await?;
        tx.notify(TOPIC, pool.id.as_str());
        tracing::info!(pool_id = %pool.id, node_id = %host.node_id, "a host went back to its pool");
    }
    tx.commit().await?;
    Ok(ending)
}
