//! From an AST to a DataFusion plan: names, views, the dialect's meaning, scans.

mod aliases;
mod bounds;
mod calls;
mod casts;
mod changes;
mod check;
mod collations;
mod correlated;
mod crossing;
pub mod deadline;
pub mod delta;
mod estimates;
mod explode;
mod fitting;
mod frames;
mod functions;
mod generators;
mod grouping;
mod intervals;
mod join_order;
mod keywords;
mod literals;
mod misfits;
mod naming;
mod operators;
mod ordering;
mod planner;
pub mod provider;
mod recursion;
mod refusals;
mod registry;
mod relations;
mod resolve;
mod rewrite;
pub mod routines;
mod rules;
mod selectivity;
mod set_all;
mod sharing;
mod spellings;
mod stars;
pub mod state;
pub mod streams;
mod subqueries;
mod text;
mod time_type;
mod time_windows;
mod together;
mod typed;
pub mod types;
mod unordered;
mod using;
mod variables;
mod versions;
mod widths;
mod windows;
pub mod yielding;

use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::planner::{PlannerContext, SqlToRel};
use datafusion::sql::sqlparser::ast;
use futures::FutureExt;
use std::collections::HashSet;
use std::sync::Arc;

use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use rewrite::{Rewritten, Scope};

pub use functions::is_of_session;
pub use rewrite::{HIDDEN, Scope as PlanScope};
pub use rules::analyzer_rules;
pub use versions::Wanted;

/// Aliases of one query that are used by its other columns.
const ALIASES_MAX: usize = 64;
/// Expressions that aliases may add to a query: `a + a AS b, b + b AS c, …` doubles with every column.
const ALIASED_MAX: usize = 20_000;

/// Different SQL functions that one query may call.
const ROUTINES_MAX: usize = 64;

/// A plan and the names its columns are shown by. Two columns may be shown by one name.
pub struct Planned {
    pub plan: LogicalPlan,
    pub names: Vec<String>,
}

/// The text of a query and where its unqualified names are looked up.
pub struct Text {
    pub sql: String,
    pub catalog: String,
    pub schema: String,
    pub temp_views: bool,
}

/// A query of the statement itself.
pub async fn query(cx: &StatementContext, query: &ast::Query) -> SqlResult<Planned> {
    let scope = Scope { cx, catalog: cx.catalog(), schema: cx.schema(), temp_views: true };
    // Boxed: everybody who plans would carry it.
    let planned = in_scope(&scope, query.clone(), &[]).boxed();
    crate::trace::span("plan", deadline::start(planned)).await
}

/// The query of a view.
pub async fn text(cx: &StatementContext, text: &Text, via: &[String]) -> SqlResult<Planned> {
    let query = crate::parser::parse_query(&text.sql).map_err(|error| {
        // The position is one in the view's text, not in the statement's.
        SqlError { line: 0, column: 0, ..error }
    })?;
    let scope = Scope {
        cx,
        catalog: text.catalog.to_lowercase(),
        schema: text.schema.to_lowercase(),
        temp_views: text.temp_views,
    };
    in_scope(&scope, *query, via).boxed().await
}

async fn in_scope(scope: &Scope<'_>, query: ast::Query, via: &[String]) -> SqlResult<Planned> {
    let mut routines = match scope.temp_views {
        true => scope.cx.objects.routines(),
        false => routines::Routines::new(),
    };
    for _ in 0..ROUTINES_MAX {
        let mut called = query.clone();
        routines::put_in(&routines, &mut called)?;
        let error = match with_routines(scope, called, via).await {
            Err(error) if error.class == "UNRESOLVED_ROUTINE" => error,
            done => return done,
        };
        // Not one of ours: it may be one of the catalog's.
        match crate::commands::routine(scope, &error, &routines).await? {
            Some((name, routine)) => routines.insert(name, routine),
            None => return Err(check::of_routine(error, &query)),
        };
    }
    Err(SqlError::exhausted("too many SQL functions in one query"))
}

async fn with_routines(
    scope: &Scope<'_>,
    mut query: ast::Query,
    via: &[String],
) -> SqlResult<Planned> {
    let cx = scope.cx;
    stars::expand(scope, &mut query, via).await?;
    let mut rewritten = rewrite::query(scope, &mut query)?;
    let tables = resolve::sources(cx, &mut rewritten, via).await?;
    let plan = planned(scope, &tables, query)?;
    let plan = literals::narrow(plan)?;
    let plan = collations::meant(plan)?;
    let names = shown(&plan, &rewritten);
    Ok(Planned { plan, names })
}

fn planned(
    scope: &Scope<'_>,
    tables: &resolve::Sources,
    mut query: ast::Query,
) -> SqlResult<LogicalPlan> {
    let cx = scope.cx;
    let state = cx.session.state_ref();
    let state = state.read();
    let mut grown = 0;
    let mut constants = variables::Constants::default();
    for _ in 0..ALIASES_MAX {
        deadline::check()?;
        let names = provider::Names {
            state: &state,
            planners: provider::planners(&state, cx.settings.plan_zone()),
            tables,
            types: Some(cx.types()),
            constants: &constants,
        };
        let planner = SqlToRel::new(&names);
        let statement = ast::Statement::Query(Box::new(query.clone()));
        match planner.sql_statement_to_plan(statement) {
            Ok(plan) => {
                check::references(&plan)?;
                misfits::refused(&plan)?;
                unordered::refused(&plan)?;
                return Ok(set_all::counted(plan)?);
            }
            Err(error) => {
                let column = aliases::missing_column(&error);
                if let Some(name) = column {
                    let added = aliases::put_in(&mut query, &name, ALIASED_MAX - grown)?;
                    grown += added;
                    if added > 0 {
                        continue;
                    }
                }
                // The caller's variables mean nothing in somebody's view.
                let missing = variables::missing(&error).filter(|_| scope.temp_views);
                if !missing.is_some_and(|name| constants.put_in(cx, &mut query, &name)) {
                    return Err(check::refined(error.into(), &query));
                }
            }
        }
    }
    Err(aliases::too_many())
}

/// Names as the user wrote them or as they are stored.
fn shown(plan: &LogicalPlan, rewritten: &Rewritten) -> Vec<String> {
    let show = |name: &String| {
        let visible = name.split(HIDDEN).next().unwrap_or_default();
        let spelled = rewritten.spelled.get(name).or_else(|| rewritten.spelled.get(visible));
        spelled.cloned().unwrap_or_else(|| visible.to_owned())
    };
    plan.schema().fields().iter().map(|field| show(field.name())).collect()
}

/// The plan with its columns named so, unqualified. Names must differ.
pub fn renamed(plan: LogicalPlan, names: &[String]) -> SqlResult<LogicalPlan> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name.to_lowercase()) {
            let text = format!(
                "The column `{name}` already exists. Choose another name or rename the existing column"
            );
            return Err(SqlError::new("COLUMN_ALREADY_EXISTS", "42711", text));
        }
    }
    let schema = plan.schema().clone();
    let is_named = schema
        .iter()
        .zip(names)
        .all(|((qualifier, field), name)| qualifier.is_none() && field.name() == name);
    if is_named {
        return Ok(plan);
    }
    let columns = schema.iter().zip(names).map(|((qualifier, field), name)| {
        Expr::Column(Column::from((qualifier, field))).alias(name)
    });
    Ok(LogicalPlanBuilder::new(plan).project(columns.collect::<Vec<_>>())?.build()?)
}

/// An expression over columns whose names are taken as they are stored.
pub async fn expr(cx: &StatementContext, expr: &ast::Expr, schema: &DFSchema) -> SqlResult<Expr> {
    let mut expr = expr.clone();
    routines::put_in(&cx.objects.routines(), &mut expr)?;
    let scope = Scope { cx, catalog: cx.catalog(), schema: cx.schema(), temp_views: true };
    let tables = {
        let mut rewritten = rewrite::bare_expr(&scope, &mut expr, schema)?;
        resolve::sources(cx, &mut rewritten, &[]).await?
    };
    let state = cx.session.state();
    let mut options =
        datafusion::sql::planner::ParserOptions::from(&state.config_options().sql_parser);
    options.enable_ident_normalization = false;
    let mut constants = variables::Constants::default();
    for _ in 0..ALIASES_MAX {
        let names = provider::Names {
            state: &state,
            planners: provider::planners(&state, cx.settings.plan_zone()),
            tables: &tables,
            types: Some(cx.types()),
            constants: &constants,
        };
        let planner = SqlToRel::new_with_options(&names, options);
        match planner.sql_to_expr(expr.clone(), schema, &mut PlannerContext::new()) {
            Ok(planned) => {
                return Ok(collations::meant_expr(literals::narrow_expr(planned)?, schema)?);
            }
            Err(error) => {
                let missing = variables::missing(&error);
                if !missing.is_some_and(|name| constants.put_in(cx, &mut expr, &name)) {
                    return Err(error.into());
                }
            }
        }
    }
    Err(SqlError::exhausted("too many variables in an expression"))
}

/// The rows of a query, which may be two at most: more would be too many for who asks.
pub async fn few_rows(
    cx: &StatementContext,
    ast: &ast::Query,
) -> SqlResult<Vec<Vec<datafusion::common::ScalarValue>>> {
    let plan = query(cx, ast).await?.plan;
    let width = plan.schema().fields().len();
    let plan = LogicalPlanBuilder::from(plan).limit(0, Some(2))?.build()?;
    let physical = cx.physical(plan).await?;
    let batches = datafusion::physical_plan::collect(physical, cx.task_context()).await?;
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let values = (0..width)
                .map(|at| datafusion::common::ScalarValue::try_from_array(batch.column(at), row));
            rows.push(values.collect::<Result<_, _>>()?);
        }
    }
    Ok(rows)
}

/// The value of an expression that names no column.
pub async fn constant(
    cx: &StatementContext,
    expression: &ast::Expr,
) -> SqlResult<datafusion::common::ScalarValue> {
    let schema = DFSchema::empty();
    let planned = expr(cx, expression, &schema).await?;
    let plan = LogicalPlanBuilder::empty(true).project(vec![planned.alias("value")])?.build()?;
    let physical = cx.physical(plan).await?;
    let batches = datafusion::physical_plan::collect(physical, cx.task_context()).await?;
    let batch = batches.iter().find(|batch| batch.num_rows() > 0);
    let batch = batch.ok_or_else(|| SqlError::internal("a constant has no value"))?;
    Ok(datafusion::common::ScalarValue::try_from_array(batch.column(0), 0)?)
}

pub(crate) fn spark_types(zone: Arc<str>) -> Arc<types::SparkTypes> {
    Arc::new(types::SparkTypes { zone })
}
