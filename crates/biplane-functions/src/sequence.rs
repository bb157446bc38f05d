//! `sequence`: whole numbers, dates or timestamps, one step after the other.

use arrow::array::{ArrayRef, AsArray, Int64Array, ListArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType,
};
use chrono::{Months, NaiveDateTime, TimeDelta};
use datafusion::common::Result;
use std::sync::Arc;

use crate::epoch::instant;
use crate::frame::{Call, Def};
use crate::intervals::{interval_type, is_interval};
use crate::raised::{fail, mismatch};
use crate::time::{instant_of, shown, wall, zone};

const DAY_MICROS: i128 = 86_400_000_000;

/// Elements of all sequences of one batch.
const ELEMENTS_MAX: usize = 16 << 20;

pub const FUNCTIONS: &[Def] = &[Def {
    name: "sequence",
    least: 2,
    most: 3,
    takes,
    gives: |given| Ok(DataType::new_list(given[0].clone(), true)),
    run: |call| if call.args[0].data_type().is_integer() { numbers(call) } else { moments(call) },
}];

fn takes(types: &[DataType]) -> Result<Vec<DataType>> {
    let whole = |given: &DataType| given.is_integer() || given.is_null();
    if types.iter().all(whole) {
        let wide = types.contains(&DataType::Int64);
        return Ok(vec![if wide { DataType::Int64 } else { DataType::Int32 }; types.len()]);
    }
    let is_moment = |given: &DataType| {
        given.is_null() || matches!(given, DataType::Date32 | DataType::Timestamp(..))
    };
    let has_step = types.get(2).is_none_or(|step| step.is_null() || is_interval(step));
    if !types[..2].iter().all(is_moment) || !has_step {
        return mismatch(
            "sequence takes whole numbers, or dates or timestamps and an interval between them.",
        );
    }
    let has = |wanted: fn(&DataType) -> bool| types[..2].iter().any(wanted);
    let kind = if has(|given| matches!(given, DataType::Timestamp(_, Some(_)))) {
        instant()
    } else if has(|given| matches!(given, DataType::Timestamp(_, None))) {
        wall()
    } else {
        DataType::Date32
    };
    Ok([vec![kind; 2], vec![interval_type(); types.len() - 2]].concat())
}

fn too_long() -> Result<()> {
    let text = format!("The sequences of a batch have more than {ELEMENTS_MAX} elements.");
    fail("COLLECTION_SIZE_LIMIT_EXCEEDED.PARAMETER", "54000", text)
}

fn illegal<T>(start: impl std::fmt::Display, stop: impl std::fmt::Display) -> Result<T> {
    let text = format!("Illegal sequence boundaries: {start} to {stop} by such a step.");
    fail("ILLEGAL_SEQUENCE_BOUNDARIES", "22023", text)
}

/// A list for each row, of what `each` says of it.
fn lists(
    call: &Call<'_>,
    mut each: impl FnMut(usize, &mut Vec<i64>) -> Result<()>,
) -> Result<ArrayRef> {
    let (mut items, mut lengths, mut valid) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..call.rows {
        let before = items.len();
        valid.push(!call.has_null(row));
        if !call.has_null(row) {
            each(row, &mut items)?;
        }
        lengths.push(items.len() - before);
    }
    let DataType::List(field) = call.gives else { return mismatch("An array is made here.") };
    let items: ArrayRef = Arc::new(Int64Array::from(items));
    let items = match field.data_type() {
        DataType::Date32 => cast(&cast(&items, &DataType::Int32)?, &DataType::Date32)?,
        other => cast(&items, other)?,
    };
    let offsets = OffsetBuffer::from_lengths(lengths);
    let valid = NullBuffer::from(valid);
    Ok(Arc::new(ListArray::try_new(field.clone(), offsets, items, Some(valid))?))
}

fn numbers(call: &Call<'_>) -> Result<ArrayRef> {
    let wide = call.args.iter().map(|array| Ok(cast(array, &DataType::Int64)?));
    let wide = wide.collect::<Result<Vec<ArrayRef>>>()?;
    let number = |arg: usize, row: usize| wide[arg].as_primitive::<Int64Type>().value(row);
    lists(call, |row, items| {
        let (start, stop) = (number(0, row), number(1, row));
        let step = match wide.len() > 2 {
            true => number(2, row),
            false if start <= stop => 1,
            false => -1,
        };
        if (step == 0 && start != stop) || (step > 0 && start > stop) || (step < 0 && start < stop)
        {
            return illegal(start, stop);
        }
        let span = stop.abs_diff(start);
        let count = span.checked_div(step.unsigned_abs()).unwrap_or(0).saturating_add(1);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if items.len().saturating_add(count) > ELEMENTS_MAX {
            return too_long();
        }
        items.extend((0..count as i64).map(|at| start.wrapping_add(at.wrapping_mul(step))));
        Ok(())
    })
}

fn moments(call: &Call<'_>) -> Result<ArrayRef> {
    let zone = zone(call.zone)?;
    let kind = call.args[0].data_type().clone();
    let steps = call.args.get(2).map(|steps| cast(steps, &interval_type())).transpose()?;
    // As the array holds it.
    let held = |at: NaiveDateTime| match &kind {
        DataType::Date32 => i64::from(Date32Type::from_naive_date(at.date())),
        DataType::Timestamp(_, None) => at.and_utc().timestamp_micros(),
        _ => instant_of(at, &zone),
    };
    lists(call, |row, items| {
        let (start, stop) = (shown(&call.args[0], row, &zone)?, shown(&call.args[1], row, &zone)?);
        let step = match &steps {
            Some(steps) => steps.as_primitive::<IntervalMonthDayNanoType>().value(row),
            None => IntervalMonthDayNano::new(0, if start <= stop { 1 } else { -1 }, 0),
        };
        let IntervalMonthDayNano { months, days, nanoseconds } = step;
        let (is_up, is_down) = (
            months >= 0 && days >= 0 && nanoseconds >= 0,
            months <= 0 && days <= 0 && nanoseconds <= 0,
        );
        let is_none = is_up && is_down;
        let is_date = kind == DataType::Date32;
        let fits = if start <= stop { is_up } else { is_down };
        if !fits || (is_none && start != stop) || (is_date && nanoseconds != 0) {
            return illegal(start, stop);
        }
        if steps_between(start, stop, step).is_some_and(|count| count >= ELEMENTS_MAX as i128) {
            return too_long();
        }
        let (first, last) = (held(start), held(stop));
        for count in 0.. {
            let Some(calendar) = moved(start, months, days, count) else {
                return illegal(start, stop);
            };
            let micros = count.checked_mul(nanoseconds / 1_000);
            let at = micros.and_then(|micros| held(calendar).checked_add(micros));
            let Some(at) = at else { return illegal(start, stop) };
            if (first <= last && at > last) || (first > last && at < last) {
                break;
            }
            if items.len() >= ELEMENTS_MAX {
                return too_long();
            }
            items.push(at);
            if is_none {
                break;
            }
        }
        Ok(())
    })
}

/// About how many there are. None: months differ, and there are not that many of them.
fn steps_between(
    start: NaiveDateTime,
    stop: NaiveDateTime,
    step: IntervalMonthDayNano,
) -> Option<i128> {
    let micros = i128::from(step.days) * DAY_MICROS + i128::from(step.nanoseconds / 1_000);
    let span = i128::from((stop - start).num_microseconds()?);
    if step.months == 0 { span.checked_div(micros) } else { None }
}

/// So many months and days later, counted from the start: the 31st comes back after a short month.
fn moved(start: NaiveDateTime, months: i32, days: i32, count: i64) -> Option<NaiveDateTime> {
    let months = i64::from(months).checked_mul(count)?;
    let by = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
    let at =
        if months < 0 { start.checked_sub_months(by)? } else { start.checked_add_months(by)? };
    at.checked_add_signed(TimeDelta::try_days(i64::from(days).checked_mul(count)?)?)
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("sequence(5, 1)", "[5, 4, 3, 2, 1]"),
            ("sequence(1, 10, 4)", "[1, 5, 9]"),
            ("sequence(3, 3, 0)", "[3]"),
            ("sequence(1, 10, -4)", "[ILLEGAL_SEQUENCE_BOUNDARIES]"),
            ("sequence(1, 100000000)", "[COLLECTION_SIZE_LIMIT_EXCEEDED"),
            ("sequence(DATE '2024-02-28', DATE '2024-03-01')", "[2024-02-28, 2024-02-29, 2024-03-01]"),
            ("sequence(DATE '2024-03-01', DATE '2024-02-29')", "[2024-03-01, 2024-02-29]"),
            (
                "sequence(DATE '2024-01-31', DATE '2024-03-31', INTERVAL '1 month')",
                "[2024-01-31, 2024-02-29, 2024-03-31]",
            ),
            (
                "sequence(DATE '2024-03-31', DATE '2024-01-31', INTERVAL '-1 month')",
                "[2024-03-31, 2024-02-29, 2024-01-31]",
            ),
            ("sequence(DATE '2024-03-31', DATE '2024-01-31', INTERVAL '1 month')", "[ILLEGAL_SEQUENCE_BOUNDARIES]"),
            ("sequence(DATE '2024-01-01', DATE '2024-01-02', INTERVAL '1 hour')", "[ILLEGAL_SEQUENCE_BOUNDARIES]"),
            ("sequence(DATE '2024-01-01', DATE '2024-01-01', INTERVAL '0 days')", "[2024-01-01]"),
            ("sequence(DATE '2024-01-01', NULL)", ""),
            (
                "sequence(TIMESTAMP '2024-01-01 00:00:00', TIMESTAMP '2024-01-01 01:00:00', INTERVAL '30 minutes')",
                "[2024-01-01T00:00:00, 2024-01-01T00:30:00, 2024-01-01T01:00:00]",
            ),
            (
                "sequence(TIMESTAMP '2000-01-01 00:00:00', TIMESTAMP '2030-01-01 00:00:00', INTERVAL '1 second')",
                "[COLLECTION_SIZE_LIMIT_EXCEEDED",
            ),
            ("sequence('a', 'b')", "[DATATYPE_MISMATCH"),
        ])
        .await
    }
}
