//! Metastores and which workspace uses which.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MetastoreInfo {
    pub metastore_id: String,
    pub global_metastore_id: String,
    pub name: String,
    pub cloud: String,
    pub region: String,
    pub owner: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_root: Option<String>,
    /// INTERNAL or INTERNAL_AND_EXTERNAL.
    pub delta_sharing_scope: String,
    pub external_access_enabled: bool,
    pub privilege_model_version: String,
    pub created_at: i64,
    pub created_by: String,
    pub updated_at: i64,
    pub updated_by: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct CreateMetastore {
    pub name: String,
    #[serde(default)]
    pub region: Option<String>,
    #[serde(default)]
    pub storage_root: Option<String>,
    #[serde(default)]
    pub external_access_enabled: Option<bool>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateMetastore {
    #[serde(default)]
    pub new_name: Option<String>,
    /// Only INTERNAL.
    #[serde(default)]
    pub delta_sharing_scope: Option<String>,
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default)]
    pub external_access_enabled: Option<bool>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListMetastores {
    pub metastores: Vec<MetastoreInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Account-level calls wrap everything.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AccountMetastore {
    pub metastore_info: MetastoreInfo,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AccountCreateMetastore {
    pub metastore_info: CreateMetastore,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AccountUpdateMetastore {
    pub metastore_info: UpdateMetastore,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MetastoreAssignment {
    pub workspace_id: i64,
    pub metastore_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_catalog_name: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct AssignMetastore {
    #[serde(default)]
    pub metastore_id: Option<String>,
    #[serde(default)]
    pub default_catalog_name: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct AccountAssignMetastore {
    #[serde(default)]
    pub metastore_assignment: Option<AssignMetastore>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AccountMetastoreAssignment {
    pub metastore_assignment: MetastoreAssignment,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct MetastoreWorkspaces {
    pub workspace_ids: Vec<i64>,
}
