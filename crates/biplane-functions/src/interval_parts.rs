//! `extract(DAY FROM …)` of intervals, and the seconds of timestamps with their fraction.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Int8Type, Int32Type, IntervalMonthDayNanoType};
use chrono::Timelike;
use datafusion::common::Result;

use crate::frame::{Call, Def};
use crate::intervals::{interval_type, is_interval};
use crate::raised::{fail, mismatch};
use crate::time::{shown, zone};

const HOUR_MICROS: i64 = 3_600_000_000;

pub const FUNCTIONS: &[Def] = &[Def {
    name: "part_of",
    least: 2,
    most: 2,
    takes: |types| {
        let moment = match &types[1] {
            given if is_interval(given) => interval_type(),
            given @ (DataType::Date32 | DataType::Timestamp(..)) => given.clone(),
            given if given.is_string() || given.is_null() => crate::time::wall(),
            other => {
                return mismatch(format!("A timestamp or an interval is needed, not {other}."));
            }
        };
        Ok(vec![DataType::Utf8, moment])
    },
    gives: |given| {
        let part = given.text(0).unwrap_or_default().to_lowercase();
        Ok(match unit(&part) {
            Some("second") => DataType::Decimal128(8, 6),
            Some("month" | "hour" | "minute") => DataType::Int8,
            Some(_) => DataType::Int32,
            None => {
                let text = format!("Cannot extract the field `{part}`.");
                return fail("INVALID_EXTRACT_FIELD", "42601", text);
            }
        })
    },
    run,
}];

/// A field of an interval by one of its names.
pub fn unit(name: &str) -> Option<&'static str> {
    Some(match name {
        "year" | "years" | "y" | "yr" | "yrs" => "year",
        "month" | "months" | "mon" | "mons" => "month",
        "day" | "days" | "d" => "day",
        "hour" | "hours" | "h" | "hr" | "hrs" => "hour",
        "minute" | "minutes" | "m" | "min" | "mins" => "minute",
        "second" | "seconds" | "s" | "sec" | "secs" => "second",
        _ => return None,
    })
}

fn run(call: &Call<'_>) -> Result<ArrayRef> {
    let name = |row| unit(&call.text(0, row).to_lowercase()).unwrap_or("day");
    if !is_interval(call.args[1].data_type()) {
        let zone = zone(call.zone)?;
        return call.primitives::<Decimal128Type>(|row| {
            let at = shown(&call.args[1], row, &zone)?;
            Ok(Some(i128::from(at.second()) * 1_000_000 + i128::from(at.nanosecond() / 1_000)))
        });
    }
    let values = cast(&call.args[1], &interval_type())?;
    let values = values.as_primitive::<IntervalMonthDayNanoType>();
    // Days and hours of `DAY TO SECOND` may be held as days or as nanoseconds.
    let part = |row: usize| {
        let value = values.value(row);
        let micros = value.nanoseconds / 1_000;
        match name(row) {
            "year" => i64::from(value.months / 12),
            "month" => i64::from(value.months % 12),
            "day" => i64::from(value.days) + micros / (24 * HOUR_MICROS),
            "hour" => micros / HOUR_MICROS % 24,
            "minute" => micros / 60_000_000 % 60,
            _ => micros % 60_000_000,
        }
    };
    match call.gives {
        DataType::Int8 => call.primitives::<Int8Type>(|row| Ok(i8::try_from(part(row)).ok())),
        DataType::Int32 => call.primitives::<Int32Type>(|row| Ok(i32::try_from(part(row)).ok())),
        _ => call.primitives::<Decimal128Type>(|row| Ok(Some(part(row).into()))),
    }
}
