//! Primary keys, foreign keys and named constraints: told to clients, not enforced.

use super::ops::Details;
use crate::Catalog;
use crate::access::Need;
use crate::edit::json;
use crate::kind::Kind;
use crate::store as rows;
use biplane_api::catalog::CreateConstraint;
use biplane_platform::{ApiError, Ctx, ErrorCode, Result};
use serde_json::Value;

const CONSTRAINTS_MAX: usize = 100;
const KINDS: [&str; 3] =
    ["primary_key_constraint", "foreign_key_constraint", "named_table_constraint"];

/// The one kind a constraint is of, and its name.
fn named(constraint: &Value) -> Result<(&'static str, &str)> {
    let mut kinds =
        KINDS.into_iter().filter_map(|kind| constraint.get(kind).map(|body| (kind, body)));
    let (Some((kind, body)), None) = (kinds.next(), kinds.next()) else {
        return Err(ApiError::invalid(format!(
            "A constraint has exactly one of {}.",
            KINDS.join(", ")
        )));
    };
    let name = body
        .get("name")
        .and_then(Value::as_str)
        .filter(|name| !name.is_empty() && name.len() <= 255);
    Ok((kind, name.ok_or_else(|| ApiError::invalid("The constraint has no name."))?))
}

pub(crate) async fn constraint_create(
    service: &Catalog,
    ctx: &Ctx,
    request: CreateConstraint,
) -> Result<Value> {
    let (kind, name) = named(&request.constraint)?;
    if request.constraint.to_string().len() > 64 << 10 {
        return Err(ApiError::invalid("The constraint is too long."));
    }
    let mut write = service.write(ctx).await?;
    let (chain, mut node) =
        write.get(ctx, Kind::Table, &request.full_name_arg, Need::Manage).await?;
    let mut details: Details = node.details()?;
    if details.constraints.len() >= CONSTRAINTS_MAX {
        return Err(ApiError::invalid(format!(
            "A table may have at most {CONSTRAINTS_MAX} constraints."
        )));
    }
    let columns = super::columns::parsed(node.columns.as_deref())?;
    let listed = request
        .constraint
        .get(kind)
        .and_then(|body| body.get("child_columns"))
        .and_then(Value::as_array);
    for column in listed.into_iter().flatten() {
        let column = column.as_str().unwrap_or_default();
        if !columns.iter().any(|known| known.name.eq_ignore_ascii_case(column)) {
            return Err(ApiError::invalid(format!(
                "{} has no column '{column}'.",
                chain.full_name()
            )));
        }
    }
    for old in &details.constraints {
        let (old_kind, old_name) = named(old)?;
        if old_name.eq_ignore_ascii_case(name) || (kind == KINDS[0] && old_kind == KINDS[0]) {
            return Err(ApiError::new(
                ErrorCode::AlreadyExists,
                format!("The constraint '{old_name}' exists already."),
            ));
        }
    }
    details.constraints.push(request.constraint.clone());
    node.details = json(&details)?;
    rows::update(&mut write.tx, &node, &chain.full_name()).await?;
    service.commit(write.tx).await?;
    Ok(request.constraint)
}

pub(crate) async fn constraint_delete(
    service: &Catalog,
    ctx: &Ctx,
    full_name: &str,
    name: &str,
) -> Result<()> {
    let mut write = service.write(ctx).await?;
    let (chain, mut node) = write.get(ctx, Kind::Table, full_name, Need::Manage).await?;
    let mut details: Details = node.details()?;
    let before = details.constraints.len();
    details
        .constraints
        .retain(|old| !named(old).is_ok_and(|(_, old)| old.eq_ignore_ascii_case(name)));
    if details.constraints.len() == before {
        return Err(ApiError::not_found(format!(
            "{} has no constraint of that name.",
            chain.full_name()
        )));
    }
    node.details = json(&details)?;
    rows::update(&mut write.tx, &node, &chain.full_name()).await?;
    service.commit(write.tx).await
}
