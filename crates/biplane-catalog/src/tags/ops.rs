//! What can be done with tags.

use super::store::{self, Tag};
use crate::Catalog;
use crate::access::Need;
use crate::kind::Kind;
use crate::node::Node;
use crate::privilege::Privilege;
use biplane_api::internal::{ChangeTags, ListTags, TagRow, TagRows};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result};

const TAGS_MAX: usize = 50;
const KEY_CHARS_MAX: usize = 255;
const VALUE_CHARS_MAX: usize = 1_000;
const NAMES_MAX: usize = 1_000;

fn kind(securable_type: &str) -> Result<Kind> {
    match Kind::parse(securable_type)? {
        kind @ (Kind::Catalog | Kind::Schema | Kind::Table | Kind::Volume) => Ok(kind),
        other => Err(ApiError::unsupported(format!("Tags of a {}", other.title()))),
    }
}

/// Nothing is written as another tag than it was given.
fn check(key: &str, value: &str) -> Result<()> {
    let bad = |c: char| c.is_control() || ".,-=/:".contains(c);
    if key.is_empty() || key.chars().count() > KEY_CHARS_MAX || key.trim() != key {
        return Err(ApiError::invalid(
            "The key of a tag has 1 to 255 characters, and no blanks around it.",
        ));
    }
    if key.contains(bad) {
        return Err(ApiError::invalid("The key of a tag has none of the characters . , - = / :"));
    }
    if value.chars().count() > VALUE_CHARS_MAX || value.contains('\0') || value.trim() != value {
        return Err(ApiError::invalid(
            "The value of a tag has up to 1000 characters, and no blanks around it.",
        ));
    }
    Ok(())
}

/// The column as tags know it; empty for the securable itself.
fn column_of(node: &Node, column: Option<&str>) -> Result<String> {
    let Some(column) = column else { return Ok(String::new()) };
    let columns = crate::tables::columns::parsed(node.columns.as_deref())?;
    let known = columns.iter().find(|known| known.name.eq_ignore_ascii_case(column));
    match known {
        Some(known) => Ok(known.name.to_lowercase()),
        None => Err(ApiError::new(
            ErrorCode::ResourceDoesNotExist,
            format!("Column '{column}' does not exist in table '{}'.", node.name),
        )),
    }
}

pub(super) async fn tags_change(service: &Catalog, ctx: &Ctx, request: ChangeTags) -> Result<()> {
    let kind = kind(&request.securable_type)?;
    for (key, value) in &request.set {
        check(key, value)?;
    }
    let mut write = service.write(ctx).await?;
    let need = Need::Any(&[Privilege::ApplyTag, Privilege::Manage]);
    let (_, node) = write.get(ctx, kind, &request.full_name, need).await?;
    let column = column_of(&node, request.column.as_deref())?;
    for key in &request.unset {
        store::remove(&mut write.tx, &node.id, &column, key).await?;
    }
    for (key, value) in request.set {
        let tag = Tag { column: column.clone(), key, value };
        store::put(&mut write.tx, &node.id, &tag).await?;
    }
    let all = store::of(&mut write.tx, &node.id).await?;
    if all.iter().filter(|tag| tag.column == column).count() > TAGS_MAX {
        return Err(ApiError::invalid(format!("An object may have at most {TAGS_MAX} tags.")));
    }
    service.commit(write.tx).await
}

/// The tags of those objects that the user may know of.
pub(super) async fn tag_list(service: &Catalog, ctx: &Ctx, request: ListTags) -> Result<TagRows> {
    let kind = kind(&request.securable_type)?;
    if request.full_names.len() > NAMES_MAX {
        return Err(ApiError::invalid(format!("At most {NAMES_MAX} names at once.")));
    }
    let mut seen = Vec::new();
    for full_name in request.full_names {
        match service.get(ctx, kind, &full_name, Need::See).await {
            Ok(chain) => seen.push((full_name, chain.leaf().clone())),
            Err(error) if error.code.http_status().is_client_error() => {}
            Err(error) => return Err(error),
        }
    }
    let mut tx = service.db.read().await?;
    let mut rows = Vec::new();
    for (full_name, node) in seen {
        for tag in store::of(&mut tx, &node.id).await? {
            // A column that is gone took its tags with it.
            let column = match tag.column.as_str() {
                "" => None,
                column if column_of(&node, Some(column)).is_err() => continue,
                _ => Some(tag.column),
            };
            let full_name = full_name.clone();
            rows.push(TagRow { full_name, column, key: tag.key, value: tag.value });
        }
    }
    Ok(TagRows { rows })
}
