//! VARIANT: values that carry their types. A struct of two binaries (Parquet's encoding), told apart from other
//! structs by a mark that is part of its Arrow type, so that it stays a VARIANT wherever values go.

mod cast;
mod edit;
mod functions;
mod path;
mod shape;
mod tree;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

pub use cast::{from_variants, to_variants};
pub use functions::{AGGREGATES, FUNCTIONS};
pub use tree::{Tree, shortest};

use crate::raised::raised;

const MARK: &str = "biplane.type";

static TYPE: LazyLock<DataType> = LazyLock::new(|| {
    let mark = HashMap::from([(MARK.to_owned(), "variant".to_owned())]);
    DataType::Struct(Fields::from(vec![
        Field::new("metadata", DataType::Binary, true).with_metadata(mark),
        Field::new("value", DataType::Binary, true),
    ]))
});

pub fn variant_type() -> DataType {
    TYPE.clone()
}

pub fn is_variant(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Struct(fields)
        if fields.len() == 2 && fields[0].metadata().get(MARK).is_some_and(|mark| mark == "variant"))
}

/// The values of a column of variants.
pub struct Variants<'a> {
    array: &'a StructArray,
    metadata: &'a BinaryArray,
    values: &'a BinaryArray,
}

impl<'a> Variants<'a> {
    pub fn of(array: &'a ArrayRef) -> Result<Self> {
        let malformed = || malformed("it is no pair of binaries");
        let array = array.as_struct_opt().ok_or_else(malformed)?;
        let column = |at: usize| array.column(at).as_binary_opt::<i32>().ok_or_else(malformed);
        Ok(Self { array, metadata: column(0)?, values: column(1)? })
    }

    pub fn value(&self, row: usize) -> Result<Option<parquet_variant::Variant<'_, '_>>> {
        if self.array.is_null(row) || self.metadata.is_null(row) || self.values.is_null(row) {
            return Ok(None);
        }
        let (metadata, value) = (self.metadata.value(row), self.values.value(row));
        parquet_variant::Variant::try_new(metadata, value).map(Some).map_err(malformed)
    }

    pub fn tree(&self, row: usize) -> Result<Option<Tree>> {
        self.value(row)?.map(|value| Tree::of(&value)).transpose()
    }
}

fn malformed(why: impl std::fmt::Display) -> datafusion::common::DataFusionError {
    let text = format!("Variant binary is malformed ({why}). Check that the data source is valid.");
    raised("MALFORMED_VARIANT", "22023", text)
}

/// A column of these values.
pub fn built(values: &[Option<Tree>]) -> Result<ArrayRef> {
    let (mut metadata, mut bytes) = (BinaryBuilder::new(), BinaryBuilder::new());
    for value in values {
        match value {
            Some(tree) => {
                let (names, value) = tree.encoded()?;
                metadata.append_value(names);
                bytes.append_value(value);
            }
            None => {
                metadata.append_null();
                bytes.append_null();
            }
        }
    }
    let DataType::Struct(fields) = variant_type() else {
        return Err(malformed("it is no struct"));
    };
    let valid = NullBuffer::from(values.iter().map(Option::is_some).collect::<Vec<_>>());
    let columns: Vec<ArrayRef> = vec![Arc::new(metadata.finish()), Arc::new(bytes.finish())];
    Ok(Arc::new(StructArray::try_new(fields, columns, Some(valid))?))
}

/// The text of a variant: JSON, in which text stands in quotes, or as it is cast to STRING.
pub fn text_of(array: &ArrayRef, row: usize, is_json: bool, zone: &str) -> Result<Option<String>> {
    let Some(tree) = Variants::of(array)?.tree(row)? else { return Ok(None) };
    let zone = crate::time::zone(zone)?;
    Ok(match tree {
        Tree::Null if !is_json => None,
        tree if is_json => Some(tree.json(&zone)),
        tree => Some(tree.text(&zone)),
    })
}
