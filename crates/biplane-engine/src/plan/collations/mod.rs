//! Text with a collation: what compares it is made to compare keys, and what has it says so.
//!
//! One pass right behind the planner. Bottom up each expression over such text is put into a mark
//! (`collated(x, 'UTF8_LCASE')`, which costs nothing) that says its collation and how strong that is; where it is a
//! column of a plan, the mark is metadata of its field. Comparisons, GROUP BY, joins and the like get the keys of
//! their text (`collation_key`). Pruning and statistics of files know no keys, so nothing is left out wrongly.

mod aggregates;
mod calls;
mod exprs;
mod nodes;
mod table;

use biplane_functions::collation::METADATA;
use datafusion::common::tree_node::{TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, LogicalPlan};

pub use table::put_in;

/// The plan that compares as collations say; as it is, where there are none.
pub fn meant(plan: LogicalPlan) -> Result<LogicalPlan> {
    if !has_collations(&plan)? {
        return Ok(plan);
    }
    plan.transform_up_with_subqueries(nodes::node).data()
}

/// The same for an expression over columns.
pub fn meant_expr(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let is_said = schema.fields().iter().any(|field| field.metadata().contains_key(METADATA));
    if is_said || names_one(&expr)? { exprs::settled(expr, schema) } else { Ok(expr) }
}

fn has_collations(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let schema = scan.source.schema();
            found = schema.fields().iter().any(|field| field.metadata().contains_key(METADATA));
        }
        if !found {
            node.apply_expressions(|expr| {
                found = found || names_one(expr)?;
                Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
            })?;
        }
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn names_one(expr: &Expr) -> Result<bool> {
    expr.exists(|expr| {
        Ok(match expr {
            Expr::ScalarFunction(call) => matches!(call.func.name(), "collate" | "collated"),
            Expr::Cast(cast) => cast.field.metadata().contains_key(METADATA),
            Expr::TryCast(cast) => cast.field.metadata().contains_key(METADATA),
            _ => false,
        })
    })
}
