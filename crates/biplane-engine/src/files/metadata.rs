//! `_metadata`: what a query may ask of the file that a row came from. Hidden: `*` does not show it.

use arrow::array::{ArrayRef, Int64Array, StringArray, StructArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast;
use object_store::ObjectMeta;
use std::sync::Arc;

use crate::error::SqlResult;

pub const COLUMN: &str = "_metadata";

/// Too many rather than too few: a column that nobody asks for costs nothing.
pub fn is_asked_for(query: &ast::Query) -> bool {
    query.to_string().to_lowercase().contains(COLUMN)
}

pub fn data_type(zone: &Arc<str>) -> DataType {
    DataType::Struct(fields(zone))
}

fn fields(zone: &Arc<str>) -> Fields {
    let long = |name: &str| Field::new(name, DataType::Int64, true);
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some(zone.clone()));
    Fields::from(vec![
        text("file_path"),
        text("file_name"),
        long("file_size"),
        long("file_block_start"),
        long("file_block_length"),
        Field::new("file_modification_time", time, true),
    ])
}

/// Of one file, which is one block. `shown`: its path as users know it.
pub fn value(zone: &Arc<str>, file: &ObjectMeta, shown: &str) -> SqlResult<ScalarValue> {
    let size = i64::try_from(file.size).unwrap_or(i64::MAX);
    let long = |value: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![value])) };
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    let time = TimestampMicrosecondArray::from(vec![file.last_modified.timestamp_micros()]);
    let columns = vec![
        text(&uri(shown)),
        text(file.location.filename().unwrap_or_default()),
        long(size),
        long(0),
        long(size),
        Arc::new(time.with_timezone(zone.clone())),
    ];
    Ok(ScalarValue::Struct(Arc::new(StructArray::try_new(fields(zone), columns, None)?)))
}

/// Paths of volumes have a scheme there.
fn uri(shown: &str) -> String {
    match shown.starts_with('/') {
        true => format!("dbfs:{shown}"),
        false => shown.to_owned(),
    }
}
