//! `try_add` and its kin: NULL where the operator would raise.

use arrow::array::{ArrayRef, ArrowPrimitiveType, AsArray};
use arrow::datatypes::{
    ArrowNativeTypeOp, DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type,
};
use datafusion::common::Result;
use datafusion::logical_expr::binary::type_union_coercion;

use crate::frame::{Call, Def};
use crate::raised::mismatch;

macro_rules! arithmetic {
    ($name:literal, $takes:expr, $method:ident, $is_zero_null:literal) => {
        Def {
            name: $name,
            least: 2,
            most: 2,
            takes: $takes,
            gives: |types| Ok(types[0].clone()),
            run: |call| {
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
    arithmetic!("try_multiply", common, mul_checked, false),
    arithmetic!("try_mod", common, mod_checked, true),
    arithmetic!("try_divide", doubles, div_checked, true),
];

fn each<T: ArrowPrimitiveType>(
    call: &Call<'_>,
    with: impl Fn(T::Native, T::Native) -> Option<T::Native>,
) -> Result<ArrayRef> {
    let (left, right) = (call.args[0].as_primitive::<T>(), call.args[1].as_primitive::<T>());
    call.primitives::<T>(|row| Ok(with(left.value(row), right.value(row))))
}

fn numbers(types: &[DataType]) -> Result<&[DataType]> {
    for given in types {
        let is_number =
            (given.is_numeric() && !given.is_decimal()) || given.is_null() || given.is_string();
        if !is_number {
            return mismatch(format!("A number is needed here, not {given}."));
        }
    }
    Ok(types)
}

/// The wider of both; text is a DOUBLE or, beside a whole number, a BIGINT.
fn common(types: &[DataType]) -> Result<Vec<DataType>> {
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

fn doubles(types: &[DataType]) -> Result<Vec<DataType>> {
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
