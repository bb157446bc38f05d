//! Values as text, the way Spark prints them.

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Decimal128Array, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, IntervalDayTimeType, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
    IntervalYearMonthType, TimeUnit, TimestampMicrosecondType,
};
use base64::Engine as _;
use biplane_functions::intervals::qualifier;
use biplane_functions::opaque;
use biplane_functions::variant::is_variant;
use chrono::{DateTime, Datelike, NaiveDate, TimeZone};
use std::fmt::Write;
use std::str::FromStr;
use std::sync::Arc;

use super::opaque::shown;
use super::types::wire_type;
use crate::error::SqlError;

/// How timestamps and binaries look; the rest is the same everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// The statement API: `2024-01-01T00:00:00.000Z`, binary in base64.
    Api,
    /// In Arrow results: `2024-01-01 00:00:00`, in the session's time zone.
    Spark,
    /// `CAST(x AS STRING)`: as `Spark`, but arrays, maps and structs are no JSON.
    Cast,
}

type Print = Box<dyn Fn(usize, &mut String) + Send>;

/// Writes the values of one array.
pub struct Printer {
    array: ArrayRef,
    print: Print,
    /// The text of a value is JSON itself (numbers, booleans, nested) and needs no quotes inside JSON.
    bare_in_json: bool,
}

impl Printer {
    pub fn new(array: &ArrayRef, style: Style, time_zone: &str) -> Result<Self, SqlError> {
        if opaque::name(array.data_type()).is_some() {
            let bare_in_json = is_variant(array.data_type());
            let text = shown(array, time_zone)?;
            let print = printer(&text, style, time_zone)?;
            return Ok(Self { array: text, print, bare_in_json });
        }
        let zone: Arc<str> = time_zone.into();
        let normal = match array.data_type() {
            DataType::Interval(_)
            | DataType::Duration(_)
            | DataType::Time32(_)
            | DataType::Time64(_) => array.clone(),
            DataType::List(item) if style == Style::Cast && qualifier(item).is_some() => {
                array.clone()
            }
            other => {
                let target = wire_type(other, &zone);
                if &target == other { array.clone() } else { cast(array, &target)? }
            }
        };
        let bare_in_json = matches!(
            normal.data_type(),
            DataType::Boolean
                | DataType::Int8
                | DataType::Int16
                | DataType::Int32
                | DataType::Int64
                | DataType::Decimal128(..)
                | DataType::List(_)
                | DataType::Map(..)
                | DataType::Struct(_)
        );
        let print = printer(&normal, style, time_zone)?;
        Ok(Self { array: normal, print, bare_in_json })
    }

    /// `INTERVAL '1' DAY`, as a cast to STRING has it.
    pub fn interval(array: &ArrayRef, qualifier: &str) -> Result<Self, SqlError> {
        let all = match array.data_type() {
            DataType::Duration(_) => {
                let micros = cast(array, &DataType::Duration(TimeUnit::Microsecond))?;
                let micros = micros.as_primitive::<arrow::datatypes::DurationMicrosecondType>();
                let values = micros.iter().map(|micros| {
                    micros.map(|micros| {
                        let days = i32::try_from(micros / DAY_MICROS).unwrap_or(i32::MAX);
                        IntervalMonthDayNano::new(0, days, micros % DAY_MICROS * 1_000)
                    })
                });
                Arc::new(values.collect::<PrimitiveArray<IntervalMonthDayNanoType>>())
            }
            _ => cast(array, &DataType::Interval(IntervalUnit::MonthDayNano))?,
        };
        let qualifier = qualifier.to_owned();
        let print = primitive::<IntervalMonthDayNanoType>(&all, move |value, out| {
            out.push_str(&biplane_functions::intervals::text(value, Some(&qualifier)));
        });
        Ok(Self { array: all, print, bare_in_json: false })
    }

    pub fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row) || self.array.data_type() == &DataType::Null
    }

    /// The value must not be null.
    pub fn write(&self, row: usize, out: &mut String) {
        (self.print)(row, out);
    }

    /// As a part of a nested value.
    fn write_inside(&self, row: usize, style: Style, scratch: &mut String, out: &mut String) {
        match style {
            Style::Cast if self.is_null(row) => out.push_str("null"),
            Style::Cast => self.write(row, out),
            _ => self.write_json(row, scratch, out),
        }
    }

    /// As a value inside of JSON text.
    fn write_json(&self, row: usize, scratch: &mut String, out: &mut String) {
        if self.is_null(row) {
            out.push_str("null");
        } else if self.bare_in_json {
            self.write(row, out);
        } else {
            scratch.clear();
            self.write(row, scratch);
            let finite_number =
                matches!(self.array.data_type(), DataType::Float32 | DataType::Float64)
                    && scratch.ends_with(|last: char| last.is_ascii_digit());
            if finite_number { out.push_str(scratch) } else { json_string(scratch, out) }
        }
    }
}

fn primitive<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    write: impl Fn(T::Native, &mut String) + Send + 'static,
) -> Print {
    let array: PrimitiveArray<T> = array.as_primitive::<T>().clone();
    Box::new(move |row, out| write(array.value(row), out))
}

fn display<T: ArrowPrimitiveType>(array: &ArrayRef) -> Print
where
    T::Native: std::fmt::Display,
{
    primitive::<T>(array, |value, out| {
        let _ = write!(out, "{value}");
    })
}

fn printer(array: &ArrayRef, style: Style, time_zone: &str) -> Result<Print, SqlError> {
    Ok(match array.data_type() {
        DataType::Null => Box::new(|_, _| {}),
        DataType::Boolean => {
            let array = array.as_boolean().clone();
            Box::new(move |row, out| out.push_str(if array.value(row) { "true" } else { "false" }))
        }
        DataType::Int8 => display::<Int8Type>(array),
        DataType::Int16 => display::<Int16Type>(array),
        DataType::Int32 => display::<Int32Type>(array),
        DataType::Int64 => display::<Int64Type>(array),
        DataType::Float32 => primitive::<Float32Type>(array, |value, out| {
            float(f64::from(value), &format!("{value:e}"), out)
        }),
        DataType::Float64 => {
            primitive::<Float64Type>(array, |value, out| float(value, &format!("{value:e}"), out))
        }
        DataType::Decimal128(..) => {
            let array: Decimal128Array = array.as_primitive::<Decimal128Type>().clone();
            Box::new(move |row, out| out.push_str(&array.value_as_string(row)))
        }
        DataType::Utf8 => {
            let array = array.as_string::<i32>().clone();
            Box::new(move |row, out| out.push_str(array.value(row)))
        }
        DataType::Binary => binary(array, style),
        DataType::Date32 => primitive::<Date32Type>(array, date),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            timestamp(array, zone.is_some(), style, time_zone)
        }
        DataType::Interval(IntervalUnit::MonthDayNano) if style == Style::Cast => {
            primitive::<IntervalMonthDayNanoType>(array, |value, out| {
                out.push_str(&biplane_functions::intervals::text(value, None));
            })
        }
        DataType::Interval(unit) => interval(array, *unit),
        DataType::Duration(_) => {
            let nanos = cast(array, &DataType::Duration(TimeUnit::Microsecond))?;
            primitive::<arrow::datatypes::DurationMicrosecondType>(&nanos, |value, out| {
                day_time(i128::from(value) * 1_000, out);
            })
        }
        DataType::List(_) => list(array, style, time_zone)?,
        DataType::Map(..) => map(array, style, time_zone)?,
        DataType::Struct(_) => structure(array, style, time_zone)?,
        _ => {
            let text = cast(array, &DataType::Utf8)?;
            let text = text.as_string::<i32>().clone();
            Box::new(move |row, out| out.push_str(text.value(row)))
        }
    })
}

fn binary(array: &ArrayRef, style: Style) -> Print {
    let array = array.as_binary::<i32>().clone();
    match style {
        Style::Api => Box::new(move |row, out| {
            base64::engine::general_purpose::STANDARD.encode_string(array.value(row), out);
        }),
        Style::Spark | Style::Cast => {
            Box::new(move |row, out| out.push_str(&String::from_utf8_lossy(array.value(row))))
        }
    }
}

/// As Java's `Double.toString`: plain from 10⁻³ to 10⁷, else with an exponent. `scientific` holds the
/// shortest digits that mean this very number.
fn float(value: f64, scientific: &str, out: &mut String) {
    if value.is_nan() {
        return out.push_str("NaN");
    }
    if value.is_infinite() {
        return out.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    }
    if value == 0.0 {
        return out.push_str(if value.is_sign_negative() { "-0.0" } else { "0.0" });
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = mantissa.trim_start_matches('-');
    if value < 0.0 {
        out.push('-');
    }
    if !(-3..7).contains(&exponent) {
        out.push_str(digits);
        if !digits.contains('.') {
            out.push_str(".0");
        }
        let _ = write!(out, "E{exponent}");
        return;
    }
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    if exponent < 0 {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', exponent.unsigned_abs() as usize - 1));
        out.push_str(&digits);
        return;
    }
    let whole = exponent as usize + 1;
    for index in 0..whole {
        out.push(digits.as_bytes().get(index).map_or('0', |byte| *byte as char));
    }
    out.push('.');
    out.push_str(digits.get(whole..).filter(|rest| !rest.is_empty()).unwrap_or("0"));
}

fn date(days: i32, out: &mut String) {
    match NaiveDate::from_ymd_opt(1970, 1, 1)
        .and_then(|epoch| epoch.checked_add_signed(chrono::TimeDelta::days(i64::from(days))))
    {
        Some(date) => {
            let _ = write!(out, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day());
        }
        None => {
            let _ = write!(out, "{days}");
        }
    }
}

fn timestamp(array: &ArrayRef, zoned: bool, style: Style, time_zone: &str) -> Print {
    let zone = Tz::from_str(time_zone).ok().filter(|_| zoned && style != Style::Api);
    primitive::<TimestampMicrosecondType>(array, move |micros, out| {
        let Some(utc) = DateTime::from_timestamp_micros(micros) else {
            let _ = write!(out, "{micros}");
            return;
        };
        let local = zone
            .map_or(utc.naive_utc(), |zone| zone.from_utc_datetime(&utc.naive_utc()).naive_local());
        let fraction = micros.rem_euclid(1_000_000);
        date_time(&local, if style == Style::Api { 'T' } else { ' ' }, out);
        match style {
            Style::Api if fraction % 1_000 == 0 => {
                let _ = write!(out, ".{:03}", fraction / 1_000);
            }
            Style::Api => {
                let _ = write!(out, ".{fraction:06}");
            }
            Style::Spark | Style::Cast if fraction == 0 => {}
            Style::Spark | Style::Cast => {
                let digits = format!("{fraction:06}");
                let _ = write!(out, ".{}", digits.trim_end_matches('0'));
            }
        }
        if style == Style::Api && zoned {
            out.push('Z');
        }
    })
}

fn date_time(at: &chrono::NaiveDateTime, between: char, out: &mut String) {
    use chrono::Timelike;
    let (d, t) = (at.date(), at.time());
    let _ = write!(
        out,
        "{:04}-{:02}-{:02}{between}{:02}:{:02}:{:02}",
        d.year(),
        d.month(),
        d.day(),
        t.hour(),
        t.minute(),
        t.second()
    );
}

fn interval(array: &ArrayRef, unit: IntervalUnit) -> Print {
    match unit {
        IntervalUnit::YearMonth => primitive::<IntervalYearMonthType>(array, year_month),
        IntervalUnit::DayTime => primitive::<IntervalDayTimeType>(array, |value, out| {
            let nanos =
                i128::from(value.days) * DAY_NANOS + i128::from(value.milliseconds) * 1_000_000;
            day_time(nanos, out);
        }),
        IntervalUnit::MonthDayNano => primitive::<IntervalMonthDayNanoType>(array, |value, out| {
            let nanos = i128::from(value.days) * DAY_NANOS + i128::from(value.nanoseconds);
            if value.months != 0 {
                year_month(value.months, out);
            }
            if value.months == 0 || nanos != 0 {
                if value.months != 0 {
                    out.push(' ');
                }
                day_time(nanos, out);
            }
        }),
    }
}

const DAY_MICROS: i64 = 86_400_000_000;
const DAY_NANOS: i128 = 86_400_000_000_000;

fn year_month(months: i32, out: &mut String) {
    let sign = if months < 0 { "-" } else { "" };
    let months = months.unsigned_abs();
    let _ = write!(out, "{sign}{}-{}", months / 12, months % 12);
}

fn day_time(nanos: i128, out: &mut String) {
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    let seconds = nanos / 1_000_000_000;
    let _ = write!(
        out,
        "{sign}{} {:02}:{:02}:{:02}.{:09}",
        seconds / 86_400,
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60,
        nanos % 1_000_000_000
    );
}

fn list(array: &ArrayRef, style: Style, time_zone: &str) -> Result<Print, SqlError> {
    let array = array.as_list::<i32>().clone();
    let units = match array.data_type() {
        DataType::List(item) if style == Style::Cast => qualifier(item),
        _ => None,
    };
    let items = match units {
        Some(units) => Printer::interval(array.values(), units)?,
        None => Printer::new(array.values(), style, time_zone)?,
    };
    Ok(Box::new(move |row, out| {
        let offsets = array.value_offsets();
        let mut scratch = String::new();
        out.push('[');
        for (index, item) in (offsets[row] as usize..offsets[row + 1] as usize).enumerate() {
            if index > 0 {
                out.push_str(if style == Style::Cast { ", " } else { "," });
            }
            items.write_inside(item, style, &mut scratch, out);
        }
        out.push(']');
    }))
}

fn map(array: &ArrayRef, style: Style, time_zone: &str) -> Result<Print, SqlError> {
    let array = array.as_map().clone();
    let keys = Printer::new(array.keys(), style, time_zone)?;
    let values = Printer::new(array.values(), style, time_zone)?;
    Ok(Box::new(move |row, out| {
        let offsets = array.value_offsets();
        let mut scratch = String::new();
        out.push('{');
        for (index, entry) in (offsets[row] as usize..offsets[row + 1] as usize).enumerate() {
            if index > 0 {
                out.push_str(if style == Style::Cast { ", " } else { "," });
            }
            if style == Style::Cast {
                keys.write_inside(entry, style, &mut scratch, out);
                out.push_str(" -> ");
                values.write_inside(entry, style, &mut scratch, out);
                continue;
            }
            scratch.clear();
            keys.write(entry, &mut scratch);
            json_string(&scratch, out);
            out.push(':');
            values.write_json(entry, &mut scratch, out);
        }
        out.push('}');
    }))
}

fn structure(array: &ArrayRef, style: Style, time_zone: &str) -> Result<Print, SqlError> {
    let array = array.as_struct();
    let mut fields = Vec::with_capacity(array.num_columns());
    for (field, column) in array.fields().iter().zip(array.columns()) {
        let mut name = String::new();
        json_string(field.name(), &mut name);
        fields.push((name, Printer::new(column, style, time_zone)?));
    }
    Ok(Box::new(move |row, out| {
        let mut scratch = String::new();
        out.push('{');
        for (index, (name, field)) in fields.iter().enumerate() {
            if style == Style::Cast {
                out.push_str(if index > 0 { ", " } else { "" });
                field.write_inside(row, style, &mut scratch, out);
                continue;
            }
            if index > 0 {
                out.push(',');
            }
            out.push_str(name);
            out.push(':');
            field.write_json(row, &mut scratch, out);
        }
        out.push('}');
    }))
}

/// With quotes and escapes.
pub fn json_string(text: &str, out: &mut String) {
    out.push('"');
    let mut from = 0;
    for (index, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=31 => "",
            _ => continue,
        };
        out.push_str(&text[from..index]);
        if escape.is_empty() {
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(escape);
        }
        from = index + 1;
    }
    out.push_str(&text[from..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float64Array, Int32Array, ListArray, TimestampMicrosecondArray};

    fn all(array: ArrayRef, style: Style, zone: &str) -> Vec<String> {
        let printer = Printer::new(&array, style, zone).unwrap();
        (0..array.len())
            .map(|row| {
                let mut out = String::new();
                printer.write(row, &mut out);
                out
            })
            .collect()
    }

    #[test]
    fn doubles_look_like_javas() {
        let cases = [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (-12.5, "-12.5"),
            (1e7, "1.0E7"),
            (1234567.0, "1234567.0"),
            (1.5e-5, "1.5E-5"),
            (0.001, "0.001"),
            (1e21, "1.0E21"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ];
        let array = Float64Array::from_iter_values(cases.iter().map(|(value, _)| *value));
        let expected: Vec<&str> = cases.iter().map(|(_, text)| *text).collect();
        assert_eq!(all(Arc::new(array), Style::Api, "UTC"), expected);
    }

    #[test]
    fn timestamps_follow_the_style() {
        let array = TimestampMicrosecondArray::from(vec![0, 1_500_000, -1]).with_timezone("UTC");
        let array: ArrayRef = Arc::new(array);
        assert_eq!(
            all(array.clone(), Style::Api, "Europe/Paris"),
            ["1970-01-01T00:00:00.000Z", "1970-01-01T00:00:01.500Z", "1969-12-31T23:59:59.999999Z"]
        );
        assert_eq!(
            all(array, Style::Spark, "Europe/Paris"),
            ["1970-01-01 01:00:00", "1970-01-01 01:00:01.5", "1970-01-01 00:59:59.999999"]
        );
    }

    #[test]
    fn nested_values_are_json() {
        let items = vec![Some(vec![Some(1), None, Some(3)])];
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>(items);
        assert_eq!(all(Arc::new(list), Style::Api, "UTC"), ["[1,null,3]"]);
        let mut out = String::new();
        json_string("a\"b\\\u{1}é\n", &mut out);
        assert_eq!(out, "\"a\\\"b\\\\\\u0001é\\n\"");
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), "a\"b\\\u{1}é\n");
        let dictionary = arrow::compute::cast(
            &(Arc::new(Int32Array::from(vec![7])) as ArrayRef),
            &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Int32)),
        );
        assert_eq!(all(dictionary.unwrap(), Style::Api, "UTC"), ["7"]);
    }

    #[test]
    fn intervals_look_like_hives() {
        let mut out = String::new();
        day_time(-(DAY_NANOS + 3_661_000_000_000), &mut out);
        year_month(-14, &mut out);
        assert_eq!(out, "-1 01:01:01.000000000-1-2");
    }
}
