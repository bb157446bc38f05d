//! Rows of policies.

use biplane_api::ids::{PolicyId, WorkspaceId};
use biplane_api::policies::PolicySpec;
use biplane_platform::db::{Row, args};
use biplane_platform::{ApiError, Result, Tx};

#[derive(Debug, Clone)]
pub(super) struct PolicyRow {
    pub id: PolicyId,
    pub workspace_id: WorkspaceId,
    pub name: String,
    pub spec: PolicySpec,
    pub creator_name: Option<String>,
    pub is_default: bool,
    pub created_at: i64,
}

macro_rules! policies {
    ($rest:literal) => {
        concat!(
            "SELECT id, workspace_id, name, spec, creator_name, is_default, created_at FROM cluster_policies ",
            $rest
        )
    };
}

fn policy(row: &Row) -> Result<PolicyRow> {
    Ok(PolicyRow {
        id: row.parse(0)?,
        workspace_id: WorkspaceId(row.int(1)?),
        name: row.text(2)?,
        spec: row.json(3)?,
        creator_name: row.opt_text(4)?,
        is_default: row.bool(5)?,
        created_at: row.int(6)?,
    })
}

fn json(spec: &PolicySpec) -> Result<String> {
    serde_json::to_string(spec).map_err(ApiError::internal)
}

pub(super) async fn get(
    tx: &mut Tx,
    workspace: WorkspaceId,
    id: &str,
) -> Result<Option<PolicyRow>> {
    let sql = policies!("WHERE workspace_id = $1 AND id = $2");
    tx.fetch_opt(sql, args![workspace.0, id]).await?.as_ref().map(policy).transpose()
}

pub(super) async fn list(tx: &mut Tx, workspace: WorkspaceId) -> Result<Vec<PolicyRow>> {
    let sql = policies!("WHERE workspace_id = $1 ORDER BY created_at, id");
    tx.fetch_all(sql, args![workspace.0]).await?.iter().map(policy).collect()
}

pub(super) async fn has_default(tx: &mut Tx, workspace: WorkspaceId) -> Result<bool> {
    let sql = "SELECT id FROM cluster_policies WHERE workspace_id = $1 AND is_default = 1 LIMIT 1";
    Ok(tx.fetch_opt(sql, args![workspace.0]).await?.is_some())
}

/// False: there is one of that name.
pub(super) async fn insert(tx: &mut Tx, row: &PolicyRow) -> Result<bool> {
    let written = tx
        .execute(
            "INSERT INTO cluster_policies (id, workspace_id, name, spec, creator_name, is_default, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (workspace_id, name) DO NOTHING",
            args![
                row.id.as_str(),
                row.workspace_id.0,
                &row.name,
                json(&row.spec)?,
                row.creator_name.clone(),
                row.is_default,
                row.created_at
            ],
        )
        .await?;
    Ok(written == 1)
}

/// False: there is another one of that name.
pub(super) async fn update(tx: &mut Tx, row: &PolicyRow) -> Result<bool> {
    let sql = "SELECT id FROM cluster_policies WHERE workspace_id = $1 AND name = $2 AND id <> $3";
    if tx.fetch_opt(sql, args![row.workspace_id.0, &row.name, row.id.as_str()]).await?.is_some() {
        return Ok(false);
    }
    tx.execute(
        "UPDATE cluster_policies SET name = $3, spec = $4 WHERE workspace_id = $1 AND id = $2",
        args![row.workspace_id.0, row.id.as_str(), &row.name, json(&row.spec)?],
    )
    .await?;
    Ok(true)
}

pub(super) async fn delete(tx: &mut Tx, row: &PolicyRow) -> Result<()> {
    tx.execute(
        "DELETE FROM cluster_policies WHERE workspace_id = $1 AND id = $2",
        args![row.workspace_id.0, row.id.as_str()],
    )
    .await?;
    Ok(())
}
