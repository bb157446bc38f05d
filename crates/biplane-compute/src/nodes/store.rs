//! Rows and SQL of nodes.

use biplane_api::ids::NodeId;
use biplane_platform::db::args;
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
}

pub(super) async fn seen(tx: &mut Tx, id: &NodeId, hello: &Hello, now: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO nodes (id, version, isolation, cpus, memory_bytes, first_seen_at, last_seen_at, region, labels)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8)
         ON CONFLICT (id) DO UPDATE SET version = excluded.version, isolation = excluded.isolation,
           cpus = excluded.cpus, memory_bytes = excluded.memory_bytes, last_seen_at = excluded.last_seen_at,
           region = excluded.region, labels = excluded.labels",
        args![
            id.as_str(),
            &hello.version,
            &hello.isolation,
            i64::from(hello.cpus),
            i64::try_from(hello.memory_bytes).unwrap_or(i64::MAX),
            now,
            &hello.region,
            serde_json::to_string(&hello.labels).map_err(ApiError::internal)?
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn all(tx: &mut Tx) -> Result<Vec<NodeRow>> {
    let sql = "SELECT id, version, isolation, cpus, memory_bytes, last_seen_at, region, labels FROM nodes ORDER BY id LIMIT 1000";
    let rows = tx.fetch_all(sql, args![]).await?;
    rows.iter()
        .map(|row| {
            Ok(NodeRow {
                id: row.parse(0)?,
                version: row.text(1)?,
                isolation: row.text(2)?,
                cpus: row.int(3)?,
                memory_bytes: row.int(4)?,
                last_seen_at: row.int(5)?,
                region: row.text(6)?,
                labels: row.json(7)?,
            })
        })
        .collect()
}
