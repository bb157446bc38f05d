//! Permissions on objects that are not securables of the catalog (warehouses, and what comes later).
//!
//! A service names its object type once (`ObjectType`); the table and the REST in front of it are the
//! same for all. Workspace admins have the highest level on everything.

use crate::db::{Db, Row, Tx, args};
use crate::{ApiError, Ctx, Principal, PrincipalKind, Result};
use biplane_api::ids::WorkspaceId;
use std::collections::HashSet;

/// A kind of object and its levels, lowest first.
#[derive(Debug)]
pub struct ObjectType {
    /// As in `/api/2.0/permissions/{type}/…`: `warehouses`.
    pub name: &'static str,
    /// As in responses: `warehouse`, `/sql/warehouses/<id>`.
    pub singular: &'static str,
    /// (level, description), lowest first.
    pub levels: &'static [(&'static str, &'static str)],
}

pub const WAREHOUSES: ObjectType = ObjectType {
    name: "warehouses",
    singular: "warehouses",
    levels: &[
        ("CAN_VIEW", "Can view the SQL warehouse and its query history"),
        ("CAN_USE", "Can use the SQL warehouse"),
        ("CAN_MONITOR", "Can use the SQL warehouse and see what others run on it"),
        ("CAN_MANAGE", "Can manage the SQL warehouse"),
        ("IS_OWNER", "Is owner of the SQL warehouse"),
    ],
};

/// Without an owner: whoever makes one can manage it.
pub const CLUSTERS: ObjectType = ObjectType {
    name: "clusters",
    singular: "cluster",
    levels: &[
        ("CAN_ATTACH_TO", "Can attach to the cluster and run commands on it"),
        ("CAN_RESTART", "Can attach to the cluster, and start, restart and terminate it"),
        ("CAN_MANAGE", "Can manage the cluster"),
    ],
};

/// Admins make them; others may use them or not.
pub const CLUSTER_POLICIES: ObjectType = ObjectType {
    name: "cluster-policies",
    singular: "cluster-policy",
    levels: &[("CAN_USE", "Can make clusters that keep to the policy")],
};

pub const INSTANCE_POOLS: ObjectType = ObjectType {
    name: "instance-pools",
    singular: "instance-pool",
    levels: &[
        ("CAN_ATTACH_TO", "Can attach clusters to the pool"),
        ("CAN_MANAGE", "Can manage the pool"),
    ],
};

/// Of directories, notebooks and files of a workspace: what one may do in a directory one may do with all
/// that is in it.
const OBJECT_LEVELS: &[(&str, &str)] = &[
    ("CAN_READ", "Can see and export"),
    ("CAN_RUN", "Can see, export and run"),
    ("CAN_EDIT", "Can see, export, run and edit"),
    ("CAN_MANAGE", "Can edit, delete, move and share, and put objects into a directory"),
];

pub const DIRECTORIES: ObjectType =
    ObjectType { name: "directories", singular: "directory", levels: OBJECT_LEVELS };
pub const NOTEBOOKS: ObjectType =
    ObjectType { name: "notebooks", singular: "notebook", levels: OBJECT_LEVELS };
pub const FILES: ObjectType = ObjectType { name: "files", singular: "file", levels: OBJECT_LEVELS };

/// All object types there are.
pub const OBJECT_TYPES: &[&ObjectType] =
    &[&WAREHOUSES, &CLUSTERS, &CLUSTER_POLICIES, &INSTANCE_POOLS, &DIRECTORIES, &NOTEBOOKS, &FILES];

/// The group that may do everything. An object without an owner has an entry of it, which says that the
/// object exists.
pub const ADMINS: &str = "admins";

/// The entry that an object without an owner always has.
pub fn existence(object: &ObjectType) -> Entry {
    Entry {
        principal_kind: "group".into(),
        principal_name: ADMINS.into(),
        permission_level: object.highest().into(),
    }
}

impl ObjectType {
    /// Whether objects of this type have an owner.
    pub fn owned(&self) -> bool {
        self.rank("IS_OWNER").is_some()
    }

    pub fn highest(&self) -> &'static str {
        self.levels.last().map_or("", |(level, _)| level)
    }

    pub fn rank(&self, level: &str) -> Option<usize> {
        self.levels.iter().position(|(name, _)| *name == level)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `user`, `group` or `service_principal`.
    pub principal_kind: String,
    pub principal_name: String,
    pub permission_level: String,
}

impl Entry {
    pub fn of(principal: &Principal, level: &str) -> Self {
        Self {
            principal_kind: principal.kind.as_str().into(),
            principal_name: principal.name.clone(),
            permission_level: level.into(),
        }
    }
}

fn entry(row: &Row) -> Result<Entry> {
    Ok(Entry {
        principal_kind: row.text(0)?,
        principal_name: row.text(1)?,
        permission_level: row.text(2)?,
    })
}

pub async fn entries(
    tx: &mut Tx,
    workspace: WorkspaceId,
    object: &ObjectType,
    id: &str,
) -> Result<Vec<Entry>> {
    let rows = tx
        .fetch_all(
            "SELECT principal_kind, principal_name, permission_level FROM object_permissions
             WHERE workspace_id = $1 AND object_type = $2 AND object_id = $3
             ORDER BY principal_kind, principal_name",
            args![workspace.0, object.name, id],
        )
        .await?;
    rows.iter().map(entry).collect()
}

/// The ids of objects of a type on which `ctx` itself or a group of it has something.
pub async fn shared(tx: &mut Tx, ctx: &Ctx, object: &ObjectType) -> Result<HashSet<String>> {
    let workspace = ctx.workspace()?;
    let me = [(ctx.principal.kind.as_str(), &ctx.principal.name)];
    let groups = ctx.principal.groups.iter().map(|group| ("group", group));
    let mut ids = HashSet::new();
    for (kind, name) in me.into_iter().chain(groups) {
        let rows = tx
            .fetch_all(
                "SELECT object_id FROM object_permissions WHERE workspace_id = $1 AND object_type = $2
                 AND principal_kind = $3 AND principal_name = $4",
                args![workspace.0, object.name, kind, name],
            )
            .await?;
        for row in rows {
            ids.insert(row.text(0)?);
        }
    }
    Ok(ids)
}

pub async fn grant(
    tx: &mut Tx,
    workspace: WorkspaceId,
    object: &ObjectType,
    id: &str,
    entry: &Entry,
) -> Result<()> {
    if object.rank(&entry.permission_level).is_none() {
        return Err(ApiError::invalid(format!(
            "{} is not a permission level of {}.",
            entry.permission_level, object.name
        )));
    }
    tx.execute(
        "INSERT INTO object_permissions
           (workspace_id, object_type, object_id, principal_kind, principal_name, permission_level)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (workspace_id, object_type, object_id, principal_kind, principal_name)
         DO UPDATE SET permission_level = excluded.permission_level",
        args![
            workspace.0,
            object.name,
            id,
            &entry.principal_kind,
            &entry.principal_name,
            &entry.permission_level
        ],
    )
    .await?;
    tx.notify("object_permissions", &format!("{}/{id}", object.name));
    Ok(())
}

/// Forgets all entries of an object: it is deleted, or its list is about to be replaced.
pub async fn clear(
    tx: &mut Tx,
    workspace: WorkspaceId,
    object: &ObjectType,
    id: &str,
) -> Result<()> {
    tx.execute(
        "DELETE FROM object_permissions WHERE workspace_id = $1 AND object_type = $2 AND object_id = $3",
        args![workspace.0, object.name, id],
    )
    .await?;
    tx.notify("object_permissions", &format!("{}/{id}", object.name));
    Ok(())
}

/// Forgets a principal that is gone, everywhere: a later one of the same name starts with nothing. What
/// it owned goes to `heir` (kind, name), so that nothing is left without an entry.
pub async fn forget_principal(tx: &mut Tx, gone: &str, heir: (&str, &str)) -> Result<()> {
    tx.execute(
        "DELETE FROM object_permissions WHERE principal_kind = $2 AND principal_name = $3 AND EXISTS (
           SELECT 1 FROM object_permissions o
           WHERE o.workspace_id = object_permissions.workspace_id AND o.object_type = object_permissions.object_type
             AND o.object_id = object_permissions.object_id AND o.principal_name = $1
             AND o.permission_level = 'IS_OWNER')",
        args![gone, heir.0, heir.1],
    )
    .await?;
    tx.execute(
        "UPDATE object_permissions SET principal_kind = $2, principal_name = $3
         WHERE principal_name = $1 AND permission_level = 'IS_OWNER'",
        args![gone, heir.0, heir.1],
    )
    .await?;
    tx.execute("DELETE FROM object_permissions WHERE principal_name = $1", args![gone]).await?;
    tx.notify("object_permissions", "*");
    Ok(())
}

/// Forgets everything in a workspace that is gone.
pub async fn forget_workspace(tx: &mut Tx, workspace: WorkspaceId) -> Result<()> {
    tx.execute("DELETE FROM object_permissions WHERE workspace_id = $1", args![workspace.0])
        .await?;
    tx.notify("object_permissions", "*");
    Ok(())
}

/// The highest rank among `entries` that `ctx` has; None = none. Admins have the highest there is.
pub fn rank(ctx: &Ctx, object: &ObjectType, entries: &[Entry]) -> Option<usize> {
    if ctx.principal.workspace_admin {
        return Some(object.levels.len() - 1);
    }
    entries
        .iter()
        .filter(|entry| match entry.principal_kind.as_str() {
            "group" => ctx.principal.groups.contains(&entry.principal_name),
            "service_principal" => {
                ctx.principal.kind == PrincipalKind::ServicePrincipal
                    && ctx.principal.name == entry.principal_name
            }
            _ => {
                ctx.principal.kind == PrincipalKind::User
                    && ctx.principal.name == entry.principal_name
            }
        })
        .filter_map(|entry| object.rank(&entry.permission_level))
        .max()
}

/// Refuses unless `ctx` has `level` on the object: 404 when it has no right at all, 403 when too little.
pub async fn require(db: &Db, ctx: &Ctx, object: &ObjectType, id: &str, level: &str) -> Result<()> {
    let entries = entries(&mut db.read().await?, ctx.workspace()?, object, id).await?;
    require_in(ctx, object, id, &entries, level)
}

/// The same with entries already at hand.
pub fn require_in(
    ctx: &Ctx,
    object: &ObjectType,
    id: &str,
    entries: &[Entry],
    level: &str,
) -> Result<()> {
    match rank(ctx, object, entries) {
        None => Err(ApiError::not_found(format!("{id} does not exist in {}.", object.name))),
        Some(rank) if Some(rank) < object.rank(level) => {
            Err(ApiError::denied(format!("You need {level} on {}/{id} to do this.", object.name)))
        }
        Some(_) => Ok(()),
    }
}
