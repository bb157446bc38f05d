//! Instance profiles: who hosts of clusters are in the customer's AWS account.

use crate::network_config::wire;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

wire!(
    /// Add and edit.
    InstanceProfilePut {
        /// `arn:aws:iam::123456789012:instance-profile/name`
        instance_profile_arn: String,
        /// The role of the profile, where it has another name.
        iam_role_arn: String,
        /// A mark: whether the profile stands for those of people
        is_meta_instance_profile: bool,
        /// Does not ask AWS whether hosts may be started with it.
        skip_validation: bool,
    }
);

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct InstanceProfileNamed {
    #[serde(default)]
    pub instance_profile_arn: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstanceProfile {
    pub instance_profile_arn: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iam_role_arn: Option<String>,
    pub is_meta_instance_profile: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct InstanceProfiles {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instance_profiles: Vec<InstanceProfile>,
}
