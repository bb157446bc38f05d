//! Rows and SQL of objects.

use super::path::ObjectPath;
use biplane_api::ids::WorkspaceId;
use biplane_platform::acl::{DIRECTORIES, FILES, NOTEBOOKS, ObjectType};
use biplane_platform::db::{Row, args};
use biplane_platform::{ApiError, Result, Tx};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Directory,
    Notebook,
    File,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Directory => "DIRECTORY",
            Kind::Notebook => "NOTEBOOK",
            Kind::File => "FILE",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        [Kind::Directory, Kind::Notebook, Kind::File]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| ApiError::internal("an object of no known kind"))
    }

    /// Whose permissions it has.
    pub fn object_type(self) -> &'static ObjectType {
        match self {
            Kind::Directory => &DIRECTORIES,
            Kind::Notebook => &NOTEBOOKS,
            Kind::File => &FILES,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Object {
    pub id: i64,
    pub path: String,
    pub kind: Kind,
    pub language: Option<String>,
    pub size: i64,
    pub created_at: i64,
    pub modified_at: i64,
}

macro_rules! objects {
    ($rest:literal) => {
        concat!(
            "SELECT id, path, kind, language, size, created_at, modified_at FROM workspace_objects ",
            $rest
        )
    };
}

fn object(row: &Row) -> Result<Object> {
    Ok(Object {
        id: row.int(0)?,
        path: row.text(1)?,
        kind: Kind::parse(&row.text(2)?)?,
        language: row.opt_text(3)?,
        size: row.int(4)?,
        created_at: row.int(5)?,
        modified_at: row.int(6)?,
    })
}

pub async fn get(tx: &mut Tx, workspace: WorkspaceId, path: &ObjectPath) -> Result<Option<Object>> {
    let sql = objects!("WHERE workspace_id = $1 AND path = $2");
    tx.fetch_opt(sql, args![workspace.0, path.as_str()]).await?.as_ref().map(object).transpose()
}

pub async fn by_id(tx: &mut Tx, workspace: WorkspaceId, id: i64) -> Result<Option<Object>> {
    let sql = objects!("WHERE workspace_id = $1 AND id = $2");
    tx.fetch_opt(sql, args![workspace.0, id]).await?.as_ref().map(object).transpose()
}

pub async fn children(tx: &mut Tx, workspace: WorkspaceId, directory: &str) -> Result<Vec<Object>> {
    let sql = objects!("WHERE workspace_id = $1 AND parent = $2");
    tx.fetch_all(sql, args![workspace.0, directory]).await?.iter().map(object).collect()
}

/// It and everything below it.
pub async fn below(tx: &mut Tx, workspace: WorkspaceId, path: &str) -> Result<Vec<Object>> {
    let sql =
        objects!("WHERE workspace_id = $1 AND (path = $2 OR substr(path, 1, length($3)) = $3)");
    let inside = format!("{path}/");
    let rows = tx.fetch_all(sql, args![workspace.0, path, inside]).await?;
    rows.iter().map(object).collect()
}

/// How many there are, and their bytes.
pub async fn used(tx: &mut Tx, workspace: WorkspaceId) -> Result<(i64, i64)> {
    let sql = "SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM workspace_objects WHERE workspace_id = $1";
    let row = tx.fetch_one(sql, args![workspace.0]).await?;
    Ok((row.int(0)?, row.int(1)?))
}

/// False: there is something of that path.
pub async fn insert(tx: &mut Tx, workspace: WorkspaceId, new: &Object) -> Result<bool> {
    let parent = ObjectPath::parse(Some(&new.path))?.parent();
    let made = tx
        .execute(
            "INSERT INTO workspace_objects (id, workspace_id, path, parent, kind, language, size, created_at, modified_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (workspace_id, path) DO NOTHING",
            args![
                new.id,
                workspace.0,
                &new.path,
                parent.as_ref().map_or("", ObjectPath::as_str),
                new.kind.as_str(),
                new.language.clone(),
                new.size,
                new.created_at,
                new.modified_at
            ],
        )
        .await?;
    Ok(made > 0)
}

/// What it is now, without its content.
pub async fn update(tx: &mut Tx, object: &Object) -> Result<()> {
    tx.execute(
        "UPDATE workspace_objects SET language = $2, size = $3, modified_at = $4 WHERE id = $1",
        args![object.id, object.language.clone(), object.size, object.modified_at],
    )
    .await?;
    Ok(())
}

pub async fn delete(tx: &mut Tx, id: i64) -> Result<()> {
    for sql in [
        "DELETE FROM workspace_contents WHERE object_id = $1",
        "DELETE FROM workspace_objects WHERE id = $1",
    ] {
        tx.execute(sql, args![id]).await?;
    }
    Ok(())
}

pub async fn workspace_delete(tx: &mut Tx, workspace: WorkspaceId) -> Result<()> {
    for sql in [
        "DELETE FROM workspace_contents WHERE object_id IN (SELECT id FROM workspace_objects WHERE workspace_id = $1)",
        "DELETE FROM workspace_objects WHERE workspace_id = $1",
    ] {
        tx.execute(sql, args![workspace.0]).await?;
    }
    Ok(())
}

pub async fn content(tx: &mut Tx, id: i64) -> Result<Option<String>> {
    let sql = "SELECT content FROM workspace_contents WHERE object_id = $1";
    tx.fetch_opt(sql, args![id]).await?.map(|row| row.text(0)).transpose()
}

pub async fn content_put(tx: &mut Tx, id: i64, content: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO workspace_contents (object_id, content) VALUES ($1, $2)
         ON CONFLICT (object_id) DO UPDATE SET content = excluded.content",
        args![id, content],
    )
    .await?;
    Ok(())
}
