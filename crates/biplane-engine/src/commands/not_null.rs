//! NOT NULL at the time of writing: the error says which column it was.

use arrow::array::Array;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use std::sync::Arc;

use crate::error::SqlError;

/// Gives its argument back, or fails where it is NULL.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Required {
    column: String,
    signature: Signature,
}

/// The value on its way into a column; checked where the column is NOT NULL.
pub fn required(value: Expr, field: &Field) -> Expr {
    if field.is_nullable() {
        return value;
    }
    let signature = Signature::any(1, Volatility::Immutable);
    let function = Required { column: field.name().clone(), signature };
    ScalarUDF::new_from_impl(function).call(vec![value])
}

impl ScalarUDFImpl for Required {
    fn name(&self) -> &'static str {
        "required"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments.first().cloned().unwrap_or(DataType::Null))
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        let given = arguments.arg_fields.first();
        let data_type = given.map_or(DataType::Null, |field| field.data_type().clone());
        Ok(Arc::new(Field::new(self.name(), data_type, false)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let value = arguments.args.into_iter().next();
        let value =
            value.ok_or_else(|| DataFusionError::Internal("a value is missing".to_owned()))?;
        let has_null = match &value {
            ColumnarValue::Array(array) => array.logical_null_count() > 0,
            ColumnarValue::Scalar(scalar) => scalar.is_null() && arguments.number_rows > 0,
        };
        if !has_null {
            return Ok(value);
        }
        let text = format!("NOT NULL constraint violated for the column `{}`", self.column);
        let error = SqlError::new("DELTA_NOT_NULL_CONSTRAINT_VIOLATED", "23502", text);
        Err(DataFusionError::External(Box::new(error)))
    }
}
