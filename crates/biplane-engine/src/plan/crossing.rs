//! A cross join with one row keeps that row and lets the other side stream by. DataFusion collects the left side, joins
//! its rows one by one, and asks statistics whether to swap; sums and counts have none, but are one row.

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use std::sync::Arc;

#[derive(Debug)]
struct OneRowFirst;

pub fn optimizer_rule() -> Arc<dyn OptimizerRule + Send + Sync> {
    Arc::new(OneRowFirst)
}

impl OptimizerRule for OneRowFirst {
    fn name(&self) -> &str {
        "one_row_first"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        match &plan {
            LogicalPlan::Join(join) if is_swapped(join) => {
                let columns = join.schema.columns().into_iter().map(Expr::Column);
                LogicalPlanBuilder::from(join.right.clone())
                    .cross_join(join.left.as_ref().clone())?
                    .project(columns)?
                    .build()
                    .map(Transformed::yes)
            }
            _ => Ok(Transformed::no(plan)),
        }
    }
}

fn is_swapped(join: &Join) -> bool {
    let crosses = join.join_type == JoinType::Inner && join.on.is_empty() && join.filter.is_none();
    let is_one = |side: &LogicalPlan| side.max_rows().is_some_and(|rows| rows <= 1);
    crosses && is_one(&join.right) && !is_one(&join.left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::functions_aggregate::expr_fn::max;
    use datafusion::logical_expr::{col, lit};
    use datafusion::optimizer::OptimizerContext;

    fn many(name: &str) -> Result<LogicalPlanBuilder> {
        LogicalPlanBuilder::values(vec![vec![lit(1)], vec![lit(2)]])?.alias(name)
    }

    fn rewritten(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        OneRowFirst.rewrite(plan, &OptimizerContext::new())
    }

    #[test]
    fn the_one_row_is_collected() -> Result<()> {
        let all: Vec<Expr> = Vec::new();
        let one = many("u")?.aggregate(all, vec![max(col("column1"))])?.alias("one")?.build()?;
        let plan = many("many")?.cross_join(one)?.build()?;
        let swapped = rewritten(plan.clone())?;
        assert!(swapped.transformed);
        assert_eq!(swapped.data.schema(), plan.schema());
        let text = swapped.data.display_indent().to_string();
        assert!(text.find("Alias: one") < text.find("Alias: many"), "{text}");
        // The join below is as it should be.
        assert!(!rewritten(swapped.data.inputs()[0].clone())?.transformed);
        Ok(())
    }

    #[test]
    fn many_rows_stay_where_they_are() -> Result<()> {
        let plan = many("a")?.cross_join(many("b")?.build()?)?.build()?;
        assert!(!rewritten(plan)?.transformed);
        Ok(())
    }
}
