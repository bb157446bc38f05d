//! What may be done to principals, by whom.

use super::change::{change, members_change};
use super::described::{described, member_ids, set_entitlements};
use super::list::{self, ListQuery};
use super::wire::{self, Loaded, Selection};
use super::{Level, name_attribute, patch};
use crate::Identity;
use crate::principals::{Kind, PrincipalRow, ops as rules, store};
use crate::workspaces::store as workspaces;
use biplane_api::identity::{ScimList, ScimPatch, ScimResource};
use biplane_api::ids::{ApplicationId, PrincipalId, WorkspaceId};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result, Secret, Tx};
use serde_json::Value;

fn require_writer(ctx: &Ctx, level: Level) -> Result<()> {
    match level {
        Level::Account => ctx.require_account_admin(),
        Level::Workspace(_) => ctx.require_workspace_admin(),
    }
}

/// Everybody in a workspace sees who is in it; of the account, admins see all and others themselves.
fn require_reader(ctx: &Ctx, level: Level, id: Option<PrincipalId>) -> Result<()> {
    match level {
        Level::Account if id != Some(ctx.principal.id) => ctx.require_account_admin(),
        _ => Ok(()),
    }
}

fn missing(kind: Kind, id: PrincipalId) -> ApiError {
    ApiError::not_found(format!("{} with id {id} not found.", kind.noun()))
}

fn taken(kind: Kind, name: &str) -> ApiError {
    let text = format!("{} with {} {name:.255} already exists.", kind.noun(), name_attribute(kind));
    ApiError::new(ErrorCode::ResourceAlreadyExists, text)
}

async fn loaded(tx: &mut Tx, level: Level, kind: Kind, id: PrincipalId) -> Result<Loaded> {
    let row = list::find(tx, level, kind, id).await?.ok_or_else(|| missing(kind, id))?;
    let found = wire::load(tx, level, vec![row], &Selection::default()).await?;
    found.into_iter().next().ok_or_else(|| missing(kind, id))
}

pub async fn principal_list(
    identity: &Identity,
    ctx: &Ctx,
    level: Level,
    kind: Kind,
    query: &ListQuery,
) -> Result<ScimList> {
    require_reader(ctx, level, None)?;
    let selection =
        Selection::new(query.attributes.as_deref(), query.excluded_attributes.as_deref());
    let mut tx = identity.db.read().await?;
    let page = list::page(&mut tx, level, kind, query).await?;
    let loaded = wire::load(&mut tx, level, page.rows, &selection).await?;
    let resources = loaded
        .iter()
        .map(|one| selection.value(&wire::resource(one)))
        .collect::<Result<Vec<_>>>()?;
    Ok(ScimList {
        schemas: vec!["urn:ietf:params:scim:api:messages:2.0:ListResponse".into()],
        total_results: page.total,
        start_index: page.start_index,
        items_per_page: i64::try_from(resources.len()).unwrap_or_default(),
        resources,
    })
}

pub async fn principal_get(
    identity: &Identity,
    ctx: &Ctx,
    level: Level,
    kind: Kind,
    id: PrincipalId,
    selection: &Selection,
) -> Result<Value> {
    require_reader(ctx, level, Some(id))?;
    let mut tx = identity.db.read().await?;
    selection.value(&wire::resource(&loaded(&mut tx, level, kind, id).await?))
}

/// Who asks; also somebody who is in no workspace.
pub async fn me_get(identity: &Identity, ctx: &Ctx) -> Result<ScimResource> {
    let level = ctx.workspace.map_or(Level::Account, Level::Workspace);
    let mut tx = identity.db.read().await?;
    let row = store::by_id(&mut tx, ctx.principal.id).await?;
    let row = row.ok_or_else(|| missing(Kind::User, ctx.principal.id))?;
    let found = wire::load(&mut tx, level, vec![row], &Selection::default()).await?;
    let mut me = found.first().map(wire::resource);
    if let Some(me) = &mut me {
        // Here service principals have a user name too: clients show it, and grants are made to it.
        me.user_name.get_or_insert_with(|| ctx.principal.name.clone());
    }
    me.ok_or_else(|| missing(Kind::User, ctx.principal.id))
}

pub async fn principal_create(
    identity: &Identity,
    ctx: &Ctx,
    level: Level,
    kind: Kind,
    request: &ScimResource,
) -> Result<ScimResource> {
    require_writer(ctx, level)?;
    if request.groups.as_ref().is_some_and(|groups| !groups.is_empty()) {
        return Err(ApiError::invalid("groups is set by changing the members of groups."));
    }
    let asked = match kind {
        Kind::User => request.user_name.as_deref(),
        Kind::Group => request.display_name.as_deref(),
        Kind::ServicePrincipal => request.application_id.as_deref(),
    };
    let name = match (kind, asked.filter(|name| !name.trim().is_empty())) {
        (Kind::ServicePrincipal, None) => ApplicationId::random().to_string(),
        (Kind::User, name) => {
            rules::check_name("userName", name.unwrap_or_default())?.to_lowercase()
        }
        (_, name) => rules::check_name(name_attribute(kind), name.unwrap_or_default())?,
    };
    rules::check_not_reserved(&name)?;
    // Hashing is slow; never inside a transaction.
    let password_hash = password_hash(identity, kind, request).await?;
    let mut tx = identity.db.write().await?;
    let id = match store::by_name(&mut tx, &name).await? {
        Some(existing) => join(&mut tx, level, kind, existing, request).await?,
        None => {
            if kind == Kind::ServicePrincipal && asked.is_some_and(|asked| !asked.trim().is_empty())
            {
                return Err(ApiError::not_found(format!(
                    "Service principal {name} does not exist in the account."
                )));
            }
            fresh(&mut tx, ctx, level, kind, name, request, password_hash.as_deref()).await?
        }
    };
    set_entitlements(&mut tx, level, id, request, false).await?;
    let answer = wire::resource(&loaded(&mut tx, level, kind, id).await?);
    identity.changed(tx).await?;
    Ok(answer)
}

async fn password_hash(
    identity: &Identity,
    kind: Kind,
    request: &ScimResource,
) -> Result<Option<String>> {
    match (&request.password, kind) {
        (None, _) => Ok(None),
        (Some(password), Kind::User) => {
            identity.passwords.hash(&Secret::new(password)).await.map(Some)
        }
        (Some(_), _) => Err(ApiError::invalid("Only users have a password.")),
    }
}

/// A principal of the account comes into a workspace. Nothing of it changes.
async fn join(
    tx: &mut Tx,
    level: Level,
    kind: Kind,
    existing: PrincipalRow,
    request: &ScimResource,
) -> Result<PrincipalId> {
    let Some(workspace) =
        level.workspace().filter(|_| existing.kind == kind && kind != Kind::Group)
    else {
        return Err(taken(kind, &existing.name));
    };
    if list::find(tx, level, kind, existing.id).await?.is_some() {
        return Err(taken(kind, &existing.name));
    }
    if request.password.is_some() || request.roles.as_ref().is_some_and(|roles| !roles.is_empty()) {
        let text = format!(
            "{} exists in the account; its password and roles are changed there.",
            existing.name
        );
        return Err(ApiError::new(ErrorCode::ResourceAlreadyExists, text));
    }
    workspaces::permission_set(tx, workspace, existing.id, "USER").await?;
    Ok(existing.id)
}

async fn fresh(
    tx: &mut Tx,
    ctx: &Ctx,
    level: Level,
    kind: Kind,
    name: String,
    request: &ScimResource,
    password_hash: Option<&str>,
) -> Result<PrincipalId> {
    let blank = PrincipalRow {
        id: PrincipalId::random(),
        kind,
        display_name: match kind {
            Kind::User => name.split('@').next().unwrap_or(&name).to_owned(),
            _ => name.clone(),
        },
        name,
        given_name: None,
        family_name: None,
        emails: Vec::new(),
        active: true,
        external_id: None,
        roles: Vec::new(),
        scope: None,
        home: level.workspace().filter(|_| kind == Kind::Group),
        system: false,
        created_by: Some(ctx.principal.id),
        created_at: ctx.now_ms(),
    };
    let row = described(&blank, request)?;
    if !row.roles.is_empty() {
        ctx.require_account_admin()?;
    }
    store::insert(tx, &row, password_hash).await?;
    if let Some(workspace) = level.workspace() {
        workspaces::permission_set(tx, workspace, row.id, "USER").await?;
    }
    if let Some(members) = &request.members {
        members_change(tx, &row, &[], &member_ids(members)?).await?;
    }
    Ok(row.id)
}

/// PUT: the request is the whole resource.
pub async fn principal_replace(
    identity: &Identity,
    ctx: &Ctx,
    level: Level,
    kind: Kind,
    id: PrincipalId,
    request: &ScimResource,
) -> Result<ScimResource> {
    require_writer(ctx, level)?;
    let password_hash = password_hash(identity, kind, request).await?;
    let mut tx = identity.db.write().await?;
    let old = loaded(&mut tx, level, kind, id).await?;
    change(&mut tx, ctx, level, &old, request, password_hash).await?;
    let answer = wire::resource(&loaded(&mut tx, level, kind, id).await?);
    identity.changed(tx).await?;
    Ok(answer)
}

pub async fn principal_patch(
    identity: &Identity,
    ctx: &Ctx,
    level: Level,
    kind: Kind,
    id: PrincipalId,
    request: &ScimPatch,
) -> Result<()> {
    require_writer(ctx, level)?;
    // The password does not depend on what is stored; hash it before the transaction.
    let password = patched(&ScimResource::default(), request)?.password;
    let only_password = ScimResource { password, ..ScimResource::default() };
    let password_hash = password_hash(identity, kind, &only_password).await?;
    let mut tx = identity.db.write().await?;
    let old = loaded(&mut tx, level, kind, id).await?;
    let new = patched(&wire::resource(&old), request)?;
    change(&mut tx, ctx, level, &old, &new, password_hash).await?;
    identity.changed(tx).await
}

/// The resource after the operations, with every list there: absent would mean "as before".
fn patched(resource: &ScimResource, request: &ScimPatch) -> Result<ScimResource> {
    let Value::Object(mut document) = serde_json::to_value(resource).map_err(ApiError::internal)?
    else {
        return Err(ApiError::internal("a resource is not an object"));
    };
    patch::apply(&mut document, &request.operations)?;
    let mut new: ScimResource =
        serde_json::from_value(Value::Object(document)).map_err(|error| {
            ApiError::invalid(format!("The operations do not fit the resource: {error}"))
        })?;
    new.roles.get_or_insert_default();
    new.entitlements.get_or_insert_default();
    new.members.get_or_insert_default();
    Ok(new)
}

pub async fn principal_delete(
    identity: &Identity,
    ctx: &Ctx,
    level: Level,
    kind: Kind,
    id: PrincipalId,
) -> Result<()> {
    require_writer(ctx, level)?;
    let mut tx = identity.db.read().await?;
    let row = list::find(&mut tx, level, kind, id).await?.ok_or_else(|| missing(kind, id))?;
    drop(tx);
    if row.system && (level == Level::Account || row.scope.is_some()) {
        return Err(ApiError::invalid(format!(
            "The group {} is the system's own and cannot be deleted.",
            row.name
        )));
    }
    match level {
        Level::Workspace(workspace) if row.home.is_none() => leave(identity, &row, workspace).await,
        _ => rules::principal_delete(identity, ctx, &row).await,
    }
}

/// Out of the workspace; it stays in the account.
async fn leave(identity: &Identity, row: &PrincipalRow, workspace: WorkspaceId) -> Result<()> {
    let mut tx = identity.db.write().await?;
    workspaces::permission_remove(&mut tx, workspace, row.id).await?;
    store::entitlements_set(&mut tx, workspace, row.id, &[]).await?;
    // The groups made here are the workspace's own affair; those of the account are not.
    for group in store::groups_above(&mut tx, row.id).await? {
        if group.home == Some(workspace) {
            store::member_remove(&mut tx, group.id, row.id).await?;
        }
    }
    if list::find(&mut tx, Level::Workspace(workspace), row.kind, row.id).await?.is_some() {
        return Err(ApiError::conflict(format!(
            "{} is in the workspace through a group. Change the group.",
            row.name
        )));
    }
    rules::check_admins_left(&mut tx, Some(workspace)).await?;
    identity.changed(tx).await
}
