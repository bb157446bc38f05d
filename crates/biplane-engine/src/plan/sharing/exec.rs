//! The operator that computes its input once for all that read it, in memory while there is some, then on disk.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, Statistics, internal_datafusion_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, SpillFile, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::{
    CardinalityEffect, EmissionType, ReplaceChildrenOptions, SchedulingType,
};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet, SpillMetrics};
use datafusion::physical_plan::spill::{SpillManager, get_record_batch_memory_size};
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::future::{BoxFuture, FutureExt, Shared as SharedFuture};
use futures::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;

type Computing = SharedFuture<BoxFuture<'static, Result<Arc<Kept>, Arc<DataFusionError>>>>;

/// What the copies of one plan have in common.
#[derive(Default)]
pub struct Shared {
    /// By partition; none before somebody reads.
    partitions: Mutex<Option<Vec<Computing>>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

#[derive(Debug, Clone)]
pub struct SharedExec {
    input: Arc<dyn ExecutionPlan>,
    shared: Arc<Shared>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SharedExec {
    pub fn new(input: Arc<dyn ExecutionPlan>, shared: Arc<Shared>) -> Self {
        let properties = PlanProperties::clone(input.properties())
            .with_emission_type(EmissionType::Final)
            .with_scheduling_type(SchedulingType::Cooperative);
        let metrics = ExecutionPlanMetricsSet::new();
        Self { input, shared, properties: Arc::new(properties), metrics }
    }

    /// None: another copy is cut into other partitions.
    fn computing(&self, partition: usize, cx: &Arc<TaskContext>) -> Result<Option<Computing>> {
        let mut partitions = self.shared.partitions.lock();
        let count = self.input.output_partitioning().partition_count();
        let all = match &mut *partitions {
            Some(all) => all,
            // All at once: one may wait for what another one makes.
            none => none.insert(
                (0..count).map(|at| self.compute(at, cx.clone())).collect::<Result<Vec<_>>>()?,
            ),
        };
        Ok((all.len() == count).then(|| all.get(partition).cloned()).flatten())
    }

    fn compute(&self, partition: usize, cx: Arc<TaskContext>) -> Result<Computing> {
        let rows = self.input.execute(partition, cx.clone())?;
        let metrics = SpillMetrics::new(&self.metrics, partition);
        let spills = SpillManager::new(cx.runtime_env(), metrics, self.input.schema());
        let memory = MemoryConsumer::new(format!("shared[{partition}]"))
            .with_can_spill(true)
            .register(cx.memory_pool());
        let task = SpawnedTask::spawn(keep(rows, spills, memory));
        let kept = async move {
            let kept = task.await.map_err(|error| DataFusionError::External(Box::new(error)));
            kept.and_then(|kept| kept).map(Arc::new).map_err(Arc::new)
        };
        Ok(kept.boxed().shared())
    }
}

/// Rows of one partition: those in memory come first.
struct Kept {
    batches: Vec<RecordBatch>,
    spilled: Option<Arc<dyn SpillFile>>,
    spills: SpillManager,
    /// Given back with the rows.
    _memory: MemoryReservation,
}

async fn keep(
    mut rows: SendableRecordBatchStream,
    spills: SpillManager,
    memory: MemoryReservation,
) -> Result<Kept> {
    let mut batches = Vec::new();
    let mut file = None;
    while let Some(batch) = rows.try_next().await? {
        if file.is_none() && memory.try_grow(get_record_batch_memory_size(&batch)).is_ok() {
            batches.push(batch);
            continue;
        }
        let writer = match &mut file {
            Some(writer) => writer,
            none => {
                let writer = none.insert(spills.create_in_progress_file("shared rows")?);
                for batch in batches.drain(..) {
                    writer.append_batch(&batch)?;
                }
                memory.free();
                writer
            }
        };
        writer.append_batch(&batch)?;
    }
    let spilled = file.map(|mut file| file.finish()).transpose()?.flatten();
    Ok(Kept { batches, spilled, spills, _memory: memory })
}

fn read(kept: Arc<Kept>) -> Result<SendableRecordBatchStream> {
    let schema = kept.spills.schema().clone();
    let spilled = kept.spilled.clone().map(|file| kept.spills.read_spill_as_stream(file, None));
    let count = kept.batches.len();
    let in_memory = (0..count).map(move |index| {
        let batch = kept.batches.get(index).cloned();
        batch.ok_or_else(|| internal_datafusion_err!("a kept batch is gone"))
    });
    let rows = stream::iter(in_memory);
    Ok(match spilled.transpose()? {
        Some(spilled) => Box::pin(RecordBatchStreamAdapter::new(schema, rows.chain(spilled))),
        None => Box::pin(RecordBatchStreamAdapter::new(schema, rows)),
    })
}

impl DisplayAs for SharedExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedExec")
    }
}

impl ExecutionPlan for SharedExec {
    fn name(&self) -> &str {
        "SharedExec"
    }

    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
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
        let input = children.pop();
        let input =
            input.ok_or_else(|| internal_datafusion_err!("shared rows come from a plan"))?;
        Ok(Arc::new(Self::new(input, self.shared.clone())))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        use datafusion::physical_plan::execution_plan::ChildrenPropertiesMode::Recompute;
        self.replace_children(children, ReplaceChildrenOptions::new(Recompute))
    }

    fn execute(&self, partition: usize, cx: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let this = self.clone();
        let rows = async move {
            match this.computing(partition, &cx)? {
                Some(computing) => read(computing.await.map_err(DataFusionError::Shared)?),
                None => this.input.execute(partition, cx),
            }
        };
        let rows = stream::once(rows).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let input = inputs.first().cloned();
        Ok(input.unwrap_or_else(|| Arc::new(Statistics::new_unknown(&self.schema()))))
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::Int64Array;
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;
    use datafusion::physical_plan::collect_partitioned;
    use datafusion::physical_plan::test::TestMemoryExec;

    type Rows = Vec<Vec<RecordBatch>>;

    async fn read_twice(memory_bytes: usize) -> Result<(Rows, Rows, usize)> {
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, false)]));
        let batch = |from: i64| {
            let values = Arc::new(Int64Array::from_iter_values(from..from + 1_000));
            RecordBatch::try_new(schema.clone(), vec![values])
        };
        let rows = [vec![batch(0)?, batch(1_000)?], vec![batch(2_000)?]];
        let rows = TestMemoryExec::try_new_exec(&rows, schema.clone(), None)?;
        let runtime = RuntimeEnvBuilder::new().with_memory_limit(memory_bytes, 1.0).build_arc()?;
        let cx = Arc::new(TaskContext::default().with_runtime(runtime));
        let shared = Arc::new(Shared::default());
        let one = Arc::new(SharedExec::new(rows.clone(), shared.clone()));
        let other = Arc::new(SharedExec::new(rows, shared));
        let first = collect_partitioned(one.clone(), cx.clone()).await?;
        let second = collect_partitioned(other, cx).await?;
        let spilled = one.metrics().and_then(|metrics| metrics.spilled_bytes());
        Ok((first, second, spilled.unwrap_or(0)))
    }

    #[tokio::test]
    async fn all_read_the_same_rows() -> Result<()> {
        let (first, second, spilled) = read_twice(1 << 20).await?;
        assert_eq!(first, second);
        assert_eq!(first.iter().flatten().map(RecordBatch::num_rows).sum::<usize>(), 3_000);
        assert_eq!(spilled, 0);
        Ok(())
    }

    #[tokio::test]
    async fn without_memory_they_are_read_from_the_disk() -> Result<()> {
        let (first, second, spilled) = read_twice(9_000).await?;
        assert_eq!(first, second);
        assert_eq!(first.iter().flatten().map(RecordBatch::num_rows).sum::<usize>(), 3_000);
        assert!(spilled > 0);
        Ok(())
    }
}
