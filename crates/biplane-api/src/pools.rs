//! Instance pools: hosts kept ready for clusters.

use crate::ids::InstancePoolId;
use crate::network_config::wire;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

wire!(
    /// What a caller says of a pool.
    InstancePoolSpec {
        instance_pool_name: String,
        node_type_id: String,
        min_idle_instances: i64,
        /// Of idle ones and those of clusters together; absent = no limit.
        max_capacity: i64,
        idle_instance_autotermination_minutes: i64,
        aws_attributes: InstancePoolAws,
        custom_tags: BTreeMap<String, String>,
        disk_spec: DiskSpec,
        enable_elastic_disk: bool,
        /// One at most. A host has every runtime from its start.
        preloaded_spark_versions: Vec<String>,
        #[schema(value_type = Option<Vec<Object>>)]
        preloaded_docker_images: Vec<serde_json::Value>,
        #[schema(value_type = Option<Object>)]
        node_type_flexibility: serde_json::Value,
        #[schema(value_type = Option<Object>)]
        azure_attributes: serde_json::Value,
        #[schema(value_type = Option<Object>)]
        gcp_attributes: serde_json::Value,
        remote_disk_throughput: i64,
        total_initial_remote_disk_size: i64,
    }
);
wire!(InstancePoolAws {
    /// ON_DEMAND, SPOT or SPOT_WITH_FALLBACK
    availability: String,
    zone_id: String,
    instance_profile_arn: String,
    /// 100: the price on demand is the most that is paid.
    spot_bid_price_percent: i64,
});
wire!(DiskSpec {
    disk_type: DiskType,
    disk_count: i64,
    disk_size: i64,
    disk_iops: i64,
    disk_throughput: i64,
});
wire!(DiskType {
    /// GENERAL_PURPOSE_SSD
    ebs_volume_type: String,
    azure_disk_volume_type: String,
});

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct InstancePoolEdit {
    #[serde(default)]
    pub instance_pool_id: String,
    #[serde(flatten)]
    pub spec: InstancePoolSpec,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InstancePoolCreated {
    pub instance_pool_id: InstancePoolId,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct InstancePoolNamed {
    #[serde(default)]
    pub instance_pool_id: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstancePoolStats {
    pub used_count: i64,
    pub idle_count: i64,
    pub pending_used_count: i64,
    pub pending_idle_count: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PendingInstanceError {
    pub instance_id: String,
    pub message: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct InstancePoolStatus {
    /// Why the last hosts could not be had.
    #[serde(default)]
    pub pending_instance_errors: Vec<PendingInstanceError>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InstancePool {
    pub instance_pool_id: InstancePoolId,
    #[serde(flatten)]
    pub spec: InstancePoolSpec,
    /// ACTIVE
    pub state: String,
    pub stats: InstancePoolStats,
    pub status: InstancePoolStatus,
    pub default_tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct InstancePoolList {
    pub instance_pools: Vec<InstancePool>,
}
