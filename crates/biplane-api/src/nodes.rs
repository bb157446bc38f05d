//! Hosts that run compute: how they are let in.

use crate::ids::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What a host will be once it has joined. It cannot say otherwise itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct NodeTokenRequest {
    /// It takes workspaces of this region only; empty: of every region.
    #[serde(default)]
    pub region: String,
    /// `dedicated-host` keeps it for workspaces with that custom tag.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// How long the token may be used; an hour when it is not said, thirty days at most.
    pub ttl_seconds: Option<i64>,
    /// For people.
    #[serde(default)]
    pub comment: String,
}

/// Shown once: the token is kept as a hash only.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewNodeToken {
    /// For `biplane node --join-token-file`. Good for one host.
    pub token: String,
    pub info: NodeTokenInfo,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NodeTokenInfo {
    pub token_id: String,
    /// Of the node that it lets in.
    pub node_id: NodeId,
    pub region: String,
    pub labels: BTreeMap<String, String>,
    pub comment: String,
    pub created_by: String,
    /// Milliseconds since the epoch.
    pub created_at: i64,
    pub expires_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<i64>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct NodeTokenList {
    /// The latest first.
    pub tokens: Vec<NodeTokenInfo>,
}
