//! Types whose values are structs that nobody looks into, and that have no order: VARIANT, GEOMETRY, GEOGRAPHY.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::Result;

use crate::{geo, variant};

/// The SQL name of the type, if it is one of them.
pub fn name(data_type: &DataType) -> Option<&'static str> {
    match variant::is_variant(data_type) {
        true => Some("VARIANT"),
        false => geo::type_text(data_type),
    }
}

/// The name of one that is anywhere in a type.
pub fn within(data_type: &DataType) -> Option<&'static str> {
    let inner = match data_type {
        DataType::Struct(fields) => fields.iter().find_map(|field| within(field.data_type())),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => within(field.data_type()),
        _ => None,
    };
    name(data_type).or(inner)
}

/// A value as a client sees it: a VARIANT as JSON, a geometry as its extended text.
pub fn text_of(array: &ArrayRef, row: usize, time_zone: &str) -> Result<Option<String>> {
    match variant::is_variant(array.data_type()) {
        true => variant::text_of(array, row, true, time_zone),
        false => geo::text_of(array, row),
    }
}
