//! Rows of workspaces and of who is in them.

use super::Workspace;
use crate::principals::store::json;
use crate::principals::{ADMINS, Kind, PrincipalRow, USERS, store as principals};
use biplane_api::ids::{PrincipalId, WorkspaceId};
use biplane_platform::db::{Row, args};
use biplane_platform::{Entitlement, Result, Tx};
use sqlx::AssertSqlSafe;
use std::collections::HashMap;

/// What everybody in a new workspace has.
const USERS_ENTITLEMENTS: &[Entitlement] =
    &[Entitlement::WorkspaceAccess, Entitlement::DatabricksSqlAccess];

macro_rules! columns {
    () => {
        "workspace_id, workspace_name, deployment_name, host_name, region, compute_mode, pricing_tier,
         custom_tags, status, status_message, created_at, network_policy_id, network_connectivity_config_id,
         private_access_settings_id, credentials_id, storage_configuration_id, network_id, storage_key_id,
         updated_at"
    };
}

fn from_row(row: &Row) -> Result<Workspace> {
    Ok(Workspace {
        id: WorkspaceId(row.int(0)?),
        name: row.text(1)?,
        deployment_name: row.text(2)?,
        host_name: row.opt_text(3)?,
        region: row.text(4)?,
        compute_mode: row.text(5)?,
        pricing_tier: row.text(6)?,
        custom_tags: row.json(7)?,
        status: row.text(8)?,
        status_message: row.text(9)?,
        created_at: row.int(10)?,
        network_policy_id: row.opt_text(11)?,
        network_connectivity_config_id: row.opt_text(12)?,
        private_access_settings_id: row.opt_text(13)?,
        credentials_id: row.opt_text(14)?,
        storage_configuration_id: row.opt_text(15)?,
        network_id: row.opt_text(16)?,
        storage_key_id: row.opt_text(17)?,
        updated_at: row.int(18)?,
    })
}

/// Oldest first.
pub async fn all(tx: &mut Tx) -> Result<Vec<Workspace>> {
    let sql = concat!("SELECT ", columns!(), " FROM workspaces ORDER BY created_at, workspace_id");
    tx.fetch_all(sql, args![]).await?.iter().map(from_row).collect()
}

pub async fn by_id(tx: &mut Tx, id: WorkspaceId) -> Result<Option<Workspace>> {
    let sql = concat!("SELECT ", columns!(), " FROM workspaces WHERE workspace_id = $1");
    tx.fetch_opt(sql, args![id.0]).await?.as_ref().map(from_row).transpose()
}

/// With its system groups.
pub async fn insert(tx: &mut Tx, row: &Workspace, created_by: Option<PrincipalId>) -> Result<()> {
    tx.execute(
        "INSERT INTO workspaces (workspace_id, workspace_name, deployment_name, host_name, region, compute_mode,
           pricing_tier, custom_tags, status, status_message, created_by, created_at, updated_at,
           network_connectivity_config_id, private_access_settings_id, credentials_id,
           storage_configuration_id, network_id, storage_key_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
        args![
            row.id.0,
            &row.name,
            &row.deployment_name,
            &row.host_name,
            &row.region,
            &row.compute_mode,
            &row.pricing_tier,
            json(&row.custom_tags)?,
            &row.status,
            &row.status_message,
            created_by.map(|id| id.0),
            row.created_at,
            row.updated_at,
            &row.network_connectivity_config_id,
            &row.private_access_settings_id,
            &row.credentials_id,
            &row.storage_configuration_id,
            &row.network_id,
            &row.storage_key_id
        ],
    )
    .await?;
    for (name, entitlements) in [(USERS, USERS_ENTITLEMENTS), (ADMINS, Entitlement::ALL)] {
        let group = system_group(name, Some(row.id), row.created_at);
        principals::insert(tx, &group, None).await?;
        let names: Vec<String> = entitlements.iter().map(|one| one.as_str().to_owned()).collect();
        principals::entitlements_set(tx, row.id, group.id, &names).await?;
    }
    Ok(())
}

pub fn system_group(name: &str, scope: Option<WorkspaceId>, now_ms: i64) -> PrincipalRow {
    PrincipalRow {
        id: PrincipalId::random(),
        kind: Kind::Group,
        name: name.into(),
        display_name: name.into(),
        given_name: None,
        family_name: None,
        emails: Vec::new(),
        active: true,
        external_id: None,
        roles: Vec::new(),
        scope,
        home: scope,
        system: true,
        created_by: None,
        created_at: now_ms,
    }
}

pub async fn update(tx: &mut Tx, row: &Workspace) -> Result<()> {
    tx.execute(
        "UPDATE workspaces SET workspace_name = $2, custom_tags = $3, status = $4, status_message = $5,
           pricing_tier = $6, updated_at = $7, network_connectivity_config_id = $8,
           private_access_settings_id = $9, region = $10, credentials_id = $11,
           storage_configuration_id = $12, network_id = $13, storage_key_id = $14 WHERE workspace_id = $1",
        args![
            row.id.0,
            &row.name,
            json(&row.custom_tags)?,
            &row.status,
            &row.status_message,
            &row.pricing_tier,
            row.updated_at,
            &row.network_connectivity_config_id,
            &row.private_access_settings_id,
            &row.region,
            &row.credentials_id,
            &row.storage_configuration_id,
            &row.network_id,
            &row.storage_key_id
        ],
    )
    .await
    .map(|_| ())
}

/// What became of the row as it was read; false: it is another by now.
pub async fn settle(tx: &mut Tx, row: &Workspace) -> Result<bool> {
    let sql = "UPDATE workspaces SET status = $3, status_message = $4
               WHERE workspace_id = $1 AND updated_at = $2 AND status = 'PROVISIONING'";
    let args = args![row.id.0, row.updated_at, &row.status, &row.status_message];
    Ok(tx.execute(sql, args).await? > 0)
}

/// Nobody is in it any more and no credential of it is good; the row stays until the rest is gone.
pub async fn close(tx: &mut Tx, id: WorkspaceId) -> Result<()> {
    for sql in [
        "DELETE FROM workspace_permissions WHERE workspace_id = $1",
        "DELETE FROM workspace_entitlements WHERE workspace_id = $1",
        "DELETE FROM tokens WHERE workspace_id = $1",
        "DELETE FROM web_sessions WHERE workspace_id = $1",
    ] {
        tx.execute(sql, args![id.0]).await?;
    }
    Ok(())
}

pub async fn delete(tx: &mut Tx, id: WorkspaceId) -> Result<()> {
    close(tx, id).await?;
    for sql in [
        "DELETE FROM group_members WHERE group_id IN (SELECT principal_id FROM principals WHERE home_workspace_id = $1)",
        "DELETE FROM group_members WHERE member_id IN (SELECT principal_id FROM principals WHERE home_workspace_id = $1)",
        "DELETE FROM principals WHERE home_workspace_id = $1",
        "DELETE FROM ip_access_lists WHERE scope_id = $1",
        "DELETE FROM network_switches WHERE scope_id = $1",
        "UPDATE networks SET status = NULL, findings = '[]'
         WHERE network_id IN (SELECT network_id FROM workspaces WHERE workspace_id = $1)",
        "DELETE FROM workspaces WHERE workspace_id = $1",
    ] {
        tx.execute(sql, args![id.0]).await?;
    }
    Ok(())
}

/// The groups that were made in it.
pub async fn groups(tx: &mut Tx, id: WorkspaceId) -> Result<Vec<PrincipalRow>> {
    let sql = concat!(
        "SELECT ",
        crate::principals::store::columns!(),
        " FROM principals p WHERE p.home_workspace_id = $1 AND p.system = 0 ORDER BY p.principal_id"
    );
    tx.fetch_all(sql, args![id.0]).await?.iter().map(principals::from_row).collect()
}

/// The direct permissions of those of `ids` that have one.
pub async fn permissions_among(
    tx: &mut Tx,
    workspace: WorkspaceId,
    ids: &[PrincipalId],
) -> Result<HashMap<PrincipalId, String>> {
    let mut found = HashMap::new();
    for ids in ids.chunks(principals::IDS_AT_ONCE) {
        let sql = format!(
            "SELECT principal_id, permission FROM workspace_permissions
             WHERE workspace_id = $1 AND principal_id IN {}",
            principals::list(ids)
        );
        for row in tx.fetch_all(AssertSqlSafe(sql), args![workspace.0]).await? {
            found.insert(PrincipalId(row.int(0)?), row.text(1)?);
        }
    }
    Ok(found)
}

pub async fn permission_set(
    tx: &mut Tx,
    workspace: WorkspaceId,
    id: PrincipalId,
    permission: &str,
) -> Result<()> {
    tx.execute(
        "INSERT INTO workspace_permissions (workspace_id, principal_id, permission) VALUES ($1, $2, $3)
         ON CONFLICT (workspace_id, principal_id) DO UPDATE SET permission = excluded.permission",
        args![workspace.0, id.0, permission],
    )
    .await
    .map(|_| ())
}

pub async fn permission_remove(tx: &mut Tx, workspace: WorkspaceId, id: PrincipalId) -> Result<()> {
    tx.execute(
        "DELETE FROM workspace_permissions WHERE workspace_id = $1 AND principal_id = $2",
        args![workspace.0, id.0],
    )
    .await?;
    tx.execute(
        "DELETE FROM tokens WHERE workspace_id = $1 AND principal_id = $2",
        args![workspace.0, id.0],
    )
    .await?;
    Ok(())
}

/// Direct assignments, by name.
pub async fn permissions(
    tx: &mut Tx,
    workspace: WorkspaceId,
) -> Result<Vec<(PrincipalRow, String)>> {
    let sql = concat!(
        "SELECT ",
        crate::principals::store::columns!(),
        ", w.permission FROM workspace_permissions w JOIN principals p ON p.principal_id = w.principal_id
         WHERE w.workspace_id = $1 ORDER BY p.name_key"
    );
    let rows = tx.fetch_all(sql, args![workspace.0]).await?;
    rows.iter().map(|row| Ok((principals::from_row(row)?, row.text(15)?))).collect()
}
