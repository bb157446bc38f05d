//! What an account says of its own cloud account, so that workspaces can have their compute there:
//! credentials, storage, networks and keys.

use crate::network_config::wire;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

wire!(Credentials {
    credentials_id: String,
    account_id: String,
    credentials_name: String,
    aws_credentials: AwsCredentials,
    /// Unix milliseconds
    creation_time: i64,
});
wire!(AwsCredentials { sts_role: StsRole });
wire!(StsRole {
    /// `arn:aws:iam::123456789012:role/name`
    role_arn: String,
    /// what the role's trust policy must ask for: the id of the account
    external_id: String,
});

wire!(StorageConfiguration {
    storage_configuration_id: String,
    account_id: String,
    storage_configuration_name: String,
    root_bucket_info: RootBucketInfo,
    role_arn: String,
    creation_time: i64,
});
wire!(RootBucketInfo { bucket_name: String });

wire!(Network {
    network_id: String,
    account_id: String,
    network_name: String,
    vpc_id: String,
    subnet_ids: Vec<String>,
    security_group_ids: Vec<String>,
    vpc_endpoints: NetworkVpcEndpoints,
    /// the workspace that has it
    workspace_id: i64,
    /// UNATTACHED, VALID, WARNED or BROKEN
    vpc_status: String,
    error_messages: Vec<NetworkError>,
    warning_messages: Vec<NetworkWarning>,
    creation_time: i64,
    #[schema(value_type = Object)]
    gcp_network_info: serde_json::Value,
});
wire!(NetworkVpcEndpoints { rest_api: Vec<String>, dataplane_relay: Vec<String> });
wire!(NetworkError {
    /// credentials, vpc, subnet, securityGroup or networkAcl
    error_type: String,
    error_message: String,
});
wire!(NetworkWarning { warning_type: String, warning_message: String });

wire!(CustomerManagedKey {
    customer_managed_key_id: String,
    account_id: String,
    /// MANAGED_SERVICES, STORAGE
    use_cases: Vec<String>,
    aws_key_info: AwsKeyInfo,
    creation_time: i64,
    #[schema(value_type = Object)]
    azure_key_info: serde_json::Value,
    #[schema(value_type = Object)]
    gcp_key_info: serde_json::Value,
});
wire!(AwsKeyInfo {
    key_arn: String,
    key_alias: String,
    key_region: String,
    /// also for the disks of hosts; true unless said otherwise
    reuse_key_for_cluster_volumes: bool,
});
