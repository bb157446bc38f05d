//! Encapsulated Arrow IPC messages.

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::{
    DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions, write_message,
};
use std::sync::Arc;

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

/// Batches of the wire schema, one message each.
pub fn batch_messages(batches: &[RecordBatch]) -> Result<Vec<u8>, SqlError> {
    let options = IpcWriteOptions::default();
    let mut tracker = DictionaryTracker::new(true);
    let mut scratch = IpcWriteContext::default();
    let mut out = Vec::new();
    for batch in batches {
        // Wire schemas hold no dictionaries.
        let (_, encoded) =
            IpcDataGenerator::default().encode(batch, &mut tracker, &options, &mut scratch)?;
        out.reserve(encoded.arrow_data.len() + encoded.ipc_message.len() + 64);
        write_message(&mut out, encoded, &options)?;
    }
    Ok(out)
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
