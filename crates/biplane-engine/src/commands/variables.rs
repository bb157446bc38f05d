//! DECLARE, SET VAR, DROP VARIABLE and EXECUTE IMMEDIATE.

use arrow::array::{RecordBatch, RecordBatchOptions};
use biplane_proto::v1;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::ast::{self, CastKind};
use futures::FutureExt;
use futures::StreamExt;
use std::collections::HashSet;

use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::parser::{
    DeclareVariable, ExecuteImmediate, Expr, Name, SetVariable, Statement, parse_bound, query_of,
};
use crate::variables::{Variable, Variables, not_found};

pub async fn declare(cx: &StatementContext, declare: DeclareVariable) -> SqlResult<Output> {
    let names = declare.names.clone();
    let or_replace = declare.or_replace;
    let variable = made(cx, declare).await?;
    put(&mut cx.objects.variables.lock(), &names, &variable, or_replace)?;
    Ok(Output::Empty)
}

pub fn put(
    variables: &mut Variables,
    names: &[String],
    variable: &Variable,
    or_replace: bool,
) -> SqlResult<()> {
    names.iter().try_for_each(|name| variables.put(name, variable.clone(), or_replace))
}

/// A new variable with its default.
pub async fn made(cx: &StatementContext, declare: DeclareVariable) -> SqlResult<Variable> {
    let DeclareVariable { sql_type, default, .. } = declare;
    let expr = default.clone().unwrap_or_else(|| Expr::value(ast::Value::Null));
    let expr = match sql_type {
        Some(data_type) => Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(expr),
            data_type,
            array: false,
            format: None,
        },
        None => expr,
    };
    let value = value_of(cx, expr).await?;
    Ok(Variable { data_type: value.data_type(), value, default })
}

/// The value of an expression, which may ask tables.
pub async fn value_of(cx: &StatementContext, expr: Expr) -> SqlResult<ScalarValue> {
    let query = query_of(expr).ok_or_else(|| SqlError::internal("an expression is no query"))?;
    let rows = crate::plan::few_rows(cx, &query).boxed().await?;
    let value = rows.into_iter().next().and_then(|row| row.into_iter().next());
    value.ok_or_else(|| SqlError::internal("an expression has no value"))
}

fn assign(cx: &StatementContext, name: &Name, value: &ScalarValue) -> SqlResult<()> {
    let assigned = cx.with_variable(&name.0, |variable| {
        variable.value = value.cast_to(&variable.data_type)?;
        Ok::<(), DataFusionError>(())
    });
    Ok(assigned.ok_or_else(|| not_found(&name.0.join(".")))??)
}

pub async fn set(cx: &StatementContext, set: SetVariable) -> SqlResult<Output> {
    match set {
        SetVariable::Values(values) => {
            distinct(values.iter().map(|(name, _)| name))?;
            // All are computed before any is set.
            let mut computed = Vec::with_capacity(values.len());
            for (name, expr) in values {
                let known = cx.variable(&name.0).ok_or_else(|| not_found(&name.0.join(".")))?;
                let expr = expr.or(known.default);
                let expr = expr.unwrap_or_else(|| Expr::value(ast::Value::Null));
                computed.push((name, value_of(cx, expr).await?));
            }
            computed.iter().try_for_each(|(name, value)| assign(cx, name, value))?;
        }
        SetVariable::Row(names, query) => {
            distinct(names.iter())?;
            let rows = crate::plan::few_rows(cx, &query).boxed().await?;
            let width = crate::plan::query(cx, &query).boxed().await?.names.len();
            row_into(cx, &names, rows, width)?;
        }
    }
    Ok(Output::Empty)
}

fn distinct<'a>(names: impl Iterator<Item = &'a Name>) -> SqlResult<()> {
    let mut seen = HashSet::new();
    for name in names {
        let name = name.0.join(".").to_lowercase();
        if !seen.insert(name.clone()) {
            let text = format!("The variable `{name}` is assigned more than once");
            return Err(SqlError::new("DUPLICATE_ASSIGNMENTS", "42701", text));
        }
    }
    Ok(())
}

fn row_into(
    cx: &StatementContext,
    names: &[Name],
    rows: Vec<Vec<ScalarValue>>,
    width: usize,
) -> SqlResult<()> {
    if width != names.len() {
        let text = format!(
            "The number of columns or variables assigned or aliased: {} does not match the number \
             of source expressions: {width}",
            names.len()
        );
        return Err(SqlError::new("ASSIGNMENT_ARITY_MISMATCH", "42802", text));
    }
    if rows.len() > 1 {
        let text = "More than one row returned by a subquery used as a row";
        return Err(SqlError::new("ROW_SUBQUERY_TOO_MANY_ROWS", "21000", text));
    }
    let row = rows.into_iter().next();
    let row = row.unwrap_or_else(|| vec![ScalarValue::Null; width]);
    names.iter().zip(&row).try_for_each(|(name, value)| assign(cx, name, value))
}

pub fn drop_variable(cx: &StatementContext, name: &str, if_exists: bool) -> SqlResult<Output> {
    if cx.objects.variables.lock().remove(name) || if_exists {
        return Ok(Output::Empty);
    }
    let text =
        format!("The variable `{name}` cannot be found. Verify the spelling and correctness");
    Err(SqlError::new("VARIABLE_NOT_FOUND", "42883", text))
}

pub async fn execute_immediate(
    cx: &StatementContext,
    execute: ExecuteImmediate,
) -> SqlResult<Output> {
    let ExecuteImmediate { sql, into, using } = execute;
    let text = value_of(cx, sql).await?;
    let Some(text) = text.try_as_str() else {
        let text = "The statement of EXECUTE IMMEDIATE must be a string";
        let class = "INVALID_EXPR_TYPE_FOR_QUERY_EXECUTE_IMMEDIATE";
        return Err(SqlError::new(class, "42K09", text));
    };
    let text = text.ok_or_else(|| {
        SqlError::new("NULL_QUERY_STRING_EXECUTE_IMMEDIATE", "22004", "The statement is NULL")
    })?;
    let named = using.iter().filter(|(_, name)| name.is_some()).count();
    if named > 0 && named < using.len() || named == 0 && !using.is_empty() && has_names(text) {
        let text = "Either all parameters must be named or none";
        return Err(SqlError::new("ALL_PARAMETERS_MUST_BE_NAMED", "07001", text));
    }
    let mut parameters = Vec::with_capacity(using.len());
    for (expr, name) in using {
        parameters.push(parameter(cx, expr, name).await?);
    }
    let statement = parse_bound(text, &parameters).map_err(|error| {
        // The position is one in that text, not in the statement's.
        SqlError { line: 0, column: 0, ..error }
    })?;
    match statement {
        Statement::Query(query) if !into.is_empty() => {
            let rows = crate::plan::few_rows(cx, &query).boxed().await?;
            let width = crate::plan::query(cx, &query).boxed().await?.names.len();
            row_into(cx, &into, rows, width)?;
            Ok(Output::Empty)
        }
        _ if !into.is_empty() => {
            let text = "Only a query can be executed INTO variables";
            Err(SqlError::new("INVALID_STATEMENT_FOR_EXECUTE_INTO", "07501", text))
        }
        Statement::Script(_) => {
            let text = "EXECUTE IMMEDIATE runs one statement, no script";
            Err(SqlError::new("SQL_SCRIPT_IN_EXECUTE_IMMEDIATE", "07501", text))
        }
        statement => nested(cx, statement).await,
    }
}

/// EXECUTE IMMEDIATE inside of each other: a statement that executes itself would never end.
const EXECUTIONS_MAX: usize = 16;

async fn nested(cx: &StatementContext, statement: Statement) -> SqlResult<Output> {
    if *cx.executions.lock() >= EXECUTIONS_MAX {
        return Err(SqlError::exhausted("EXECUTE IMMEDIATE calls itself too often"));
    }
    *cx.executions.lock() += 1;
    let ended = super::run(cx, statement).await;
    *cx.executions.lock() -= 1;
    ended
}

/// Whether the text has markers with names.
fn has_names(text: &str) -> bool {
    let mut before = ' ';
    let mut quoted = None;
    for c in text.chars() {
        match quoted {
            Some(quote) if c == quote => quoted = None,
            Some(_) => {}
            None if matches!(c, '\'' | '"' | '`') => quoted = Some(c),
            None if before == ':' && c.is_alphabetic() => return true,
            None => {}
        }
        before = c;
    }
    false
}

async fn parameter(
    cx: &StatementContext,
    expr: Expr,
    name: Option<String>,
) -> SqlResult<v1::Parameter> {
    let value = value_of(cx, expr).await?;
    if value.data_type().is_nested() {
        return Err(SqlError::unsupported("an array, map or struct in USING"));
    }
    let text = match value.is_null() {
        true => None,
        false => {
            let text = value.cast_to(&arrow::datatypes::DataType::Utf8)?;
            text.try_as_str().flatten().map(str::to_owned)
        }
    };
    Ok(v1::Parameter {
        name: name.unwrap_or_default(),
        r#type: crate::encode::types::sql_text(&value.data_type()),
        value: text,
        ..v1::Parameter::default()
    })
}

/// Rows that a script keeps until it ends.
const RESULT_BYTES_MAX: usize = 256 << 20;

/// The same with everything computed, so that errors come now.
pub async fn finished(output: Output) -> SqlResult<Output> {
    let Output::Stream(mut query) = output else { return Ok(output) };
    let given = query.stream.schema();
    let mut batches = Vec::new();
    let mut bytes = 0;
    while let Some(batch) = query.stream.next().await {
        let batch = batch?;
        bytes += batch.get_array_memory_size();
        if bytes > RESULT_BYTES_MAX {
            return Err(SqlError::exhausted("the result of a statement in a script is too large"));
        }
        batches.push(batch);
    }
    let Some(names) = query.names else { return Ok(Output::Batches(given, batches)) };
    let fields: Vec<_> = given
        .fields()
        .iter()
        .zip(names)
        .map(|(field, name)| field.as_ref().clone().with_name(name))
        .collect();
    let schema = std::sync::Arc::new(arrow::datatypes::Schema::new(fields));
    // Not `with_schema`: that one looks for the columns by their names.
    let renamed = batches.into_iter().map(|batch| {
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(schema.clone(), batch.columns().to_vec(), &rows)
    });
    Ok(Output::Batches(schema.clone(), renamed.collect::<Result<_, _>>()?))
}
