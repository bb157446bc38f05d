//! Encapsulated Arrow IPC messages.

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::buffer::Buffer;
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::{
    DictionaryTracker, IpcDataGenerator, IpcWriteOptions, StreamEncoder, write_message,
};
use std::sync::Arc;

use super::opaque::shown;
use super::text::{Printer, Style};
use super::types::AsText;
use crate::error::SqlError;

pub fn schema_message(schema: &SchemaRef) -> Result<Vec<u8>, SqlError> {
    let options = IpcWriteOptions::default();
    let mut tracker = DictionaryTracker::new(true);
    let encoded = IpcDataGenerator::default().schema_to_bytes_with_dictionary_tracker(
        schema,
        &mut tracker,
        &options,
    );
    let mut out = Vec::new();
    write_message(&mut out, encoded, &options)?;
    Ok(out)
}

/// A batch of the wire schema as a message, in pieces: the arrays are not copied.
pub fn batch_message(batch: &RecordBatch) -> Result<Vec<Buffer>, SqlError> {
    let mut encoder = StreamEncoder::try_new(&batch.schema())?;
    // The first call writes the schema too, which has gone out long ago.
    encoder.encode(&batch.slice(0, 0))?;
    Ok(encoder.encode(batch)?)
}

/// Brings a batch to the wire schema.
pub fn to_wire(
    batch: &RecordBatch,
    schema: &SchemaRef,
    as_text: AsText,
    time_zone: &str,
) -> Result<RecordBatch, SqlError> {
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (column, field) in batch.columns().iter().zip(schema.fields()) {
        let column = &shown(column, time_zone)?;
        columns.push(if as_text.applies(column.data_type()) {
            text_column(column, time_zone)?
        } else if column.data_type() == field.data_type() {
            column.clone()
        } else {
            cast(column, field.data_type())?
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}

fn text_column(column: &ArrayRef, time_zone: &str) -> Result<ArrayRef, SqlError> {
    let printer = Printer::new(column, Style::Spark, time_zone)?;
    let mut builder = StringBuilder::new();
    let mut cell = String::new();
    for row in 0..column.len() {
        if printer.is_null(row) {
            builder.append_null();
        } else {
            cell.clear();
            printer.write(row, &mut cell);
            builder.append_value(&cell);
        }
    }
    Ok(Arc::new(builder.finish()))
}
