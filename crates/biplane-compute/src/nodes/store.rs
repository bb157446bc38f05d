//! Rows and SQL of nodes.

use biplane_api::ids::NodeId;
use biplane_platform::db::{Row, args};
use biplane_platform::{ApiError, Result, Tx};
use biplane_proto::preface::Agent;
use biplane_proto::v1::Hello;
use std::collections::BTreeMap;

/// News of nodes that were let in, drained, superseded or removed; the key is the id.
pub(crate) const TOPIC: &str = "nodes";

pub(crate) struct NodeRow {
    pub id: NodeId,
    pub host_id: NodeId,
    pub admission: String,
    pub certificate_expires_at: i64,
    /// The latest agent that connected.
    pub agent: Agent,
    pub version: String,
    pub isolation: String,
    pub region: String,
    pub labels: BTreeMap<String, String>,
    pub cpus: i64,
    pub memory_bytes: i64,
    pub last_seen_at: i64,
    pub draining: bool,
    pub isolation_reasons: Vec<String>,
}

/// A node that was let in: what the control plane says of it, whatever it says itself.
pub(super) struct NewNode<'a> {
    pub id: &'a NodeId,
    pub host_id: &'a NodeId,
    pub admission: &'a str,
    pub certificate_expires_at: i64,
    pub region: &'a str,
    pub labels: &'a BTreeMap<String, String>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, version, isolation, cpus, memory_bytes, last_seen_at, region, labels, host_id, admission,
               certificate_expires_at, incarnation, run, draining, isolation_reasons FROM nodes ",
            $rest
        )
    };
}

/// Anew under the same id, too: what was let in before is not any more.
pub(super) async fn admit(tx: &mut Tx, node: &NewNode<'_>, now: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO nodes (id, version, isolation, cpus, memory_bytes, first_seen_at, last_seen_at, region, labels,
           host_id, admission, certificate_expires_at, incarnation, run)
         VALUES ($1, '', '', 0, 0, $2, $2, $3, $4, $5, $6, $7, 0, '')
         ON CONFLICT (id) DO UPDATE SET region = excluded.region, labels = excluded.labels,
           host_id = excluded.host_id, admission = excluded.admission,
           certificate_expires_at = excluded.certificate_expires_at, incarnation = 0, run = ''",
        args![
            node.id.as_str(),
            now,
            node.region,
            serde_json::to_string(node.labels).map_err(ApiError::internal)?,
            node.host_id.as_str(),
            node.admission,
            node.certificate_expires_at
        ],
    )
    .await?;
    tx.notify(TOPIC, node.id.as_str());
    Ok(())
}

pub(super) async fn renewed(tx: &mut Tx, id: &NodeId, expires_at: i64) -> Result<()> {
    let sql = "UPDATE nodes SET certificate_expires_at = $2 WHERE id = $1";
    tx.execute(sql, args![id.as_str(), expires_at]).await?;
    Ok(())
}

/// From now on this agent is the node.
pub(super) async fn agent_set(tx: &mut Tx, id: &NodeId, agent: &Agent) -> Result<()> {
    let incarnation = i64::try_from(agent.incarnation).map_err(ApiError::internal)?;
    let sql = "UPDATE nodes SET incarnation = $2, run = $3 WHERE id = $1";
    tx.execute(sql, args![id.as_str(), incarnation, format!("{:016x}", agent.run)]).await?;
    tx.notify(TOPIC, id.as_str());
    Ok(())
}

/// How it is, and whether it is to be empty; None when it was removed meanwhile.
pub(super) async fn seen(
    tx: &mut Tx,
    id: &NodeId,
    hello: &Hello,
    now: i64,
) -> Result<Option<bool>> {
    let row = tx.fetch_opt(
        "UPDATE nodes SET version = $2, isolation = $3, cpus = $4, memory_bytes = $5, last_seen_at = $6,
           isolation_reasons = $7 WHERE id = $1 RETURNING draining",
        args![
            id.as_str(),
            &hello.version,
            &hello.isolation,
            i64::from(hello.cpus),
            i64::try_from(hello.memory_bytes).unwrap_or(i64::MAX),
            now,
            serde_json::to_string(&hello.isolation_reasons).map_err(ApiError::internal)?
        ],
    )
    .await?;
    row.map(|row| row.bool(0)).transpose()
}

/// Of the nodes of this host, forgets those that never came, and counts the others.
pub(super) async fn on_host(tx: &mut Tx, host_id: &NodeId) -> Result<i64> {
    let sql = "DELETE FROM nodes WHERE host_id = $1 AND incarnation = 0";
    tx.execute(sql, args![host_id.as_str()]).await?;
    let sql = "SELECT count(*) FROM nodes WHERE host_id = $1";
    tx.fetch_one(sql, args![host_id.as_str()]).await?.int(0)
}

/// False: there is none.
pub(crate) async fn delete(tx: &mut Tx, id: &NodeId) -> Result<bool> {
    let deleted = tx.execute("DELETE FROM nodes WHERE id = $1", args![id.as_str()]).await?;
    tx.notify(TOPIC, id.as_str());
    Ok(deleted > 0)
}

pub(crate) async fn get(tx: &mut Tx, id: &NodeId) -> Result<Option<NodeRow>> {
    let row = tx.fetch_opt(select!("WHERE id = $1"), args![id.as_str()]).await?;
    row.as_ref().map(node).transpose()
}

pub(super) async fn after(tx: &mut Tx, after: &str, limit: usize) -> Result<Vec<NodeRow>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sql = select!("WHERE id > $1 ORDER BY id LIMIT $2");
    tx.fetch_all(sql, args![after, limit]).await?.iter().map(node).collect()
}

/// Whether it is there.
pub(super) async fn drain(tx: &mut Tx, id: &NodeId, draining: bool) -> Result<bool> {
    let sql = "UPDATE nodes SET draining = $2 WHERE id = $1";
    let there = tx.execute(sql, args![id.as_str(), draining]).await? > 0;
    tx.notify(TOPIC, id.as_str());
    Ok(there)
}

fn node(row: &Row) -> Result<NodeRow> {
    Ok(NodeRow {
        id: row.parse(0)?,
        version: row.text(1)?,
        isolation: row.text(2)?,
        cpus: row.int(3)?,
        memory_bytes: row.int(4)?,
        last_seen_at: row.int(5)?,
        region: row.text(6)?,
        labels: row.json(7)?,
        host_id: row.parse(8)?,
        admission: row.text(9)?,
        certificate_expires_at: row.int(10)?,
        agent: Agent {
            incarnation: u64::try_from(row.int(11)?).map_err(ApiError::internal)?,
            run: u64::from_str_radix(&row.text(12)?, 16).unwrap_or(0),
        },
        draining: row.bool(13)?,
        isolation_reasons: row.json(14)?,
    })
}
