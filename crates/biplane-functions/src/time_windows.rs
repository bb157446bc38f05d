//! `window(…)`: the windows of time that a moment is in, for rows that are grouped by them.

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StructArray, TimestampMicrosecondArray};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, TimeUnit, TimestampMicrosecondType};
use datafusion::common::Result;
use std::sync::Arc;

use crate::epoch::instant;
use crate::frame::{Call, Def};
use crate::raised::{fail, mismatch};

/// Windows that one moment may be in.
const WINDOWS_MOST: i64 = 10_000;

pub const FUNCTIONS: &[Def] = &[
    // The moment, how long a window is, how far it is to the next one, and where the first one begins.
    Def {
        name: "windows_of",
        least: 2,
        most: 4,
        takes: |types| {
            let texts = types[1..].iter().map(|_| DataType::Utf8);
            Ok([moment(&types[0])?].into_iter().chain(texts).collect())
        },
        gives: |types| {
            let moment = match &types[0] {
                DataType::Utf8 => instant(),
                moment => moment.clone(),
            };
            Ok(DataType::new_list(DataType::Struct(window(&moment)), true))
        },
        run: windows,
    },
    Def {
        name: "window_time",
        least: 1,
        most: 1,
        takes: |types| {
            end_of(&types[0])?;
            Ok(types.to_vec())
        },
        gives: |types| end_of(&types[0]),
        run: |call| {
            let ends = call.args[0].as_struct().column(1).clone();
            call.primitives::<TimestampMicrosecondType>(|row| {
                let end = ends.as_primitive::<TimestampMicrosecondType>();
                Ok(end.is_valid(row).then(|| end.value(row).saturating_sub(1)))
            })
        },
    },
];

fn moment(given: &DataType) -> Result<DataType> {
    match given {
        DataType::Timestamp(_, zone) => {
            Ok(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
        }
        DataType::Date32 => Ok(DataType::Utf8),
        text if text.is_string() || text.is_null() => Ok(DataType::Utf8),
        other => mismatch(format!("A timestamp is needed, not {other}.")),
    }
}

fn window(moment: &DataType) -> Fields {
    Fields::from(vec![
        Field::new("start", moment.clone(), true),
        Field::new("end", moment.clone(), true),
    ])
}

fn end_of(given: &DataType) -> Result<DataType> {
    if let DataType::Struct(fields) = given
        && let [start, end] = fields.as_ref()
        && start.name() == "start"
        && matches!(end.data_type(), DataType::Timestamp(TimeUnit::Microsecond, _))
    {
        return Ok(end.data_type().clone());
    }
    mismatch(format!("A window is needed, not {given}."))
}

/// `1 hour 30 minutes`, with or without the word INTERVAL.
fn micros(text: &str) -> Option<i64> {
    let lower = text.to_lowercase();
    let words: Vec<&str> =
        lower.split_whitespace().skip_while(|word| *word == "interval").collect();
    let mut total = 0_i64;
    if words.is_empty() {
        return None;
    }
    for pair in words.chunks(2) {
        let [number, unit] = pair else { return None };
        let size = match unit.strip_suffix('s').unwrap_or(unit) {
            "week" => 604_800_000_000,
            "day" => 86_400_000_000,
            "hour" => 3_600_000_000,
            "minute" => 60_000_000,
            "second" => 1_000_000,
            "millisecond" => 1_000,
            "microsecond" => 1,
            _ => return None,
        };
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(size)?)?;
    }
    Some(total)
}

/// An argument that says how long something is; it is the same for all rows.
fn length(call: &Call<'_>, at: usize) -> Result<Option<i64>> {
    let Some(given) = call.args.get(at).filter(|given| !given.is_empty()) else { return Ok(None) };
    let text = if given.is_null(0) { "NULL" } else { call.text(at, 0) };
    match micros(text) {
        Some(length) => Ok(Some(length)),
        None => {
            let text =
                format!("The interval '{text}' of a window is none of days, hours and less.");
            fail("CANNOT_PARSE_INTERVAL", "22006", text)
        }
    }
}

fn windows(call: &Call<'_>) -> Result<ArrayRef> {
    let DataType::List(item) = call.gives else { return mismatch("Windows are an array.") };
    let long = length(call, 1)?.unwrap_or(1);
    let slide = length(call, 2)?.unwrap_or(long);
    let first = length(call, 3)?.unwrap_or(0);
    let is_right = long > 0 && slide > 0 && slide <= long && first.abs() < slide;
    if !is_right || long / slide > WINDOWS_MOST {
        let text = "A window must be longer than 0 and as long as its slide or longer, which must be longer than \
                    0 and than the start time; and no moment may be in more than 10000 windows.";
        return fail("DATATYPE_MISMATCH.PARAMETER_CONSTRAINT_VIOLATION", "42K09", text);
    }
    let moments = match call.args[0].data_type() {
        // Text is a time of day where the session is.
        DataType::Utf8 => {
            let here = DataType::Timestamp(TimeUnit::Microsecond, Some(call.zone.into()));
            cast(&call.args[0], &here)?
        }
        _ => call.args[0].clone(),
    };
    let moments = moments.as_primitive::<TimestampMicrosecondType>();
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    let mut lengths = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let before = starts.len();
        if moments.is_valid(row) {
            let moment = moments.value(row);
            let last = moment.saturating_sub((moment.saturating_sub(first)).rem_euclid(slide));
            // The earliest first.
            let count = (long + slide - 1) / slide;
            for back in (0..count).rev() {
                let start = last.saturating_sub(back * slide);
                let end = start.saturating_add(long);
                if (start..end).contains(&moment) {
                    starts.push(start);
                    ends.push(end);
                }
            }
        }
        lengths.push(starts.len() - before);
    }
    let DataType::Struct(fields) = item.data_type() else {
        return mismatch("A window is a struct.");
    };
    let column = |values: Vec<i64>| -> ArrayRef {
        let values = TimestampMicrosecondArray::from(values);
        Arc::new(values.with_data_type(fields[0].data_type().clone()))
    };
    let columns = vec![column(starts), column(ends)];
    let values = StructArray::try_new(fields.clone(), columns, None)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(item.clone(), offsets, Arc::new(values), None)?))
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        let at = "TIMESTAMP '2021-01-01 00:04:30'";
        let cases = [
            (
                format!("windows_of({at}, '5 minutes')"),
                "[{start: 2021-01-01T00:00:00, end: 2021-01-01T00:05:00}]",
            ),
            (
                format!("windows_of({at}, '10 minutes', 'interval 5 minutes')"),
                "[{start: 2020-12-31T23:55:00, end: 2021-01-01T00:05:00}, \
                 {start: 2021-01-01T00:00:00, end: 2021-01-01T00:10:00}]",
            ),
            (
                format!("windows_of({at}, '5 minutes', '5 minutes', '1 minute')"),
                "[{start: 2021-01-01T00:01:00, end: 2021-01-01T00:06:00}]",
            ),
            ("windows_of(CAST(NULL AS TIMESTAMP), '1 hour')".to_owned(), "[]"),
            (format!("window_time(windows_of({at}, '1 day')[1])"), "2021-01-01T23:59:59.999999"),
            (format!("windows_of({at}, '1 month')"), "[CANNOT_PARSE_INTERVAL]"),
            (format!("windows_of({at}, '1 hour', '2 hours')"), "[DATATYPE_MISMATCH"),
            (format!("windows_of({at}, '100 days', '1 second')"), "[DATATYPE_MISMATCH"),
            ("windows_of(1, '1 hour')".to_owned(), "[DATATYPE_MISMATCH"),
            ("window_time(1)".to_owned(), "[DATATYPE_MISMATCH"),
        ];
        let cases: Vec<(&str, &str)> =
            cases.iter().map(|(call, answer)| (call.as_str(), *answer)).collect();
        crate::frame::testing::answers(&cases).await
    }
}
