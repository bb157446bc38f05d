//! Rows of securables, grants and bindings: the SQL every kind shares.

use crate::kind::Kind;
use crate::node::{Binding, Chain, Grant, Node};
use crate::privilege::Privilege;
use crate::reach::REACH_TOPIC;
use biplane_api::ids::WorkspaceId;
use biplane_platform::db::{Row, args};
use biplane_platform::{ApiError, ErrorCode, Result, Tx};
use std::collections::HashMap;
use std::sync::Arc;

macro_rules! columns {
    () => {
        "s.id, s.metastore_id, s.parent_id, s.kind, s.name, s.owner, s.comment, s.details, s.location, s.managed, \
         s.isolated, s.system, s.created_at, s.created_by, s.updated_at, s.updated_by"
    };
}

fn node(row: &Row, columns: Option<String>) -> Result<Node> {
    Ok(Node {
        id: row.text(0)?,
        metastore_id: row.text(1)?,
        parent_id: row.opt_text(2)?,
        kind: Kind::parse(&row.text(3)?)?,
        name: row.text(4)?,
        owner: row.text(5)?,
        comment: row.opt_text(6)?,
        details: row.text(7)?,
        location: row.opt_text(8)?,
        managed: row.bool(9)?,
        isolated: row.bool(10)?,
        system: row.bool(11)?,
        created_at: row.int(12)?,
        created_by: row.text(13)?,
        updated_at: row.int(14)?,
        updated_by: row.text(15)?,
        columns,
        grants: Vec::new(),
        bindings: Vec::new(),
    })
}

fn full(row: &Row) -> Result<Node> {
    node(row, row.opt_text(16)?)
}

/// The grants of a row, and where it may be used.
async fn complete(tx: &mut Tx, mut node: Node) -> Result<Node> {
    let rows = tx
        .fetch_all(
            "SELECT principal, privilege FROM grants WHERE securable_id = $1",
            args![&node.id],
        )
        .await?;
    node.grants = rows.iter().map(|row| grant(row, 0)).collect::<Result<_>>()?;
    if node.isolated {
        node.bindings = bindings(tx, &node.id).await?;
    }
    Ok(node)
}

fn grant(row: &Row, column: usize) -> Result<Grant> {
    Ok(Grant { principal: row.text(column)?, privilege: Privilege::parse(&row.text(column + 1)?)? })
}

pub async fn bindings(tx: &mut Tx, id: &str) -> Result<Vec<Binding>> {
    let rows = tx
        .fetch_all(
            "SELECT workspace_id, read_only FROM workspace_bindings WHERE securable_id = $1 ORDER BY workspace_id",
            args![id],
        )
        .await?;
    rows.iter()
        .map(|row| Ok(Binding { workspace_id: row.int(0)?, read_only: row.bool(1)? }))
        .collect()
}

pub async fn by_name(tx: &mut Tx, parent_id: &str, kind: Kind, name: &str) -> Result<Option<Node>> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        ", s.columns FROM securables s WHERE s.parent_id = $1 AND s.kind = $2 AND s.name = $3"
    );
    match tx.fetch_opt(sql, args![parent_id, kind.as_str(), name]).await? {
        Some(row) => complete(tx, full(&row)?).await.map(Some),
        None => Ok(None),
    }
}

pub async fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Node>> {
    let sql = concat!("SELECT ", columns!(), ", s.columns FROM securables s WHERE s.id = $1");
    match tx.fetch_opt(sql, args![id]).await? {
        Some(row) => complete(tx, full(&row)?).await.map(Some),
        None => Ok(None),
    }
}

/// The chain down to the securable of this id.
pub async fn chain_of(tx: &mut Tx, id: &str) -> Result<Option<Chain>> {
    let mut nodes = Vec::new();
    let mut next = Some(id.to_owned());
    while let Some(id) = next {
        let Some(node) = by_id(tx, &id).await? else { return Ok(None) };
        next = node.parent_id.clone();
        nodes.push(Arc::new(node));
    }
    let mut nodes = nodes.into_iter().rev();
    let Some(root) = nodes.next() else { return Ok(None) };
    let mut chain = Chain::new(root);
    nodes.for_each(|node| chain.push(node));
    Ok(Some(chain))
}

pub async fn metastore_of(tx: &mut Tx, workspace: WorkspaceId) -> Result<Option<Node>> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        ", s.columns FROM securables s JOIN metastore_assignments a ON a.metastore_id = s.id WHERE a.workspace_id = $1"
    );
    match tx.fetch_opt(sql, args![workspace.0]).await? {
        Some(row) => complete(tx, full(&row)?).await.map(Some),
        None => Ok(None),
    }
}

/// Rows of one kind under a parent, by name, behind `after`; with grants. Without column lists unless asked for.
pub async fn children(
    tx: &mut Tx,
    parent_id: &str,
    kind: Kind,
    after: &str,
    limit: usize,
    with_columns: bool,
) -> Result<Vec<Node>> {
    children_like(tx, parent_id, kind, "", after, limit, with_columns).await
}

/// The same, of those whose name is LIKE that; empty: all.
pub async fn children_like(
    tx: &mut Tx,
    parent_id: &str,
    kind: Kind,
    name_like: &str,
    after: &str,
    limit: usize,
    with_columns: bool,
) -> Result<Vec<Node>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let arguments = args![parent_id, kind.as_str(), after, limit, name_like];
    let rows = if with_columns {
        let sql = concat!(
            "SELECT ",
            columns!(),
            ", s.columns FROM securables s WHERE s.parent_id = $1 AND s.kind = $2 AND s.name > $3 \
             AND ($5 = '' OR s.name LIKE $5 ESCAPE '\\') ORDER BY s.name LIMIT $4"
        );
        tx.fetch_all(sql, arguments).await?
    } else {
        let sql = concat!(
            "SELECT ",
            columns!(),
            ", NULL AS no_columns FROM securables s WHERE s.parent_id = $1 AND s.kind = $2 AND s.name > $3 \
             AND ($5 = '' OR s.name LIKE $5 ESCAPE '\\') ORDER BY s.name LIMIT $4"
        );
        tx.fetch_all(sql, arguments).await?
    };
    let mut nodes = rows
        .iter()
        .map(|row| node(row, if with_columns { row.opt_text(16)? } else { None }))
        .collect::<Result<Vec<_>>>()?;
    let Some(last) = nodes.last().map(|node| node.name.clone()) else { return Ok(nodes) };
    let mut grants = grants_between(tx, parent_id, kind, after, &last).await?;
    for node in &mut nodes {
        node.grants = grants.remove(&node.id).unwrap_or_default();
        if node.isolated {
            node.bindings = bindings(tx, &node.id).await?;
        }
    }
    Ok(nodes)
}

async fn grants_between(
    tx: &mut Tx,
    parent_id: &str,
    kind: Kind,
    after: &str,
    last: &str,
) -> Result<HashMap<String, Vec<Grant>>> {
    let rows = tx
        .fetch_all(
            "SELECT g.securable_id, g.principal, g.privilege FROM securables s JOIN grants g ON g.securable_id = s.id
             WHERE s.parent_id = $1 AND s.kind = $2 AND s.name > $3 AND s.name <= $4",
            args![parent_id, kind.as_str(), after, last],
        )
        .await?;
    let mut grants: HashMap<String, Vec<Grant>> = HashMap::new();
    for row in &rows {
        grants.entry(row.text(0)?).or_default().push(grant(row, 1)?);
    }
    Ok(grants)
}

/// These say where data may lie.
fn reach_changed(tx: &mut Tx, kind: Kind) {
    if matches!(kind, Kind::Metastore | Kind::ExternalLocation) {
        tx.notify(REACH_TOPIC, "*");
    }
}

/// A new row. `full_name` is for the message when the name is taken.
pub async fn insert(tx: &mut Tx, node: &Node, full_name: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO securables (id, metastore_id, parent_id, kind, name, owner, comment, details, columns, location,
           managed, isolated, system, created_at, created_by, updated_at, updated_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        args![
            &node.id,
            &node.metastore_id,
            &node.parent_id,
            node.kind.as_str(),
            &node.name,
            &node.owner,
            &node.comment,
            &node.details,
            &node.columns,
            &node.location,
            node.managed,
            node.isolated,
            node.system,
            node.created_at,
            &node.created_by,
            node.updated_at,
            &node.updated_by
        ],
    )
    .await
    .map_err(|error| taken(error, node.kind, full_name))?;
    reach_changed(tx, node.kind);
    Ok(())
}

/// Writes back what can change.
pub async fn update(tx: &mut Tx, node: &Node, full_name: &str) -> Result<()> {
    tx.execute(
        "UPDATE securables SET name = $2, owner = $3, comment = $4, details = $5, columns = $6, location = $7,
           managed = $8, isolated = $9, updated_at = $10, updated_by = $11 WHERE id = $1",
        args![
            &node.id,
            &node.name,
            &node.owner,
            &node.comment,
            &node.details,
            &node.columns,
            &node.location,
            node.managed,
            node.isolated,
            node.updated_at,
            &node.updated_by
        ],
    )
    .await
    .map_err(|error| taken(error, node.kind, full_name))?;
    reach_changed(tx, node.kind);
    Ok(())
}

fn taken(error: ApiError, kind: Kind, full_name: &str) -> ApiError {
    match error.code {
        ErrorCode::ResourceAlreadyExists => kind.taken(full_name),
        // The parent went while this was on its way.
        ErrorCode::ResourceConflict => ApiError {
            internal: error.internal,
            ..ApiError::conflict("What this lies in was dropped meanwhile.")
        },
        _ => error,
    }
}

/// Grants and bindings go with it. Refused while something lies in it.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<()> {
    tx.execute("DELETE FROM securables WHERE id = $1", args![id]).await?;
    Ok(())
}

pub async fn grant_add(tx: &mut Tx, id: &str, principal: &str, privilege: Privilege) -> Result<()> {
    tx.execute(
        "INSERT INTO grants (securable_id, principal, privilege) VALUES ($1, $2, $3)
         ON CONFLICT (securable_id, principal, privilege) DO NOTHING",
        args![id, principal, privilege.as_str()],
    )
    .await?;
    Ok(())
}

pub async fn grant_remove(
    tx: &mut Tx,
    id: &str,
    principal: &str,
    privilege: Privilege,
) -> Result<()> {
    tx.execute(
        "DELETE FROM grants WHERE securable_id = $1 AND principal = $2 AND privilege = $3",
        args![id, principal, privilege.as_str()],
    )
    .await?;
    Ok(())
}

/// Securables of a kind at this location, above it or below it. Compares text by hand: the order of text
/// is not the same in all databases.
pub async fn overlapping(
    tx: &mut Tx,
    metastore_id: &str,
    location: &str,
    kind: Kind,
) -> Result<Vec<Node>> {
    let below = format!("{location}/");
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM securables s WHERE s.metastore_id = $1 AND s.kind = $2 AND s.location IS NOT NULL \
         AND (s.location = $3 OR substr(s.location, 1, length($4)) = $4 \
              OR substr($4, 1, length(s.location) + 1) = s.location || '/') ORDER BY s.id LIMIT 1000"
    );
    let rows = tx.fetch_all(sql, args![metastore_id, kind.as_str(), location, below]).await?;
    rows.iter().map(|row| node(row, None)).collect()
}

/// Nobody else changes this row until the transaction ends.
pub async fn lock(tx: &mut Tx, id: &str) -> Result<()> {
    tx.execute("UPDATE securables SET system = system WHERE id = $1", args![id]).await?;
    Ok(())
}

/// The file sweeper takes it when its time has come.
pub async fn doom(tx: &mut Tx, location: &str, due_at: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO storage_deletions (location, due_at) VALUES ($1, $2) ON CONFLICT (location) DO NOTHING",
        args![location, due_at],
    )
    .await?;
    Ok(())
}

/// Everything below goes, deepest first; files of what is managed are swept later. Not the securable itself.
pub async fn delete_below(tx: &mut Tx, node: &Node, due_at: i64) -> Result<()> {
    if node.kind == Kind::Catalog {
        tx.execute(
            "INSERT INTO storage_deletions (location, due_at)
             SELECT s.location, $2 FROM securables s JOIN securables p ON p.id = s.parent_id
             WHERE p.parent_id = $1 AND s.managed = 1 AND s.location IS NOT NULL
             ON CONFLICT (location) DO NOTHING",
            args![&node.id, due_at],
        )
        .await?;
        tx.execute(
            "DELETE FROM securables WHERE parent_id IN (SELECT id FROM securables WHERE parent_id = $1)",
            args![&node.id],
        )
        .await?;
    }
    tx.execute(
        "INSERT INTO storage_deletions (location, due_at)
         SELECT location, $2 FROM securables WHERE parent_id = $1 AND managed = 1 AND location IS NOT NULL
         ON CONFLICT (location) DO NOTHING",
        args![&node.id, due_at],
    )
    .await?;
    tx.execute("DELETE FROM securables WHERE parent_id = $1", args![&node.id]).await?;
    Ok(())
}

/// How many of each kind lie directly in it, those of the system apart.
pub async fn count_below(tx: &mut Tx, id: &str) -> Result<Vec<(Kind, i64)>> {
    let sql = "SELECT kind, count(*) FROM securables WHERE parent_id = $1 AND system = 0 GROUP BY kind ORDER BY kind";
    let rows = tx.fetch_all(sql, args![id]).await?;
    rows.iter().map(|row| Ok((Kind::parse(&row.text(0)?)?, row.int(1)?))).collect()
}

/// Whether any metastore keeps managed data at this place, above it or below it.
pub async fn metastore_overlaps(tx: &mut Tx, location: &str) -> Result<bool> {
    let below = format!("{location}/");
    let sql = "SELECT id FROM securables s WHERE s.kind = 'METASTORE' AND s.location IS NOT NULL \
               AND (s.location = $1 OR substr(s.location, 1, length($2)) = $2 \
                    OR substr($2, 1, length(s.location) + 1) = s.location || '/') LIMIT 1";
    Ok(tx.fetch_opt(sql, args![location, below]).await?.is_some())
}
