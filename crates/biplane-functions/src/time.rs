//! Points in time as people read them: names of days, months between, other zones, Java's patterns.

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Float64Type, Int64Type, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType,
};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike};
use datafusion::common::Result;

use crate::epoch::instant;
use crate::frame::{Call, Def};
use crate::patterns::Pattern;
use crate::raised::{fail, mismatch, raised};

pub fn wall() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

pub fn zone(name: &str) -> Result<Tz> {
    // Java's short names of offsets.
    let given = match name {
        "Z" | "GMT" | "UT" => "UTC",
        other => other.strip_prefix("UTC").or_else(|| other.strip_prefix("GMT")).unwrap_or(other),
    };
    let given = if given.is_empty() { "UTC" } else { given };
    given.parse().or_else(|_| {
        let text = format!("The timezone: {name} is invalid.");
        fail("INVALID_TIMEZONE", "22009", text)
    })
}

/// The instant of a wall clock; where the clock was turned on, that much later, as Java does.
pub fn instant_of(local: NaiveDateTime, zone: &Tz) -> i64 {
    use chrono::LocalResult::{Ambiguous, None, Single};
    match zone.from_local_datetime(&local) {
        Single(at) | Ambiguous(at, _) => at.timestamp_micros(),
        None => {
            let before = local - TimeDelta::days(1);
            let offset = zone.offset_from_utc_datetime(&before).fix().local_minus_utc();
            local.and_utc().timestamp_micros() - i64::from(offset) * 1_000_000
        }
    }
}

fn out_of_range() -> datafusion::common::DataFusionError {
    raised("DATETIME_OVERFLOW", "22008", "The point in time is out of range.")
}

/// What the clock showed there then.
pub fn local_of(micros: i64, zone: &Tz) -> Result<NaiveDateTime> {
    let at = DateTime::from_timestamp_micros(micros).ok_or_else(out_of_range)?;
    let offset = zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
    at.naive_utc()
        .checked_add_signed(TimeDelta::seconds(i64::from(offset)))
        .ok_or_else(out_of_range)
}

/// A date or a timestamp as the session's clock shows it.
pub fn shown(array: &ArrayRef, row: usize, zone: &Tz) -> Result<NaiveDateTime> {
    match array.data_type() {
        DataType::Date32 => {
            let date = array.as_primitive::<Date32Type>().value_as_date(row);
            Ok(date.ok_or_else(out_of_range)?.into())
        }
        // A time of day is on the first day.
        DataType::Time64(_) => {
            let micros = array.as_primitive::<Time64MicrosecondType>().value(row);
            Ok(DateTime::from_timestamp_micros(micros).ok_or_else(out_of_range)?.naive_utc())
        }
        DataType::Timestamp(unit, zone_of) if *unit != TimeUnit::Microsecond => {
            let micros = DataType::Timestamp(TimeUnit::Microsecond, zone_of.clone());
            shown(&arrow::compute::cast(&array.slice(row, 1), &micros)?, 0, zone)
        }
        DataType::Timestamp(_, None) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            Ok(DateTime::from_timestamp_micros(micros).ok_or_else(out_of_range)?.naive_utc())
        }
        _ => local_of(array.as_primitive::<TimestampMicrosecondType>().value(row), zone),
    }
}

/// Dates and timestamps stay what they are, all else is text.
fn moment(given: &DataType) -> Result<DataType> {
    match given {
        DataType::Date32 => Ok(DataType::Date32),
        DataType::Timestamp(_, None) => Ok(wall()),
        DataType::Timestamp(..) => Ok(instant()),
        text if text.is_string() || text.is_null() => Ok(DataType::Utf8),
        other => mismatch(format!("A date, a timestamp or text is needed, not {other}.")),
    }
}

/// Text is a timestamp of the wall clock.
pub fn moment_or_text(given: &DataType) -> Result<DataType> {
    Ok(match moment(given)? {
        DataType::Utf8 => wall(),
        other => other,
    })
}

fn with_pattern(types: &[DataType]) -> Result<Vec<DataType>> {
    let first = types.first().map(moment).transpose()?;
    Ok(first.into_iter().chain(types.iter().skip(1).map(|_| DataType::Utf8)).collect())
}

macro_rules! parsed {
    ($name:literal, $gives:expr, $run:expr) => {
        Def {
            name: $name,
            least: 2,
            most: 2,
            takes: with_pattern,
            gives: |_| Ok($gives),
            run: $run,
        }
    };
}

pub const FUNCTIONS: &[Def] = &[
    Def {
        name: "dayname",
        least: 1,
        most: 1,
        takes: |types| Ok(vec![moment_or_text(&types[0])?]),
        gives: |_| Ok(DataType::Utf8),
        run: |call| {
            let zone = zone(call.zone)?;
            call.texts(|row| Ok(Some(shown(&call.args[0], row, &zone)?.format("%a").to_string())))
        },
    },
    Def {
        name: "months_between",
        least: 2,
        most: 3,
        takes: |types| {
            let rest = types.get(2).map(|_| DataType::Boolean);
            Ok([moment_or_text(&types[0])?, moment_or_text(&types[1])?]
                .into_iter()
                .chain(rest)
                .collect())
        },
        gives: |_| Ok(DataType::Float64),
        run: months_between,
    },
    Def {
        name: "convert_timezone",
        least: 2,
        most: 3,
        takes: |types| Ok([vec![DataType::Utf8; types.len() - 1], vec![wall()]].concat()),
        gives: |_| Ok(wall()),
        run: convert_timezone,
    },
    Def {
        name: "date_format",
        least: 2,
        most: 2,
        takes: |types| match &types[0] {
            time @ DataType::Time64(_) => Ok(vec![time.clone(), DataType::Utf8]),
            other => Ok(vec![moment_or_text(other)?, DataType::Utf8]),
        },
        gives: |_| Ok(DataType::Utf8),
        run: |call| formatted(call, |row, zone| shown(&call.args[0], row, zone)),
    },
    Def {
        name: "from_unixtime",
        least: 1,
        most: 2,
        takes: |types| {
            let all = [DataType::Int64, DataType::Utf8];
            Ok(all.into_iter().take(types.len()).collect())
        },
        gives: |_| Ok(DataType::Utf8),
        run: |call| {
            formatted(call, |row, zone| {
                local_of(call.long(0, row).checked_mul(1_000_000).ok_or_else(out_of_range)?, zone)
            })
        },
    },
    parsed!("to_date_by", DataType::Date32, |call| dates(call, !call.ansi)),
    parsed!("try_to_date_by", DataType::Date32, |call| dates(call, true)),
    parsed!("to_timestamp_by", instant(), |call| instants(call, !call.ansi)),
    parsed!("try_to_timestamp_by", instant(), |call| instants(call, true)),
    parsed!("to_timestamp_ntz_by", wall(), |call| {
        let zone = zone(call.zone)?;
        let mut pattern = Cached::default();
        call.primitives::<TimestampMicrosecondType>(|row| {
            let local = local(call, row, &mut pattern, &zone, !call.ansi)?;
            Ok(local.map(|local| local.and_utc().timestamp_micros()))
        })
    }),
    parsed!("unix_timestamp_by", DataType::Int64, |call| {
        let zone = zone(call.zone)?;
        let mut pattern = Cached::default();
        call.primitives::<Int64Type>(|row| {
            let local = local(call, row, &mut pattern, &zone, !call.ansi)?;
            Ok(local.map(|local| instant_of(local, &zone).div_euclid(1_000_000)))
        })
    }),
];

/// The pattern of the row before.
#[derive(Default)]
struct Cached(Option<(String, Pattern)>);

impl Cached {
    fn get(&mut self, text: &str) -> Result<&Pattern> {
        if self.0.as_ref().is_none_or(|(known, _)| known != text) {
            self.0 = Some((text.to_owned(), Pattern::new(text)?));
        }
        match &self.0 {
            Some((_, pattern)) => Ok(pattern),
            None => fail("INTERNAL_ERROR", "XX000", "no pattern"),
        }
    }
}

fn formatted(
    call: &Call<'_>,
    local: impl Fn(usize, &Tz) -> Result<NaiveDateTime>,
) -> Result<ArrayRef> {
    let zone = zone(call.zone)?;
    let mut pattern = Cached::default();
    call.texts(|row| {
        let text = if call.args.len() > 1 { call.text(1, row) } else { "yyyy-MM-dd HH:mm:ss" };
        Ok(Some(pattern.get(text)?.write(local(row, &zone)?, &zone)?))
    })
}

/// What the text says by the pattern, on the session's clock; of other types the pattern is not asked.
fn local(
    call: &Call<'_>,
    row: usize,
    pattern: &mut Cached,
    zone: &Tz,
    is_lenient: bool,
) -> Result<Option<NaiveDateTime>> {
    if call.args[0].data_type() != &DataType::Utf8 {
        return shown(&call.args[0], row, zone).map(Some);
    }
    let text = call.text(0, row);
    match pattern.get(call.text(1, row))?.read(text, zone)? {
        Some(local) => Ok(Some(local)),
        None if is_lenient => Ok(None),
        None => {
            let message = format!("Text '{text}' could not be parsed.");
            fail("CANNOT_PARSE_TIMESTAMP", "22007", message)
        }
    }
}

fn dates(call: &Call<'_>, is_lenient: bool) -> Result<ArrayRef> {
    let zone = zone(call.zone)?;
    let mut pattern = Cached::default();
    call.primitives::<Date32Type>(|row| {
        let local = local(call, row, &mut pattern, &zone, is_lenient)?;
        Ok(local.map(|local| Date32Type::from_naive_date(local.date())))
    })
}

fn instants(call: &Call<'_>, is_lenient: bool) -> Result<ArrayRef> {
    let zone = zone(call.zone)?;
    let mut pattern = Cached::default();
    call.primitives::<TimestampMicrosecondType>(|row| {
        let local = local(call, row, &mut pattern, &zone, is_lenient)?;
        Ok(local.map(|local| instant_of(local, &zone)))
    })
}

fn days_of_month(date: NaiveDate) -> u32 {
    u32::from(date.num_days_in_month())
}

/// Whole months between days of one number or between last days; else a month has 31 days.
fn months_between(call: &Call<'_>) -> Result<ArrayRef> {
    let zone = zone(call.zone)?;
    call.primitives::<Float64Type>(|row| {
        let rounds = call.args.get(2).is_none_or(|array| array.as_boolean().value(row));
        let (a, b) = (shown(&call.args[0], row, &zone)?, shown(&call.args[1], row, &zone)?);
        let months =
            f64::from((a.year() - b.year()) * 12) + f64::from(a.month()) - f64::from(b.month());
        let is_last = |at: NaiveDateTime| at.day() == days_of_month(at.date());
        if a.day() == b.day() || (is_last(a) && is_last(b)) {
            return Ok(Some(months));
        }
        let seconds = |at: NaiveDateTime| {
            i64::from(at.day()) * 86_400 + i64::from(at.num_seconds_from_midnight())
        };
        #[expect(clippy::cast_precision_loss, reason = "seconds of a month")]
        let part = (seconds(a) - seconds(b)) as f64 / (31.0 * 86_400.0);
        let all = months + part;
        Ok(Some(if rounds { (all * 1e8).round() / 1e8 } else { all }))
    })
}

fn convert_timezone(call: &Call<'_>) -> Result<ArrayRef> {
    let last = call.args.len() - 1;
    call.primitives::<TimestampMicrosecondType>(|row| {
        let from = if last == 2 { zone(call.text(0, row))? } else { zone(call.zone)? };
        let to = zone(call.text(last - 1, row))?;
        let local = shown(&call.args[last], row, &from)?;
        Ok(Some(local_of(instant_of(local, &from), &to)?.and_utc().timestamp_micros()))
    })
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("dayname(DATE '2008-02-20')", "Wed"),
            ("months_between('1997-02-28 10:30:00', '1996-10-30')", "3.94959677"),
            ("months_between('1997-02-28 10:30:00', '1996-10-30', false)", "3.9495967741935485"),
            ("months_between(DATE '2024-02-29', DATE '2024-01-31')", "1.0"),
            (
                "convert_timezone('Europe/Brussels', 'America/Los_Angeles', TIMESTAMP '2021-12-06 00:00:00')",
                "2021-12-05T15:00:00",
            ),
            ("convert_timezone('Nowhere', TIMESTAMP '2021-12-06 00:00:00')", "[INVALID_TIMEZONE]"),
            ("date_format('2016-04-08', 'y')", "2016"),
            (
                "date_format(TIMESTAMP '2016-04-08 13:05:09.123456', \"EEEE, d MMM yy hh:mm:ss.SSS a 'at' X\")",
                "Schema error",
            ),
            (
                "date_format(TIMESTAMP '2016-04-08 13:05:09.123456', 'EEEE, d MMM yy hh:mm:ss.SSS a X')",
                "Friday, 8 Apr 16 01:05:09.123 PM Z",
            ),
            ("date_format('2016-04-08', 'bbb')", "[INVALID_DATETIME_PATTERN"),
            ("from_unixtime(0)", "1970-01-01 00:00:00"),
            ("to_date_by('31/12/2016', 'dd/MM/yyyy')", "2016-12-31"),
            ("to_date_by('31/13/2016', 'dd/MM/yyyy')", "[CANNOT_PARSE_TIMESTAMP]"),
            ("try_to_date_by('foo', 'yyyy-MM-dd')", ""),
            ("to_timestamp_by('2016-12-31 03 PM', 'yyyy-MM-dd hh a')", "2016-12-31T15:00:00Z"),
            ("to_timestamp_by('2016-12-31 03+01:00', 'yyyy-MM-dd HHXXX')", "2016-12-31T02:00:00Z"),
            ("unix_timestamp_by('2016-04-08', 'yyyy-MM-dd')", "1460073600"),
        ])
        .await
    }
}
