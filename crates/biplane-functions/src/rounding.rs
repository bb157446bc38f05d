//! `round`, `bround`, `ceil` and `floor` to a number of places, with Spark's types of decimals.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Float32Type, Float64Type, Int64Type,
};
use datafusion::common::Result;

use crate::frame::{Call, Def, Given};
use crate::raised::{fail, mismatch};

#[derive(Clone, Copy, PartialEq)]
enum Way {
    HalfUp,
    HalfEven,
    Up,
    Down,
}

fn takes(types: &[DataType]) -> Result<Vec<DataType>> {
    let value = match &types[0] {
        decimal @ DataType::Decimal128(..) => decimal.clone(),
        number if number.is_integer() || number.is_floating() => number.clone(),
        text if text.is_string() || text.is_null() => DataType::Float64,
        other => return mismatch(format!("A number is needed here, not {other}.")),
    };
    Ok([value, DataType::Int32].into_iter().take(types.len()).collect())
}

/// For `ceil` and `floor`, whole numbers and doubles become decimals first.
fn takes_exact(types: &[DataType]) -> Result<Vec<DataType>> {
    let mut taken = takes(types)?;
    taken[0] = match &taken[0] {
        DataType::Int8 => DataType::Decimal128(3, 0),
        DataType::Int16 => DataType::Decimal128(5, 0),
        DataType::Int32 => DataType::Decimal128(10, 0),
        DataType::Int64 => DataType::Decimal128(20, 0),
        DataType::Float32 => DataType::Decimal128(14, 7),
        DataType::Float64 => DataType::Decimal128(30, 15),
        other => other.clone(),
    };
    Ok(taken)
}

fn gives(given: &Given<'_>) -> Result<DataType> {
    let DataType::Decimal128(digits, scale) = given[0] else { return Ok(given[0].clone()) };
    let Some(places) = given.int(1) else {
        return fail(
            "DATATYPE_MISMATCH.NON_FOLDABLE_INPUT",
            "42K09",
            "The number of places must be a literal.",
        );
    };
    let (digits, scale) = (i64::from(digits), i64::from(scale));
    let whole = digits - scale + 1;
    let (digits, scale) = if places < 0 {
        (whole.max(1 - places), 0)
    } else {
        let scale = scale.min(places);
        (whole + scale, scale)
    };
    let digits = digits.clamp(1, i64::from(DECIMAL128_MAX_PRECISION));
    Ok(DataType::Decimal128(
        u8::try_from(digits).unwrap_or(DECIMAL128_MAX_PRECISION),
        i8::try_from(scale).unwrap_or(0),
    ))
}

macro_rules! rounding {
    ($name:literal, $way:expr, $takes:expr) => {
        Def { name: $name, least: 2, most: 2, takes: $takes, gives, run: |call| run(call, $way) }
    };
}

pub const FUNCTIONS: &[Def] = &[
    rounding!("round_to", Way::HalfUp, takes),
    rounding!("bround_to", Way::HalfEven, takes),
    rounding!("ceil_to", Way::Up, takes_exact),
    rounding!("floor_to", Way::Down, takes_exact),
];

/// The number without its last digits; it is then one in units of what the digits stood for.
fn cut(number: i128, digits: u32, way: Way) -> i128 {
    let Some(unit) = 10_i128.checked_pow(digits) else {
        return match way {
            Way::Up if number > 0 => 1,
            Way::Down if number < 0 => -1,
            _ => 0,
        };
    };
    let (below, rest) = (number.div_euclid(unit), number.rem_euclid(unit));
    let goes_up = match way {
        Way::Up => rest > 0,
        Way::Down => false,
        Way::HalfUp if number < 0 => rest * 2 > unit,
        Way::HalfUp => rest * 2 >= unit && rest > 0,
        Way::HalfEven => rest * 2 > unit || (rest * 2 == unit && below.rem_euclid(2) == 1),
    };
    below + i128::from(goes_up)
}

fn power(digits: i64) -> Option<i128> {
    u32::try_from(digits).ok().and_then(|digits| 10_i128.checked_pow(digits))
}

fn overflow<T>() -> Result<T> {
    fail("ARITHMETIC_OVERFLOW", "22003", "The rounded number is too large for its type.")
}

fn run(call: &Call<'_>, way: Way) -> Result<ArrayRef> {
    let value = &call.args[0];
    let places = |row| i64::from(call.int(1, row));
    match value.data_type() {
        DataType::Decimal128(_, scale) => {
            let scale = i64::from(*scale);
            let DataType::Decimal128(_, out) = call.gives else { return overflow() };
            let out = i64::from(*out);
            let numbers = value.as_primitive::<Decimal128Type>();
            call.primitives::<Decimal128Type>(|row| {
                let places = places(row).min(scale);
                let digits = u32::try_from(scale - places).unwrap_or(0);
                let rounded = cut(numbers.value(row), digits, way);
                match power(out - places).and_then(|unit| rounded.checked_mul(unit)) {
                    Some(number) => Ok(Some(number)),
                    None => overflow(),
                }
            })
        }
        DataType::Float64 => {
            let numbers = value.as_primitive::<Float64Type>();
            call.primitives::<Float64Type>(|row| {
                Ok(Some(double(numbers.value(row), places(row), way)))
            })
        }
        DataType::Float32 => {
            let numbers = value.as_primitive::<Float32Type>();
            call.primitives::<Float32Type>(|row| {
                let number = numbers.value(row).to_string().parse().unwrap_or(f64::NAN);
                Ok(Some(double(number, places(row), way) as f32))
            })
        }
        kind => {
            let longs = cast(value, &DataType::Int64)?;
            let longs = longs.as_primitive::<Int64Type>();
            let mut rounded = arrow::array::Int64Builder::new();
            for row in 0..call.rows {
                if call.has_null(row) {
                    rounded.append_null();
                    continue;
                }
                let digits = u32::try_from(-places(row)).unwrap_or(0);
                let cut = cut(longs.value(row).into(), digits, way);
                let long = power(digits.into()).and_then(|unit| cut.checked_mul(unit));
                match long.or(Some(0).filter(|_| cut == 0)).and_then(|n| i64::try_from(n).ok()) {
                    Some(long) => rounded.append_value(long),
                    None => return overflow(),
                }
            }
            let rounded = rounded.finish();
            let options = arrow::compute::CastOptions { safe: false, ..Default::default() };
            arrow::compute::cast_with_options(&rounded, kind, &options).or_else(|_| overflow())
        }
    }
}

/// By the shortest digits that mean this number, as Java's `BigDecimal` sees it.
fn double(number: f64, places: i64, way: Way) -> f64 {
    if !number.is_finite() {
        return number;
    }
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    let parts = i64::try_from(digits.trim_start_matches('-').len()).unwrap_or(1) - 1;
    let scale = parts - exponent;
    let (Ok(unscaled), true) = (digits.parse::<i128>(), scale > places) else { return number };
    let cut = cut(unscaled, u32::try_from(scale - places).unwrap_or(u32::MAX), way);
    format!("{cut}e{}", -places).parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_cut() {
        for (number, digits, way, expected) in [
            (25, 1, Way::HalfUp, 3),
            (-25, 1, Way::HalfUp, -3),
            (25, 1, Way::HalfEven, 2),
            (35, 1, Way::HalfEven, 4),
            (31_411, 1, Way::Up, 3_142),
            (31_411, 7, Way::Up, 1),
            (-31_411, 3, Way::Down, -32),
            (127, 40, Way::HalfUp, 0),
        ] {
            assert_eq!(cut(number, digits, way), expected, "{number} {digits}");
        }
        assert!((double(2.675, 2, Way::HalfUp) - 2.68).abs() < 1e-12);
        assert!((double(1250.0, -2, Way::HalfEven) - 1200.0).abs() < 1e-12);
    }
}
