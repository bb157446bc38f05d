//! What a cluster may be: checked, with what was not said filled in. What could not be done is refused
//! here, by name.

use super::versions;
use crate::provider::{Availability, NodeType};
use biplane_api::clusters::{AutoScale, AwsAttributes, ClusterSpec};
use biplane_platform::{ApiError, Result};
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) const WORKERS_MAX: i64 = 100;
const NAME_CHARS_MAX: usize = 100;
const PAIRS_MAX: usize = 200;
const PAIR_CHARS_MAX: usize = 4096;
const TAGS_MAX: usize = 45;
pub(super) const SINGLE_USER: &str = "SINGLE_USER";
pub(super) const STANDARD: &str = "USER_ISOLATION";

/// The spec as it holds. `user` is who asks.
pub(super) fn complete(asked: &ClusterSpec, types: &[NodeType], user: &str) -> Result<ClusterSpec> {
    refuse(asked)?;
    let mut spec = asked.clone();
    spec.apply_policy_default_values = None;
    spec.cluster_name = Some(name(asked.cluster_name.as_deref().unwrap_or_default())?);
    let version = asked.spark_version.as_deref().unwrap_or_default();
    match version {
        "" => return Err(ApiError::invalid("Missing required field 'spark_version'.")),
        version if !versions::known(version) => {
            return Err(ApiError::invalid(format!("Invalid spark version {version:.64}.")));
        }
        _ => {}
    }
    let node_type = asked.node_type_id.as_deref().unwrap_or_default();
    if node_type.is_empty() {
        return Err(ApiError::invalid("Missing required field 'node_type_id'."));
    }
    let driver = asked.driver_node_type_id.as_deref().filter(|text| !text.is_empty());
    let driver = driver.unwrap_or(node_type);
    for wanted in [node_type, driver] {
        if !types.iter().any(|known| known.node_type_id == wanted) {
            return Err(ApiError::invalid(format!("Node type {wanted:.64} is not supported.")));
        }
    }
    spec.driver_node_type_id = Some(driver.to_owned());
    size(&mut spec)?;
    spec.autotermination_minutes =
        Some(autotermination(asked.autotermination_minutes.unwrap_or(0))?);
    mode(&mut spec, user)?;
    pairs("spark_conf", asked.spark_conf.as_ref(), PAIRS_MAX)?;
    pairs("spark_env_vars", asked.spark_env_vars.as_ref(), PAIRS_MAX)?;
    tags_check(asked.custom_tags.as_ref())?;
    environment(asked.spark_env_vars.as_ref())?;
    super::environment::check(asked)?;
    super::scripts::check(asked)?;
    super::deliver::destination(asked)?;
    if let Some(aws) = &asked.aws_attributes {
        let aws = attributes(aws)?;
        bid_check(&aws, &[node_type, driver], types)?;
        spec.aws_attributes = Some(aws);
    }
    spec.enable_elastic_disk.get_or_insert(false);
    spec.enable_local_disk_encryption.get_or_insert(false);
    Ok(spec)
}

/// Said, and not as nothing.
pub(super) fn given(value: &Option<Value>) -> bool {
    value.as_ref().is_some_and(|value| !value.is_null())
}

pub(super) fn some(number: Option<i64>) -> bool {
    number.is_some_and(|number| number != 0)
}

fn refuse(asked: &ClusterSpec) -> Result<()> {
    let unsupported = [
        (given(&asked.docker_image), "docker_image"),
        (given(&asked.driver_node_type_flexibility), "driver_node_type_flexibility"),
        (given(&asked.worker_node_type_flexibility), "worker_node_type_flexibility"),
        (asked.ssh_public_keys.as_ref().is_some_and(|keys| !keys.is_empty()), "ssh_public_keys"),
        (asked.use_ml_runtime == Some(true), "use_ml_runtime"),
        (given(&asked.azure_attributes), "azure_attributes (its hosts are not in Azure)"),
        (given(&asked.gcp_attributes), "gcp_attributes (its hosts are not in Google Cloud)"),
        (some(asked.remote_disk_throughput), "remote_disk_throughput"),
        (some(asked.total_initial_remote_disk_size), "total_initial_remote_disk_size"),
    ];
    if let Some((_, what)) = unsupported.iter().find(|(asked, _)| *asked) {
        return Err(ApiError::unsupported(format!("{what} of a cluster")));
    }
    match asked.dependency_mode.as_deref() {
        None | Some("" | "DEPENDENCY_MODE_AUTO" | "DEPENDENCY_MODE_CLUSTER_LIBRARIES") => {}
        Some("DEPENDENCY_MODE_ENVIRONMENTS") => {
            return Err(ApiError::unsupported("The dependency_mode DEPENDENCY_MODE_ENVIRONMENTS"));
        }
        Some(other) => {
            return Err(ApiError::invalid(format!("{other:.64} is no dependency_mode.")));
        }
    }
    match asked.runtime_engine.as_deref() {
        None | Some("" | "NULL" | "STANDARD") => {}
        Some("PHOTON") => return Err(ApiError::unsupported("The runtime engine PHOTON")),
        Some(_) => return Err(ApiError::invalid("runtime_engine is STANDARD or PHOTON.")),
    }
    match asked.kind.as_deref() {
        None | Some("" | "CLASSIC_PREVIEW") => Ok(()),
        Some(_) => Err(ApiError::invalid("kind is CLASSIC_PREVIEW.")),
    }
}

fn name(text: &str) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > NAME_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(ApiError::invalid(format!(
            "cluster_name has at most {NAME_CHARS_MAX} printable characters."
        )));
    }
    Ok(text.to_owned())
}

fn size(spec: &mut ClusterSpec) -> Result<()> {
    if spec.is_single_node == Some(true) {
        if spec.autoscale.is_some() || spec.num_workers.is_some_and(|workers| workers != 0) {
            return Err(ApiError::invalid("A single node cluster has no workers."));
        }
        spec.num_workers = Some(0);
        return Ok(());
    }
    match (spec.num_workers, &spec.autoscale) {
        (Some(workers), None) => workers_check(workers),
        (None, Some(autoscale)) => autoscale_check(autoscale),
        _ => Err(ApiError::invalid("Exactly one of num_workers and autoscale must be given.")),
    }
}

pub(super) fn workers_check(workers: i64) -> Result<()> {
    match (0..=WORKERS_MAX).contains(&workers) {
        true => Ok(()),
        false => Err(ApiError::invalid(format!("num_workers is between 0 and {WORKERS_MAX}."))),
    }
}

pub(super) fn autoscale_check(autoscale: &AutoScale) -> Result<()> {
    let (least, most) = (autoscale.min_workers.unwrap_or(0), autoscale.max_workers.unwrap_or(0));
    match 0 <= least && least <= most && (1..=WORKERS_MAX).contains(&most) {
        true => Ok(()),
        false => Err(ApiError::invalid(format!(
            "autoscale has min_workers of at least 0, and max_workers between that and {WORKERS_MAX}."
        ))),
    }
}

fn autotermination(minutes: i64) -> Result<i64> {
    match minutes {
        0 | 10..=10_000 => Ok(minutes),
        _ => Err(ApiError::invalid(
            "autotermination_minutes is between 10 and 10000, or 0 for never.",
        )),
    }
}

fn mode(spec: &mut ClusterSpec, user: &str) -> Result<()> {
    let single = spec.single_user_name.clone().filter(|name| !name.is_empty());
    let mode = spec.data_security_mode.clone().unwrap_or_default();
    let mode = match (mode.as_str(), &single) {
        ("" | "DATA_SECURITY_MODE_AUTO", Some(_)) => SINGLE_USER,
        ("" | "DATA_SECURITY_MODE_AUTO", None) => STANDARD,
        ("SINGLE_USER" | "DATA_SECURITY_MODE_DEDICATED", _) => SINGLE_USER,
        ("USER_ISOLATION" | "DATA_SECURITY_MODE_STANDARD", _) => STANDARD,
        ("NONE", _) => {
            return Err(ApiError::unsupported(
                "The data_security_mode NONE (without isolation of users)",
            ));
        }
        (legacy, _) if legacy.starts_with("LEGACY_") => {
            return Err(ApiError::unsupported(format!("The data_security_mode {legacy:.64}")));
        }
        (other, _) => {
            return Err(ApiError::invalid(format!("{other:.64} is no data_security_mode.")));
        }
    };
    if mode == STANDARD && single.is_some() {
        return Err(ApiError::invalid("single_user_name goes with the mode SINGLE_USER."));
    }
    spec.single_user_name =
        (mode == SINGLE_USER).then(|| single.unwrap_or_else(|| user.to_owned()));
    spec.data_security_mode = Some(mode.into());
    Ok(())
}

fn pairs(what: &str, pairs: Option<&BTreeMap<String, String>>, most: usize) -> Result<()> {
    let Some(pairs) = pairs else { return Ok(()) };
    if pairs.len() > most {
        return Err(ApiError::invalid(format!("{what} has at most {most} entries.")));
    }
    let long = |text: &str| text.len() > PAIR_CHARS_MAX;
    match pairs.iter().any(|(key, value)| key.is_empty() || long(key) || long(value)) {
        true => Err(ApiError::invalid(format!("{what} has an entry that is empty or too long."))),
        false => Ok(()),
    }
}

pub(super) fn tags_check(tags: Option<&BTreeMap<String, String>>) -> Result<()> {
    pairs("custom_tags", tags, TAGS_MAX)
}

fn environment(variables: Option<&BTreeMap<String, String>>) -> Result<()> {
    for name in variables.into_iter().flat_map(BTreeMap::keys) {
        let well = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !name.chars().all(well) || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(ApiError::invalid(format!("{name:.64} is no name of a variable.")));
        }
    }
    Ok(())
}

pub(super) fn attributes(asked: &AwsAttributes) -> Result<AwsAttributes> {
    let mut aws = asked.clone();
    let availability = aws.availability.get_or_insert_with(|| "ON_DEMAND".into());
    if availability_of(availability).is_none() {
        return Err(ApiError::invalid("availability is ON_DEMAND, SPOT or SPOT_WITH_FALLBACK."));
    }
    if aws.spot_bid_price_percent.is_some_and(|percent| !(1..=10_000).contains(&percent)) {
        return Err(ApiError::invalid("spot_bid_price_percent is between 1 and 10000."));
    }
    if aws.first_on_demand.is_some_and(|hosts| hosts < 0) {
        return Err(ApiError::invalid("first_on_demand must not be negative."));
    }
    match aws.ebs_volume_type.as_deref() {
        None | Some("" | "GENERAL_PURPOSE_SSD") => {}
        Some("THROUGHPUT_OPTIMIZED_HDD") => {
            return Err(ApiError::unsupported("The ebs_volume_type THROUGHPUT_OPTIMIZED_HDD"));
        }
        Some(_) => {
            return Err(ApiError::invalid(
                "ebs_volume_type is GENERAL_PURPOSE_SSD or THROUGHPUT_OPTIMIZED_HDD.",
            ));
        }
    }
    if aws.ebs_volume_iops.is_some_and(|iops| iops != 0) {
        return Err(ApiError::unsupported("ebs_volume_iops of a cluster"));
    }
    if aws.ebs_volume_throughput.is_some_and(|throughput| throughput != 0) {
        return Err(ApiError::unsupported("ebs_volume_throughput of a cluster"));
    }
    if aws.ebs_volume_count.is_some_and(|count| count > 1) {
        return Err(ApiError::unsupported("More than one EBS volume per host"));
    }
    if aws.ebs_volume_size.is_some_and(|size| !(1..=16_384).contains(&size)) {
        return Err(ApiError::invalid("ebs_volume_size is between 1 and 16384 GiB."));
    }
    aws.zone_id.get_or_insert_with(|| "auto".into());
    Ok(aws)
}

/// EC2 bids the price on demand when nothing is said, which is 100 %.
pub(super) fn bid(aws: &AwsAttributes) -> Option<u32> {
    let percent = aws.spot_bid_price_percent.filter(|percent| *percent != 100)?;
    u32::try_from(percent).ok()
}

/// A bid is a part of a price on demand, which has to be known.
pub(super) fn bid_check(aws: &AwsAttributes, wanted: &[&str], types: &[NodeType]) -> Result<()> {
    let Some(percent) = bid(aws).filter(|_| aws.availability.as_deref() != Some("ON_DEMAND"))
    else {
        return Ok(());
    };
    let priced =
        |id: &&&str| types.iter().any(|known| known.node_type_id == ***id && known.price.is_some());
    match wanted.iter().find(|id| !priced(id)) {
        None => Ok(()),
        Some(id) => Err(ApiError::unsupported(format!(
            "The spot_bid_price_percent {percent} of {id:.64}, whose price on demand this server is not told \
             (an operator does, with --aws-price; 100 needs no price)"
        ))),
    }
}

pub(super) fn availability_of(text: &str) -> Option<Availability> {
    match text {
        "ON_DEMAND" => Some(Availability::OnDemand),
        "SPOT" => Some(Availability::Spot),
        "SPOT_WITH_FALLBACK" => Some(Availability::SpotWithFallback),
        _ => None,
    }
}

/// With how many workers it begins.
pub(super) fn first_workers(spec: &ClusterSpec) -> i64 {
    match &spec.autoscale {
        Some(autoscale) => autoscale.min_workers.unwrap_or(0),
        None => spec.num_workers.unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn types() -> Vec<NodeType> {
        vec![NodeType { node_type_id: "small".into(), ..NodeType::default() }]
    }

    fn asked() -> ClusterSpec {
        ClusterSpec {
            spark_version: Some("16.4.x-scala2.12".into()),
            node_type_id: Some("small".into()),
            num_workers: Some(0),
            ..ClusterSpec::default()
        }
    }

    fn refused(change: impl FnOnce(&mut ClusterSpec)) -> &'static str {
        let mut spec = asked();
        change(&mut spec);
        complete(&spec, &types(), "me").unwrap_err().code.as_str()
    }

    #[test]
    fn what_is_not_said_is_filled_in() {
        let spec = complete(&asked(), &types(), "me").unwrap();
        assert_eq!(spec.driver_node_type_id.as_deref(), Some("small"));
        assert_eq!(spec.data_security_mode.as_deref(), Some(STANDARD));
        assert_eq!(spec.autotermination_minutes, Some(0));
        let mut dedicated = asked();
        dedicated.data_security_mode = Some("DATA_SECURITY_MODE_DEDICATED".into());
        let spec = complete(&dedicated, &types(), "me").unwrap();
        assert_eq!(spec.single_user_name.as_deref(), Some("me"));
    }

    #[test]
    fn what_is_wrong_or_cannot_be_done_is_refused() {
        assert_eq!(refused(|s| s.spark_version = None), "INVALID_PARAMETER_VALUE");
        assert_eq!(refused(|s| s.spark_version = Some("1.0".into())), "INVALID_PARAMETER_VALUE");
        assert_eq!(refused(|s| s.node_type_id = Some("x".into())), "INVALID_PARAMETER_VALUE");
        assert_eq!(refused(|s| s.num_workers = None), "INVALID_PARAMETER_VALUE");
        assert_eq!(refused(|s| s.num_workers = Some(-1)), "INVALID_PARAMETER_VALUE");
        assert_eq!(refused(|s| s.autotermination_minutes = Some(3)), "INVALID_PARAMETER_VALUE");
        assert_eq!(refused(|s| s.data_security_mode = Some("NONE".into())), "FEATURE_DISABLED");
        assert_eq!(refused(|s| s.runtime_engine = Some("PHOTON".into())), "FEATURE_DISABLED");
        assert_eq!(
            refused(|s| s.ssh_public_keys = Some(vec!["ssh-rsa".into()])),
            "FEATURE_DISABLED"
        );
        let other = || Some(json!({ "alternate_node_type_ids": ["large"] }));
        assert_eq!(refused(|s| s.driver_node_type_flexibility = other()), "FEATURE_DISABLED");
        assert_eq!(refused(|s| s.worker_node_type_flexibility = other()), "FEATURE_DISABLED");
        assert_eq!(refused(|s| s.azure_attributes = other()), "FEATURE_DISABLED");
        assert_eq!(refused(|s| s.gcp_attributes = other()), "FEATURE_DISABLED");
        assert_eq!(refused(|s| s.remote_disk_throughput = Some(1)), "FEATURE_DISABLED");
        assert_eq!(refused(|s| s.dependency_mode = Some("x".into())), "INVALID_PARAMETER_VALUE");
    }

    #[test]
    fn hosts_are_as_they_were_asked_for_or_refused() {
        let aws = |attributes: serde_json::Value| {
            let mut spec = asked();
            spec.aws_attributes = Some(serde_json::from_value(attributes).unwrap());
            complete(&spec, &types(), "me").map_err(|error| error.code.as_str())
        };
        for (attributes, code) in [
            (json!({ "spot_bid_price_percent": 50, "availability": "SPOT" }), "FEATURE_DISABLED"),
            (json!({ "spot_bid_price_percent": 0 }), "INVALID_PARAMETER_VALUE"),
            (json!({ "ebs_volume_type": "THROUGHPUT_OPTIMIZED_HDD" }), "FEATURE_DISABLED"),
            (json!({ "ebs_volume_type": "TAPE" }), "INVALID_PARAMETER_VALUE"),
            (json!({ "ebs_volume_iops": 9000 }), "FEATURE_DISABLED"),
            (json!({ "ebs_volume_throughput": 500 }), "FEATURE_DISABLED"),
        ] {
            assert_eq!(aws(attributes.clone()).unwrap_err(), code, "{attributes}");
        }
        let usual = json!({
            "availability": "SPOT_WITH_FALLBACK",
            "spot_bid_price_percent": 100,
            "ebs_volume_type": "GENERAL_PURPOSE_SSD",
            "ebs_volume_size": 100,
        });
        let kept = aws(usual).unwrap().aws_attributes.unwrap();
        assert_eq!((kept.spot_bid_price_percent, bid(&kept)), (Some(100), None));
    }

    #[test]
    fn a_bid_is_a_part_of_a_known_price() {
        let mut spec = asked();
        spec.aws_attributes = Some(AwsAttributes {
            availability: Some("SPOT".into()),
            spot_bid_price_percent: Some(60),
            ..AwsAttributes::default()
        });
        let mut types = types();
        let error = complete(&spec, &types, "me").unwrap_err();
        assert!(error.message.contains("--aws-price"), "{}", error.message);
        types[0].price = Some(0.1);
        let kept = complete(&spec, &types, "me").unwrap().aws_attributes.unwrap();
        assert_eq!(bid(&kept), Some(60));
        // The driver's type as well.
        types.push(NodeType { node_type_id: "large".into(), ..NodeType::default() });
        spec.driver_node_type_id = Some("large".into());
        assert_eq!(complete(&spec, &types, "me").unwrap_err().code.as_str(), "FEATURE_DISABLED");
        spec.aws_attributes.as_mut().unwrap().availability = None;
        assert!(complete(&spec, &types, "me").is_ok());
    }
}
