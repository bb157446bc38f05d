//! Rows of principals, their groups, their place in workspaces.

use biplane_api::ids::{PrincipalId, WorkspaceId};
use biplane_platform::db::{Arg, Row, args};
use biplane_platform::{ApiError, PrincipalKind, Result, Tx};
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use std::collections::HashMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    User,
    Group,
    ServicePrincipal,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::ServicePrincipal => "service_principal",
        }
    }

    /// For messages.
    pub fn noun(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::ServicePrincipal => "Service principal",
        }
    }

    pub fn principal_kind(self) -> Option<PrincipalKind> {
        match self {
            Self::User => Some(PrincipalKind::User),
            Self::ServicePrincipal => Some(PrincipalKind::ServicePrincipal),
            Self::Group => None,
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "user" => Ok(Self::User),
            "group" => Ok(Self::Group),
            "service_principal" => Ok(Self::ServicePrincipal),
            other => Err(format!("{other:?} is not a kind of principal")),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    pub value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    #[serde(default)]
    pub primary: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrincipalRow {
    pub id: PrincipalId,
    pub kind: Kind,
    pub name: String,
    pub display_name: String,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub emails: Vec<Email>,
    pub active: bool,
    pub external_id: Option<String>,
    pub roles: Vec<String>,
    pub scope: Option<WorkspaceId>,
    pub home: Option<WorkspaceId>,
    pub system: bool,
    pub created_by: Option<PrincipalId>,
    pub created_at: i64,
}

/// The columns of `PrincipalRow` in this order, of the table alias `p`.
macro_rules! columns {
    () => {
        "p.principal_id, p.kind, p.name, p.display_name, p.given_name, p.family_name, p.emails, p.active,
         p.external_id, p.roles, p.scope_id, p.home_workspace_id, p.system, p.created_by, p.created_at"
    };
}
pub(crate) use columns;

pub fn from_row(row: &Row) -> Result<PrincipalRow> {
    Ok(PrincipalRow {
        id: PrincipalId(row.int(0)?),
        kind: row.parse(1)?,
        name: row.text(2)?,
        display_name: row.text(3)?,
        given_name: row.opt_text(4)?,
        family_name: row.opt_text(5)?,
        emails: row.json(6)?,
        active: row.bool(7)?,
        external_id: row.opt_text(8)?,
        roles: row.json(9)?,
        scope: Some(row.int(10)?).filter(|id| *id != 0).map(WorkspaceId),
        home: row.opt_int(11)?.map(WorkspaceId),
        system: row.bool(12)?,
        created_by: row.opt_int(13)?.map(PrincipalId),
        created_at: row.int(14)?,
    })
}

pub fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(ApiError::internal)
}

pub async fn insert(tx: &mut Tx, row: &PrincipalRow, password_hash: Option<&str>) -> Result<()> {
    tx.execute(
        "INSERT INTO principals (principal_id, kind, name, name_key, display_name, display_key, given_name,
           family_name, emails, active, external_id, roles, password_hash, scope_id, home_workspace_id, system,
           created_by, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18)",
        args![
            row.id.0,
            row.kind.as_str(),
            &row.name,
            row.name.to_lowercase(),
            &row.display_name,
            row.display_name.to_lowercase(),
            &row.given_name,
            &row.family_name,
            json(&row.emails)?,
            row.active,
            &row.external_id,
            json(&row.roles)?,
            password_hash,
            row.scope.map_or(0, |id| id.0),
            row.home.map(|id| id.0),
            row.system,
            row.created_by.map(|id| id.0),
            row.created_at
        ],
    )
    .await
    .map(|_| ())
}

/// Everything but kind, name and place.
pub async fn update(tx: &mut Tx, row: &PrincipalRow, now_ms: i64) -> Result<()> {
    tx.execute(
        "UPDATE principals SET display_name = $2, display_key = $3, given_name = $4, family_name = $5,
           emails = $6, active = $7, external_id = $8, roles = $9, updated_at = $10 WHERE principal_id = $1",
        args![
            row.id.0,
            &row.display_name,
            row.display_name.to_lowercase(),
            &row.given_name,
            &row.family_name,
            json(&row.emails)?,
            row.active,
            &row.external_id,
            json(&row.roles)?,
            now_ms
        ],
    )
    .await
    .map(|_| ())
}

pub async fn by_id(tx: &mut Tx, id: PrincipalId) -> Result<Option<PrincipalRow>> {
    let sql = concat!("SELECT ", columns!(), " FROM principals p WHERE p.principal_id = $1");
    tx.fetch_opt(sql, args![id.0]).await?.as_ref().map(from_row).transpose()
}

/// Any kind, without the system groups of workspaces.
pub async fn by_name(tx: &mut Tx, name: &str) -> Result<Option<PrincipalRow>> {
    in_scope(tx, None, name).await
}

pub async fn in_scope(
    tx: &mut Tx,
    scope: Option<WorkspaceId>,
    name: &str,
) -> Result<Option<PrincipalRow>> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM principals p WHERE p.scope_id = $1 AND p.name_key = $2"
    );
    let row = tx.fetch_opt(sql, args![scope.map_or(0, |id| id.0), name.to_lowercase()]).await?;
    row.as_ref().map(from_row).transpose()
}

pub async fn password_hash(tx: &mut Tx, id: PrincipalId) -> Result<Option<String>> {
    let row = tx
        .fetch_opt("SELECT password_hash FROM principals WHERE principal_id = $1", args![id.0])
        .await?;
    row.map_or(Ok(None), |row| row.opt_text(0))
}

pub async fn set_password_hash(tx: &mut Tx, id: PrincipalId, hash: Option<&str>) -> Result<()> {
    tx.execute(
        "UPDATE principals SET password_hash = $2 WHERE principal_id = $1",
        args![id.0, hash],
    )
    .await?;
    Ok(())
}

/// The principal and everything that is only its own.
pub async fn delete(tx: &mut Tx, id: PrincipalId) -> Result<()> {
    for sql in [
        "DELETE FROM group_members WHERE member_id = $1 OR group_id = $1",
        "DELETE FROM workspace_permissions WHERE principal_id = $1",
        "DELETE FROM workspace_entitlements WHERE principal_id = $1",
        "DELETE FROM service_principal_secrets WHERE principal_id = $1",
        "DELETE FROM tokens WHERE principal_id = $1",
        "DELETE FROM principals WHERE principal_id = $1",
    ] {
        tx.execute(sql, args![id.0]).await?;
    }
    sign_out(tx, id).await
}

/// Ends web sessions and OAuth sign-ins.
pub async fn sign_out(tx: &mut Tx, id: PrincipalId) -> Result<()> {
    for sql in [
        "DELETE FROM web_sessions WHERE principal_id = $1",
        "DELETE FROM oauth_codes WHERE principal_id = $1",
        "DELETE FROM oauth_refresh_tokens WHERE principal_id = $1",
    ] {
        tx.execute(sql, args![id.0]).await?;
    }
    Ok(())
}

pub async fn member_add(tx: &mut Tx, group: PrincipalId, member: PrincipalId) -> Result<()> {
    tx.execute(
        "INSERT INTO group_members (group_id, member_id) VALUES ($1, $2) ON CONFLICT (group_id, member_id) DO NOTHING",
        args![group.0, member.0],
    )
    .await
    .map(|_| ())
}

pub async fn member_remove(tx: &mut Tx, group: PrincipalId, member: PrincipalId) -> Result<()> {
    tx.execute(
        "DELETE FROM group_members WHERE group_id = $1 AND member_id = $2",
        args![group.0, member.0],
    )
    .await
    .map(|_| ())
}

/// A principal as others name it: id, display name, kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub id: PrincipalId,
    pub kind: Kind,
    pub display: String,
}

fn reference(row: &Row, at: usize) -> Result<Reference> {
    Ok(Reference {
        id: PrincipalId(row.int(at)?),
        kind: row.parse(at + 1)?,
        display: row.text(at + 2)?,
    })
}

/// An SQL list of ids; numbers need no quoting.
pub fn list(ids: &[PrincipalId]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| id.0.to_string()).collect();
    format!("({})", ids.join(","))
}

pub const IDS_AT_ONCE: usize = 500;

/// For each of `ids` what `sql` finds: first column the id, then id, kind and display name of the other.
async fn references(
    tx: &mut Tx,
    ids: &[PrincipalId],
    sql: &str,
) -> Result<HashMap<PrincipalId, Vec<Reference>>> {
    let mut found: HashMap<PrincipalId, Vec<Reference>> = HashMap::new();
    for ids in ids.chunks(IDS_AT_ONCE) {
        for row in tx.fetch_all(AssertSqlSafe(sql.replace("$ids", &list(ids))), args![]).await? {
            found.entry(PrincipalId(row.int(0)?)).or_default().push(reference(&row, 1)?);
        }
    }
    Ok(found)
}

/// The groups each principal is directly in.
pub async fn groups_of(
    tx: &mut Tx,
    ids: &[PrincipalId],
) -> Result<HashMap<PrincipalId, Vec<Reference>>> {
    let sql = "SELECT m.member_id, p.principal_id, p.kind, p.display_name
         FROM group_members m JOIN principals p ON p.principal_id = m.group_id
         WHERE m.member_id IN $ids ORDER BY p.name_key";
    references(tx, ids, sql).await
}

/// The direct members of each group. Those of `admins` are the workspace's direct admins.
pub async fn members_of(
    tx: &mut Tx,
    ids: &[PrincipalId],
) -> Result<HashMap<PrincipalId, Vec<Reference>>> {
    let sql = "SELECT m.group_id, p.principal_id, p.kind, p.display_name
         FROM group_members m JOIN principals p ON p.principal_id = m.member_id
         WHERE m.group_id IN $ids
         UNION ALL
         SELECT g.principal_id, p.principal_id, p.kind, p.display_name
         FROM principals g JOIN workspace_permissions w ON w.workspace_id = g.scope_id AND w.permission = 'ADMIN'
           JOIN principals p ON p.principal_id = w.principal_id
         WHERE g.principal_id IN $ids AND g.name_key = 'admins' AND g.scope_id <> 0";
    references(tx, ids, sql).await
}

pub async fn entitlements(
    tx: &mut Tx,
    workspace: WorkspaceId,
    ids: &[PrincipalId],
) -> Result<HashMap<PrincipalId, Vec<String>>> {
    let mut found: HashMap<PrincipalId, Vec<String>> = HashMap::new();
    for ids in ids.chunks(IDS_AT_ONCE) {
        let sql = format!(
            "SELECT principal_id, entitlement FROM workspace_entitlements
             WHERE workspace_id = $1 AND principal_id IN {} ORDER BY entitlement",
            list(ids)
        );
        for row in tx.fetch_all(AssertSqlSafe(sql), args![workspace.0]).await? {
            found.entry(PrincipalId(row.int(0)?)).or_default().push(row.text(1)?);
        }
    }
    Ok(found)
}

pub async fn entitlements_set(
    tx: &mut Tx,
    workspace: WorkspaceId,
    id: PrincipalId,
    entitlements: &[String],
) -> Result<()> {
    tx.execute(
        "DELETE FROM workspace_entitlements WHERE workspace_id = $1 AND principal_id = $2",
        args![workspace.0, id.0],
    )
    .await?;
    for entitlement in entitlements {
        tx.execute(
            "INSERT INTO workspace_entitlements (workspace_id, principal_id, entitlement) VALUES ($1, $2, $3)
             ON CONFLICT (workspace_id, principal_id, entitlement) DO NOTHING",
            args![workspace.0, id.0, entitlement],
        )
        .await?;
    }
    Ok(())
}

/// Of which of `ids` there is a principal.
pub async fn existing(
    tx: &mut Tx,
    ids: &[PrincipalId],
) -> Result<HashMap<PrincipalId, PrincipalRow>> {
    let mut found = HashMap::new();
    for ids in ids.chunks(IDS_AT_ONCE) {
        let sql = format!(
            concat!("SELECT ", columns!(), " FROM principals p WHERE p.principal_id IN {}"),
            list(ids)
        );
        for row in tx.fetch_all(AssertSqlSafe(sql), args![]).await? {
            let row = from_row(&row)?;
            found.insert(row.id, row);
        }
    }
    Ok(found)
}

/// Every group that contains `id`, however deep; not itself.
pub async fn groups_above(tx: &mut Tx, id: PrincipalId) -> Result<Vec<PrincipalRow>> {
    let sql = concat!(
        "WITH RECURSIVE up(id) AS (
           SELECT group_id FROM group_members WHERE member_id = $1
           UNION SELECT m.group_id FROM group_members m JOIN up ON m.member_id = up.id)
         SELECT ",
        columns!(),
        " FROM up JOIN principals p ON p.principal_id = up.id ORDER BY p.name_key"
    );
    tx.fetch_all(sql, args![id.0]).await?.iter().map(from_row).collect()
}

/// How many active users `sql` ("… down(id) AS (…)", ids of users and groups) reaches.
pub async fn users_below(tx: &mut Tx, start: &'static str, arg: Vec<Arg>) -> Result<i64> {
    let sql = format!(
        "WITH RECURSIVE down(id) AS ({start}
           UNION SELECT m.member_id FROM group_members m JOIN down ON m.group_id = down.id)
         SELECT COUNT(*) FROM principals p JOIN down ON down.id = p.principal_id
         WHERE p.kind = 'user' AND p.active = 1"
    );
    tx.fetch_one(AssertSqlSafe(sql), arg).await?.int(0)
}
