//! Rows and SQL of clusters and their hosts.

use crate::nodes::place::Given;
use crate::provider::Place;
use biplane_api::clusters::{ClusterSpec, ClusterState, ClusterTermination};
use biplane_api::ids::{ClusterId, InstancePoolId, NodeId, WorkspaceId};
use biplane_platform::db::{Row, args};
use biplane_platform::{ApiError, Result, Tx};
use serde::{Deserialize, Serialize};

/// Topic of the changes of clusters; the key is the id.
pub(crate) const TOPIC: &str = "clusters";

#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub id: ClusterId,
    pub workspace_id: WorkspaceId,
    pub name: String,
    pub spec: ClusterSpec,
    pub request: ClusterSpec,
    pub creator_name: String,
    pub source: String,
    pub state: ClusterState,
    pub state_message: String,
    pub generation: i64,
    pub version: i64,
    /// How many there are to be, beside the driver.
    pub workers: i64,
    pub reason: Option<ClusterTermination>,
    pub pinned_at: Option<i64>,
    pub deleted: bool,
    pub created_at: i64,
    pub started_at: i64,
    pub restarted_at: Option<i64>,
    pub terminated_at: Option<i64>,
    /// What it is to be when it has ended, or begins anew.
    pub pending: Option<Box<Pending>>,
}

/// A specification and how it was asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub spec: ClusterSpec,
    pub request: ClusterSpec,
}

impl Cluster {
    /// It is this from now on.
    pub fn become_it(&mut self, new: Pending) {
        self.name = new.spec.cluster_name.clone().unwrap_or_default();
        (self.spec, self.request) = (new.spec, new.request);
        self.pending = None;
    }

    pub fn is(&self, states: &[ClusterState]) -> bool {
        states.contains(&self.state)
    }

    /// It has hosts, or is to have some.
    pub fn is_active(&self) -> bool {
        !self.deleted && !self.is(&[ClusterState::Terminating, ClusterState::Terminated])
    }

    /// The policy that it keeps to.
    pub fn policy(&self) -> Option<&str> {
        self.spec.policy_id.as_deref().filter(|id| !id.is_empty())
    }
}

#[derive(Debug, Clone)]
pub(crate) struct HostRow {
    pub node_id: NodeId,
    pub cluster_id: ClusterId,
    pub workspace_id: WorkspaceId,
    pub generation: i64,
    pub ordinal: i64,
    pub provider: String,
    pub place: Place,
    pub node_type_id: String,
    /// What the machine has.
    pub size: Given,
    pub host_id: Option<String>,
    pub private_ip: Option<String>,
    pub is_spot: bool,
    pub ready: bool,
    pub created_at: i64,
    /// Where it came from, or is to go.
    pub pool_id: Option<InstancePoolId>,
}

macro_rules! clusters {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " id, workspace_id, name, spec, request, creator_name, source, state, state_message, generation, version,
              workers, reason, pinned_at, deleted, created_at, started_at, restarted_at, terminated_at, pending ",
            $after
        )
    };
}

macro_rules! hosts {
    ($rest:literal) => {
        concat!(
            "SELECT node_id, cluster_id, workspace_id, generation, ordinal, provider, place, node_type_id, cpu_millis,
               memory_mib, host_id, private_ip, is_spot, ready, created_at, pool_id FROM cluster_hosts ",
            $rest
        )
    };
}

fn cluster(row: &Row) -> Result<Cluster> {
    Ok(Cluster {
        id: row.parse(0)?,
        workspace_id: WorkspaceId(row.int(1)?),
        name: row.text(2)?,
        spec: row.json(3)?,
        request: row.json(4)?,
        creator_name: row.text(5)?,
        source: row.text(6)?,
        state: ClusterState::parse(&row.text(7)?).unwrap_or(ClusterState::Unknown),
        state_message: row.text(8)?,
        generation: row.int(9)?,
        version: row.int(10)?,
        workers: row.int(11)?,
        reason: row.opt_text(12)?.and_then(|text| serde_json::from_str(&text).ok()),
        pinned_at: row.opt_int(13)?,
        deleted: row.bool(14)?,
        created_at: row.int(15)?,
        started_at: row.int(16)?,
        restarted_at: row.opt_int(17)?,
        terminated_at: row.opt_int(18)?,
        pending: row.opt_text(19)?.and_then(|text| serde_json::from_str(&text).ok()),
    })
}

fn host(row: &Row) -> Result<HostRow> {
    Ok(HostRow {
        node_id: row.parse(0)?,
        cluster_id: row.parse(1)?,
        workspace_id: WorkspaceId(row.int(2)?),
        generation: row.int(3)?,
        ordinal: row.int(4)?,
        provider: row.text(5)?,
        place: row.json(6)?,
        node_type_id: row.text(7)?,
        size: Given::of_row(row, 8, 9)?,
        host_id: row.opt_text(10)?,
        private_ip: row.opt_text(11)?,
        is_spot: row.bool(12)?,
        ready: row.bool(13)?,
        created_at: row.int(14)?,
        pool_id: row.opt_text(15)?.and_then(|id| id.parse().ok()),
    })
}

fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(ApiError::internal)
}

pub(super) async fn get(tx: &mut Tx, id: &ClusterId) -> Result<Option<Cluster>> {
    let sql = clusters!("SELECT", "FROM clusters WHERE id = $1");
    let row = tx.fetch_opt(sql, args![id.as_str()]).await?;
    row.as_ref().map(cluster).transpose()
}

pub(crate) async fn of_workspace(tx: &mut Tx, workspace: WorkspaceId) -> Result<Vec<Cluster>> {
    let sql = clusters!("SELECT", "FROM clusters WHERE workspace_id = $1 AND deleted = 0");
    tx.fetch_all(sql, args![workspace.0]).await?.iter().map(cluster).collect()
}

/// Those that something is to be done for.
pub(super) async fn active(tx: &mut Tx) -> Result<Vec<ClusterId>> {
    let sql = "SELECT id FROM clusters WHERE state <> 'TERMINATED' OR deleted = 1";
    tx.fetch_all(sql, args![]).await?.iter().map(|row| row.parse(0)).collect()
}

/// Those that ended long ago and that nobody keeps.
pub(super) async fn stale(tx: &mut Tx, before: i64) -> Result<Vec<ClusterId>> {
    let sql = "SELECT id FROM clusters
         WHERE state = 'TERMINATED' AND terminated_at < $1 AND pinned_at IS NULL AND deleted = 0 LIMIT 100";
    let rows = tx.fetch_all(sql, args![before]).await?;
    rows.iter().map(|row| row.parse(0)).collect()
}

pub(super) async fn insert(tx: &mut Tx, new: &Cluster) -> Result<()> {
    tx.execute(
        "INSERT INTO clusters (id, workspace_id, name, spec, request, creator_name, source, state, state_message,
           generation, version, workers, deleted, created_at, started_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, 0, $12, $12)",
        args![
            new.id.as_str(),
            new.workspace_id.0,
            &new.name,
            json(&new.spec)?,
            json(&new.request)?,
            &new.creator_name,
            &new.source,
            new.state.as_str(),
            &new.state_message,
            new.generation,
            new.workers,
            new.created_at
        ],
    )
    .await?;
    tx.notify(TOPIC, new.id.as_str());
    Ok(())
}

/// Writes the row as it is to be, unless someone else changed it since it was read.
pub(super) async fn update(tx: &mut Tx, row: &Cluster) -> Result<bool> {
    let written = tx
        .execute(
            "UPDATE clusters SET name = $3, spec = $4, request = $5, creator_name = $6, state = $7, state_message = $8,
               generation = $9, version = version + 1, workers = $10, reason = $11, pinned_at = $12, deleted = $13,
               started_at = $14, restarted_at = $15, terminated_at = $16, pending = $17
             WHERE id = $1 AND version = $2",
            args![
                row.id.as_str(),
                row.version,
                &row.name,
                json(&row.spec)?,
                json(&row.request)?,
                &row.creator_name,
                row.state.as_str(),
                &row.state_message,
                row.generation,
                row.workers,
                row.reason.as_ref().map(json).transpose()?,
                row.pinned_at,
                row.deleted,
                row.started_at,
                row.restarted_at,
                row.terminated_at,
                row.pending.as_ref().map(json).transpose()?
            ],
        )
        .await?;
    if written > 0 {
        tx.notify(TOPIC, row.id.as_str());
    }
    Ok(written > 0)
}

pub(super) async fn delete(tx: &mut Tx, id: &ClusterId) -> Result<()> {
    tx.execute("DELETE FROM cluster_events WHERE cluster_id = $1", args![id.as_str()]).await?;
    super::libraries::store::delete_all(tx, id).await?;
    tx.execute("DELETE FROM clusters WHERE id = $1", args![id.as_str()]).await?;
    tx.notify(TOPIC, id.as_str());
    Ok(())
}

pub(super) async fn hosts(tx: &mut Tx, id: &ClusterId) -> Result<Vec<HostRow>> {
    let sql = hosts!("WHERE cluster_id = $1 ORDER BY generation, ordinal");
    tx.fetch_all(sql, args![id.as_str()]).await?.iter().map(host).collect()
}

pub(super) async fn hosts_of_workspace(tx: &mut Tx, id: WorkspaceId) -> Result<Vec<HostRow>> {
    let sql = hosts!("WHERE workspace_id = $1 ORDER BY generation, ordinal");
    tx.fetch_all(sql, args![id.0]).await?.iter().map(host).collect()
}

pub(super) async fn all_hosts(tx: &mut Tx) -> Result<Vec<HostRow>> {
    tx.fetch_all(hosts!("ORDER BY node_id"), args![]).await?.iter().map(host).collect()
}

/// A machine that somebody owns: of a cluster, or of a pool.
#[derive(Debug)]
pub(super) struct Owned {
    pub node_id: String,
    pub host_id: Option<String>,
    pub provider: String,
    pub place: Place,
}

/// All of them in one statement, so that one that changes over is seen.
pub(super) async fn owned(tx: &mut Tx) -> Result<Vec<Owned>> {
    let sql = "SELECT node_id, host_id, provider, place FROM cluster_hosts
               UNION ALL SELECT node_id, host_id, provider, place FROM pool_hosts";
    let one = |row: &Row| {
        Ok(Owned {
            node_id: row.text(0)?,
            host_id: row.opt_text(1)?,
            provider: row.text(2)?,
            place: row.json(3)?,
        })
    };
    tx.fetch_all(sql, args![]).await?.iter().map(one).collect()
}

/// Notes a machine before it is ordered, or one that was there.
pub(super) async fn host_insert(tx: &mut Tx, new: &HostRow) -> Result<()> {
    tx.execute(
        "INSERT INTO cluster_hosts (node_id, cluster_id, workspace_id, generation, ordinal, provider, place,
           node_type_id, cpu_millis, memory_mib, is_spot, ready, created_at, host_id, private_ip, pool_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        args![
            new.node_id.as_str(),
            new.cluster_id.as_str(),
            new.workspace_id.0,
            new.generation,
            new.ordinal,
            &new.provider,
            json(&new.place)?,
            &new.node_type_id,
            i64::from(new.size.cpu_millis),
            new.size.memory_mib(),
            new.is_spot,
            new.ready,
            new.created_at,
            new.host_id.clone(),
            new.private_ip.clone(),
            new.pool_id.as_ref().map(|id| id.to_string())
        ],
    )
    .await?;
    Ok(())
}

/// The provider made it. Where the machine is a node already, that is its id from now on.
pub(super) async fn host_made(
    tx: &mut Tx,
    ordered: &NodeId,
    made: &crate::provider::Host,
) -> Result<()> {
    let node_id = made.node_id.as_ref().unwrap_or(ordered);
    let sql = "UPDATE cluster_hosts SET node_id = $2, host_id = $3, private_ip = $4, is_spot = $5 WHERE node_id = $1";
    let ip = made.private_ip.as_deref();
    let args = args![ordered.as_str(), node_id.as_str(), &made.host_id, ip, made.is_spot];
    tx.execute(sql, args).await?;
    Ok(())
}

pub(super) async fn host_ready(tx: &mut Tx, node_id: &NodeId) -> Result<()> {
    let sql = "UPDATE cluster_hosts SET ready = 1 WHERE node_id = $1";
    tx.execute(sql, args![node_id.as_str()]).await?;
    Ok(())
}

pub(super) async fn host_delete(tx: &mut Tx, node_id: &NodeId) -> Result<()> {
    tx.execute("DELETE FROM cluster_hosts WHERE node_id = $1", args![node_id.as_str()]).await?;
    super::libraries::store::setup_delete(tx, node_id).await?;
    Ok(())
}
