//! What an engine asks the control plane through its relay door, beside the public API: `/internal/v1/…`.
//!
//! Every call carries the token of one statement; the catalog decides as the user of that statement.
//! These routes exist on the relay only, never on a public listener.

use crate::catalog::{ColumnInfo, TableInfo};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// `POST /internal/v1/resolve`: every table and view a statement names, in one round trip.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResolveRequest {
    /// Full names `[catalog, schema, table]`, as written, without quotes. At most 1,000.
    pub names: Vec<[String; 3]>,
    /// Which right is needed. Names inside a view are always read.
    pub access: Access,
    /// The views (full names, outermost first) through which these names are reached: they are then
    /// resolved as the owner of the last one, and the user needs SELECT on the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Access {
    /// Name and columns only (DESCRIBE, SHOW): any right on the table, or BROWSE.
    Metadata,
    /// SELECT.
    Read,
    /// MODIFY, and SELECT for what the statement reads back.
    Write,
    /// Owner or MANAGE: ALTER, DROP, RESTORE, VACUUM.
    Manage,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResolveResponse {
    /// One per name, in order.
    pub tables: Vec<Resolved>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolved {
    Table(Box<ResolvedTable>),
    /// The public code and text: TABLE_DOES_NOT_EXIST, SCHEMA_DOES_NOT_EXIST, PERMISSION_DENIED …
    Error {
        error_code: String,
        message: String,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResolvedTable {
    pub info: TableInfo,
    /// None for a view.
    pub storage: Option<Storage>,
}

/// Where data lies and how it is reached, for the time of a statement.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// `file:///…` or `s3://bucket/prefix`.
    pub url: String,
    /// Options of the `object_store` crate: `aws_access_key_id`, `aws_session_token`, `aws_endpoint`, … Secret.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

/// What opens a store to whoever has it.
const KEYS: [&str; 3] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];

impl Storage {
    /// As a sandbox may know it: its storage door signs.
    pub fn without_keys(mut self) -> Self {
        self.options.retain(|name, _| !KEYS.contains(&name.as_str()));
        self
    }
}

impl std::fmt::Debug for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Storage").field("url", &self.url).finish_non_exhaustive()
    }
}

/// `POST /internal/v1/resolve-path` → [`Storage`]: a path that a statement names (`/Volumes/…`, `s3://…`, `file://…`).
/// Paths inside the storage of a table are refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResolvePathRequest {
    pub path: String,
    /// Read: READ_VOLUME or READ_FILES. Write: WRITE_VOLUME or WRITE_FILES.
    pub access: Access,
}

/// `POST /internal/v1/staging-tables` → [`StagingTable`]: a place for the files of a table that is being
/// made. Nothing is visible until `tables` is called with its id; what is never published is swept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StagingTableRequest {
    pub catalog_name: String,
    pub schema_name: String,
    pub name: String,
    /// LOCATION of an external table; needs CREATE EXTERNAL TABLE on the external location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StagingTable {
    pub table_id: String,
    pub storage: Storage,
}

/// `POST /internal/v1/tables` → `TableInfo`: publishes a table or a view. One transaction.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PublishTable {
    pub catalog_name: String,
    pub schema_name: String,
    pub name: String,
    /// `MANAGED`, `EXTERNAL` or `VIEW`.
    pub table_type: String,
    /// `DELTA`, `PARQUET`, `CSV`, `JSON`, …; None for a view.
    #[serde(default)]
    pub data_source_format: Option<String>,
    pub columns: Vec<ColumnInfo>,
    /// From `staging-tables`; None for a view.
    #[serde(default)]
    pub staging_table_id: Option<String>,
    #[serde(default)]
    pub view_definition: Option<String>,
    /// Full names a view reads.
    #[serde(default)]
    pub view_dependencies: Vec<String>,
    #[serde(default)]
    pub comment: Option<String>,
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    pub mode: PublishMode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PublishMode {
    /// TABLE_ALREADY_EXISTS when the name is taken.
    Create,
    /// The old one goes, with its grants kept; needs MANAGE on it.
    Replace,
}

/// `PATCH /internal/v1/tables/{full_name}` → `TableInfo`: what a statement changed in the Delta log and
/// the catalog must show too. Only the fields given change.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PatchTable {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<ColumnInfo>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view_definition: Option<String>,
    /// Full names a view reads; goes with `view_definition`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view_dependencies: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_name: Option<String>,
}

/// `POST /internal/v1/system-rows` → [`SystemRows`]: rows of a system table, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SystemRowsRequest {
    pub schema: String,
    pub name: String,
    /// As in [`ResolveRequest`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<String>,
    /// Milliseconds since 1970, both included, of the table's time column. Other rows may come too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
    /// Rows of the answer at most.
    pub limit: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_token: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SystemRows {
    /// Objects by the names of columns; what is missing is NULL. Timestamps are microseconds since 1970.
    pub rows: Vec<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// `POST /internal/v1/tags`: puts tags on an object, or on one of its columns, and takes others off.
/// Needs APPLY TAG.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeTags {
    /// `CATALOG`, `SCHEMA`, `TABLE` (views too) or `VOLUME`.
    pub securable_type: String,
    pub full_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unset: Vec<String>,
}

/// `POST /internal/v1/tag-rows` → [`TagRows`]: tags of objects and their columns. Names that the user
/// does not see have none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListTags {
    /// As in [`ChangeTags`].
    pub securable_type: String,
    /// At most 1,000.
    pub full_names: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TagRows {
    pub rows: Vec<TagRow>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TagRow {
    pub full_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    pub key: String,
    pub value: String,
}
