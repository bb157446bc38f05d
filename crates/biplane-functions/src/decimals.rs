//! Arithmetic of decimals with Spark's precision and scale, where DataFusion's differ or pass over an overflow.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, i256};
use datafusion::common::Result;

use crate::frame::{Call, Def, Given};
use crate::raised::{fail, mismatch, raised};

const DIGITS_MAX: i32 = 38;
/// Digits behind the point that a result keeps even if digits before it are lost.
const SCALE_KEPT: i32 = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    /// The remainder that is not negative.
    Positive,
    /// The whole part of a quotient.
    Whole,
}

use Operation::{Add, Divide, Multiply, Positive, Remainder, Subtract, Whole};

/// Digits and scale as they would be without a bound.
fn wanted(operation: Operation, (p, s): (i32, i32), (q, t): (i32, i32)) -> (i32, i32) {
    let scale = s.max(t);
    match operation {
        Add | Subtract => ((p - s).max(q - t) + scale + 1, scale),
        Multiply => (p + q + 1, s + t),
        Divide | Whole => {
            let scale = (s + q + 1).max(SCALE_KEPT);
            (p - s + t + scale, scale)
        }
        Remainder | Positive => ((p - s).min(q - t) + scale, scale),
    }
}

fn bounded((digits, scale): (i32, i32)) -> (i32, i32) {
    if digits <= DIGITS_MAX {
        return (digits.max(1), scale);
    }
    let least = scale.min(SCALE_KEPT);
    (DIGITS_MAX, (DIGITS_MAX - (digits - scale)).max(least))
}

fn shape(data_type: &DataType) -> Option<(i32, i32)> {
    Some(match data_type {
        DataType::Decimal128(digits, scale) => (i32::from(*digits), i32::from(*scale)),
        DataType::Int8 => (3, 0),
        DataType::Int16 => (5, 0),
        DataType::Int32 => (10, 0),
        DataType::Int64 => (20, 0),
        _ => return None,
    })
}

fn decimal((digits, scale): (i32, i32)) -> DataType {
    DataType::Decimal128(u8::try_from(digits).unwrap_or(38), i8::try_from(scale).unwrap_or(0))
}

/// Whether arrow's kernel has another type for the result, or does not see that it overflows.
pub fn differs(operation: Operation, left: &DataType, right: &DataType) -> bool {
    match (operation, shape(left), shape(right)) {
        (Add | Subtract | Multiply, Some(left), Some(right)) => {
            wanted(operation, left, right).0 > DIGITS_MAX
        }
        _ => true,
    }
}

pub fn result(operation: Operation, left: &DataType, right: &DataType) -> Result<DataType> {
    if operation == Whole {
        return Ok(DataType::Int64);
    }
    match (shape(left), shape(right)) {
        (Some(left), Some(right)) => Ok(decimal(bounded(wanted(operation, left, right)))),
        _ => mismatch(format!("{left} and {right} are no decimals.")),
    }
}

pub fn takes(types: &[DataType]) -> Result<Vec<DataType>> {
    types
        .iter()
        .map(|given| match shape(given) {
            Some(shape) => Ok(decimal(shape)),
            None if given.is_null() => Ok(DataType::Decimal128(1, 0)),
            None => mismatch(format!("A decimal is needed here, not {given}.")),
        })
        .collect()
}

macro_rules! operation {
    ($name:literal, $operation:expr) => {
        Def {
            name: $name,
            least: 2,
            most: 2,
            takes,
            gives: |given: &Given<'_>| result($operation, &given[0], &given[1]),
            run: |call| run(call, $operation, !call.ansi),
        }
    };
}

pub const FUNCTIONS: &[Def] = &[
    operation!("decimal_add", Add),
    operation!("decimal_subtract", Subtract),
    operation!("decimal_multiply", Multiply),
    operation!("decimal_divide", Divide),
    operation!("decimal_remainder", Remainder),
    operation!("decimal_pmod", Positive),
    operation!("decimal_div", Whole),
];

pub const fn name(operation: Operation) -> &'static str {
    match operation {
        Add => "decimal_add",
        Subtract => "decimal_subtract",
        Multiply => "decimal_multiply",
        Divide => "decimal_divide",
        Remainder => "decimal_remainder",
        Positive => "decimal_pmod",
        Whole => "decimal_div",
    }
}

fn ten(digits: i32) -> i256 {
    i256::from_i128(10).wrapping_pow(u32::try_from(digits).unwrap_or(0))
}

/// Without its last digits, rounded half away from zero.
fn cut(number: i256, digits: i32) -> i256 {
    quotient(number, ten(digits))
}

fn quotient(number: i256, unit: i256) -> i256 {
    let (whole, rest) = (number.wrapping_div(unit), number.wrapping_rem(unit));
    let twice = rest.wrapping_abs().wrapping_mul(i256::from_i128(2));
    if twice >= unit.wrapping_abs() {
        let goes_up = (number >= i256::ZERO) == (unit >= i256::ZERO);
        if goes_up { whole.wrapping_add(i256::ONE) } else { whole.wrapping_sub(i256::ONE) }
    } else {
        whole
    }
}

/// Scales of the arguments and of the result.
struct Scales {
    left: i32,
    right: i32,
    out: i32,
    limit: i128,
}

impl Scales {
    /// None: it has more digits than there are.
    fn of(&self, operation: Operation, a: i128, b: i128) -> Option<i128> {
        if operation == Multiply && self.left + self.right == self.out {
            return a.checked_mul(b).filter(|out| out.abs() < self.limit);
        }
        let (wide_a, wide_b) = (i256::from_i128(a), i256::from_i128(b));
        let scale = self.left.max(self.right);
        let (left, right) = (ten(scale - self.left), ten(scale - self.right));
        let out = match operation {
            Add | Subtract => {
                let (a, b) = (wide_a.wrapping_mul(left), wide_b.wrapping_mul(right));
                let sum = if operation == Add { a.wrapping_add(b) } else { a.wrapping_sub(b) };
                cut(sum, scale - self.out)
            }
            Multiply => cut(wide_a.wrapping_mul(wide_b), self.left + self.right - self.out),
            Divide => {
                let up = self.out + self.right - self.left;
                let number = wide_a.checked_mul(ten(up.max(0)))?;
                quotient(cut(number, (-up).max(0)), wide_b)
            }
            Whole => wide_a.wrapping_mul(left).wrapping_div(wide_b.wrapping_mul(right)),
            Remainder | Positive => {
                let (a, b) = (wide_a.wrapping_mul(left), wide_b.wrapping_mul(right));
                let mut rest = a.wrapping_rem(b);
                if operation == Positive && rest < i256::ZERO {
                    rest = rest.wrapping_add(b).wrapping_rem(b);
                }
                cut(rest, scale - self.out)
            }
        };
        out.to_i128().filter(|out| out.abs() < self.limit)
    }
}

pub fn run(call: &Call<'_>, operation: Operation, is_lenient: bool) -> Result<ArrayRef> {
    let scale = |data_type: &DataType| shape(data_type).map_or(0, |(_, scale)| scale);
    let digits = shape(call.gives).map_or(DIGITS_MAX, |(digits, _)| digits);
    let scales = Scales {
        left: scale(call.args[0].data_type()),
        right: scale(call.args[1].data_type()),
        out: if operation == Whole { 0 } else { scale(call.gives) },
        limit: 10_i128.pow(u32::try_from(digits.min(DIGITS_MAX)).unwrap_or(38)),
    };
    let left = call.args[0].as_primitive::<Decimal128Type>();
    let right = call.args[1].as_primitive::<Decimal128Type>();
    let each = |row: usize| {
        let (a, b) = (left.value(row), right.value(row));
        let divides = matches!(operation, Divide | Whole | Remainder | Positive);
        let out = if divides && b == 0 {
            Err(by_zero(operation))
        } else {
            scales.of(operation, a, b).ok_or_else(|| too_large(digits, scales.out))
        };
        match out {
            Ok(number) => Ok(Some(number)),
            Err(_) if is_lenient => Ok(None),
            Err(error) => Err(error),
        }
    };
    if operation == Whole {
        return call.primitives::<Int64Type>(|row| match each(row)?.map(i64::try_from) {
            Some(Ok(number)) => Ok(Some(number)),
            Some(Err(_)) if is_lenient => Ok(None),
            Some(Err(_)) => fail("ARITHMETIC_OVERFLOW", "22003", "Overflow in integral divide."),
            None => Ok(None),
        });
    }
    call.primitives::<Decimal128Type>(each)
}

fn by_zero(operation: Operation) -> datafusion::common::DataFusionError {
    match operation {
        Remainder | Positive => raised(
            "REMAINDER_BY_ZERO",
            "22012",
            "Remainder by zero. Use `try_mod` to tolerate divisor being 0 and return NULL instead.",
        ),
        _ => raised(
            "DIVIDE_BY_ZERO",
            "22012",
            "Division by zero. Use `try_divide` to tolerate divisor being 0 and return NULL instead.",
        ),
    }
}

fn too_large(digits: i32, scale: i32) -> datafusion::common::DataFusionError {
    let text = format!("The result cannot be represented as DECIMAL({digits}, {scale}).");
    raised("NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", "22003", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_sparks() {
        for (operation, left, right, expected) in [
            (Divide, (2, 1), (2, 1), (8, 6)),
            (Divide, (38, 18), (38, 18), (38, 6)),
            (Multiply, (38, 18), (38, 18), (38, 6)),
            (Multiply, (20, 10), (20, 10), (38, 17)),
            (Add, (3, 2), (2, 1), (4, 2)),
            (Remainder, (3, 1), (1, 0), (2, 1)),
        ] {
            assert_eq!(bounded(wanted(operation, left, right)), expected, "{operation:?}");
        }
    }

    #[tokio::test]
    async fn answers() -> Result<()> {
        crate::frame::testing::answers(&[
            ("decimal_divide(1.0, 3.0)", "0.333333"),
            ("decimal_divide(2.0, -3.0)", "-0.666667"),
            ("decimal_add(1.5, 2.25)", "3.75"),
            ("decimal_remainder(-10.5, 3)", "-1.5"),
            ("decimal_pmod(-10.5, 3)", "1.5"),
            ("decimal_div(7.5, 2)", "3"),
            ("decimal_div(7.5, 0)", "[DIVIDE_BY_ZERO]"),
            ("decimal_remainder(7.5, 0)", "[REMAINDER_BY_ZERO]"),
        ])
        .await
    }
}
