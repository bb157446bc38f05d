//! What the operators of a plan counted: for the metrics of the history and for the query profile.

use biplane_proto::v1;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::metrics::{MetricValue, MetricsSet};
use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan};
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;

const DETAIL_CHARS_MAX: usize = 400;
const DEPTH_MAX: usize = 200;
const NODES_MAX: usize = 2_000;

/// Rows and bytes that the leaves read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Read {
    pub rows: u64,
    pub bytes: u64,
    pub files: u64,
    pub files_pruned: u64,
    pub spilled: u64,
}

pub fn read(plan: &Arc<dyn ExecutionPlan>) -> Read {
    let mut read = Read::default();
    let mut stack = vec![plan.clone()];
    while let Some(node) = stack.pop() {
        if let Some(metrics) = node.metrics() {
            read.spilled += metrics.spilled_bytes().unwrap_or(0) as u64;
            if node.children().is_empty() {
                read.rows += metrics.output_rows().unwrap_or(0) as u64;
                read.bytes += bytes(&metrics);
                read.files += named(&metrics, "files_opened");
                read.files_pruned += named(&metrics, "files_ranges_pruned_statistics");
            }
        }
        stack.extend(node.children().into_iter().cloned());
    }
    read
}

fn bytes(metrics: &MetricsSet) -> u64 {
    named(metrics, "bytes_scanned")
}

fn named(metrics: &MetricsSet, name: &str) -> u64 {
    metrics.sum_by_name(name).map_or(0, |value| match value {
        MetricValue::PruningMetrics { pruning_metrics, .. } => pruning_metrics.pruned() as u64,
        other => other.as_usize() as u64,
    })
}

/// `{"name","detail","rows","elapsed_ms","bytes","spilled_bytes","children":[…]}`.
pub fn json(plan: &Arc<dyn ExecutionPlan>) -> String {
    let mut budget = NODES_MAX;
    node(plan, 0, &mut budget).to_string()
}

fn node(plan: &Arc<dyn ExecutionPlan>, depth: usize, budget: &mut usize) -> Value {
    *budget = budget.saturating_sub(1);
    let metrics = plan.metrics().unwrap_or_default();
    let mut children = Vec::new();
    if depth < DEPTH_MAX {
        for child in plan.children() {
            if *budget == 0 {
                break;
            }
            children.push(node(child, depth + 1, budget));
        }
    }
    json!({
        "name": plan.name().trim_end_matches("Exec"),
        "detail": detail(plan.as_ref()),
        "rows": metrics.output_rows().unwrap_or(0),
        "elapsed_ms": metrics.elapsed_compute().unwrap_or(0) as f64 / 1e6,
        "bytes": bytes(&metrics),
        "spilled_bytes": metrics.spilled_bytes().unwrap_or(0),
        "children": children,
    })
}

/// One line about a node, without the names of files.
fn detail(plan: &dyn ExecutionPlan) -> String {
    struct OneLine<'a>(&'a dyn ExecutionPlan);
    impl fmt::Display for OneLine<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt_as(DisplayFormatType::Default, f)
        }
    }
    let text = OneLine(plan).to_string();
    let text = match (text.find("file_groups={"), text.find("]}")) {
        (Some(from), Some(to)) if from < to => {
            format!("{}{}", &text[..from], text[to + 2..].trim_start_matches(", "))
        }
        _ => text,
    };
    text.chars().take(DETAIL_CHARS_MAX).collect()
}

pub fn progress(plan: &Arc<dyn ExecutionPlan>) -> v1::Progress {
    let read = read(plan);
    v1::Progress {
        phase: v1::progress::Phase::Running.into(),
        rows_read: read.rows,
        bytes_read: read.bytes,
        fraction: fraction(plan),
    }
}

/// Files done of all that are read; 0 where something is read whose size nobody knows.
fn fraction(plan: &Arc<dyn ExecutionPlan>) -> f32 {
    let (mut done, mut all) = (0, 0);
    let mut stack = vec![plan.clone()];
    while let Some(node) = stack.pop() {
        if node.children().is_empty() {
            let source = node.downcast_ref::<DataSourceExec>();
            let files = source.and_then(|s| s.data_source().downcast_ref::<FileScanConfig>());
            let Some(files) = files else { return 0.0 };
            all += files.file_groups.iter().map(FileGroup::len).sum::<usize>() as u64;
            done += node.metrics().map_or(0, |metrics| named(&metrics, "files_processed"));
        }
        stack.extend(node.children().into_iter().cloned());
    }
    #[expect(clippy::cast_precision_loss, reason = "a bar on a screen")]
    match all {
        0 => 0.0,
        all => (done.min(all) as f32) / (all as f32),
    }
}
