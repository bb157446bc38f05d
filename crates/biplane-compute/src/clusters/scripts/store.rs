//! Rows and SQL of global init scripts.

use biplane_api::ids::WorkspaceId;
use biplane_api::init_scripts::GlobalInitScript;
use biplane_platform::db::{Row, args};
use biplane_platform::{Result, Tx};

fn script(row: &Row) -> Result<GlobalInitScript> {
    Ok(GlobalInitScript {
        script_id: row.text(0)?,
        name: row.text(1)?,
        script: Some(row.text(2)?),
        position: row.int(3)?,
        enabled: row.bool(4)?,
        created_by: row.text(5)?,
        created_at: row.int(6)?,
        updated_by: row.text(7)?,
        updated_at: row.int(8)?,
    })
}

/// All of a workspace, with their texts, in order.
pub async fn all(tx: &mut Tx, workspace: WorkspaceId) -> Result<Vec<GlobalInitScript>> {
    let sql = "SELECT script_id, name, script, position, enabled, created_by, created_at, updated_by, updated_at
         FROM global_init_scripts WHERE workspace_id = $1 ORDER BY position, script_id";
    tx.fetch_all(sql, args![workspace.0]).await?.iter().map(script).collect()
}

pub async fn put(tx: &mut Tx, workspace: WorkspaceId, one: &GlobalInitScript) -> Result<()> {
    tx.execute(
        "INSERT INTO global_init_scripts (script_id, workspace_id, name, script, position, enabled, created_by, created_at,
           updated_by, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (script_id) DO UPDATE SET name = excluded.name, script = excluded.script,
           position = excluded.position, enabled = excluded.enabled, updated_by = excluded.updated_by,
           updated_at = excluded.updated_at",
        args![
            &one.script_id,
            workspace.0,
            &one.name,
            one.script.as_deref().unwrap_or_default(),
            one.position,
            one.enabled,
            &one.created_by,
            one.created_at,
            &one.updated_by,
            one.updated_at
        ],
    )
    .await?;
    Ok(())
}

pub async fn delete(tx: &mut Tx, script_id: &str) -> Result<()> {
    tx.execute("DELETE FROM global_init_scripts WHERE script_id = $1", args![script_id]).await?;
    Ok(())
}

pub async fn forget_workspace(tx: &mut Tx, workspace: WorkspaceId) -> Result<()> {
    let sql = "DELETE FROM global_init_scripts WHERE workspace_id = $1";
    tx.execute(sql, args![workspace.0]).await?;
    Ok(())
}
