//! Secrets of a workspace, in scopes.

use crate::network_config::wire;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

wire!(SecretScopeCreate {
    scope: String,
    /// `users`: everybody in the workspace may manage it. Else its maker may.
    initial_manage_principal: String,
    /// DATABRICKS
    scope_backend_type: String,
    #[schema(value_type = Option<Object>)]
    backend_azure_keyvault: serde_json::Value,
});
wire!(SecretScopeNamed { scope: String });
wire!(SecretPut {
    scope: String,
    key: String,
    /// Either this …
    string_value: String,
    /// … or this, in Base64.
    bytes_value: String,
});
wire!(SecretNamed { scope: String, key: String });
wire!(SecretAclPut {
    scope: String,
    principal: String,
    /// READ, WRITE or MANAGE
    permission: String,
});
wire!(SecretAclNamed { scope: String, principal: String });

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SecretScope {
    pub name: String,
    pub backend_type: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SecretScopes {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<SecretScope>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SecretMetadata {
    pub key: String,
    pub last_updated_timestamp: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SecretList {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretMetadata>,
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct SecretValue {
    pub key: String,
    /// In Base64.
    pub value: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SecretAcl {
    pub principal: String,
    pub permission: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SecretAcls {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<SecretAcl>,
}
