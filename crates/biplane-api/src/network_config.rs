//! Network configuration of the account and of workspaces, as administrators write it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An unset field is left out.
macro_rules! wire {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident : $kind:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
        pub struct $name {
            $($(#[$field_doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $field: Option<$kind>,)*
        }
    };
}
pub(crate) use wire;

wire!(NetworkPolicy {
    account_id: String,
    network_policy_id: String,
    egress: NetworkPolicyEgress,
    ingress: serde_json::Value,
    ingress_dry_run: serde_json::Value,
});
wire!(NetworkPolicyEgress { network_access: NetworkAccess });
wire!(NetworkAccess {
    /// FULL_ACCESS or RESTRICTED_ACCESS
    restriction_mode: String,
    allowed_internet_destinations: Vec<InternetDestination>,
    blocked_internet_destinations: Vec<InternetDestination>,
    allowed_storage_destinations: Vec<StorageDestination>,
    allowed_databricks_destinations: Vec<serde_json::Value>,
    policy_enforcement: PolicyEnforcement,
});
wire!(InternetDestination {
    /// `pypi.org`, or `*.example.com` for all below it
    destination: String,
    /// DNS_NAME
    internet_destination_type: String,
});
wire!(StorageDestination {
    bucket_name: String,
    region: String,
    /// AWS_S3
    storage_destination_type: String,
    azure_storage_account: String,
    azure_storage_service: String,
});
wire!(PolicyEnforcement {
    /// ENFORCED or DRY_RUN
    enforcement_mode: String,
    /// DBSQL, ML_SERVING; empty means all
    dry_run_mode_product_filter: Vec<String>,
});

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NetworkPolicies {
    pub items: Vec<NetworkPolicy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

wire!(WorkspaceNetworkOption { workspace_id: i64, network_policy_id: String });

wire!(NetworkConnectivityConfig {
    account_id: String,
    network_connectivity_config_id: String,
    name: String,
    region: String,
    egress_config: EgressConfig,
    creation_time: i64,
    updated_time: i64,
});
wire!(EgressConfig { default_rules: EgressDefaultRules, target_rules: EgressTargetRules });
wire!(EgressDefaultRules { aws_stable_ip_rule: StableIpRule });
wire!(
    /// Where compute comes from. Absent when the operator of this deployment has named no addresses.
    StableIpRule { cidr_blocks: Vec<String>, }
);
wire!(EgressTargetRules { aws_private_endpoint_rules: Vec<PrivateEndpointRule>, });
wire!(PrivateEndpointRule {
    rule_id: String,
    network_connectivity_config_id: String,
    account_id: String,
    endpoint_service: String,
    domain_names: Vec<String>,
    resource_names: Vec<String>,
    enabled: bool,
    vpc_endpoint_id: String,
    /// ESTABLISHED when the operator has said where the service is, else CREATE_FAILED; `error_message` says why.
    connection_state: String,
    error_message: String,
    deactivated: bool,
    deactivated_at: i64,
    creation_time: i64,
    updated_time: i64,
    resource_id: String,
    group_id: String,
    #[schema(value_type = Object)]
    gcp_endpoint: serde_json::Value,
});

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NetworkConnectivityConfigs {
    pub items: Vec<NetworkConnectivityConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PrivateEndpointRules {
    pub items: Vec<PrivateEndpointRule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

wire!(IpAccessListRequest {
    label: String,
    /// ALLOW or BLOCK
    list_type: String,
    ip_addresses: Vec<String>,
    enabled: bool,
});

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct IpAccessListInfo {
    pub list_id: String,
    pub label: String,
    pub list_type: String,
    pub ip_addresses: Vec<String>,
    pub address_count: i64,
    pub enabled: bool,
    pub created_at: i64,
    pub created_by: i64,
    pub updated_at: i64,
    pub updated_by: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct IpAccessListAnswer {
    pub ip_access_list: IpAccessListInfo,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct IpAccessLists {
    pub ip_access_lists: Vec<IpAccessListInfo>,
}

wire!(BooleanMessage { value: bool });
wire!(AccountIpAccessEnable {
    acct_ip_acl_enable: BooleanMessage,
    etag: String,
    setting_name: String,
});
wire!(AccountIpAccessEnableUpdate {
    allow_missing: bool,
    setting: AccountIpAccessEnable,
    field_mask: String,
});
wire!(Etag { etag: String });

wire!(PrivateAccessSettings {
    private_access_settings_id: String,
    account_id: String,
    private_access_settings_name: String,
    region: String,
    /// false: only through private endpoints
    public_access_enabled: bool,
    /// ACCOUNT (all endpoints that are registered) or ENDPOINT (those of `allowed_vpc_endpoint_ids`)
    private_access_level: String,
    allowed_vpc_endpoint_ids: Vec<String>,
});
wire!(VpcEndpoint {
    vpc_endpoint_id: String,
    account_id: String,
    vpc_endpoint_name: String,
    aws_vpc_endpoint_id: String,
    region: String,
    use_case: String,
    /// `available` when the operator has named its network, else `pendingAcceptance`
    state: String,
    #[schema(value_type = Object)]
    gcp_vpc_endpoint_info: serde_json::Value,
});

wire!(
    /// What network configuration means for one workspace, for everybody in it.
    WorkspaceNetwork {
        workspace_id: i64,
        region: String,
        /// The policy that holds here.
        network_policy: NetworkPolicy,
        network_connectivity_config: NetworkConnectivityConfig,
        /// Whether the IP access lists of the workspace count.
        ip_access_lists_enabled: bool,
        /// False: people reach it through private endpoints alone.
        public_access_enabled: bool,
        /// Where this request came from.
        source_ip: String,
    }
);
