//! Columns that have other names in the files than in the table.

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StructArray};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use std::sync::Arc;

/// A nested value under the names of the table. `wanted` has the shape of what there is.
pub fn renamed(value: Arc<dyn PhysicalExpr>, wanted: &FieldRef) -> Arc<dyn PhysicalExpr> {
    let signature = Signature::any(1, Volatility::Immutable);
    let function = ScalarUDF::new_from_impl(Renamed { wanted: wanted.clone(), signature });
    let name = function.name().to_owned();
    let options = Arc::new(ConfigOptions::default());
    let function = Arc::new(function);
    Arc::new(ScalarFunctionExpr::new(&name, function, vec![value], wanted.clone(), options))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Renamed {
    wanted: FieldRef,
    signature: Signature,
}

impl ScalarUDFImpl for Renamed {
    fn name(&self) -> &'static str {
        "renamed"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.wanted.data_type().clone())
    }

    fn return_field_from_args(&self, _arguments: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(self.wanted.clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let wanted = self.wanted.data_type();
        match arguments.args.into_iter().next() {
            Some(ColumnarValue::Array(array)) => Ok(retyped(&array, wanted)?.into()),
            Some(ColumnarValue::Scalar(value)) if value.is_null() => {
                Ok(ScalarValue::try_from(wanted)?.into())
            }
            Some(ColumnarValue::Scalar(value)) => {
                let array = retyped(&value.to_array()?, wanted)?;
                Ok(ScalarValue::try_from_array(&array, 0)?.into())
            }
            None => Err(DataFusionError::Internal("a value is missing".to_owned())),
        }
    }
}

fn retyped(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if array.data_type() == to {
        return Ok(array.clone());
    }
    let mismatch = || {
        let text = format!("{} has not the shape of {to}", array.data_type());
        DataFusionError::Internal(text)
    };
    Ok(match to {
        DataType::Struct(fields) => {
            let from = array.as_struct_opt().ok_or_else(mismatch)?;
            if from.num_columns() != fields.len() {
                return Err(mismatch());
            }
            let columns = from.columns().iter().zip(fields);
            let columns = columns.map(|(column, field)| retyped(column, field.data_type()));
            let columns = columns.collect::<Result<Vec<_>>>()?;
            let (nulls, length) = (from.nulls().cloned(), from.len());
            Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, length)?)
        }
        DataType::List(field) => {
            let from = array.as_list_opt::<i32>().ok_or_else(mismatch)?;
            let values = retyped(from.values(), field.data_type())?;
            let offsets = from.offsets().clone();
            Arc::new(ListArray::try_new(field.clone(), offsets, values, from.nulls().cloned())?)
        }
        DataType::Map(field, ordered) => {
            let from = array.as_map_opt().ok_or_else(mismatch)?;
            let entries: ArrayRef = Arc::new(from.entries().clone());
            let entries = retyped(&entries, field.data_type())?;
            let entries = entries.as_struct_opt().ok_or_else(mismatch)?.clone();
            let (offsets, nulls) = (from.offsets().clone(), from.nulls().cloned());
            Arc::new(MapArray::try_new(field.clone(), offsets, entries, nulls, *ordered)?)
        }
        _ => return Err(mismatch()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int32Array, StringArray};
    use arrow::datatypes::Field;
    use datafusion::arrow::buffer::OffsetBuffer;

    #[test]
    fn names_that_were_swapped_stay_with_their_values() {
        let fields = |a: &str, b: &str| {
            let a = Field::new(a, DataType::Int32, true);
            vec![a, Field::new(b, DataType::Utf8, true)]
        };
        let values: Vec<ArrayRef> =
            vec![Arc::new(Int32Array::from(vec![1])), Arc::new(StringArray::from(vec!["x"]))];
        let rows = StructArray::new(fields("a", "b").into(), values.clone(), None);
        let list = |fields: Vec<Field>, rows: StructArray| {
            let field = Arc::new(Field::new("element", DataType::Struct(fields.into()), true));
            ListArray::new(field, OffsetBuffer::from_lengths([1]), Arc::new(rows), None)
        };
        let from: ArrayRef = Arc::new(list(fields("a", "b"), rows));
        let swapped = StructArray::new(fields("b", "a").into(), values, None);
        let expected: ArrayRef = Arc::new(list(fields("b", "a"), swapped));
        assert_eq!(&retyped(&from, expected.data_type()).unwrap(), &expected);
        assert!(retyped(&from, &DataType::Int32).is_err());
    }
}
