//! What AWS refuses, told in the words of those who run clusters. The codes are EC2's and STS's.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use biplane_compute::provider::{ProviderError, ProviderErrorKind as Kind};

const MESSAGE_CHARS_MAX: usize = 600;

/// What was asked: `start a host`, and as whom.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub what: &'a str,
    pub role: &'a str,
}

pub fn kind(code: &str) -> Kind {
    match code {
        "InsufficientInstanceCapacity"
        | "InsufficientHostCapacity"
        | "InsufficientReservedInstanceCapacity"
        | "InsufficientCapacity"
        | "UnfulfillableCapacity"
        | "SpotMaxPriceTooLow" => Kind::Capacity,
        "InsufficientFreeAddressesInSubnet" | "InsufficientAddressCapacity" => {
            Kind::NoFreeAddresses
        }
        "UnauthorizedOperation"
        | "AccessDenied"
        | "AccessDeniedException"
        | "AuthFailure"
        | "Blocked"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId"
        | "MissingAuthenticationToken"
        | "OptInRequired"
        | "PendingVerification"
        | "RegionDisabledException"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => Kind::Unauthorized,
        "InstanceLimitExceeded"
        | "MaxSpotInstanceCountExceeded"
        | "NetworkInterfaceLimitExceeded"
        | "ResourceLimitExceeded"
        | "VcpuLimitExceeded"
        | "VolumeLimitExceeded" => Kind::Quota,
        "EC2ThrottledException"
        | "PriorRequestNotComplete"
        | "RequestLimitExceeded"
        | "SlowDown"
        | "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "TooManyRequestsException" => Kind::Throttled,
        "InternalError" | "InternalFailure" | "ServiceUnavailable" | "Unavailable"
        | "ServerInternal" | "RequestTimeout" => Kind::Unavailable,
        _ => Kind::Invalid,
    }
}

pub fn of<E, R>(asked: Asked<'_>, error: SdkError<E, R>) -> ProviderError
where
    E: ProvideErrorMetadata,
{
    if let SdkError::ServiceError(answered) = &error {
        let said = answered.err();
        if let Some(code) = said.code() {
            return answered_with(asked, code, said.message().unwrap_or_default());
        }
    }
    let how = match &error {
        SdkError::ConstructionFailure(_) => "no credentials of this server's own could be found",
        SdkError::TimeoutError(_) => "it did not answer in time",
        SdkError::DispatchFailure(_) => "it could not be reached",
        _ => "its answer could not be read",
    };
    unavailable(format!("AWS could not be asked to {}: {how}.", asked.what))
}

pub fn unavailable(message: String) -> ProviderError {
    ProviderError { kind: Kind::Unavailable, message, code: None }
}

pub fn invalid(message: impl Into<String>) -> ProviderError {
    ProviderError { kind: Kind::Invalid, message: message.into(), code: None }
}

pub fn answered_with(asked: Asked<'_>, code: &str, said: &str) -> ProviderError {
    let (kind, said) = (kind(code), readable(said));
    let what = asked.what;
    let message = match kind {
        Kind::Capacity => format!(
            "AWS has no capacity to {what} now: {said} Try again later, or take another zone or node type."
        ),
        Kind::NoFreeAddresses => format!(
            "No subnet of the workspace has a free address to {what}: {said} Free some, or give the workspace a network with larger subnets."
        ),
        Kind::Unauthorized => format!(
            "The role {} may not {what}: {said} Compare its policy with docs/aws/policy.json.",
            asked.role
        ),
        Kind::Quota => format!(
            "A quota of the AWS account forbids to {what}: {said} Ask AWS for a higher one, or end what is not needed."
        ),
        Kind::Throttled => {
            format!("AWS asks to slow down before it will {what}. It is tried again.")
        }
        Kind::Invalid | Kind::Refused => format!("AWS refuses to {what}: {said}"),
        Kind::Unavailable => format!("AWS failed to {what}: {said}"),
    };
    ProviderError { kind, message, code: Some(code.to_owned()) }
}

/// Without the sealed details that only the account's owner can open, and as a sentence.
fn readable(said: &str) -> String {
    let said = said.split("Encoded authorization failure message").next().unwrap_or_default();
    let mut said: String = said.trim().chars().take(MESSAGE_CHARS_MAX).collect();
    if !said.is_empty() && !said.ends_with(['.', '!', '?']) {
        said.push('.');
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_as_what_they_are() {
        let asked = Asked { what: "start a host", role: "arn:aws:iam::123456789012:role/biplane" };
        let sealed = "You are not authorized to perform this operation. Encoded authorization failure message: xyz";
        let refused = answered_with(asked, "UnauthorizedOperation", sealed);
        assert_eq!(refused.kind, Kind::Unauthorized);
        assert_eq!(
            refused.message,
            "The role arn:aws:iam::123456789012:role/biplane may not start a host: You are not authorized to perform \
             this operation. Compare its policy with docs/aws/policy.json."
        );
        for (code, expected) in [
            ("InsufficientInstanceCapacity", Kind::Capacity),
            ("InsufficientFreeAddressesInSubnet", Kind::NoFreeAddresses),
            ("VcpuLimitExceeded", Kind::Quota),
            ("RequestLimitExceeded", Kind::Throttled),
            ("InvalidAMIID.NotFound", Kind::Invalid),
            ("InternalError", Kind::Unavailable),
        ] {
            let told = answered_with(asked, code, "Something is so");
            assert_eq!((told.kind, told.code.as_deref()), (expected, Some(code)));
            assert!(told.message.ends_with('.'), "{}", told.message);
            assert_eq!(
                expected.retryable(),
                matches!(expected, Kind::Throttled | Kind::Unavailable)
            );
        }
    }
}
