//! INSERT INTO, INSERT OVERWRITE, REPLACE WHERE, REPLACE USING, REPLACE ON.

use arrow::datatypes::{DataType, SchemaRef};
use biplane_api::internal::Access;
use datafusion::common::Column;
use datafusion::functions::expr_fn::coalesce;
use datafusion::logical_expr::{Expr, LogicalPlan, cast};
use datafusion::sql::sqlparser::ast;
use deltalake_core::protocol::SaveMode;
use std::collections::HashSet;

use super::expressions::{self, From_, full_sql, quoted};
use super::identity::{self, Numbering};
use super::mapping::is_mapped;
use super::protocol::Change;
use super::write::{Source, Target, align, find_column, inserted, metric, writer};
use super::{alter_columns, columns, defaults, generated};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::{Modified, Output};
use crate::parser::{Insert, InsertMode, parse_query};

pub async fn run(cx: &StatementContext, mut insert: Insert) -> SqlResult<Output> {
    let change = match insert.mode {
        InsertMode::Append => Change::Append,
        _ => Change::Rewrite,
    };
    let mut target = Target::open_for(cx, &insert.table, Access::Write, change).await?;
    let mut schema = target.arrow_schema()?;
    if insert.schema_evolution {
        evolve(cx, &mut insert, &mut target).await?;
        schema = target.arrow_schema()?;
    }
    if !insert.by_name {
        let named = matches!(insert.mode, InsertMode::ReplaceOn(_) | InsertMode::ReplaceUsing(_));
        name_columns(&mut insert.source, named);
    }
    let numbered = put_in_defaults(&mut insert, &schema)?;
    let source = cx.plan_query(&insert.source).await?;
    cx.add_target(&target.full_name());
    let numbering = Numbering::of(&target, &schema).await?;
    let rows = shape(cx, &insert, &schema, source, &numbering, &numbered).await?;
    target.delta = numbering.table(&target.delta);
    target.numbering = numbering;
    match &insert.mode {
        InsertMode::Append => {
            let table = writer(cx, &target, rows, SaveMode::Append)?.await?;
            Ok(Output::Modified(Modified::inserted(metric(&table, "num_added_rows").await?)))
        }
        InsertMode::Overwrite => overwrite(cx, &insert, &target, rows).await,
        InsertMode::ReplaceWhere(filter) => {
            let alias = insert.table.0.last().map_or("t", String::as_str);
            replace_where(cx, &target, alias, filter.expr.clone(), rows).await
        }
        _ if target.numbering.has_columns() => {
            Err(SqlError::unsupported("INSERT … REPLACE of a table with an identity column"))
        }
        InsertMode::ReplaceUsing(_) | InsertMode::ReplaceOn(_) => {
            replace_matching(cx, &insert, &target).await
        }
    }
}

/// WITH SCHEMA EVOLUTION: columns that the table has not are added, in a commit before the rows.
async fn evolve(cx: &StatementContext, insert: &mut Insert, target: &mut Target) -> SqlResult<()> {
    if !insert.columns.is_empty() || !insert.partition.is_empty() {
        return Err(SqlError::unsupported("WITH SCHEMA EVOLUTION with a list of columns"));
    }
    let source = cx.plan_query(&insert.source).await?;
    let mapped = is_mapped(&target.configuration()?);
    let given = columns::fields_of_query(source.schema().as_arrow(), mapped)?;
    let there = target.arrow_schema()?;
    // Without names the columns of the table come first, in its order.
    let given = match insert.by_name {
        true => given,
        false => given.into_iter().skip(there.fields().len()).collect(),
    };
    let new: Vec<_> = given
        .into_iter()
        .filter(|field| find_column(&there, field.name()).is_err())
        .map(|field| (field, None))
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    alter_columns::add_fields(cx, target, new, true).await
}

/// `VALUES (1, DEFAULT)`, `SELECT 1, DEFAULT`. Gives the identity columns that are to count.
fn put_in_defaults(insert: &mut Insert, schema: &SchemaRef) -> SqlResult<Vec<usize>> {
    let mut numbered = Vec::new();
    if insert.by_name || !insert.partition.is_empty() {
        return Ok(numbered);
    }
    let order: Vec<usize> = match insert.columns.as_slice() {
        [] => (0..schema.fields().len()).collect(),
        names => names.iter().map(|name| find_column(schema, name)).collect::<SqlResult<_>>()?,
    };
    match insert.source.body.as_mut() {
        ast::SetExpr::Values(values) => {
            for row in &mut values.rows {
                for (cell, at) in row.content.iter_mut().zip(&order) {
                    let field = schema.field(*at);
                    if defaults::is_word(cell) && identity::rule(field).is_some() {
                        numbered.push(*at);
                    }
                    defaults::put_in(cell, field)?;
                }
            }
        }
        ast::SetExpr::Select(select) if select.from.is_empty() => {
            for (item, at) in select.projection.iter_mut().zip(&order) {
                if let ast::SelectItem::UnnamedExpr(expr)
                | ast::SelectItem::ExprWithAlias { expr, .. } = item
                {
                    let field = schema.field(*at);
                    if defaults::is_word(expr) && identity::rule(field).is_some() {
                        numbered.push(*at);
                    }
                    defaults::put_in(expr, field)?;
                }
            }
        }
        _ => {}
    }
    only_numbers(insert, &order, schema, &numbered)?;
    Ok(numbered)
}

/// Where the word DEFAULT stands in one row of an identity column that is always generated, it must stand
/// in all of them.
fn only_numbers(
    insert: &Insert,
    order: &[usize],
    schema: &SchemaRef,
    numbered: &[usize],
) -> SqlResult<()> {
    let ast::SetExpr::Values(values) = insert.source.body.as_ref() else { return Ok(()) };
    for at in order {
        let field = schema.field(*at);
        let count = numbered.iter().filter(|other| *other == at).count();
        let always = identity::rule(field).is_some_and(|rule| rule.always);
        if always && count > 0 && count < values.rows.len() {
            return Err(identity::explicit_insert(field.name()));
        }
    }
    Ok(())
}

/// Columns of a positional insert need no names of their own, so two may be the same. REPLACE ON and
/// REPLACE USING speak of the columns of the source: these keep theirs (`named`).
fn name_columns(query: &mut ast::Query, named: bool) {
    let ast::SetExpr::Select(select) = query.body.as_mut() else { return };
    let sorted = query.order_by.is_some();
    let mut seen = HashSet::new();
    for (index, item) in select.projection.iter_mut().enumerate() {
        if let ast::SelectItem::UnnamedExpr(expr) = item {
            // ORDER BY may speak of the first of a name.
            if sorted && seen.insert(expr.to_string().to_lowercase()) {
                continue;
            }
            let column =
                matches!(expr, ast::Expr::Identifier(_) | ast::Expr::CompoundIdentifier(_));
            if named && column {
                continue;
            }
            let alias = ast::Ident::with_quote('`', format!("__c{index}"));
            *item = ast::SelectItem::ExprWithAlias { expr: expr.clone(), alias };
        }
    }
}

/// Gives each column of the table its source, then the rows the table's shape.
async fn shape(
    cx: &StatementContext,
    insert: &Insert,
    schema: &SchemaRef,
    source: LogicalPlan,
    numbering: &Numbering,
    numbered: &[usize],
) -> SqlResult<LogicalPlan> {
    let mut sources = vec![Source::Null; schema.fields().len()];
    let mut fixed = vec![false; schema.fields().len()];
    for (name, value) in &insert.partition {
        if let Some(value) = value {
            let position = find_column(schema, name)?;
            let empty = datafusion::common::DFSchema::empty();
            let expr = cx.plan_expr(value, &empty).await?;
            let data_type = datafusion::logical_expr::ExprSchemable::get_type(&expr, &empty)?;
            sources[position] = Source::Value(expr, data_type);
            fixed[position] = true;
        }
    }
    let from = source.schema().clone();
    if insert.by_name {
        for position in 0..from.fields().len() {
            let name = from.field(position).name();
            let at = find_column(schema, name).map_err(|_| extra_column(name))?;
            if fixed[at] || matches!(sources[at], Source::At(_)) {
                let text = format!("The column `{name}` is given twice");
                return Err(SqlError::new("COLUMN_ALREADY_EXISTS", "42711", text));
            }
            sources[at] = Source::At(position);
        }
    } else {
        let order: Vec<usize> = if insert.columns.is_empty() {
            // Columns with a fixed value have none in the source; dynamic partitions stand last. What is
            // generated may be left out.
            let all: Vec<usize> = (0..schema.fields().len()).filter(|at| !fixed[*at]).collect();
            let given = from.fields().len();
            let plain: Vec<usize> =
                all.iter().copied().filter(|at| !is_filled(schema.field(*at))).collect();
            if given < all.len() && given == plain.len() { plain } else { all }
        } else {
            let found: SqlResult<Vec<usize>> =
                insert.columns.iter().map(|name| find_column(schema, name)).collect();
            found?
        };
        if order.len() != from.fields().len() {
            return Err(arity(insert, order.len(), from.fields().len()));
        }
        for (position, at) in order.into_iter().enumerate() {
            if fixed[at] || matches!(sources[at], Source::At(_)) {
                let text = format!("The column `{}` is given twice", schema.field(at).name());
                return Err(SqlError::new("COLUMN_ALREADY_EXISTS", "42711", text));
            }
            sources[at] = Source::At(position);
        }
    }
    for (at, field) in schema.fields().iter().enumerate() {
        let Some(rule) = identity::rule(field) else { continue };
        let Source::At(position) = sources[at] else { continue };
        if numbered.contains(&at) {
            sources[at] = match rule.always {
                true => Source::Null,
                // Some rows have a value of their own.
                false => {
                    let (qualifier, given) = from.qualified_field(position);
                    let column = Expr::Column(Column::from((qualifier, given)));
                    let own = cast(column, DataType::Int64);
                    let number = numbering.value(field.name()).unwrap_or_else(|| own.clone());
                    Source::Value(coalesce(vec![own, number]), DataType::Int64)
                }
            };
        } else if rule.always {
            return Err(identity::explicit_insert(field.name()));
        }
    }
    inserted(cx, source, schema, sources, numbering).await
}

/// Whether a column has a value where none is given: one that follows from the others, or a number.
fn is_filled(field: &arrow::datatypes::Field) -> bool {
    generated::is_generated(field) || identity::rule(field).is_some()
}

fn extra_column(name: &str) -> SqlError {
    let text = format!("Cannot write the column `{name}`: the table has none of that name");
    SqlError::new("INCOMPATIBLE_DATA_FOR_TABLE.EXTRA_COLUMNS", "KD000", text)
}

fn arity(insert: &Insert, expected: usize, given: usize) -> SqlError {
    let kind = if given > expected { "TOO_MANY_DATA_COLUMNS" } else { "NOT_ENOUGH_DATA_COLUMNS" };
    let text = format!(
        "Cannot write to {}: the table takes {expected} columns, the data has {given}",
        insert.table
    );
    SqlError::new(&format!("INSERT_COLUMN_ARITY_MISMATCH.{kind}"), "21S01", text)
}

async fn overwrite(
    cx: &StatementContext,
    insert: &Insert,
    target: &Target,
    rows: LogicalPlan,
) -> SqlResult<Output> {
    let alias = insert.table.0.last().map_or("t", String::as_str);
    let fixed: Vec<ast::Expr> = insert
        .partition
        .iter()
        .filter_map(|(name, value)| {
            let column = ast::Expr::Identifier(ast::Ident::with_quote('`', name));
            Some(equals(column, value.clone()?))
        })
        .collect();
    let dynamic = cx
        .conf("spark.sql.sources.partitionoverwritemode")
        .is_some_and(|mode| mode.eq_ignore_ascii_case("dynamic"));
    let partitions = target.partitions()?;
    if let Some(filter) = fixed.into_iter().reduce(and) {
        return replace_where(cx, target, alias, filter, rows).await;
    }
    if dynamic && !partitions.is_empty() {
        return replace_partitions(cx, target, alias, &partitions, rows).await;
    }
    let table = writer(cx, target, rows, SaveMode::Overwrite)?.await?;
    Ok(Output::Modified(Modified::inserted(metric(&table, "num_added_rows").await?)))
}

fn and(left: ast::Expr, right: ast::Expr) -> ast::Expr {
    let (left, right) = (Box::new(left), Box::new(right));
    ast::Expr::BinaryOp { left, op: ast::BinaryOperator::And, right }
}

fn equals(left: ast::Expr, right: ast::Expr) -> ast::Expr {
    let (left, right) = (Box::new(left), Box::new(right));
    ast::Expr::BinaryOp { left, op: ast::BinaryOperator::Eq, right }
}

async fn replace_where(
    cx: &StatementContext,
    target: &Target,
    alias: &str,
    filter: ast::Expr,
    rows: LogicalPlan,
) -> SqlResult<Output> {
    let from = [From_ { relation: full_sql(&target.full), alias }];
    let (mut exprs, _) = expressions::plan(cx, &[filter], &from).await?;
    let filter = exprs.pop().ok_or_else(|| SqlError::internal("no filter was planned"))?;
    if expressions::has_subquery(&filter) {
        return Err(SqlError::unsupported("a subquery in REPLACE WHERE"));
    }
    let filter = expressions::stored(cx, filter, &target.arrow_schema()?, None)?;
    let table = writer(cx, target, rows, SaveMode::Overwrite)?.with_replace_where(filter).await;
    let table = table.map_err(|error| {
        let error = SqlError::from(error);
        match error.class.as_str() {
            "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES" => {
                let text = "A row of the source does not fit the condition of REPLACE WHERE";
                SqlError::new("DELTA_REPLACE_WHERE_MISMATCH", "44000", text)
            }
            _ => error,
        }
    })?;
    Ok(Output::Modified(Modified::inserted(metric(&table, "num_added_rows").await?)))
}

/// More would make the condition larger than the work it saves.
const PARTITIONS_MAX: usize = 1_000;

/// Only the partitions that the rows fall into are replaced.
async fn replace_partitions(
    cx: &StatementContext,
    target: &Target,
    alias: &str,
    partitions: &[String],
    rows: LogicalPlan,
) -> SqlResult<Output> {
    use datafusion::common::{Column, ScalarValue};
    use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit};
    use futures::TryStreamExt;
    let columns: Vec<Expr> =
        partitions.iter().map(|name| Expr::Column(Column::from_name(name))).collect();
    let distinct = LogicalPlanBuilder::from(rows.clone())
        .project(columns)?
        .distinct()?
        .limit(0, Some(PARTITIONS_MAX + 1))?
        .build()?;
    let batches: Vec<_> = cx.execute(distinct).await?.try_collect().await?;
    let count: usize = batches.iter().map(arrow::array::RecordBatch::num_rows).sum();
    if count > PARTITIONS_MAX {
        return Err(SqlError::exhausted("INSERT OVERWRITE touches more than 1000 partitions"));
    }
    let mut filter: Option<Expr> = None;
    for batch in &batches {
        for row in 0..batch.num_rows() {
            let mut one: Option<Expr> = None;
            for (position, name) in partitions.iter().enumerate() {
                let value = ScalarValue::try_from_array(batch.column(position), row)?;
                let column = Expr::Column(Column::from_name(name));
                let fits = if value.is_null() { column.is_null() } else { column.eq(lit(value)) };
                one = Some(one.map_or(fits.clone(), |all| all.and(fits)));
            }
            filter = match (filter, one) {
                (Some(all), Some(one)) => Some(all.or(one)),
                (all, one) => all.or(one),
            };
        }
    }
    let _ = alias;
    let Some(filter) = filter else {
        return Ok(Output::Modified(Modified::inserted(0)));
    };
    let table = writer(cx, target, rows, SaveMode::Overwrite)?.with_replace_where(filter).await?;
    Ok(Output::Modified(Modified::inserted(metric(&table, "num_added_rows").await?)))
}

/// REPLACE USING and REPLACE ON: the rows that match a row of the source go, then the source comes.
async fn replace_matching(
    cx: &StatementContext,
    insert: &Insert,
    target: &Target,
) -> SqlResult<Output> {
    let table_alias = insert.table_alias.clone().unwrap_or_else(|| target.full[2].clone());
    let source_alias = insert.source_alias.clone().unwrap_or_else(|| "__source".to_owned());
    let condition = match &insert.mode {
        InsertMode::ReplaceOn(condition) => condition.to_string(),
        InsertMode::ReplaceUsing(columns) => columns
            .iter()
            .map(|c| {
                format!(
                    "{0}.{2} <=> {1}.{2}",
                    quoted(&table_alias),
                    quoted(&source_alias),
                    quoted(c)
                )
            })
            .collect::<Vec<_>>()
            .join(" AND "),
        _ => return Err(SqlError::internal("not a replacing insert")),
    };
    let kept = format!(
        "SELECT * FROM {} AS {} WHERE NOT EXISTS (SELECT 1 FROM ({}) AS {} WHERE {condition})",
        full_sql(&target.full),
        quoted(&table_alias),
        insert.source,
        quoted(&source_alias),
    );
    let schema = target.arrow_schema()?;
    let kept_plan = cx.plan_query(parse_query(&kept)?.as_ref()).await?;
    let same: Vec<Source> = (0..schema.fields().len()).map(Source::At).collect();
    let kept_plan = align(cx, kept_plan, &schema, &same)?;
    let source = cx.plan_query(&insert.source).await?;
    let new_rows = shape(cx, insert, &schema, source, &Numbering::default(), &[]).await?;
    let count = datafusion::logical_expr::LogicalPlanBuilder::from(kept_plan.clone())
        .aggregate(
            Vec::<datafusion::logical_expr::Expr>::new(),
            vec![datafusion::functions_aggregate::expr_fn::count(datafusion::logical_expr::lit(1))],
        )?
        .build()?;
    let kept_rows = super::write::number(cx, count).await?;
    let all =
        datafusion::logical_expr::LogicalPlanBuilder::from(kept_plan).union(new_rows)?.build()?;
    let table = writer(cx, target, all, SaveMode::Overwrite)?.await?;
    let written = metric(&table, "num_added_rows").await?;
    Ok(Output::Modified(Modified::inserted((written - kept_rows).max(0))))
}
