//! Columns of text as keys, at all places of their type where it has a collation.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, ListArray, MapArray, StringArray, StringBuilder,
    StructArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result, exec_err};
use std::collections::HashMap;
use std::sync::Arc;

use super::{Collation, Tree};

/// The type with keys in the place of text, for [`keyed`].
pub fn keyed_type(data_type: &DataType, tree: &Tree) -> DataType {
    let inner = |field: &FieldRef, tree: &Tree| -> FieldRef {
        let data_type = keyed_type(field.data_type(), tree);
        Arc::new(Field::new(field.name(), data_type, field.is_nullable()))
    };
    match (tree, data_type) {
        (Tree::Text(_), text) if text.is_string() => DataType::Binary,
        (Tree::List(tree), DataType::List(item)) => DataType::List(inner(item, tree)),
        (Tree::Struct(trees), DataType::Struct(fields)) if trees.len() == fields.len() => {
            let fields = fields.iter().zip(trees).map(|(field, tree)| inner(field, tree));
            DataType::Struct(fields.collect())
        }
        (Tree::Map(key, value), DataType::Map(entries, sorted)) => {
            let both = Tree::Struct(vec![(**key).clone(), (**value).clone()]);
            DataType::Map(inner(entries, &both), *sorted)
        }
        (_, other) => other.clone(),
    }
}

/// Keys where there was text; everything else as it is.
pub fn keyed(array: &ArrayRef, tree: &Tree) -> Result<ArrayRef> {
    let gives = keyed_type(array.data_type(), tree);
    Ok(match (tree, &gives) {
        (Tree::Text(collation), DataType::Binary) => keys(array, *collation)?,
        (Tree::List(tree), DataType::List(item)) => {
            let list = array.as_list::<i32>();
            let values = keyed(list.values(), tree)?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Arc::new(ListArray::try_new(item.clone(), offsets, values, nulls)?)
        }
        (Tree::Struct(trees), DataType::Struct(fields)) if trees.len() == fields.len() => {
            Arc::new(keyed_struct(array.as_struct(), fields, trees)?)
        }
        (Tree::Map(key, value), DataType::Map(entries, sorted)) => {
            let map = array.as_map();
            let DataType::Struct(fields) = entries.data_type() else {
                return exec_err!("a map has entries of another form");
            };
            let both = [(**key).clone(), (**value).clone()];
            let pairs = keyed_struct(map.entries(), fields, &both)?;
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            Arc::new(MapArray::try_new(entries.clone(), offsets, pairs, nulls, *sorted)?)
        }
        _ => array.clone(),
    })
}

fn keyed_struct(array: &StructArray, fields: &Fields, trees: &[Tree]) -> Result<StructArray> {
    let columns = array.columns().iter().zip(trees).map(|(column, tree)| keyed(column, tree));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    Ok(StructArray::try_new(fields.clone(), columns, array.nulls().cloned())?)
}

/// Text in the one form that is worked with here.
pub fn strings(array: &ArrayRef) -> Result<StringArray> {
    let array = match array.data_type() {
        DataType::Utf8 => array.clone(),
        _ => cast(array, &DataType::Utf8)?,
    };
    Ok(array.as_string::<i32>().clone())
}

fn keys(array: &ArrayRef, collation: Collation) -> Result<ArrayRef> {
    let text = strings(array)?;
    let mut builder = BinaryBuilder::with_capacity(text.len(), text.value_data().len());
    let mut key = Vec::new();
    for value in &text {
        key.clear();
        match value {
            Some(value) => {
                collation.key(value, &mut key);
                builder.append_value(&key);
            }
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Each text behind its key, so that the least of them can be shown: in one order with the keys, and of text that
/// is equal in that of its bytes.
pub fn paired(array: &ArrayRef, collation: Collation) -> Result<ArrayRef> {
    if let Some(list) = array.as_list_opt::<i32>() {
        let values = paired(list.values(), collation)?;
        let item = Arc::new(Field::new("item", DataType::Binary, true));
        let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
        return Ok(Arc::new(ListArray::try_new(item, offsets, values, nulls)?));
    }
    let text = strings(array)?;
    let mut builder = BinaryBuilder::new();
    let (mut key, mut pair) = (Vec::new(), Vec::new());
    for value in &text {
        let Some(value) = value else {
            builder.append_null();
            continue;
        };
        key.clear();
        pair.clear();
        collation.key(value, &mut key);
        // Two zeros end a key; one in it is told apart by what follows.
        for byte in &key {
            pair.push(*byte);
            if *byte == 0 {
                pair.push(0xff);
            }
        }
        pair.extend_from_slice(&[0, 0]);
        pair.extend_from_slice(value.as_bytes());
        builder.append_value(&pair);
    }
    Ok(Arc::new(builder.finish()))
}

/// The text of pairs.
pub fn unpaired(array: &ArrayRef) -> Result<ArrayRef> {
    if let Some(list) = array.as_list_opt::<i32>() {
        let values = unpaired(list.values())?;
        let item = Arc::new(Field::new("item", DataType::Utf8, true));
        let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
        return Ok(Arc::new(ListArray::try_new(item, offsets, values, nulls)?));
    }
    let array = cast(array, &DataType::Binary)?;
    let mut builder = StringBuilder::new();
    for pair in array.as_binary::<i32>() {
        let Some(pair) = pair else {
            builder.append_null();
            continue;
        };
        match text_of(pair) {
            Some(text) => builder.append_value(text),
            None => return exec_err!("a key of text has another form"),
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn text_of(pair: &[u8]) -> Option<&str> {
    let mut at = 0;
    loop {
        match pair.get(at..at + 2)? {
            [0, 0] => return std::str::from_utf8(pair.get(at + 2..)?).ok(),
            [0, _] => at += 2,
            _ => at += 1,
        }
    }
}

/// Lists in which what equals an item of `onto` (or, without it, an item before) is written as that one is: then
/// whoever compares the bytes finds what is equal.
pub fn alike(lists: &ArrayRef, onto: Option<&ArrayRef>, collation: Collation) -> Result<ArrayRef> {
    let Some(list) = lists.as_list_opt::<i32>() else { return Ok(lists.clone()) };
    let values = strings(list.values())?;
    let models = match onto {
        Some(onto) => Some((strings(&items(onto)?)?, onto)),
        None => None,
    };
    let mut builder = StringBuilder::with_capacity(values.len(), values.value_data().len());
    let mut written = 0;
    for row in 0..list.len() {
        let (start, end) =
            (list.value_offsets()[row] as usize, list.value_offsets()[row + 1] as usize);
        // What no list has keeps its place.
        (written..start).for_each(|at| builder.append_option(text_at(&values, at)));
        let mut known: HashMap<Vec<u8>, &str> = HashMap::new();
        if let Some((models, onto)) = &models {
            for at in range(onto, row) {
                if models.is_valid(at) {
                    let model = models.value(at);
                    known.entry(collation.key_of(model)).or_insert(model);
                }
            }
        }
        for at in start..end {
            if values.is_null(at) {
                builder.append_null();
                continue;
            }
            let value = values.value(at);
            let key = collation.key_of(value);
            match models {
                Some(_) => builder.append_value(known.get(&key).copied().unwrap_or(value)),
                None => builder.append_value(*known.entry(key).or_insert(value)),
            }
        }
        written = end;
    }
    (written..values.len()).for_each(|at| builder.append_option(text_at(&values, at)));
    let DataType::List(item) = list.data_type() else { return Ok(lists.clone()) };
    let made: ArrayRef = Arc::new(builder.finish());
    let made =
        if item.data_type() == &DataType::Utf8 { made } else { cast(&made, item.data_type())? };
    let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
    Ok(Arc::new(ListArray::try_new(item.clone(), offsets, made, nulls)?))
}

fn text_at(values: &StringArray, at: usize) -> Option<&str> {
    values.is_valid(at).then(|| values.value(at))
}

/// Items of a list, or text that stands alone.
fn items(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.as_list_opt::<i32>() {
        Some(list) => list.values().clone(),
        None => array.clone(),
    })
}

fn range(array: &ArrayRef, row: usize) -> std::ops::Range<usize> {
    match array.as_list_opt::<i32>() {
        Some(list) if list.is_valid(row) => {
            list.value_offsets()[row] as usize..list.value_offsets()[row + 1] as usize
        }
        Some(_) => 0..0,
        None => row..row + 1,
    }
}

/// Maps with the keys of text written as the text in the same row is, where they are equal.
pub fn keys_alike(maps: &ArrayRef, key: &ArrayRef, collation: Collation) -> Result<ArrayRef> {
    let Some(map) = maps.as_map_opt() else { return Ok(maps.clone()) };
    let DataType::Map(entries, sorted) = map.data_type() else { return Ok(maps.clone()) };
    let DataType::Struct(fields) = entries.data_type() else { return Ok(maps.clone()) };
    let item = Arc::new(Field::new("item", map.keys().data_type().clone(), false));
    let keys: ArrayRef = Arc::new(ListArray::try_new(
        item,
        map.offsets().clone(),
        map.keys().clone(),
        map.nulls().cloned(),
    )?);
    let keys = alike(&keys, Some(key), collation)?;
    let columns = vec![keys.as_list::<i32>().values().clone(), map.values().clone()];
    let pairs = StructArray::try_new(fields.clone(), columns, map.entries().nulls().cloned())?;
    let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
    Ok(Arc::new(MapArray::try_new(entries.clone(), offsets, pairs, nulls, *sorted)?))
}
