//! Clusters: classic compute, one or more hosts that belong to one cluster.

use crate::ids::ClusterId;
use crate::network_config::wire;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

wire!(
    /// What a caller says of a cluster.
    ClusterSpec {
        cluster_name: String,
        spark_version: String,
        node_type_id: String,
        driver_node_type_id: String,
        num_workers: i64,
        autoscale: AutoScale,
        /// 0 = never.
        autotermination_minutes: i64,
        spark_conf: BTreeMap<String, String>,
        spark_env_vars: BTreeMap<String, String>,
        custom_tags: BTreeMap<String, String>,
        aws_attributes: AwsAttributes,
        instance_pool_id: String,
        driver_instance_pool_id: String,
        policy_id: String,
        apply_policy_default_values: bool,
        /// SINGLE_USER (also DATA_SECURITY_MODE_DEDICATED) or USER_ISOLATION (also DATA_SECURITY_MODE_STANDARD and …_AUTO)
        data_security_mode: String,
        single_user_name: String,
        /// STANDARD
        runtime_engine: String,
        is_single_node: bool,
        /// CLASSIC_PREVIEW
        kind: String,
        use_ml_runtime: bool,
        enable_elastic_disk: bool,
        enable_local_disk_encryption: bool,
        workload_type: WorkloadType,
        #[schema(value_type = Option<Vec<Object>>)]
        init_scripts: Vec<serde_json::Value>,
        #[schema(value_type = Option<Object>)]
        cluster_log_conf: serde_json::Value,
        #[schema(value_type = Option<Object>)]
        docker_image: serde_json::Value,
        ssh_public_keys: Vec<String>,
        #[schema(value_type = Option<Object>)]
        driver_node_type_flexibility: serde_json::Value,
        #[schema(value_type = Option<Object>)]
        worker_node_type_flexibility: serde_json::Value,
        /// DEPENDENCY_MODE_AUTO or DEPENDENCY_MODE_CLUSTER_LIBRARIES
        dependency_mode: String,
        #[schema(value_type = Option<Object>)]
        azure_attributes: serde_json::Value,
        #[schema(value_type = Option<Object>)]
        gcp_attributes: serde_json::Value,
        remote_disk_throughput: i64,
        total_initial_remote_disk_size: i64,
    }
);
wire!(AutoScale { min_workers: i64, max_workers: i64 });
wire!(WorkloadType { clients: ClientsTypes });
wire!(ClientsTypes { jobs: bool, notebooks: bool });
wire!(AwsAttributes {
    /// ON_DEMAND, SPOT or SPOT_WITH_FALLBACK
    availability: String,
    zone_id: String,
    first_on_demand: i64,
    /// 100: the price on demand is the most that is paid.
    spot_bid_price_percent: i64,
    instance_profile_arn: String,
    /// GENERAL_PURPOSE_SSD
    ebs_volume_type: String,
    ebs_volume_count: i64,
    ebs_volume_size: i64,
    ebs_volume_iops: i64,
    ebs_volume_throughput: i64,
});

/// Create. Cloning takes everything that is not said here from another cluster.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ClusterCreate {
    #[serde(flatten)]
    pub spec: ClusterSpec,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clone_from: Option<CloneFrom>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct CloneFrom {
    #[serde(default)]
    pub source_cluster_id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ClusterCreated {
    pub cluster_id: ClusterId,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ClusterEdit {
    #[serde(default)]
    pub cluster_id: String,
    #[serde(flatten)]
    pub spec: ClusterSpec,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ClusterUpdate {
    #[serde(default)]
    pub cluster_id: String,
    /// Names of fields of `cluster`, or `*`.
    #[serde(default)]
    pub update_mask: String,
    #[serde(default)]
    pub cluster: ClusterSpec,
}

/// Start, restart, delete, permanent-delete, pin and unpin.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ClusterNamed {
    #[serde(default)]
    pub cluster_id: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ClusterResize {
    #[serde(default)]
    pub cluster_id: String,
    pub num_workers: Option<i64>,
    pub autoscale: Option<AutoScale>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ClusterOwner {
    #[serde(default)]
    pub cluster_id: String,
    #[serde(default)]
    pub owner_username: String,
}

wire!(
    /// How the last delivery of logs went.
    ClusterLogStatus { last_attempted: i64, last_exception: String }
);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClusterLogStream {
    #[default]
    Stdout,
    Stderr,
    Log4j,
}

/// What was written from a cursor on.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ClusterLogPiece {
    /// A piece with another number is of another log, which begins anew.
    pub log_id: i64,
    pub text: String,
    /// Where the next piece begins.
    pub cursor: i64,
    /// What was before this piece is not kept any more.
    pub skipped: bool,
    /// There is more already.
    pub more: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClusterState {
    Pending,
    Running,
    Restarting,
    Resizing,
    Terminating,
    Terminated,
    Error,
    Unknown,
}

impl ClusterState {
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Running,
        Self::Restarting,
        Self::Resizing,
        Self::Terminating,
        Self::Terminated,
        Self::Error,
        Self::Unknown,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Restarting => "RESTARTING",
            Self::Resizing => "RESIZING",
            Self::Terminating => "TERMINATING",
            Self::Terminated => "TERMINATED",
            Self::Error => "ERROR",
            Self::Unknown => "UNKNOWN",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// Why a cluster ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterTermination {
    /// `USER_REQUEST`, `INACTIVITY`, `BOOTSTRAP_TIMEOUT` …
    pub code: String,
    /// SUCCESS, CLIENT_ERROR, SERVICE_FAULT or CLOUD_FAILURE
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
}

wire!(SparkNode {
    node_id: String,
    /// As the provider calls the host.
    instance_id: String,
    private_ip: String,
    host_private_ip: String,
    public_dns: String,
    start_timestamp: i64,
    node_aws_attributes: SparkNodeAws,
});
wire!(SparkNodeAws { is_spot: bool });

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ClusterInfo {
    pub cluster_id: ClusterId,
    #[serde(flatten)]
    pub effective: ClusterSpec,
    pub state: ClusterState,
    pub state_message: String,
    pub creator_user_name: String,
    /// UI, JOB or API
    pub cluster_source: String,
    pub start_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminated_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_restarted_time: Option<i64>,
    pub last_state_loss_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination_reason: Option<ClusterTermination>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<SparkNode>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub executors: Vec<SparkNode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spark_context_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_memory_mb: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_cores: Option<f64>,
    pub default_tags: BTreeMap<String, String>,
    /// As it was asked for.
    pub spec: ClusterSpec,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_log_status: Option<ClusterLogStatus>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ClusterList {
    pub clusters: Vec<ClusterInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClusterEventsRequest {
    #[serde(default)]
    pub cluster_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<i64>,
    /// DESC (the default) or ASC
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub event_types: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_token: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ClusterEvent {
    pub cluster_id: ClusterId,
    pub timestamp: i64,
    #[serde(rename = "type")]
    pub kind: String,
    #[schema(value_type = Object)]
    pub details: serde_json::Value,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ClusterEvents {
    pub events: Vec<ClusterEvent>,
    /// What to ask next; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page: Option<ClusterEventsRequest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
    pub total_count: i64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct NodeTypeInfo {
    pub node_type_id: String,
    pub memory_mb: i64,
    pub num_cores: f64,
    pub description: String,
    pub instance_type_id: String,
    pub category: String,
    pub is_deprecated: bool,
    pub is_hidden: bool,
    pub is_graviton: bool,
    pub num_gpus: i64,
    pub node_instance_type: NodeInstanceType,
    pub photon_driver_capable: bool,
    pub photon_worker_capable: bool,
    pub is_io_cache_enabled: bool,
    pub is_encrypted_in_transit: bool,
    pub support_cluster_tags: bool,
    pub support_ebs_volumes: bool,
    pub support_port_forwarding: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct NodeInstanceType {
    pub instance_type_id: String,
    pub local_disks: i64,
    pub local_disk_size_gb: i64,
    pub local_nvme_disks: i64,
    pub local_nvme_disk_size_gb: i64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct NodeTypeList {
    pub node_types: Vec<NodeTypeInfo>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ZoneList {
    pub zones: Vec<String>,
    pub default_zone: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct SparkVersion {
    pub key: String,
    pub name: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct SparkVersionList {
    pub versions: Vec<SparkVersion>,
}
