//! The form of all functions here: a row of a table says what a function takes, gives and does.

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryBuilder, BooleanBuilder, PrimitiveBuilder,
    StringBuilder,
};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int32Type, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use std::sync::Arc;

use crate::raised::fail;

/// The types a function asks for, given those it is called with.
pub type Takes = fn(&[DataType]) -> Result<Vec<DataType>>;
/// The type of the result.
pub type Gives = fn(&Given<'_>) -> Result<DataType>;
pub type Run = fn(&Call<'_>) -> Result<ArrayRef>;

/// Types of the arguments as the function asked for them, and the values of those that are literals.
pub struct Given<'a> {
    types: &'a [DataType],
    literals: &'a [Option<&'a ScalarValue>],
}

impl Given<'_> {
    /// The text of a literal argument.
    pub fn text(&self, at: usize) -> Option<&str> {
        self.literals.get(at).copied().flatten().and_then(|value| value.try_as_str().flatten())
    }
}

impl Given<'_> {
    /// The number of a literal argument.
    pub fn int(&self, at: usize) -> Option<i64> {
        match self.literals.get(at).copied().flatten()?.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(value)) => value,
            _ => None,
        }
    }
}

impl std::ops::Index<usize> for Given<'_> {
    type Output = DataType;

    fn index(&self, at: usize) -> &DataType {
        &self.types[at]
    }
}

pub struct Def {
    pub name: &'static str,
    pub least: usize,
    pub most: usize,
    pub takes: Takes,
    pub gives: Gives,
    pub run: Run,
}

/// One call for one batch.
pub struct Call<'a> {
    pub args: Vec<ArrayRef>,
    pub rows: usize,
    /// Of the session.
    pub zone: &'a str,
    pub ansi: bool,
    pub gives: &'a DataType,
}

impl Call<'_> {
    /// Whether an argument is NULL in this row.
    pub fn has_null(&self, row: usize) -> bool {
        self.args.iter().any(|array| array.is_null(row))
    }

    pub fn text(&self, arg: usize, row: usize) -> &str {
        self.args[arg].as_string::<i32>().value(row)
    }

    pub fn int(&self, arg: usize, row: usize) -> i32 {
        self.args[arg].as_primitive::<Int32Type>().value(row)
    }

    pub fn long(&self, arg: usize, row: usize) -> i64 {
        self.args[arg].as_primitive::<Int64Type>().value(row)
    }

    pub fn double(&self, arg: usize, row: usize) -> f64 {
        self.args[arg].as_primitive::<Float64Type>().value(row)
    }

    /// A value for each row; NULL where an argument is.
    pub fn primitives<T: ArrowPrimitiveType>(
        &self,
        mut each: impl FnMut(usize) -> Result<Option<T::Native>>,
    ) -> Result<ArrayRef> {
        let mut builder =
            PrimitiveBuilder::<T>::with_capacity(self.rows).with_data_type(self.gives.clone());
        for row in 0..self.rows {
            builder.append_option(if self.has_null(row) { None } else { each(row)? });
        }
        Ok(Arc::new(builder.finish()))
    }

    pub fn texts(&self, mut each: impl FnMut(usize) -> Result<Option<String>>) -> Result<ArrayRef> {
        let mut builder = StringBuilder::new();
        for row in 0..self.rows {
            builder.append_option(if self.has_null(row) { None } else { each(row)? });
        }
        Ok(Arc::new(builder.finish()))
    }

    pub fn binaries(
        &self,
        mut each: impl FnMut(usize) -> Result<Option<Vec<u8>>>,
    ) -> Result<ArrayRef> {
        let mut builder = BinaryBuilder::new();
        for row in 0..self.rows {
            builder.append_option(if self.has_null(row) { None } else { each(row)? });
        }
        Ok(Arc::new(builder.finish()))
    }

    pub fn bools(&self, mut each: impl FnMut(usize) -> Result<Option<bool>>) -> Result<ArrayRef> {
        let mut builder = BooleanBuilder::with_capacity(self.rows);
        for row in 0..self.rows {
            builder.append_option(if self.has_null(row) { None } else { each(row)? });
        }
        Ok(Arc::new(builder.finish()))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    name: &'static str,
    least: usize,
    most: usize,
    takes: Shown<Takes>,
    gives: Shown<Gives>,
    run: Shown<Run>,
    signature: Signature,
}

/// A function pointer told apart by the name of its row alone.
#[derive(Clone, Copy)]
struct Shown<F>(F);

impl<F> std::fmt::Debug for Shown<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("fn")
    }
}

impl<F> PartialEq for Shown<F> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<F> Eq for Shown<F> {}

impl<F> std::hash::Hash for Shown<F> {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

pub fn register(state: &mut SessionState, table: &[Def]) -> Result<()> {
    table.iter().try_for_each(|def| state.register_udf(Arc::new(function(def))).map(drop))
}

pub fn function(def: &Def) -> ScalarUDF {
    let function = Function {
        name: def.name,
        least: def.least,
        most: def.most,
        takes: Shown(def.takes),
        gives: Shown(def.gives),
        run: Shown(def.run),
        signature: Signature::user_defined(Volatility::Immutable),
    };
    function.into()
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        (self.gives.0)(&Given { types, literals: &[] })
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types: Vec<DataType> =
            args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let given = Given { types: &types, literals: args.scalar_arguments };
        let field = Field::new(self.name, (self.gives.0)(&given)?, true);
        Ok(Arc::new(crate::intervals::qualified(field, args.arg_fields)))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if !(self.least..=self.most).contains(&types.len()) {
            let text = format!(
                "The function `{}` takes {} to {} arguments and is called with {}.",
                self.name,
                self.least,
                self.most,
                types.len()
            );
            return fail("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605", text);
        }
        (self.takes.0)(types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { args.number_rows };
        let arrays =
            args.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<Vec<ArrayRef>>>()?;
        let call = Call {
            args: arrays,
            rows,
            zone: args.config_options.execution.time_zone.as_deref().unwrap_or("UTC"),
            ansi: args.config_options.execution.enable_ansi_mode,
            gives: args.return_field.data_type(),
        };
        let array = (self.run.0)(&call)?;
        Ok(if is_constant {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?)
        } else {
            ColumnarValue::Array(array)
        })
    }
}

/// All arguments as text.
pub fn all_text(types: &[DataType]) -> Result<Vec<DataType>> {
    Ok(vec![DataType::Utf8; types.len()])
}

#[cfg(test)]
pub mod testing {
    use super::*;
    use datafusion::execution::session_state::SessionStateBuilder;
    use datafusion::prelude::{SessionConfig, SessionContext};

    /// Each call with the text of its answer, or how what it raises begins.
    pub async fn answers(cases: &[(&str, &str)]) -> Result<()> {
        let mut config = SessionConfig::new();
        config.options_mut().sql_parser.parse_float_as_decimal = true;
        config.options_mut().execution.enable_ansi_mode = true;
        let mut state =
            SessionStateBuilder::new().with_config(config).with_default_features().build();
        crate::register(&mut state)?;
        let session = SessionContext::new_with_state(state);
        for (call, expected) in cases {
            let ran = async { session.sql(&format!("SELECT {call}")).await?.collect().await };
            match ran.await {
                Ok(batches) => {
                    let column = batches[0].column(0);
                    let shown = arrow::util::display::array_value_to_string(column, 0)?;
                    assert_eq!(shown, *expected, "{call}");
                }
                Err(error) => assert!(error.to_string().contains(expected), "{call}: {error}"),
            }
        }
        Ok(())
    }
}
