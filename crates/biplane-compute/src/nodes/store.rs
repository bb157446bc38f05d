//! Rows and SQL of nodes.

use biplane_api::ids::NodeId;
use biplane_platform::db::{Row, args};
use biplane_platform::{ApiError, Result, Tx};
use biplane_proto::v1::Hello;
use std::collections::BTreeMap;

pub(super) struct NodeRow {
    pub id: NodeId,
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

/// Topic of the nodes whose draining changed.
pub(crate) const TOPIC: &str = "nodes";

/// Whether it is to be empty.
pub(super) async fn seen(tx: &mut Tx, id: &NodeId, hello: &Hello, now: i64) -> Result<bool> {
    let row = tx
        .fetch_one(
            "INSERT INTO nodes (id, version, isolation, cpus, memory_bytes, first_seen_at, last_seen_at, region,
               labels, isolation_reasons)
             VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9)
             ON CONFLICT (id) DO UPDATE SET version = excluded.version, isolation = excluded.isolation,
               cpus = excluded.cpus, memory_bytes = excluded.memory_bytes, last_seen_at = excluded.last_seen_at,
               region = excluded.region, labels = excluded.labels, isolation_reasons = excluded.isolation_reasons
             RETURNING draining",
            args![
                id.as_str(),
                &hello.version,
                &hello.isolation,
                i64::from(hello.cpus),
                i64::try_from(hello.memory_bytes).unwrap_or(i64::MAX),
                now,
                &hello.region,
                serde_json::to_string(&hello.labels).map_err(ApiError::internal)?,
                serde_json::to_string(&hello.isolation_reasons).map_err(ApiError::internal)?
            ],
        )
        .await?;
    row.bool(0)
}

macro_rules! nodes {
    ($rest:literal) => {
        concat!(
            "SELECT id, version, isolation, cpus, memory_bytes, last_seen_at, region, labels, draining,
               isolation_reasons FROM nodes ",
            $rest
        )
    };
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
        draining: row.bool(8)?,
        isolation_reasons: row.json(9)?,
    })
}

pub(super) async fn after(tx: &mut Tx, after: &str, limit: usize) -> Result<Vec<NodeRow>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sql = nodes!("WHERE id > $1 ORDER BY id LIMIT $2");
    tx.fetch_all(sql, args![after, limit]).await?.iter().map(node).collect()
}

pub(super) async fn get(tx: &mut Tx, id: &NodeId) -> Result<Option<NodeRow>> {
    let row = tx.fetch_opt(nodes!("WHERE id = $1"), args![id.as_str()]).await?;
    row.as_ref().map(node).transpose()
}

/// Whether it is there.
pub(super) async fn drain(tx: &mut Tx, id: &NodeId, draining: bool) -> Result<bool> {
    let sql = "UPDATE nodes SET draining = $2 WHERE id = $1";
    let there = tx.execute(sql, args![id.as_str(), draining]).await? > 0;
    tx.notify(TOPIC, id.as_str());
    Ok(there)
}

pub(super) async fn delete(tx: &mut Tx, id: &NodeId) -> Result<bool> {
    Ok(tx.execute("DELETE FROM nodes WHERE id = $1", args![id.as_str()]).await? > 0)
}
