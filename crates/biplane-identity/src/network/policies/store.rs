//! Rows of network policies and of which workspace has which.

use biplane_api::ids::WorkspaceId;
use biplane_api::network_config::NetworkPolicy;
use biplane_platform::db::{Row, args};
use biplane_platform::{ApiError, Result, Tx};

fn policy(row: &Row) -> Result<(String, NetworkPolicy)> {
    Ok((row.text(0)?, row.json(1)?))
}

pub async fn get(tx: &mut Tx, id: &str) -> Result<Option<NetworkPolicy>> {
    let sql = "SELECT network_policy_id, policy FROM network_policies WHERE network_policy_id = $1";
    let row = tx.fetch_opt(sql, args![id]).await?;
    row.map(|row| Ok(policy(&row)?.1)).transpose()
}

pub async fn after(tx: &mut Tx, after: &str, limit: usize) -> Result<Vec<(String, NetworkPolicy)>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sql = "SELECT network_policy_id, policy FROM network_policies WHERE network_policy_id > $1
               ORDER BY network_policy_id LIMIT $2";
    tx.fetch_all(sql, args![after, limit]).await?.iter().map(policy).collect()
}

pub async fn count(tx: &mut Tx) -> Result<i64> {
    tx.fetch_one("SELECT COUNT(*) FROM network_policies", args![]).await?.int(0)
}

pub async fn insert(tx: &mut Tx, id: &str, policy: &NetworkPolicy, now_ms: i64) -> Result<()> {
    let text = serde_json::to_string(policy).map_err(ApiError::internal)?;
    let sql =
        "INSERT INTO network_policies (network_policy_id, policy, updated_at) VALUES ($1, $2, $3)";
    tx.execute(sql, args![id, text, now_ms]).await.map(drop)
}

/// Also the default one, which has no row before its first change.
pub async fn replace(tx: &mut Tx, id: &str, policy: &NetworkPolicy, now_ms: i64) -> Result<()> {
    let text = serde_json::to_string(policy).map_err(ApiError::internal)?;
    let sql = "INSERT INTO network_policies (network_policy_id, policy, updated_at) VALUES ($1, $2, $3)
               ON CONFLICT (network_policy_id) DO UPDATE SET policy = excluded.policy, updated_at = excluded.updated_at";
    tx.execute(sql, args![id, text, now_ms]).await.map(drop)
}

pub async fn delete(tx: &mut Tx, id: &str) -> Result<u64> {
    tx.execute("DELETE FROM network_policies WHERE network_policy_id = $1", args![id]).await
}

pub async fn user(tx: &mut Tx, id: &str) -> Result<Option<WorkspaceId>> {
    let sql = "SELECT workspace_id FROM workspaces WHERE network_policy_id = $1 LIMIT 1";
    let row = tx.fetch_opt(sql, args![id]).await?;
    row.map(|row| row.int(0).map(WorkspaceId)).transpose()
}

/// What a workspace has chosen.
pub struct Chosen {
    pub policy: Option<String>,
    pub connectivity: Option<String>,
}

/// None: there is no such workspace.
pub async fn chosen(tx: &mut Tx, workspace: WorkspaceId) -> Result<Option<Chosen>> {
    let sql = "SELECT network_policy_id, network_connectivity_config_id FROM workspaces
               WHERE workspace_id = $1";
    let row = tx.fetch_opt(sql, args![workspace.0]).await?;
    let chosen = |row: Row| Ok(Chosen { policy: row.opt_text(0)?, connectivity: row.opt_text(1)? });
    row.map(chosen).transpose()
}

pub async fn choose(tx: &mut Tx, workspace: WorkspaceId, id: Option<&str>) -> Result<()> {
    let sql = "UPDATE workspaces SET network_policy_id = $2 WHERE workspace_id = $1";
    tx.execute(sql, args![workspace.0, id]).await.map(drop)
}
