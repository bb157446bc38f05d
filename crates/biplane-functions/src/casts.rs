//! Casts of text as Spark reads it: dates and timestamps of which parts are short or missing, numbers with an
//! exponent or a letter behind; and structs, whose fields are known by their place.

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StructArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Fields, Float64Type, TimestampMicrosecondType,
};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use datafusion::common::{Result, ScalarValue};
use std::sync::Arc;

use crate::epoch::instant;
use crate::frame::{Call, Def, Given, all_text};
use crate::raised::{fail, mismatch};
use crate::time::{instant_of, wall, zone};

macro_rules! of_text {
    ($name:literal, $gives:expr, $run:expr) => {
        Def { name: $name, least: 1, most: 1, takes: all_text, gives: |_| Ok($gives), run: $run }
    };
}

/// Text and a literal of the wanted type.
fn typed(types: &[DataType]) -> Result<Vec<DataType>> {
    Ok(types.to_vec())
}

fn second(given: &Given<'_>) -> Result<DataType> {
    Ok(given[1].clone())
}

pub const FUNCTIONS: &[Def] = &[
    of_text!("date_of_text", DataType::Date32, |call| dates(call, !call.ansi)),
    of_text!("try_date_of_text", DataType::Date32, |call| dates(call, true)),
    of_text!("instant_of_text", instant(), |call| instants(call, !call.ansi)),
    of_text!("try_instant_of_text", instant(), |call| instants(call, true)),
    of_text!("wall_of_text", wall(), |call| walls(call, !call.ansi)),
    of_text!("try_wall_of_text", wall(), |call| walls(call, true)),
    of_text!("double_of_text", DataType::Float64, |call| doubles(call, !call.ansi)),
    of_text!("try_double_of_text", DataType::Float64, |call| doubles(call, true)),
    Def {
        name: "decimal_of_text",
        least: 2,
        most: 2,
        takes: typed,
        gives: second,
        run: |call| exact(call, !call.ansi),
    },
    Def {
        name: "try_decimal_of_text",
        least: 2,
        most: 2,
        takes: typed,
        gives: second,
        run: |call| exact(call, true),
    },
    Def {
        name: "seconds_of_instant",
        least: 1,
        most: 1,
        takes: typed,
        gives: |_| Ok(DataType::Int64),
        run: |call| {
            let instants = call.args[0].as_primitive::<TimestampMicrosecondType>();
            call.primitives::<arrow::datatypes::Int64Type>(|row| {
                Ok(Some(instants.value(row).div_euclid(1_000_000)))
            })
        },
    },
    Def {
        name: "double_of_instant",
        least: 1,
        most: 1,
        takes: typed,
        gives: |_| Ok(DataType::Float64),
        run: |call| {
            let instants = call.args[0].as_primitive::<TimestampMicrosecondType>();
            #[expect(
                clippy::cast_precision_loss,
                reason = "Spark's doubles of timestamps lose it too"
            )]
            call.primitives::<Float64Type>(|row| Ok(Some(instants.value(row) as f64 / 1e6)))
        },
    },
    Def {
        name: "number_of_interval",
        least: 2,
        most: 2,
        takes: typed,
        gives: |_| Ok(DataType::Int64),
        run: |call| {
            let intervals =
                call.args[0].as_primitive::<arrow::datatypes::IntervalMonthDayNanoType>();
            call.primitives::<arrow::datatypes::Int64Type>(|row| {
                Ok(crate::intervals::number_of(intervals.value(row), call.text(1, row)))
            })
        },
    },
    Def {
        name: "by_place",
        least: 2,
        most: 2,
        takes: typed,
        gives: |given| Ok(placed(&given[0], &given[1])),
        run: |call| relabelled(&call.args[0], call.args[1].data_type()),
    },
];

fn malformed<T>(text: &str, to: &str) -> Result<T> {
    let shown: String = text.chars().take(100).collect();
    let message = format!(
        "The value '{shown}' of the type \"STRING\" cannot be cast to \"{to}\" because it is malformed. \
         Correct the value as per the syntax, or change its target type. Use `try_cast` to tolerate \
         malformed input and return NULL instead."
    );
    fail("CAST_INVALID_INPUT", "22018", message)
}

/// A year of four digits or more, a month and a day of one or two; what is missing is the first.
fn date(text: &str) -> Option<(NaiveDate, &str)> {
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = text.find(['T', ' ']).unwrap_or(text.len());
    let (date, behind) = text.split_at(end);
    let mut parts = date.split('-');
    let digits = |part: &str, least: usize, most: usize| {
        let fits = (least..=most).contains(&part.len());
        (fits && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| part.parse::<i32>().ok())?
    };
    let year = digits(parts.next()?, 4, 6)?;
    let part = |given: Option<&str>| match given {
        Some(part) => digits(part, 1, 2).and_then(|number| u32::try_from(number).ok()),
        None => Some(1),
    };
    let (month, day) = (parts.next(), parts.next());
    let is_whole = day.is_some();
    let (month, day) = (part(month)?, part(day)?);
    if parts.next().is_some() || (!is_whole && !behind.is_empty()) {
        return None;
    }
    let year = if is_negative { -year } else { year };
    Some((NaiveDate::from_ymd_opt(year, month, day)?, behind))
}

/// Hours, minutes and seconds with up to six digits behind the point, and what stands behind them.
fn time(text: &str) -> Option<(NaiveTime, &str)> {
    let is_part = |c: char| c.is_ascii_digit() || c == ':' || c == '.';
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (time, behind) = text.split_at(end);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = clock.split(':');
    let mut next = || match parts.next() {
        Some(part) if (1..=2).contains(&part.len()) => part.parse::<u32>().ok(),
        Some(_) => None,
        None => Some(0),
    };
    let (hour, minute, second) = (next()?, next()?, next()?);
    if parts.next().is_some() || fraction.contains([':', '.']) {
        return None;
    }
    let micros: u32 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    Some((NaiveTime::from_hms_micro_opt(hour, minute, second, micros)?, behind.trim()))
}

/// The point in time and the name of the zone that is said.
fn moment(text: &str) -> Option<(NaiveDateTime, &str)> {
    let (date, behind) = date(text)?;
    if behind.len() <= 1 {
        return Some((date.into(), ""));
    }
    let (time, zone) = time(behind.get(1..)?)?;
    Some((date.and_time(time), zone))
}

fn each_text<T>(
    call: &Call<'_>,
    row: usize,
    is_lenient: bool,
    to: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>> {
    let text = call.text(0, row);
    match read(text.trim_matches(|c: char| c.is_whitespace() || c.is_control())) {
        Some(found) => Ok(Some(found)),
        None if is_lenient => Ok(None),
        None => malformed(text, to),
    }
}

fn dates(call: &Call<'_>, is_lenient: bool) -> Result<ArrayRef> {
    call.primitives::<Date32Type>(|row| {
        let found = each_text(call, row, is_lenient, "DATE", |text| date(text).map(|(at, _)| at))?;
        Ok(found.map(Date32Type::from_naive_date))
    })
}

fn instants(call: &Call<'_>, is_lenient: bool) -> Result<ArrayRef> {
    let session = zone(call.zone)?;
    call.primitives::<TimestampMicrosecondType>(|row| {
        each_text(call, row, is_lenient, "TIMESTAMP", |text| {
            let (local, name) = moment(text)?;
            match name {
                "" => Some(instant_of(local, &session)),
                name => zone(&offset(name)).ok().map(|zone| instant_of(local, &zone)),
            }
        })
    })
}

/// `+3` and `+0300` as `+03:00`.
fn offset(name: &str) -> String {
    let (sign, digits) = match name.split_at_checked(1) {
        Some((sign @ ("+" | "-"), digits)) => (sign, digits),
        _ => return name.to_owned(),
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or(match digits.len() {
        4 => digits.split_at(2),
        _ => (digits, "00"),
    });
    format!("{sign}{hours:0>2}:{minutes:0>2}")
}

fn walls(call: &Call<'_>, is_lenient: bool) -> Result<ArrayRef> {
    call.primitives::<TimestampMicrosecondType>(|row| {
        each_text(call, row, is_lenient, "TIMESTAMP_NTZ", |text| {
            moment(text).map(|(local, _)| local.and_utc().timestamp_micros())
        })
    })
}

fn doubles(call: &Call<'_>, is_lenient: bool) -> Result<ArrayRef> {
    call.primitives::<Float64Type>(|row| each_text(call, row, is_lenient, "DOUBLE", double))
}

fn double(text: &str) -> Option<f64> {
    let is_number = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "infinity" | "+infinity" | "inf" | "+inf" => Some(f64::INFINITY),
        "-infinity" | "-inf" => Some(f64::NEG_INFINITY),
        "nan" => Some(f64::NAN),
        _ if !is_number => None,
        digits => digits.strip_suffix(['d', 'f']).unwrap_or(digits).parse().ok(),
    }
}

/// Digits of a number as they are written, and how many of them stand behind the point.
fn digits(text: &str) -> Option<(i128, i32)> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    if !is_plain(unsigned) || !is_plain(part) || (unsigned.is_empty() && part.is_empty()) {
        return None;
    }
    // More digits than any decimal has: the last of them change nothing but the rounding.
    let kept = part.get(..part.len().min(38_usize.saturating_sub(unsigned.len()).max(1)))?;
    let kept = if unsigned.len() >= 38 { "" } else { kept };
    let number: i128 = format!("{whole}{kept}").parse().ok()?;
    Some((number, i32::try_from(kept.len()).ok()? - exponent))
}

fn exact(call: &Call<'_>, is_lenient: bool) -> Result<ArrayRef> {
    let DataType::Decimal128(precision, scale) = call.gives else {
        return mismatch("A decimal is wanted.");
    };
    let target = format!("DECIMAL({precision},{scale})");
    let texts = call.args[0].as_string::<i32>();
    let out = texts.iter().map(|text| {
        let Some(text) = text else { return Ok(None) };
        let Some((number, given)) = digits(text.trim()) else {
            return if is_lenient { Ok(None) } else { malformed(text, &target) };
        };
        match scaled(number, i32::from(*scale) - given, u32::from(*precision)) {
            Some(number) => Ok(Some(number)),
            None if is_lenient => Ok(None),
            None => {
                let message = format!("{text} cannot be represented as {target}.");
                fail("NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", "22003", message)
            }
        }
    });
    let out: arrow::array::PrimitiveArray<Decimal128Type> = out.collect::<Result<_>>()?;
    Ok(Arc::new(out.with_data_type(call.gives.clone())))
}

/// With so many more digits behind the point, rounded half up; None: it has too many.
fn scaled(number: i128, more: i32, precision: u32) -> Option<i128> {
    let unit = |digits: i32| 10_i128.checked_pow(u32::try_from(digits).ok()?);
    let out = if more >= 0 {
        match (number, unit(more)) {
            (0, _) => 0,
            (number, unit) => number.checked_mul(unit?)?,
        }
    } else {
        match unit(-more) {
            Some(unit) => {
                let (whole, rest) = (number / unit, number % unit);
                let goes = rest.unsigned_abs() >= unit.unsigned_abs().div_ceil(2);
                whole + if goes { number.signum() } else { 0 }
            }
            None => 0,
        }
    };
    (out.unsigned_abs() < 10_u128.checked_pow(precision)?).then_some(out)
}

/// The given type with the names of the fields of the wanted one.
fn placed(given: &DataType, wanted: &DataType) -> DataType {
    let renamed = |given: &Field, wanted: &Field| {
        given
            .clone()
            .with_name(wanted.name())
            .with_data_type(placed(given.data_type(), wanted.data_type()))
    };
    match (given, wanted) {
        (DataType::Struct(a), DataType::Struct(b)) if a.len() == b.len() => {
            let fields = a.iter().zip(b).map(|(a, b)| renamed(a, b).with_nullable(true));
            DataType::Struct(fields.collect::<Fields>())
        }
        (DataType::List(a), DataType::List(b)) => {
            let inner = placed(a.data_type(), b.data_type());
            DataType::List(Arc::new(a.as_ref().clone().with_data_type(inner)))
        }
        (DataType::Map(a, sorted), DataType::Map(b, _)) => {
            let inner = match (a.data_type(), b.data_type()) {
                (DataType::Struct(x), DataType::Struct(y)) => {
                    let fields = x.iter().zip(y).map(|(x, y)| {
                        let kind = placed(x.data_type(), y.data_type());
                        x.as_ref().clone().with_data_type(kind)
                    });
                    DataType::Struct(fields.collect())
                }
                (other, _) => other.clone(),
            };
            DataType::Map(Arc::new(a.as_ref().clone().with_data_type(inner)), *sorted)
        }
        _ => given.clone(),
    }
}

fn relabelled(array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef> {
    let target = placed(array.data_type(), wanted);
    dressed(array, &target)
}

/// The same values in a type that differs in names alone.
fn dressed(array: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    Ok(match target {
        same if same == array.data_type() => array.clone(),
        DataType::Struct(fields) => {
            let given = array.as_struct();
            let columns = given.columns().iter().zip(fields);
            let columns = columns.map(|(column, field)| dressed(column, field.data_type()));
            let columns = columns.collect::<Result<Vec<_>>>()?;
            let nulls = given.nulls().cloned();
            Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, given.len())?)
        }
        DataType::List(item) => {
            let given = array.as_list::<i32>();
            let values = dressed(given.values(), item.data_type())?;
            let (offsets, nulls) = (given.offsets().clone(), given.nulls().cloned());
            Arc::new(ListArray::try_new(item.clone(), offsets, values, nulls)?)
        }
        DataType::Map(entries, sorted) => {
            let given = array.as_map();
            let inner: ArrayRef = Arc::new(given.entries().clone());
            let inner = dressed(&inner, entries.data_type())?;
            let (offsets, nulls) = (given.offsets().clone(), given.nulls().cloned());
            let inner = inner.as_struct().clone();
            Arc::new(MapArray::try_new(entries.clone(), offsets, inner, nulls, *sorted)?)
        }
        _ => array.clone(),
    })
}

/// A literal that says a type to the functions here.
pub fn type_literal(data_type: &DataType) -> Result<ScalarValue> {
    ScalarValue::try_from(data_type)
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("date_of_text('2024')", "2024-01-01"),
            ("date_of_text(' 2024-1-5 ')", "2024-01-05"),
            ("date_of_text('2024-01-05T')", "2024-01-05"),
            ("date_of_text('2024-13-05')", "[CAST_INVALID_INPUT]"),
            ("try_date_of_text('01/02/2024')", ""),
            ("instant_of_text('2024-01-05 1:2:3')", "2024-01-05T01:02:03Z"),
            ("instant_of_text('2024-01-05T10:11:12.123+03:00')", "2024-01-05T07:11:12.123Z"),
            ("instant_of_text('2024-01-05 10:11:12 Europe/Paris')", "2024-01-05T09:11:12Z"),
            ("instant_of_text('2024-01-05 25:00:00')", "[CAST_INVALID_INPUT]"),
            ("wall_of_text('2024-01-05')", "2024-01-05T00:00:00"),
            ("double_of_text('1d')", "1.0"),
            ("double_of_text('-Infinity')", "-inf"),
            ("double_of_text('abc')", "[CAST_INVALID_INPUT]"),
            ("decimal_of_text('1e2', CAST(NULL AS DECIMAL(5, 1)))", "100.0"),
            ("decimal_of_text('-1.25', CAST(NULL AS DECIMAL(5, 1)))", "-1.3"),
            (
                "decimal_of_text('12345', CAST(NULL AS DECIMAL(3, 0)))",
                "[NUMERIC_VALUE_OUT_OF_RANGE",
            ),
        ])
        .await
    }
}
