//! Wire types of what is seen of compute: sandboxes, a warehouse over time, what was reached.

use crate::compute::{SandboxKind, SandboxTraffic};
use crate::ids::{NodeId, SandboxId, WarehouseId, WorkspaceId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SandboxState {
    /// Placed; its program is not connected yet.
    Starting,
    Running,
    /// It takes nothing new and ends when nothing runs in it.
    Draining,
    /// Its node is away; it comes back, or is given up.
    Lost,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SandboxInfo {
    pub sandbox_id: SandboxId,
    pub workspace_id: WorkspaceId,
    pub kind: SandboxKind,
    /// Of an engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warehouse_id: Option<WarehouseId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warehouse_name: Option<String>,
    /// Whose code it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// For admins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_id: Option<NodeId>,
    pub generation: i64,
    pub state: SandboxState,
    /// `full`, `degraded` or `none`: what stands between it and others. Known while its node is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<String>,
    /// Why it is not `full`.
    pub isolation_reasons: Vec<String>,
    pub created_at: i64,
    /// Since when its program is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<i64>,
    /// Statements in progress, and how many there may be at a time; of an engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statements: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statements_max: Option<i64>,
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

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct SandboxList {
    pub sandboxes: Vec<SandboxInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// A warehouse during one step. Nothing ran in steps that are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WarehouseSample {
    /// When the step began; milliseconds since the epoch.
    pub time: i64,
    /// The most there were at a time.
    pub engines: i64,
    pub running: i64,
    pub queued: i64,
    /// Processors kept busy, and how many its engines have; in thousandths.
    pub cpu_millis: i64,
    pub cpu_millis_max: i64,
    pub memory_bytes: i64,
    pub memory_bytes_max: i64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct WarehouseSamples {
    pub step_ms: i64,
    /// The oldest first; at most a few hundred.
    pub samples: Vec<WarehouseSample>,
}

/// Something that a sandbox tried to reach.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OutboundAccessInfo {
    pub event_id: String,
    pub event_time: i64,
    /// DENIED, ALLOWED, or DRY_RUN: let through, and would have been denied.
    pub outcome: String,
    /// DNS, IP or STORAGE.
    pub destination_type: String,
    /// A host name, an address, or `s3://` and a bucket.
    pub destination: String,
    /// 0 of storage.
    pub port: i64,
    /// In the bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A word such as `not-in-policy`; empty where it is not known.
    pub reason_code: String,
    /// The same for people.
    pub reason: String,
    /// Others like this one that were counted only.
    pub suppressed: i64,
    pub sandbox_id: String,
    /// Absent: code of a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warehouse_id: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct OutboundAccessList {
    pub accesses: Vec<OutboundAccessInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
