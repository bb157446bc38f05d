//! Wire types of the identity service.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A value with what it is called: an e-mail address, a group, a member, a role, an entitlement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScimValue {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
    #[serde(default, rename = "$ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScimName {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScimMeta {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
}

/// A SCIM user, group or service principal: each uses the fields that are its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScimResource {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schemas: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<ScimName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emails: Option<Vec<ScimValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<ScimValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<ScimValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<ScimValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlements: Option<Vec<ScimValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<ScimMeta>,
    /// Local login of a user; write only.
    #[serde(default, skip_serializing)]
    pub password: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScimList {
    pub schemas: Vec<String>,
    pub total_results: i64,
    pub start_index: i64,
    pub items_per_page: i64,
    #[serde(rename = "Resources")]
    #[schema(value_type = Vec<ScimResource>)]
    pub resources: Vec<serde_json::Value>,
}

#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct ScimOperation {
    /// `add`, `remove` or `replace`, in any case.
    pub op: String,
    #[serde(default)]
    pub path: Option<String>,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub value: Option<serde_json::Value>,
}

#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct ScimPatch {
    #[serde(rename = "Operations", alias = "operations")]
    pub operations: Vec<ScimOperation>,
}

#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct CreateToken {
    #[serde(default)]
    pub comment: Option<String>,
    /// None: does not expire.
    #[serde(default)]
    pub lifetime_seconds: Option<i64>,
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// On behalf of this service principal.
    #[serde(default)]
    pub application_id: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct TokenInfo {
    pub token_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    #[serde(default)]
    pub creation_time: i64,
    /// -1: never.
    #[serde(default)]
    pub expiry_time: i64,
    /// To the hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_accessed_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by_id: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by_username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_id: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreateTokenResponse {
    pub token_value: String,
    pub token_info: TokenInfo,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ListTokensResponse {
    pub token_infos: Vec<TokenInfo>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GetTokenResponse {
    pub token_info: TokenInfo,
}

#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct DeleteToken {
    pub token_id: String,
}

#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct TokenPatch {
    #[serde(default)]
    pub comment: Option<String>,
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
}

#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct UpdateToken {
    pub token: TokenPatch,
    /// `comment`
    #[serde(default)]
    pub update_mask: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct CreateSecret {
    /// `31536000s`
    #[serde(default)]
    pub lifetime: Option<String>,
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct SecretInfo {
    pub id: String,
    /// Once, when it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    pub secret_hash: String,
    /// `ACTIVE` or `EXPIRED`.
    pub status: String,
    /// RFC 3339.
    pub create_time: String,
    pub update_time: String,
    pub expire_time: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ListSecretsResponse {
    pub secrets: Vec<SecretInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Body of POST and PATCH of a workspace.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct WorkspaceRequest {
    #[serde(default)]
    pub workspace_name: Option<String>,
    #[serde(default)]
    pub deployment_name: Option<String>,
    #[serde(default)]
    pub aws_region: Option<String>,
    #[serde(default)]
    pub location: Option<String>,
    #[serde(default)]
    pub pricing_tier: Option<String>,
    #[serde(default)]
    pub custom_tags: Option<BTreeMap<String, String>>,
    /// `SERVERLESS`, or `HYBRID`: with clusters in a cloud account of one's own.
    #[serde(default)]
    pub compute_mode: Option<String>,
    #[serde(default)]
    pub credentials_id: Option<String>,
    #[serde(default)]
    pub storage_configuration_id: Option<String>,
    #[serde(default)]
    pub network_id: Option<String>,
    #[serde(default)]
    pub managed_services_customer_managed_key_id: Option<String>,
    #[serde(default)]
    pub storage_customer_managed_key_id: Option<String>,
    /// Always true: hosts never have a public address.
    #[serde(default)]
    pub is_no_public_ip_enabled: Option<bool>,
    /// An empty text takes it off.
    #[serde(default)]
    pub network_connectivity_config_id: Option<String>,
    #[serde(default)]
    pub private_access_settings_id: Option<String>,
    #[serde(flatten)]
    #[schema(ignore)]
    pub other: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceInfo {
    pub account_id: String,
    pub workspace_id: i64,
    pub workspace_name: String,
    pub deployment_name: String,
    pub aws_region: String,
    pub cloud: String,
    pub pricing_tier: String,
    pub compute_mode: String,
    pub storage_mode: String,
    pub custom_tags: BTreeMap<String, String>,
    /// PROVISIONING, RUNNING, FAILED or CANCELLING.
    pub workspace_status: String,
    pub workspace_status_message: String,
    /// While it is being provisioned: what it will be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_workspace_status: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_connectivity_config_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_access_settings_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_configuration_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<WorkspaceNetworkId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_customer_managed_key_id: Option<String>,
    pub is_no_public_ip_enabled: bool,
    pub creation_time: i64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceNetworkId {
    pub network_id: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct AssignedPrincipal {
    pub principal_id: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_principal_name: Option<String>,
    pub display_name: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PermissionAssignment {
    pub principal: AssignedPrincipal,
    /// `USER` or `ADMIN`.
    pub permissions: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PermissionAssignments {
    pub permission_assignments: Vec<PermissionAssignment>,
}

#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct UpdateAssignment {
    #[serde(default)]
    pub permissions: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PermissionDescription {
    pub permission_level: String,
    pub description: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WorkspacePermissions {
    pub permissions: Vec<PermissionDescription>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PermissionLevels {
    pub permission_levels: Vec<PermissionDescription>,
}

#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct AccessControlRequest {
    #[serde(default)]
    pub user_name: Option<String>,
    #[serde(default)]
    pub group_name: Option<String>,
    #[serde(default)]
    pub service_principal_name: Option<String>,
    pub permission_level: String,
}

#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct SetPermissions {
    #[serde(default)]
    pub access_control_list: Vec<AccessControlRequest>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Permission {
    pub permission_level: String,
    pub inherited: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inherited_from_object: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AccessControl {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_principal_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    pub all_permissions: Vec<Permission>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ObjectPermissions {
    pub object_id: String,
    pub object_type: String,
    pub access_control_list: Vec<AccessControl>,
}

#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct LoginRequest {
    pub user_name: String,
    pub password: String,
}

#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct ChangePassword {
    pub current_password: String,
    pub new_password: String,
}

/// Who is signed in to the web app.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SessionInfo {
    pub user_name: String,
    pub display_name: String,
    /// Decimal; absent for somebody who is in no workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_id: Option<String>,
    pub account_id: String,
    pub workspace_admin: bool,
    pub account_admin: bool,
}

/// `/.well-known/databricks-config`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HostMetadata {
    pub oidc_endpoint: String,
    pub account_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_id: Option<String>,
    pub cloud: String,
    /// `workspace`, `account` or `unified` (one host for several workspaces).
    pub host_type: String,
}

/// The authorization server of a host (RFC 8414).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuthorizationServer {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    pub scopes_supported: Vec<String>,
    pub response_types_supported: Vec<String>,
    pub response_modes_supported: Vec<String>,
    pub grant_types_supported: Vec<String>,
    pub code_challenge_methods_supported: Vec<String>,
    pub token_endpoint_auth_methods_supported: Vec<String>,
    pub subject_types_supported: Vec<String>,
    pub id_token_signing_alg_values_supported: Vec<String>,
    pub claims_supported: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OAuthToken {
    pub access_token: String,
    pub token_type: String,
    pub expires_in: i64,
    pub scope: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Who signed in, when the scope `openid` was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OAuthError {
    pub error: String,
    pub error_description: String,
}
