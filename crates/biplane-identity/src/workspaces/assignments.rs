//! Who is in a workspace: users, groups and service principals with USER or ADMIN.

use super::{ops, store};
use crate::Identity;
use crate::principals::{Kind, PrincipalRow, ops as rules, store as principals};
use biplane_api::identity::{AssignedPrincipal, PermissionAssignment, PermissionDescription};
use biplane_api::ids::{PrincipalId, WorkspaceId};
use biplane_platform::{ApiError, Ctx, Result};

fn assignment(row: PrincipalRow, permission: &str) -> PermissionAssignment {
    let named = |kind: Kind| (row.kind == kind).then(|| row.name.clone());
    PermissionAssignment {
        principal: AssignedPrincipal {
            principal_id: row.id.0,
            user_name: named(Kind::User),
            group_name: named(Kind::Group),
            service_principal_name: named(Kind::ServicePrincipal),
            display_name: row.display_name.clone(),
        },
        permissions: vec![permission.to_owned()],
    }
}

pub async fn assignment_list(
    identity: &Identity,
    ctx: &Ctx,
    id: WorkspaceId,
) -> Result<Vec<PermissionAssignment>> {
    ctx.require_account_admin()?;
    let mut tx = identity.db.read().await?;
    store::by_id(&mut tx, id).await?.ok_or_else(|| ops::missing(id))?;
    let rows = store::permissions(&mut tx, id).await?;
    Ok(rows.into_iter().map(|(row, permission)| assignment(row, &permission)).collect())
}

/// An empty list takes the principal out.
pub async fn assignment_update(
    identity: &Identity,
    ctx: &Ctx,
    id: WorkspaceId,
    principal: PrincipalId,
    permissions: &[String],
) -> Result<PermissionAssignment> {
    ctx.require_account_admin()?;
    if let Some(unknown) =
        permissions.iter().find(|one| !["USER", "ADMIN", "UNKNOWN"].contains(&one.as_str()))
    {
        return Err(ApiError::invalid(format!("{unknown:.64} is not USER or ADMIN.")));
    }
    let permission = match permissions {
        [] => None,
        all if all.iter().any(|one| one == "ADMIN") => Some("ADMIN"),
        _ => Some("USER"),
    };
    let mut tx = identity.db.write().await?;
    ops::live(&mut tx, id).await?;
    let row = principals::by_id(&mut tx, principal).await?.filter(|row| row.home.is_none());
    let row =
        row.ok_or_else(|| ApiError::not_found(format!("Principal {principal} does not exist.")))?;
    match permission {
        Some(permission) => store::permission_set(&mut tx, id, principal, permission).await?,
        None => store::permission_remove(&mut tx, id, principal).await?,
    }
    rules::check_admins_left(&mut tx, Some(id)).await?;
    identity.changed(tx).await?;
    let mut answer = assignment(row, permission.unwrap_or_default());
    answer.permissions.retain(|permission| !permission.is_empty());
    Ok(answer)
}

/// What USER and ADMIN mean.
pub async fn assignment_permissions(
    identity: &Identity,
    ctx: &Ctx,
    id: WorkspaceId,
) -> Result<Vec<PermissionDescription>> {
    ctx.require_account_admin()?;
    identity.workspace_get(id).await?.ok_or_else(|| ops::missing(id))?;
    let described = |level: &str, text: &str| PermissionDescription {
        permission_level: level.into(),
        description: text.into(),
    };
    Ok(vec![
        described("USER", "Can use the workspace"),
        described("ADMIN", "Can administer the workspace"),
    ])
}
