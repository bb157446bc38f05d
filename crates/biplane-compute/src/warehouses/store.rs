//! Rows and SQL of warehouses and their sandboxes.

use super::changes;
use super::spec::Spec;
use crate::nodes::place::Given;
use biplane_api::ids::{NodeId, SandboxId, WarehouseId, WorkspaceId};
use biplane_platform::db::{Row, args};
use biplane_platform::{ApiError, Result, Tx};
use serde::{Deserialize, Serialize};

/// Topic of the changes of warehouses; the key is `<id>/<version>`.
pub(crate) const TOPIC: &str = "warehouses";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Desired {
    Running,
    Stopped,
}

impl Desired {
    fn as_str(self) -> &'static str {
        match self {
            Desired::Running => "RUNNING",
            Desired::Stopped => "STOPPED",
        }
    }
}

/// Why a start was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// Of the public list of termination codes.
    pub code: String,
    pub summary: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Warehouse {
    pub id: WarehouseId,
    pub workspace_id: WorkspaceId,
    pub name: String,
    pub spec: Spec,
    pub creator_name: String,
    pub desired: Desired,
    pub generation: i64,
    pub version: i64,
    pub failure: Option<Failure>,
    pub created_at: i64,
}

/// A sandbox that was placed and not seen to end.
#[derive(Debug, Clone)]
pub(crate) struct SandboxRow {
    pub id: SandboxId,
    pub warehouse_id: WarehouseId,
    pub node_id: NodeId,
    pub generation: i64,
    pub created_at: i64,
    pub given: Given,
}

/// `$before columns $after`: one list of columns for every statement that gives a whole row.
macro_rules! with_columns {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " id, workspace_id, name, spec, creator_name, desired_state, generation, version, failure, created_at ",
            $after
        )
    };
}

fn warehouse(row: &Row) -> Result<Warehouse> {
    Ok(Warehouse {
        id: row.parse(0)?,
        workspace_id: WorkspaceId(row.int(1)?),
        name: row.text(2)?,
        spec: row.json(3)?,
        creator_name: row.text(4)?,
        desired: match row.text(5)?.as_str() {
            "RUNNING" => Desired::Running,
            _ => Desired::Stopped,
        },
        generation: row.int(6)?,
        version: row.int(7)?,
        failure: row.opt_text(8)?.and_then(|text| serde_json::from_str(&text).ok()),
        created_at: row.int(9)?,
    })
}

fn changed(tx: &mut Tx, row: &Row) -> Result<Warehouse> {
    let warehouse = warehouse(row)?;
    tx.notify(TOPIC, &format!("{}/{}", warehouse.id, warehouse.version));
    Ok(warehouse)
}

fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(ApiError::internal)
}

pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<Warehouse>> {
    let rows = tx.fetch_all(with_columns!("SELECT", "FROM warehouses"), args![]).await?;
    rows.iter().map(warehouse).collect()
}

pub(crate) async fn get(tx: &mut Tx, id: &WarehouseId) -> Result<Option<Warehouse>> {
    let row = tx
        .fetch_opt(with_columns!("SELECT", "FROM warehouses WHERE id = $1"), args![id.as_str()])
        .await?;
    row.as_ref().map(warehouse).transpose()
}

pub(crate) async fn named(
    tx: &mut Tx,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Option<Warehouse>> {
    let sql = with_columns!("SELECT", "FROM warehouses WHERE workspace_id = $1 AND name = $2");
    let row = tx.fetch_opt(sql, args![workspace.0, name]).await?;
    row.as_ref().map(warehouse).transpose()
}

pub(crate) async fn insert(tx: &mut Tx, warehouse: &Warehouse) -> Result<Warehouse> {
    let sql = with_columns!(
        "INSERT INTO warehouses (id, workspace_id, name, spec, creator_name, desired_state, generation, version,
           created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8) RETURNING",
        ""
    );
    let args = args![
        warehouse.id.as_str(),
        warehouse.workspace_id.0,
        &warehouse.name,
        json(&warehouse.spec)?,
        &warehouse.creator_name,
        warehouse.desired.as_str(),
        warehouse.generation,
        warehouse.created_at
    ];
    let row = tx.fetch_one(sql, args).await?;
    changes::note(tx, &warehouse.id, warehouse.created_at).await?;
    changed(tx, &row)
}

/// None when someone else changed it since `version`.
pub(crate) async fn update(
    tx: &mut Tx,
    id: &WarehouseId,
    version: i64,
    name: &str,
    spec: &Spec,
    generation: i64,
    now: i64,
) -> Result<Option<Warehouse>> {
    let sql = with_columns!(
        "UPDATE warehouses SET name = $3, spec = $4, generation = $5, version = version + 1, updated_at = $6
         WHERE id = $1 AND version = $2 RETURNING",
        ""
    );
    let row =
        tx.fetch_opt(sql, args![id.as_str(), version, name, json(spec)?, generation, now]).await?;
    if row.is_some() {
        changes::note(tx, id, now).await?;
    }
    row.map(|row| changed(tx, &row)).transpose()
}

/// A new generation that is to run. None when it was to run already, or is gone.
pub(crate) async fn want_running(
    tx: &mut Tx,
    id: &WarehouseId,
    now: i64,
) -> Result<Option<Warehouse>> {
    let sql = with_columns!(
        "UPDATE warehouses SET desired_state = 'RUNNING', generation = generation + 1, version = version + 1,
           failure = NULL, updated_at = $2
         WHERE id = $1 AND desired_state <> 'RUNNING' RETURNING",
        ""
    );
    let row = tx.fetch_opt(sql, args![id.as_str(), now]).await?;
    row.map(|row| changed(tx, &row)).transpose()
}

/// With `generation`, only that one is stopped: someone may have started it anew meanwhile.
pub(crate) async fn want_stopped(
    tx: &mut Tx,
    id: &WarehouseId,
    generation: Option<i64>,
    failure: Option<&Failure>,
    now: i64,
) -> Result<Option<Warehouse>> {
    let sql = with_columns!(
        "UPDATE warehouses SET desired_state = 'STOPPED', version = version + 1, failure = $3, updated_at = $4
         WHERE id = $1 AND desired_state <> 'STOPPED' AND generation = COALESCE($2, generation) RETURNING",
        ""
    );
    let failure = failure.map(json).transpose()?;
    let row = tx.fetch_opt(sql, args![id.as_str(), generation, failure, now]).await?;
    row.map(|row| changed(tx, &row)).transpose()
}

/// Whether it was there.
pub(crate) async fn delete(tx: &mut Tx, id: &WarehouseId, now: i64) -> Result<bool> {
    changes::note_deleted(tx, id, now).await?;
    let gone = tx.execute("DELETE FROM warehouses WHERE id = $1", args![id.as_str()]).await? > 0;
    if gone {
        tx.notify(TOPIC, &format!("{id}/{}", i64::MAX));
    }
    Ok(gone)
}

pub(crate) async fn sandboxes(tx: &mut Tx) -> Result<Vec<SandboxRow>> {
    let sql = "SELECT id, warehouse_id, node_id, generation, created_at, cpu_millis, memory_bytes
         FROM sandboxes ORDER BY created_at";
    let rows = tx.fetch_all(sql, args![]).await?;
    let sandbox = |row: &Row| {
        Ok(SandboxRow {
            id: row.parse(0)?,
            warehouse_id: row.parse(1)?,
            node_id: row.parse(2)?,
            generation: row.int(3)?,
            created_at: row.int(4)?,
            given: Given {
                cpu_millis: u32::try_from(row.int(5)?).unwrap_or(0),
                memory_bytes: u64::try_from(row.int(6)?).unwrap_or(0),
            },
        })
    };
    rows.iter().map(sandbox).collect()
}

/// Notes a sandbox before it is started. False when that generation is no longer wanted.
pub(crate) async fn sandbox_insert(tx: &mut Tx, sandbox: &SandboxRow) -> Result<bool> {
    let inserted = tx
        .execute(
            "INSERT INTO sandboxes (id, warehouse_id, node_id, generation, created_at, cpu_millis, memory_bytes)
             SELECT $1, id, $3, generation, $5, $6, $7 FROM warehouses
             WHERE id = $2 AND generation = $4 AND desired_state = 'RUNNING'",
            args![
                sandbox.id.as_str(),
                sandbox.warehouse_id.as_str(),
                sandbox.node_id.as_str(),
                sandbox.generation,
                sandbox.created_at,
                i64::from(sandbox.given.cpu_millis),
                i64::try_from(sandbox.given.memory_bytes).unwrap_or(i64::MAX)
            ],
        )
        .await?;
    Ok(inserted > 0)
}

pub(crate) async fn sandbox_delete(tx: &mut Tx, id: &SandboxId) -> Result<()> {
    tx.execute("DELETE FROM sandboxes WHERE id = $1", args![id.as_str()]).await?;
    Ok(())
}
