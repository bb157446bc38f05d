//! Where the hosts of classic clusters come from. A provider starts machines in the network of one
//! workspace and ends them; what they are for is decided elsewhere. A machine runs `biplane node` with a
//! token of its own and dials home: nothing here ever connects to it.
//!
//! What a provider made carries the ids of its account, workspace and cluster as tags, so that what no
//! cluster owns can be found and ended (`hosts`).

use biplane_api::ids::{NodeId, WorkspaceId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A workspace's own place: an account and a network of the customer.
/// Kept with every machine that was ordered there, so that it can be ended whatever becomes of the workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    pub account_id: String,
    pub workspace_id: i64,
    pub region: String,
    /// The role that may be assumed there, with the account's id as external id.
    pub role_arn: Option<String>,
    pub external_id: String,
    pub network: Option<Network>,
    /// Encrypts disks; None = the provider's own key.
    pub storage_key_arn: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    pub vpc_id: String,
    pub subnet_ids: Vec<String>,
    pub security_group_ids: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Availability {
    #[default]
    OnDemand,
    Spot,
    SpotWithFallback,
}

/// One machine that is wanted.
#[derive(Debug, Clone, Default)]
pub struct HostOrder {
    /// Also the idempotency token: the same order twice makes one machine.
    pub node_id: Option<NodeId>,
    pub cluster_id: String,
    pub node_type_id: String,
    /// Empty or `auto` = where there is room.
    pub zone_id: String,
    pub availability: Availability,
    /// What is bid for spot capacity, in hundredths of the price on demand; None = as much as that.
    pub spot_bid_percent: Option<u32>,
    pub instance_profile_arn: Option<String>,
    pub disk_gib: Option<u32>,
    pub tags: BTreeMap<String, String>,
    pub boot: Boot,
}

/// What the machine's agent starts with.
#[derive(Clone, Default)]
pub struct Boot {
    /// `host:port` of the relay.
    pub relay: String,
    /// One-time join token: a secret.
    pub join_token: String,
    /// Where the machine gets the program from, and the SHA-256 it must have.
    pub program_url: String,
    pub program_sha256: String,
}

impl std::fmt::Debug for Boot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Boot").field("relay", &self.relay).finish_non_exhaustive()
    }
}

/// What became of a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// The provider's own id: `i-0abc…`.
    pub host_id: String,
    pub node_id: Option<NodeId>,
    pub cluster_id: String,
    pub workspace_id: Option<WorkspaceId>,
    pub state: HostState,
    pub private_ip: Option<String>,
    pub zone_id: String,
    pub is_spot: bool,
    /// Unix milliseconds.
    pub started_at: i64,
    /// Why it ended, in the provider's words.
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HostState {
    #[default]
    Pending,
    Running,
    Ending,
    Ended,
    /// The provider took it back.
    Reclaimed,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeType {
    pub node_type_id: String,
    pub description: String,
    pub category: String,
    pub cores: f64,
    pub memory_mib: u64,
    pub gpus: u32,
    pub local_disks: u32,
    pub local_disk_gib: u32,
    pub is_arm: bool,
    /// US dollars per hour, where known.
    pub price: Option<f64>,
}

/// What is wrong with a network, in the words of the account API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `credentials`, `vpc`, `subnet`, `securityGroup`, `networkAcl`.
    pub what: String,
    pub message: String,
    /// False: it may work all the same.
    pub broken: bool,
}

/// Why there is no machine, as clusters tell it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ProviderError {
    pub kind: ProviderErrorKind,
    /// For the user: what happened and what to do.
    pub message: String,
    /// The provider's own code, as the parameter of a termination reason.
    pub code: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderErrorKind {
    /// AWS_INSUFFICIENT_INSTANCE_CAPACITY_FAILURE
    Capacity,
    /// AWS_INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET_FAILURE
    NoFreeAddresses,
    /// AWS_AUTHORIZATION_FAILURE
    Unauthorized,
    /// AWS_ACCESSIBLE_SUBNET…: a limit of the customer's account.
    Quota,
    /// Asked too often; trying again helps.
    Throttled,
    /// The order itself is wrong.
    Invalid,
    /// The machine that is to run it does not allow it, as it is set up.
    Refused,
    /// Anything else; trying again may help.
    Unavailable,
}

impl ProviderErrorKind {
    pub fn retryable(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable)
    }
}

pub type ProviderResult<T> = std::result::Result<T, ProviderError>;

#[async_trait::async_trait]
pub trait Provider: Send + Sync {
    /// `local`, `aws`.
    fn name(&self) -> &'static str;

    async fn node_types(&self, place: &Place) -> ProviderResult<Vec<NodeType>>;

    /// All of them and the default.
    async fn zones(&self, place: &Place) -> ProviderResult<(Vec<String>, String)>;

    async fn create(&self, place: &Place, order: &HostOrder) -> ProviderResult<Host>;

    /// Those that are known, ended ones included for as long as the provider tells of them.
    async fn describe(&self, place: &Place, host_ids: &[String]) -> ProviderResult<Vec<Host>>;

    /// Ended ones and unknown ones are no error.
    async fn terminate(&self, place: &Place, host_ids: &[String]) -> ProviderResult<()>;

    /// All machines of this place that the control plane ever started and that have not ended.
    async fn hosts(&self, place: &Place) -> ProviderResult<Vec<Host>>;

    /// Whether its machines can have instance profiles.
    fn has_profiles(&self) -> bool {
        false
    }

    /// Whether a machine could be started there with this instance profile.
    async fn profile_check(&self, _place: &Place, _arn: &str) -> ProviderResult<()> {
        Ok(())
    }

    /// Looks the place over before a workspace is made in it.
    async fn check(&self, place: &Place) -> ProviderResult<Vec<Finding>>;
}
