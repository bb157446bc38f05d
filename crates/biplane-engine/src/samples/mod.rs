//! `samples.tpch`: made by `CALL biplane.generate_tpch('<scale factor>')`.
//!
//! Each table is made as any table is: written where nobody sees it, then published. Rows are
//! generated while they are written, so memory does not grow with the scale; a table that is there
//! is left alone, so a call that was cut off is finished by the next.

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use std::fmt;
use std::sync::Arc;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
    PartSuppGenerator, RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow,
    SupplierArrow,
};

use crate::commands::{samples_schema, samples_table};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;

const SCALE_MAX: f64 = 100.0;
const BATCH_ROWS: usize = 8_192;
const TABLES: [&str; 8] =
    ["region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem"];

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

pub async fn generate_tpch(cx: &StatementContext, scale: &str) -> SqlResult<Output> {
    let scale: f64 = scale
        .trim()
        .parse()
        .ok()
        .filter(|scale: &f64| *scale > 0.0 && *scale <= SCALE_MAX)
        .ok_or_else(|| {
            SqlError::invalid_parameter("The scale factor must be above 0 and at most 100")
        })?;
    samples_schema(cx).await?;
    let mut rows = Vec::new();
    for name in TABLES {
        // The first generator makes the text that all of them quote from, which takes its time.
        let made = tokio::task::spawn_blocking(move || batches(name, scale).map(|made| made.0));
        let schema = made.await.map_err(SqlError::internal)??;
        let table =
            StreamingTable::try_new(schema.clone(), vec![Arc::new(Rows { name, scale, schema })])?;
        let scan =
            LogicalPlanBuilder::scan(name, provider_as_source(Arc::new(table)), None)?.build()?;
        let full = ["samples".to_owned(), "tpch".to_owned(), name.to_owned()];
        let made = samples_table(cx, full, scan).await?;
        rows.push([
            Some(name.to_owned()),
            Some(if made { "created" } else { "exists" }.to_owned()),
        ]);
    }
    Output::text_rows(["table", "state"], rows)
}

/// The generator of a table, as an iterator of batches, and its columns.
fn batches(name: &str, scale: f64) -> SqlResult<(SchemaRef, Batches)> {
    fn boxed<I: RecordBatchReader + Send + 'static>(generator: I) -> (SchemaRef, Batches) {
        (generator.schema(), Box::new(generator))
    }
    Ok(match name {
        "region" => {
            boxed(RegionArrow::new(RegionGenerator::new(scale, 1, 1)).with_batch_size(BATCH_ROWS))
        }
        "nation" => {
            boxed(NationArrow::new(NationGenerator::new(scale, 1, 1)).with_batch_size(BATCH_ROWS))
        }
        "supplier" => boxed(
            SupplierArrow::new(SupplierGenerator::new(scale, 1, 1)).with_batch_size(BATCH_ROWS),
        ),
        "customer" => boxed(
            CustomerArrow::new(CustomerGenerator::new(scale, 1, 1)).with_batch_size(BATCH_ROWS),
        ),
        "part" => {
            boxed(PartArrow::new(PartGenerator::new(scale, 1, 1)).with_batch_size(BATCH_ROWS))
        }
        "partsupp" => boxed(
            PartSuppArrow::new(PartSuppGenerator::new(scale, 1, 1)).with_batch_size(BATCH_ROWS),
        ),
        "orders" => {
            boxed(OrderArrow::new(OrderGenerator::new(scale, 1, 1)).with_batch_size(BATCH_ROWS))
        }
        "lineitem" => boxed(
            LineItemArrow::new(LineItemGenerator::new(scale, 1, 1)).with_batch_size(BATCH_ROWS),
        ),
        other => return Err(SqlError::internal(format!("no generator of {other}"))),
    })
}

/// The rows of one table, generated as they are asked for.
struct Rows {
    name: &'static str,
    scale: f64,
    schema: SchemaRef,
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PartitionStream for Rows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (sender, receiver) = tokio::sync::mpsc::channel(2);
        let (name, scale) = (self.name, self.scale);
        // Generating is work for a processor; it must not hold up a thread that serves others.
        tokio::task::spawn_blocking(move || match batches(name, scale) {
            Ok((_, batches)) => {
                for batch in batches {
                    if sender.blocking_send(batch.map_err(DataFusionError::from)).is_err() {
                        return;
                    }
                }
            }
            Err(error) => {
                let _ = sender.blocking_send(Err(DataFusionError::External(Box::new(error))));
            }
        });
        let stream = tokio_stream::wrappers::ReceiverStream::new(receiver);
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), stream))
    }
}
