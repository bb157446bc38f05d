//! Functions that hand on a value on its way into a column, once it was looked at.

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

/// What is looked at before the first argument goes on.
pub trait Check: Debug + Eq + Hash + Send + Sync + 'static {
    const NAME: &'static str;

    /// Whether there may be a NULL in what goes on.
    fn is_nullable(&self, given: bool) -> bool {
        given
    }

    fn check(&self, arguments: &[ColumnarValue], rows: usize) -> Result<()>;
}

/// The first of `arguments`, without what its field says beside its type.
pub fn handed(check: impl Check, arguments: Vec<Expr>) -> Expr {
    let signature = Signature::any(arguments.len(), Volatility::Immutable);
    ScalarUDF::new_from_impl(Handed { check, signature }).call(arguments)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Handed<C> {
    check: C,
    signature: Signature,
}

impl<C: Check> ScalarUDFImpl for Handed<C> {
    fn name(&self) -> &'static str {
        C::NAME
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
        let nullable = self.check.is_nullable(given.is_none_or(|field| field.is_nullable()));
        Ok(Arc::new(Field::new(self.name(), data_type, nullable)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.check.check(&arguments.args, arguments.number_rows)?;
        let value = arguments.args.into_iter().next();
        value.ok_or_else(|| DataFusionError::Internal("a value is missing".to_owned()))
    }
}
