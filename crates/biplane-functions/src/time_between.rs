//! `timestampdiff(unit, from, to)`: whole units between two points in time, as the session's clock shows them.

use arrow::datatypes::{DataType, Int64Type};
use chrono::{Datelike, NaiveDateTime};
use datafusion::common::Result;

use crate::frame::Def;
use crate::raised::fail;
use crate::time::{moment_or_text, shown, zone};

const DAY: i64 = 86_400_000_000;
/// Units of one length, in microseconds.
const EVEN: [(&str, i64); 8] = [
    ("microsecond", 1),
    ("millisecond", 1_000),
    ("second", 1_000_000),
    ("minute", 60_000_000),
    ("hour", 3_600_000_000),
    ("day", DAY),
    ("dayofyear", DAY),
    ("week", 7 * DAY),
];
/// Units of months.
const UNEVEN: [(&str, i64); 3] = [("month", 1), ("quarter", 3), ("year", 12)];

pub const FUNCTIONS: &[Def] = &[Def {
    name: "timestamp_diff",
    least: 3,
    most: 3,
    takes: |types| Ok(vec![DataType::Utf8, moment_or_text(&types[1])?, moment_or_text(&types[2])?]),
    gives: |_| Ok(DataType::Int64),
    run: |call| {
        let zone = zone(call.zone)?;
        call.primitives::<Int64Type>(|row| {
            let (from, to) = (shown(&call.args[1], row, &zone)?, shown(&call.args[2], row, &zone)?);
            between(call.text(0, row), from, to).map(Some)
        })
    },
}];

fn between(unit: &str, from: NaiveDateTime, to: NaiveDateTime) -> Result<i64> {
    if let Some((_, size)) = EVEN.iter().find(|(name, _)| *name == unit) {
        let micros = |at: NaiveDateTime| at.and_utc().timestamp_micros();
        return Ok((micros(to) - micros(from)) / size);
    }
    let Some((_, size)) = UNEVEN.iter().find(|(name, _)| *name == unit) else {
        let text = format!("`timestampdiff` knows no unit {unit}.");
        return fail("INVALID_PARAMETER_VALUE.DATETIME_UNIT", "22023", text);
    };
    let month = |at: NaiveDateTime| i64::from(at.year()) * 12 + i64::from(at.month0());
    let within = |at: NaiveDateTime| (at.day(), at.time());
    let months = month(to) - month(from);
    // The last month counts when its day and time have come.
    let begun = match months {
        1.. if within(to) < within(from) => 1,
        ..=-1 if within(to) > within(from) => -1,
        _ => 0,
    };
    Ok((months - begun) / size)
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("timestamp_diff('hour', '2024-01-01', '2024-01-02 01:59:59')", "25"),
            ("timestamp_diff('day', TIMESTAMP '2024-01-02 00:00:00', TIMESTAMP '2024-01-01 00:00:01')", "0"),
            ("timestamp_diff('month', '2024-01-31', '2024-02-29')", "0"),
            ("timestamp_diff('month', '2024-03-31', '2024-02-29')", "-1"),
            ("timestamp_diff('quarter', '2024-01-01', '2024-12-31')", "3"),
            ("timestamp_diff('year', '2020-02-29', '2024-02-28')", "3"),
            ("timestamp_diff('day', NULL, '2024-02-28')", ""),
            ("timestamp_diff('eon', '2020-02-29', '2024-02-28')", "[INVALID_PARAMETER_VALUE"),
        ])
        .await
    }
}
