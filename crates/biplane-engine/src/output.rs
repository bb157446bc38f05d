//! What a statement leaves: rows, a count of modified rows, or nothing.

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::execution::SendableRecordBatchStream;
use std::sync::Arc;

use crate::error::SqlError;

/// The result of a statement.
pub enum Output {
    Stream(QueryStream),
    Batches(SchemaRef, Vec<RecordBatch>),
    Modified(Modified),
    /// A statement without a result set: DDL, USE, SET of a value.
    Empty,
}

/// Rows that are still being made, with the plan that makes them (for metrics and the profile).
pub struct QueryStream {
    pub stream: SendableRecordBatchStream,
    pub plan: Option<Arc<dyn datafusion::physical_plan::ExecutionPlan>>,
    /// Names of the result's columns when they differ from the stream's own.
    pub names: Option<Vec<String>>,
}

impl From<SendableRecordBatchStream> for QueryStream {
    fn from(stream: SendableRecordBatchStream) -> Self {
        Self { stream, plan: None, names: None }
    }
}

/// Rows a DML statement touched. It is also a result set of one row: `num_affected_rows` and, where
/// they are given, `num_updated_rows`, `num_deleted_rows`, `num_inserted_rows`, in Databricks' order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Modified {
    pub affected: i64,
    pub updated: Option<i64>,
    pub deleted: Option<i64>,
    pub inserted: Option<i64>,
}

impl Modified {
    /// INSERT: `num_affected_rows`, `num_inserted_rows`.
    pub fn inserted(rows: i64) -> Self {
        Self { affected: rows, inserted: Some(rows), ..Self::default() }
    }

    /// UPDATE and DELETE: `num_affected_rows` alone.
    pub fn affected(rows: i64) -> Self {
        Self { affected: rows, ..Self::default() }
    }

    pub fn into_batch(self) -> Result<RecordBatch, SqlError> {
        let columns = [
            ("num_affected_rows", Some(self.affected)),
            ("num_updated_rows", self.updated),
            ("num_deleted_rows", self.deleted),
            ("num_inserted_rows", self.inserted),
        ];
        let given = columns.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = given
            .map(|(name, value)| {
                let array: ArrayRef = Arc::new(Int64Array::from(vec![value]));
                (Field::new(name, DataType::Int64, true), array)
            })
            .unzip();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(SqlError::from)
    }
}

impl Output {
    /// Rows of text columns, as SHOW and DESCRIBE give them. Every row has one cell per name.
    pub fn text_rows<const N: usize>(
        names: [&str; N],
        rows: impl IntoIterator<Item = [Option<String>; N]>,
    ) -> Result<Self, SqlError> {
        let mut cells: [Vec<Option<String>>; N] = std::array::from_fn(|_| Vec::new());
        for row in rows {
            for (column, cell) in cells.iter_mut().zip(row) {
                column.push(cell);
            }
        }
        let fields: Vec<Field> =
            names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
        let arrays: Vec<ArrayRef> = cells
            .into_iter()
            .map(|column| Arc::new(StringArray::from(column)) as ArrayRef)
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(schema.clone(), arrays)?;
        Ok(Output::Batches(schema, vec![batch]))
    }
}
