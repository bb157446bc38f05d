//! Wire types of the compute service: warehouses, their configuration, nodes.

use crate::ids::{NodeId, WarehouseId, WorkspaceId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What a caller may set of a warehouse. Create: absent means the default. Edit: absent means as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct WarehouseRequest {
    pub name: Option<String>,
    /// `2X-Small`, `X-Small`, `Small`, `Medium`, `Large`, `X-Large`, `2X-Large` … `5X-Large`.
    pub cluster_size: Option<String>,
    pub min_num_clusters: Option<i64>,
    pub max_num_clusters: Option<i64>,
    /// Minutes without a statement after which it stops; 0 = never.
    pub auto_stop_mins: Option<i64>,
    /// `CLASSIC` or `PRO`.
    pub warehouse_type: Option<String>,
    pub enable_serverless_compute: Option<bool>,
    pub enable_photon: Option<bool>,
    /// `COST_OPTIMIZED` or `RELIABILITY_OPTIMIZED`.
    pub spot_instance_policy: Option<String>,
    pub channel: Option<WarehouseChannel>,
    pub tags: Option<WarehouseTags>,
    pub instance_profile_arn: Option<String>,
    /// Seconds.
    pub statement_timeout: Option<i64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WarehouseChannel {
    /// `CHANNEL_NAME_CURRENT`, `CHANNEL_NAME_PREVIEW`, `CHANNEL_NAME_PREVIOUS` or `CHANNEL_NAME_CUSTOM`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dbsql_version: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WarehouseTags {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub custom_tags: Vec<KeyValue>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyValue {
    #[serde(default)]
    pub key: String,
    #[serde(default)]
    pub value: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WarehouseCreated {
    pub id: WarehouseId,
}

/// An answer without content: `{}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct Empty {}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WarehouseState {
    Starting,
    Running,
    Stopping,
    Stopped,
    Deleting,
    Deleted,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WarehouseInfo {
    pub id: WarehouseId,
    pub name: String,
    pub cluster_size: String,
    pub min_num_clusters: i64,
    pub max_num_clusters: i64,
    pub auto_stop_mins: i64,
    pub warehouse_type: String,
    pub enable_serverless_compute: bool,
    pub enable_photon: bool,
    pub spot_instance_policy: String,
    pub channel: WarehouseChannel,
    pub tags: WarehouseTags,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_profile_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement_timeout: Option<i64>,
    pub creator_name: String,
    pub state: WarehouseState,
    pub num_clusters: i64,
    pub num_active_sessions: i64,
    pub jdbc_url: String,
    pub odbc_params: OdbcParams,
    pub health: WarehouseHealth,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OdbcParams {
    pub hostname: String,
    pub path: String,
    pub port: u16,
    pub protocol: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WarehouseHealth {
    /// `HEALTHY`, `DEGRADED` or `FAILED`.
    pub status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<TerminationReason>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TerminationReason {
    pub code: String,
    /// `CLIENT_ERROR`, `CLOUD_FAILURE`, `SERVICE_FAULT` or `SUCCESS`.
    #[serde(rename = "type")]
    pub kind: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct WarehouseList {
    pub warehouses: Vec<WarehouseInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// The same list under the name it had when warehouses were called endpoints.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct EndpointList {
    pub endpoints: Vec<WarehouseInfo>,
    pub warehouses: Vec<WarehouseInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Rules for all warehouses of a workspace.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WarehouseConfig {
    /// `NONE`, `DATA_ACCESS_CONTROL` or `PASSTHROUGH`.
    #[serde(default = "data_access_control")]
    pub security_policy: String,
    #[serde(default)]
    pub data_access_config: Vec<KeyValue>,
    #[serde(default)]
    pub sql_configuration_parameters: ConfigurationPairs,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_profile_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub google_service_account: Option<String>,
    #[serde(default = "all_types")]
    pub enabled_warehouse_types: Vec<WarehouseTypeEnabled>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<WarehouseChannel>,
    #[serde(default = "yes")]
    pub enable_serverless_compute: bool,
}

impl Default for WarehouseConfig {
    fn default() -> Self {
        Self {
            security_policy: data_access_control(),
            data_access_config: Vec::new(),
            sql_configuration_parameters: ConfigurationPairs::default(),
            instance_profile_arn: None,
            google_service_account: None,
            enabled_warehouse_types: all_types(),
            channel: None,
            enable_serverless_compute: true,
        }
    }
}

fn data_access_control() -> String {
    "DATA_ACCESS_CONTROL".into()
}

fn all_types() -> Vec<WarehouseTypeEnabled> {
    ["CLASSIC", "PRO"]
        .map(|name| WarehouseTypeEnabled { warehouse_type: name.into(), enabled: true })
        .into()
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigurationPairs {
    #[serde(default)]
    pub configuration_pairs: Vec<KeyValue>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WarehouseTypeEnabled {
    pub warehouse_type: String,
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// Which warehouse a user's SQL runs on when the user names none.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DefaultWarehouseOverride {
    /// `default-warehouse-overrides/<user id>`
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub default_warehouse_override_id: String,
    /// `LAST_SELECTED` or `CUSTOM`.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warehouse_id: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct DefaultWarehouseOverrideList {
    pub default_warehouse_overrides: Vec<DefaultWarehouseOverride>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// A warehouse as older BI tools see it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DataSource {
    /// Not the warehouse's id.
    pub id: String,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub syntax: String,
    pub paused: i64,
    pub supports_auto_limit: bool,
    pub view_only: bool,
    pub warehouse_id: WarehouseId,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NodeInfo {
    pub id: NodeId,
    /// Nodes of one host share it: an agent, and the one that takes over from it.
    pub host_id: NodeId,
    /// A node that does not renew it until then is refused.
    pub certificate_expires_at: i64,
    pub version: String,
    pub connected: bool,
    /// What stands between sandboxes there: `full`, `degraded` (one workspace at a time) or `none`.
    pub isolation: String,
    /// Empty: of every region.
    pub region: String,
    pub labels: BTreeMap<String, String>,
    pub state: NodeState,
    /// Why isolation is not `full`.
    pub isolation_reasons: Vec<String>,
    /// The operator wants nothing more there.
    pub draining: bool,
    /// Its agent was told to end: it takes nothing new and ends when nothing runs on it.
    pub leaving: bool,
    pub cpus: i64,
    pub memory_bytes: i64,
    /// Known while it is connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_available_bytes: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load1: Option<f32>,
    /// Engines started ahead that belong to nobody yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prestarted: Option<i64>,
    /// The version of the interpreter for code of users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Of a connected one, its last heartbeat.
    pub last_seen_at: i64,
    pub sandboxes: Vec<NodeSandbox>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NodeSandbox {
    pub sandbox_id: String,
    pub kind: SandboxKind,
    pub workspace_id: WorkspaceId,
    /// Of an engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warehouse_id: Option<WarehouseId>,
    pub created_at: i64,
    /// What it may use.
    pub cpu_millis: i64,
    pub memory_bytes_max: i64,
    /// From here on: known since the first heartbeat of its node that spoke of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<i64>,
    /// Since it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<i64>,
    /// Processors kept busy between the last two heartbeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_cores: Option<f32>,
    /// To the internet, since it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<SandboxTraffic>,
    /// To object storage, since it began; code has no such door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<SandboxTraffic>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SandboxKind {
    /// Of a warehouse.
    Engine,
    /// Interpreters of a user.
    Code,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SandboxTraffic {
    pub bytes_sent: i64,
    pub bytes_received: i64,
    /// Connections (storage: requests) let through, and those refused.
    pub allowed: i64,
    pub denied: i64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct NodeList {
    pub nodes: Vec<NodeInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NodeState {
    Ready,
    /// It takes nothing new.
    Draining,
    /// It is not connected.
    Lost,
}

/// Something that happened to a warehouse.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WarehouseEvent {
    pub warehouse_id: WarehouseId,
    /// STARTING, RUNNING, SCALED_UP, SCALED_DOWN, STOPPING or STOPPED.
    pub event_type: String,
    /// Engines that served afterwards.
    pub cluster_count: i64,
    /// Milliseconds since the epoch.
    pub event_time: i64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct WarehouseEventList {
    pub events: Vec<WarehouseEvent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
