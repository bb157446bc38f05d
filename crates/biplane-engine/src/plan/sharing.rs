//! What a statement would compute more than once, it computes once: a CTE that is named twice is planned twice,
//! and so is everything that is written twice. Only what contains an aggregation: others are computed
//! faster than they are kept.

mod exec;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion, TreeNodeVisitor};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan};
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use exec::{Shared, SharedExec};

/// Larger plans stay as they are.
const NODES_MAX: usize = 5_000;
const DEPTH_MAX: usize = 200;

#[derive(Debug)]
struct Sharing;

/// To be applied first: later rules bring what comes from above into a plan, which makes equals different.
pub fn rule() -> Arc<dyn PhysicalOptimizerRule + Send + Sync> {
    Arc::new(Sharing)
}

impl PhysicalOptimizerRule for Sharing {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut seen = Seen::default();
        plan.visit(&mut seen)?;
        match seen.is_out_of_bounds || !seen.counts.values().any(|count| *count > 1) {
            true => Ok(plan),
            false => Ok(seen.shared(plan, 1)?.data),
        }
    }

    fn name(&self) -> &str {
        "sharing"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// What a subtree does, and whether that may and should be done once.
#[derive(Clone, Copy)]
struct Subtree {
    key: u64,
    aggregates: bool,
    is_stable: bool,
}

#[derive(Default)]
struct Seen {
    counts: HashMap<u64, usize>,
    /// By the address of the node.
    keys: HashMap<usize, u64>,
    shared: HashMap<u64, Arc<Shared>>,
    /// Finished children, for each node that is begun.
    children: Vec<Vec<Subtree>>,
    is_out_of_bounds: bool,
}

fn address(node: &Arc<dyn ExecutionPlan>) -> usize {
    Arc::as_ptr(node).cast::<()>() as usize
}

impl TreeNodeVisitor<'_> for Seen {
    type Node = Arc<dyn ExecutionPlan>;

    fn f_down(&mut self, node: &Self::Node) -> Result<TreeNodeRecursion> {
        self.children.push(Vec::new());
        let is_large = self.children.len() > DEPTH_MAX || self.keys.len() > NODES_MAX;
        // Its parts run again and again.
        self.is_out_of_bounds |= is_large || node.is::<RecursiveQueryExec>();
        Ok(match self.is_out_of_bounds {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    }

    fn f_up(&mut self, node: &Self::Node) -> Result<TreeNodeRecursion> {
        let children = self.children.pop().unwrap_or_default();
        let subtree = subtree(node, &children)?;
        if subtree.aggregates && subtree.is_stable {
            self.keys.insert(address(node), subtree.key);
            *self.counts.entry(subtree.key).or_default() += 1;
        }
        if let Some(siblings) = self.children.last_mut() {
            siblings.push(subtree);
        }
        Ok(TreeNodeRecursion::Continue)
    }
}

fn subtree(node: &Arc<dyn ExecutionPlan>, children: &[Subtree]) -> Result<Subtree> {
    let mut hasher = DefaultHasher::new();
    Verbose(node.as_ref()).to_string().hash(&mut hasher);
    node.name().hash(&mut hasher);
    node.schema().hash(&mut hasher);
    node.properties().partitioning.partition_count().hash(&mut hasher);
    let mut is_stable = match children.is_empty() {
        true => is_of_files(node, &mut hasher),
        false => children.iter().all(|child| child.is_stable),
    };
    if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
        format!("{:?} {:?}", aggregate.aggr_expr(), aggregate.filter_expr()).hash(&mut hasher);
    }
    node.apply_expressions(&mut |expr| {
        expr.dyn_hash(&mut hasher);
        is_stable &= !is_volatile(expr)?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    for child in children {
        child.key.hash(&mut hasher);
    }
    let aggregates = node.is::<AggregateExec>() || children.iter().any(|child| child.aggregates);
    Ok(Subtree { key: hasher.finish(), aggregates, is_stable })
}

/// Whether a leaf reads files of a store of this statement; others do not show what they read.
fn is_of_files(leaf: &Arc<dyn ExecutionPlan>, hasher: &mut DefaultHasher) -> bool {
    let source = leaf.downcast_ref::<DataSourceExec>();
    let files = source.and_then(|source| source.data_source().downcast_ref::<FileScanConfig>());
    let Some(files) = files else { return false };
    files.object_store_url.as_str().hash(hasher);
    for file in files.file_groups.iter().flat_map(|group| group.iter()) {
        file.object_meta.location.as_ref().hash(hasher);
        file.range.as_ref().map(|range| (range.start, range.end)).hash(hasher);
    }
    true
}

fn is_volatile(expr: &Arc<dyn PhysicalExpr>) -> Result<bool> {
    expr.exists(|expr| Ok(expr.is_volatile_node()))
}

struct Verbose<'a>(&'a dyn ExecutionPlan);

impl fmt::Display for Verbose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_as(DisplayFormatType::Verbose, f)
    }
}

impl Seen {
    /// `above`: how often the whole is there that this is a part of. A part of what is shared is shared by
    /// itself only if it is somewhere else too.
    fn shared(
        &mut self,
        node: Arc<dyn ExecutionPlan>,
        above: usize,
    ) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
        let key = self.keys.get(&address(&node)).copied();
        let count = key.and_then(|key| self.counts.get(&key)).copied().unwrap_or(0);
        let inner = node.map_children(|child| self.shared(child, above.max(count)))?;
        let Some(key) = key.filter(|_| count > above) else { return Ok(inner) };
        let shared = self.shared.entry(key).or_default().clone();
        Ok(Transformed::yes(Arc::new(SharedExec::new(inner.data, shared))))
    }
}
