//! Rows of staged tables.

use crate::node::Node;
use biplane_platform::db::{Row, args};
use biplane_platform::{Result, Tx};

#[derive(Debug, Clone)]
pub(crate) struct Staged {
    pub id: String,
    pub metastore_id: String,
    pub schema_id: String,
    pub name: String,
    pub location: String,
    pub external: bool,
    pub created_by: String,
    pub deadline: i64,
}

fn staged(row: &Row) -> Result<Staged> {
    Ok(Staged {
        id: row.text(0)?,
        metastore_id: row.text(1)?,
        schema_id: row.text(2)?,
        name: row.text(3)?,
        location: row.text(4)?,
        external: row.bool(5)?,
        created_by: row.text(6)?,
        deadline: row.int(7)?,
    })
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, metastore_id, schema_id, name, location, external, created_by, deadline FROM staged_tables ",
            $rest
        )
    };
}

pub(crate) async fn insert(tx: &mut Tx, row: &Staged) -> Result<()> {
    tx.execute(
        "INSERT INTO staged_tables (id, metastore_id, schema_id, name, location, external, created_by, deadline)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        args![
            &row.id,
            &row.metastore_id,
            &row.schema_id,
            &row.name,
            &row.location,
            row.external,
            &row.created_by,
            row.deadline
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Staged>> {
    tx.fetch_opt(select!("WHERE id = $1"), args![id]).await?.map(|row| staged(&row)).transpose()
}

pub(crate) async fn by_location(
    tx: &mut Tx,
    metastore_id: &str,
    location: &str,
) -> Result<Option<Staged>> {
    let row = tx
        .fetch_opt(
            select!("WHERE metastore_id = $1 AND location = $2"),
            args![metastore_id, location],
        )
        .await?;
    row.map(|row| staged(&row)).transpose()
}

/// Whether it was still there: of two that publish the same id one wins.
pub(crate) async fn remove(tx: &mut Tx, id: &str) -> Result<bool> {
    Ok(tx.execute("DELETE FROM staged_tables WHERE id = $1", args![id]).await? > 0)
}

pub(crate) async fn overdue(tx: &mut Tx, now: i64, limit: i64) -> Result<Vec<Staged>> {
    let rows = tx
        .fetch_all(select!("WHERE deadline < $1 ORDER BY deadline LIMIT $2"), args![now, limit])
        .await?;
    rows.iter().map(staged).collect()
}

/// A table in a staged place, also before it is published.
pub(crate) fn place_of<'a>(
    schema: &'a Node,
    catalog: &'a Node,
    metastore: &'a Node,
) -> Option<&'a str> {
    [schema, catalog, metastore].into_iter().find_map(|node| node.location.as_deref())
}
