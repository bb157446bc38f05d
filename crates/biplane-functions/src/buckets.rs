//! `time_bucket`: the beginning of the interval that a moment falls into, counted from an origin.

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, IntervalMonthDayNano, IntervalMonthDayNanoType, TimestampMicrosecondType,
};
use chrono::{Datelike, Months, NaiveDateTime};
use datafusion::common::Result;

use crate::epoch::instant;
use crate::frame::{Call, Def};
use crate::intervals::{interval_type, is_interval};
use crate::raised::{fail, mismatch};
use crate::time::{instant_of, shown, wall, zone};

const DAY_MICROS: i128 = 86_400_000_000;

pub const FUNCTIONS: &[Def] = &[Def {
    name: "time_bucket",
    least: 2,
    most: 3,
    takes: |types| {
        if !is_interval(&types[0]) {
            return mismatch("time_bucket takes an interval first.");
        }
        let is_wall = matches!(types[1], DataType::Timestamp(_, None));
        let moment = if is_wall { wall() } else { instant() };
        Ok([vec![interval_type()], vec![moment; types.len() - 1]].concat())
    },
    gives: |given| Ok(given[1].clone()),
    run,
}];

fn run(call: &Call<'_>) -> Result<ArrayRef> {
    let zone = zone(call.zone)?;
    let widths = cast(&call.args[0], &interval_type())?;
    let is_wall = call.gives == &wall();
    call.primitives::<TimestampMicrosecondType>(|row| {
        let width = widths.as_primitive::<IntervalMonthDayNanoType>().value(row);
        let moment = shown(&call.args[1], row, &zone)?;
        let origin = match call.args.get(2) {
            Some(origin) => shown(origin, row, &zone)?,
            None => NaiveDateTime::default(),
        };
        let Some(start) = bucket(width, moment, origin) else {
            let text = "time_bucket takes an interval of months or of days and time, above zero.";
            return fail("INVALID_PARAMETER_VALUE.INTERVAL", "22023", text);
        };
        let micros = start.and_utc().timestamp_micros();
        Ok(Some(if is_wall { micros } else { instant_of(start, &zone) }))
    })
}

/// None: the interval is not above zero, or the bucket out of all bounds.
fn bucket(
    width: IntervalMonthDayNano,
    moment: NaiveDateTime,
    origin: NaiveDateTime,
) -> Option<NaiveDateTime> {
    let micros = i128::from(width.days) * DAY_MICROS + i128::from(width.nanoseconds / 1000);
    if width.months == 0 && micros > 0 {
        let since = i128::from((moment - origin).num_microseconds()?);
        let start = i64::try_from(since.div_euclid(micros) * micros).ok()?;
        return origin.checked_add_signed(chrono::TimeDelta::microseconds(start));
    }
    if width.months <= 0 || micros != 0 {
        return None;
    }
    let months = |at: NaiveDateTime| i64::from(at.year()) * 12 + i64::from(at.month0());
    let width = i64::from(width.months);
    let after = |count: i64| {
        let by = Months::new(u32::try_from(count.unsigned_abs()).ok()?);
        if count < 0 { origin.checked_sub_months(by) } else { origin.checked_add_months(by) }
    };
    let count = (months(moment) - months(origin)).div_euclid(width) * width;
    let start = after(count)?;
    if start > moment { after(count - width) } else { Some(start) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_begin_where_the_origin_says() {
        let at = |text: &str| text.parse::<NaiveDateTime>().unwrap();
        let epoch = "1970-01-01T00:00:00";
        for (months, days, minutes, moment, origin, expected) in [
            (0, 0, 15, "2024-01-01T11:27:00", epoch, Some("2024-01-01T11:15:00")),
            (0, 1, 0, "1969-12-31T14:30:00", epoch, Some("1969-12-31T00:00:00")),
            (1, 0, 0, "2024-07-20T14:30:00", "2024-06-15T09:00:00", Some("2024-07-15T09:00:00")),
            (1, 0, 0, "2024-07-02T14:30:00", "2024-06-15T09:00:00", Some("2024-06-15T09:00:00")),
            (12, 0, 0, "1969-07-02T14:30:00", epoch, Some("1969-01-01T00:00:00")),
            (0, 0, 0, "2024-01-01T11:27:00", epoch, None),
            (1, 1, 0, "2024-01-01T11:27:00", epoch, None),
            (-1, 0, 0, "2024-01-01T11:27:00", epoch, None),
        ] {
            let width = IntervalMonthDayNano::new(months, days, minutes * 60_000_000_000);
            assert_eq!(bucket(width, at(moment), at(origin)), expected.map(at), "{moment}");
        }
    }
}
