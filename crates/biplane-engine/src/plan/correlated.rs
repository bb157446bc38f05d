//! Values of subqueries that depend on the row around them by more than equality:
//! `SELECT (SELECT count(*) FROM b WHERE b.at <= a.at) FROM a`. DataFusion joins what is equal. Here the subquery is asked
//! for each different value of what it depends on, at once, and its answers are joined by these values.

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, NullEquality, Result, TableReference};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, Filter, JoinType, LogicalPlan, LogicalPlanBuilder, Operator,
    Projection, Subquery, cast, lit, when,
};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use std::sync::Arc;

use super::rewrite::HIDDEN;

#[derive(Debug)]
struct AskedAtOnce;

pub fn optimizer_rule() -> Arc<dyn OptimizerRule + Send + Sync> {
    Arc::new(AskedAtOnce)
}

impl OptimizerRule for AskedAtOnce {
    fn name(&self) -> &str {
        "asked_at_once"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let alias = || config.alias_generator().next("__asked");
        match &plan {
            LogicalPlan::Projection(Projection { expr, input, .. }) => {
                let Some((input, exprs)) = settled(&plan, input, expr.clone(), alias)? else {
                    return Ok(Transformed::no(plan));
                };
                LogicalPlanBuilder::from(input).project(exprs)?.build().map(Transformed::yes)
            }
            LogicalPlan::Filter(Filter { predicate, input, .. }) => {
                let columns = input.schema().columns().into_iter().map(Expr::Column);
                let found = settled(&plan, input, vec![predicate.clone()], alias)?;
                let Some((input, exprs)) = found else { return Ok(Transformed::no(plan)) };
                let condition = exprs.into_iter().reduce(Expr::and).unwrap_or(lit(true));
                let filtered = LogicalPlanBuilder::from(input).filter(condition)?;
                filtered.project(columns)?.build().map(Transformed::yes)
            }
            _ => Ok(Transformed::no(plan)),
        }
    }
}

/// The input with the answers of the subqueries, and the expressions over it; None where there are none of this kind.
fn settled(
    plan: &LogicalPlan,
    input: &LogicalPlan,
    exprs: Vec<Expr>,
    alias: impl Fn() -> String,
) -> Result<Option<(LogicalPlan, Vec<Expr>)>> {
    let preserver = NamePreserver::new(plan);
    let (mut input, mut is_changed) = (input.clone(), false);
    let mut out = Vec::with_capacity(exprs.len());
    for expr in exprs {
        let name = preserver.save(&expr);
        let expr = expr.transform_down(|expr| {
            let Expr::ScalarSubquery(subquery) = &expr else { return Ok(Transformed::no(expr)) };
            if !depends_by_more(subquery)? {
                return Ok(Transformed::no(expr));
            }
            match answered(&input, subquery, &alias())? {
                Some((joined, value)) => {
                    (input, is_changed) = (joined, true);
                    Ok(Transformed::new(value, true, TreeNodeRecursion::Jump))
                }
                None => Ok(Transformed::no(expr)),
            }
        })?;
        out.push(name.restore(expr.data));
    }
    Ok(is_changed.then_some((input, out)))
}

/// Whether anything but a condition `inner = outer` tells of the row around.
fn depends_by_more(subquery: &Subquery) -> Result<bool> {
    subquery.subquery.exists(|node| {
        if !node.contains_outer_reference() {
            return Ok(false);
        }
        let LogicalPlan::Filter(filter) = node else { return Ok(true) };
        let is_equality = |condition: &Expr| match condition {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
                let is_outer = |side: &Expr| side.contains_outer() && side.column_refs().is_empty();
                is_outer(left) != is_outer(right) && left.contains_outer() != right.contains_outer()
            }
            _ => false,
        };
        let conditions = split_conjunction(&filter.predicate);
        Ok(conditions.into_iter().any(|each| each.contains_outer() && !is_equality(each)))
    })
}

fn answered(
    input: &LogicalPlan,
    subquery: &Subquery,
    alias: &str,
) -> Result<Option<(LogicalPlan, Expr)>> {
    let mut columns: Vec<Column> = Vec::new();
    for outer in &subquery.outer_ref_columns {
        let Expr::OuterReferenceColumn(_, column) = outer else { return Ok(None) };
        if !input.schema().has_column(column) {
            return Ok(None);
        }
        if !columns.contains(column) {
            columns.push(column.clone());
        }
    }
    let inner = subquery.subquery.as_ref();
    let Some((_, none)) = of_no_rows(inner)?.and_then(|all| all.into_iter().next()) else {
        return Ok(None);
    };
    let keys = columns.iter().cloned().enumerate();
    let keys = keys.map(|(at, column)| Expr::Column(column).alias(key(at)));
    let name = format!("{alias}_for");
    let plan = LogicalPlanBuilder::from(input.clone()).project(keys)?.distinct()?;
    let domain = Domain { plan: plan.alias(name.as_str())?.build()?, columns, name };
    let Some((made, home)) = domain.under(inner)? else { return Ok(None) };
    let (qualifier, field) = inner.schema().qualified_field(0);
    let (value_name, there) = (format!("{HIDDEN}value"), format!("{HIDDEN}there"));
    let value = Expr::Column(Column::from((qualifier, field))).alias(&value_name);
    let all = [value, lit(true).alias(&there)].into_iter().chain(domain.keys(&home));
    let made = LogicalPlanBuilder::from(made).project(all)?.alias(alias)?.build()?;
    let of = |name: String| Column::new(Some(alias), name);
    let made_keys = (0..domain.columns.len()).map(|at| of(key(at))).collect::<Vec<_>>();
    let joined = LogicalPlanBuilder::from(input.clone()).join_detailed(
        made,
        JoinType::Left,
        (domain.columns, made_keys),
        None,
        NullEquality::NullEqualsNull,
    )?;
    let is_missing = Expr::Column(of(there)).is_null();
    let none = cast(none, field.data_type().clone());
    let value = when(is_missing, none).otherwise(Expr::Column(of(value_name)))?;
    Ok(Some((joined.build()?, value)))
}

fn key(at: usize) -> String {
    format!("{HIDDEN}key{at}")
}

/// The columns of a plan that makes one row of no rows, with their values then.
fn of_no_rows(plan: &LogicalPlan) -> Result<Option<Vec<(Column, Expr)>>> {
    Ok(match plan {
        LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => {
            let value = |expr: &Expr| {
                let Expr::AggregateFunction(call) = expr.clone().unalias() else { return Ok(None) };
                let data_type = expr.get_type(aggregate.input.schema())?;
                Ok(Some(Expr::Literal(call.func.default_value(&data_type)?, None)))
            };
            let values =
                aggregate.aggr_expr.iter().map(value).collect::<Result<Option<Vec<_>>>>()?;
            values.map(|values| aggregate.schema.columns().into_iter().zip(values).collect())
        }
        LogicalPlan::Projection(projection) => {
            let Some(below) = of_no_rows(&projection.input)? else { return Ok(None) };
            let values = projection.expr.iter().cloned().map(|expr| {
                let known = |expr: Expr| {
                    let found = expr.try_as_col().and_then(|column| {
                        below.iter().find_map(|(known, value)| (known == column).then_some(value))
                    });
                    Ok(match found {
                        Some(value) => Transformed::yes(value.clone()),
                        None => Transformed::no(expr),
                    })
                };
                Ok(expr.unalias().transform_up(known)?.data)
            });
            let values = values.collect::<Result<Vec<Expr>>>()?;
            let are_known = values
                .iter()
                .all(|value| value.column_refs().is_empty() && !value.contains_outer());
            let columns = projection.schema.columns();
            are_known.then(|| columns.into_iter().zip(values).collect())
        }
        LogicalPlan::SubqueryAlias(alias) => of_no_rows(&alias.input)?.map(|below| {
            alias
                .schema
                .columns()
                .into_iter()
                .zip(below.into_iter().map(|(_, value)| value))
                .collect()
        }),
        _ => None,
    })
}

/// The different values of what a subquery depends on.
struct Domain {
    plan: LogicalPlan,
    columns: Vec<Column>,
    name: String,
}

impl Domain {
    /// The values as columns of a plan, which belong to this relation there.
    fn keys<'a>(&'a self, home: &'a TableReference) -> impl Iterator<Item = Expr> + 'a {
        (0..self.columns.len()).map(|at| Self::key(at, home))
    }

    fn key(at: usize, home: &TableReference) -> Expr {
        Expr::Column(Column::new(Some(home.clone()), key(at)))
    }

    fn of(&self, expr: Expr, home: &TableReference) -> Result<Expr> {
        expr.transform_up(|expr| {
            let found = match &expr {
                Expr::OuterReferenceColumn(_, column) => {
                    self.columns.iter().position(|known| known == column)
                }
                _ => None,
            };
            Ok(match found {
                Some(at) => Transformed::yes(Self::key(at, home)),
                None => Transformed::no(expr),
            })
        })
        .data()
    }

    /// The plan once for each of the values, which are columns of it, and the relation they belong to. None where it
    /// cannot be told.
    fn under(&self, plan: &LogicalPlan) -> Result<Option<(LogicalPlan, TableReference)>> {
        if !plan.exists(|node| Ok(node.contains_outer_reference()))? {
            let both = LogicalPlanBuilder::from(self.plan.clone()).cross_join(plan.clone())?;
            return Ok(Some((both.build()?, TableReference::bare(self.name.as_str()))));
        }
        let input = match plan.inputs().as_slice() {
            [input] => self.under(input)?,
            _ => None,
        };
        let Some((input, home)) = input else { return Ok(None) };
        let input = LogicalPlanBuilder::from(input);
        let preserver = NamePreserver::new(plan);
        let each = |expr: &Expr| {
            let name = preserver.save(expr);
            Ok(name.restore(self.of(expr.clone(), &home)?))
        };
        let made = match plan {
            LogicalPlan::SubqueryAlias(alias) => {
                let named = input.alias(alias.alias.clone())?.build()?;
                return Ok(Some((named, alias.alias.clone())));
            }
            LogicalPlan::Filter(filter) => {
                input.filter(self.of(filter.predicate.clone(), &home)?)?
            }
            LogicalPlan::Projection(projection) => {
                let exprs = projection.expr.iter().map(each).collect::<Result<Vec<Expr>>>()?;
                input.project(exprs.into_iter().chain(self.keys(&home)))?
            }
            LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => {
                let calls = aggregate.aggr_expr.iter().cloned().map(|expr| self.of(expr, &home));
                let calls = calls.collect::<Result<Vec<Expr>>>()?;
                let made = input.aggregate(self.keys(&home), calls)?;
                // Calls are named by what they are called with, which has changed.
                let columns = made.schema().columns().into_iter().skip(self.columns.len());
                let named =
                    aggregate.schema.columns().into_iter().zip(columns).map(|(old, new)| {
                        Expr::Column(new).alias_qualified(old.relation, old.name)
                    });
                let named: Vec<Expr> = named.chain(self.keys(&home)).collect();
                made.project(named)?
            }
            _ => return Ok(None),
        };
        Ok(Some((made.build()?, home)))
    }
}
