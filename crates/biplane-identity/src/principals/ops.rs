//! Rules that hold whoever changes principals: somebody can always administer, names are sound, what is
//! deleted leaves nothing behind.

use super::{ACCOUNT_USERS, ADMINS, Kind, PrincipalRow, USERS, store};
use crate::{Identity, lookup};
use biplane_api::ids::WorkspaceId;
use biplane_platform::db::args;
use biplane_platform::{ApiError, Ctx, ErrorCode, PrincipalKind, Result, Tx, acl};

const NAME_CHARS_MAX: usize = 255;

/// After a change, before the commit: the account and (where one is concerned) the workspace still have
/// an admin who can sign in.
pub async fn check_admins_left(tx: &mut Tx, workspace: Option<WorkspaceId>) -> Result<()> {
    let none_left = |what: &str| {
        Err(ApiError::new(
            ErrorCode::InvalidState,
            format!("The {what} must keep at least one active admin."),
        ))
    };
    let account = "SELECT principal_id FROM principals WHERE roles LIKE '%\"account_admin\"%'";
    if store::users_below(tx, account, args![]).await? == 0 {
        return none_left("account");
    }
    if let Some(workspace) = workspace {
        let admins = "SELECT principal_id FROM workspace_permissions WHERE workspace_id = $1 AND permission = 'ADMIN'";
        if store::users_below(tx, admins, args![workspace.0]).await? == 0 {
            return none_left("workspace");
        }
    }
    Ok(())
}

/// A name of a user or group as it is kept.
pub fn check_name(what: &str, name: &str) -> Result<String> {
    let name = name.trim();
    let good = !name.is_empty()
        && name.chars().count() <= NAME_CHARS_MAX
        && !name.chars().any(char::is_control);
    match good {
        true => Ok(name.to_owned()),
        false => Err(ApiError::invalid(format!(
            "{what} must have 1 to {NAME_CHARS_MAX} printable characters."
        ))),
    }
}

pub fn check_not_reserved(name: &str) -> Result<()> {
    match [ACCOUNT_USERS, USERS, ADMINS].contains(&name.to_lowercase().as_str()) {
        true => Err(ApiError::new(
            ErrorCode::ResourceAlreadyExists,
            format!("The name {name} is the system's own."),
        )),
        false => Ok(()),
    }
}

/// Takes the principal out of everything. The caller holds no transaction: the other services come first,
/// and a name that lost its grants too early does less harm than one that kept them.
pub async fn principal_delete(identity: &Identity, ctx: &Ctx, row: &PrincipalRow) -> Result<()> {
    // A dry run: do not ask others to let go of somebody who stays.
    let mut tx = identity.db.write().await?;
    store::delete(&mut tx, row.id).await?;
    check_admins_left(&mut tx, None).await?;
    drop(tx);
    if let Some(hook) = identity.principal_deleting.get() {
        hook.principal_deleting(ctx, row.id, &row.name).await?;
    }
    let mut tx = identity.db.write().await?;
    store::delete(&mut tx, row.id).await?;
    check_admins_left(&mut tx, None).await?;
    let (kind, name) = heir(&mut tx, ctx, row).await?;
    acl::forget_principal(&mut tx, &row.name, (kind, &name)).await?;
    identity.changed(tx).await
}

/// Who gets what it owned: who deletes it, or, when that is itself, the first account admin left.
pub async fn heir(tx: &mut Tx, ctx: &Ctx, gone: &PrincipalRow) -> Result<(&'static str, String)> {
    if ctx.principal.id != gone.id {
        let kind = match ctx.principal.kind {
            PrincipalKind::User => Kind::User,
            PrincipalKind::ServicePrincipal => Kind::ServicePrincipal,
        };
        return Ok((kind.as_str(), ctx.principal.name.clone()));
    }
    let admin = match lookup::account_admin(tx).await? {
        Some(id) => store::by_id(tx, id).await?,
        None => None,
    };
    let admin =
        admin.ok_or_else(|| ApiError::conflict("Name another user account admin first."))?;
    Ok((admin.kind.as_str(), admin.name))
}
