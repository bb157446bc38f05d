//! Rows of metastores and of their assignments to workspaces.

use super::ops::Details;
use crate::reach::REACH_TOPIC;
use biplane_api::ids::WorkspaceId;
use biplane_platform::db::args;
use biplane_platform::{Result, Tx};

/// Ids of metastores by name, behind `after`.
pub async fn ids(tx: &mut Tx, after: &str, limit: usize) -> Result<Vec<(String, String)>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sql = "SELECT id, name FROM securables WHERE kind = 'METASTORE' AND name > $1 ORDER BY name LIMIT $2";
    let rows = tx.fetch_all(sql, args![after, limit]).await?;
    rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
}

pub async fn assign(
    tx: &mut Tx,
    workspace: WorkspaceId,
    metastore_id: &str,
    default: Option<&str>,
) -> Result<()> {
    tx.execute(
        "INSERT INTO metastore_assignments (workspace_id, metastore_id, default_catalog_name) VALUES ($1, $2, $3)
         ON CONFLICT (workspace_id) DO UPDATE
         SET metastore_id = excluded.metastore_id, default_catalog_name = excluded.default_catalog_name",
        args![workspace.0, metastore_id, default],
    )
    .await?;
    tx.notify(REACH_TOPIC, &workspace.to_string());
    Ok(())
}

pub async fn unassign(tx: &mut Tx, workspace: WorkspaceId) -> Result<()> {
    tx.execute("DELETE FROM metastore_assignments WHERE workspace_id = $1", args![workspace.0])
        .await?;
    tx.notify(REACH_TOPIC, &workspace.to_string());
    Ok(())
}

/// The metastore of a workspace and its default catalog.
pub async fn assignment(
    tx: &mut Tx,
    workspace: WorkspaceId,
) -> Result<Option<(String, Option<String>)>> {
    let sql = "SELECT metastore_id, default_catalog_name FROM metastore_assignments WHERE workspace_id = $1";
    match tx.fetch_opt(sql, args![workspace.0]).await? {
        Some(row) => Ok(Some((row.text(0)?, row.opt_text(1)?))),
        None => Ok(None),
    }
}

pub async fn workspaces(tx: &mut Tx, metastore_id: &str) -> Result<Vec<i64>> {
    let sql = "SELECT workspace_id FROM metastore_assignments WHERE metastore_id = $1 ORDER BY workspace_id";
    tx.fetch_all(sql, args![metastore_id]).await?.iter().map(|row| row.int(0)).collect()
}

/// The oldest of the region, or the oldest of all: what a new workspace gets.
pub async fn default_of(tx: &mut Tx, region: &str) -> Result<Option<String>> {
    let sql = "SELECT id, details FROM securables WHERE kind = 'METASTORE' ORDER BY created_at, id";
    let mut oldest = None;
    for row in tx.fetch_all(sql, args![]).await? {
        let details: Details = row.json(1)?;
        if details.region == region {
            return row.text(0).map(Some);
        }
        oldest = oldest.or(Some(row.text(0)?));
    }
    Ok(oldest)
}
