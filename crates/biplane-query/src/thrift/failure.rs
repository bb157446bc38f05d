//! Calls that fail, as Thrift says it: a status in the response of the call.

use super::idl::*;
use biplane_platform::{ApiError, ErrorCode};
use std::borrow::Cow;

/// What a call answers instead of its result.
#[derive(Debug)]
pub struct Failure {
    code: TStatusCode,
    sql_state: Cow<'static, str>,
    message: String,
}

pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub fn new(sql_state: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: TStatusCode::ERROR, sql_state: sql_state.into(), message: message.into() }
    }

    /// The words are those clients look for when a session or operation is gone already.
    pub fn invalid_handle(what: &str) -> Self {
        Self {
            code: TStatusCode::INVALID_HANDLE,
            sql_state: "HY000".into(),
            message: format!("Invalid {what}: it was closed, has expired or never existed."),
        }
    }

    pub fn unsupported(what: &str) -> Self {
        Self::new("0A000", format!("[UNSUPPORTED_FEATURE] {what} is not supported."))
    }

    pub fn status(self) -> TStatus {
        TStatus {
            status_code: self.code,
            sql_state: Some(self.sql_state.into_owned()),
            error_code: Some(0),
            display_message: Some(self.message.clone()),
            error_message: Some(self.message),
            ..Default::default()
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        if let Some(internal) = &error.internal {
            tracing::error!(code = error.code.as_str(), internal, "a Thrift call failed");
        }
        let sql_state = match error.code {
            ErrorCode::PermissionDenied => "42501",
            ErrorCode::Unauthenticated => "28000",
            ErrorCode::FeatureDisabled => "0A000",
            ErrorCode::CatalogDoesNotExist => "42704",
            ErrorCode::SchemaDoesNotExist => "42704",
            ErrorCode::TableDoesNotExist => "42P01",
            ErrorCode::InvalidParameterValue => "22023",
            ErrorCode::ResourceExhausted | ErrorCode::RequestLimitExceeded => "53000",
            _ => "HY000",
        };
        Self::new(sql_state, format!("[{}] {}", error.code.as_str(), error.message))
    }
}

pub fn success() -> TStatus {
    TStatus::default()
}

/// A response that can carry a failure in place of its content.
pub trait Answer {
    fn failed(status: TStatus) -> Self;
}

macro_rules! answers {
    ($($name:ident)*) => {$(
        impl Answer for $name {
            fn failed(status: TStatus) -> Self {
                Self { status, ..Default::default() }
            }
        }
    )*};
}

answers! {
    TOperationResp TGetOperationStatusResp TGetResultSetMetadataResp TFetchResultsResp
    TGetInfoResp
}

impl Answer for TStatusResp {
    fn failed(status: TStatus) -> Self {
        Self { status }
    }
}

impl Answer for TOpenSessionResp {
    fn failed(status: TStatus) -> Self {
        Self {
            status,
            server_protocol_version: super::session::PROTOCOL_VERSION,
            ..Default::default()
        }
    }
}
