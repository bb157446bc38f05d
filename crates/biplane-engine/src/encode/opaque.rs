//! VARIANTs and geometries on their way to a client: as text, wherever they are inside of a value.

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StringArray, StructArray};
use arrow::datatypes::{DataType, FieldRef};
use biplane_functions::opaque::{self, text_of};
use std::sync::Arc;

use crate::error::SqlError;

/// The type with text in place of each of them.
pub fn shown_type(data_type: &DataType) -> DataType {
    let inner = |field: &FieldRef| -> FieldRef {
        Arc::new(field.as_ref().clone().with_data_type(shown_type(field.data_type())))
    };
    match data_type {
        opaque if opaque::name(opaque).is_some() => DataType::Utf8,
        DataType::List(item) => DataType::List(inner(item)),
        DataType::Map(entries, sorted) => DataType::Map(inner(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        other => other.clone(),
    }
}

pub fn shown(array: &ArrayRef, time_zone: &str) -> Result<ArrayRef, SqlError> {
    if opaque::within(array.data_type()).is_none() {
        return Ok(array.clone());
    }
    if opaque::name(array.data_type()).is_none() {
        return nested(array, time_zone);
    }
    let texts = (0..array.len()).map(|row| text_of(array, row, time_zone));
    Ok(Arc::new(texts.collect::<Result<StringArray, _>>()?))
}

fn nested(array: &ArrayRef, time_zone: &str) -> Result<ArrayRef, SqlError> {
    Ok(match shown_type(array.data_type()) {
        DataType::List(field) => {
            let list = array.as_list::<i32>();
            let values = shown(list.values(), time_zone)?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Arc::new(ListArray::try_new(field, offsets, values, nulls)?)
        }
        DataType::Struct(fields) => {
            let given = array.as_struct();
            let columns = given.columns().iter().map(|column| shown(column, time_zone));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            Arc::new(StructArray::try_new(fields, columns, given.nulls().cloned())?)
        }
        DataType::Map(entries, sorted) => {
            let map = array.as_map();
            let DataType::Struct(fields) = entries.data_type() else { return Ok(array.clone()) };
            let columns = map.entries().columns().iter().map(|column| shown(column, time_zone));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            let structs = StructArray::try_new(fields.clone(), columns, None)?;
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            Arc::new(MapArray::try_new(entries, offsets, structs, nulls, sorted)?)
        }
        _ => array.clone(),
    })
}
