//! Functions that make much of little: a number in their arguments says how large the result is. They
//! cannot be interrupted and no operator counts what they hold, so they are asked before they begin.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::kernels::length::length;
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature,
};
use std::sync::Arc;

/// Of one call for one batch.
const RESULT_BYTES_MAX: u64 = 256 << 20;
/// The longest character.
const CHAR_BYTES: u64 = 4;

/// What a number of this argument costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Each {
    /// One character.
    Char,
    /// The whole of the first argument.
    First,
}

const GROWING: &[(&str, usize, Each)] = &[
    ("repeat", 1, Each::First),
    ("array_repeat", 1, Each::First),
    ("space", 0, Each::Char),
    ("lpad", 1, Each::Char),
    ("rpad", 1, Each::Char),
];

pub fn register(state: &mut SessionState) -> Result<()> {
    for (name, count, each) in GROWING {
        let Some(inner) = state.scalar_functions().get(*name).cloned() else { continue };
        state.register_udf(Arc::new(Bounded { inner, count: *count, each: *each }.into()))?;
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    /// Which argument is the number.
    count: usize,
    each: Each,
}

impl Bounded {
    fn check(&self, args: &[ColumnarValue]) -> Result<()> {
        let arrays = ColumnarValue::values_to_arrays(args)?;
        let (Some(first), Some(counts)) = (arrays.first(), arrays.get(self.count)) else {
            return Ok(());
        };
        let counts = whole(counts)?;
        let counts = counts.as_primitive::<Int64Type>();
        let sizes = match self.each {
            Each::First => Some(whole(&lengths(first)?)?),
            Each::Char => None,
        };
        let mut bytes = 0_u64;
        for row in (0..counts.len()).filter(|row| counts.is_valid(*row)) {
            let each = match &sizes {
                Some(sizes) => sizes.as_primitive::<Int64Type>().value(row).unsigned_abs().max(1),
                None => CHAR_BYTES,
            };
            let count = u64::try_from(counts.value(row)).unwrap_or(0);
            bytes = bytes.saturating_add(each.saturating_mul(count));
        }
        if bytes <= RESULT_BYTES_MAX {
            return Ok(());
        }
        let text = format!("{} would make {bytes} bytes of one batch", self.inner.name());
        Err(DataFusionError::ResourcesExhausted(text))
    }
}

fn whole(array: &ArrayRef) -> Result<ArrayRef> {
    let options = CastOptions { safe: true, ..CastOptions::default() };
    Ok(cast_with_options(array, &DataType::Int64, &options)?)
}

/// In bytes, of each value.
fn lengths(array: &ArrayRef) -> Result<ArrayRef> {
    if matches!(
        array.data_type(),
        DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
    ) {
        return Ok(length(array)?);
    }
    let each = array.get_array_memory_size() / array.len().max(1);
    let each = i64::try_from(each).unwrap_or(i64::MAX);
    Ok(Arc::new(datafusion::arrow::array::Int64Array::from_value(each, array.len())))
}

impl ScalarUDFImpl for Bounded {
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.check(&args.args)?;
        self.inner.invoke_with_args(args)
    }

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.inner().coerce_types(types)
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.inner.simplify(args, info)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}
