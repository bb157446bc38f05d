//! Functions of DataFusion that ask for exactly one type where Spark casts what it is given: text is a date,
//! a BIGINT that fits is an INT.

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use std::sync::Arc;

use crate::raised::mismatch;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Date,
    Int,
    Double,
    /// Text is a DOUBLE, all else what it is.
    Given,
    /// A date is the wall clock's time at which it begins.
    Moment,
    Text,
}

use Kind::{Date, Double, Given, Int, Moment, Text};

const FITTED: &[(&str, &[Kind])] = &[
    ("abs", &[Given]),
    ("add_months", &[Date, Int]),
    ("ceil", &[Given]),
    ("date_add", &[Date, Int]),
    ("date_sub", &[Date, Int]),
    ("floor", &[Given]),
    ("hour", &[Moment]),
    ("last_day", &[Date]),
    ("minute", &[Moment]),
    ("monthname", &[Date]),
    ("next_day", &[Date, Text]),
    ("lower", &[Text]),
    ("rint", &[Double]),
    ("second", &[Moment]),
    ("space", &[Int]),
    ("upper", &[Text]),
    ("weekday", &[Date]),
];

pub fn register(state: &mut SessionState) -> Result<()> {
    for (name, kinds) in FITTED {
        let Some(inner) = state.scalar_functions().get(*name).cloned() else { continue };
        let signature = Signature::user_defined(Volatility::Immutable);
        state.register_udf(Arc::new(Fitted { inner, kinds, signature }.into()))?;
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Fitted {
    inner: Arc<ScalarUDF>,
    kinds: &'static [Kind],
    signature: Signature,
}

impl ScalarUDFImpl for Fitted {
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
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if types.len() != self.kinds.len() {
            let text = format!("{} takes {} arguments.", self.name(), self.kinds.len());
            return crate::raised::fail("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605", text);
        }
        let fit = |(kind, given): (&Kind, &DataType)| {
            let is_text = given.is_string() || given.is_null();
            let is_date = matches!(given, DataType::Date32 | DataType::Timestamp(..));
            Ok(match kind {
                Date if is_text || is_date => DataType::Date32,
                Int if is_text || given.is_integer() => DataType::Int32,
                Double if is_text || given.is_numeric() => DataType::Float64,
                Given if is_text => DataType::Float64,
                Moment if is_text || given == &DataType::Date32 => crate::time::wall(),
                Given | Moment => given.clone(),
                Text if given.is_string() => given.clone(),
                Text if !given.is_nested() => DataType::Utf8,
                _ => return mismatch(format!("{} cannot take {given}.", self.name())),
            })
        };
        let fitted: Vec<DataType> = self.kinds.iter().zip(types).map(fit).collect::<Result<_>>()?;
        // The function may have more to say of what it keeps as it was given.
        match self.inner.signature().type_signature {
            TypeSignature::UserDefined if self.kinds == [Given] => self.inner.coerce_types(&fitted),
            _ => Ok(fitted),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.inner.invoke_with_args(args)
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.inner.simplify(args, info)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
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
        register(&mut state)?;
        let session = SessionContext::new_with_state(state);
        for (call, expected) in [
            ("add_months('2016-08-31', 1)", "2016-09-30"),
            ("date_add('2016-07-30', 1)", "2016-07-31"),
            ("last_day('2009-01-12')", "2009-01-31"),
            ("next_day('2015-01-14', 'TU')", "2015-01-20"),
            ("space(2)", "  "),
            ("upper(1.5)", "1.5"),
        ] {
            let batches = session.sql(&format!("SELECT {call}")).await?.collect().await?;
            let shown = arrow::util::display::array_value_to_string(batches[0].column(0), 0)?;
            assert_eq!(shown, expected, "{call}");
        }
        Ok(())
    }
}
