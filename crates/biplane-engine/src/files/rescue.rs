//! The rescued data column: what of a record has no place in the columns, as JSON, with the path of the
//! file it came from.

use arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use serde_json::{Map, Value};

/// The name that Databricks gives it.
pub const COLUMN: &str = "_rescued_data";
const PATH: &str = "_file_path";

/// What is rescued of one record; None where nothing is.
pub fn record(mut values: Map<String, Value>, path: Option<&str>) -> Option<String> {
    if values.is_empty() {
        return None;
    }
    if let Some(path) = path {
        values.insert(PATH.to_owned(), Value::String(path.to_owned()));
    }
    Some(Value::Object(values).to_string())
}

/// Texts that did not become a value of their column's type. `columns`: name, text, value.
pub fn of_texts(path: Expr, columns: Vec<(String, Expr, Expr)>) -> Expr {
    let mut names = Vec::with_capacity(columns.len());
    let mut arguments = vec![path];
    for (name, text, value) in columns {
        names.push(name);
        arguments.extend([text, value]);
    }
    let function = Texts { names, signature: Signature::variadic_any(Volatility::Immutable) };
    ScalarUDF::new_from_impl(function).call(arguments)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Texts {
    names: Vec<String>,
    signature: Signature,
}

impl ScalarUDFImpl for Texts {
    fn name(&self) -> &'static str {
        "rescued_texts"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let mut arrays = Vec::with_capacity(arguments.args.len());
        for argument in arguments.args {
            arrays.push(argument.into_array(rows)?);
        }
        let missing = || DataFusionError::Internal("an argument is missing".to_owned());
        let (path, pairs) = arrays.split_first().ok_or_else(missing)?;
        let path = texts(path)?;
        let pairs = pairs
            .chunks_exact(2)
            .map(|pair| Ok((texts(&pair[0])?, pair[1].clone())))
            .collect::<Result<Vec<_>>>()?;
        let mut out = StringBuilder::new();
        for row in 0..rows {
            let mut lost = Map::new();
            for (name, (text, value)) in self.names.iter().zip(&pairs) {
                let text = text.as_string::<i32>();
                if text.is_valid(row) && value.is_null(row) {
                    lost.insert(name.clone(), Value::String(text.value(row).to_owned()));
                }
            }
            let path = path.as_string::<i32>();
            out.append_option(record(lost, path.is_valid(row).then(|| path.value(row))));
        }
        Ok(ColumnarValue::Array(std::sync::Arc::new(out.finish())))
    }
}

/// Text in its plain form.
pub fn texts(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(arrow::compute::cast(array, &DataType::Utf8)?)
}
