//! Reading and changing the list of an object. An object exists when it has entries: who makes one
//! becomes its owner.

use crate::Identity;
use crate::principals::{ADMINS, Kind, store as principals};
use biplane_api::identity::{
    AccessControl, AccessControlRequest, ObjectPermissions, Permission, PermissionDescription,
};
use biplane_platform::acl::{self, DIRECTORIES, Entry, OBJECT_TYPES, ObjectType};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result, Tx};

const ENTRIES_MAX: usize = 1000;
const OWNER: &str = "IS_OWNER";
const MANAGE: &str = "CAN_MANAGE";
/// Types clients know that this server has no objects of.
const KNOWN_TYPES: &[&str] = &[
    "alerts",
    "apps",
    "authorization",
    "dashboards",
    "database-instances",
    "experiments",
    "genie",
    "jobs",
    "pipelines",
    "queries",
    "registered-models",
    "repos",
    "serving-endpoints",
];

/// `warehouses`, also written `sql/warehouses` and `sql/endpoints`.
pub fn object_type(name: &str) -> Result<&'static ObjectType> {
    let name = match name {
        "sql/warehouses" | "sql/endpoints" | "endpoints" => "warehouses",
        other => other,
    };
    match OBJECT_TYPES.iter().find(|object| object.name == name) {
        Some(object) => Ok(object),
        None if KNOWN_TYPES.contains(&name) => {
            Err(ApiError::unsupported(format!("Permissions on objects of type {name}")))
        }
        None => {
            Err(ApiError::invalid(format!("{name:.64} is not a type of object with permissions.")))
        }
    }
}

fn path(object: &ObjectType) -> &'static str {
    match object.name {
        "warehouses" => "/sql/warehouses",
        "clusters" => "/clusters",
        "cluster-policies" => "/cluster-policies",
        "instance-pools" => "/instance-pools",
        "directories" => "/directories",
        "notebooks" => "/notebooks",
        "files" => "/files",
        _ => "",
    }
}

/// What admins have on every object, as it is shown.
fn admins_level(object: &ObjectType) -> &'static str {
    if object.rank(MANAGE).is_some() { MANAGE } else { object.highest() }
}

/// The permissions on an object: its own, and those that it has because of where it is.
struct Held {
    own: Vec<Entry>,
    /// (the directory, what is given there)
    inherited: Vec<(String, Entry)>,
}

impl Held {
    fn require(&self, ctx: &Ctx, object: &ObjectType, id: &str, level: &str) -> Result<()> {
        let inherited = self.inherited.iter().map(|(_, entry)| entry);
        let all: Vec<Entry> = self.own.iter().chain(inherited).cloned().collect();
        acl::require_in(ctx, object, id, &all, level)
    }
}

/// The directories that an object is in. Asked before a transaction is open.
async fn above(identity: &Identity, ctx: &Ctx, object: &ObjectType, id: &str) -> Result<Vec<i64>> {
    match identity.containers.get() {
        Some(containers) if ["directories", "notebooks", "files"].contains(&object.name) => {
            containers.above(ctx.workspace()?, id).await
        }
        _ => Ok(Vec::new()),
    }
}

async fn held(
    tx: &mut Tx,
    ctx: &Ctx,
    object: &ObjectType,
    id: &str,
    above: &[i64],
) -> Result<Held> {
    let workspace = ctx.workspace()?;
    let own = acl::entries(tx, workspace, object, id).await?;
    if own.is_empty() {
        return Err(ApiError::not_found(format!("{id:.64} does not exist in {}.", object.name)));
    }
    let mut inherited = Vec::new();
    for directory in above {
        let entries = acl::entries(tx, workspace, &DIRECTORIES, &directory.to_string()).await?;
        let given = entries.into_iter().filter(|entry| *entry != acl::existence(&DIRECTORIES));
        inherited.extend(given.map(|entry| (format!("/directories/{directory}"), entry)));
    }
    Ok(Held { own, inherited })
}

/// To whoever has anything on it.
async fn readable(
    tx: &mut Tx,
    ctx: &Ctx,
    object: &ObjectType,
    id: &str,
    above: &[i64],
) -> Result<Held> {
    let held = held(tx, ctx, object, id, above).await?;
    let lowest = object.levels.first().map_or("", |(level, _)| level);
    held.require(ctx, object, id, lowest)?;
    Ok(held)
}

pub async fn permissions_get(
    identity: &Identity,
    ctx: &Ctx,
    kind: &str,
    id: &str,
) -> Result<ObjectPermissions> {
    let object = object_type(kind)?;
    let above = above(identity, ctx, object, id).await?;
    let mut tx = identity.db.read().await?;
    let held = readable(&mut tx, ctx, object, id, &above).await?;
    answer(&mut tx, object, id, held).await
}

pub async fn permission_levels_get(
    identity: &Identity,
    ctx: &Ctx,
    kind: &str,
    id: &str,
) -> Result<Vec<PermissionDescription>> {
    let object = object_type(kind)?;
    let above = above(identity, ctx, object, id).await?;
    readable(&mut identity.db.read().await?, ctx, object, id, &above).await?;
    let described = object.levels.iter().map(|(level, text)| PermissionDescription {
        permission_level: (*level).into(),
        description: (*text).into(),
    });
    Ok(described.collect())
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// What is not named goes, the owner excepted.
    Replace,
    /// What is not named stays.
    Merge,
}

pub async fn permissions_update(
    identity: &Identity,
    ctx: &Ctx,
    kind: &str,
    id: &str,
    requests: &[AccessControlRequest],
    mode: Mode,
) -> Result<ObjectPermissions> {
    let object = object_type(kind)?;
    if requests.len() > ENTRIES_MAX {
        return Err(ApiError::invalid(format!(
            "access_control_list has more than {ENTRIES_MAX} entries."
        )));
    }
    let workspace = ctx.workspace()?;
    let above = above(identity, ctx, object, id).await?;
    let mut tx = identity.db.write().await?;
    let held = held(&mut tx, ctx, object, id, &above).await?;
    match object.rank(MANAGE) {
        Some(_) => held.require(ctx, object, id, MANAGE)?,
        // Nobody but admins manages objects of such a type.
        None => {
            held.require(ctx, object, id, object.highest())?;
            ctx.require_workspace_admin()?;
        }
    }
    let Held { own: old, inherited } = held;
    let mut asked = Vec::with_capacity(requests.len());
    for request in requests {
        asked.push(checked(identity, &mut tx, ctx, object, request).await?);
    }
    let new = combined(ctx, object, &old, asked, mode)?;
    if new != old {
        acl::clear(&mut tx, workspace, object, id).await?;
        for entry in &new {
            acl::grant(&mut tx, workspace, object, id, entry).await?;
        }
    }
    let answer = answer(&mut tx, object, id, Held { own: new, inherited }).await?;
    tx.commit().await?;
    Ok(answer)
}

/// Whether two entries are of one principal.
fn same(a: &Entry, b: &Entry) -> bool {
    a.principal_kind == b.principal_kind && a.principal_name == b.principal_name
}

/// The entries after the change, sorted, each principal once, with exactly one owner.
fn combined(
    ctx: &Ctx,
    object: &ObjectType,
    old: &[Entry],
    asked: Vec<Entry>,
    mode: Mode,
) -> Result<Vec<Entry>> {
    let is_owner = |entry: &&Entry| entry.permission_level == OWNER;
    let mut owners = asked.iter().filter(is_owner);
    let (owner, second) = (owners.next().cloned(), owners.next());
    if second.is_some_and(|second| owner.as_ref().is_some_and(|first| !same(first, second))) {
        return Err(ApiError::invalid("An object has one owner."));
    }
    let old_owner = old.iter().find(is_owner).cloned();
    let transfer = match (&owner, &old_owner) {
        (Some(new), Some(old)) => !same(new, old),
        (Some(_), None) => true,
        _ => false,
    };
    if transfer && acl::rank(ctx, object, old) != object.rank(OWNER) {
        return Err(ApiError::denied(
            "Only the owner and workspace admins may name another owner.",
        ));
    }
    if owner.as_ref().is_some_and(|owner| owner.principal_kind == "group") {
        return Err(ApiError::invalid("A group cannot own this object."));
    }
    let mut new: Vec<Entry> = match mode {
        Mode::Replace => Vec::new(),
        Mode::Merge => old.to_vec(),
    };
    if let (true, Some(previous)) = (transfer, &old_owner) {
        new.retain(|entry| !same(entry, previous));
    }
    for entry in asked {
        new.retain(|known| !same(known, &entry));
        new.push(entry);
    }
    // The owner stays the owner until another one is named.
    if let (None, Some(owner)) = (&owner, old_owner) {
        new.retain(|known| !same(known, &owner));
        new.push(owner);
    }
    if !object.owned() && !new.contains(&acl::existence(object)) {
        new.push(acl::existence(object));
    }
    if new.len() > ENTRIES_MAX {
        return Err(ApiError::invalid(format!("There may be {ENTRIES_MAX} entries.")));
    }
    new.sort_by(|a, b| {
        (&a.principal_kind, &a.principal_name).cmp(&(&b.principal_kind, &b.principal_name))
    });
    Ok(new)
}

/// A request as an entry: a known level, a principal of this workspace, its name as it is written.
async fn checked(
    identity: &Identity,
    tx: &mut Tx,
    ctx: &Ctx,
    object: &ObjectType,
    request: &AccessControlRequest,
) -> Result<Entry> {
    let level = request.permission_level.as_str();
    if object.rank(level).is_none() {
        return Err(ApiError::invalid(format!(
            "{level:.64} is not a permission level of {}.",
            object.name
        )));
    }
    let named = [
        (Kind::User, &request.user_name),
        (Kind::Group, &request.group_name),
        (Kind::ServicePrincipal, &request.service_principal_name),
    ];
    let mut named = named.iter().filter_map(|(kind, name)| Some((*kind, name.as_deref()?)));
    let (Some((kind, name)), None) = (named.next(), named.next()) else {
        return Err(ApiError::invalid(
            "Each entry names one of user_name, group_name and service_principal_name.",
        ));
    };
    let workspace = ctx.workspace()?;
    let scope = Some(workspace);
    let row = match principals::by_name(tx, name).await? {
        None if kind == Kind::Group => principals::in_scope(tx, scope, name).await?,
        found => found,
    };
    let missing = || {
        let text = format!("{} {name:.255} does not exist in this workspace.", kind.noun());
        ApiError::new(ErrorCode::ResourceDoesNotExist, text)
    };
    let row = row.filter(|row| row.kind == kind).ok_or_else(missing)?;
    let here = match kind {
        Kind::Group => row.home.is_none() || row.home == Some(workspace),
        _ => identity
            .principal(row.id, Some(workspace))
            .await?
            .is_some_and(|resolved| resolved.member),
    };
    match here {
        true if row.name == ADMINS => {
            Err(ApiError::invalid("The group admins has all permissions; they cannot be changed."))
        }
        true => Ok(Entry {
            principal_kind: kind.as_str().into(),
            principal_name: row.name,
            permission_level: level.into(),
        }),
        false => Err(missing()),
    }
}

async fn answer(
    tx: &mut Tx,
    object: &ObjectType,
    id: &str,
    held: Held,
) -> Result<ObjectPermissions> {
    let own = held.own.into_iter().filter(|entry| *entry != acl::existence(object));
    let inherited = held.inherited.into_iter().map(|(from, entry)| (Some(from), entry));
    // Each principal once, with all that it has.
    let mut found: Vec<(Entry, Vec<Permission>)> = Vec::new();
    for (from, entry) in own.map(|entry| (None, entry)).chain(inherited) {
        let permission = Permission {
            permission_level: entry.permission_level.clone(),
            inherited: from.is_some(),
            inherited_from_object: from.into_iter().collect(),
        };
        match found.iter_mut().find(|(known, _)| same(known, &entry)) {
            Some((_, permissions)) => permissions.push(permission),
            None => found.push((entry, vec![permission])),
        }
    }
    let mut list = Vec::with_capacity(found.len() + 1);
    for (entry, all_permissions) in found {
        let display_name =
            principals::by_name(tx, &entry.principal_name).await?.map(|row| row.display_name);
        let named = |kind: Kind| {
            (entry.principal_kind == kind.as_str()).then(|| entry.principal_name.clone())
        };
        list.push(AccessControl {
            user_name: named(Kind::User),
            group_name: named(Kind::Group),
            service_principal_name: named(Kind::ServicePrincipal),
            display_name,
            all_permissions,
        });
    }
    list.push(AccessControl {
        user_name: None,
        group_name: Some(ADMINS.into()),
        service_principal_name: None,
        display_name: None,
        all_permissions: vec![Permission {
            permission_level: admins_level(object).into(),
            inherited: true,
            inherited_from_object: vec![format!("{}/", path(object))],
        }],
    });
    Ok(ObjectPermissions {
        object_id: format!("{}/{id}", path(object)),
        object_type: object.singular.into(),
        access_control_list: list,
    })
}
