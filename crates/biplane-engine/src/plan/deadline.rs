//! Planning ends. A plan is made on a worker in one go, which no timeout of the runtime interrupts: the time
//! is looked at between the rules.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::{AnalyzerRule, OptimizerConfig, OptimizerRule};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::SqlError;

/// Of one plan; thousands of columns and joins take seconds.
const PLANNING_MAX: Duration = Duration::from_secs(60);

tokio::task_local! {
    /// When the rules for the plan that this task makes must be through.
    static BY: Instant;
}

/// Planning begins now.
pub async fn start<T>(planning: impl Future<Output = T>) -> T {
    BY.scope(Instant::now() + PLANNING_MAX, planning).await
}

pub fn check() -> Result<()> {
    let late = BY.try_with(|by| Instant::now() > *by).unwrap_or(false);
    if !late {
        return Ok(());
    }
    let text = "The statement is too complex: it could not be planned in a minute";
    Err(DataFusionError::External(Box::new(SqlError::exhausted(text))))
}

#[derive(Debug)]
struct Check;

impl OptimizerRule for Check {
    fn name(&self) -> &str {
        "planning_deadline"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        check().map(|()| Transformed::no(plan))
    }
}

impl AnalyzerRule for Check {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        check().map(|()| plan)
    }

    fn name(&self) -> &str {
        "planning_deadline"
    }
}

pub fn analyzer_rule() -> Arc<dyn AnalyzerRule + Send + Sync> {
    Arc::new(Check)
}

/// Before every rule.
pub fn between(
    rules: Vec<Arc<dyn OptimizerRule + Send + Sync>>,
) -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let check: Arc<dyn OptimizerRule + Send + Sync> = Arc::new(Check);
    rules.into_iter().flat_map(|rule| [check.clone(), rule]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_late_ends() {
        assert!(check().is_ok());
        assert!(start(async { check() }).await.is_ok());
        let late = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        let error = BY.scope(late, async { check() }).await.unwrap_err();
        assert_eq!(SqlError::from(error).class, "RESOURCE_EXHAUSTED");
    }
}
