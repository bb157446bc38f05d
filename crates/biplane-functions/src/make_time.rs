//! Points in time put together of their parts.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Decimal128Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use datafusion::common::Result;

use crate::epoch::instant;
use crate::frame::{Call, Def, Gives, Run};
use crate::raised::{fail, mismatch};
use crate::time::{instant_of, shown, wall, zone};

const fn timestamp(name: &'static str, most: usize, gives: Gives, run: Run) -> Def {
    Def { name, least: 1, most, takes: parts, gives, run }
}

pub const FUNCTIONS: &[Def] = &[
    timestamp("make_timestamp", 7, |_| Ok(instant()), |call| instants(call, !call.ansi)),
    timestamp("make_timestamp_ltz", 7, |_| Ok(instant()), |call| instants(call, !call.ansi)),
    timestamp("make_timestamp_ntz", 6, |_| Ok(wall()), |call| walls(call, !call.ansi)),
    timestamp("try_make_timestamp", 7, |_| Ok(instant()), |call| instants(call, true)),
    timestamp("try_make_timestamp_ltz", 7, |_| Ok(instant()), |call| instants(call, true)),
    timestamp("try_make_timestamp_ntz", 6, |_| Ok(wall()), |call| walls(call, true)),
    // `TIME'…'`, which stands nowhere but in these calls.
    Def {
        name: "time_literal",
        least: 1,
        most: 1,
        takes: crate::frame::all_text,
        gives: |_| Ok(DataType::Time64(TimeUnit::Microsecond)),
        run: |call| {
            call.primitives::<Time64MicrosecondType>(|row| match time_of_day(call.text(0, row)) {
                Some(micros) => Ok(Some(micros)),
                None => {
                    let text = format!(
                        "Cannot parse the value '{}' of the literal of type \"TIME\".",
                        call.text(0, row)
                    );
                    fail("INVALID_TYPED_LITERAL", "42604", text)
                }
            })
        },
    },
];

/// `6:30`, `06:30:45.887`; the microseconds since midnight.
fn time_of_day(text: &str) -> Option<i64> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let parts: Vec<&str> = whole.split(':').collect();
    let number = |part: &str, most: i64| {
        let is_short = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        part.parse::<i64>().ok().filter(|number| is_short && *number <= most)
    };
    let (hour, minute, second) = match parts.as_slice() {
        [hour, minute] if fraction.is_empty() => (hour, minute, "0"),
        [hour, minute, second] => (hour, minute, *second),
        _ => return None,
    };
    let seconds = number(hour, 23)? * 3_600 + number(minute, 59)? * 60 + number(second, 59)?;
    if fraction.len() > 6 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(seconds * 1_000_000 + format!("{fraction:0<6}").parse::<i64>().ok()?)
}

/// Year, month, day, hour, minute, second (with a fraction) and a zone; or a date, a time of day and a zone.
fn parts(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [DataType::Date32] => Ok(vec![DataType::Date32]),
        [date, time @ DataType::Time64(_), rest @ ..] if rest.len() < 2 => {
            if !matches!(date, DataType::Date32 | DataType::Null) {
                return mismatch(format!("A DATE is needed before the TIME, not {date}."));
            }
            let zone = rest.first().map(|_| DataType::Utf8);
            Ok([DataType::Date32, time.clone()].into_iter().chain(zone).collect())
        }
        [_, _, _, _, _, _, rest @ ..] => {
            let numbers = &types[..6];
            let fits =
                |given: &DataType| given.is_numeric() || given.is_null() || given.is_string();
            if !numbers.iter().all(fits) {
                return mismatch("Year, month, day, hour, minute and second are numbers.");
            }
            let zone = rest.first().map(|_| DataType::Utf8);
            Ok([vec![DataType::Int32; 5], vec![DataType::Decimal128(16, 6)]]
                .concat()
                .into_iter()
                .chain(zone)
                .collect())
        }
        _ => fail("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605", "Six or seven parts are needed."),
    }
}

/// `None` when the parts are no point in time.
fn read(call: &Call<'_>, row: usize) -> Result<Option<NaiveDateTime>> {
    if call.args.len() == 1 {
        return shown(&call.args[0], row, &zone("UTC")?).map(Some);
    }
    if let DataType::Time64(_) = call.args[1].data_type() {
        let date = shown(&call.args[0], row, &zone("UTC")?)?;
        let micros = call.args[1].as_primitive::<Time64MicrosecondType>().value(row);
        return Ok(date.checked_add_signed(TimeDelta::microseconds(micros)));
    }
    let part = |at: usize| u32::try_from(call.int(at, row)).ok();
    let micros = call.args[5].as_primitive::<Decimal128Type>().value(row);
    let Ok(micros) = i64::try_from(micros) else { return Ok(None) };
    let date = part(1)
        .zip(part(2))
        .and_then(|(month, day)| NaiveDate::from_ymd_opt(call.int(0, row), month, day));
    let minute = part(3).zip(part(4)).filter(|(hour, minute)| *hour < 24 && *minute < 60);
    let (Some(date), Some((hour, minute))) = (date, minute) else { return Ok(None) };
    if micros == 60_000_000 {
        // Leap seconds are the next minute.
    } else if !(0..60_000_000).contains(&micros) {
        if (60_000_000..61_000_000).contains(&micros) && call.ansi && !call.gives.is_null() {
            return fail(
                "INVALID_FRACTION_OF_SECOND",
                "22023",
                "The fraction of sec must be zero. Valid range is [0, 60].",
            );
        }
        return Ok(None);
    }
    let local = date.and_hms_opt(hour, minute, 0);
    Ok(local.and_then(|local| local.checked_add_signed(TimeDelta::microseconds(micros))))
}

fn each(
    call: &Call<'_>,
    is_lenient: bool,
    mut finish: impl FnMut(usize, NaiveDateTime) -> Result<i64>,
) -> Result<ArrayRef> {
    call.primitives::<TimestampMicrosecondType>(|row| match read(call, row) {
        Ok(Some(local)) => finish(row, local).map(Some),
        Ok(None) | Err(_) if is_lenient => Ok(None),
        Err(error) => Err(error),
        Ok(None) => fail(
            "DATETIME_FIELD_OUT_OF_BOUNDS.WITHOUT_SUGGESTION",
            "22023",
            "A part of the date or time is out of its range.",
        ),
    })
}

fn instants(call: &Call<'_>, is_lenient: bool) -> Result<ArrayRef> {
    let session = zone(call.zone)?;
    // The zone is the last argument.
    let at = call.args.len().saturating_sub(1);
    each(call, is_lenient, |row, local| match call.args.get(at).filter(|_| at == 2 || at == 6) {
        Some(names) if !names.is_empty() => Ok(instant_of(local, &zone(call.text(at, row))?)),
        _ => Ok(instant_of(local, &session)),
    })
}

fn walls(call: &Call<'_>, is_lenient: bool) -> Result<ArrayRef> {
    each(call, is_lenient, |_, local| Ok(local.and_utc().timestamp_micros()))
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("make_timestamp(2014, 12, 28, 6, 30, 45.887)", "2014-12-28T06:30:45.887Z"),
            ("make_timestamp(2014, 12, 28, 6, 30, 45.887, 'CET')", "2014-12-28T05:30:45.887Z"),
            ("make_timestamp_ntz(2019, 6, 30, 23, 59, 60)", "2019-07-01T00:00:00"),
            ("make_timestamp_ltz(NULL, 7, 22, 15, 30, 0)", ""),
            ("make_timestamp(2024, 13, 22, 15, 30, 0)", "[DATETIME_FIELD_OUT_OF_BOUNDS"),
            ("make_timestamp(2024, 12, 22, 15, 30, 60.5)", "[INVALID_FRACTION_OF_SECOND]"),
            ("try_make_timestamp(2024, 13, 22, 15, 30, 0)", ""),
            ("make_timestamp(DATE '2014-12-28')", "2014-12-28T00:00:00Z"),
            (
                "make_timestamp(DATE '2014-12-28', time_literal('6:30:45.887'))",
                "2014-12-28T06:30:45.887Z",
            ),
            (
                "make_timestamp(DATE '2014-12-28', time_literal('6:30'), 'CET')",
                "2014-12-28T05:30:00Z",
            ),
            (
                "make_timestamp_ntz(DATE '2014-12-28', time_literal('23:59:59.999999'))",
                "2014-12-28T23:59:59.999999",
            ),
            ("make_timestamp(1, time_literal('6:30'))", "[DATATYPE_MISMATCH"),
            ("time_literal('24:00:00')", "[INVALID_TYPED_LITERAL]"),
            ("date_format(time_literal('14:30:45'), 'HH:mm:ss')", "14:30:45"),
        ])
        .await
    }
}
