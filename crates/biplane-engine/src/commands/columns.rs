//! One column in its four forms: SQL type, Delta field, Arrow field, and what the catalog keeps.

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use biplane_api::catalog::ColumnInfo;
use deltalake_core::kernel::{
    ArrayType, DataType as DeltaType, MapType, MetadataValue, PrimitiveType, StructField,
    StructType,
};
use std::sync::Arc;

use super::identity;
use crate::error::{SqlError, SqlResult};
use crate::parser::{ColumnDef, Generated, SqlField, SqlType};

/// The type as a table keeps it.
pub fn delta_type(sql_type: &SqlType) -> SqlResult<DeltaType> {
    let primitive = match sql_type {
        SqlType::Boolean => PrimitiveType::Boolean,
        SqlType::Byte => PrimitiveType::Byte,
        SqlType::Short => PrimitiveType::Short,
        SqlType::Int => PrimitiveType::Integer,
        SqlType::Long => PrimitiveType::Long,
        SqlType::Float => PrimitiveType::Float,
        SqlType::Double => PrimitiveType::Double,
        SqlType::Decimal(precision, scale) => {
            let scale = u8::try_from(*scale).map_err(SqlError::internal)?;
            return DeltaType::decimal(*precision, scale).map_err(SqlError::internal);
        }
        SqlType::String | SqlType::Char(_) | SqlType::Varchar(_) => PrimitiveType::String,
        SqlType::Binary => PrimitiveType::Binary,
        SqlType::Date => PrimitiveType::Date,
        SqlType::Timestamp => PrimitiveType::Timestamp,
        SqlType::TimestampNtz => PrimitiveType::TimestampNtz,
        SqlType::Void => return Err(SqlError::unsupported("a column of the type VOID")),
        SqlType::Other(name) => {
            return Err(SqlError::unsupported(format!("a column of the type {name}")));
        }
        SqlType::Array(item) => return Ok(ArrayType::new(delta_type(item)?, true).into()),
        SqlType::Map(key, value) => {
            return Ok(MapType::new(delta_type(key)?, delta_type(value)?, true).into());
        }
        SqlType::Struct(fields) => {
            let fields: SqlResult<Vec<StructField>> = fields.iter().map(nested_field).collect();
            let fields = StructType::try_new(fields?).map_err(|e| invalid_schema(&e))?;
            return Ok(fields.into());
        }
    };
    Ok(DeltaType::Primitive(primitive))
}

fn nested_field(field: &SqlField) -> SqlResult<StructField> {
    let out = StructField::new(&field.name, delta_type(&field.sql_type)?, field.nullable);
    Ok(with_comment(out, field.comment.as_deref()))
}

fn with_comment(field: StructField, comment: Option<&str>) -> StructField {
    match comment {
        Some(text) => field.with_metadata([("comment", MetadataValue::String(text.to_owned()))]),
        None => field,
    }
}

pub fn invalid_schema(error: &dyn std::fmt::Display) -> SqlError {
    let text: String =
        error.to_string().lines().next().unwrap_or_default().chars().take(300).collect();
    SqlError::new("DELTA_INVALID_SCHEMA", "42000", format!("The columns make no table: {text}"))
}

/// The columns of a CREATE TABLE. Names are told apart without regard to case.
pub fn delta_fields(columns: &[ColumnDef], mapped: bool) -> SqlResult<Vec<StructField>> {
    let mut seen = std::collections::HashSet::new();
    let mut out = Vec::with_capacity(columns.len());
    for column in columns {
        if !seen.insert(column.name.to_lowercase()) {
            let text = format!("The column `{}` already exists. Choose another name", column.name);
            return Err(SqlError::new("COLUMN_ALREADY_EXISTS", "42711", text));
        }
        check_column_name(&column.name, mapped)?;
        let field = StructField::new(&column.name, delta_type(&column.sql_type)?, !column.not_null);
        let mut field = with_comment(field, column.comment.as_deref());
        if let SqlType::Char(n) | SqlType::Varchar(n) = column.sql_type {
            let word = if matches!(column.sql_type, SqlType::Char(_)) { "char" } else { "varchar" };
            let text = MetadataValue::String(format!("{word}({n})"));
            field = field.add_metadata([("__CHAR_VARCHAR_TYPE_STRING", text)]);
        }
        if let Some(Generated::Identity(rule)) = column.generated {
            field = identity::declare(field, rule)?;
        }
        if column.generated.is_some() && column.default.is_some() {
            let text =
                format!("The column `{}` is generated and cannot have a DEFAULT", column.name);
            return Err(SqlError::new("GENERATED_COLUMN_WITH_DEFAULT_VALUE", "42623", text));
        }
        out.push(field);
    }
    Ok(out)
}

/// Columns of files, which may be called anything.
pub fn delta_fields_loose(columns: &[ColumnDef]) -> SqlResult<Vec<StructField>> {
    columns
        .iter()
        .map(|column| Ok(StructField::nullable(&column.name, delta_type(&column.sql_type)?)))
        .collect()
}

/// With column mapping, a column may be called almost anything.
pub fn check_column_name(name: &str, mapped: bool) -> SqlResult<()> {
    if name.is_empty() || name.len() > 255 {
        let text = "The name of a column must have 1 to 255 bytes";
        return Err(SqlError::new("INVALID_COLUMN_NAME", "42703", text));
    }
    if !mapped && name.chars().any(|c| " ,;{}()\n\t=".contains(c)) {
        let text =
            format!("The name {name:?} of a column has one of the characters ' ,;{{}}()\\n\\t='");
        return Err(SqlError::new("DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES", "42K05", text));
    }
    Ok(())
}

/// The type a table gives a column of a query: views, unsigned and nanoseconds go to their plain forms.
pub fn stored_type(data_type: &DataType) -> SqlResult<DataType> {
    let inner = |field: &Arc<Field>| -> SqlResult<Arc<Field>> {
        Ok(Arc::new(field.as_ref().clone().with_data_type(stored_type(field.data_type())?)))
    };
    Ok(match data_type {
        DataType::Null => {
            let text = "A column of the query has the type VOID; cast it to a type";
            return Err(SqlError::new("DELTA_UNSUPPORTED_VOID_COLUMN", "0A000", text));
        }
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) => DataType::Decimal128(*p, *s),
        DataType::Decimal256(p, s) => DataType::Decimal128((*p).min(38), *s),
        DataType::Date64 => DataType::Date32,
        DataType::Timestamp(_, Some(_)) => {
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        }
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            DataType::Binary
        }
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => {
            DataType::List(Arc::new(inner(item)?.as_ref().clone().with_name("element")))
        }
        DataType::Map(entries, sorted) => DataType::Map(inner(entries)?, *sorted),
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(inner).collect::<SqlResult<Fields>>()?)
        }
        DataType::Dictionary(_, value) => stored_type(value)?,
        DataType::RunEndEncoded(_, value) => stored_type(value.data_type())?,
        DataType::Interval(_)
        | DataType::Duration(_)
        | DataType::Time32(_)
        | DataType::Time64(_) => {
            return Err(SqlError::unsupported("a column of an interval or time type"));
        }
        other => other.clone(),
    })
}

/// The Arrow schema with which rows are handed to the writer of a table.
pub fn arrow_schema(schema: &StructType) -> SqlResult<SchemaRef> {
    use deltalake_core::kernel::engine::arrow_conversion::TryIntoArrow as _;
    let schema: Schema = schema.try_into_arrow().map_err(SqlError::internal)?;
    Ok(Arc::new(schema))
}

/// What the catalog shows of a table's columns.
pub fn column_infos(schema: &StructType, partitions: &[String]) -> Vec<ColumnInfo> {
    schema
        .fields()
        .enumerate()
        .map(|(position, field)| {
            let partition = partitions.iter().position(|name| name == field.name());
            column_info(field, position, partition)
        })
        .collect()
}

pub fn column_info(field: &StructField, position: usize, partition: Option<usize>) -> ColumnInfo {
    let clip = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let (precision, scale) = match field.data_type() {
        DeltaType::Primitive(PrimitiveType::Decimal(d)) => {
            (Some(i32::from(d.precision())), Some(i32::from(d.scale())))
        }
        _ => (None, None),
    };
    let text = |key: &str| match field.metadata().get(key) {
        Some(MetadataValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    ColumnInfo {
        name: field.name().clone(),
        position: clip(position),
        type_name: type_name(field.data_type()).to_owned(),
        type_text: text("__CHAR_VARCHAR_TYPE_STRING")
            .unwrap_or_else(|| type_text(field.data_type())),
        type_json: serde_json::to_string(field).ok(),
        type_precision: precision,
        type_scale: scale,
        type_interval_type: None,
        nullable: field.is_nullable(),
        partition_index: partition.map(clip),
        comment: text("comment"),
    }
}

pub fn type_name(data_type: &DeltaType) -> &'static str {
    match data_type {
        DeltaType::Primitive(primitive) => match primitive {
            PrimitiveType::Boolean => "BOOLEAN",
            PrimitiveType::Byte => "BYTE",
            PrimitiveType::Short => "SHORT",
            PrimitiveType::Integer => "INT",
            PrimitiveType::Long => "LONG",
            PrimitiveType::Float => "FLOAT",
            PrimitiveType::Double => "DOUBLE",
            PrimitiveType::Decimal(_) => "DECIMAL",
            PrimitiveType::String => "STRING",
            PrimitiveType::Binary => "BINARY",
            PrimitiveType::Date => "DATE",
            PrimitiveType::Timestamp => "TIMESTAMP",
            PrimitiveType::TimestampNtz => "TIMESTAMP_NTZ",
            _ => "STRING",
        },
        DeltaType::Array(_) => "ARRAY",
        DeltaType::Map(_) => "MAP",
        DeltaType::Struct(_) => "STRUCT",
        DeltaType::Variant(_) => "VARIANT",
    }
}

/// `array<struct<a:int>>`, as Spark's catalog string.
pub fn type_text(data_type: &DeltaType) -> String {
    match data_type {
        DeltaType::Primitive(PrimitiveType::Decimal(d)) => {
            format!("decimal({},{})", d.precision(), d.scale())
        }
        DeltaType::Primitive(primitive) => match primitive {
            PrimitiveType::Byte => "tinyint".to_owned(),
            PrimitiveType::Short => "smallint".to_owned(),
            PrimitiveType::Integer => "int".to_owned(),
            PrimitiveType::Long => "bigint".to_owned(),
            _ => type_name(data_type).to_lowercase(),
        },
        DeltaType::Array(array) => format!("array<{}>", type_text(array.element_type())),
        DeltaType::Map(map) => {
            format!("map<{},{}>", type_text(map.key_type()), type_text(map.value_type()))
        }
        DeltaType::Struct(fields) => {
            let parts: Vec<String> = fields
                .fields()
                .map(|field| format!("{}:{}", field.name(), type_text(field.data_type())))
                .collect();
            format!("struct<{}>", parts.join(","))
        }
        DeltaType::Variant(_) => "variant".to_owned(),
    }
}

/// The Delta fields of a query's columns, all nullable.
pub fn fields_of_query(schema: &Schema, mapped: bool) -> SqlResult<Vec<StructField>> {
    use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel as _;
    let mut seen = std::collections::HashSet::new();
    schema
        .fields()
        .iter()
        .map(|field| {
            check_column_name(field.name(), mapped)?;
            if !seen.insert(field.name().to_lowercase()) {
                let text =
                    format!("The column `{}` already exists. Give it another name", field.name());
                return Err(SqlError::new("COLUMN_ALREADY_EXISTS", "42711", text));
            }
            if let Some(name) = biplane_functions::opaque::within(field.data_type()) {
                let text = format!("a column of the type {name} in a table");
                return Err(SqlError::unsupported(text));
            }
            if !biplane_functions::collation::of_field(field).is_plain() {
                let text = "a column with a collation in a table (CAST(… AS STRING) takes it away)";
                return Err(SqlError::unsupported(text));
            }
            let plain = nullable(&stored_type(field.data_type())?);
            let plain = Field::new(field.name(), plain, true);
            let out: StructField = (&plain).try_into_kernel().map_err(SqlError::internal)?;
            Ok(out)
        })
        .collect()
}

/// A table's schema with the columns of a query that it lacks.
pub fn widened(schema: &SchemaRef, added: Vec<Field>) -> SqlResult<SchemaRef> {
    let added = fields_of_query(&Schema::new(added), false)?;
    let added = StructType::try_new(added).map_err(|error| invalid_schema(&error))?;
    let added = arrow_schema(&added)?;
    let all: Vec<_> = schema.fields().iter().chain(added.fields()).cloned().collect();
    Ok(Arc::new(Schema::new(all)))
}

/// Spark makes everything in a new table nullable.
fn nullable(data_type: &DataType) -> DataType {
    let inner = |field: &Arc<Field>| -> Arc<Field> {
        let data_type = nullable(field.data_type());
        Arc::new(Field::new(field.name(), data_type, true))
    };
    match data_type {
        DataType::List(item) => DataType::List(inner(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        other => other.clone(),
    }
}
