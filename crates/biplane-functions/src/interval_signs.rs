//! `abs` and `sign` of intervals beside those of numbers, and how often one interval is in another.

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, IntervalMonthDayNanoType};
use datafusion::common::{Result, ScalarValue, internal_datafusion_err};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use std::sync::Arc;

use crate::frame::{Call, Def};
use crate::intervals::{interval_type, is_interval, parts};
use crate::raised::fail;

pub const FUNCTIONS: &[Def] = &[Def {
    name: "interval_div",
    least: 2,
    most: 2,
    takes: |_| Ok(vec![interval_type(); 2]),
    gives: |_| Ok(DataType::Int64),
    run: |call: &Call<'_>| {
        call.primitives::<Int64Type>(|row| {
            let of = |at: usize| parts(call.args[at].as_primitive::<IntervalMonthDayNanoType>().value(row));
            let ((months, micros), (by_months, by_micros)) = (of(0), of(1));
            let quotient = match (by_months, by_micros) {
                (0, 0) => {
                    let text = "Division by zero. Use `try_divide` to tolerate divisor being 0 and return NULL instead.";
                    return fail("DIVIDE_BY_ZERO", "22012", text);
                }
                (0, micros_by) => micros.checked_div(micros_by),
                (months_by, _) => months.checked_div(months_by),
            };
            match quotient {
                Some(quotient) => Ok(Some(quotient)),
                None => fail("ARITHMETIC_OVERFLOW", "22003", "long overflow."),
            }
        })
    },
}];

pub fn register(state: &mut SessionState) -> Result<()> {
    for name in ["abs", "signum"] {
        let Some(inner) = state.scalar_functions().get(name).cloned() else { continue };
        let signature = Signature::user_defined(Volatility::Immutable);
        state.register_udf(Arc::new(OfBoth { inner, signature }.into()))?;
    }
    Ok(())
}

/// A function of numbers that takes an interval, too.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OfBoth {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

impl OfBoth {
    fn is_abs(&self) -> bool {
        self.inner.name() == "abs"
    }
}

fn of_interval(fields: &[FieldRef]) -> bool {
    fields.first().is_some_and(|field| is_interval(field.data_type()))
}

impl ScalarUDFImpl for OfBoth {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        match args.arg_fields.first().filter(|_| of_interval(args.arg_fields)) {
            // It says in which units it was written.
            Some(given) if self.is_abs() => {
                let field = Field::new(self.name(), interval_type(), true);
                Ok(Arc::new(field.with_metadata(given.metadata().clone())))
            }
            Some(_) => Ok(Arc::new(Field::new(self.name(), DataType::Float64, true))),
            None => self.inner.return_field_from_args(args),
        }
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if let [given] = types
            && is_interval(given)
        {
            return Ok(vec![interval_type()]);
        }
        let fields: Vec<FieldRef> =
            types.iter().map(|given| Arc::new(Field::new("", given.clone(), true))).collect();
        let fields = fields_with_udf(&fields, self.inner.as_ref())?;
        Ok(fields.iter().map(|field| field.data_type().clone()).collect())
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if !of_interval(&args.arg_fields) {
            return self.inner.invoke_with_args(args);
        }
        if self.is_abs() {
            let abs = crate::intervals::function("interval_abs");
            return abs
                .ok_or_else(|| internal_datafusion_err!("no function of intervals"))?
                .invoke_with_args(args);
        }
        let is_scalar = matches!(args.args.first(), Some(ColumnarValue::Scalar(_)));
        let intervals = args.args.swap_remove(0).into_array(args.number_rows)?;
        let signs = intervals.as_primitive::<IntervalMonthDayNanoType>().iter().map(|value| {
            let (months, micros) = parts(value?);
            Some(match months.signum() + micros.signum() {
                0 => 0.0,
                sum if sum > 0 => 1.0,
                _ => -1.0,
            })
        });
        let signs: ArrayRef = Arc::new(signs.collect::<Float64Array>());
        Ok(match is_scalar && !signs.is_empty() {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&signs, 0)?),
            false => ColumnarValue::Array(signs),
        })
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.inner.simplify(args, info)
    }

    fn output_ordering(&self, input: &[ExprProperties]) -> Result<SortProperties> {
        match input.first() {
            Some(first) if is_interval(&first.range.data_type()) => Ok(SortProperties::Unordered),
            _ => self.inner.output_ordering(input),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::execution::session_state::SessionStateBuilder;
    use datafusion::prelude::SessionContext;
    use datafusion_spark::SessionStateBuilderSpark;

    #[tokio::test]
    async fn answers() -> Result<()> {
        let mut state =
            SessionStateBuilder::new().with_default_features().with_spark_features().build();
        crate::register(&mut state)?;
        let session = SessionContext::new_with_state(state);
        for (call, expected) in [
            ("abs(make_ym_interval(-1, -1))", "13 mons"),
            ("abs(-3)", "3"),
            ("signum(make_ym_interval(-100))", "-1.0"),
            ("signum(make_dt_interval(0))", "0.0"),
            ("signum(3)", "1.0"),
            ("interval_div(make_ym_interval(1, 1), make_ym_interval(0, -1))", "-13"),
            ("interval_div(make_dt_interval(1), make_dt_interval(0, 7))", "3"),
        ] {
            let batches = session.sql(&format!("SELECT {call}")).await?.collect().await?;
            let shown = arrow::util::display::array_value_to_string(batches[0].column(0), 0)?;
            assert_eq!(shown, expected, "{call}");
        }
        let zero = session.sql("SELECT interval_div(make_dt_interval(1), make_dt_interval(0))");
        let error = async { zero.await?.collect().await }.await.unwrap_err();
        assert!(error.to_string().contains("[DIVIDE_BY_ZERO]"), "{error}");
        Ok(())
    }
}
