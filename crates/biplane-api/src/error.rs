//! The one table of error codes: code, HTTP status, and what a client is told.
//!
//! `message` goes to the client. `internal` is for the log alone and never leaves the server.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::fmt;

macro_rules! codes {
    ($($variant:ident $text:literal $status:ident,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($variant,)* }

        impl ErrorCode {
            pub const ALL: &[ErrorCode] = &[$(ErrorCode::$variant,)*];

            /// The `error_code` of the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(ErrorCode::$variant => $text,)* }
            }

            pub fn http_status(self) -> StatusCode {
                match self { $(ErrorCode::$variant => StatusCode::$status,)* }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(ErrorCode::$variant),)* _ => None }
            }
        }
    };
}

codes! {
    MalformedRequest "MALFORMED_REQUEST" BAD_REQUEST,
    BadRequest "BAD_REQUEST" BAD_REQUEST,
    InvalidParameterValue "INVALID_PARAMETER_VALUE" BAD_REQUEST,
    InvalidState "INVALID_STATE" BAD_REQUEST,
    DirectoryNotEmpty "DIRECTORY_NOT_EMPTY" BAD_REQUEST,
    MaxNotebookSizeExceeded "MAX_NOTEBOOK_SIZE_EXCEEDED" BAD_REQUEST,
    QuotaExceeded "QUOTA_EXCEEDED" BAD_REQUEST,
    Unauthenticated "UNAUTHENTICATED" UNAUTHORIZED,
    PermissionDenied "PERMISSION_DENIED" FORBIDDEN,
    NotFound "NOT_FOUND" NOT_FOUND,
    EndpointNotFound "ENDPOINT_NOT_FOUND" NOT_FOUND,
    ResourceDoesNotExist "RESOURCE_DOES_NOT_EXIST" NOT_FOUND,
    CatalogDoesNotExist "CATALOG_DOES_NOT_EXIST" NOT_FOUND,
    SchemaDoesNotExist "SCHEMA_DOES_NOT_EXIST" NOT_FOUND,
    TableDoesNotExist "TABLE_DOES_NOT_EXIST" NOT_FOUND,
    VolumeDoesNotExist "VOLUME_DOES_NOT_EXIST" NOT_FOUND,
    FunctionDoesNotExist "FUNCTION_DOES_NOT_EXIST" NOT_FOUND,
    MethodNotAllowed "METHOD_NOT_ALLOWED" METHOD_NOT_ALLOWED,
    AlreadyExists "ALREADY_EXISTS" CONFLICT,
    ResourceAlreadyExists "RESOURCE_ALREADY_EXISTS" CONFLICT,
    ResourceConflict "RESOURCE_CONFLICT" CONFLICT,
    CatalogAlreadyExists "CATALOG_ALREADY_EXISTS" CONFLICT,
    SchemaAlreadyExists "SCHEMA_ALREADY_EXISTS" CONFLICT,
    TableAlreadyExists "TABLE_ALREADY_EXISTS" CONFLICT,
    Aborted "ABORTED" CONFLICT,
    PayloadTooLarge "MAX_REQUEST_SIZE_EXCEEDED" PAYLOAD_TOO_LARGE,
    RangeNotSatisfiable "RANGE_NOT_SATISFIABLE" RANGE_NOT_SATISFIABLE,
    PreconditionFailed "PRECONDITION_FAILED" PRECONDITION_FAILED,
    ResourceExhausted "RESOURCE_EXHAUSTED" TOO_MANY_REQUESTS,
    RequestLimitExceeded "REQUEST_LIMIT_EXCEEDED" TOO_MANY_REQUESTS,
    InternalError "INTERNAL_ERROR" INTERNAL_SERVER_ERROR,
    DataLoss "DATA_LOSS" INTERNAL_SERVER_ERROR,
    FeatureDisabled "FEATURE_DISABLED" NOT_IMPLEMENTED,
    TemporarilyUnavailable "TEMPORARILY_UNAVAILABLE" SERVICE_UNAVAILABLE,
    DeadlineExceeded "DEADLINE_EXCEEDED" GATEWAY_TIMEOUT,
}

/// An answer that is not a success, in the public shape `{"error_code", "message", "details"}`.
#[derive(Debug, Clone)]
pub struct ApiError {
    pub code: ErrorCode,
    pub message: String,
    pub details: Vec<serde_json::Value>,
    /// Seconds for `Retry-After`.
    pub retry_after_s: Option<u32>,
    /// For the log. Never sent.
    pub internal: Option<String>,
}

impl ApiError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: Vec::new(),
            retry_after_s: None,
            internal: None,
        }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidParameterValue, message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::ResourceDoesNotExist, message)
    }

    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::PermissionDenied, message)
    }

    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::ResourceConflict, message)
    }

    /// Something the client could not have caused. The cause goes to the log, not to the client.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self {
            internal: Some(cause.to_string()),
            ..Self::new(
                ErrorCode::InternalError,
                "An internal error occurred. The request id names it in the server's log.",
            )
        }
    }

    /// Asked for by name but not built: says so, changes nothing.
    pub fn unsupported(what: impl fmt::Display) -> Self {
        Self::new(ErrorCode::FeatureDisabled, format!("{what} is not supported by this server."))
    }

    /// `google.rpc.ErrorInfo`.
    pub fn with_reason(mut self, reason: &str, metadata: serde_json::Value) -> Self {
        self.details.push(serde_json::json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason, "domain": "biplane", "metadata": metadata,
        }));
        self
    }

    pub fn body(&self) -> serde_json::Value {
        serde_json::json!({
            "error_code": self.code.as_str(), "message": self.message, "details": self.details,
        })
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for ApiError {}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.code.http_status(), Json(self.body())).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(axum::http::header::RETRY_AFTER, seconds.into());
        }
        // The edge logs it once, with the request id; see biplane-server.
        response.extensions_mut().insert(self);
        response
    }
}

/// The body of every error, for the API description.
#[derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ErrorBody {
    pub error_code: String,
    pub message: String,
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub details: Vec<serde_json::Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_parse_back() {
        for &code in ErrorCode::ALL {
            assert_eq!(ErrorCode::parse(code.as_str()), Some(code));
        }
    }

    #[test]
    fn internal_text_stays_inside() {
        let error = ApiError::internal("password=hunter2");
        assert!(!error.body().to_string().contains("hunter2"));
        assert!(!error.to_string().contains("hunter2"));
    }
}
