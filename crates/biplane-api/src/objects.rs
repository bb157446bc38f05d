//! Objects of a workspace: directories, notebooks and files.

use crate::network_config::wire;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ObjectInfo {
    pub object_id: i64,
    /// DIRECTORY, NOTEBOOK or FILE
    pub object_type: String,
    pub path: String,
    /// Of notebooks: PYTHON, SQL, SCALA or R
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    pub created_at: i64,
    pub modified_at: i64,
    /// Of files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
    /// The same as the id, in the type of other ids.
    pub resource_id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ObjectList {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ObjectInfo>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ObjectExport {
    /// In Base64.
    pub content: String,
    pub file_type: String,
}

wire!(ObjectNamed { path: String, recursive: bool });
wire!(ObjectImport {
    path: String,
    /// In Base64, at most 10 MiB before that.
    content: String,
    /// SOURCE, AUTO, RAW or JUPYTER
    format: String,
    /// Of a notebook in SOURCE: PYTHON, SQL, SCALA or R
    language: String,
    overwrite: bool,
});
