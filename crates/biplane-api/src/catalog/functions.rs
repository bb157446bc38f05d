//! Functions: their description only; the engine runs them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `{"function_info": {...}}`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreateFunctionRequest {
    pub function_info: FunctionSpec,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FunctionParameters {
    #[serde(default)]
    pub parameters: Vec<FunctionParameter>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FunctionParameter {
    pub name: String,
    #[serde(default)]
    pub type_text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_json: Option<String>,
    #[serde(default)]
    pub type_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_precision: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_scale: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_interval_type: Option<String>,
    #[serde(default)]
    pub position: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter_mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter_default: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// What a client says of a function.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FunctionSpec {
    pub name: String,
    pub catalog_name: String,
    pub schema_name: String,
    #[serde(default)]
    pub input_params: FunctionParameters,
    #[serde(default)]
    pub data_type: String,
    #[serde(default)]
    pub full_data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_params: Option<FunctionParameters>,
    /// SQL or EXTERNAL.
    #[serde(default)]
    pub routine_body: String,
    #[serde(default)]
    pub routine_definition: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub routine_dependencies: Option<serde_json::Value>,
    #[serde(default)]
    pub parameter_style: String,
    #[serde(default)]
    pub is_deterministic: bool,
    #[serde(default)]
    pub sql_data_access: String,
    #[serde(default)]
    pub is_null_call: bool,
    #[serde(default)]
    pub security_type: String,
    #[serde(default)]
    pub specific_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_language: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql_path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// JSON as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FunctionInfo {
    #[serde(flatten)]
    pub spec: FunctionSpec,
    pub full_name: String,
    pub function_id: String,
    pub owner: String,
    pub metastore_id: String,
    pub created_at: i64,
    pub created_by: String,
    pub updated_at: i64,
    pub updated_by: String,
    #[serde(default)]
    pub browse_only: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateFunction {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListFunctions {
    pub functions: Vec<FunctionInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
