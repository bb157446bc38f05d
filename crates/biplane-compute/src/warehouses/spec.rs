//! What a warehouse is made to be, and the rules for it.

use crate::nodes::place::Given;
use biplane_api::compute::{WarehouseChannel, WarehouseConfig, WarehouseRequest, WarehouseTags};
use biplane_platform::{ApiError, Result};
use serde::{Deserialize, Serialize};

/// Size, processors, memory in GiB: what an engine of that size gets where the node has it.
const SIZES: &[(&str, u32, u64)] = &[
    ("2X-Small", 4, 8),
    ("X-Small", 8, 16),
    ("Small", 16, 32),
    ("Medium", 32, 64),
    ("Large", 64, 128),
    ("X-Large", 128, 256),
    ("2X-Large", 256, 512),
    ("3X-Large", 512, 1024),
    ("4X-Large", 1024, 2048),
    ("5X-Large", 2048, 4096),
];
const STATEMENTS_MIN: u32 = 10;
const STATEMENTS_MAX: u32 = 40;
const CLUSTERS_MAX: i64 = 40;
const MIN_CLUSTERS_MAX: i64 = 30;
const NAME_CHARS_MAX: usize = 100;
const TAGS_MAX: usize = 45;
const TAG_CHARS_MAX: usize = 256;
/// A year; longer is 0, never.
const AUTO_STOP_MINS_MAX: i64 = 525_600;
const AUTO_STOP_MINS_DEFAULT: i64 = 120;
const ARN_CHARS_MAX: usize = 2048;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spec {
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_profile_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement_timeout: Option<i64>,
}

impl Spec {
    pub fn create(request: &WarehouseRequest, config: &WarehouseConfig) -> Result<Self> {
        let serverless = request.enable_serverless_compute;
        let warehouse_type = known(request.warehouse_type.as_deref()).unwrap_or("PRO");
        let base = Self {
            cluster_size: "X-Small".into(),
            min_num_clusters: 1,
            max_num_clusters: request.min_num_clusters.unwrap_or(1).max(1),
            auto_stop_mins: AUTO_STOP_MINS_DEFAULT,
            warehouse_type: warehouse_type.into(),
            enable_serverless_compute: serverless.unwrap_or(warehouse_type == "PRO"),
            enable_photon: true,
            spot_instance_policy: "COST_OPTIMIZED".into(),
            channel: WarehouseChannel {
                name: Some("CHANNEL_NAME_CURRENT".into()),
                dbsql_version: None,
            },
            tags: WarehouseTags::default(),
            instance_profile_arn: None,
            statement_timeout: None,
        };
        base.edit(request, config)
    }

    /// This with what the request sets, checked.
    pub fn edit(mut self, request: &WarehouseRequest, config: &WarehouseConfig) -> Result<Self> {
        fn set<T: Clone>(field: &mut T, value: &Option<T>) {
            if let Some(value) = value {
                *field = value.clone();
            }
        }
        set(&mut self.cluster_size, &request.cluster_size);
        set(&mut self.min_num_clusters, &request.min_num_clusters);
        set(&mut self.max_num_clusters, &request.max_num_clusters);
        set(&mut self.auto_stop_mins, &request.auto_stop_mins);
        set(&mut self.enable_serverless_compute, &request.enable_serverless_compute);
        set(&mut self.enable_photon, &request.enable_photon);
        set(&mut self.tags, &request.tags);
        if let Some(kind) = known(request.warehouse_type.as_deref()) {
            self.warehouse_type = kind.into();
        }
        if let Some(policy) = known(request.spot_instance_policy.as_deref()) {
            self.spot_instance_policy = policy.into();
        }
        if let Some(channel) =
            request.channel.as_ref().filter(|channel| **channel != WarehouseChannel::default())
        {
            self.channel = channel.clone();
        }
        if request.instance_profile_arn.is_some() {
            self.instance_profile_arn =
                request.instance_profile_arn.clone().filter(|arn| !arn.is_empty());
        }
        if request.statement_timeout.is_some() {
            self.statement_timeout = request.statement_timeout.filter(|seconds| *seconds != 0);
        }
        self.check(config)?;
        Ok(self)
    }

    fn check(&self, config: &WarehouseConfig) -> Result<()> {
        if size(&self.cluster_size).is_none() {
            let names: Vec<&str> = SIZES.iter().map(|(name, ..)| *name).collect();
            return invalid(format!(
                "{:?} is not a cluster size. Sizes: {}.",
                short(&self.cluster_size),
                names.join(", ")
            ));
        }
        if !(1..=MIN_CLUSTERS_MAX).contains(&self.min_num_clusters) {
            return invalid(format!("min_num_clusters must be between 1 and {MIN_CLUSTERS_MAX}."));
        }
        if !(self.min_num_clusters..=CLUSTERS_MAX).contains(&self.max_num_clusters) {
            return invalid(format!(
                "max_num_clusters must be between min_num_clusters and {CLUSTERS_MAX}."
            ));
        }
        if !(0..=AUTO_STOP_MINS_MAX).contains(&self.auto_stop_mins) {
            return invalid(format!(
                "auto_stop_mins must be 0 (never) or between 1 and {AUTO_STOP_MINS_MAX}."
            ));
        }
        if self.statement_timeout.is_some_and(|seconds| !(1..=172_800).contains(&seconds)) {
            return invalid("statement_timeout must be between 1 and 172800 seconds.".into());
        }
        self.check_kind(config)?;
        self.check_texts()
    }

    fn check_kind(&self, config: &WarehouseConfig) -> Result<()> {
        match self.warehouse_type.as_str() {
            "PRO" => {}
            "CLASSIC" if self.enable_serverless_compute => {
                return invalid("Serverless compute needs warehouse_type PRO.".into());
            }
            "CLASSIC" => {}
            "REALTIME" => return Err(ApiError::unsupported("warehouse_type REALTIME")),
            other => {
                return invalid(format!(
                    "{:?} is not a warehouse type: CLASSIC or PRO.",
                    short(other)
                ));
            }
        }
        let enabled = |name: &str| {
            config
                .enabled_warehouse_types
                .iter()
                .all(|kind| kind.warehouse_type != name || kind.enabled)
        };
        match enabled(&self.warehouse_type) {
            true => Ok(()),
            false => invalid(format!(
                "Warehouses of type {} are disabled in this workspace.",
                self.warehouse_type
            )),
        }
    }

    fn check_texts(&self) -> Result<()> {
        if !["COST_OPTIMIZED", "RELIABILITY_OPTIMIZED"]
            .contains(&self.spot_instance_policy.as_str())
        {
            return invalid(format!(
                "{:?} is not a spot instance policy.",
                short(&self.spot_instance_policy)
            ));
        }
        match (self.channel.name.as_deref(), &self.channel.dbsql_version) {
            (
                Some("CHANNEL_NAME_CURRENT" | "CHANNEL_NAME_PREVIEW" | "CHANNEL_NAME_PREVIOUS")
                | None,
                None,
            ) => {}
            (Some("CHANNEL_NAME_CUSTOM"), _) | (_, Some(_)) => {
                return Err(ApiError::unsupported("A channel with a version of its own"));
            }
            (Some(other), None) => return invalid(format!("{:?} is not a channel.", short(other))),
        }
        let tags = &self.tags.custom_tags;
        let long = |text: &str| text.chars().count() > TAG_CHARS_MAX;
        if tags.len() > TAGS_MAX
            || tags.iter().any(|tag| tag.key.is_empty() || long(&tag.key) || long(&tag.value))
        {
            return invalid(format!(
                "At most {TAGS_MAX} custom tags, with keys of 1 to {TAG_CHARS_MAX} characters and values of at most {TAG_CHARS_MAX}."
            ));
        }
        if self.instance_profile_arn.as_ref().is_some_and(|arn| arn.len() > ARN_CHARS_MAX) {
            return invalid("instance_profile_arn is too long.".into());
        }
        Ok(())
    }

    /// Statements that one engine runs at a time; the others wait for it or for another.
    pub fn statements_max(&self) -> u32 {
        let (cpus, _) = size(&self.cluster_size).unwrap_or((4, 0));
        cpus.clamp(STATEMENTS_MIN, STATEMENTS_MAX)
    }

    /// What its engine is given where the node has it.
    pub fn wanted(&self) -> Given {
        let (cpus, memory_bytes) = size(&self.cluster_size).unwrap_or((4, 8 << 30));
        Given { cpu_millis: cpus * 1000, memory_bytes }
    }
}

pub(crate) fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return invalid("A SQL warehouse needs a name.".into());
    }
    if name.chars().count() >= NAME_CHARS_MAX {
        return invalid(format!(
            "The name of a SQL warehouse must have fewer than {NAME_CHARS_MAX} characters."
        ));
    }
    if name.chars().any(char::is_control) {
        return invalid("The name of a SQL warehouse must not have control characters.".into());
    }
    Ok(())
}

fn size(name: &str) -> Option<(u32, u64)> {
    SIZES.iter().find(|(known, ..)| *known == name).map(|(_, cpus, gib)| (*cpus, gib << 30))
}

/// Enums have a value that means "not given".
fn known(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.is_empty() && !value.ends_with("_UNSPECIFIED"))
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

fn invalid<T>(message: String) -> Result<T> {
    Err(ApiError::invalid(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use biplane_platform::ErrorCode;
    use serde_json::json;

    fn create(fields: serde_json::Value) -> Result<Spec> {
        Spec::create(&serde_json::from_value(fields).unwrap(), &WarehouseConfig::default())
    }

    #[test]
    fn defaults_are_those_of_the_public_api() {
        let spec = create(json!({})).unwrap();
        assert_eq!(
            (spec.auto_stop_mins, spec.min_num_clusters, spec.max_num_clusters),
            (120, 1, 1)
        );
        assert!(spec.enable_photon && spec.enable_serverless_compute);
        assert_eq!(create(json!({"min_num_clusters": 3})).unwrap().max_num_clusters, 3);
        assert!(!create(json!({"warehouse_type": "CLASSIC"})).unwrap().enable_serverless_compute);
        assert_eq!(
            create(json!({"warehouse_type": "TYPE_UNSPECIFIED"})).unwrap().warehouse_type,
            "PRO"
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (fields, code) in [
            (json!({"cluster_size": "2x-small"}), ErrorCode::InvalidParameterValue),
            (json!({"cluster_size": "'; DROP TABLE warehouses"}), ErrorCode::InvalidParameterValue),
            (json!({"min_num_clusters": 0}), ErrorCode::InvalidParameterValue),
            (
                json!({"min_num_clusters": 2, "max_num_clusters": 1}),
                ErrorCode::InvalidParameterValue,
            ),
            (json!({"max_num_clusters": 41}), ErrorCode::InvalidParameterValue),
            (json!({"auto_stop_mins": -1}), ErrorCode::InvalidParameterValue),
            (
                json!({"warehouse_type": "CLASSIC", "enable_serverless_compute": true}),
                ErrorCode::InvalidParameterValue,
            ),
            (json!({"warehouse_type": "REALTIME"}), ErrorCode::FeatureDisabled),
            (
                json!({"channel": {"name": "CHANNEL_NAME_CUSTOM", "dbsql_version": "2024.1"}}),
                ErrorCode::FeatureDisabled,
            ),
            (json!({"spot_instance_policy": "CHEAP"}), ErrorCode::InvalidParameterValue),
            (
                json!({"tags": {"custom_tags": [{"key": "", "value": "x"}]}}),
                ErrorCode::InvalidParameterValue,
            ),
        ] {
            assert_eq!(create(fields.clone()).unwrap_err().code, code, "{fields}");
        }
        assert!(check_name(&"x".repeat(100)).is_err());
        assert!(check_name(" ").is_err());
        assert!(check_name("Über 1").is_ok());
    }

    #[test]
    fn an_edit_keeps_what_it_does_not_name() {
        let before = create(json!({"cluster_size": "Small", "auto_stop_mins": 5})).unwrap();
        let edit: WarehouseRequest = serde_json::from_value(json!({"auto_stop_mins": 0})).unwrap();
        let after = before.clone().edit(&edit, &WarehouseConfig::default()).unwrap();
        assert_eq!(after, Spec { auto_stop_mins: 0, ..before });
    }
}
