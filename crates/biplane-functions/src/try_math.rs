//! `try_add` and its kin: NULL where the operator would raise.

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, Datum, IntervalMonthDayNanoArray, new_null_array,
};
use arrow::compute::kernels::numeric;
use arrow::compute::{cast, concat};
use arrow::datatypes::{
    ArrowNativeTypeOp, DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, IntervalMonthDayNano,
};
use arrow::error::ArrowError;
use datafusion::common::Result;
use datafusion::logical_expr::binary::type_union_coercion;
use std::sync::Arc;

use crate::decimals::{self, Operation};
use crate::frame::{Call, Def};
use crate::intervals::{self, interval_type, is_interval};
use crate::raised::mismatch;

macro_rules! arithmetic {
    ($name:literal, $takes:expr, $method:ident, $is_zero_null:literal) => {
        Def {
            name: $name,
            least: 2,
            most: 2,
            takes: $takes,
            gives: |types| gives($name, &types[0], &types[1]),
            run: |call| {
                if let Some(done) = otherwise($name, call)? {
                    return Ok(done);
                }
                macro_rules! of {
                    ($kind:ty) => {
                        each::<$kind>(call, |a, b| {
                            if $is_zero_null && b.is_zero() { None } else { a.$method(b).ok() }
                        })
                    };
                }
                match call.gives {
                    DataType::Int8 => of!(Int8Type),
                    DataType::Int16 => of!(Int16Type),
                    DataType::Int32 => of!(Int32Type),
                    DataType::Float32 => of!(Float32Type),
                    DataType::Float64 => of!(Float64Type),
                    _ => of!(Int64Type),
                }
            },
        }
    };
}

pub const FUNCTIONS: &[Def] = &[
    arithmetic!("try_add", common, add_checked, false),
    arithmetic!("try_subtract", common, sub_checked, false),
    arithmetic!("try_multiply", scaled, mul_checked, false),
    arithmetic!("try_mod", common, mod_checked, true),
    arithmetic!("try_divide", doubles, div_checked, true),
];

/// Of dates, timestamps, intervals and decimals; None: they are plain numbers.
fn otherwise(name: &str, call: &Call<'_>) -> Result<Option<ArrayRef>> {
    let (left, right) = (&call.args[0], &call.args[1]);
    if is_interval(left.data_type()) {
        return intervals::tried(name, &call.args, call.rows).map(Some);
    }
    if left.data_type().is_decimal() {
        return decimals::run(call, of_decimals(name), true).map(Some);
    }
    let is_other = matches!(left.data_type(), DataType::Date32 | DataType::Timestamp(..));
    if !is_other {
        return Ok(None);
    }
    let right = match (left.data_type(), right.data_type()) {
        (DataType::Date32, DataType::Int32) => {
            let days = right.as_primitive::<Int32Type>().iter();
            let days = days.map(|days| days.map(|days| IntervalMonthDayNano::new(0, days, 0)));
            Arc::new(days.collect::<IntervalMonthDayNanoArray>()) as ArrayRef
        }
        _ => right.clone(),
    };
    let operation: Kernel = match name {
        "try_add" => numeric::add,
        "try_subtract" => numeric::sub,
        "try_multiply" => numeric::mul,
        _ => numeric::rem,
    };
    if let Ok(all) = operation(left, &right) {
        return Ok(Some(cast(&all, call.gives)?));
    }
    // One that is too large is NULL, not all of them.
    let each = (0..call.rows).map(|row| {
        let one = operation(&left.slice(row, 1), &right.slice(row, 1)).ok();
        let one = one.and_then(|one| cast(&one, call.gives).ok());
        one.unwrap_or_else(|| new_null_array(call.gives, 1))
    });
    let each: Vec<ArrayRef> = each.collect();
    let parts: Vec<&dyn Array> = each.iter().map(AsRef::as_ref).collect();
    Ok(Some(concat(&parts)?))
}

type Kernel = fn(&dyn Datum, &dyn Datum) -> Result<ArrayRef, ArrowError>;

fn gives(name: &str, left: &DataType, right: &DataType) -> Result<DataType> {
    match left.is_decimal() && right.is_decimal() {
        true => decimals::result(of_decimals(name), left, right),
        false => Ok(left.clone()),
    }
}

fn of_decimals(name: &str) -> Operation {
    match name {
        "try_add" => Operation::Add,
        "try_subtract" => Operation::Subtract,
        "try_multiply" => Operation::Multiply,
        "try_divide" => Operation::Divide,
        _ => Operation::Remainder,
    }
}

fn each<T: ArrowPrimitiveType>(
    call: &Call<'_>,
    with: impl Fn(T::Native, T::Native) -> Option<T::Native>,
) -> Result<ArrayRef> {
    let (left, right) = (call.args[0].as_primitive::<T>(), call.args[1].as_primitive::<T>());
    call.primitives::<T>(|row| Ok(with(left.value(row), right.value(row))))
}

fn numbers(types: &[DataType]) -> Result<&[DataType]> {
    for given in types {
        let is_number = given.is_numeric() || given.is_null() || given.is_string();
        if !is_number {
            return mismatch(format!("A number is needed here, not {given}."));
        }
    }
    Ok(types)
}

/// The wider of both; text is a DOUBLE or, beside a whole number, a BIGINT.
fn common(types: &[DataType]) -> Result<Vec<DataType>> {
    let is_moment =
        |data_type: &DataType| matches!(data_type, DataType::Date32 | DataType::Timestamp(..));
    match (&types[0], &types[1]) {
        (DataType::Date32, days) if days.is_integer() => {
            return Ok(vec![DataType::Date32, DataType::Int32]);
        }
        (moment, given) if is_moment(moment) && is_interval(given) => {
            return Ok(vec![moment.clone(), interval_type()]);
        }
        (a, b) if is_interval(a) && is_interval(b) => return Ok(vec![interval_type(); 2]),
        (a, b) if a.is_decimal() && (b.is_decimal() || b.is_integer()) => {
            return Ok(vec![a.clone(), as_decimal(b)]);
        }
        (a, b) if a.is_integer() && b.is_decimal() => return Ok(vec![as_decimal(a), b.clone()]),
        _ => {}
    }
    let known: Vec<DataType> = numbers(types)?
        .iter()
        .zip(types.iter().rev())
        .map(|(given, other)| match given {
            DataType::Null if other.is_numeric() => other.clone(),
            DataType::Null => DataType::Float64,
            text if text.is_string() && other.is_integer() => DataType::Int64,
            text if text.is_string() => DataType::Float64,
            number => number.clone(),
        })
        .collect();
    match type_union_coercion(&known[0], &known[1]) {
        Some(wide) => Ok(vec![wide.clone(), wide]),
        None => mismatch(format!("{} and {} do not fit.", types[0], types[1])),
    }
}

fn as_decimal(number: &DataType) -> DataType {
    match number {
        DataType::Int8 => DataType::Decimal128(3, 0),
        DataType::Int16 => DataType::Decimal128(5, 0),
        DataType::Int32 => DataType::Decimal128(10, 0),
        DataType::Int64 => DataType::Decimal128(20, 0),
        decimal => decimal.clone(),
    }
}

/// An interval is multiplied and divided by a number.
fn scaled(types: &[DataType]) -> Result<Vec<DataType>> {
    match (&types[0], &types[1]) {
        (a, b) if is_interval(a) && b.is_numeric() => Ok(vec![interval_type(), DataType::Float64]),
        _ => common(types),
    }
}

fn doubles(types: &[DataType]) -> Result<Vec<DataType>> {
    if is_interval(&types[0]) {
        return scaled(types);
    }
    let is_exact = |given: &DataType| given.is_decimal() || given.is_integer();
    if types.iter().all(is_exact) && types.iter().any(DataType::is_decimal) {
        return decimals::takes(types);
    }
    numbers(types)?;
    Ok(vec![DataType::Float64; 2])
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("try_add(1, 2)", "3"),
            ("try_add(CAST(2147483647 AS INT), CAST(1 AS INT))", ""),
            ("try_subtract(1, NULL)", ""),
            ("try_multiply(2, 3)", "6"),
            ("try_divide(3, 2)", "1.5"),
            ("try_divide(0, 0)", ""),
            ("try_mod(3, 0)", ""),
            ("try_mod(-7, 3)", "-1"),
            ("try_add(DATE '2021-01-01', true)", "[DATATYPE_MISMATCH"),
        ])
        .await
    }
}
