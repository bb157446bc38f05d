//! Aggregates that answer with values of the group: the most frequent, that beside the greatest, those at a
//! percentage, all of them in a row.

use arrow::array::{Array, ArrayRef, AsArray, IntervalMonthDayNanoArray, ListArray, StringArray};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{SortOptions, cast, concat, partition, sort_to_indices, take};
use arrow::datatypes::{DataType, Float64Type, Int32Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::session_state::SessionState;
use std::collections::HashSet;
use std::sync::Arc;

use crate::gather::Aggregate;
use crate::intervals::{interval_type, is_interval};
use crate::raised::{fail, mismatch};

pub fn register(state: &mut SessionState) -> Result<()> {
    crate::gather::register(state, AGGREGATES)
}

const fn by(name: &'static str, finish: Finish) -> Aggregate {
    Aggregate {
        name,
        least: 2,
        most: 3,
        takes: |types| {
            let count = types.get(2).map(|_| DataType::Int32);
            Ok(types[..2].iter().cloned().chain(count).collect())
        },
        gives: |types| match types.len() {
            3 => Ok(DataType::new_list(types[0].clone(), true)),
            _ => Ok(types[0].clone()),
        },
        known: 1,
        finish,
    }
}

type Finish = fn(&[ArrayRef], &DataType, bool) -> Result<ScalarValue>;

const fn percentile(
    name: &'static str,
    takes: fn(&[DataType]) -> Result<Vec<DataType>>,
    gives: fn(&[DataType]) -> Result<DataType>,
    finish: Finish,
) -> Aggregate {
    Aggregate { name, least: 2, most: 3, takes, gives, known: 0, finish }
}

const fn listagg(name: &'static str, finish: Finish) -> Aggregate {
    Aggregate {
        name,
        least: 1,
        most: 2,
        takes: |types| Ok(vec![DataType::Utf8; types.len()]),
        gives: |_| Ok(DataType::Utf8),
        known: 0,
        finish,
    }
}

static AGGREGATES: &[Aggregate] = &[
    Aggregate {
        name: "mode",
        least: 1,
        most: 2,
        takes: |types| {
            let second = types.get(1).map(|_| DataType::Boolean);
            Ok(types[..1].iter().cloned().chain(second).collect())
        },
        gives: |types| Ok(types[0].clone()),
        known: 0,
        finish: |columns, _, _| mode(&columns[0], false),
    },
    Aggregate {
        name: "mode_greatest",
        least: 1,
        most: 1,
        takes: |types| Ok(types.to_vec()),
        gives: |types| Ok(types[0].clone()),
        known: 0,
        finish: |columns, _, _| mode(&columns[0], true),
    },
    by("max_by", |columns, gives, _| extreme(columns, gives, true)),
    by("min_by", |columns, gives, _| extreme(columns, gives, false)),
    percentile(
        "percentile",
        |types| {
            let frequency = types.get(2).map(|_| DataType::Int64);
            Ok([number(&types[0]), shares(&types[1])?].into_iter().chain(frequency).collect())
        },
        |types| answer(&types[1], number(&types[0])),
        exact,
    ),
    percentile(
        "percentile_disc_of",
        |types| Ok(vec![number(&types[0]), shares(&types[1])?]),
        |types| answer(&types[1], number(&types[0])),
        |columns, gives, _| placed(columns, gives, false),
    ),
    // The same of the values in falling order.
    percentile(
        "percentile_disc_down_of",
        |types| Ok(vec![number(&types[0]), shares(&types[1])?]),
        |types| answer(&types[1], number(&types[0])),
        |columns, gives, _| placed(columns, gives, true),
    ),
    percentile(
        "percentile_approx",
        |types| {
            let accuracy = types.get(2).map(|_| DataType::Int64);
            let value = if types[0].is_string() || types[0].is_null() {
                DataType::Float64
            } else {
                types[0].clone()
            };
            Ok([value, shares(&types[1])?].into_iter().chain(accuracy).collect())
        },
        |types| answer(&types[1], types[0].clone()),
        approximate,
    ),
    listagg("listagg", |columns, _, is_distinct| listed(columns, is_distinct)),
    // A DISTINCT that the planner does not see: it would lose the order of the rows.
    listagg("listagg_distinct", |columns, _, _| listed(columns, true)),
    // Of a scalar subquery; the second argument is there in every row.
    Aggregate {
        name: "single_value",
        least: 2,
        most: 2,
        takes: |types| Ok(types.to_vec()),
        gives: |types| Ok(types[0].clone()),
        known: 1,
        finish: |columns, _, _| match columns[0].len() {
            1 => ScalarValue::try_from_array(&columns[0], 0),
            _ => fail(
                "SCALAR_SUBQUERY_TOO_MANY_ROWS",
                "21000",
                "More than one row returned by a subquery used as an expression.",
            ),
        },
    },
    Aggregate {
        name: "collect_union",
        least: 1,
        most: 1,
        takes: |types| match &types[0] {
            DataType::List(_) => Ok(types.to_vec()),
            other => mismatch(format!("collect_union takes an array, not {other}.")),
        },
        gives: |types| Ok(types[0].clone()),
        known: 0,
        finish: |columns, gives, _| {
            let lists = columns[0].as_list::<i32>();
            let items: Vec<ArrayRef> = (0..lists.len()).map(|row| lists.value(row)).collect();
            let parts: Vec<&dyn Array> = items.iter().map(AsRef::as_ref).collect();
            let all = concat(&parts)?;
            let mut seen = HashSet::new();
            let mut first = Vec::new();
            for row in 0..all.len() {
                if seen.insert(ScalarValue::try_from_array(&all, row)?) {
                    first.push(u32::try_from(row).unwrap_or(u32::MAX));
                }
            }
            let first = arrow::array::UInt32Array::from(first);
            list(take(&all, &first, None)?, gives)
        },
    },
];

fn list(values: ArrayRef, gives: &DataType) -> Result<ScalarValue> {
    let DataType::List(item) = gives else { return mismatch("A list is answered.") };
    let values = cast(&values, item.data_type())?;
    // With all that is said of an item: of an interval, in which units it is.
    let offsets = OffsetBuffer::from_lengths([values.len()]);
    let list = ListArray::try_new(item.clone(), offsets, values, None)?;
    Ok(ScalarValue::List(Arc::new(list)))
}

/// Percentiles are of doubles or of intervals.
fn number(given: &DataType) -> DataType {
    if is_interval(given) { interval_type() } else { DataType::Float64 }
}

/// One percentage or many.
fn shares(given: &DataType) -> Result<DataType> {
    match given {
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => {
            Ok(DataType::new_list(DataType::Float64, true))
        }
        number if number.is_numeric() || number.is_null() => Ok(DataType::Float64),
        other => mismatch(format!("A percentage is a number, not {other}.")),
    }
}

fn answer(shares: &DataType, one: DataType) -> Result<DataType> {
    Ok(if shares.is_nested() { DataType::new_list(one, true) } else { one })
}

/// Of those that are there as often, the least or the greatest.
fn mode(values: &ArrayRef, greatest: bool) -> Result<ScalarValue> {
    let options = SortOptions { descending: greatest, nulls_first: false };
    let order = sort_to_indices(values, Some(options), None)?;
    let sorted = take(values, &order, None)?;
    let runs = partition(std::slice::from_ref(&sorted))?.ranges();
    let mut best: Option<std::ops::Range<usize>> = None;
    for run in runs {
        if best.as_ref().is_none_or(|best| run.len() > best.len()) {
            best = Some(run);
        }
    }
    match best {
        Some(run) => ScalarValue::try_from_array(&sorted, run.start),
        None => ScalarValue::try_from(values.data_type()),
    }
}

/// A row counts as long as its order is known, even where its value is NULL.
fn extreme(columns: &[ArrayRef], gives: &DataType, greatest: bool) -> Result<ScalarValue> {
    let (values, keys) = (&columns[0], &columns[1]);
    let count = match columns.get(2) {
        None => 1,
        Some(counts) => {
            let count = counts.as_primitive::<Int32Type>().value(0);
            if count < 1 {
                return fail(
                    "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE",
                    "42K09",
                    "The number of values must be greater than 0.",
                );
            }
            usize::try_from(count).unwrap_or(1)
        }
    };
    let known = keys.len() - keys.null_count();
    let options = SortOptions { descending: greatest, nulls_first: false };
    let order = sort_to_indices(keys, Some(options), Some(count.min(known)))?;
    let picked = take(values, &order.slice(0, count.min(known).min(order.len())), None)?;
    match (columns.len(), picked.is_empty()) {
        (3, _) => list(picked, gives),
        (_, true) => ScalarValue::try_from(gives),
        _ => ScalarValue::try_from_array(&picked, 0),
    }
}

fn asked(shares: &ArrayRef) -> Result<(Vec<f64>, bool)> {
    let (array, is_list) = match shares.data_type() {
        DataType::List(_) => (shares.as_list::<i32>().value(0), true),
        _ => (shares.slice(0, 1), false),
    };
    let asked: Vec<f64> = array.as_primitive::<Float64Type>().iter().flatten().collect();
    if asked.iter().any(|share| !(0.0..=1.0).contains(share)) || (asked.is_empty() && !is_list) {
        return fail(
            "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE",
            "42K09",
            "A percentage must be between 0.0 and 1.0.",
        );
    }
    Ok((asked, is_list))
}

/// Between the two values nearest to it.
fn exact(columns: &[ArrayRef], gives: &DataType, _: bool) -> Result<ScalarValue> {
    let (asked, is_list) = asked(&columns[1])?;
    let is_interval = is_interval(columns[0].data_type());
    let (numbers, are_months) = match is_interval {
        true => crate::intervals::totals(&columns[0]),
        false => (columns[0].as_primitive::<Float64Type>().clone(), false),
    };
    let order = sort_to_indices(&numbers, None, None)?;
    let values = &numbers;
    let frequencies =
        columns.get(2).map(|counts| counts.as_primitive::<arrow::datatypes::Int64Type>());
    // The place behind each value, as often as it counts.
    let mut ends: Vec<(u64, f64)> = Vec::with_capacity(values.len());
    let mut end = 0_u64;
    for at in order.values() {
        let row = *at as usize;
        let times = frequencies.map_or(Ok(1), |counts| u64::try_from(counts.value(row)));
        let Ok(times) = times else {
            return fail("INVALID_PARAMETER_VALUE", "22023", "A frequency must not be negative.");
        };
        end += times;
        ends.push((end, values.value(row)));
    }
    let at =
        |place: u64| ends[ends.partition_point(|(end, _)| *end <= place).min(ends.len() - 1)].1;
    let found = asked.iter().map(|share| {
        #[expect(clippy::cast_precision_loss, reason = "a place among the rows of a group")]
        let place = share * end.saturating_sub(1) as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative")]
        let (low, high) = (place.floor() as u64, place.ceil() as u64);
        let (a, b) = (at(low), at(high));
        if low == high { a } else { a + (b - a) * (place - place.floor()) }
    });
    let found: Vec<f64> = found.collect();
    if is_interval {
        let found = found.into_iter().map(|total| crate::intervals::of_total(total, are_months));
        let items: ArrayRef = Arc::new(found.collect::<IntervalMonthDayNanoArray>());
        return match (is_list, end) {
            (true, _) => list(items, gives),
            (false, 0) => ScalarValue::try_from(gives),
            (false, _) => ScalarValue::try_from_array(&items, 0),
        };
    }
    if is_list {
        let items: ArrayRef = Arc::new(arrow::array::Float64Array::from(found));
        return list(items, gives);
    }
    Ok(ScalarValue::Float64(if end == 0 { None } else { found.first().copied() }))
}

/// The least value that so many are not above. It is exact, whatever accuracy was asked for.
fn approximate(columns: &[ArrayRef], gives: &DataType, _: bool) -> Result<ScalarValue> {
    if let Some(accuracy) = columns.get(2)
        && accuracy.as_primitive::<arrow::datatypes::Int64Type>().value(0) < 1
    {
        return fail(
            "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE",
            "42K09",
            "The accuracy must be greater than 0.",
        );
    }
    placed(columns, gives, false)
}

/// The first value that so many are not behind.
fn placed(columns: &[ArrayRef], gives: &DataType, falling: bool) -> Result<ScalarValue> {
    let (asked, is_list) = asked(&columns[1])?;
    let options = SortOptions { descending: falling, nulls_first: false };
    let order = sort_to_indices(&columns[0], Some(options), None)?;
    let places = asked.iter().map(|share| {
        #[expect(clippy::cast_precision_loss, reason = "a place among the rows of a group")]
        let place = (share * order.len() as f64).ceil();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative")]
        let place = (place as usize).clamp(1, order.len()) - 1;
        order.value(place)
    });
    let picked = take(&columns[0], &arrow::array::UInt32Array::from_iter_values(places), None)?;
    if is_list { list(picked, gives) } else { ScalarValue::try_from_array(&picked, 0) }
}

fn listed(columns: &[ArrayRef], is_distinct: bool) -> Result<ScalarValue> {
    let texts: &StringArray = columns[0].as_string::<i32>();
    let between = columns.get(1).map(|array| array.as_string::<i32>());
    let between = between.filter(|array| array.is_valid(0)).map_or("", |array| array.value(0));
    let mut seen = HashSet::new();
    let all = texts.iter().flatten().filter(|text| !is_distinct || seen.insert(*text));
    Ok(ScalarValue::from(all.collect::<Vec<_>>().join(between)))
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        let rows = "('a', 10), ('b', 50), ('c', 20), (NULL, 10)";
        crate::gather::testing::answers(
            rows,
            &[
                ("mode(y)", "10"),
                ("mode_greatest(y + CASE WHEN x = 'a' THEN 1 ELSE 0 END)", "50"),
                ("max_by(x, y)", "b"),
                ("max_by(x, y, 2)", "[b, c]"),
                ("max_by(x, CASE WHEN x IS NULL THEN 99 ELSE y END)", ""),
                ("min_by(coalesce(x, 'n'), y + coalesce(length(x), 0))", "n"),
                ("percentile(y, 0.5)", "15.0"),
                ("percentile(y, [0.25, 1])", "[10.0, 50.0]"),
                ("percentile(y, 1.5)", "[DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE]"),
                ("percentile_disc_of(y, 0.5)", "10.0"),
                ("percentile_disc_down_of(y, 0.5)", "20.0"),
                ("percentile_approx(y, 0.5)", "10"),
                ("percentile_approx(y, [0.5, 0.9], 100)", "[10, 50]"),
                ("listagg(x, ', ' ORDER BY x DESC)", "c, b, a"),
                ("listagg_distinct(CASE WHEN x = 'b' THEN 'a' ELSE x END)", "ac"),
                ("listagg(x) FILTER (WHERE y > 100)", ""),
            ],
        )
        .await
    }
}
