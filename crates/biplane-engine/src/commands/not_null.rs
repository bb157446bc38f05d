//! NOT NULL at the time of writing: the error says which column it was.

use arrow::array::Array;
use arrow::datatypes::Field;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{ColumnarValue, Expr};

use super::handed::{Check, handed};
use crate::error::SqlError;

/// Fails where its argument is NULL.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Required {
    column: String,
}

/// The value on its way into a column; checked where the column is NOT NULL.
pub fn required(value: Expr, field: &Field) -> Expr {
    match field.is_nullable() {
        true => value,
        false => handed(Required { column: field.name().clone() }, vec![value]),
    }
}

impl Check for Required {
    const NAME: &'static str = "required";

    fn is_nullable(&self, _given: bool) -> bool {
        false
    }

    fn check(&self, arguments: &[ColumnarValue], rows: usize) -> Result<()> {
        let has_null = arguments.iter().any(|value| match value {
            ColumnarValue::Array(array) => array.logical_null_count() > 0,
            ColumnarValue::Scalar(scalar) => scalar.is_null() && rows > 0,
        });
        if !has_null {
            return Ok(());
        }
        let text = format!("NOT NULL constraint violated for the column `{}`", self.column);
        let error = SqlError::new("DELTA_NOT_NULL_CONSTRAINT_VIOLATED", "23502", text);
        Err(DataFusionError::External(Box::new(error)))
    }
}
