//! Results of queries, kept for the same query over the same data.
//!
//! What must hold: a query is planned first, every time, so the catalog has said that its user may read
//! what it reads; a result is found again only by the very plan and the very versions of all tables in
//! it; a query that may answer otherwise tomorrow is not kept.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream};
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::physical_plan::memory::MemoryStream;
use datafusion::sql::sqlparser::ast;
use futures::{Stream, StreamExt};
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::context::StatementContext;

const AGE_MAX: Duration = Duration::from_secs(24 * 3_600);
/// The part of the engine's memory that is for results, and the part of that for one of them.
const OF_MEMORY: u64 = 32;
const OF_ALL: usize = 8;
/// Functions that say they follow the session: its settings are part of the key.
const OF_SESSION: [&str; 1] = ["to_text"];

type Key = [u8; 32];

pub struct Results {
    kept: Cache<Key, Arc<Rows>>,
    bytes_max: usize,
}

struct Rows {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    bytes: usize,
}

/// What a statement read, as far as that can be told from the data of another time.
#[derive(Default)]
pub struct Reads {
    versions: Vec<String>,
    others: bool,
}

impl Reads {
    pub fn version(&mut self, of: String) {
        self.versions.push(of);
    }

    /// Something that has no version: files, system tables.
    pub fn other(&mut self) {
        self.others = true;
    }
}

impl Results {
    pub fn new(memory_bytes: u64) -> Self {
        let all = memory_bytes / OF_MEMORY;
        let weigh = |_: &Key, rows: &Arc<Rows>| u32::try_from(rows.bytes).unwrap_or(u32::MAX);
        Self {
            kept: Cache::builder().max_capacity(all).weigher(weigh).time_to_live(AGE_MAX).build(),
            bytes_max: usize::try_from(all).unwrap_or(usize::MAX) / OF_ALL,
        }
    }

    pub fn get(&self, key: &Key) -> Option<SendableRecordBatchStream> {
        let rows = self.kept.get(key)?;
        let stream = MemoryStream::try_new(rows.batches.clone(), rows.schema.clone(), None);
        Some(Box::pin(stream.ok()?))
    }

    /// The same rows; when the last has gone by, they are kept.
    pub fn keeping(
        &self,
        key: Key,
        stream: SendableRecordBatchStream,
    ) -> SendableRecordBatchStream {
        let rows = Rows { schema: stream.schema(), batches: Vec::new(), bytes: 0 };
        let kept = self.kept.clone();
        Box::pin(Keeping { stream, rows: Some(rows), key, kept, bytes_max: self.bytes_max })
    }
}

struct Keeping {
    stream: SendableRecordBatchStream,
    /// None: there is too much.
    rows: Option<Rows>,
    key: Key,
    kept: Cache<Key, Arc<Rows>>,
    bytes_max: usize,
}

impl Stream for Keeping {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = futures::ready!(self.stream.poll_next_unpin(cx));
        match &next {
            Some(Ok(batch)) => {
                let max = self.bytes_max;
                if let Some(rows) = &mut self.rows {
                    rows.bytes += batch.get_array_memory_size();
                    rows.batches.push(batch.clone());
                }
                self.rows.take_if(|rows| rows.bytes > max);
            }
            Some(Err(_)) => self.rows = None,
            None => {
                if let Some(rows) = self.rows.take() {
                    self.kept.insert(self.key, Arc::new(rows));
                }
            }
        }
        Poll::Ready(next)
    }
}

impl RecordBatchStream for Keeping {
    fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }
}

/// None: the result is not one to keep.
pub fn key(cx: &StatementContext, query: &ast::Query, plan: &LogicalPlan) -> Option<Key> {
    if cx.conf("use_cached_result").is_some_and(|value| value.trim().eq_ignore_ascii_case("false"))
    {
        return None;
    }
    let mut versions = {
        let reads = cx.reads.lock();
        if reads.others || reads.versions.is_empty() {
            return None;
        }
        reads.versions.clone()
    };
    versions.sort_unstable();
    let mut conf: Vec<_> = cx.state.conf.iter().collect();
    conf.sort_unstable();
    let mut digest = Fed(Sha256::new());
    (versions, conf, cx.catalog(), cx.schema(), query.to_string()).hash(&mut digest);
    feed(plan, &mut digest).ok()?.then(|| digest.0.finalize().into())
}

/// Views are plans within the plan. False: it may answer otherwise another time.
fn feed(plan: &LogicalPlan, digest: &mut Fed) -> Result<bool> {
    plan.hash(digest);
    let mut lasts = true;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Some(inner) = scan.source.get_logical_plan()
        {
            lasts &= feed(&inner, digest)?;
        }
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                lasts &= answers_the_same(expr);
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(if lasts { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(lasts)
}

/// Whether it has the same value for the same rows another time, and for another user.
pub fn answers_the_same(expr: &Expr) -> bool {
    let Expr::ScalarFunction(call) = expr else { return true };
    match call.func.signature().volatility {
        Volatility::Immutable => true,
        Volatility::Stable => OF_SESSION.contains(&call.func.name()),
        Volatility::Volatile => false,
    }
}

/// All that is hashed, in a digest that nobody can make two of.
struct Fed(Sha256);

impl Hasher for Fed {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}
