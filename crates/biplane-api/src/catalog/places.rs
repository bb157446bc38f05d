//! Storage credentials, external locations, and short-lived credentials for data.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AwsIamRole {
    pub role_arn: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unity_catalog_iam_arn: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CredentialInfo {
    pub id: String,
    pub name: String,
    pub full_name: String,
    pub owner: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// STORAGE or SERVICE.
    pub purpose: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_iam_role: Option<AwsIamRole>,
    pub read_only: bool,
    pub used_for_managed_storage: bool,
    pub isolation_mode: String,
    pub metastore_id: String,
    pub created_at: i64,
    pub created_by: String,
    pub updated_at: i64,
    pub updated_by: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct CreateCredential {
    pub name: String,
    #[serde(default)]
    pub purpose: Option<String>,
    #[serde(default)]
    pub aws_iam_role: Option<AwsIamRole>,
    #[serde(default)]
    pub read_only: Option<bool>,
    #[serde(default)]
    pub skip_validation: Option<bool>,
    #[serde(default)]
    pub comment: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateCredential {
    #[serde(default)]
    pub new_name: Option<String>,
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default)]
    pub aws_iam_role: Option<AwsIamRole>,
    #[serde(default)]
    pub read_only: Option<bool>,
    #[serde(default)]
    pub skip_validation: Option<bool>,
    #[serde(default)]
    pub comment: Option<String>,
    #[serde(default)]
    pub isolation_mode: Option<String>,
    #[serde(default)]
    pub force: Option<bool>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListStorageCredentials {
    pub storage_credentials: Vec<CredentialInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListCredentials {
    pub credentials: Vec<CredentialInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExternalLocationInfo {
    pub name: String,
    pub full_name: String,
    pub url: String,
    pub credential_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_id: Option<String>,
    pub read_only: bool,
    pub fallback: bool,
    pub isolation_mode: String,
    pub owner: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    pub metastore_id: String,
    pub created_at: i64,
    pub created_by: String,
    pub updated_at: i64,
    pub updated_by: String,
    #[serde(default)]
    pub browse_only: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct CreateExternalLocation {
    pub name: String,
    pub url: String,
    /// Not needed for `file://`.
    #[serde(default)]
    pub credential_name: Option<String>,
    #[serde(default)]
    pub read_only: Option<bool>,
    #[serde(default)]
    pub skip_validation: Option<bool>,
    #[serde(default)]
    pub fallback: Option<bool>,
    #[serde(default)]
    pub comment: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateExternalLocation {
    #[serde(default)]
    pub new_name: Option<String>,
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub credential_name: Option<String>,
    #[serde(default)]
    pub read_only: Option<bool>,
    #[serde(default)]
    pub skip_validation: Option<bool>,
    #[serde(default)]
    pub fallback: Option<bool>,
    #[serde(default)]
    pub comment: Option<String>,
    #[serde(default)]
    pub isolation_mode: Option<String>,
    #[serde(default)]
    pub force: Option<bool>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListExternalLocations {
    pub external_locations: Vec<ExternalLocationInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct TemporaryTableCredentialRequest {
    pub table_id: String,
    /// READ or READ_WRITE.
    pub operation: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct TemporaryPathCredentialRequest {
    pub url: String,
    /// PATH_READ, PATH_READ_WRITE or PATH_CREATE_TABLE.
    pub operation: String,
    #[serde(default)]
    pub dry_run: Option<bool>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct TemporaryVolumeCredentialRequest {
    pub volume_id: String,
    /// READ_VOLUME or WRITE_VOLUME.
    pub operation: String,
}

/// Without keys for `file://`, where there are none.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct TemporaryCredentials {
    pub url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<i64>,
}
