//! Why there is no host, or no cluster any more, in the words of the public API.

use super::store::HostRow;
use crate::provider::{ProviderError, ProviderErrorKind as Kind};
use biplane_api::clusters::ClusterTermination;
use biplane_platform::{ApiError, ErrorCode};

pub(super) const SUCCESS: &str = "SUCCESS";
pub(super) const CLIENT_ERROR: &str = "CLIENT_ERROR";
pub(super) const SERVICE_FAULT: &str = "SERVICE_FAULT";
pub(super) const CLOUD_FAILURE: &str = "CLOUD_FAILURE";

pub(super) fn reason(code: &str, kind: &str, parameters: &[(&str, &str)]) -> ClusterTermination {
    let parameters = parameters.iter().filter(|(_, value)| !value.is_empty());
    ClusterTermination {
        code: code.into(),
        kind: kind.into(),
        parameters: parameters.map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
    }
}

/// Of a provider that would not make a machine.
pub(super) fn of_provider(error: &ProviderError, provider: &str) -> ClusterTermination {
    let aws = provider == "aws";
    let (code, kind) = match error.kind {
        _ if error.code.as_deref() == Some("MaxSpotInstanceCountExceeded") => {
            ("AWS_MAX_SPOT_INSTANCE_COUNT_EXCEEDED_FAILURE", CLIENT_ERROR)
        }
        _ if error.code.as_deref() == Some("Unsupported") => {
            ("AWS_UNSUPPORTED_FAILURE", CLIENT_ERROR)
        }
        _ if error.code.as_deref() == Some(super::local::NO_NETWORK) => {
            ("NETWORK_CONFIGURATION_FAILURE", CLIENT_ERROR)
        }
        Kind::Capacity if aws => ("AWS_INSUFFICIENT_INSTANCE_CAPACITY_FAILURE", CLOUD_FAILURE),
        Kind::Capacity => ("CLOUD_PROVIDER_RESOURCE_STOCKOUT", CLOUD_FAILURE),
        Kind::NoFreeAddresses => {
            ("AWS_INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET_FAILURE", CLIENT_ERROR)
        }
        Kind::Unauthorized => ("AWS_AUTHORIZATION_FAILURE", CLIENT_ERROR),
        Kind::Quota if aws => ("AWS_RESOURCE_QUOTA_EXCEEDED", CLIENT_ERROR),
        Kind::Quota => ("CLOUD_PROVIDER_RESOURCE_STOCKOUT", CLIENT_ERROR),
        Kind::Throttled if aws => ("AWS_REQUEST_LIMIT_EXCEEDED", CLOUD_FAILURE),
        Kind::Invalid => ("INVALID_ARGUMENT", CLIENT_ERROR),
        Kind::Refused => ("CLOUD_PROVIDER_LAUNCH_FAILURE_DUE_TO_MISCONFIG", CLIENT_ERROR),
        Kind::Throttled | Kind::Unavailable => ("CLOUD_PROVIDER_LAUNCH_FAILURE", CLOUD_FAILURE),
    };
    let name = if aws { "aws_api_error_code" } else { "provider_error_code" };
    let said = if aws { "aws_error_message" } else { "provider_error_message" };
    reason(code, kind, &[(name, error.code.as_deref().unwrap_or_default()), (said, &error.message)])
}

pub(super) fn late(host: &HostRow) -> ClusterTermination {
    let id = host.host_id.as_deref().unwrap_or_default();
    reason(
        "BOOTSTRAP_TIMEOUT",
        CLOUD_FAILURE,
        &[("instance_id", id), ("databricks_error_message", "The host did not join in time.")],
    )
}

/// A request about the provider itself failed.
pub(super) fn to_caller(error: ProviderError) -> ApiError {
    let code = match error.kind {
        Kind::Throttled | Kind::Unavailable => ErrorCode::TemporarilyUnavailable,
        Kind::Unauthorized => ErrorCode::PermissionDenied,
        _ => ErrorCode::InvalidState,
    };
    ApiError::new(code, error.message)
}

pub(super) fn silent() -> ProviderError {
    ProviderError {
        kind: Kind::Unavailable,
        message: "The provider of hosts did not answer in time.".into(),
        code: None,
    }
}
