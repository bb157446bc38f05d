//! DESCRIBE TABLE … AS JSON: one text, in the shape that dbt reads.

use biplane_api::catalog::{ColumnInfo, TableInfo};
use serde_json::{Map, Value, json};

use super::describe::{Relation, constraint_texts, relation};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::parser::{Name, SqlType, parse_type};

pub async fn run(cx: &StatementContext, name: &Name) -> SqlResult<Output> {
    let Relation { info, columns } = relation(cx, name).await?;
    let text = serde_json::to_string(&document(&info, &columns)).map_err(SqlError::internal)?;
    Output::text_rows(["json_metadata"], [[Some(text)]])
}

fn document(info: &TableInfo, columns: &[ColumnInfo]) -> Value {
    let mut out = Map::new();
    out.insert("table_name".to_owned(), json!(info.name));
    out.insert("catalog_name".to_owned(), json!(info.catalog_name));
    out.insert("schema_name".to_owned(), json!(info.schema_name));
    out.insert("namespace".to_owned(), json!([info.schema_name]));
    out.insert("type".to_owned(), json!(info.table_type));
    out.insert("columns".to_owned(), columns.iter().map(column).collect());
    out.insert("owner".to_owned(), json!(info.owner));
    let optional = [
        ("provider", info.data_source_format.as_ref().map(|format| format.to_lowercase())),
        ("location", info.storage_location.clone()),
        ("comment", info.comment.clone().filter(|comment| !comment.is_empty())),
        ("view_text", info.view_definition.clone()),
        ("view_original_text", info.view_definition.clone()),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            out.insert(key.to_owned(), Value::String(value));
        }
    }
    if !info.properties.is_empty() {
        out.insert("table_properties".to_owned(), json!(info.properties));
    }
    let mut partitions: Vec<&ColumnInfo> =
        columns.iter().filter(|c| c.partition_index.is_some()).collect();
    partitions.sort_by_key(|c| c.partition_index);
    if !partitions.is_empty() {
        let names: Vec<&str> = partitions.iter().map(|c| c.name.as_str()).collect();
        out.insert("partition_columns".to_owned(), json!(names));
    }
    let keys: Vec<String> =
        constraint_texts(info).into_iter().map(|(name, text)| format!("({name},{text})")).collect();
    if !keys.is_empty() {
        out.insert("table_constraints".to_owned(), json!(format!("[{}]", keys.join(", "))));
    }
    Value::Object(out)
}

fn column(column: &ColumnInfo) -> Value {
    let data_type = match parse_type(&column.type_text) {
        Ok(sql_type) => type_json(&sql_type),
        Err(_) => json!({ "name": column.type_text }),
    };
    let mut out = json!({ "name": column.name, "type": data_type, "nullable": column.nullable });
    if let (Some(comment), Some(map)) = (&column.comment, out.as_object_mut()) {
        map.insert("comment".to_owned(), json!(comment));
    }
    out
}

fn type_json(sql_type: &SqlType) -> Value {
    let plain = |name: &str| json!({ "name": name });
    match sql_type {
        SqlType::Boolean => plain("boolean"),
        SqlType::Byte => plain("tinyint"),
        SqlType::Short => plain("smallint"),
        SqlType::Int => plain("int"),
        SqlType::Long => plain("bigint"),
        SqlType::Float => plain("float"),
        SqlType::Double => plain("double"),
        SqlType::Decimal(precision, scale) => {
            json!({ "name": "decimal", "precision": precision, "scale": scale })
        }
        SqlType::String => json!({ "name": "string", "collation": "UTF8_BINARY" }),
        SqlType::Char(length) => json!({ "name": "char", "length": length }),
        SqlType::Varchar(length) => json!({ "name": "varchar", "length": length }),
        SqlType::Binary => plain("binary"),
        SqlType::Date => plain("date"),
        SqlType::Timestamp => plain("timestamp_ltz"),
        SqlType::TimestampNtz => plain("timestamp_ntz"),
        SqlType::Void => plain("void"),
        SqlType::Other(name) => plain(&name.to_lowercase()),
        SqlType::Array(item) => {
            json!({ "name": "array", "element_type": type_json(item), "element_nullable": true })
        }
        SqlType::Map(key, value) => json!({
            "name": "map", "key_type": type_json(key), "value_type": type_json(value), "value_nullable": true
        }),
        SqlType::Struct(fields) => {
            let fields: Vec<Value> = fields
                .iter()
                .map(|field| {
                    json!({ "name": field.name, "type": type_json(&field.sql_type), "nullable": field.nullable })
                })
                .collect();
            json!({ "name": "struct", "fields": fields })
        }
    }
}
