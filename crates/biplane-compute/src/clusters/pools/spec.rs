//! What a pool may be, and what clusters get from theirs.

use super::super::{own, spec as clusters, versions};
use super::store::Pool;
use crate::provider::NodeType;
use biplane_api::clusters::{AwsAttributes, ClusterSpec};
use biplane_api::pools::InstancePoolSpec;
use biplane_platform::{ApiError, Result};

const NAME_CHARS_MAX: usize = 100;
const IDLE_MAX: i64 = 100;
const CAPACITY_MAX: i64 = 10_000;
const MINUTES_MAX: i64 = 10_000;
const MINUTES_DEFAULT: i64 = 60;

/// The specification as it holds.
pub(super) fn complete(asked: &InstancePoolSpec, types: &[NodeType]) -> Result<InstancePoolSpec> {
    refuse(asked)?;
    let mut spec = asked.clone();
    let name = asked.instance_pool_name.as_deref().unwrap_or_default().trim();
    if !(1..=NAME_CHARS_MAX).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return Err(ApiError::invalid(format!(
            "instance_pool_name has 1 to {NAME_CHARS_MAX} printable characters."
        )));
    }
    spec.instance_pool_name = Some(name.to_owned());
    let node_type = asked.node_type_id.as_deref().unwrap_or_default();
    match node_type {
        "" => return Err(ApiError::invalid("Missing required field 'node_type_id'.")),
        own if own::is_own(own) => {
            return Err(ApiError::unsupported(
                "A pool of the workspace's own machines (they are there already, and clusters take them directly)",
            ));
        }
        other if !types.iter().any(|known| known.node_type_id == other) => {
            return Err(ApiError::invalid(format!("Node type {other:.64} is not supported.")));
        }
        _ => {}
    }
    let least = *spec.min_idle_instances.get_or_insert(0);
    if !(0..=IDLE_MAX).contains(&least) {
        return Err(ApiError::invalid(format!("min_idle_instances is between 0 and {IDLE_MAX}.")));
    }
    if spec.max_capacity.is_some_and(|most| !(1..=CAPACITY_MAX).contains(&most)) {
        return Err(ApiError::invalid(format!("max_capacity is between 1 and {CAPACITY_MAX}.")));
    }
    if spec.max_capacity.is_some_and(|most| most < least) {
        return Err(ApiError::invalid("min_idle_instances must not be greater than max_capacity."));
    }
    let minutes = *spec.idle_instance_autotermination_minutes.get_or_insert(MINUTES_DEFAULT);
    if !(0..=MINUTES_MAX).contains(&minutes) {
        return Err(ApiError::invalid(format!(
            "idle_instance_autotermination_minutes is between 0 and {MINUTES_MAX}."
        )));
    }
    clusters::tags_check(spec.custom_tags.as_ref())?;
    let aws = clusters::attributes(&attributes(&spec))?;
    clusters::bid_check(&aws, &[node_type], types)?;
    if let Some(attributes) = &mut spec.aws_attributes {
        attributes.availability = aws.availability;
        attributes.zone_id = aws.zone_id;
    }
    spec.enable_elastic_disk.get_or_insert(false);
    Ok(spec)
}

fn refuse(asked: &InstancePoolSpec) -> Result<()> {
    if asked.preloaded_docker_images.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(ApiError::unsupported("preloaded_docker_images of a pool"));
    }
    let disk = asked.disk_spec.clone().unwrap_or_default();
    let azure = disk.disk_type.unwrap_or_default().azure_disk_volume_type;
    let (given, some) = (clusters::given, clusters::some);
    let unsupported = [
        (given(&asked.node_type_flexibility), "node_type_flexibility"),
        (given(&asked.azure_attributes), "azure_attributes (its hosts are not in Azure)"),
        (given(&asked.gcp_attributes), "gcp_attributes (its hosts are not in Google Cloud)"),
        (some(asked.remote_disk_throughput), "remote_disk_throughput"),
        (some(asked.total_initial_remote_disk_size), "total_initial_remote_disk_size"),
        (some(disk.disk_iops), "disk_iops"),
        (some(disk.disk_throughput), "disk_throughput"),
        (azure.is_some_and(|kind| !kind.is_empty()), "azure_disk_volume_type"),
    ];
    if let Some((_, what)) = unsupported.iter().find(|(asked, _)| *asked) {
        return Err(ApiError::unsupported(format!("{what} of a pool")));
    }
    let preloaded = asked.preloaded_spark_versions.as_deref().unwrap_or_default();
    if preloaded.len() > 1 {
        return Err(ApiError::invalid("preloaded_spark_versions has at most one version."));
    }
    match preloaded.iter().find(|version| !versions::known(version)) {
        Some(version) => Err(ApiError::invalid(format!("Invalid spark version {version:.64}."))),
        None => Ok(()),
    }
}

/// How its hosts are ordered, in the words of clusters.
pub(super) fn attributes(spec: &InstancePoolSpec) -> AwsAttributes {
    let aws = spec.aws_attributes.clone().unwrap_or_default();
    let disk = spec.disk_spec.clone().unwrap_or_default();
    AwsAttributes {
        availability: aws.availability,
        zone_id: aws.zone_id,
        instance_profile_arn: aws.instance_profile_arn,
        spot_bid_price_percent: aws.spot_bid_price_percent,
        ebs_volume_type: disk.disk_type.and_then(|kind| kind.ebs_volume_type),
        ebs_volume_count: disk.disk_count,
        ebs_volume_size: disk.disk_size,
        ..AwsAttributes::default()
    }
}

/// A cluster's specification with the node types of its pools, which say how its hosts are.
pub(crate) fn pooled(
    asked: &ClusterSpec,
    workers: Option<&Pool>,
    driver: Option<&Pool>,
) -> Result<ClusterSpec> {
    let mut spec = asked.clone();
    let Some(workers) = workers else {
        return match driver {
            Some(_) => Err(ApiError::invalid(
                "driver_instance_pool_id goes with an instance_pool_id for the workers.",
            )),
            None => Ok(spec),
        };
    };
    let driver = driver.unwrap_or(workers);
    let supplied = |field: &str| {
        ApiError::invalid(format!(
            "The field '{field}' cannot be supplied when an instance pool ID is provided."
        ))
    };
    for (field, given, pool) in [
        ("node_type_id", &mut spec.node_type_id, workers),
        ("driver_node_type_id", &mut spec.driver_node_type_id, driver),
    ] {
        match given.as_deref() {
            None | Some("") => *given = Some(pool.node_type().to_owned()),
            Some(same) if same == pool.node_type() => {}
            Some(_) => return Err(supplied(field)),
        }
    }
    if spec.aws_attributes.as_ref().is_some_and(|aws| *aws != AwsAttributes::default()) {
        return Err(supplied("aws_attributes"));
    }
    Ok(spec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn types() -> Vec<NodeType> {
        vec![NodeType { node_type_id: "small".into(), ..NodeType::default() }]
    }

    fn made(more: &Value) -> Result<InstancePoolSpec> {
        let mut spec = json!({ "instance_pool_name": "p", "node_type_id": "small" });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        complete(&serde_json::from_value(spec).unwrap(), &types())
    }

    #[test]
    fn pools_are_what_can_be_had() {
        let spec = made(&json!({})).unwrap();
        assert_eq!(spec.min_idle_instances, Some(0));
        assert_eq!(spec.idle_instance_autotermination_minutes, Some(60));
        for (more, code) in [
            (json!({ "instance_pool_name": "" }), "INVALID_PARAMETER_VALUE"),
            (json!({ "node_type_id": "" }), "INVALID_PARAMETER_VALUE"),
            (json!({ "node_type_id": "huge" }), "INVALID_PARAMETER_VALUE"),
            (json!({ "node_type_id": "own.4c-8g" }), "FEATURE_DISABLED"),
            (json!({ "min_idle_instances": -1 }), "INVALID_PARAMETER_VALUE"),
            (json!({ "min_idle_instances": 3, "max_capacity": 2 }), "INVALID_PARAMETER_VALUE"),
            (json!({ "max_capacity": 0 }), "INVALID_PARAMETER_VALUE"),
            (json!({ "idle_instance_autotermination_minutes": 10_001 }), "INVALID_PARAMETER_VALUE"),
            (json!({ "preloaded_spark_versions": ["1.0"] }), "INVALID_PARAMETER_VALUE"),
            (json!({ "preloaded_docker_images": [{}] }), "FEATURE_DISABLED"),
            (json!({ "node_type_flexibility": {} }), "FEATURE_DISABLED"),
            (
                json!({ "aws_attributes": { "spot_bid_price_percent": 50, "availability": "SPOT" } }),
                "FEATURE_DISABLED",
            ),
            (json!({ "disk_spec": { "disk_count": 2 } }), "FEATURE_DISABLED"),
            (json!({ "disk_spec": { "disk_iops": 9000 } }), "FEATURE_DISABLED"),
            (json!({ "gcp_attributes": { "local_ssd_count": 1 } }), "FEATURE_DISABLED"),
        ] {
            assert_eq!(made(&more).unwrap_err().code.as_str(), code, "{more}");
        }
    }
}
