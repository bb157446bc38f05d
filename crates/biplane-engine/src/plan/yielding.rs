//! Joins let others have their turn. Few rows of a join's inputs can make billions of its output, and DataFusion's
//! operators give up their thread only where they read: without this a cancelled cross join would hold its threads,
//! and the engine with them, until it was through.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder, SortMergeJoinExec,
};
use std::cell::Cell;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::error::SqlError;

/// How long a thread may compute before others get it.
const TURN: Duration = Duration::from_millis(20);
/// Enough for another thread to take over the tasks of this one.
const HANDOVER: Duration = Duration::from_micros(200);

/// Whether a statement has still somebody who waits for it.
#[derive(Debug, Default)]
pub struct Wanted {
    gone: AtomicBool,
    by: Option<Instant>,
}

tokio::task_local! {
    static WANTED: Arc<Wanted>;
}

impl Wanted {
    pub fn until(time: Duration) -> Arc<Self> {
        Arc::new(Self { gone: AtomicBool::new(false), by: Instant::now().checked_add(time) })
    }

    /// Nobody waits any more.
    pub fn end(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }

    /// Plans that are made meanwhile look at it while they run.
    pub async fn scope<T>(self: Arc<Self>, statement: impl Future<Output = T>) -> T {
        WANTED.scope(self, statement).await
    }

    fn check(&self) -> Result<()> {
        let error = match self.by {
            _ if self.gone.load(Ordering::Relaxed) => SqlError::cancelled(),
            Some(by) if Instant::now() > by => SqlError::timeout(),
            _ => return Ok(()),
        };
        Err(DataFusionError::External(Box::new(error)))
    }
}

/// To be applied last: optimizer rules would not see the joins.
pub fn yielding(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let wanted = WANTED.try_with(Arc::clone).unwrap_or_default();
    let done = plan.transform_up(|plan| {
        let plan = match plan.downcast_ref::<NestedLoopJoinExec>() {
            Some(join) => with_turns(join, &wanted)?.unwrap_or(plan),
            None if multiplies(plan.as_ref()) => plan,
            None => return Ok(Transformed::no(plan)),
        };
        Ok(Transformed::yes(Arc::new(CooperativeExec::new(plan)) as _))
    });
    Ok(done?.data)
}

fn multiplies(plan: &dyn ExecutionPlan) -> bool {
    plan.is::<CrossJoinExec>() || plan.is::<HashJoinExec>() || plan.is::<SortMergeJoinExec>()
}

/// Pairs that its condition refuses never leave this join, so it takes turns where it asks the condition.
fn with_turns(
    join: &NestedLoopJoinExec,
    wanted: &Arc<Wanted>,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(filter) = join.filter() else { return Ok(None) };
    let turns = Turns { expr: filter.expression().clone(), wanted: wanted.clone() };
    let indices = filter.column_indices().to_vec();
    let filter = JoinFilter::new(Arc::new(turns), indices, filter.schema().clone());
    let join = NestedLoopJoinExecBuilder::from(join).with_filter(Some(filter)).build()?;
    Ok(Some(Arc::new(join)))
}

/// A condition that is asked again and again without a pause.
#[derive(Debug)]
struct Turns {
    expr: Arc<dyn PhysicalExpr>,
    wanted: Arc<Wanted>,
}

thread_local! {
    static BEGAN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The task cannot pause here, but it can go on outside of the runtime's threads.
fn give_way() {
    let now = Instant::now();
    let began = BEGAN.get().filter(|began| now.duration_since(*began) < 2 * TURN);
    BEGAN.set(Some(began.unwrap_or(now)));
    if began.is_none_or(|began| now.duration_since(began) < TURN) {
        return;
    }
    BEGAN.set(Some(now));
    let flavor = Handle::try_current().map(|runtime| runtime.runtime_flavor());
    if flavor.is_ok_and(|flavor| flavor == RuntimeFlavor::MultiThread) {
        tokio::task::block_in_place(|| std::thread::sleep(HANDOVER));
    }
}

impl PhysicalExpr for Turns {
    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.wanted.check()?;
        give_way();
        self.expr.evaluate(batch)
    }

    fn data_type(&self, input: &Schema) -> Result<DataType> {
        self.expr.data_type(input)
    }

    fn nullable(&self, input: &Schema) -> Result<bool> {
        self.expr.nullable(input)
    }

    fn return_field(&self, input: &Schema) -> Result<FieldRef> {
        self.expr.return_field(input)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.expr]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let expr = children.pop().unwrap_or_else(|| self.expr.clone());
        Ok(Arc::new(Self { expr, wanted: self.wanted.clone() }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt_sql(f)
    }
}

impl fmt::Display for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
    }
}

impl PartialEq for Turns {
    fn eq(&self, other: &Self) -> bool {
        self.expr.eq(&other.expr)
    }
}

impl Eq for Turns {}

impl Hash for Turns {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.expr.hash(state);
    }
}
