//! Plans over text with collations, one node at a time from below.

use biplane_functions::collation::Tree;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, Result, ScalarValue, TableReference};
use datafusion::functions_aggregate::expr_fn::{first_value, min};
use datafusion::logical_expr::expr::{GroupingSet, Sort};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{grouping_set_to_exprlist, merge_schema};
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, Join, JoinConstraint, LogicalPlan, Projection, Union, Window, lit,
    when,
};
use std::sync::Arc;

use super::aggregates::{self, After};
use super::exprs::{Kind, compared, key, kind, marked, settled, sorted};

pub fn node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    // What is below may say more now than when the planner asked.
    let plan = match plan {
        LogicalPlan::TableScan(_) | LogicalPlan::Values(_) => plan,
        other => other.recompute_schema()?,
    };
    Ok(Transformed::yes(match plan {
        LogicalPlan::Aggregate(plan) => aggregate(plan)?,
        LogicalPlan::Distinct(Distinct::All(input)) => distinct(input)?,
        LogicalPlan::Window(plan) => window(plan)?,
        LogicalPlan::Join(plan) => LogicalPlan::Join(join(plan)?),
        LogicalPlan::Union(plan) => union(plan)?,
        LogicalPlan::Sort(mut plan) => {
            let schema = plan.input.schema().clone();
            let keys = std::mem::take(&mut plan.expr).into_iter();
            plan.expr = keys.map(|key| sorted(key, &schema)).collect::<Result<Vec<Sort>>>()?;
            LogicalPlan::Sort(plan)
        }
        LogicalPlan::Unnest(unnest)
            if unnest.exec_columns.iter().any(|column| {
                !kind(&Expr::Column(column.clone()), unnest.input.schema()).tree.is_plain()
            }) =>
        {
            return Err(super::exprs::unsupported("a generator over text with a collation"));
        }
        LogicalPlan::TableScan(_) | LogicalPlan::Values(_) => return Ok(Transformed::no(plan)),
        other => {
            let schema = merge_schema(&other.inputs());
            let preserver = NamePreserver::new(&other);
            let changed = other.map_expressions(|expr| {
                let name = preserver.save(&expr);
                let settled = settled(expr.clone(), &schema)?;
                Ok(if settled == expr {
                    Transformed::no(expr)
                } else {
                    Transformed::yes(name.restore(settled))
                })
            })?;
            if changed.transformed { changed.data.recompute_schema()? } else { changed.data }
        }
    }))
}

fn column(
    (qualifier, field): (Option<&TableReference>, &Arc<datafusion::arrow::datatypes::Field>),
) -> Expr {
    Expr::Column(Column::from((qualifier, field)))
}

/// The columns of a plan, under the names that another schema has for them.
fn shown(exprs: Vec<Expr>, input: LogicalPlan, names: &DFSchema) -> Result<LogicalPlan> {
    let named = exprs.into_iter().zip(names.iter()).map(|(expr, (qualifier, field))| {
        let is_so = matches!(&expr, Expr::Column(column)
            if column.relation.as_ref() == qualifier && &column.name == field.name());
        if is_so { expr } else { expr.alias_qualified(qualifier.cloned(), field.name()) }
    });
    Ok(LogicalPlan::Projection(Projection::try_new(named.collect(), Arc::new(input))?))
}

/// One of the values of a group that are equal: the least by its bytes, so that it is always the same.
fn of_group(value: Expr, tree: &Tree) -> Expr {
    match tree {
        Tree::Text(_) => min(value),
        _ => first_value(value, Vec::new()),
    }
}

fn distinct(input: Arc<LogicalPlan>) -> Result<LogicalPlan> {
    let schema = input.schema().clone();
    let columns: Vec<Expr> = schema.iter().map(column).collect();
    if columns.iter().all(|column| kind(column, &schema).tree.is_plain()) {
        return Ok(LogicalPlan::Distinct(Distinct::All(input)));
    }
    aggregate(Aggregate::try_new(input, columns, Vec::new())?)
}

fn aggregate(plan: Aggregate) -> Result<LogicalPlan> {
    let schema = plan.input.schema().clone();
    // What a key of groups is, and what is compared of it.
    let settle = |expr: &Expr| -> Result<(Expr, Kind, Expr)> {
        let value = settled(expr.clone(), &schema)?;
        let kind = kind(&value, &schema);
        let keyed = if kind.tree.is_plain() {
            value.clone()
        } else {
            key(value.clone().unalias(), &kind.tree)?
        };
        Ok((value, kind, keyed))
    };
    let keyed = |expr: Expr| settle(&expr).map(|(_, _, keyed)| keyed);
    let all = |exprs: Vec<Expr>| exprs.into_iter().map(keyed).collect::<Result<Vec<Expr>>>();
    let values = grouping_set_to_exprlist(&plan.group_expr)?;
    let values = values.into_iter().map(settle).collect::<Result<Vec<_>>>()?;
    let is_set = matches!(plan.group_expr.first(), Some(Expr::GroupingSet(_)));
    let groups = plan
        .group_expr
        .iter()
        .cloned()
        .map(|expr| {
            Ok(match expr {
                Expr::GroupingSet(GroupingSet::Rollup(exprs)) => {
                    Expr::GroupingSet(GroupingSet::Rollup(all(exprs)?))
                }
                Expr::GroupingSet(GroupingSet::Cube(exprs)) => {
                    Expr::GroupingSet(GroupingSet::Cube(all(exprs)?))
                }
                Expr::GroupingSet(GroupingSet::GroupingSets(sets)) => {
                    let sets = sets.into_iter().map(all).collect::<Result<_>>()?;
                    Expr::GroupingSet(GroupingSet::GroupingSets(sets))
                }
                other => keyed(other)?,
            })
        })
        .collect::<Result<Vec<Expr>>>()?;
    let mut functions = Vec::with_capacity(plan.aggr_expr.len());
    let mut after = Vec::with_capacity(plan.aggr_expr.len());
    for expr in &plan.aggr_expr {
        let (function, then) = match expr.clone().unalias() {
            Expr::AggregateFunction(function) => {
                let (function, then) = aggregates::aggregate(function, &schema)?;
                (Expr::AggregateFunction(function), then)
            }
            other => (settled(other, &schema)?, After::Nothing),
        };
        functions.push(function);
        after.push(then);
    }
    let own = functions.len();
    for (value, kind, _) in values.iter().filter(|(_, kind, _)| !kind.tree.is_plain()) {
        functions.push(of_group(super::exprs::bare(value.clone().unalias()), &kind.tree));
    }
    let names = plan.schema.clone();
    let grouped = Aggregate::try_new(plan.input, groups, functions)?;
    let made: Vec<Expr> = grouped.schema.iter().map(column).collect();
    let keys = values.len() + usize::from(is_set);
    let mut of_groups = made.iter().skip(keys + own);
    let mut out = Vec::with_capacity(names.fields().len());
    for (at, expr) in made.iter().enumerate().take(keys + own) {
        out.push(match (values.get(at), at.checked_sub(keys).and_then(|at| after.get(at))) {
            (Some((_, kind, _)), _) if !kind.tree.is_plain() => {
                let value = of_groups.next().unwrap_or(expr).clone();
                // A key that a set leaves out is NULL there.
                let value = match is_set {
                    true => {
                        when(expr.clone().is_not_null(), value).otherwise(lit(ScalarValue::Null))?
                    }
                    false => value,
                };
                marked(value, &Kind::implicit(kind.tree.clone()))
            }
            (_, Some(then)) => then.of(expr.clone())?,
            _ => expr.clone(),
        });
    }
    shown(out, LogicalPlan::Aggregate(grouped), &names)
}

fn window(plan: Window) -> Result<LogicalPlan> {
    let schema = plan.input.schema().clone();
    let names = plan.schema.clone();
    let mut functions = Vec::with_capacity(plan.window_expr.len());
    let mut after = Vec::with_capacity(plan.window_expr.len());
    for expr in &plan.window_expr {
        let (function, then) = match expr.clone().unalias() {
            Expr::WindowFunction(function) => {
                let (function, then) = aggregates::window(*function, &schema)?;
                (Expr::WindowFunction(Box::new(function)), then)
            }
            other => (other, After::Nothing),
        };
        functions.push(function);
        after.push(then);
    }
    let columns = schema.fields().len();
    let made = Window::try_new(functions, plan.input)?;
    let out = made.schema.iter().enumerate().map(|(at, field)| {
        let value = column(field);
        match at.checked_sub(columns).and_then(|at| after.get(at)) {
            Some(then) => then.of(value),
            None => Ok(value),
        }
    });
    let out = out.collect::<Result<Vec<_>>>()?;
    shown(out, LogicalPlan::Window(made), &names)
}

fn join(mut plan: Join) -> Result<Join> {
    let (left, right) = (plan.left.schema().clone(), plan.right.schema().clone());
    let both = left
        .join(&right)
        .or_else(|_| Ok::<_, datafusion::common::DataFusionError>(left.as_ref().clone()))?;
    let mut is_keyed = false;
    let mut on = Vec::with_capacity(plan.on.len());
    for (one, other) in std::mem::take(&mut plan.on) {
        let (one, other) = (settled(one, &left)?, settled(other, &right)?);
        let met = kind(&one, &left).met(&kind(&other, &right))?;
        if met.strength == biplane_functions::collation::Strength::Indeterminate {
            compared([&one, &other], &both)?;
        }
        on.push(match met.tree.is_plain() {
            true => (one, other),
            false => {
                is_keyed = true;
                (key(one, &met.tree)?, key(other, &met.tree)?)
            }
        });
    }
    plan.on = on;
    if is_keyed {
        // Columns of USING would have to be columns.
        plan.join_constraint = JoinConstraint::On;
    }
    plan.filter = plan.filter.map(|filter| settled(filter, &both)).transpose()?;
    Ok(plan)
}

/// Columns that come together have one collation, which each of the plans says.
fn union(plan: Union) -> Result<LogicalPlan> {
    let width = plan.schema.fields().len();
    for at in 0..width {
        let columns: Vec<(Expr, &DFSchema)> = plan
            .inputs
            .iter()
            .filter_map(|input| {
                let schema = input.schema().as_ref();
                schema.iter().nth(at).map(|field| (column(field), schema))
            })
            .collect();
        let mut all = Kind::NONE;
        for (column, schema) in &columns {
            let next = kind(column, schema);
            if all != Kind::NONE && next != Kind::NONE && all.tree != next.tree {
                let text = format!(
                    "Could not determine which collation to use for string functions and operators. \
                     Error occurred due to the mismatch between implicit collations: \
                     [\"STRING COLLATE {}\", \"STRING COLLATE {}\"]. \
                     Use COLLATE function to set the collation explicitly.",
                    all.tree.collation().name(),
                    next.tree.collation().name()
                );
                let error =
                    crate::error::SqlError::new("COLLATION_MISMATCH.IMPLICIT", "42P21", text);
                return Err(super::exprs::raise(error));
            }
            all = all.met(&next)?;
        }
    }
    Ok(LogicalPlan::Union(plan))
}
