//! `counter_diff`: by how much a counter has grown since the row before.

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowNativeTypeOp, DataType, Decimal128Type, Field, FieldRef, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    LimitEffect, PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl,
};
use datafusion::physical_expr::PhysicalExpr;
use std::sync::Arc;

use crate::raised::{fail, mismatch};

const NAME: &str = "counter_diff";

pub fn register(state: &mut SessionState) -> Result<()> {
    let signature = Signature::user_defined(Volatility::Immutable);
    state.register_udwf(Arc::new(WindowUDF::from(CounterDiff { signature })))?;
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CounterDiff {
    signature: Signature,
}

impl WindowUDFImpl for CounterDiff {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        let value = args.input_fields().first().map(|field| field.data_type().clone());
        Ok(Arc::new(Field::new(args.name(), value.unwrap_or(DataType::Null), true)))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let (value, start) = match types {
            [value] => (value, None),
            [value, start] => (value, Some(start)),
            _ => {
                let text = format!("The function `{NAME}` takes one or two arguments.");
                return fail("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605", text);
            }
        };
        let value = match value {
            number if number.is_signed_integer() || number.is_floating() => number.clone(),
            decimal @ DataType::Decimal128(..) => decimal.clone(),
            given if given.is_null() || given.is_string() => DataType::Float64,
            other => return mismatch(format!("A counter is a number, not {other}.")),
        };
        let start = match start {
            None => None,
            Some(DataType::Timestamp(_, zone)) => {
                Some(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
            }
            Some(given) if given.is_null() => {
                Some(DataType::Timestamp(TimeUnit::Microsecond, None))
            }
            Some(other) => {
                return mismatch(format!("A counter starts at a timestamp, not at {other}."));
            }
        };
        Ok([value].into_iter().chain(start).collect())
    }

    fn partition_evaluator(
        &self,
        _: PartitionEvaluatorArgs<'_>,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Differences))
    }

    fn limit_effect(&self, _: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        LimitEffect::None
    }
}

#[derive(Debug)]
struct Differences;

impl PartitionEvaluator for Differences {
    fn evaluate_all(&mut self, values: &[ArrayRef], _: usize) -> Result<ArrayRef> {
        let counters = &values[0];
        let starts = values.get(1).map(|starts| {
            cast(starts, &DataType::Timestamp(TimeUnit::Microsecond, None))
                .map(|starts| starts.as_primitive::<TimestampMicrosecondType>().clone())
        });
        let starts = starts.transpose()?;
        let starts = starts.as_ref();
        Ok(match counters.data_type() {
            DataType::Int8 => of::<Int8Type>(counters, starts)?,
            DataType::Int16 => of::<Int16Type>(counters, starts)?,
            DataType::Int32 => of::<Int32Type>(counters, starts)?,
            DataType::Int64 => of::<Int64Type>(counters, starts)?,
            DataType::Float32 => of::<Float32Type>(counters, starts)?,
            DataType::Float64 => of::<Float64Type>(counters, starts)?,
            DataType::Decimal128(..) => of::<Decimal128Type>(counters, starts)?,
            other => return mismatch(format!("A counter is a number, not {other}.")),
        })
    }
}

/// Rows whose counter is NULL are as if they were not there. A counter that has become less, or that began
/// later than the one before, was set back: by how much it grew is not known.
fn of<T: ArrowPrimitiveType>(
    counters: &ArrayRef,
    starts: Option<&TimestampMicrosecondArray>,
) -> Result<ArrayRef> {
    let counters = counters.as_primitive::<T>();
    let mut before: Option<(T::Native, Option<i64>)> = None;
    let mut out = Vec::with_capacity(counters.len());
    for row in 0..counters.len() {
        if counters.is_null(row) {
            out.push(None);
            continue;
        }
        let counter = counters.value(row);
        if counter.is_lt(T::Native::ZERO) {
            let text = format!("`{NAME}` takes counters, which are never negative.");
            return fail("INVALID_PARAMETER_VALUE.COUNTER", "22023", text);
        }
        let start = starts.filter(|starts| starts.is_valid(row)).map(|starts| starts.value(row));
        let (mut is_set_back, mut difference) = (false, None);
        if let Some((last, last_start)) = before {
            if let (Some(last_start), Some(start)) = (last_start, start) {
                if start < last_start {
                    let text =
                        format!("The start of a counter in `{NAME}` is before the last one.");
                    return fail("INVALID_PARAMETER_VALUE.COUNTER", "22023", text);
                }
                is_set_back = start > last_start;
            }
            is_set_back |= counter.is_lt(last);
            difference = (!is_set_back).then(|| counter.sub_wrapping(last));
        }
        out.push(difference);
        before = Some((counter, start));
    }
    let out: PrimitiveArray<T> = out.into_iter().collect();
    Ok(Arc::new(out.with_data_type(counters.data_type().clone())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float64Array, Int32Array};

    #[test]
    fn differences() -> Result<()> {
        let of = |counters: Vec<Option<i32>>, starts: Option<Vec<Option<i64>>>| {
            let mut values: Vec<ArrayRef> = vec![Arc::new(Int32Array::from(counters))];
            values.extend(starts.map(|s| Arc::new(TimestampMicrosecondArray::from(s)) as ArrayRef));
            let all = Differences.evaluate_all(&values, 0)?;
            Ok::<_, datafusion::common::DataFusionError>(
                all.as_primitive::<Int32Type>().iter().collect::<Vec<_>>(),
            )
        };
        let counters = || vec![Some(100), None, Some(250), Some(50), Some(60)];
        let plain = vec![None, None, Some(150), None, Some(10)];
        assert_eq!(of(counters(), None)?, plain);
        let starts = vec![Some(1), None, None, Some(1), Some(2)];
        assert_eq!(of(counters(), Some(starts))?, vec![None, None, Some(150), None, None]);
        assert!(of(vec![Some(-1)], None).is_err());
        assert!(of(vec![Some(1), Some(2)], Some(vec![Some(2), Some(1)])).is_err());
        let doubles: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 1.5]));
        let all = Differences.evaluate_all(&[doubles], 2)?;
        assert_eq!(all.as_primitive::<Float64Type>().value(1), 0.5);
        Ok(())
    }
}
