//! VARIANTs on their way to a client: as JSON text, wherever they are inside of a value.

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StringArray, StructArray};
use arrow::datatypes::{DataType, FieldRef};
use biplane_functions::variant::{has_variant, is_variant, text_of};
use std::sync::Arc;

use crate::error::SqlError;

/// The type with text in place of each VARIANT.
pub fn json_type(data_type: &DataType) -> DataType {
    let inner = |field: &FieldRef| -> FieldRef {
        Arc::new(field.as_ref().clone().with_data_type(json_type(field.data_type())))
    };
    match data_type {
        variant if is_variant(variant) => DataType::Utf8,
        DataType::List(item) => DataType::List(inner(item)),
        DataType::Map(entries, sorted) => DataType::Map(inner(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        other => other.clone(),
    }
}

pub fn as_json(array: &ArrayRef, time_zone: &str) -> Result<ArrayRef, SqlError> {
    if !has_variant(array.data_type()) {
        return Ok(array.clone());
    }
    let DataType::Struct(_) = array.data_type() else {
        return nested(array, time_zone);
    };
    if !is_variant(array.data_type()) {
        return nested(array, time_zone);
    }
    let texts = (0..array.len()).map(|row| text_of(array, row, true, time_zone));
    Ok(Arc::new(texts.collect::<Result<StringArray, _>>()?))
}

fn nested(array: &ArrayRef, time_zone: &str) -> Result<ArrayRef, SqlError> {
    Ok(match json_type(array.data_type()) {
        DataType::List(field) => {
            let list = array.as_list::<i32>();
            let values = as_json(list.values(), time_zone)?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Arc::new(ListArray::try_new(field, offsets, values, nulls)?)
        }
        DataType::Struct(fields) => {
            let given = array.as_struct();
            let columns = given.columns().iter().map(|column| as_json(column, time_zone));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            Arc::new(StructArray::try_new(fields, columns, given.nulls().cloned())?)
        }
        DataType::Map(entries, sorted) => {
            let map = array.as_map();
            let DataType::Struct(fields) = entries.data_type() else { return Ok(array.clone()) };
            let columns = map.entries().columns().iter().map(|column| as_json(column, time_zone));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            let structs = StructArray::try_new(fields.clone(), columns, None)?;
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            Arc::new(MapArray::try_new(entries, offsets, structs, nulls, sorted)?)
        }
        _ => array.clone(),
    })
}
