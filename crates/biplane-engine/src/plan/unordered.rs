//! Values without an order, which Spark neither sorts, groups nor compares: VARIANT and geometries.

use biplane_functions::opaque::within;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};

use crate::error::{SqlError, SqlResult};

/// Refuses a plan that would need an order of them.
pub fn refused(plan: &LogicalPlan) -> SqlResult<()> {
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        found = in_node(node)?;
        Ok(match found {
            None => TreeNodeRecursion::Continue,
            Some(_) => TreeNodeRecursion::Stop,
        })
    })?;
    found.map_or(Ok(()), Err)
}

fn in_node(node: &LogicalPlan) -> Result<Option<SqlError>> {
    let has = |expr: &Expr, schema: &DFSchema| {
        expr.get_type(schema).is_ok_and(|data_type| within(&data_type).is_some())
    };
    Ok(match node {
        LogicalPlan::Distinct(distinct) => {
            let mut fields = distinct.input().schema().fields().iter();
            fields.find_map(|field| Some((field, within(field.data_type())?))).map(|(field, name)| {
                let text = format!(
                    "The feature is not supported: Cannot have {name} type columns in DataFrame which calls \
                     set operations (INTERSECT, EXCEPT, etc.), but the type of column `{}` is {name}.",
                    field.name()
                );
                SqlError::new("UNSUPPORTED_FEATURE.SET_OPERATION_ON_VARIANT_TYPE", "0A000", text)
            })
        }
        LogicalPlan::Aggregate(aggregate) => {
            let schema = aggregate.input.schema();
            aggregate.group_expr.iter().find(|key| has(key, schema)).map(|key| {
                let text = format!(
                    "The expression \"{key}\" cannot be used as a grouping expression because its data type is \
                     not an orderable data type"
                );
                SqlError::new("GROUP_EXPRESSION_TYPE_IS_NOT_ORDERABLE", "42822", text)
            })
        }
        LogicalPlan::Sort(sort) => {
            let schema = sort.input.schema();
            sort.expr.iter().find(|key| has(&key.expr, schema)).map(|key| {
                let text = format!("Cannot sort by \"{}\": it has no order", key.expr);
                SqlError::new("DATATYPE_MISMATCH.INVALID_ORDERING_TYPE", "42K09", text)
            })
        }
        _ => None,
    })
}
