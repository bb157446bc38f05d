//! Rows of pools and of their hosts that are in no cluster. A host is a row here or among those of clusters
//! (`clusters/store.rs`), never both: it changes over in one transaction.

use super::super::store::HostRow;
use crate::nodes::place::Given;
use crate::provider::{Host, Place};
use biplane_api::ids::{InstancePoolId, NodeId, WorkspaceId};
use biplane_api::pools::{InstancePoolSpec, InstancePoolStats, PendingInstanceError};
use biplane_platform::db::{Row, args};
use biplane_platform::{ApiError, Result, Tx};
use serde::Serialize;

/// Topic of the changes of pools and their hosts; the key is the id.
pub(crate) const TOPIC: &str = "instance_pools";

#[derive(Debug, Clone)]
pub(crate) struct Pool {
    pub id: InstancePoolId,
    pub workspace_id: WorkspaceId,
    pub spec: InstancePoolSpec,
    pub creator_name: String,
    pub problems: Vec<PendingInstanceError>,
    pub deleted: bool,
    pub created_at: i64,
}

impl Pool {
    pub fn name(&self) -> &str {
        self.spec.instance_pool_name.as_deref().unwrap_or_default()
    }

    pub fn node_type(&self) -> &str {
        self.spec.node_type_id.as_deref().unwrap_or_default()
    }
}

/// A host that is in no cluster.
#[derive(Debug, Clone)]
pub(crate) struct PoolHost {
    pub node_id: NodeId,
    pub pool_id: InstancePoolId,
    pub workspace_id: WorkspaceId,
    pub provider: String,
    pub place: Place,
    pub node_type_id: String,
    pub size: Given,
    pub host_id: Option<String>,
    pub private_ip: Option<String>,
    pub is_spot: bool,
    pub ready: bool,
    /// Nobody gets it any more.
    pub ending: bool,
    pub created_at: i64,
    pub idle_since: i64,
}

macro_rules! pools {
    ($rest:literal) => {
        concat!(
            "SELECT id, workspace_id, spec, creator_name, problems, deleted, created_at FROM instance_pools ",
            $rest
        )
    };
}

macro_rules! hosts {
    ($rest:literal) => {
        concat!(
            "SELECT node_id, pool_id, workspace_id, provider, place, node_type_id, cpu_millis, memory_mib, host_id,
               private_ip, is_spot, ready, ending, created_at, idle_since FROM pool_hosts ",
            $rest
        )
    };
}

fn pool(row: &Row) -> Result<Pool> {
    let problems = row.opt_text(4)?;
    Ok(Pool {
        id: row.parse(0)?,
        workspace_id: WorkspaceId(row.int(1)?),
        spec: row.json(2)?,
        creator_name: row.text(3)?,
        problems: problems.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
        deleted: row.bool(5)?,
        created_at: row.int(6)?,
    })
}

fn host(row: &Row) -> Result<PoolHost> {
    Ok(PoolHost {
        node_id: row.parse(0)?,
        pool_id: row.parse(1)?,
        workspace_id: WorkspaceId(row.int(2)?),
        provider: row.text(3)?,
        place: row.json(4)?,
        node_type_id: row.text(5)?,
        size: Given::of_row(row, 6, 7)?,
        host_id: row.opt_text(8)?,
        private_ip: row.opt_text(9)?,
        is_spot: row.bool(10)?,
        ready: row.bool(11)?,
        ending: row.bool(12)?,
        created_at: row.int(13)?,
        idle_since: row.int(14)?,
    })
}

fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(ApiError::internal)
}

pub(crate) async fn get(tx: &mut Tx, id: &str) -> Result<Option<Pool>> {
    let row = tx.fetch_opt(pools!("WHERE id = $1"), args![id]).await?;
    row.as_ref().map(pool).transpose()
}

pub(super) async fn of_workspace(tx: &mut Tx, workspace: WorkspaceId) -> Result<Vec<Pool>> {
    let sql = pools!("WHERE workspace_id = $1 AND deleted = 0 ORDER BY created_at, id");
    tx.fetch_all(sql, args![workspace.0]).await?.iter().map(pool).collect()
}

pub(super) async fn all(tx: &mut Tx) -> Result<Vec<InstancePoolId>> {
    let rows = tx.fetch_all("SELECT id FROM instance_pools", args![]).await?;
    rows.iter().map(|row| row.parse(0)).collect()
}

pub(super) async fn insert(tx: &mut Tx, new: &Pool) -> Result<()> {
    tx.execute(
        "INSERT INTO instance_pools (id, workspace_id, name, spec, creator_name, deleted, created_at)
         VALUES ($1, $2, $3, $4, $5, 0, $6)",
        args![
            new.id.as_str(),
            new.workspace_id.0,
            new.name(),
            json(&new.spec)?,
            &new.creator_name,
            new.created_at
        ],
    )
    .await?;
    tx.notify(TOPIC, new.id.as_str());
    Ok(())
}

pub(super) async fn update(tx: &mut Tx, row: &Pool) -> Result<()> {
    tx.execute(
        "UPDATE instance_pools SET name = $2, spec = $3, deleted = $4 WHERE id = $1",
        args![row.id.as_str(), row.name(), json(&row.spec)?, row.deleted],
    )
    .await?;
    tx.notify(TOPIC, row.id.as_str());
    Ok(())
}

/// Without news: nothing is to be done about it.
pub(super) async fn set_problems(
    tx: &mut Tx,
    id: &InstancePoolId,
    problems: &[PendingInstanceError],
) -> Result<()> {
    let text = if problems.is_empty() { None } else { Some(json(&problems)?) };
    tx.execute("UPDATE instance_pools SET problems = $2 WHERE id = $1", args![id.as_str(), text])
        .await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, id: &InstancePoolId) -> Result<()> {
    tx.execute("DELETE FROM instance_pools WHERE id = $1", args![id.as_str()]).await?;
    Ok(())
}

pub(super) async fn hosts(tx: &mut Tx, id: &str) -> Result<Vec<PoolHost>> {
    let sql = hosts!("WHERE pool_id = $1 ORDER BY ready DESC, idle_since DESC, node_id");
    tx.fetch_all(sql, args![id]).await?.iter().map(host).collect()
}

pub(super) async fn any_of_workspace(tx: &mut Tx, workspace: WorkspaceId) -> Result<bool> {
    let sql = "SELECT id FROM instance_pools WHERE workspace_id = $1
               UNION ALL SELECT node_id FROM pool_hosts WHERE workspace_id = $1 LIMIT 1";
    Ok(tx.fetch_opt(sql, args![workspace.0]).await?.is_some())
}

pub(super) async fn host_insert(tx: &mut Tx, new: &PoolHost) -> Result<()> {
    tx.execute(
        "INSERT INTO pool_hosts (node_id, pool_id, workspace_id, provider, place, node_type_id, cpu_millis, memory_mib,
           host_id, private_ip, is_spot, ready, ending, created_at, idle_since)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13, $14)",
        args![
            new.node_id.as_str(),
            new.pool_id.as_str(),
            new.workspace_id.0,
            &new.provider,
            json(&new.place)?,
            &new.node_type_id,
            i64::from(new.size.cpu_millis),
            new.size.memory_mib(),
            new.host_id.clone(),
            new.private_ip.clone(),
            new.is_spot,
            new.ready,
            new.created_at,
            new.idle_since
        ],
    )
    .await?;
    Ok(())
}

/// The provider made it.
pub(super) async fn host_made(tx: &mut Tx, node_id: &NodeId, made: &Host) -> Result<()> {
    let sql =
        "UPDATE pool_hosts SET host_id = $2, private_ip = $3, is_spot = $4 WHERE node_id = $1";
    let ip = made.private_ip.as_deref();
    tx.execute(sql, args![node_id.as_str(), &made.host_id, ip, made.is_spot]).await?;
    Ok(())
}

pub(super) async fn host_ready(tx: &mut Tx, node_id: &NodeId, now: i64) -> Result<()> {
    let sql = "UPDATE pool_hosts SET ready = 1, idle_since = $2 WHERE node_id = $1";
    tx.execute(sql, args![node_id.as_str(), now]).await?;
    Ok(())
}

pub(super) async fn host_ending(tx: &mut Tx, node_id: &NodeId) -> Result<()> {
    let sql = "UPDATE pool_hosts SET ending = 1 WHERE node_id = $1";
    tx.execute(sql, args![node_id.as_str()]).await?;
    Ok(())
}

/// False: it is not here any more.
pub(super) async fn host_delete(tx: &mut Tx, node_id: &NodeId) -> Result<bool> {
    let sql = "DELETE FROM pool_hosts WHERE node_id = $1";
    Ok(tx.execute(sql, args![node_id.as_str()]).await? == 1)
}

pub(super) async fn stats(tx: &mut Tx, id: &str) -> Result<InstancePoolStats> {
    let row = tx
        .fetch_one(
            "SELECT (SELECT COUNT(*) FROM cluster_hosts WHERE pool_id = $1 AND ready = 1),
                    (SELECT COUNT(*) FROM cluster_hosts WHERE pool_id = $1 AND ready = 0),
                    (SELECT COUNT(*) FROM pool_hosts WHERE pool_id = $1 AND ready = 1),
                    (SELECT COUNT(*) FROM pool_hosts WHERE pool_id = $1 AND ready = 0)",
            args![id],
        )
        .await?;
    Ok(InstancePoolStats {
        used_count: row.int(0)?,
        pending_used_count: row.int(1)?,
        idle_count: row.int(2)?,
        pending_idle_count: row.int(3)?,
    })
}

/// A host of a cluster as one that is idle again.
pub(super) fn idle_again(from: &HostRow, pool_id: &InstancePoolId, now: i64) -> PoolHost {
    PoolHost {
        node_id: from.node_id.clone(),
        pool_id: pool_id.clone(),
        workspace_id: from.workspace_id,
        provider: from.provider.clone(),
        place: from.place.clone(),
        node_type_id: from.node_type_id.clone(),
        size: from.size,
        host_id: from.host_id.clone(),
        private_ip: from.private_ip.clone(),
        is_spot: from.is_spot,
        ready: true,
        ending: false,
        created_at: from.created_at,
        idle_since: now,
    }
}
