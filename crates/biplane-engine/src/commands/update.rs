//! UPDATE, DELETE and TRUNCATE.

use biplane_api::internal::Access;
use datafusion::common::{Column, TableReference};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::prelude::DataFrame;
use datafusion::sql::sqlparser::ast;
use deltalake_core::kernel::transaction::CommitProperties;
use deltalake_core::protocol::SaveMode;
use std::collections::HashMap;

use super::expressions::{self, From_, full_sql, quoted};
use super::protocol::Change;
use super::write::{
    Source, Target, align, assign, commit_as, commit_properties, find_column, metric, number,
    session, writer,
};
use super::{defaults, generated, identity, not_null};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::{Modified, Output};
use crate::parser::{Delete, Name, Update, parse_query};

pub async fn update(cx: &StatementContext, mut update: Update) -> SqlResult<Output> {
    let target = Target::open_for(cx, &update.table, Access::Write, Change::Rewrite).await?;
    let alias = update.alias.clone().unwrap_or_else(|| target.full[2].clone()).to_lowercase();
    let schema = target.arrow_schema()?;
    let mut columns = Vec::new();
    let mut exprs = Vec::new();
    for (path, expr) in &mut update.set {
        let at = assigned_column(&schema, path, &alias)?;
        if columns.contains(&at) {
            let text = format!("The column `{}` is assigned twice", schema.field(at).name());
            return Err(SqlError::new("ASSIGNMENTS_TO_SAME_COLUMN", "42701", text));
        }
        if identity::rule(schema.field(at)).is_some() {
            return Err(identity::update_refused(schema.field(at).name()));
        }
        columns.push(at);
        defaults::put_in(expr, schema.field(at))?;
        exprs.push(expr.clone());
    }
    exprs.extend(update.filter.clone());
    let from = [From_ { relation: full_sql(&target.full), alias: &alias }];
    let (mut planned, input) = expressions::plan(cx, &exprs, &from).await?;
    if planned.iter().any(expressions::has_subquery) {
        return update_by_query(cx, &update, &target, &alias, &columns).await;
    }
    let filter = match update.filter.is_some() {
        true => planned.pop(),
        false => None,
    };
    // The library's own UPDATE tells of changes by comparing all rows, which loses those that come to be
    // the same as others.
    let by_merge = target.records_changes()?;
    let keep = by_merge.then_some(alias.as_str());
    let filter = match filter {
        Some(filter) => Some(expressions::stored(cx, filter, &schema, keep)?),
        None => None,
    };
    let mut set = Vec::new();
    for (at, expr) in columns.iter().zip(planned) {
        let field = schema.field(*at);
        let given = expr.get_type(input.as_ref())?;
        let value = assign(cx, expr, &given, field.data_type(), field.name())?;
        let value = expressions::stored(cx, not_null::required(value, field), &schema, keep)?;
        set.push((field.name().clone(), value));
    }
    let of_table =
        |name: &str| Some(Expr::Column(Column::new(keep.map(TableReference::bare), name)));
    generated::follow(cx, &schema, &mut set, of_table).await?;
    if by_merge {
        return update_by_merge(cx, &target, &alias, filter, set).await;
    }
    let mut builder = target
        .delta
        .clone()
        .update()
        .with_session_state(session(cx))
        .with_commit_properties(commit_properties(cx));
    if let Some(filter) = filter {
        builder = builder.with_predicate(filter);
    }
    for (name, value) in set {
        builder = builder.with_update(Column::from_name(name), value);
    }
    let (_, metrics) = builder.await?;
    let rows = i64::try_from(metrics.num_updated_rows).map_err(SqlError::internal)?;
    Ok(Output::Modified(Modified::affected(rows)))
}

/// Each row of the table meets the one row of a source, or not.
async fn update_by_merge(
    cx: &StatementContext,
    target: &Target,
    alias: &str,
    filter: Option<Expr>,
    set: Vec<(String, Expr)>,
) -> SqlResult<Output> {
    const SOURCE: &str = "__one";
    let one = LogicalPlanBuilder::empty(true).project([lit(1).alias(SOURCE)])?.build()?;
    let column = |name: &str| Column::new(Some(TableReference::bare(alias.to_owned())), name);
    let (_, metrics) = target
        .delta
        .clone()
        .merge(DataFrame::new(cx.session.state(), one), filter.unwrap_or_else(|| lit(true)))
        .with_source_alias(SOURCE)
        .with_target_alias(alias)
        .with_session_state(session(cx))
        .with_commit_properties(commit_as(cx, "UPDATE"))
        .when_matched_update(|update| {
            set.into_iter()
                .fold(update, |update, (name, value)| update.update(column(&name), value))
        })?
        .await?;
    let rows = i64::try_from(metrics.num_target_rows_updated).map_err(SqlError::internal)?;
    Ok(Output::Modified(Modified::affected(rows)))
}

/// `a`, or `t.a` with the table's own name before it.
pub fn assigned_column(
    schema: &arrow::datatypes::SchemaRef,
    path: &[String],
    alias: &str,
) -> SqlResult<usize> {
    match path {
        [name] => find_column(schema, name),
        [table, name] if table.eq_ignore_ascii_case(alias) => find_column(schema, name),
        [first, ..] if find_column(schema, first).is_ok() => {
            Err(SqlError::unsupported("assigning to a field of a struct"))
        }
        _ => {
            let name = Name(path.to_vec());
            Err(SqlError::column_not_found(name, &[]))
        }
    }
}

fn not_true(filter: &ast::Expr) -> String {
    format!("({filter}) IS NOT TRUE")
}

/// The number of rows that a condition with subqueries touches.
async fn count(
    cx: &StatementContext,
    target: &Target,
    alias: &str,
    filter: Option<&ast::Expr>,
) -> SqlResult<i64> {
    let filter = filter.map_or_else(String::new, |f| format!(" WHERE {f}"));
    let sql = format!(
        "SELECT count(*) AS n FROM {} AS {}{filter}",
        full_sql(&target.full),
        quoted(alias)
    );
    number(cx, cx.plan_query(parse_query(&sql)?.as_ref()).await?).await
}

/// With subqueries: the whole table is written anew, as a query says.
async fn update_by_query(
    cx: &StatementContext,
    update: &Update,
    target: &Target,
    alias: &str,
    columns: &[usize],
) -> SqlResult<Output> {
    let schema = target.arrow_schema()?;
    let affected = count(cx, target, alias, update.filter.as_ref()).await?;
    if affected == 0 {
        return Ok(Output::Modified(Modified::affected(0)));
    }
    let given: HashMap<usize, &ast::Expr> =
        columns.iter().copied().zip(update.set.iter().map(|(_, expr)| expr)).collect();
    // First the rows that change, with the new values beside the old; then those that stay.
    let mut projection = vec![format!("{}.*", quoted(alias))];
    let mut order = Vec::new();
    for (at, expr) in &given {
        projection.push(format!("{expr} AS `__n{at}`"));
        order.push(*at);
    }
    let filter = update.filter.as_ref().map_or_else(|| "TRUE".to_owned(), ToString::to_string);
    let changed = format!(
        "SELECT {} FROM {} AS {} WHERE {filter}",
        projection.join(", "),
        full_sql(&target.full),
        quoted(alias)
    );
    let changed = cx.plan_query(parse_query(&changed)?.as_ref()).await?;
    let width = schema.fields().len();
    let sources: Vec<Source> = (0..width)
        .map(|at| match order.iter().position(|o| *o == at) {
            Some(position) => Source::At(width + position),
            None => Source::At(at),
        })
        .collect();
    let changed = align(cx, changed, &schema, &sources)?;
    let given: Vec<bool> = (0..width).map(|at| given.contains_key(&at)).collect();
    let changed = generated::complete(cx, changed, &schema, &given).await?;
    let rows = match &update.filter {
        None => changed,
        Some(filter) => union(changed, kept(cx, target, alias, filter).await?)?,
    };
    writer(cx, target, rows, SaveMode::Overwrite)?
        .with_commit_properties(commit_as(cx, "UPDATE"))
        .await?;
    Ok(Output::Modified(Modified::affected(affected)))
}

fn union(left: LogicalPlan, right: LogicalPlan) -> SqlResult<LogicalPlan> {
    Ok(LogicalPlanBuilder::from(left).union(right)?.build()?)
}

/// The rows for which a condition does not hold.
async fn kept(
    cx: &StatementContext,
    target: &Target,
    alias: &str,
    filter: &ast::Expr,
) -> SqlResult<LogicalPlan> {
    let sql = format!(
        "SELECT * FROM {} AS {} WHERE {}",
        full_sql(&target.full),
        quoted(alias),
        not_true(filter)
    );
    let schema = target.arrow_schema()?;
    let plan = cx.plan_query(parse_query(&sql)?.as_ref()).await?;
    let same: Vec<Source> = (0..schema.fields().len()).map(Source::At).collect();
    align(cx, plan, &schema, &same)
}

pub async fn delete(cx: &StatementContext, delete: Delete) -> SqlResult<Output> {
    let target = Target::open_for(cx, &delete.table, Access::Write, Change::Rewrite).await?;
    let alias = delete.alias.clone().unwrap_or_else(|| target.full[2].clone()).to_lowercase();
    let Some(filter) = delete.filter else {
        return delete_all(cx, &target, commit_properties(cx)).await;
    };
    let from = [From_ { relation: full_sql(&target.full), alias: &alias }];
    let (mut planned, input) = expressions::plan(cx, std::slice::from_ref(&filter), &from).await?;
    let expr = planned.pop().ok_or_else(|| SqlError::internal("no filter was planned"))?;
    if expressions::has_subquery(&expr) {
        let affected = count(cx, &target, &alias, Some(&filter)).await?;
        if affected > 0 {
            let rows = kept(cx, &target, &alias, &filter).await?;
            writer(cx, &target, rows, SaveMode::Overwrite)?
                .with_commit_properties(commit_as(cx, "DELETE"))
                .await?;
        }
        return Ok(Output::Modified(Modified::affected(affected)));
    }
    if expr.get_type(input.as_ref())? != arrow::datatypes::DataType::Boolean {
        return Err(SqlError::type_mismatch("The condition of DELETE must be a BOOLEAN"));
    }
    let (table, metrics) = target
        .delta
        .clone()
        .delete()
        .with_session_state(session(cx))
        .with_commit_properties(commit_properties(cx))
        .with_predicate(expressions::stored(cx, expr, &target.arrow_schema()?, None)?)
        .await?;
    let rows = match metrics.num_deleted_rows {
        Some(rows) => i64::try_from(rows).map_err(SqlError::internal)?,
        None => metric(&table, "num_deleted_rows").await?,
    };
    Ok(Output::Modified(Modified::affected(rows)))
}

async fn delete_all(
    cx: &StatementContext,
    target: &Target,
    properties: CommitProperties,
) -> SqlResult<Output> {
    let affected = count(cx, target, &target.full[2], None).await?;
    target
        .delta
        .clone()
        .delete()
        .with_session_state(session(cx))
        .with_commit_properties(properties)
        .await?;
    Ok(Output::Modified(Modified::affected(affected)))
}

pub async fn truncate(cx: &StatementContext, table: &Name) -> SqlResult<Output> {
    let target = Target::open_for(cx, table, Access::Write, Change::Rewrite).await?;
    delete_all(cx, &target, commit_as(cx, "TRUNCATE")).await?;
    Ok(Output::Empty)
}
