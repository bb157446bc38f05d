//! Grants, and in which workspaces a catalog may be used.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PrivilegeAssignment {
    pub principal: String,
    pub privileges: Vec<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct PrivilegeAssignments {
    #[serde(default)]
    pub privilege_assignments: Vec<PrivilegeAssignment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EffectivePrivilege {
    pub privilege: String,
    /// Absent when granted on the securable itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherited_from_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherited_from_name: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EffectivePrivilegeAssignment {
    pub principal: String,
    pub privileges: Vec<EffectivePrivilege>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct EffectivePrivilegeAssignments {
    #[serde(default)]
    pub privilege_assignments: Vec<EffectivePrivilegeAssignment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdatePermissions {
    #[serde(default)]
    pub changes: Vec<PermissionsChange>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct PermissionsChange {
    #[serde(default)]
    pub principal: String,
    #[serde(default)]
    pub add: Vec<String>,
    #[serde(default)]
    pub remove: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceBinding {
    #[serde(deserialize_with = "super::lenient_int")]
    pub workspace_id: i64,
    /// BINDING_TYPE_READ_WRITE or BINDING_TYPE_READ_ONLY.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding_type: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceBindings {
    #[serde(default)]
    pub bindings: Vec<WorkspaceBinding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateWorkspaceBindings {
    #[serde(default)]
    pub add: Vec<WorkspaceBinding>,
    #[serde(default)]
    pub remove: Vec<WorkspaceBinding>,
}

/// The older shape, for catalogs only.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct CatalogWorkspaces {
    #[serde(default)]
    pub workspaces: Vec<i64>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateCatalogWorkspaces {
    #[serde(default)]
    pub assign_workspaces: Vec<i64>,
    #[serde(default)]
    pub unassign_workspaces: Vec<i64>,
}
