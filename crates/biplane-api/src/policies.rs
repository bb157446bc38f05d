//! Cluster policies: what clusters may be, said by admins; and whether they still are.

use crate::ids::{ClusterId, PolicyId};
use crate::network_config::wire;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

wire!(
    /// What a caller says of a policy: a definition, or a family and what differs from it.
    PolicySpec {
        name: String,
        description: String,
        /// JSON as text: attribute path → rule.
        definition: String,
        policy_family_id: String,
        /// JSON as text: rules that replace or complete those of the family.
        policy_family_definition_overrides: String,
        max_clusters_per_user: i64,
        #[schema(value_type = Option<Vec<Object>>)]
        libraries: Vec<serde_json::Value>,
    }
);

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct PolicyEdit {
    #[serde(default)]
    pub policy_id: String,
    #[serde(flatten)]
    pub spec: PolicySpec,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PolicyCreated {
    pub policy_id: PolicyId,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct PolicyNamed {
    #[serde(default)]
    pub policy_id: String,
}

/// With the definition that holds: that of a family has what differs from it in it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Policy {
    pub policy_id: PolicyId,
    #[serde(flatten)]
    pub spec: PolicySpec,
    pub created_at_timestamp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creator_user_name: Option<String>,
    pub is_default: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct PolicyList {
    pub policies: Vec<Policy>,
    pub total_count: i64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct PolicyFamily {
    pub policy_family_id: String,
    pub name: String,
    pub description: String,
    pub definition: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct PolicyFamilyList {
    pub policy_families: Vec<PolicyFamily>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct Compliance {
    pub is_compliant: bool,
    /// Path → what is wrong; the first 200.
    #[serde(default)]
    pub violations: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ClusterCompliance {
    pub cluster_id: ClusterId,
    #[serde(flatten)]
    pub compliance: Compliance,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ClusterComplianceList {
    pub clusters: Vec<ClusterCompliance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ComplianceEnforce {
    #[serde(default)]
    pub cluster_id: String,
    /// Tells what would change, and changes nothing.
    #[serde(default)]
    pub validate_only: bool,
    /// ENFORCE_IMMEDIATELY or WAIT_FOR_TERMINATION
    #[serde(default)]
    pub enforce_mode: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettingsChange {
    pub field: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_value: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ComplianceEnforced {
    pub has_changes: bool,
    pub changes: Vec<SettingsChange>,
    /// APPLIED, DEFERRED until the cluster has ended, or NO_CHANGES; absent when it was only asked what would change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforce_result: Option<String>,
}
