//! Whole numbers are INT where they fit, as in Spark; DataFusion's planner makes them BIGINT.

use biplane_functions::random;
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano};
use datafusion::common::metadata::FieldMetadata;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{COUNT_STAR_EXPANSION, merge_schema};
use datafusion::logical_expr::{Cast, Expr, LogicalPlan, LogicalPlanBuilder};

/// Right behind the SQL planner, before anything else was derived from the types.
pub fn narrow(plan: LogicalPlan) -> Result<LogicalPlan> {
    // The working table of a recursion has the types of its first plan already.
    if plan.exists(|node| Ok(matches!(node, LogicalPlan::RecursiveQuery(_))))? {
        return Ok(plan);
    }
    plan.transform_up_with_subqueries(node).data()
}

fn node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match plan {
        // Counts of rows, not values.
        LogicalPlan::Limit(_) | LogicalPlan::TableScan(_) => Ok(Transformed::no(plan)),
        LogicalPlan::Values(values) => {
            let rows = values
                .values
                .into_iter()
                .map(|row| {
                    row.into_iter().map(untyped).map(narrow_expr).collect::<Result<Vec<_>>>()
                })
                .collect::<Result<Vec<_>>>()?;
            LogicalPlanBuilder::values(rows)?.build().map(Transformed::yes)
        }
        plan => {
            let preserver = NamePreserver::new(&plan);
            let schema = merge_schema(&plan.inputs());
            let changed = plan.map_expressions(|expr| {
                let name = preserver.save(&expr);
                let expr = expr.transform_up(literal)?.transform_data(|expr| {
                    // What a lambda is given has the type that its values have now.
                    let has_lambda = |expr: &Expr| Ok(matches!(expr, Expr::HigherOrderFunction(_)));
                    if expr.exists(has_lambda)? {
                        expr.resolve_lambda_variables(&schema)
                    } else {
                        Ok(Transformed::no(expr))
                    }
                })?;
                Ok(expr.update_data(|expr| name.restore(expr)))
            })?;
            // Types below may have changed even where nothing here did.
            changed.map_data(LogicalPlan::recompute_schema)
        }
    }
}

/// The planner gave a NULL of VALUES the type of its column, which is about to change.
fn untyped(expr: Expr) -> Expr {
    match expr {
        Expr::Literal(ScalarValue::Int64(None), metadata) => {
            Expr::Literal(ScalarValue::Null, metadata)
        }
        other => other,
    }
}

pub fn narrow_expr(expr: Expr) -> Result<Expr> {
    expr.transform_up(literal).data()
}

fn literal(expr: Expr) -> Result<Transformed<Expr>> {
    Ok(match expr {
        Expr::Literal(ScalarValue::Int64(Some(value)), metadata) => match i32::try_from(value) {
            Ok(small) => Transformed::yes(Expr::Literal(ScalarValue::Int32(Some(small)), metadata)),
            Err(_) => Transformed::no(Expr::Literal(ScalarValue::Int64(Some(value)), metadata)),
        },
        // The optimizer knows rows that are counted by this literal.
        Expr::AggregateFunction(mut call) if counts_rows(&call) => {
            call.params.args = vec![Expr::Literal(COUNT_STAR_EXPANSION, None)];
            Transformed::yes(Expr::AggregateFunction(call))
        }
        Expr::ScalarFunction(call) if call.func.name() == "interval_literal" => {
            Transformed::yes(interval(&call.args).unwrap_or(Expr::ScalarFunction(call)))
        }
        Expr::ScalarFunction(call) if let Some(begun) = random::begun(&call) => {
            Transformed::yes(begun?)
        }
        Expr::ScalarFunction(call) => match super::variables::value_of(&call.func) {
            Some(value) => Transformed::yes(Expr::Literal(value.clone(), None)),
            None => Transformed::no(Expr::ScalarFunction(call)),
        },
        // `CAST(1 AS BIGINT)`: functions that ask for literals must see one.
        Expr::Cast(Cast { expr: inner, field }) => match folded(&inner, field.data_type()) {
            Some(value) => Transformed::yes(Expr::Literal(value, None)),
            None => Transformed::no(Expr::Cast(Cast { expr: inner, field })),
        },
        other => Transformed::no(other),
    })
}

fn counts_rows(call: &AggregateFunction) -> bool {
    let is_literal = |expr: &Expr| matches!(expr, Expr::Literal(value, _) if !value.is_null());
    let params = &call.params;
    call.func.name() == "count"
        && !params.distinct
        && matches!(params.args.as_slice(), [one] if is_literal(one))
}

/// As a literal, with what it was written in.
fn interval(args: &[Expr]) -> Option<Expr> {
    let [months, days, nanos, Expr::Literal(qualifier, _)] = args else { return None };
    let number = |expr: &Expr| match expr {
        Expr::Literal(value, _) => match value.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(number)) => number,
            _ => None,
        },
        Expr::Negative(inner) => match inner.as_ref() {
            Expr::Literal(value, _) => match value.cast_to(&DataType::Int64) {
                Ok(ScalarValue::Int64(number)) => number.and_then(i64::checked_neg),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    let (months, days) = (i32::try_from(number(months)?), i32::try_from(number(days)?));
    let value = IntervalMonthDayNano::new(months.ok()?, days.ok()?, number(nanos)?);
    let qualifier = qualifier.try_as_str().flatten().filter(|text| !text.is_empty());
    let metadata = qualifier.map(|text| {
        FieldMetadata::from(std::collections::HashMap::from([(
            biplane_functions::intervals::QUALIFIER.to_owned(),
            text.to_owned(),
        )]))
    });
    Some(Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(value)), metadata))
}

fn folded(inner: &Expr, target: &DataType) -> Option<ScalarValue> {
    let Expr::Literal(value, _) = inner else { return None };
    let is_whole = |data_type: &DataType| data_type.is_integer();
    (is_whole(&value.data_type()) && is_whole(target)).then(|| value.cast_to(target).ok()).flatten()
}
