//! JSON_ARRAY and CSV.

use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;

use super::text::{Printer, Style, json_string};
use crate::error::SqlError;

fn printers(batch: &RecordBatch, time_zone: &str) -> Result<Vec<Printer>, SqlError> {
    batch.columns().iter().map(|column| Printer::new(column, Style::Api, time_zone)).collect()
}

/// `[["1",null],["2","x"]]` of all batches.
pub fn json_array(batches: &[RecordBatch], time_zone: &str) -> Result<Vec<u8>, SqlError> {
    let mut out = String::from("[");
    let mut cell = String::new();
    for batch in batches {
        let printers = printers(batch, time_zone)?;
        for row in 0..batch.num_rows() {
            out.push_str(if out.len() > 1 { ",[" } else { "[" });
            for (index, printer) in printers.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                if printer.is_null(row) {
                    out.push_str("null");
                } else {
                    cell.clear();
                    printer.write(row, &mut cell);
                    json_string(&cell, &mut out);
                }
            }
            out.push(']');
        }
    }
    out.push(']');
    Ok(out.into_bytes())
}

/// RFC 4180 with LF; the header where asked for.
pub fn csv(
    schema: &Schema,
    batches: &[RecordBatch],
    header: bool,
    time_zone: &str,
) -> Result<Vec<u8>, SqlError> {
    let mut out = String::new();
    if header {
        for (index, field) in schema.fields().iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            csv_cell(field.name(), &mut out);
        }
        out.push('\n');
    }
    let mut cell = String::new();
    for batch in batches {
        let printers = printers(batch, time_zone)?;
        for row in 0..batch.num_rows() {
            for (index, printer) in printers.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                if printer.is_null(row) {
                    out.push_str("null");
                } else {
                    cell.clear();
                    printer.write(row, &mut cell);
                    csv_cell(&cell, &mut out);
                }
            }
            out.push('\n');
        }
    }
    Ok(out.into_bytes())
}

/// The text `null` is quoted, so that it is not taken for a missing value.
fn csv_cell(text: &str, out: &mut String) {
    if text != "null" && !text.contains(['"', ',', '\n', '\r']) {
        return out.push_str(text);
    }
    out.push('"');
    for part in text.split_inclusive('"') {
        out.push_str(part);
        if part.ends_with('"') {
            out.push('"');
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use std::sync::Arc;

    fn batch() -> RecordBatch {
        let n: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
        let s: ArrayRef = Arc::new(StringArray::from(vec![Some("a,\"b\""), Some("null")]));
        RecordBatch::try_from_iter([("n", n), ("s x", s)]).unwrap()
    }

    #[test]
    fn rows_are_written() {
        let json = json_array(&[batch(), batch()], "UTC").unwrap();
        let back: Vec<Vec<Option<String>>> = serde_json::from_slice(&json).unwrap();
        assert_eq!(back.len(), 4);
        assert_eq!(back[0], [Some("1".to_owned()), Some("a,\"b\"".to_owned())]);
        assert_eq!(back[3][0], None);
        let csv = csv(&batch().schema(), &[batch()], true, "UTC").unwrap();
        assert_eq!(String::from_utf8(csv).unwrap(), "n,s x\n1,\"a,\"\"b\"\"\"\nnull,\"null\"\n");
        assert_eq!(json_array(&[], "UTC").unwrap(), b"[]");
    }
}
