//! From an optimised plan to one that runs: DataFusion's planner, after joins were put in order, and before recursions
//! are bounded and joins made to yield.

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::OptimizerContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};
use std::sync::Arc;

#[derive(Debug)]
struct Planner;

pub fn query_planner() -> Arc<dyn QueryPlanner + Send + Sync> {
    Arc::new(Planner)
}

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = Arc::new(session.config_options().clone());
        let context = OptimizerContext::new_with_config_options(options);
        let plan = super::join_order::ordered(plan.clone(), &context)?;
        let plan = DefaultPhysicalPlanner::default().create_physical_plan(&plan, session).await?;
        super::yielding::yielding(super::recursion::bounded(plan)?)
    }
}
