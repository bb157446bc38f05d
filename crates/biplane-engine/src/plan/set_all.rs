//! EXCEPT ALL and INTERSECT ALL: rows count as often as they are there.
//!
//! DataFusion joins the two sides by their values, so a row of the one side takes away all that are the same
//! on the other. Here the same rows of a side are numbered, and the number is a part of what is compared.

use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{Column, NullEquality, Result};
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, Join, JoinType, LogicalPlan, LogicalPlanBuilder,
};
use std::sync::Arc;

use super::rewrite::HIDDEN;

pub fn counted(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Join(join) if is_of_set(&join) => compared(&join).map(Transformed::yes),
        other => Ok(Transformed::no(other)),
    })
    .data()
}

/// No join that somebody writes takes NULL for equal. Without ALL the left side is made distinct before.
fn is_of_set(join: &Join) -> bool {
    matches!(join.join_type, JoinType::LeftAnti | JoinType::LeftSemi)
        && join.null_equality == NullEquality::NullEqualsNull
        && join.filter.is_none()
        && join.on.len() == join.left.schema().fields().len()
        && !matches!(join.left.as_ref(), LogicalPlan::Distinct(_))
}

fn compared(join: &Join) -> Result<LogicalPlan> {
    let (left_number, right_number) = (format!("{HIDDEN}left"), format!("{HIDDEN}right"));
    let left = numbered(&join.left, &left_number)?;
    let right = numbered(&join.right, &right_number)?;
    let column = |name: &str| Expr::Column(Column::from_name(name));
    let (mut left_keys, mut right_keys): (Vec<Expr>, Vec<Expr>) = join.on.iter().cloned().unzip();
    left_keys.push(column(&left_number));
    right_keys.push(column(&right_number));
    let on = left_keys.into_iter().zip(right_keys).collect();
    let joined = Join::try_new(
        Arc::new(left),
        Arc::new(right),
        on,
        None,
        join.join_type,
        join.join_constraint,
        join.null_equality,
        join.null_aware,
    )?;
    LogicalPlanBuilder::new(LogicalPlan::Join(joined)).project(columns(&join.left))?.build()
}

fn columns(plan: &LogicalPlan) -> Vec<Expr> {
    plan.schema().iter().map(|pair| Expr::Column(Column::from(pair))).collect()
}

fn numbered(plan: &LogicalPlan, name: &str) -> Result<LogicalPlan> {
    let all = columns(plan);
    let number = row_number().partition_by(all.clone()).build()?;
    let shown = Expr::Column(Column::from_name(number.schema_name().to_string())).alias(name);
    LogicalPlanBuilder::new(plan.clone())
        .window([number])?
        .project(all.into_iter().chain([shown]))?
        .build()
}
