//! Changing a principal that is there: what may change, by whom, and who is in a group.

use super::described::{check_keeps_entitlements, described, member_ids, set_entitlements};
use super::wire::Loaded;
use super::{Level, name_attribute};
use crate::principals::{
    ACCOUNT_ADMIN, ACCOUNT_USERS, ADMINS, Kind, PrincipalRow, USERS, ops as rules, store,
};
use crate::workspaces::store as workspaces;
use biplane_api::identity::ScimResource;
use biplane_api::ids::{PrincipalId, WorkspaceId};
use biplane_platform::{ApiError, Ctx, Result, Tx};
use std::collections::HashSet;

pub async fn change(
    tx: &mut Tx,
    ctx: &Ctx,
    level: Level,
    old: &Loaded,
    request: &ScimResource,
    password_hash: Option<String>,
) -> Result<()> {
    let row = &old.row;
    check_same_name(row, request)?;
    let new = described(row, request)?;
    if new != *row || password_hash.is_some() {
        may_change(tx, ctx, level, row, new.roles != row.roles || password_hash.is_some()).await?;
        store::update(tx, &new, ctx.now_ms()).await?;
    }
    if let Some(hash) = &password_hash {
        store::set_password_hash(tx, row.id, Some(hash)).await?;
    }
    if password_hash.is_some() || (row.active && !new.active) {
        store::sign_out(tx, row.id).await?;
    }
    if row.kind == Kind::Group {
        let before: Vec<PrincipalId> = old.members.iter().map(|member| member.id).collect();
        let after = member_ids(request.members.as_deref().unwrap_or_default())?;
        if before.iter().collect::<HashSet<_>>() != after.iter().collect::<HashSet<_>>() {
            if row.home.is_none() {
                ctx.require_account_admin()?;
            }
            members_change(tx, row, &before, &after).await?;
        }
    }
    match row.system && row.scope.is_some() && row.name == ADMINS {
        true => check_keeps_entitlements(request)?,
        false => set_entitlements(tx, level, row.id, request, true).await?,
    }
    rules::check_admins_left(tx, level.workspace()).await
}

/// Grants are to names, so a name stays with its principal.
fn check_same_name(row: &PrincipalRow, request: &ScimResource) -> Result<()> {
    let asked = match row.kind {
        Kind::User => &request.user_name,
        Kind::Group => &request.display_name,
        Kind::ServicePrincipal => &request.application_id,
    };
    match asked.as_ref().is_none_or(|asked| asked.trim().to_lowercase() == row.name.to_lowercase())
    {
        true => Ok(()),
        false => Err(ApiError::unsupported(format!(
            "Changing {} of a principal",
            name_attribute(row.kind)
        ))),
    }
}

/// What belongs to the account its admins change; who made a principal in a workspace may, short of what
/// would give power over the account.
async fn may_change(
    tx: &mut Tx,
    ctx: &Ctx,
    level: Level,
    row: &PrincipalRow,
    sensitive: bool,
) -> Result<()> {
    if row.system {
        return Err(ApiError::denied(format!("The group {} is the system's own.", row.name)));
    }
    if ctx.principal.account_admin {
        return Ok(());
    }
    let at_home = row.home.is_some() && row.home == level.workspace();
    let made = row.created_by == Some(ctx.principal.id);
    if sensitive || !(at_home || made) {
        return Err(ApiError::denied(
            "Only account admins may change this of a principal of the account.",
        ));
    }
    let above = store::groups_above(tx, row.id).await?;
    let powerful = std::iter::once(row)
        .chain(&above)
        .any(|one| one.roles.iter().any(|role| role == ACCOUNT_ADMIN));
    match powerful {
        true => Err(ApiError::denied("Only account admins may change an account admin.")),
        false => Ok(()),
    }
}

/// From `before` to `after`; what both have is not touched, so that changes at the same time add up.
pub async fn members_change(
    tx: &mut Tx,
    group: &PrincipalRow,
    before: &[PrincipalId],
    after: &[PrincipalId],
) -> Result<()> {
    let admins_of = match (group.system, group.scope, group.name.as_str()) {
        (false, ..) => None,
        (true, Some(workspace), name) if name != USERS => Some(workspace),
        (true, ..) => {
            return Err(ApiError::invalid(format!(
                "Who is in the group {} follows from assignments.",
                group.name
            )));
        }
    };
    let (had, wanted): (HashSet<_>, HashSet<_>) = (before.iter().collect(), after.iter().collect());
    for id in before.iter().filter(|id| !wanted.contains(id)) {
        match admins_of {
            Some(workspace) => workspaces::permission_set(tx, workspace, *id, "USER").await?,
            None => store::member_remove(tx, group.id, *id).await?,
        }
    }
    let added: Vec<PrincipalId> = after.iter().filter(|id| !had.contains(id)).copied().collect();
    let known = store::existing(tx, &added).await?;
    let above: HashSet<PrincipalId> = match known.values().any(|row| row.kind == Kind::Group) {
        true => store::groups_above(tx, group.id).await?.into_iter().map(|row| row.id).collect(),
        false => HashSet::new(),
    };
    for id in added {
        let member = known
            .get(&id)
            .ok_or_else(|| ApiError::invalid(format!("There is no principal with id {id}.")))?;
        check_member(group, member, &above)?;
        match admins_of {
            Some(workspace) => admin_add(tx, workspace, id).await?,
            None => store::member_add(tx, group.id, id).await?,
        }
    }
    Ok(())
}

async fn admin_add(tx: &mut Tx, workspace: WorkspaceId, id: PrincipalId) -> Result<()> {
    workspaces::permission_set(tx, workspace, id, "ADMIN").await
}

fn check_member(
    group: &PrincipalRow,
    member: &PrincipalRow,
    above: &HashSet<PrincipalId>,
) -> Result<()> {
    let everybody = member.name == ACCOUNT_USERS && group.system;
    if member.system && !everybody {
        return Err(ApiError::invalid(format!(
            "The system's group {} cannot be a member.",
            member.name
        )));
    }
    if member.home.is_some() && member.home != group.home {
        return Err(ApiError::invalid(format!(
            "The group {} belongs to a workspace.",
            member.name
        )));
    }
    match member.id == group.id || above.contains(&member.id) {
        true => Err(ApiError::invalid("A group cannot contain itself, also not through others.")),
        false => Ok(()),
    }
}
