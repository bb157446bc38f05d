//! Extractors that answer bad input in the public error shape. The content type is not looked at:
//! clients send JSON with whatever header, some even on GET.

use crate::{ApiError, ErrorCode, Result};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// A JSON body. An empty body reads as `{}`.
#[derive(Debug)]
pub struct ApiJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let bytes = Bytes::from_request(request, state).await.map_err(body_error)?;
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(text).map(ApiJson).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => {
                ApiError::invalid(format!("Invalid request body: {error}"))
            }
            _ => ApiError::new(
                ErrorCode::MalformedRequest,
                format!("The request body is not valid JSON: {error}"),
            ),
        })
    }
}

fn body_error(error: BytesRejection) -> ApiError {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(
            ErrorCode::PayloadTooLarge,
            "The request body is larger than this call takes.",
        ),
        _ => ApiError::new(ErrorCode::MalformedRequest, "The request body could not be read."),
    }
}

/// The query string.
#[derive(Debug)]
pub struct ApiQuery<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        axum::extract::Query::<T>::try_from_uri(&parts.uri).map(|query| ApiQuery(query.0)).map_err(
            |error| ApiError::invalid(format!("Invalid query string: {}", error.body_text())),
        )
    }
}

/// Path parameters, percent-decoded.
#[derive(Debug)]
pub struct ApiPath<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for ApiPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        Path::<T>::from_request_parts(parts, state)
            .await
            .map(|path| ApiPath(path.0))
            .map_err(|error| ApiError::invalid(format!("Invalid path: {}", error.body_text())))
    }
}
