//! Functions of text that are of bytes too, or of arrays: `concat`, `reverse`, padding and trimming; and
//! `map_concat`.

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, MapArray, MutableArrayData, StructArray, make_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::binary::type_union_coercion;
use std::collections::HashSet;
use std::sync::Arc;

use crate::frame::{Call, Def, Given};
use crate::raised::{fail, mismatch};

fn is_bytes(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

/// Bytes where the first argument is of them, else text.
fn kind(types: &[DataType]) -> DataType {
    if types.first().is_some_and(is_bytes) { DataType::Binary } else { DataType::Utf8 }
}

fn padded(types: &[DataType]) -> Result<Vec<DataType>> {
    let kind = kind(types);
    let all = [kind.clone(), DataType::Int32, kind];
    Ok(all.into_iter().take(types.len()).collect())
}

fn alike(types: &[DataType]) -> Result<Vec<DataType>> {
    Ok(vec![kind(types); types.len()])
}

fn first(given: &Given<'_>) -> Result<DataType> {
    Ok(given[0].clone())
}

fn pads(call: &Call<'_>, left: bool) -> Result<ArrayRef> {
    let length = |row| usize::try_from(call.int(1, row)).unwrap_or(0);
    if call.gives == &DataType::Binary {
        return call.binaries(|row| {
            let with = match call.args.get(2) {
                Some(pad) => pad.as_binary::<i32>().value(row).to_vec(),
                None => vec![0],
            };
            let value = call.args[0].as_binary::<i32>().value(row).to_vec();
            Ok(Some(pad(value, &with, length(row), left)))
        });
    }
    call.texts(|row| {
        let with: Vec<char> = match call.args.get(2) {
            Some(_) => call.text(2, row).chars().collect(),
            None => vec![' '],
        };
        let value = call.text(0, row).chars().collect();
        Ok(Some(pad(value, &with, length(row), left).into_iter().collect()))
    })
}

fn pad<T: Copy>(mut value: Vec<T>, with: &[T], length: usize, left: bool) -> Vec<T> {
    if value.len() >= length || with.is_empty() {
        value.truncate(length);
        return value;
    }
    let filling = with.iter().copied().cycle().take(length - value.len());
    if left {
        filling.chain(value).collect()
    } else {
        value.extend(filling.collect::<Vec<_>>());
        value
    }
}

fn trimmed(call: &Call<'_>) -> Result<ArrayRef> {
    if call.args[0].data_type() == &DataType::Binary {
        let inner = |row: usize| {
            let value = call.args[0].as_binary::<i32>().value(row);
            let set = call.args.get(1).map(|set| set.as_binary::<i32>().value(row));
            let is_in = |byte: &u8| set.map_or(*byte == b' ', |set| set.contains(byte));
            let start = value.iter().position(|byte| !is_in(byte)).unwrap_or(value.len());
            let end = value.iter().rposition(|byte| !is_in(byte)).map_or(start, |last| last + 1);
            &value[start..end]
        };
        // `btrim` makes text of what is left.
        return match call.gives {
            DataType::Binary => call.binaries(|row| Ok(Some(inner(row).to_vec()))),
            _ => call.texts(|row| Ok(Some(String::from_utf8_lossy(inner(row)).into_owned()))),
        };
    }
    call.texts(|row| {
        let set = if call.args.len() > 1 { call.text(1, row) } else { " " };
        Ok(Some(call.text(0, row).trim_matches(|c| set.contains(c)).to_owned()))
    })
}

fn concatenable(types: &[DataType]) -> Result<Vec<DataType>> {
    let lists = types.iter().filter(|given| matches!(given, DataType::List(_))).count();
    if lists > 0 {
        if types.iter().any(|given| !matches!(given, DataType::List(_) | DataType::Null)) {
            return mismatch("concat takes arrays alone or values alone.");
        }
        let mut wide: Option<DataType> = None;
        for given in types.iter().filter(|given| !given.is_null()) {
            wide = match wide {
                None => Some(given.clone()),
                Some(wide) if &wide == given => Some(wide),
                Some(wide) => Some(wider(&wide, given)?),
            };
        }
        return Ok(vec![wide.unwrap_or(DataType::Null); types.len()]);
    }
    if let Some(other) = types.iter().find(|given| given.is_nested()) {
        return mismatch(format!("concat cannot take {other}."));
    }
    let bytes = !types.is_empty() && types.iter().all(|given| is_bytes(given) || given.is_null());
    let has_bytes = types.iter().any(is_bytes);
    Ok(vec![if bytes && has_bytes { DataType::Binary } else { DataType::Utf8 }; types.len()])
}

fn wider(a: &DataType, b: &DataType) -> Result<DataType> {
    let (DataType::List(x), DataType::List(y)) = (a, b) else {
        return mismatch(format!("{a} and {b} do not fit."));
    };
    let item = if x.data_type().is_null() {
        Some(y.data_type().clone())
    } else if y.data_type().is_null() {
        Some(x.data_type().clone())
    } else {
        type_union_coercion(x.data_type(), y.data_type())
    };
    match item {
        Some(item) => Ok(DataType::new_list(item, true)),
        None => mismatch(format!("{a} and {b} do not fit.")),
    }
}

/// Items of an argument, from and to.
type Runs = Vec<(usize, usize, usize)>;

/// The items of all lists of a row, in one.
fn joined(call: &Call<'_>) -> Result<(Vec<i32>, NullBuffer, Runs)> {
    let mut offsets = vec![0_i32];
    let mut known = Vec::with_capacity(call.rows);
    let mut runs = Vec::new();
    let mut total = 0_usize;
    for row in 0..call.rows {
        known.push(!call.has_null(row));
        if !call.has_null(row) {
            for (at, array) in call.args.iter().enumerate() {
                let offsets = match array.data_type() {
                    DataType::Map(..) => array.as_map().value_offsets(),
                    _ => array.as_list::<i32>().value_offsets(),
                };
                let place = |index: usize| usize::try_from(offsets[index]).unwrap_or(0);
                let (start, end) = (place(row), place(row + 1));
                total += end - start;
                runs.push((at, start, end));
            }
        }
        let Ok(end) = i32::try_from(total) else {
            return fail(
                "COLLECTION_SIZE_LIMIT_EXCEEDED.FUNCTION",
                "54000",
                "The arrays have too many elements.",
            );
        };
        offsets.push(end);
    }
    Ok((offsets, NullBuffer::from(known), runs))
}

fn gathered(inner: &[ArrayRef], runs: Runs) -> Result<ArrayRef> {
    let data: Vec<_> = inner.iter().map(|array| array.to_data()).collect();
    let count = runs.iter().map(|(_, start, end)| end - start).sum();
    let mut out = MutableArrayData::new(data.iter().collect(), true, count);
    for (at, start, end) in runs {
        out.try_extend(at, start, end)?;
    }
    Ok(make_array(out.freeze()))
}

fn concatenated(call: &Call<'_>) -> Result<ArrayRef> {
    match call.gives {
        DataType::List(item) => {
            let (offsets, nulls, runs) = joined(call)?;
            let inner: Vec<ArrayRef> =
                call.args.iter().map(|array| array.as_list::<i32>().values().clone()).collect();
            let values = gathered(&inner, runs)?;
            let offsets = OffsetBuffer::new(offsets.into());
            Ok(Arc::new(ListArray::try_new(item.clone(), offsets, values, Some(nulls))?))
        }
        DataType::Binary => call.binaries(|row| {
            let parts = call.args.iter().map(|array| array.as_binary::<i32>().value(row));
            Ok(Some(parts.collect::<Vec<_>>().concat()))
        }),
        _ => {
            // What the optimizer puts together is not asked for its types.
            let texts = call.args.iter().map(|array| cast(array, &DataType::Utf8));
            let texts = texts.collect::<Result<Vec<_>, _>>()?;
            call.texts(|row| {
                let mut out = String::new();
                texts.iter().for_each(|text| out.push_str(text.as_string::<i32>().value(row)));
                Ok(Some(out))
            })
        }
    }
}

fn reversed(call: &Call<'_>) -> Result<ArrayRef> {
    match call.gives {
        DataType::List(item) => {
            let lists = call.args[0].as_list::<i32>();
            let mut places = Vec::with_capacity(lists.values().len());
            let mut offsets = vec![0_i32];
            for pair in lists.value_offsets().windows(2) {
                places.extend((pair[0]..pair[1]).rev());
                offsets.push(i32::try_from(places.len()).unwrap_or(i32::MAX));
            }
            let places = arrow::array::Int32Array::from(places);
            let values = arrow::compute::take(lists.values(), &places, None)?;
            let offsets = OffsetBuffer::new(offsets.into());
            let nulls = lists.nulls().cloned();
            Ok(Arc::new(ListArray::try_new(item.clone(), offsets, values, nulls)?))
        }
        DataType::Binary => call.binaries(|row| {
            let bytes = call.args[0].as_binary::<i32>().value(row);
            Ok(Some(bytes.iter().rev().copied().collect()))
        }),
        _ => call.texts(|row| Ok(Some(call.text(0, row).chars().rev().collect()))),
    }
}

fn maps(call: &Call<'_>) -> Result<ArrayRef> {
    let (offsets, nulls, runs) = joined(call)?;
    let DataType::Map(entries, sorted) = call.gives else { return mismatch("Maps are needed.") };
    let inner: Vec<ArrayRef> = call
        .args
        .iter()
        .map(|array| Arc::new(array.as_map().entries().clone()) as ArrayRef)
        .collect();
    let all = gathered(&inner, runs)?;
    let keys = all.as_struct().column(0).clone();
    for pair in offsets.windows(2) {
        let mut seen = HashSet::new();
        for at in pair[0]..pair[1] {
            let key = ScalarValue::try_from_array(&keys, usize::try_from(at).unwrap_or(0))?;
            if !seen.insert(key.clone()) {
                let text = format!("Duplicate map key {key} was found.");
                return fail("DUPLICATED_MAP_KEY", "23505", text);
            }
        }
    }
    let DataType::Struct(fields) = entries.data_type() else {
        return mismatch("Maps are needed.");
    };
    let columns = all.as_struct().columns().to_vec();
    let all = StructArray::try_new_with_length(fields.clone(), columns, None, all.len())?;
    let offsets = OffsetBuffer::new(offsets.into());
    Ok(Arc::new(MapArray::try_new(entries.clone(), offsets, all, Some(nulls), *sorted)?))
}

pub const FUNCTIONS: &[Def] = &[
    Def {
        name: "lpad",
        least: 2,
        most: 3,
        takes: padded,
        gives: first,
        run: |call| pads(call, true),
    },
    Def {
        name: "rpad",
        least: 2,
        most: 3,
        takes: padded,
        gives: first,
        run: |call| pads(call, false),
    },
    Def {
        name: "btrim",
        least: 1,
        most: 2,
        takes: alike,
        gives: |_| Ok(DataType::Utf8),
        run: trimmed,
    },
    Def { name: "trim", least: 1, most: 2, takes: alike, gives: first, run: trimmed },
    Def {
        name: "reverse",
        least: 1,
        most: 1,
        takes: |types| {
            let is_list = matches!(types[0], DataType::List(_));
            if is_list { Ok(types.to_vec()) } else { alike(types) }
        },
        gives: first,
        run: reversed,
    },
    Def {
        name: "concat",
        least: 1,
        most: 10_000,
        takes: concatenable,
        gives: |given| match &given[0] {
            kind @ (DataType::List(_) | DataType::Binary) => Ok(kind.clone()),
            _ => Ok(DataType::Utf8),
        },
        run: concatenated,
    },
    Def {
        name: "map_concat",
        least: 1,
        most: 10_000,
        takes: |types| match types.iter().find(|given| !matches!(given, DataType::Map(..))) {
            Some(other) => mismatch(format!("map_concat takes maps, not {other}.")),
            None => Ok(vec![types[0].clone(); types.len()]),
        },
        gives: first,
        run: maps,
    },
];

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("lpad('hi', 5, '?')", "???hi"),
            ("lpad('hi', 1)", "h"),
            ("rpad('hi', 5)", "hi   "),
            ("rpad(x'aabb', 3, x'1122')", "aabb11"),
            ("lpad(x'aabb', 3)", "00aabb"),
            ("btrim('xxaxx', 'x')", "a"),
            ("btrim(x'206120')", "a"),
            ("reverse('abc')", "cba"),
            ("reverse(x'cafe')", "feca"),
            ("reverse([2, 1, 4])", "[4, 1, 2]"),
            ("concat('a', 1, true)", "a1true"),
            ("concat(x'aa', x'bb')", "aabb"),
            ("concat([1, 2], [3], [])", "[1, 2, 3]"),
            ("concat([1], NULL)", ""),
            ("map_concat(map([1], ['a']), map([2], ['b']))", "{1: a, 2: b}"),
            ("map_concat(map([1], ['a']), map([1], ['b']))", "[DUPLICATED_MAP_KEY]"),
        ])
        .await
    }
}
