//! Wire types of the query service: statements, SQL sessions, query history.

use crate::ids::{SqlSessionId, StatementId, WarehouseId};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// 64-bit numbers come as numbers or as strings.
fn int64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Int {
        Number(i64),
        Text(String),
    }
    match Option::<Int>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Int::Number(number)) => Ok(Some(number)),
        Some(Int::Text(text)) => text.trim().parse().map(Some).map_err(serde::de::Error::custom),
    }
}

/// A scalar as its text; JSON clients write numbers and booleans bare.
fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Option::<serde_json::Value>::deserialize(deserializer)? {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(serde_json::Value::String(text)) => Ok(Some(text)),
        Some(serde_json::Value::Number(number)) => Ok(Some(number.to_string())),
        Some(serde_json::Value::Bool(value)) => Ok(Some(value.to_string())),
        Some(_) => Err(serde::de::Error::custom("a parameter's value must be a string")),
    }
}

#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct ExecuteStatementRequest {
    pub statement: Option<String>,
    /// Needed unless `session_id` is given.
    pub warehouse_id: Option<String>,
    pub session_id: Option<String>,
    pub catalog: Option<String>,
    pub schema: Option<String>,
    #[serde(default)]
    pub parameters: Option<Vec<StatementParameter>>,
    /// `0s`, or `5s` to `50s`; `10s` when absent.
    pub wait_timeout: Option<String>,
    /// `CONTINUE` or `CANCEL`.
    pub on_wait_timeout: Option<String>,
    /// `INLINE`, `EXTERNAL_LINKS` or `INLINE_OR_EXTERNAL_LINKS`.
    pub disposition: Option<String>,
    /// `JSON_ARRAY`, `ARROW_STREAM` or `CSV`.
    pub format: Option<String>,
    /// `LZ4_FRAME` or `NONE`.
    pub result_compression: Option<String>,
    #[serde(default, deserialize_with = "int64")]
    pub row_limit: Option<i64>,
    /// Bytes.
    #[serde(default, deserialize_with = "int64")]
    pub byte_limit: Option<i64>,
    pub query_tags: Option<Vec<QueryTag>>,
}

#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct StatementParameter {
    /// Absent or null = positional.
    pub name: Option<String>,
    /// 1-based; positional parameters without it count in list order.
    #[serde(default, deserialize_with = "int64")]
    pub ordinal: Option<i64>,
    /// `STRING` when absent.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Null when absent.
    #[serde(default, deserialize_with = "scalar")]
    pub value: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct QueryTag {
    #[serde(default)]
    pub key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StatementResponse {
    pub statement_id: StatementId,
    pub status: StatementStatus,
    /// There when the statement has succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<ResultManifest>,
    /// The first chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultData>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StatementStatus {
    /// `PENDING`, `RUNNING`, `SUCCEEDED`, `FAILED`, `CANCELED` or `CLOSED`.
    pub state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ServiceError>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql_state: Option<String>,
    /// While it runs. An addition of Biplane's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<StatementProgress>,
}

/// What a statement has read so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StatementProgress {
    /// 0 to 1; absent where it cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fraction: Option<f32>,
    pub rows_read: u64,
    pub bytes_read: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ServiceError {
    /// `BAD_REQUEST`, `NOT_FOUND`, `PERMISSION_DENIED`, `DEADLINE_EXCEEDED`, …
    pub error_code: String,
    pub message: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ResultManifest {
    pub format: String,
    pub schema: ResultSchema,
    pub total_chunk_count: u64,
    #[serde(default)]
    pub chunks: Vec<ChunkInfo>,
    pub total_row_count: u64,
    pub total_byte_count: u64,
    /// Cut by `row_limit`, `byte_limit` or the server's own limit.
    pub truncated: bool,
    /// What the bytes of the chunks are: `LZ4_FRAME` or `NONE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_compression: Option<String>,
    #[serde(default)]
    pub is_volume_operation: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ResultSchema {
    pub column_count: u64,
    pub columns: Vec<ResultColumn>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ResultColumn {
    pub name: String,
    /// SQL text: `DECIMAL(10,2)`.
    pub type_text: String,
    /// `DECIMAL`, `LONG`, …
    pub type_name: String,
    pub position: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_precision: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_scale: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_interval_type: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChunkInfo {
    pub chunk_index: u64,
    pub row_offset: u64,
    pub row_count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub byte_count: Option<u64>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ResultData {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk_index: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_offset: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_count: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub byte_count: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_chunk_index: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_chunk_internal_link: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_links: Option<Vec<ExternalLink>>,
    /// An Arrow stream in Base64, compressed as the manifest says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachment: Option<String>,
    /// Rows of strings and nulls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Vec<Option<String>>>>)]
    pub data_array: Option<Vec<Vec<Option<String>>>>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ExternalLink {
    /// Fetched without an Authorization header.
    pub external_link: String,
    /// RFC 3339.
    pub expiration: String,
    pub chunk_index: u64,
    pub row_offset: u64,
    pub row_count: u64,
    pub byte_count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_chunk_index: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_chunk_internal_link: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub http_headers: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct CreateSqlSessionRequest {
    pub warehouse_id: Option<String>,
    pub catalog: Option<String>,
    pub schema: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub session_confs: Option<BTreeMap<String, serde_json::Value>>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SqlSessionInfo {
    pub session_id: SqlSessionId,
    pub warehouse_id: WarehouseId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Milliseconds since the epoch.
    pub created_at: i64,
    pub last_used_at: i64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct QueryHistoryResponse {
    pub res: Vec<QueryInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
    pub has_next_page: bool,
}

/// Times in milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct QueryInfo {
    pub query_id: StatementId,
    /// `QUEUED`, `RUNNING`, `FINISHED`, `FAILED` or `CANCELED`.
    pub status: String,
    pub query_text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement_type: Option<String>,
    pub warehouse_id: WarehouseId,
    /// The same as `warehouse_id`.
    pub endpoint_id: WarehouseId,
    pub user_id: i64,
    pub user_name: String,
    pub executed_as_user_id: i64,
    pub executed_as_user_name: String,
    pub query_start_time_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_end_time_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_end_time_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_produced: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    pub is_final: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_application: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SqlSessionId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query_tags: Vec<QueryTag>,
    /// When `include_metrics` was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<QueryMetrics>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct QueryMetrics {
    pub total_time_ms: i64,
    pub compilation_time_ms: i64,
    pub execution_time_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overloading_queue_start_timestamp: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioning_queue_start_timestamp: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_compilation_start_timestamp: Option<i64>,
    /// Waiting for a free place on the warehouse.
    pub overloading_queue_time_ms: i64,
    /// Waiting for the warehouse to start.
    pub provisioning_queue_time_ms: i64,
    pub read_bytes: i64,
    pub read_files_count: i64,
    pub pruned_files_count: i64,
    pub rows_read_count: i64,
    pub rows_produced_count: i64,
    pub network_sent_bytes: i64,
    pub spill_to_disk_bytes: i64,
    pub peak_memory_bytes: i64,
    pub result_from_cache: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct QueryProfile {
    /// A tree `{"name","detail","rows","elapsed_ms","bytes","spilled_bytes","children":[…]}`; null when
    /// the statement left none.
    #[schema(value_type = Option<Object>)]
    pub profile: Option<Box<serde_json::value::RawValue>>,
}
