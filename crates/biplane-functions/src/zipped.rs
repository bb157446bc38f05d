//! `arrays_zip`: as DataFusion has it, with fields that are numbered from 0, as Spark's are. Names of columns that
//! are zipped are not kept: they change while a plan is made better, and with them the type would.

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, internal_err};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

const NAME: &str = "arrays_zip";

pub fn register(state: &mut SessionState) -> Result<()> {
    let inner = state.udf(NAME)?;
    let signature = Signature::variadic_any(Volatility::Immutable);
    state.register_udf(Arc::new(ScalarUDF::from(Zipped { inner, signature })))?;
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Zipped {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

fn renamed(zipped: &DataType) -> Result<DataType> {
    let DataType::List(item) = zipped else { return internal_err!("{NAME} makes no list") };
    let DataType::Struct(fields) = item.data_type() else {
        return internal_err!("{NAME} makes no structs");
    };
    let fields = fields.iter().enumerate();
    let fields = fields.map(|(at, field)| field.as_ref().clone().with_name(at.to_string()));
    Ok(DataType::new_list(DataType::Struct(fields.collect::<Fields>()), true))
}

impl ScalarUDFImpl for Zipped {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        renamed(&self.inner.return_type(types)?)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (rows, wanted) = (args.number_rows, args.return_field.data_type().clone());
        let DataType::List(item) = wanted else { return internal_err!("{NAME} makes lists") };
        let DataType::Struct(fields) = item.data_type().clone() else {
            return internal_err!("{NAME} makes lists of structs");
        };
        // Without one of the arrays there is nothing, and not the others alone.
        let mut known: Option<NullBuffer> = None;
        for arg in &args.args {
            known = NullBuffer::union(known.as_ref(), arg.to_array(rows)?.logical_nulls().as_ref());
        }
        // It is promised what it makes by itself.
        let types: Vec<DataType> =
            args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let made = Field::new(NAME, self.inner.return_type(&types)?, true);
        let args = ScalarFunctionArgs { return_field: Arc::new(made), ..args };
        let zipped = self.inner.invoke_with_args(args)?.into_array(rows)?;
        let (_, offsets, values, nulls) = zipped.as_list::<i32>().clone().into_parts();
        let nulls = NullBuffer::union(nulls.as_ref(), known.as_ref());
        let (_, columns, valid) = values.as_struct().clone().into_parts();
        let length = values.len();
        let values = StructArray::try_new_with_length(fields, columns, valid, length)?;
        let list: ArrayRef = Arc::new(ListArray::try_new(item, offsets, Arc::new(values), nulls)?);
        Ok(ColumnarValue::Array(list))
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("arrays_zip([1, 2], [3])", "[{0: 1, 1: 3}, {0: 2, 1: }]"),
            ("arrays_zip([1], NULL)", ""),
            ("arrays_zip([1, 2], [2, 3], ['a', 'b'])", "[{0: 1, 1: 2, 2: a}, {0: 2, 1: 3, 2: b}]"),
        ])
        .await
    }
}
