//! Generated columns: their values follow from other columns of the row.
//!
//! Computed and checked here, in the SQL and the time zone of the session, and so kept under a key of our
//! own: delta-rs would compute them again as its own SQL has it.

use arrow::array::AsArray;
use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, cast,
};
use datafusion::sql::sqlparser::ast;
use deltalake_core::kernel::{MetadataValue, StructField};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::columns::arrow_schema;
use super::expressions::has_subquery;
use super::handed::{Check, handed};
use super::not_null;
use super::write::assign;
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::parser::{ColumnDef, Generated, parse_expr};
use crate::plan::is_of_session;
use crate::plan::types;
use crate::results::answers_the_same;

const KEY: &str = "biplane.generatedAs";

pub fn text(field: &Field) -> Option<&str> {
    field.metadata().get(KEY).map(String::as_str)
}

pub fn text_of(field: &StructField) -> Option<&str> {
    match field.metadata().get(KEY) {
        Some(MetadataValue::String(text)) => Some(text),
        _ => None,
    }
}

pub fn is_generated(field: &Field) -> bool {
    field.metadata().contains_key(KEY)
}

/// The columns of a new table. What generates one must follow from plain columns alone.
pub async fn declare(
    cx: &StatementContext,
    columns: &[ColumnDef],
    fields: Vec<StructField>,
) -> SqlResult<Vec<StructField>> {
    if !columns.iter().any(|column| matches!(column.generated, Some(Generated::As(_)))) {
        return Ok(fields);
    }
    let mut out = Vec::with_capacity(fields.len());
    for (column, field) in columns.iter().zip(fields) {
        out.push(match &column.generated {
            Some(Generated::As(expr)) => {
                field.add_metadata([(KEY, MetadataValue::String(expr.text.clone()))])
            }
            _ => field,
        });
    }
    let all = deltalake_core::kernel::StructType::try_new(out.clone())
        .map_err(|e| super::columns::invalid_schema(&e))?;
    let schema = arrow_schema(&all)?;
    let plain: Vec<FieldRef> =
        schema.fields().iter().filter(|field| !is_generated(field)).cloned().collect();
    let plain: SchemaRef = Arc::new(Schema::new(plain));
    for field in schema.fields().iter().filter(|field| is_generated(field)) {
        let expr = planned(cx, field, &plain).await?;
        let invalid = |why: &str| {
            let text = format!("The generated column `{}` is not valid: {why}", field.name());
            SqlError::new("DELTA_UNSUPPORTED_EXPRESSION_GENERATED_COLUMN", "42621", text)
        };
        if has_subquery(&expr) {
            return Err(invalid("its expression has a subquery"));
        }
        if !follows(&expr, text(field).unwrap_or_default())? {
            return Err(invalid("its expression does not follow from the columns alone"));
        }
    }
    Ok(out)
}

/// Whether the expression, as it is written and as it was planned, is of its columns alone.
fn follows(expr: &Expr, text: &str) -> SqlResult<bool> {
    let written = parse_expr(text)?;
    let asks = ast::visit_expressions(&written, |expr| match is_of_session(expr) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    });
    Ok(asks.is_continue() && !expr.exists(|expr| Ok(!answers_the_same(expr)))?)
}

/// Whether an expression that is kept as text speaks of a column.
pub fn mentions(text: &str, column: &str) -> bool {
    let Ok(expr) = parse_expr(text) else { return true };
    let found = ast::visit_expressions(&expr, |expr| {
        let first = match expr {
            ast::Expr::Identifier(name) => Some(name),
            ast::Expr::CompoundIdentifier(names) => names.first(),
            _ => None,
        };
        match first.is_some_and(|name| name.value.to_lowercase() == column.to_lowercase()) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    found.is_break()
}

/// The value of a column, of the type that it has, over the columns of `schema` as they are stored.
async fn planned(cx: &StatementContext, field: &Field, schema: &SchemaRef) -> SqlResult<Expr> {
    let zone = cx.settings.plan_zone();
    let seen: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| {
            let shown = types::in_zone(field.data_type(), &zone);
            let data_type = shown.unwrap_or_else(|| field.data_type().clone());
            Field::new(field.name(), data_type, field.is_nullable())
        })
        .collect();
    let seen = DFSchema::try_from(Schema::new(seen))?;
    let text = text(field).ok_or_else(|| SqlError::internal("the column is not generated"))?;
    let expr = cx.plan_expr(&parse_expr(text)?, &seen).await?;
    let given = expr.get_type(&seen)?;
    let expr = assign(cx, expr, &given, field.data_type(), field.name())?;
    // What is stored is seen in the time zone of the session.
    let done = expr.transform(|node| {
        let Expr::Column(column) = &node else { return Ok(Transformed::no(node)) };
        let stored = schema.fields().iter().find(|field| field.name() == &column.name);
        let shown = stored.and_then(|field| types::in_zone(field.data_type(), &zone));
        Ok(match shown {
            Some(shown) => Transformed::yes(cast(node, shown)),
            None => Transformed::no(node),
        })
    })?;
    Ok(done.data)
}

/// With other values in the place of the columns, as `value` says.
fn over(expr: Expr, value: impl Fn(&str) -> Option<Expr>) -> SqlResult<Expr> {
    let done = expr.transform_up(|node| {
        let Expr::Column(column) = &node else { return Ok(Transformed::no(node)) };
        Ok(match value(&column.name) {
            Some(value) => Transformed::yes(value),
            None => Transformed::no(node),
        })
    })?;
    Ok(done.data)
}

/// Rows in the shape of the table with its generated columns filled in; those that are `given` are
/// compared with what they should be.
pub async fn complete(
    cx: &StatementContext,
    rows: LogicalPlan,
    schema: &SchemaRef,
    given: &[bool],
) -> SqlResult<LogicalPlan> {
    if !schema.fields().iter().any(|field| is_generated(field)) {
        return Ok(rows);
    }
    let mut exprs = Vec::with_capacity(schema.fields().len());
    for (field, given) in schema.fields().iter().zip(given) {
        let own = Expr::Column(Column::from_name(field.name()));
        exprs.push(match (is_generated(field), given) {
            (false, _) => own,
            (true, false) => {
                let value = planned(cx, field, schema).await?;
                not_null::required(value, field).alias(field.name())
            }
            (true, true) => {
                let value = planned(cx, field, schema).await?;
                checked(own, value, field).alias(field.name())
            }
        });
    }
    Ok(LogicalPlanBuilder::from(rows).project(exprs)?.build()?)
}

/// What else an UPDATE, or a clause of a MERGE, has to set: columns that follow from those it sets.
/// `set`: columns and their new values. `of_table`: where a column that is not set comes from; None: nowhere,
/// as in a row that is inserted.
pub async fn follow(
    cx: &StatementContext,
    schema: &SchemaRef,
    set: &mut Vec<(String, Expr)>,
    of_table: impl Fn(&str) -> Option<Expr>,
) -> SqlResult<()> {
    if !schema.fields().iter().any(|field| is_generated(field)) {
        return Ok(());
    }
    let values: HashMap<String, Expr> = set.iter().cloned().collect();
    let mut out = Vec::new();
    for field in schema.fields().iter().filter(|field| is_generated(field)) {
        let expr = planned(cx, field, schema).await?;
        let touched = expr.column_refs().iter().any(|column| values.contains_key(&column.name));
        let is_set = values.contains_key(field.name());
        let is_insert = of_table(field.name()).is_none();
        if !(touched || is_set || is_insert) {
            continue;
        }
        let null_of = |name: &str| {
            let field = schema.field_with_name(name).ok()?;
            let null = ScalarValue::try_from(field.data_type()).ok()?;
            Some(Expr::Literal(null, None))
        };
        let value = over(expr, |name| {
            values.get(name).cloned().or_else(|| of_table(name)).or_else(|| null_of(name))
        })?;
        match values.get(field.name()) {
            Some(own) => out.push((field.name().clone(), checked(own.clone(), value, field))),
            None => out.push((field.name().clone(), not_null::required(value, field))),
        }
    }
    set.retain(|(name, _)| !out.iter().any(|(other, _)| other == name));
    set.extend(out);
    Ok(())
}

/// The value that was given, where it is the one that follows from the row.
fn checked(given: Expr, expected: Expr, field: &Field) -> Expr {
    let same = Expr::BinaryExpr(BinaryExpr::new(
        Box::new(given.clone()),
        Operator::IsNotDistinctFrom,
        Box::new(expected),
    ));
    let checked =
        Checked { column: field.name().clone(), text: text(field).unwrap_or_default().to_owned() };
    handed(checked, vec![given, same])
}

/// Its second argument says whether the first is what it should be.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    column: String,
    text: String,
}

impl Check for Checked {
    const NAME: &'static str = "generated_checked";

    fn check(&self, arguments: &[ColumnarValue], rows: usize) -> Result<()> {
        let all = match arguments.get(1) {
            Some(ColumnarValue::Scalar(ScalarValue::Boolean(same))) => {
                *same == Some(true) || rows == 0
            }
            Some(ColumnarValue::Array(same)) => {
                same.as_boolean_opt().is_some_and(|same| same.true_count() == same.len())
            }
            _ => false,
        };
        if all {
            return Ok(());
        }
        let text = format!(
            "CHECK constraint Generated Column (`{}` <=> {}) violated by a row",
            self.column, self.text
        );
        let error = SqlError::new("DELTA_VIOLATE_CONSTRAINT_WITH_VALUES", "23001", text);
        Err(DataFusionError::External(Box::new(error)))
    }
}
