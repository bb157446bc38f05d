//! The private SHOW COLUMNS, SHOW KEYS and SHOW FOREIGN KEYS of drivers.

use biplane_api::catalog::{ColumnInfo, TableInfo};

use super::like::Like;
use super::rest::Rest;
use super::rows::Table;
use super::show::{listed_tables, scope_schemas};
use crate::context::StatementContext;
use crate::error::SqlResult;
use crate::output::Output;
use crate::parser::{Name, Scope};

/// Size, decimal digits and radix, as JDBC counts them.
fn measures(column: &ColumnInfo) -> (Option<i32>, Option<i32>, Option<i32>) {
    match column.type_name.as_str() {
        "BOOLEAN" => (Some(1), None, None),
        "BYTE" => (Some(1), Some(0), Some(10)),
        "SHORT" => (Some(2), Some(0), Some(10)),
        "INT" => (Some(4), Some(0), Some(10)),
        "LONG" => (Some(8), Some(0), Some(10)),
        "FLOAT" => (Some(4), Some(7), Some(10)),
        "DOUBLE" => (Some(8), Some(15), Some(10)),
        "DECIMAL" => (column.type_precision, column.type_scale, Some(10)),
        "DATE" => (Some(4), None, None),
        "TIMESTAMP" | "TIMESTAMP_NTZ" => (Some(8), Some(6), None),
        _ => (None, None, None),
    }
}

pub async fn run(
    cx: &StatementContext,
    scope: Scope,
    schema_like: Option<String>,
    table_like: Option<String>,
    like: Option<String>,
) -> SqlResult<Output> {
    let rest = Rest::new(cx);
    let (schema_like, table_like) =
        (Like::new(schema_like.as_deref()), Like::new(table_like.as_deref()));
    let like = Like::new(like.as_deref());
    let mut found: Vec<(TableInfo, ColumnInfo)> = Vec::new();
    for place in scope_schemas(cx, &rest, &scope, &schema_like).await? {
        for mut table in listed_tables(&rest, &place, &table_like, true).await? {
            for column in std::mem::take(&mut table.columns) {
                if like.fits(&column.name) {
                    found.push((table.clone(), column));
                }
            }
        }
    }
    let text = |get: &dyn Fn(&TableInfo, &ColumnInfo) -> String| -> Vec<Option<String>> {
        found.iter().map(|(table, column)| Some(get(table, column))).collect()
    };
    let int = |get: &dyn Fn(&ColumnInfo) -> Option<i32>| -> Vec<Option<i32>> {
        found.iter().map(|(_, column)| get(column)).collect()
    };
    Table::default()
        .text("catalogName", text(&|t, _| t.catalog_name.clone()))
        .text("namespace", text(&|t, _| t.schema_name.clone()))
        .text("tableName", text(&|t, _| t.name.clone()))
        .text("col_name", text(&|_, c| c.name.clone()))
        .text("columnType", text(&|_, c| c.type_text.to_uppercase()))
        .int("columnSize", int(&|c| measures(c).0))
        .int("decimalDigits", int(&|c| measures(c).1))
        .int("radix", int(&|c| measures(c).2))
        .text("isNullable", text(&|_, c| c.nullable.to_string()))
        .int("ordinalPosition", int(&|c| Some(c.position)))
        .text("isAutoIncrement", text(&|_, _| "NO".to_owned()))
        .text("remarks", text(&|_, c| c.comment.clone().unwrap_or_default()))
        .text("isGenerated", text(&|_, _| "NO".to_owned()))
        .output()
}

fn strings(value: &serde_json::Value, key: &str) -> Vec<String> {
    let list = value.get(key).and_then(serde_json::Value::as_array);
    list.into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

fn named(value: &serde_json::Value) -> String {
    value.get("name").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

async fn constraints(
    cx: &StatementContext,
    table: &Name,
    kind: &str,
) -> SqlResult<(TableInfo, Vec<serde_json::Value>)> {
    let full = cx.table_parts(&table.0)?;
    let info = Rest::new(cx).table(&full.join(".")).await?;
    let found = info.table_constraints.iter().filter_map(|c| c.get(kind).cloned()).collect();
    Ok((info, found))
}

pub async fn keys(cx: &StatementContext, table: &Name) -> SqlResult<Output> {
    let (info, found) = constraints(cx, table, "primary_key_constraint").await?;
    let mut rows: Vec<(String, i32, String)> = Vec::new();
    for key in &found {
        for (position, column) in (1..).zip(strings(key, "child_columns")) {
            rows.push((column, position, named(key)));
        }
    }
    Table::default()
        .text("catalogName", rows.iter().map(|_| Some(info.catalog_name.clone())).collect())
        .text("namespace", rows.iter().map(|_| Some(info.schema_name.clone())).collect())
        .text("tableName", rows.iter().map(|_| Some(info.name.clone())).collect())
        .text("col_name", rows.iter().map(|row| Some(row.0.clone())).collect())
        .int("keySeq", rows.iter().map(|row| Some(row.1)).collect())
        .text("constraintName", rows.iter().map(|row| Some(row.2.clone())).collect())
        .text("constraintType", rows.iter().map(|_| Some("PRIMARY KEY".to_owned())).collect())
        .output()
}

pub async fn foreign_keys(cx: &StatementContext, table: &Name) -> SqlResult<Output> {
    let (info, found) = constraints(cx, table, "foreign_key_constraint").await?;
    let mut rows: Vec<(Vec<String>, String, String, i32, String)> = Vec::new();
    for key in &found {
        let parent =
            key.get("parent_table").and_then(serde_json::Value::as_str).unwrap_or_default();
        let mut parent: Vec<String> = parent.split('.').map(str::to_owned).collect();
        parent.resize(3, String::new());
        let columns = strings(key, "child_columns").into_iter().zip(strings(key, "parent_columns"));
        for (position, (child, of)) in (1..).zip(columns) {
            rows.push((parent.clone(), of, child, position, named(key)));
        }
    }
    let parent = |at: usize| -> Vec<Option<String>> {
        rows.iter().map(|row| row.0.get(at).cloned()).collect()
    };
    Table::default()
        .text("parentCatalogName", parent(0))
        .text("parentNamespace", parent(1))
        .text("parentTableName", parent(2))
        .text("parentColName", rows.iter().map(|row| Some(row.1.clone())).collect())
        .text("catalogName", rows.iter().map(|_| Some(info.catalog_name.clone())).collect())
        .text("namespace", rows.iter().map(|_| Some(info.schema_name.clone())).collect())
        .text("tableName", rows.iter().map(|_| Some(info.name.clone())).collect())
        .text("col_name", rows.iter().map(|row| Some(row.2.clone())).collect())
        .int("keySeq", rows.iter().map(|row| Some(row.3)).collect())
        .int("updateRule", rows.iter().map(|_| Some(3)).collect())
        .int("deleteRule", rows.iter().map(|_| Some(3)).collect())
        .text("constraintName", rows.iter().map(|row| Some(row.4.clone())).collect())
        .output()
}
