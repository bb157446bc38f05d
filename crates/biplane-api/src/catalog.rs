//! Wire types of the catalog service (Unity Catalog REST): tables here, the rest beside.

mod containers;
mod functions;
mod grants;
pub mod information_schema;
mod metastores;
mod places;
pub mod system_tables;
mod volumes;

pub use containers::*;
pub use functions::*;
pub use grants::*;
pub use metastores::*;
pub use places::*;
pub use volumes::*;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A column of a table or view.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ColumnInfo {
    pub name: String,
    /// Position from 0.
    #[serde(default)]
    pub position: i32,
    /// The public enum: BOOLEAN, BYTE, SHORT, INT, LONG, FLOAT, DOUBLE, DATE, TIMESTAMP, TIMESTAMP_NTZ,
    /// STRING, BINARY, DECIMAL, INTERVAL, ARRAY, STRUCT, MAP, CHAR, NULL, VARIANT, ...
    #[serde(default)]
    pub type_name: String,
    /// SQL text in lower case: `decimal(10,2)`.
    #[serde(default)]
    pub type_text: String,
    /// Spark's JSON of the type, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_json: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_precision: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_scale: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_interval_type: Option<String>,
    #[serde(default = "yes")]
    pub nullable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_index: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

fn yes() -> bool {
    true
}

/// A table or view.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TableInfo {
    pub name: String,
    pub catalog_name: String,
    pub schema_name: String,
    pub full_name: String,
    pub table_id: String,
    /// MANAGED, EXTERNAL, VIEW.
    pub table_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_source_format: Option<String>,
    #[serde(default)]
    pub columns: Vec<ColumnInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_location: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view_definition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view_dependencies: Option<DependencyList>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub table_constraints: Vec<serde_json::Value>,
    pub owner: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    pub metastore_id: String,
    pub created_at: i64,
    pub created_by: String,
    pub updated_at: i64,
    pub updated_by: String,
    /// The caller sees this much only because of BROWSE.
    #[serde(default)]
    pub browse_only: bool,
}

/// What a view reads.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DependencyList {
    #[serde(default)]
    pub dependencies: Vec<Dependency>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Dependency {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<TableDependency>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TableDependency {
    pub table_full_name: String,
}

/// Registers an external table, or a managed one whose files lie in a staging table's place.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreateTable {
    pub name: String,
    pub catalog_name: String,
    pub schema_name: String,
    /// MANAGED or EXTERNAL.
    pub table_type: String,
    #[serde(default)]
    pub data_source_format: Option<String>,
    #[serde(default)]
    pub columns: Option<Vec<ColumnInfo>>,
    #[serde(default)]
    pub storage_location: Option<String>,
    #[serde(default)]
    pub comment: Option<String>,
    #[serde(default)]
    pub properties: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateTable {
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default)]
    pub new_name: Option<String>,
    #[serde(default)]
    pub comment: Option<String>,
    #[serde(default)]
    pub properties: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListTables {
    pub tables: Vec<TableInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TableSummary {
    pub full_name: String,
    pub table_type: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListTableSummaries {
    pub tables: Vec<TableSummary>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TableExists {
    pub table_exists: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreateStagingTable {
    pub name: String,
    pub catalog_name: String,
    pub schema_name: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StagingTableInfo {
    pub id: String,
    pub name: String,
    pub catalog_name: String,
    pub schema_name: String,
    pub staging_location: String,
}

/// A primary key, foreign key or named constraint: for information, not enforced.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreateConstraint {
    pub full_name_arg: String,
    #[schema(value_type = Object)]
    pub constraint: serde_json::Value,
}

/// The answer of calls that have nothing to say.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct Empty {}

/// An integer that clients send as a number or as text.
pub(crate) fn lenient_int<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Int(i64),
        Text(String),
    }
    match Either::deserialize(deserializer)? {
        Either::Int(n) => Ok(n),
        Either::Text(text) => {
            text.parse().map_err(|_| serde::de::Error::custom("expected an integer"))
        }
    }
}
