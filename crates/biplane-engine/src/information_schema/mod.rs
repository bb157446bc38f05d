//! `information_schema` of each catalog and of `system`: rows made from the catalog's listings, as the
//! user of the statement, when a query asks for them.
//!
//! Conditions of the query on catalog, schema and table narrow down what is asked for.

mod filters;
mod keys;
mod rows;
mod tags;

use arrow::array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
pub use biplane_api::catalog::information_schema::table_infos;
use biplane_api::catalog::information_schema::{DEFINITIONS, Definition, Kind};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use std::sync::Arc;

use crate::commands::rest::Rest;
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};

/// The catalog whose information schema speaks of all catalogs.
pub const SYSTEM: &str = "system";

/// One value of a row.
#[derive(Debug, Clone)]
pub enum Cell {
    Text(Option<String>),
    Number(Option<i64>),
    /// Milliseconds since 1970.
    Time(i64),
}

impl Cell {
    fn text(value: impl Into<String>) -> Self {
        Self::Text(Some(value.into()))
    }

    fn null() -> Self {
        Self::Text(None)
    }
}

pub async fn provider(
    cx: &StatementContext,
    name: &[String; 3],
) -> SqlResult<Arc<dyn TableProvider>> {
    let definition = DEFINITIONS.iter().find(|definition| definition.name == name[2]);
    let definition = definition.ok_or_else(|| {
        SqlError::table_not_found(format!("`{}`.`{}`.`{}`", name[0], name[1], name[2]))
    })?;
    let rest = Rest::new(cx);
    let catalog = match name[0].as_str() {
        SYSTEM => None,
        other => {
            rest.catalog(other).await?;
            Some(other.to_owned())
        }
    };
    Ok(Arc::new(InfoTable {
        rest,
        catalog,
        definition,
        schema: Arc::new(arrow_schema(definition)),
    }))
}

#[derive(Debug)]
struct InfoTable {
    rest: Rest,
    /// None: of all catalogs.
    catalog: Option<String>,
    definition: &'static Definition,
    schema: SchemaRef,
}

fn arrow_schema(definition: &Definition) -> Schema {
    let fields: Vec<Field> = definition
        .columns
        .iter()
        .map(|(name, kind)| {
            let data_type = match kind {
                Kind::Text => DataType::Utf8,
                Kind::Int => DataType::Int32,
                Kind::Long => DataType::Int64,
                Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            };
            Field::new(*name, data_type, true)
        })
        .collect();
    Schema::new(fields)
}

fn batch(definition: &Definition, schema: &SchemaRef, rows: &[Vec<Cell>]) -> Result<RecordBatch> {
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(definition.columns.len());
    for (at, (_, kind)) in definition.columns.iter().enumerate() {
        let cells = || rows.iter().map(|row| row.get(at));
        let number = |cell: Option<&Cell>| match cell {
            Some(Cell::Number(number)) => *number,
            _ => None,
        };
        arrays.push(match kind {
            Kind::Text => {
                let texts = cells().map(|cell| match cell {
                    Some(Cell::Text(text)) => text.clone(),
                    _ => None,
                });
                Arc::new(texts.collect::<StringArray>())
            }
            Kind::Int => {
                let numbers = cells().map(|cell| number(cell).and_then(|n| i32::try_from(n).ok()));
                Arc::new(numbers.collect::<Int32Array>())
            }
            Kind::Long => Arc::new(cells().map(number).collect::<Int64Array>()),
            Kind::Time => {
                let times = cells().map(|cell| match cell {
                    Some(Cell::Time(ms)) => Some(ms.saturating_mul(1_000)),
                    _ => None,
                });
                Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
            }
        });
    }
    Ok(RecordBatch::try_new(schema.clone(), arrays)?)
}

#[async_trait]
impl TableProvider for InfoTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted = filters::Wanted::of(filters, self.catalog.as_deref());
        let rows = rows::of(&self.rest, self.definition.name, &wanted).await;
        let rows = rows.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let batch = batch(self.definition, &self.schema, &rows)?;
        let table = MemTable::try_new(self.schema.clone(), vec![vec![batch]])?;
        table.scan(state, projection, &[], limit).await
    }
}
