//! Tags: kept by the catalog alone.

use biplane_api::catalog::Empty;
use biplane_api::internal::ChangeTags;

use super::rest::Rest;
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::parser::{AlterTags, ObjectKind};

pub async fn alter(cx: &StatementContext, alter: AlterTags) -> SqlResult<Output> {
    let parts = &alter.name.0;
    let (securable_type, full_name) = match alter.kind {
        ObjectKind::Catalog => ("CATALOG", parts.join(".").to_lowercase()),
        ObjectKind::Schema => ("SCHEMA", super::catalog::schema_parts(cx, &alter.name)?.join(".")),
        ObjectKind::Volume => ("VOLUME", cx.qualify_parts(parts)?.join(".")),
        ObjectKind::Table | ObjectKind::View => ("TABLE", cx.qualify_parts(parts)?.join(".")),
        other => return Err(SqlError::unsupported(format!("tags of a {}", other.word()))),
    };
    let body = ChangeTags {
        securable_type: securable_type.to_owned(),
        full_name,
        column: alter.column,
        set: alter.set.into_iter().collect(),
        unset: alter.unset,
    };
    let _: Empty = Rest::new(cx).post_at("/internal/v1/tags", &body).await?;
    Ok(Output::Empty)
}
