//! Global init scripts: run on every host of every cluster of a workspace.

use crate::network_config::wire;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

wire!(
    /// Create and update.
    GlobalInitScriptPut {
        name: String,
        /// In Base64, at most 64 KiB.
        script: String,
        enabled: bool,
        /// 0 runs first; without it, last.
        position: i64,
    }
);

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GlobalInitScriptCreated {
    pub script_id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GlobalInitScript {
    pub script_id: String,
    pub name: String,
    pub position: i64,
    pub enabled: bool,
    pub created_by: String,
    pub created_at: i64,
    pub updated_by: String,
    pub updated_at: i64,
    /// In Base64; of one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GlobalInitScripts {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scripts: Vec<GlobalInitScript>,
}
