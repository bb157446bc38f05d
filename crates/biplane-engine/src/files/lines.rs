//! Lines of JSON → columns. What does not fit its column becomes NULL, and is rescued if asked for.
//!
//! Arrow's decoder reads a batch of lines at once. Where a line has something that the columns have not,
//! the batch is taken apart record by record.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, StructArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use serde_json::{Map, Value};
use std::sync::Arc;

use super::rescue;
use crate::error::SqlError;

/// The field of the result that has what was rescued.
pub const RESCUED: &str = "\u{1}rescued";

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Lines {
    pub fields: Fields,
    pub rescue: bool,
    pub fail_fast: bool,
    /// In which times without a zone are read.
    pub zone: Arc<str>,
    pub signature: Signature,
}

/// A struct with a field for every column.
pub fn decoded(
    line: Expr,
    path: Expr,
    fields: Fields,
    rescue: bool,
    fail_fast: bool,
    zone: Arc<str>,
) -> Expr {
    let signature = Signature::any(2, Volatility::Immutable);
    let function = Lines { fields, rescue, fail_fast, zone, signature };
    ScalarUDF::new_from_impl(function).call(vec![line, path])
}

impl ScalarUDFImpl for Lines {
    fn name(&self) -> &'static str {
        "json_lines"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(self.out_fields()))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let mut arguments = arguments.args.into_iter();
        let mut next = || -> Result<ArrayRef> {
            let missing = || DataFusionError::Internal("an argument is missing".to_owned());
            rescue::texts(&arguments.next().ok_or_else(missing)?.into_array(rows)?)
        };
        let (lines, paths) = (next()?, next()?);
        let (mut columns, rescued) = match self.at_once(lines.as_string()) {
            Some(columns) => (columns, None),
            None => self.one_by_one(lines.as_string(), paths.as_string())?,
        };
        if self.rescue {
            let none = || Arc::new(StringArray::new_null(rows)) as ArrayRef;
            columns.push(rescued.unwrap_or_else(none));
        }
        let out = StructArray::try_new_with_length(self.out_fields(), columns, None, rows)?;
        Ok(ColumnarValue::Array(Arc::new(out)))
    }
}

impl Lines {
    fn out_fields(&self) -> Fields {
        let rescued = self.rescue.then(|| Arc::new(Field::new(RESCUED, DataType::Utf8, true)));
        self.fields.iter().cloned().chain(rescued).collect()
    }

    /// None: something does not fit.
    fn at_once(&self, lines: &StringArray) -> Option<Vec<ArrayRef>> {
        let text = |row: usize| match lines.is_valid(row) && !lines.value(row).trim().is_empty() {
            true => lines.value(row),
            false => "{}",
        };
        let batch = self.decode((0..lines.len()).map(text), lines.len(), self.rescue).ok()?;
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (column, field) in batch.columns().iter().zip(&self.fields) {
            let made = self.typed(column, field.data_type()).ok()?;
            if made.null_count() > column.null_count() {
                return None;
            }
            columns.push(made);
        }
        Some(columns)
    }

    /// One row for each line. Values that are read as text first are still text.
    fn decode<'a>(
        &self,
        lines: impl Iterator<Item = &'a str>,
        rows: usize,
        strict: bool,
    ) -> std::result::Result<RecordBatch, ArrowError> {
        let fields = self.fields.iter().map(|field| match is_text_first(field.data_type()) {
            true => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)),
            false => field.clone(),
        });
        let schema = Arc::new(Schema::new(fields.collect::<Fields>()));
        let mut decoder = ReaderBuilder::new(schema.clone())
            .with_batch_size(rows.max(1) + 1)
            .with_coerce_primitive(true)
            .with_strict_mode(strict)
            .build_decoder()?;
        let bad = || ArrowError::JsonError("a line is not one record".to_owned());
        for line in lines {
            if decoder.decode(line.as_bytes())? != line.len() || decoder.has_partial_record() {
                return Err(bad());
            }
        }
        let batch = match decoder.flush()? {
            Some(batch) => batch,
            None => RecordBatch::new_empty(schema),
        };
        if batch.num_rows() == rows { Ok(batch) } else { Err(bad()) }
    }

    fn typed(&self, column: &ArrayRef, wanted: &DataType) -> Result<ArrayRef> {
        if !is_text_first(wanted) {
            return Ok(column.clone());
        }
        let options = CastOptions { safe: true, ..CastOptions::default() };
        let local = match wanted {
            DataType::Timestamp(_, Some(_)) => {
                let there = DataType::Timestamp(TimeUnit::Microsecond, Some(self.zone.clone()));
                cast_with_options(column, &there, &options)?
            }
            _ => column.clone(),
        };
        Ok(cast_with_options(&local, wanted, &options)?)
    }

    fn one_by_one(
        &self,
        lines: &StringArray,
        paths: &StringArray,
    ) -> Result<(Vec<ArrayRef>, Option<ArrayRef>)> {
        let mut clean = Vec::with_capacity(lines.len());
        let mut rescued: Vec<Option<String>> = Vec::with_capacity(lines.len());
        for row in 0..lines.len() {
            let line = if lines.is_valid(row) { lines.value(row).trim() } else { "" };
            let record = match serde_json::from_str::<Value>(line) {
                Ok(Value::Object(record)) => record,
                _ if line.is_empty() => Map::new(),
                _ if self.fail_fast => return Err(malformed()),
                // Nothing of it can be told.
                _ => Map::new(),
            };
            let (kept, lost) = self.split(record, &self.fields);
            if self.fail_fast && !self.rescue && !lost.is_empty() {
                return Err(malformed());
            }
            clean.push(Value::Object(kept).to_string());
            let path = paths.is_valid(row).then(|| paths.value(row));
            rescued.push(rescue::record(lost, path));
        }
        let batch = self.decode(clean.iter().map(String::as_str), clean.len(), false)?;
        let columns = batch
            .columns()
            .iter()
            .zip(&self.fields)
            .map(|(column, field)| self.typed(column, field.data_type()))
            .collect::<Result<Vec<_>>>()?;
        let rescued = self.rescue.then(|| Arc::new(StringArray::from(rescued)) as ArrayRef);
        Ok((columns, rescued))
    }

    /// What fits the fields, and what does not.
    fn split(
        &self,
        record: Map<String, Value>,
        fields: &Fields,
    ) -> (Map<String, Value>, Map<String, Value>) {
        let (mut kept, mut lost) = (Map::new(), Map::new());
        for (name, value) in record {
            let field = fields.iter().find(|field| *field.name() == name);
            match (field.map(|field| field.data_type()), value) {
                // Only what was asked for is missed.
                (None, value) if self.rescue => drop(lost.insert(name, value)),
                (None, _) | (Some(_), Value::Null) => {}
                (Some(DataType::Struct(inner)), Value::Object(inside)) => {
                    let (fits, not) = self.split(inside, inner);
                    if !not.is_empty() {
                        lost.insert(name.clone(), Value::Object(not));
                    }
                    kept.insert(name, Value::Object(fits));
                }
                (Some(data_type), value) => match self.fits(&value, data_type) {
                    true => drop(kept.insert(name, value)),
                    false => drop(lost.insert(name, value)),
                },
            }
        }
        (kept, lost)
    }

    fn fits(&self, value: &Value, data_type: &DataType) -> bool {
        let one = |text: String| -> bool {
            let text: ArrayRef = Arc::new(StringArray::from(vec![text]));
            self.typed(&text, data_type).is_ok_and(|typed| typed.null_count() == 0)
        };
        match (data_type, value) {
            (_, Value::Null) => true,
            (DataType::Utf8, value) => !value.is_object() && !value.is_array(),
            (data_type, Value::String(text)) if is_text_first(data_type) => one(text.clone()),
            (data_type, Value::Number(number)) if is_text_first(data_type) => {
                one(number.to_string())
            }
            (DataType::List(item), Value::Array(values)) => {
                values.iter().all(|value| self.fits(value, item.data_type()))
            }
            (DataType::Struct(fields), Value::Object(record)) => {
                let (_, lost) = self.split(record.clone(), fields);
                lost.is_empty()
            }
            (data_type, value) => self.is_decodable(value, data_type),
        }
    }

    /// Whether Arrow's decoder takes it: the same question in the same words.
    fn is_decodable(&self, value: &Value, data_type: &DataType) -> bool {
        let schema = Arc::new(Schema::new(vec![Field::new("v", data_type.clone(), true)]));
        let decoder = ReaderBuilder::new(schema).with_coerce_primitive(true).build_decoder();
        let line = serde_json::json!({ "v": value }).to_string();
        decoder.is_ok_and(|mut decoder| {
            decoder.decode(line.as_bytes()).is_ok() && decoder.flush().is_ok()
        })
    }
}

/// Read as text and cast: then a value that does not fit spoils nothing but itself.
fn is_text_first(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Timestamp(..) | DataType::Date32 | DataType::Decimal128(..) | DataType::Binary
    )
}

pub fn malformed() -> DataFusionError {
    let text = "Malformed records are detected in record parsing. Parse Mode: FAILFAST. To process malformed \
                records as null result, try setting the option 'mode' as 'PERMISSIVE'";
    DataFusionError::External(Box::new(SqlError::new(
        "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION",
        "22023",
        text,
    )))
}
