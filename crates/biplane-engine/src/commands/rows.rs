//! Small tables made by hand: the answers of SHOW and DESCRIBE that are more than text.

use arrow::array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, ListBuilder, MapBuilder, RecordBatch,
    StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema};
use std::sync::Arc;

use crate::error::SqlResult;
use crate::output::Output;

/// Columns added one after the other, each with its values.
#[derive(Default)]
pub struct Table {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

pub type Pairs = Vec<(String, String)>;

impl Table {
    fn with(mut self, name: &str, array: ArrayRef) -> Self {
        self.fields.push(Field::new(name, array.data_type().clone(), true));
        self.arrays.push(array);
        self
    }

    pub fn text(self, name: &str, values: Vec<Option<String>>) -> Self {
        self.with(name, Arc::new(StringArray::from(values)))
    }

    pub fn long(self, name: &str, values: Vec<Option<i64>>) -> Self {
        self.with(name, Arc::new(Int64Array::from(values)))
    }

    pub fn int(self, name: &str, values: Vec<Option<i32>>) -> Self {
        self.with(name, Arc::new(Int32Array::from(values)))
    }

    pub fn boolean(self, name: &str, values: Vec<Option<bool>>) -> Self {
        self.with(name, Arc::new(BooleanArray::from(values)))
    }

    /// Milliseconds since 1970.
    pub fn time(self, name: &str, values: Vec<Option<i64>>) -> Self {
        let micros: Vec<Option<i64>> =
            values.into_iter().map(|value| value.map(|ms| ms.saturating_mul(1_000))).collect();
        self.with(name, Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC")))
    }

    pub fn map(self, name: &str, values: Vec<Option<Pairs>>) -> Self {
        let mut builder = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        for value in values {
            for (key, value) in value.iter().flatten() {
                builder.keys().append_value(key);
                builder.values().append_value(value);
            }
            // Keys and values have the same length by construction.
            let _ = builder.append(value.is_some());
        }
        self.with(name, Arc::new(builder.finish()))
    }

    pub fn list(self, name: &str, values: Vec<Option<Vec<String>>>) -> Self {
        let mut builder = ListBuilder::new(StringBuilder::new());
        for value in values {
            for item in value.iter().flatten() {
                builder.values().append_value(item);
            }
            builder.append(value.is_some());
        }
        self.with(name, Arc::new(builder.finish()))
    }

    pub fn batch(self) -> SqlResult<RecordBatch> {
        Ok(RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.arrays)?)
    }

    pub fn output(self) -> SqlResult<Output> {
        let batch = self.batch()?;
        Ok(Output::Batches(batch.schema(), vec![batch]))
    }
}
