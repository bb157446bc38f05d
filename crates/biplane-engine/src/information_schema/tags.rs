//! `catalog_tags`, `schema_tags`, `table_tags`, `column_tags`, `volume_tags`.

use biplane_api::internal::{ListTags, TagRow, TagRows};

use super::Cell;
use super::rows::Rows;
use crate::commands::rest::Rest;
use crate::error::SqlResult;

/// Names asked for in one call.
const NAMES: usize = 500;

/// The tags of these objects: the parts of the name, the column if any, key and value.
pub async fn rows(
    rest: &Rest,
    securable_type: &str,
    names: &[String],
    of_columns: bool,
) -> SqlResult<Rows> {
    let mut out = Rows::new();
    for full_names in names.chunks(NAMES) {
        let body =
            ListTags { securable_type: securable_type.to_owned(), full_names: full_names.to_vec() };
        let found: TagRows = rest.post_at("/internal/v1/tag-rows", &body).await?;
        out.extend(
            found.rows.into_iter().filter(|tag| tag.column.is_some() == of_columns).map(row),
        );
    }
    Ok(out)
}

fn row(tag: TagRow) -> Vec<Cell> {
    let mut row: Vec<Cell> = tag.full_name.split('.').map(Cell::text).collect();
    row.extend(tag.column.map(Cell::text));
    row.extend([Cell::text(tag.key), Cell::text(tag.value)]);
    row
}
