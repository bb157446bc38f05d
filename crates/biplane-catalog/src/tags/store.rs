//! The table `tags`.

use biplane_platform::db::args;
use biplane_platform::{Result, Tx};

/// One tag of a securable; of the column, where it is not empty.
pub(super) struct Tag {
    pub column: String,
    pub key: String,
    pub value: String,
}

pub(super) async fn of(tx: &mut Tx, id: &str) -> Result<Vec<Tag>> {
    let rows = tx
        .fetch_all(
            "SELECT column_name, tag_key, tag_value FROM tags WHERE securable_id = $1
             ORDER BY column_name, tag_key",
            args![id],
        )
        .await?;
    let tags = rows
        .iter()
        .map(|row| Ok(Tag { column: row.text(0)?, key: row.text(1)?, value: row.text(2)? }));
    tags.collect()
}

pub(super) async fn put(tx: &mut Tx, id: &str, tag: &Tag) -> Result<()> {
    tx.execute(
        "INSERT INTO tags (securable_id, column_name, tag_key, tag_value) VALUES ($1, $2, $3, $4)
         ON CONFLICT (securable_id, column_name, tag_key) DO UPDATE SET tag_value = $4",
        args![id, &tag.column, &tag.key, &tag.value],
    )
    .await?;
    Ok(())
}

pub(super) async fn remove(tx: &mut Tx, id: &str, column: &str, key: &str) -> Result<()> {
    tx.execute(
        "DELETE FROM tags WHERE securable_id = $1 AND column_name = $2 AND tag_key = $3",
        args![id, column, key],
    )
    .await?;
    Ok(())
}
