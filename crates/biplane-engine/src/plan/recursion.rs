//! A recursion ends after so many levels, as in Spark: one that never comes to its end would fill the memory.

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result, internal_datafusion_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::ChildrenPropertiesMode::Recompute;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::rewrite::{HIDDEN, LEVELS};
use crate::error::SqlError;

/// Where the query says nothing.
const LEVELS_MAX: u32 = 100;

/// To be applied behind the optimizer, which knows nothing of levels.
pub fn bounded(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|plan| {
        let Some(recursion) = plan.downcast_ref::<RecursiveQueryExec>() else {
            return Ok(Transformed::no(plan));
        };
        let level = Arc::new(AtomicU32::new(0));
        let most = levels(recursion.name());
        let of = |term: &Arc<dyn ExecutionPlan>, is_first| -> Arc<dyn ExecutionPlan> {
            Arc::new(LevelExec { term: term.clone(), is_first, level: level.clone(), most })
        };
        let terms = vec![of(recursion.static_term(), true), of(recursion.recursive_term(), false)];
        plan.replace_children(terms, ReplaceChildrenOptions::new(Recompute)).map(Transformed::yes)
    })
    .data()
}

/// `MAX RECURSION LEVEL` stands in the name that the rewriting gave to the query.
fn levels(name: &str) -> u32 {
    let marked = name.split(HIDDEN).find_map(|part| part.strip_prefix(LEVELS));
    marked.and_then(|number| number.parse().ok()).unwrap_or(LEVELS_MAX)
}

/// One of the two terms of a recursion: each time the second one runs is a level.
#[derive(Debug)]
struct LevelExec {
    term: Arc<dyn ExecutionPlan>,
    is_first: bool,
    level: Arc<AtomicU32>,
    most: u32,
}

impl DisplayAs for LevelExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LevelExec: at most {}", self.most)
    }
}

impl ExecutionPlan for LevelExec {
    fn name(&self) -> &str {
        "LevelExec"
    }

    fn schema(&self) -> SchemaRef {
        self.term.schema()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.term.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.term]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let term = children.pop();
        let term = term.ok_or_else(|| internal_datafusion_err!("a level comes from a plan"))?;
        let (is_first, level, most) = (self.is_first, self.level.clone(), self.most);
        Ok(Arc::new(Self { term, is_first, level, most }))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(Recompute))
    }

    fn execute(&self, partition: usize, cx: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if self.is_first {
            self.level.store(0, Ordering::Relaxed);
        } else if self.level.fetch_add(1, Ordering::Relaxed) >= self.most {
            let text = format!(
                "Recursion level limit {} reached but query has not exhausted, try increasing it like \
                 'WITH RECURSIVE t(col) MAX RECURSION LEVEL 200'",
                self.most
            );
            let error = SqlError::new("RECURSION_LEVEL_LIMIT_EXCEEDED", "42836", text);
            return Err(DataFusionError::External(Box::new(error)));
        }
        self.term.execute(partition, cx)
    }
}
