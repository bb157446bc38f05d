//! From a principal to what it is in a workspace: groups, admin or not, member or not.

use super::{ACCOUNT_ADMIN, ACCOUNT_USERS, ADMINS, USERS, is_instance_profile, store};
use biplane_api::ids::{PrincipalId, WorkspaceId};
use biplane_platform::db::args;
use biplane_platform::{Entitlement, Principal, Result, Tx};
use std::sync::Arc;

#[derive(Debug)]
pub struct Resolved {
    pub principal: Arc<Principal>,
    /// Of the workspace asked for; of the account always.
    pub member: bool,
    /// The oldest workspace it is a member of.
    pub default_workspace: Option<WorkspaceId>,
}

/// None when there is no such principal, it is a group, or it is not active.
pub async fn resolve(
    tx: &mut Tx,
    id: PrincipalId,
    workspace: Option<WorkspaceId>,
) -> Result<Option<Resolved>> {
    let Some(row) = store::by_id(tx, id).await?.filter(|row| row.active) else {
        return Ok(None);
    };
    let Some(kind) = row.kind.principal_kind() else {
        return Ok(None);
    };
    let above = store::groups_above(tx, id).await?;
    let permissions = permissions_of(tx, id).await?;
    let here: Vec<&str> = permissions
        .iter()
        .filter(|(of, _)| Some(*of) == workspace)
        .map(|(_, level)| level.as_str())
        .collect();
    let workspace_admin = here.contains(&"ADMIN");
    let is_account_admin = |roles: &[String]| roles.iter().any(|role| role == ACCOUNT_ADMIN);
    let account_admin =
        is_account_admin(&row.roles) || above.iter().any(|group| is_account_admin(&group.roles));
    let entitlements = match workspace {
        Some(_) if workspace_admin => Entitlement::ALL.to_vec(),
        Some(workspace) if !here.is_empty() => entitlements_of(tx, workspace, id).await?,
        _ => Vec::new(),
    };
    let mut groups: Vec<String> = above
        .into_iter()
        .filter(|group| group.home.is_none() || group.home == workspace)
        .map(|group| group.name)
        .collect();
    groups.push(ACCOUNT_USERS.into());
    if !here.is_empty() {
        groups.push(USERS.into());
    }
    if workspace_admin {
        groups.push(ADMINS.into());
    }
    let principal = Principal {
        id,
        kind,
        name: row.name,
        display_name: row.display_name,
        groups,
        account_admin,
        workspace_admin,
        entitlements,
    };
    Ok(Some(Resolved {
        principal: Arc::new(principal),
        member: workspace.is_none() || !here.is_empty(),
        default_workspace: permissions.first().map(|(of, _)| *of),
    }))
}

/// (workspace, permission) of the principal, its groups and everybody, oldest workspace first.
pub async fn permissions_of(tx: &mut Tx, id: PrincipalId) -> Result<Vec<(WorkspaceId, String)>> {
    let sql = "WITH RECURSIVE up(id) AS (
           SELECT CAST($1 AS BIGINT)
           UNION SELECT m.group_id FROM group_members m JOIN up ON m.member_id = up.id)
         SELECT w.workspace_id, w.permission FROM workspace_permissions w
           JOIN workspaces s ON s.workspace_id = w.workspace_id
         WHERE w.principal_id IN (SELECT id FROM up)
           OR w.principal_id = (SELECT principal_id FROM principals WHERE scope_id = 0 AND name_key = $2)
         ORDER BY s.created_at, s.workspace_id";
    let rows = tx.fetch_all(sql, args![id.0, ACCOUNT_USERS]).await?;
    rows.iter().map(|row| Ok((WorkspaceId(row.int(0)?), row.text(1)?))).collect()
}

async fn entitlements_of(
    tx: &mut Tx,
    workspace: WorkspaceId,
    id: PrincipalId,
) -> Result<Vec<Entitlement>> {
    let names = given(tx, workspace, id).await?;
    Ok(names.iter().filter_map(|name| Entitlement::parse(name)).collect())
}

/// The instance profiles that a member of the workspace may use there.
pub async fn instance_profiles_of(
    tx: &mut Tx,
    workspace: WorkspaceId,
    id: PrincipalId,
) -> Result<Vec<String>> {
    let mut names = given(tx, workspace, id).await?;
    names.retain(|name| is_instance_profile(name));
    Ok(names)
}

/// What a member of the workspace has there: its own, what its groups have and what everybody has.
async fn given(tx: &mut Tx, workspace: WorkspaceId, id: PrincipalId) -> Result<Vec<String>> {
    let sql = "WITH RECURSIVE up(id) AS (
           SELECT CAST($1 AS BIGINT)
           UNION SELECT m.group_id FROM group_members m JOIN up ON m.member_id = up.id)
         SELECT DISTINCT e.entitlement FROM workspace_entitlements e
         WHERE e.workspace_id = $2 AND (e.principal_id IN (SELECT id FROM up)
           OR e.principal_id IN (SELECT principal_id FROM principals
                                 WHERE (scope_id = $2 AND name_key = $3) OR (scope_id = 0 AND name_key = $4)))";
    let rows = tx.fetch_all(sql, args![id.0, workspace.0, USERS, ACCOUNT_USERS]).await?;
    rows.iter().map(|row| row.text(0)).collect()
}
