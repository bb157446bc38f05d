//! Column mapping: columns that have other names in the files than in the table, so that they can be
//! renamed and dropped, and be called anything.
//!
//! Mode `name` of the Delta protocol: every field has a physical name and a number, which never change.

use deltalake_core::kernel::{
    ArrayType, DataType, MapType, Metadata, MetadataExt, MetadataValue, Protocol, StructField,
    StructType,
};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

use crate::error::{SqlError, SqlResult};

pub const MODE: &str = "delta.columnMapping.mode";
pub const COLUMN_ID_MAX: &str = "delta.columnMapping.maxColumnId";
const ID: &str = "delta.columnMapping.id";
const PHYSICAL_NAME: &str = "delta.columnMapping.physicalName";

/// What older versions of the protocol ask of who writes.
const WRITER_FEATURES: [(i64, &str); 6] = [
    (2, "appendOnly"),
    (2, "invariants"),
    (3, "checkConstraints"),
    (4, "changeDataFeed"),
    (4, "generatedColumns"),
    (5, "columnMapping"),
];

pub fn is_mapped<'a>(properties: impl IntoIterator<Item = (&'a String, &'a String)>) -> bool {
    properties.into_iter().any(|(key, mode)| key == MODE && !mode.eq_ignore_ascii_case("none"))
}

/// The mode that a statement asks for, which must be one that there is.
pub fn check_mode(mode: &str) -> SqlResult<()> {
    match mode {
        "none" | "name" | "id" => Ok(()),
        other => {
            let text =
                format!("{other:?} is no mode of column mapping; there are none, name and id");
            Err(SqlError::new("DELTA_MODE_NOT_SUPPORTED", "0AKDC", text))
        }
    }
}

/// Numbers given so far.
pub fn column_id_max(schema: &StructType, properties: &HashMap<String, String>) -> i64 {
    let known = properties.get(COLUMN_ID_MAX).and_then(|text| text.parse().ok()).unwrap_or(0);
    schema.fields().map(highest).fold(known, i64::max)
}

fn highest(field: &StructField) -> i64 {
    let own = match field.metadata().get(ID) {
        Some(MetadataValue::Number(number)) => *number,
        _ => 0,
    };
    own.max(highest_of_type(field.data_type()))
}

fn highest_of_type(data_type: &DataType) -> i64 {
    match data_type {
        DataType::Struct(fields) => fields.fields().map(highest).fold(0, i64::max),
        DataType::Array(array) => highest_of_type(array.element_type()),
        DataType::Map(map) => {
            highest_of_type(map.key_type()).max(highest_of_type(map.value_type()))
        }
        _ => 0,
    }
}

/// The field with a number and a physical name, and all inside it. `in_files`: there are files already,
/// in which it is called as it is now.
pub fn mapped(field: &StructField, newest: &mut i64, in_files: bool) -> SqlResult<StructField> {
    let mut out = field.clone();
    if !out.metadata.contains_key(ID) {
        *newest += 1;
        out.metadata.insert(ID.to_owned(), MetadataValue::Number(*newest));
    }
    if !out.metadata.contains_key(PHYSICAL_NAME) {
        let name = match in_files {
            true => field.name().clone(),
            false => format!("col-{}", Uuid::new_v4()),
        };
        out.metadata.insert(PHYSICAL_NAME.to_owned(), MetadataValue::String(name));
    }
    out.data_type = mapped_type(field.data_type(), newest, in_files)?;
    Ok(out)
}

fn mapped_type(data_type: &DataType, newest: &mut i64, in_files: bool) -> SqlResult<DataType> {
    Ok(match data_type {
        DataType::Struct(fields) => {
            let fields = fields.fields().map(|field| mapped(field, newest, in_files));
            let fields = fields.collect::<SqlResult<Vec<_>>>()?;
            StructType::try_new(fields).map_err(SqlError::internal)?.into()
        }
        DataType::Array(array) => {
            let element = mapped_type(array.element_type(), newest, in_files)?;
            ArrayType::new(element, array.contains_null()).into()
        }
        DataType::Map(map) => {
            let key = mapped_type(map.key_type(), newest, in_files)?;
            let value = mapped_type(map.value_type(), newest, in_files)?;
            MapType::new(key, value, map.value_contains_null()).into()
        }
        other => other.clone(),
    })
}

/// The field under the names that it has in the files.
pub fn in_files(field: &StructField) -> SqlResult<StructField> {
    let name = match field.metadata().get(PHYSICAL_NAME) {
        Some(MetadataValue::String(name)) => name.clone(),
        _ => field.name().clone(),
    };
    Ok(StructField::new(name, type_in_files(field.data_type())?, field.is_nullable()))
}

fn type_in_files(data_type: &DataType) -> SqlResult<DataType> {
    Ok(match data_type {
        DataType::Struct(fields) => {
            let fields = fields.fields().map(in_files).collect::<SqlResult<Vec<_>>>()?;
            StructType::try_new(fields).map_err(SqlError::internal)?.into()
        }
        DataType::Array(array) => {
            ArrayType::new(type_in_files(array.element_type())?, array.contains_null()).into()
        }
        DataType::Map(map) => {
            let (key, value) = (type_in_files(map.key_type())?, type_in_files(map.value_type())?);
            MapType::new(key, value, map.value_contains_null()).into()
        }
        other => other.clone(),
    })
}

/// The field as a table without mapping has it.
pub fn unmapped(field: &StructField) -> SqlResult<StructField> {
    let mut out = field.clone();
    out.metadata.remove(ID);
    out.metadata.remove(PHYSICAL_NAME);
    out.data_type = unmapped_type(field.data_type())?;
    Ok(out)
}

fn unmapped_type(data_type: &DataType) -> SqlResult<DataType> {
    Ok(match data_type {
        DataType::Struct(fields) => {
            let fields = fields.fields().map(unmapped).collect::<SqlResult<Vec<_>>>()?;
            StructType::try_new(fields).map_err(SqlError::internal)?.into()
        }
        DataType::Array(array) => {
            ArrayType::new(unmapped_type(array.element_type())?, array.contains_null()).into()
        }
        DataType::Map(map) => {
            let (key, value) = (unmapped_type(map.key_type())?, unmapped_type(map.value_type())?);
            MapType::new(key, value, map.value_contains_null()).into()
        }
        other => other.clone(),
    })
}

/// The metadata of a table that is mapped from now on, by the names it has.
pub fn enabled(metadata: Metadata, schema: &StructType) -> SqlResult<Metadata> {
    let mut newest = column_id_max(schema, metadata.configuration());
    let fields = schema.fields().map(|field| mapped(field, &mut newest, true));
    let fields = fields.collect::<SqlResult<Vec<_>>>()?;
    let schema = StructType::try_new(fields).map_err(SqlError::internal)?;
    let metadata = metadata.with_schema(&schema).map_err(SqlError::internal)?;
    let metadata = metadata.add_config_key(COLUMN_ID_MAX.to_owned(), newest.to_string());
    let metadata = metadata.map_err(SqlError::internal)?;
    metadata.add_config_key(MODE.to_owned(), "name".to_owned()).map_err(SqlError::internal)
}

/// Metadata with other partition columns, for there is no function for it.
pub fn with_partitions(metadata: &Metadata, partitions: &[String]) -> SqlResult<Metadata> {
    let mut all = serde_json::to_value(metadata).map_err(SqlError::internal)?;
    if let Some(all) = all.as_object_mut() {
        all.insert("partitionColumns".to_owned(), json!(partitions));
    }
    serde_json::from_value(all).map_err(SqlError::internal)
}

/// What a table with this schema and these properties asks of readers and writers: the protocol, where it
/// is another than the one there. None where it asks nothing more.
pub fn protocol(
    there: &Protocol,
    schema: &StructType,
    properties: &HashMap<String, String>,
) -> SqlResult<Option<Protocol>> {
    let mut all = serde_json::to_value(there).map_err(SqlError::internal)?;
    let version = |all: &Value, key: &str| all.get(key).and_then(Value::as_i64).unwrap_or(1);
    let (mut reader, mut writer) =
        (version(&all, "minReaderVersion"), version(&all, "minWriterVersion"));
    let names = |all: &Value, key: &str| -> BTreeSet<String> {
        let list = all.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
    };
    let (mut readers, mut writers) = (names(&all, "readerFeatures"), names(&all, "writerFeatures"));
    let mut wanted: Vec<&str> = Vec::new();
    if is_mapped(properties) {
        wanted.push("columnMapping");
    }
    let is_true =
        |key: &str| properties.get(key).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if is_true("delta.enableChangeDataFeed") {
        wanted.push("changeDataFeed");
    }
    if properties.keys().any(|key| key.starts_with("delta.constraints.")) {
        wanted.push("checkConstraints");
    }
    if schema.fields().any(|field| has_local_time(field.data_type())) {
        wanted.push("timestampNtz");
    }
    for name in wanted {
        let version = WRITER_FEATURES.iter().find(|(_, known)| *known == name).map(|(v, _)| *v);
        match version {
            Some(version) if writer < 7 => writer = writer.max(version),
            _ => {
                if writer < 7 {
                    let known = WRITER_FEATURES.iter().filter(|(version, _)| *version <= writer);
                    writers.extend(known.map(|(_, name)| (*name).to_owned()));
                    writer = 7;
                }
                writers.insert(name.to_owned());
            }
        }
        match name {
            "columnMapping" if reader < 3 => reader = 2,
            "columnMapping" | "timestampNtz" => {
                if reader == 2 {
                    readers.insert("columnMapping".to_owned());
                    writers.insert("columnMapping".to_owned());
                }
                reader = 3;
                readers.insert(name.to_owned());
            }
            _ => {}
        }
    }
    let before = all.clone();
    if let Some(all) = all.as_object_mut() {
        all.insert("minReaderVersion".to_owned(), json!(reader));
        all.insert("minWriterVersion".to_owned(), json!(writer));
        if reader >= 3 && names(&before, "readerFeatures") != readers {
            all.insert("readerFeatures".to_owned(), json!(readers));
        }
        if writer >= 7 && names(&before, "writerFeatures") != writers {
            all.insert("writerFeatures".to_owned(), json!(writers));
        }
    }
    match all == before {
        true => Ok(None),
        false => serde_json::from_value(all).map(Some).map_err(SqlError::internal),
    }
}

fn has_local_time(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(fields) => fields.fields().any(|field| has_local_time(field.data_type())),
        DataType::Array(array) => has_local_time(array.element_type()),
        DataType::Map(map) => has_local_time(map.key_type()) || has_local_time(map.value_type()),
        other => *other == DataType::TIMESTAMP_NTZ,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protocol_of(value: Value) -> Protocol {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_protocol_asks_for_no_more_than_is_used() {
        let plain = StructType::try_new([StructField::nullable("a", DataType::LONG)]).unwrap();
        let times =
            StructType::try_new([StructField::nullable("a", DataType::TIMESTAMP_NTZ)]).unwrap();
        let name: HashMap<String, String> = [(MODE.to_owned(), "name".to_owned())].into();
        let old = json!({"minReaderVersion": 1, "minWriterVersion": 2});
        let new = json!({"minReaderVersion": 3, "minWriterVersion": 7,
            "readerFeatures": ["timestampNtz"], "writerFeatures": ["timestampNtz"]});
        let cases = [
            (&old, &plain, HashMap::new(), None),
            (
                &old,
                &plain,
                name.clone(),
                Some(json!({"minReaderVersion": 2, "minWriterVersion": 5})),
            ),
            (&new, &times, HashMap::new(), None),
            (
                &new,
                &plain,
                name.clone(),
                Some(json!({"minReaderVersion": 3, "minWriterVersion": 7,
                "readerFeatures": ["columnMapping", "timestampNtz"],
                "writerFeatures": ["columnMapping", "timestampNtz"]})),
            ),
            (
                &old,
                &times,
                name,
                Some(json!({"minReaderVersion": 3, "minWriterVersion": 7,
                "readerFeatures": ["columnMapping", "timestampNtz"],
                "writerFeatures": ["appendOnly", "changeDataFeed", "checkConstraints", "columnMapping",
                    "generatedColumns", "invariants", "timestampNtz"]})),
            ),
        ];
        for (there, schema, properties, expected) in cases {
            let came = protocol(&protocol_of(there.clone()), schema, &properties).unwrap();
            let expected = expected.map(protocol_of);
            assert_eq!(came, expected, "{there} {properties:?}");
        }
    }

    #[test]
    fn fields_get_numbers_and_lose_them() {
        let inner = StructType::try_new([StructField::nullable("x", DataType::LONG)]).unwrap();
        let field = StructField::nullable("a", ArrayType::new(inner, true));
        let mut newest = 4;
        let kept = mapped(&field, &mut newest, true).unwrap();
        assert_eq!((newest, highest(&kept)), (6, 6));
        assert_eq!(kept.metadata()[PHYSICAL_NAME], MetadataValue::String("a".to_owned()));
        assert_eq!(mapped(&kept, &mut newest, false).unwrap(), kept);
        assert_eq!(unmapped(&kept).unwrap(), field);
    }
}
