//! DEFAULT of columns: what a row gets where an INSERT or MERGE says nothing, or says DEFAULT.
//!
//! Kept in the metadata of the column, under a key of our own: Delta's own key asks for a feature of the
//! table that delta-rs cannot commit to, and so would keep all writers built on it away.

use arrow::datatypes::{Field, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::logical_expr::ExprSchemable;
use datafusion::sql::sqlparser::ast;
use deltalake_core::kernel::{MetadataValue, StructField};

use super::expressions::has_subquery;
use super::write::{Source, assign};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::parser::{ColumnDef, parse_expr};

const KEY: &str = "biplane.columnDefault";

/// The columns of a new table with their defaults. Each must be a value of its column's type.
pub async fn declare(
    cx: &StatementContext,
    columns: &[ColumnDef],
    fields: Vec<StructField>,
) -> SqlResult<Vec<StructField>> {
    let mut out = Vec::with_capacity(fields.len());
    for (column, field) in columns.iter().zip(fields) {
        out.push(match &column.default {
            Some(default) => with_default(cx, field, &default.text).await?,
            None => field,
        });
    }
    Ok(out)
}

/// A column with another default, which must be a value of its type.
pub async fn with_default(
    cx: &StatementContext,
    field: StructField,
    text: &str,
) -> SqlResult<StructField> {
    let field = field.add_metadata([(KEY, MetadataValue::String(text.to_owned()))]);
    let schema = deltalake_core::kernel::StructType::try_new([field.clone()])
        .map_err(|e| super::columns::invalid_schema(&e))?;
    let schema = super::columns::arrow_schema(&schema)?;
    if let Source::Value(expr, given) = value(cx, schema.field(0)).await? {
        assign(cx, expr, &given, schema.field(0).data_type(), field.name())?;
    }
    Ok(field)
}

pub fn without_default(mut field: StructField) -> StructField {
    field.metadata.remove(KEY);
    field
}

pub fn text_of(field: &StructField) -> Option<&str> {
    match field.metadata().get(KEY) {
        Some(MetadataValue::String(text)) => Some(text),
        _ => None,
    }
}

/// What a column takes where nothing is said.
pub async fn value(cx: &StatementContext, field: &Field) -> SqlResult<Source> {
    let Some(text) = field.metadata().get(KEY) else { return Ok(Source::Null) };
    let schema = DFSchema::empty();
    let invalid = |why: &str| {
        let text = format!("The DEFAULT of the column `{}` is not valid: {why}", field.name());
        SqlError::new("INVALID_DEFAULT_VALUE.UNRESOLVED_EXPRESSION", "42623", text)
    };
    let planned = cx.plan_expr(&parse_expr(text)?, &schema).await;
    let expr = planned.map_err(|_| invalid("it cannot be resolved; it may name no column"))?;
    if has_subquery(&expr) {
        return Err(invalid("it has a subquery"));
    }
    let given = expr.get_type(&schema)?;
    Ok(match given.is_null() {
        true => Source::Null,
        false => Source::Value(expr, given),
    })
}

/// Gives every column without a source its default.
pub async fn fill(
    cx: &StatementContext,
    schema: &SchemaRef,
    sources: &mut [Source],
) -> SqlResult<()> {
    for (field, source) in schema.fields().iter().zip(sources) {
        if matches!(source, Source::Null) {
            *source = value(cx, field).await?;
        }
    }
    Ok(())
}

pub fn is_word(expr: &ast::Expr) -> bool {
    matches!(expr, ast::Expr::Identifier(name)
        if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("default"))
}

/// Puts the default in the place of the word DEFAULT.
pub fn put_in(expr: &mut ast::Expr, field: &Field) -> SqlResult<()> {
    if is_word(expr) {
        *expr = match field.metadata().get(KEY) {
            Some(text) => ast::Expr::Nested(Box::new(parse_expr(text)?)),
            None => ast::Expr::value(ast::Value::Null),
        };
    }
    Ok(())
}
