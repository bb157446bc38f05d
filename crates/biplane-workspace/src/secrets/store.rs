//! Rows and SQL of secrets and their scopes.

use biplane_api::ids::WorkspaceId;
use biplane_platform::db::args;
use biplane_platform::{Result, Tx};

pub async fn scope_exists(tx: &mut Tx, workspace: WorkspaceId, name: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM secret_scopes WHERE workspace_id = $1 AND name = $2";
    Ok(tx.fetch_opt(sql, args![workspace.0, name]).await?.is_some())
}

pub async fn scopes(tx: &mut Tx, workspace: WorkspaceId) -> Result<Vec<String>> {
    let sql = "SELECT name FROM secret_scopes WHERE workspace_id = $1 ORDER BY name";
    tx.fetch_all(sql, args![workspace.0]).await?.iter().map(|row| row.text(0)).collect()
}

pub async fn scope_insert(
    tx: &mut Tx,
    workspace: WorkspaceId,
    name: &str,
    now: i64,
) -> Result<bool> {
    let sql = "INSERT INTO secret_scopes (workspace_id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, args![workspace.0, name, now]).await? > 0)
}

pub async fn scope_delete(tx: &mut Tx, workspace: WorkspaceId, name: &str) -> Result<()> {
    for sql in [
        "DELETE FROM secrets WHERE workspace_id = $1 AND scope = $2",
        "DELETE FROM secret_scopes WHERE workspace_id = $1 AND name = $2",
    ] {
        tx.execute(sql, args![workspace.0, name]).await?;
    }
    Ok(())
}

pub async fn workspace_delete(tx: &mut Tx, workspace: WorkspaceId) -> Result<()> {
    for sql in [
        "DELETE FROM secrets WHERE workspace_id = $1",
        "DELETE FROM secret_scopes WHERE workspace_id = $1",
    ] {
        tx.execute(sql, args![workspace.0]).await?;
    }
    Ok(())
}

/// Names and when they were written.
pub async fn secrets(
    tx: &mut Tx,
    workspace: WorkspaceId,
    scope: &str,
) -> Result<Vec<(String, i64)>> {
    let sql =
        "SELECT name, updated_at FROM secrets WHERE workspace_id = $1 AND scope = $2 ORDER BY name";
    let rows = tx.fetch_all(sql, args![workspace.0, scope]).await?;
    rows.iter().map(|row| Ok((row.text(0)?, row.int(1)?))).collect()
}

pub async fn secret(
    tx: &mut Tx,
    workspace: WorkspaceId,
    scope: &str,
    name: &str,
) -> Result<Option<String>> {
    let sql = "SELECT value FROM secrets WHERE workspace_id = $1 AND scope = $2 AND name = $3";
    let found = tx.fetch_opt(sql, args![workspace.0, scope, name]).await?;
    found.map(|row| row.text(0)).transpose()
}

pub async fn secret_put(
    tx: &mut Tx,
    workspace: WorkspaceId,
    (scope, name): (&str, &str),
    sealed: &str,
    now: i64,
) -> Result<()> {
    tx.execute(
        "INSERT INTO secrets (workspace_id, scope, name, value, updated_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (workspace_id, scope, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
        args![workspace.0, scope, name, sealed, now],
    )
    .await?;
    Ok(())
}

pub async fn secret_delete(
    tx: &mut Tx,
    workspace: WorkspaceId,
    scope: &str,
    name: &str,
) -> Result<bool> {
    let sql = "DELETE FROM secrets WHERE workspace_id = $1 AND scope = $2 AND name = $3";
    Ok(tx.execute(sql, args![workspace.0, scope, name]).await? > 0)
}
