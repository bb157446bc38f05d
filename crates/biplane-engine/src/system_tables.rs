//! System tables: rows that the control plane gives page by page, newest first, as the user of the
//! statement; through views as their owners.
//!
//! Conditions on the table's time narrow down what is asked for. A page is one batch; no more than one is
//! held.

use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use arrow::json::ReaderBuilder;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use biplane_api::catalog::system_tables::SystemTable;
use biplane_api::internal::{ResolvedTable, SystemRows, SystemRowsRequest};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, Operator, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use deltalake_core::kernel::{StructField, StructType};
use futures::stream;
use std::sync::Arc;

use crate::commands::columns;
use crate::commands::rest::Rest;
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};

const PATH: &str = "/internal/v1/system-rows";
const PAGE_ROWS: usize = 1000;

pub fn provider(
    cx: &StatementContext,
    table: &ResolvedTable,
    via: &[String],
) -> SqlResult<Arc<dyn TableProvider>> {
    let info = &table.info;
    let mut fields = Vec::with_capacity(info.columns.len());
    for column in &info.columns {
        let sql_type = crate::parser::parse_type(&column.type_text)?;
        fields.push(StructField::nullable(&column.name, columns::delta_type(&sql_type)?));
    }
    let schema = StructType::try_new(fields).map_err(|error| columns::invalid_schema(&error))?;
    let known = SystemTable::find(&info.schema_name, &info.name);
    Ok(Arc::new(SystemProvider {
        rest: Rest::new(cx),
        schema: columns::arrow_schema(&schema)?,
        time: known.map_or("", |table| table.time),
        request: SystemRowsRequest {
            schema: info.schema_name.clone(),
            name: info.name.clone(),
            via: via.to_vec(),
            since_ms: None,
            until_ms: None,
            limit: PAGE_ROWS as u32,
            page_token: None,
        },
    }))
}

#[derive(Debug)]
struct SystemProvider {
    rest: Rest,
    schema: SchemaRef,
    /// The name of the column that rows are ordered by.
    time: &'static str,
    request: SystemRowsRequest,
}

#[async_trait]
impl TableProvider for SystemProvider {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters
            .iter()
            .map(|filter| match bound(filter, self.time) {
                Some(_) => TableProviderFilterPushDown::Inexact,
                None => TableProviderFilterPushDown::Unsupported,
            })
            .collect())
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut request = self.request.clone();
        for bound in filters.iter().filter_map(|filter| bound(filter, self.time)) {
            if let Some(since) = bound.since_ms {
                request.since_ms = Some(request.since_ms.map_or(since, |known| known.max(since)));
            }
            if let Some(until) = bound.until_ms {
                request.until_ms = Some(request.until_ms.map_or(until, |known| known.min(until)));
            }
        }
        if let Some(limit) = limit {
            request.limit = limit.clamp(1, PAGE_ROWS) as u32;
        }
        let pages = Pages { rest: self.rest.clone(), schema: self.schema.clone(), request };
        Ok(Arc::new(StreamingTableExec::try_new(
            self.schema.clone(),
            vec![Arc::new(pages)],
            projection,
            None,
            false,
            limit,
        )?))
    }
}

#[derive(Debug)]
struct Pages {
    rest: Rest,
    schema: SchemaRef,
    request: SystemRowsRequest,
}

impl PartitionStream for Pages {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _ctx: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (rest, schema) = (self.rest.clone(), self.schema.clone());
        let pages = stream::try_unfold(Some(self.request.clone()), move |request| {
            let (rest, schema) = (rest.clone(), schema.clone());
            async move {
                let Some(request) = request else { return Ok(None) };
                let page: SystemRows =
                    rest.post_at(PATH, &request).await.map_err(|e| external(e.into()))?;
                let batch = batch(&schema, &page)?;
                let next = page
                    .next_page_token
                    .map(|token| SystemRowsRequest { page_token: Some(token), ..request });
                Ok(Some((batch, next)))
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), pages))
    }
}

fn external(error: SqlError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

fn batch(schema: &SchemaRef, page: &SystemRows) -> Result<RecordBatch> {
    let mut decoder = ReaderBuilder::new(schema.clone())
        .with_batch_size(page.rows.len().max(1))
        .build_decoder()?;
    for row in &page.rows {
        let mut text = row.get().as_bytes();
        while !text.is_empty() {
            let read = decoder.decode(text)?;
            text = text.get(read..).filter(|_| read > 0).ok_or_else(|| {
                external(SqlError::internal("a page of a system table has too many rows"))
            })?;
        }
    }
    Ok(decoder.flush()?.unwrap_or_else(|| RecordBatch::new_empty(schema.clone())))
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Bound {
    since_ms: Option<i64>,
    until_ms: Option<i64>,
}

/// What a condition says of the time, as whole milliseconds, both included; more rows may come than it lets through.
fn bound(filter: &Expr, time: &str) -> Option<Bound> {
    let Expr::BinaryExpr(binary) = filter else { return None };
    let (op, at) = if is_column(&binary.left, time) {
        (binary.op, instant(&binary.right)?)
    } else if is_column(&binary.right, time) {
        (binary.op.swap()?, instant(&binary.left)?)
    } else {
        return None;
    };
    let floor = at.div_euclid(1000);
    let since = Bound { since_ms: Some(floor), until_ms: None };
    let until = Bound { since_ms: None, until_ms: Some(floor.saturating_add(1)) };
    match op {
        Operator::Gt | Operator::GtEq => Some(since),
        Operator::Lt | Operator::LtEq => Some(until),
        Operator::Eq => Some(Bound { since_ms: since.since_ms, until_ms: until.until_ms }),
        _ => None,
    }
}

fn is_column(expr: &Expr, name: &str) -> bool {
    match expr {
        Expr::Column(column) => column.name == name,
        // In another time zone it is the same instant.
        Expr::Cast(cast) => {
            let same = matches!(
                cast.field.data_type(),
                DataType::Timestamp(TimeUnit::Microsecond, Some(_))
            );
            same && is_column(&cast.expr, name)
        }
        _ => false,
    }
}

/// Microseconds since 1970.
fn instant(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(value, _) => match value {
            ScalarValue::TimestampSecond(Some(at), Some(_)) => at.checked_mul(1_000_000),
            ScalarValue::TimestampMillisecond(Some(at), Some(_)) => at.checked_mul(1000),
            ScalarValue::TimestampMicrosecond(Some(at), Some(_)) => Some(*at),
            ScalarValue::TimestampNanosecond(Some(at), Some(_)) => Some(at.div_euclid(1000)),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::logical_expr::{col, lit};

    #[test]
    fn conditions_on_the_time_narrow_down() {
        let at = |micros: i64| {
            lit(ScalarValue::TimestampMicrosecond(Some(micros), Some("Europe/Berlin".into())))
        };
        let of = |expr: Expr| bound(&expr, "event_time").map(|b| (b.since_ms, b.until_ms));
        assert_eq!(of(col("event_time").gt(at(5_999))), Some((Some(5), None)));
        assert_eq!(of(at(5_999).gt(col("event_time"))), Some((None, Some(6))));
        assert_eq!(of(col("event_time").eq(at(-1))), Some((Some(-1), Some(0))));
        assert_eq!(of(col("other").eq(at(1))), None);
        assert_eq!(of(col("event_time").not_eq(at(1))), None);
    }
}
