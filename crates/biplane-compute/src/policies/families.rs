//! The families of policies that there are, for usual kinds of work. A policy of a family has its rules,
//! and says what is to be different.

use super::rule::{Definition, object};
use biplane_api::policies::{PolicyFamily, PolicySpec};
use biplane_platform::{ApiError, Result};
use serde_json::{Value, json};

pub(super) struct Family {
    pub id: &'static str,
    pub name: &'static str,
    pub description: &'static str,
    rules: fn() -> Value,
    /// The default policy of this family is for everybody from the beginning.
    pub for_all: bool,
}

pub(super) const FAMILIES: &[Family] = &[
    Family {
        id: "personal-vm",
        name: "Personal Compute",
        description: "Use with small-to-medium data or libraries like pandas and scikit-learn. Runs on one host, for one user.",
        rules: personal,
        for_all: true,
    },
    Family {
        id: "shared-compute",
        name: "Shared Compute",
        description: "Share compute with other users for collaboration or exploring data. Users are isolated from one another.",
        rules: shared,
        for_all: false,
    },
    Family {
        id: "power-user",
        name: "Power User Compute",
        description: "For large-scale data engineering on several hosts, for one user.",
        rules: power,
        for_all: false,
    },
    Family {
        id: "job-cluster",
        name: "Job Compute",
        description: "For automated workloads: compute that jobs make for themselves.",
        rules: job,
        for_all: false,
    },
];

fn personal() -> Value {
    json!({
        "autotermination_minutes": { "type": "unlimited", "defaultValue": 4320, "isOptional": true },
        "cluster_type": { "type": "fixed", "value": "all-purpose" },
        "data_security_mode": { "type": "fixed", "value": "SINGLE_USER", "hidden": true },
        "driver_instance_pool_id": { "type": "forbidden", "hidden": true },
        "instance_pool_id": { "type": "forbidden", "hidden": true },
        "node_type_id": { "type": "unlimited" },
        "num_workers": { "type": "fixed", "value": 0, "hidden": true },
        "runtime_engine": { "type": "fixed", "value": "STANDARD", "hidden": true },
        "spark_version": { "type": "unlimited", "defaultValue": "auto:latest-lts" },
    })
}

fn shared() -> Value {
    json!({
        "autotermination_minutes": { "type": "unlimited", "defaultValue": 120, "isOptional": true },
        "cluster_type": { "type": "fixed", "value": "all-purpose" },
        "data_security_mode": { "type": "fixed", "value": "USER_ISOLATION", "hidden": true },
        "node_type_id": { "type": "unlimited" },
        "num_workers": { "type": "unlimited", "defaultValue": 2, "isOptional": true },
        "runtime_engine": { "type": "fixed", "value": "STANDARD", "hidden": true },
        "spark_version": { "type": "unlimited", "defaultValue": "auto:latest-lts" },
    })
}

fn power() -> Value {
    json!({
        "autotermination_minutes": { "type": "unlimited", "defaultValue": 120, "isOptional": true },
        "cluster_type": { "type": "fixed", "value": "all-purpose" },
        "data_security_mode": { "type": "fixed", "value": "SINGLE_USER", "hidden": true },
        "node_type_id": { "type": "unlimited" },
        "num_workers": { "type": "unlimited", "defaultValue": 2, "isOptional": true },
        "runtime_engine": { "type": "fixed", "value": "STANDARD", "hidden": true },
        "spark_version": { "type": "unlimited", "defaultValue": "auto:latest-lts" },
    })
}

fn job() -> Value {
    json!({
        "cluster_type": { "type": "fixed", "value": "job" },
        "data_security_mode": { "type": "unlimited", "defaultValue": "SINGLE_USER", "isOptional": true },
        "node_type_id": { "type": "unlimited" },
        "num_workers": { "type": "unlimited", "defaultValue": 2, "isOptional": true },
        "runtime_engine": { "type": "fixed", "value": "STANDARD", "hidden": true },
        "spark_version": { "type": "unlimited", "defaultValue": "auto:latest-lts" },
    })
}

impl Family {
    pub fn find(id: &str) -> Result<&'static Self> {
        let found = FAMILIES.iter().find(|family| family.id == id);
        found.ok_or_else(|| {
            ApiError::not_found(format!("Can't find a policy family with id: {id:.64}."))
        })
    }

    pub fn view(&self) -> PolicyFamily {
        PolicyFamily {
            policy_family_id: self.id.into(),
            name: self.name.into(),
            description: self.description.into(),
            definition: (self.rules)().to_string(),
        }
    }
}

/// The definition that holds, as text.
pub(super) fn definition_text(spec: &PolicySpec) -> Result<String> {
    let Some(id) = spec.policy_family_id.as_deref() else {
        return Ok(spec.definition.clone().unwrap_or_else(|| "{}".into()));
    };
    let mut rules = (Family::find(id)?.rules)();
    if let (Some(overrides), Value::Object(rules)) =
        (spec.policy_family_definition_overrides.as_deref(), &mut rules)
    {
        rules.extend(object(overrides)?);
    }
    Ok(rules.to_string())
}

pub(super) fn definition(spec: &PolicySpec) -> Result<Definition> {
    Definition::parse(&definition_text(spec)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_keep_to_the_language() {
        for family in FAMILIES {
            let spec = PolicySpec {
                policy_family_id: Some(family.id.into()),
                policy_family_definition_overrides: Some(
                    r#"{"node_type_id": {"type": "fixed", "value": "small"}}"#.into(),
                ),
                ..PolicySpec::default()
            };
            assert!(Definition::parse(&family.view().definition).is_ok(), "{}", family.id);
            assert!(definition_text(&spec).unwrap().contains(r#""value":"small""#));
            assert!(definition(&spec).is_ok());
        }
        assert!(Family::find("nonsense").is_err());
    }
}
