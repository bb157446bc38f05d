//! Functions of arrays and maps: one element, an element put in, order.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, ListArray, UInt32Array, UInt32Builder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{SortOptions, concat, nullif, sort_to_indices, take};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::binary::type_union_coercion;
use std::sync::Arc;

use crate::frame::{Call, Def, Given};
use crate::raised::{fail, mismatch};

fn field_of_items(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = call.args[0].as_list::<i32>();
    let items = lists.values().as_struct();
    let at = usize::try_from(
        call.args[1].as_primitive::<Int32Type>().values().first().copied().unwrap_or(0),
    );
    let Some(values) = at.ok().and_then(|at| items.columns().get(at)) else {
        return mismatch("There is no such field.");
    };
    // Of a struct that is NULL all fields are.
    let values = match items.nulls() {
        Some(nulls) => nullif(values, &BooleanArray::new(!nulls.inner(), None))?,
        None => values.clone(),
    };
    let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    let list = ListArray::try_new(item, lists.offsets().clone(), values, lists.nulls().cloned())?;
    Ok(Arc::new(list))
}

const ELEMENTS_MAX: usize = 16 << 20;

pub const FUNCTIONS: &[Def] = &[
    Def {
        name: "get",
        least: 2,
        most: 2,
        takes: indexed,
        gives: element,
        run: |call| picked(call, |length, index| Ok(place(index, length))),
    },
    // `a[0]`
    Def {
        name: "array_item",
        least: 2,
        most: 2,
        takes: indexed,
        gives: element,
        run: |call| {
            let ansi = call.ansi;
            picked(call, |length, index| match place(index, length) {
                None if ansi => {
                    let text = format!(
                        "The index {index} is out of bounds. The array has {length} elements."
                    );
                    fail("INVALID_ARRAY_INDEX", "22003", text)
                }
                found => Ok(found),
            })
        },
    },
    // `xs.a` of structs, the field given by its place.
    Def {
        name: "field_of_items",
        least: 2,
        most: 2,
        takes: |types| Ok(types.to_vec()),
        gives: |given| match (&given[0], given.int(1)) {
            (DataType::List(item), Some(at)) => match item.data_type() {
                DataType::Struct(fields) => {
                    let field = usize::try_from(at).ok().and_then(|at| fields.get(at));
                    match field {
                        Some(field) => Ok(DataType::new_list(field.data_type().clone(), true)),
                        None => mismatch(format!("There is no field {at}.")),
                    }
                }
                other => mismatch(format!("{other} has no fields.")),
            },
            (other, _) => mismatch(format!("{other} has no items with fields.")),
        },
        run: field_of_items,
    },
    Def {
        name: "element_at",
        least: 2,
        most: 2,
        takes: keyed,
        gives: value,
        run: |call| match call.args[0].data_type() {
            DataType::Map(..) => looked_up(call),
            _ => picked(call, |length, index| match from_one(index, length)? {
                Some(at) => Ok(Some(at)),
                None if !call.ansi => Ok(None),
                None => {
                    let text = format!(
                        "The index {index} is out of bounds. The array has {length} elements."
                    );
                    fail("INVALID_ARRAY_INDEX_IN_ELEMENT_AT", "22003", text)
                }
            }),
        },
    },
    Def {
        name: "try_element_at",
        least: 2,
        most: 2,
        takes: keyed,
        gives: value,
        run: |call| match call.args[0].data_type() {
            DataType::Map(..) => looked_up(call),
            _ => picked(call, |length, index| from_one(index, length)),
        },
    },
    Def {
        name: "map_contains_key",
        least: 2,
        most: 2,
        takes: |types| match &types[0] {
            DataType::Map(..) => keyed(types),
            other => mismatch(format!("map_contains_key takes a map, not {other}.")),
        },
        gives: |_| Ok(DataType::Boolean),
        run: |call| {
            let places = key_places(call)?;
            let mut builder = BooleanBuilder::new();
            for row in 0..call.rows {
                if call.has_null(row) {
                    builder.append_null();
                } else {
                    builder.append_value(places.is_valid(row));
                }
            }
            Ok(Arc::new(builder.finish()))
        },
    },
    Def {
        name: "array_insert",
        least: 3,
        most: 3,
        takes: |types| {
            let (list, item) = with_element(&types[0], &types[2])?;
            Ok(vec![list, DataType::Int32, item])
        },
        gives: |given| Ok(given[0].clone()),
        run: |call| {
            rebuilt(call, 2, &[0, 1], |row, length| {
                let asked = i64::from(call.int(1, row));
                let Ok(at) = usize::try_from(asked.unsigned_abs()) else { return Ok(Vec::new()) };
                if at == 0 {
                    return fail(
                        "INVALID_INDEX_OF_ZERO",
                        "22003",
                        "The index 0 is invalid. An index shall be either < 0 or > 0.",
                    );
                }
                if at.max(length) > ELEMENTS_MAX {
                    return fail(
                        "COLLECTION_SIZE_LIMIT_EXCEEDED.PARAMETER",
                        "54000",
                        "The array would have too many elements.",
                    );
                }
                let all = (0..length).map(Slot::Old);
                Ok(if asked > 0 {
                    let gap = at.saturating_sub(length + 1);
                    let before = all.clone().take(at - 1);
                    let nulls = std::iter::repeat_n(Slot::Null, gap);
                    before.chain(nulls).chain([Slot::New]).chain(all.skip(at - 1)).collect()
                } else if at <= length + 1 {
                    let before = length + 1 - at;
                    all.clone().take(before).chain([Slot::New]).chain(all.skip(before)).collect()
                } else {
                    let nulls = std::iter::repeat_n(Slot::Null, at - length - 1);
                    [Slot::New].into_iter().chain(nulls).chain(all).collect()
                })
            })
        },
    },
    Def {
        name: "array_append",
        least: 2,
        most: 2,
        takes: joined,
        gives: |given| Ok(given[0].clone()),
        run: |call| {
            rebuilt(call, 1, &[0], |_, length| {
                Ok((0..length).map(Slot::Old).chain([Slot::New]).collect())
            })
        },
    },
    Def {
        name: "array_prepend",
        least: 2,
        most: 2,
        takes: joined,
        gives: |given| Ok(given[0].clone()),
        run: |call| {
            rebuilt(call, 1, &[0], |_, length| {
                Ok([Slot::New].into_iter().chain((0..length).map(Slot::Old)).collect())
            })
        },
    },
    Def {
        name: "sort_array",
        least: 1,
        most: 2,
        takes: |types| {
            let order = types.get(1).map(|_| DataType::Boolean);
            Ok([list_of(&types[0])?].into_iter().chain(order).collect())
        },
        gives: |given| Ok(given[0].clone()),
        run: |call| {
            let lists = call.args[0].as_list::<i32>();
            rebuilt(call, 0, &[], |row, _| {
                let up = call.args.get(1).is_none_or(|array| array.as_boolean().value(row));
                // The least comes first, and NULL is less than all.
                ordered(&lists.value(row), SortOptions { descending: !up, nulls_first: up })
            })
        },
    },
    Def {
        name: "array_sort",
        least: 1,
        most: 1,
        takes: |types| Ok(vec![list_of(&types[0])?]),
        gives: |given| Ok(given[0].clone()),
        run: |call| {
            let lists = call.args[0].as_list::<i32>();
            rebuilt(call, 0, &[], |row, _| {
                ordered(&lists.value(row), SortOptions { descending: false, nulls_first: false })
            })
        },
    },
    Def {
        name: "array_position",
        least: 2,
        most: 2,
        takes: joined,
        gives: |_| Ok(DataType::Int64),
        run: |call| {
            let lists = call.args[0].as_list::<i32>();
            call.primitives::<Int64Type>(|row| {
                let wanted = ScalarValue::try_from_array(&call.args[1], row)?;
                let items = lists.value(row);
                for at in 0..items.len() {
                    if items.is_valid(at) && ScalarValue::try_from_array(&items, at)? == wanted {
                        return Ok(i64::try_from(at + 1).ok());
                    }
                }
                Ok(Some(0))
            })
        },
    },
    Def {
        name: "array_remove",
        least: 2,
        most: 2,
        takes: joined,
        gives: |given| Ok(given[0].clone()),
        run: |call| {
            let lists = call.args[0].as_list::<i32>();
            rebuilt(call, 1, &[0, 1], |row, length| {
                let wanted = ScalarValue::try_from_array(&call.args[1], row)?;
                let items = lists.value(row);
                let mut stay = Vec::new();
                for at in 0..length {
                    if ScalarValue::try_from_array(&items, at)? != wanted {
                        stay.push(Slot::Old(at));
                    }
                }
                Ok(stay)
            })
        },
    },
];

fn list_of(given: &DataType) -> Result<DataType> {
    match given {
        DataType::List(field) => Ok(DataType::new_list(field.data_type().clone(), true)),
        DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            Ok(DataType::new_list(field.data_type().clone(), true))
        }
        DataType::Null => Ok(DataType::new_list(DataType::Null, true)),
        other => mismatch(format!("An array is needed, not {other}.")),
    }
}

fn with_element(list: &DataType, item: &DataType) -> Result<(DataType, DataType)> {
    let DataType::List(field) = list_of(list)? else { return mismatch("An array is needed.") };
    match type_union_coercion(field.data_type(), item) {
        Some(common) => Ok((DataType::new_list(common.clone(), true), common)),
        None => mismatch(format!("An array of {} cannot hold {item}.", field.data_type())),
    }
}

fn joined(types: &[DataType]) -> Result<Vec<DataType>> {
    let (list, item) = with_element(&types[0], &types[1])?;
    Ok(vec![list, item])
}

fn indexed(types: &[DataType]) -> Result<Vec<DataType>> {
    match &types[1] {
        whole if whole.is_integer() || whole.is_null() => {
            Ok(vec![list_of(&types[0])?, DataType::Int32])
        }
        other => mismatch(format!("An index is a whole number, not {other}.")),
    }
}

fn keyed(types: &[DataType]) -> Result<Vec<DataType>> {
    let DataType::Map(entries, _) = &types[0] else { return indexed(types) };
    let DataType::Struct(fields) = entries.data_type() else { return mismatch("no map") };
    Ok(vec![types[0].clone(), fields[0].data_type().clone()])
}

fn element(given: &Given<'_>) -> Result<DataType> {
    match &given[0] {
        DataType::List(field) => Ok(field.data_type().clone()),
        other => mismatch(format!("An array is needed, not {other}.")),
    }
}

fn value(given: &Given<'_>) -> Result<DataType> {
    match &given[0] {
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => Ok(fields[1].data_type().clone()),
            _ => mismatch("no map"),
        },
        _ => element(given),
    }
}

fn place(index: i64, length: usize) -> Option<usize> {
    usize::try_from(index).ok().filter(|at| *at < length)
}

/// From 1, or from the end.
fn from_one(index: i64, length: usize) -> Result<Option<usize>> {
    if index == 0 {
        return fail(
            "INVALID_INDEX_OF_ZERO",
            "22003",
            "The index 0 is invalid. An index shall be either < 0 or > 0.",
        );
    }
    let from_end = || i64::try_from(length).unwrap_or(i64::MAX) + index;
    Ok(place(if index > 0 { index - 1 } else { from_end() }, length))
}

/// One element of each list.
fn picked(call: &Call<'_>, at: impl Fn(usize, i64) -> Result<Option<usize>>) -> Result<ArrayRef> {
    let lists = call.args[0].as_list::<i32>();
    let mut places = UInt32Builder::with_capacity(call.rows);
    for row in 0..call.rows {
        if call.has_null(row) {
            places.append_null();
            continue;
        }
        let (start, end) = (lists.value_offsets()[row], lists.value_offsets()[row + 1]);
        let index = i64::from(call.args[1].as_primitive::<Int32Type>().value(row));
        let found = at(usize::try_from(end - start).unwrap_or(0), index)?;
        let start = usize::try_from(start).unwrap_or(0);
        places.append_option(found.and_then(|at| u32::try_from(start + at).ok()));
    }
    Ok(take(lists.values(), &places.finish(), None)?)
}

/// Where in all entries the key of each row is.
fn key_places(call: &Call<'_>) -> Result<UInt32Array> {
    let maps = call.args[0].as_map();
    let mut places = UInt32Builder::with_capacity(call.rows);
    for row in 0..call.rows {
        if call.has_null(row) {
            places.append_null();
            continue;
        }
        let wanted = ScalarValue::try_from_array(&call.args[1], row)?;
        let (start, end) = (maps.value_offsets()[row], maps.value_offsets()[row + 1]);
        let mut found = None;
        for at in start..end {
            let at = usize::try_from(at).unwrap_or(0);
            if ScalarValue::try_from_array(maps.keys(), at)? == wanted {
                found = u32::try_from(at).ok();
                break;
            }
        }
        places.append_option(found);
    }
    Ok(places.finish())
}

fn looked_up(call: &Call<'_>) -> Result<ArrayRef> {
    Ok(take(call.args[0].as_map().values(), &key_places(call)?, None)?)
}

#[derive(Clone, Copy)]
enum Slot {
    Old(usize),
    New,
    Null,
}

fn ordered(items: &ArrayRef, options: SortOptions) -> Result<Vec<Slot>> {
    let order = sort_to_indices(items, Some(options), None)?;
    Ok(order.values().iter().map(|at| Slot::Old(*at as usize)).collect())
}

/// Lists made of the elements they had and of one from the argument `new`. NULL where one of `nulls` is, and
/// where the list is.
fn rebuilt(
    call: &Call<'_>,
    new: usize,
    nulls: &[usize],
    mut slots: impl FnMut(usize, usize) -> Result<Vec<Slot>>,
) -> Result<ArrayRef> {
    let lists = call.args[0].as_list::<i32>();
    let is_new = new > 0;
    let both: ArrayRef = if is_new {
        concat(&[lists.values().as_ref(), call.args[new].as_ref()])?
    } else {
        Arc::clone(lists.values())
    };
    let old = lists.values().len();
    let (mut places, mut lengths, mut valid) = (UInt32Builder::new(), Vec::new(), Vec::new());
    for row in 0..call.rows {
        let is_null = lists.is_null(row) || nulls.iter().any(|arg| call.args[*arg].is_null(row));
        valid.push(!is_null);
        if is_null {
            lengths.push(0);
            continue;
        }
        let start = usize::try_from(lists.value_offsets()[row]).unwrap_or(0);
        let end = usize::try_from(lists.value_offsets()[row + 1]).unwrap_or(0);
        let slots = slots(row, end - start)?;
        lengths.push(slots.len());
        for slot in slots {
            places.append_option(match slot {
                Slot::Old(at) => u32::try_from(start + at).ok(),
                Slot::New => u32::try_from(old + row).ok(),
                Slot::Null => None,
            });
        }
    }
    let values = take(&both, &places.finish(), None)?;
    let DataType::List(field) = call.gives else { return mismatch("An array is made here.") };
    let offsets = OffsetBuffer::from_lengths(lengths);
    let lists =
        ListArray::try_new(Arc::clone(field), offsets, values, Some(NullBuffer::from(valid)))?;
    Ok(Arc::new(lists))
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("get([1, 2, 3], 0)", "1"),
            ("get([1, 2, 3], -1)", ""),
            ("element_at([1, 2, 3], -1)", "3"),
            ("element_at([1, 2, 3], 4)", "[INVALID_ARRAY_INDEX_IN_ELEMENT_AT]"),
            ("element_at([1, 2, 3], 0)", "[INVALID_INDEX_OF_ZERO]"),
            ("try_element_at([1, 2, 3], 4)", ""),
            ("element_at(map([1, 2], ['a', 'b']), 2)", "b"),
            ("element_at(map([1, 2], ['a', 'b']), 3)", ""),
            ("map_contains_key(map([1, 2], ['a', 'b']), 1)", "true"),
            ("array_insert([1, 2, 3, 4], 5, 5)", "[1, 2, 3, 4, 5]"),
            ("array_insert([5, 4, 3, 2], -1, 1)", "[5, 4, 3, 2, 1]"),
            ("array_insert([5, 3, 2, 1], -4, 4)", "[5, 4, 3, 2, 1]"),
            ("array_insert([1], 4, 9)", "[1, , , 9]"),
            ("array_insert([1], -3, 9)", "[9, , 1]"),
            ("array_insert([1], 0, 9)", "[INVALID_INDEX_OF_ZERO]"),
            ("array_append([1], NULL)", "[1, ]"),
            ("array_append(CAST(NULL AS BIGINT[]), 1)", ""),
            ("array_prepend(['b'], 'd')", "[d, b]"),
            ("sort_array(['b', NULL, 'a'])", "[, a, b]"),
            ("sort_array(['b', NULL, 'a'], false)", "[b, a, ]"),
            ("array_sort(['b', NULL, 'a'])", "[a, b, ]"),
            ("array_position([3, 1], 1)", "2"),
            ("array_position([3, 1], 4)", "0"),
            ("array_remove([1, 2, NULL, 2], 2)", "[1, ]"),
        ])
        .await
    }
}
