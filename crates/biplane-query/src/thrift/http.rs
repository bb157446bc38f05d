//! Thrift over HTTP: a POST per call on the path of a warehouse. What cannot be read or answered in
//! Thrift goes out with a status and the headers the connectors look into for a text.

use super::Thrift;
use super::codec::{ApplicationError, Call, ErrorKind};
use super::dispatch::dispatch;
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use biplane_platform::audit::OperationName;
use biplane_platform::{ApiError, Ctx, ErrorCode};
use bytes::Bytes;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

const REQUEST_BYTES_MAX: usize = 64 << 20;
const CONTENT_TYPE: &str = "application/x-thrift";
/// Headers that carry the text of an error when the status is not 200.
const ERROR_HEADERS: [&str; 2] =
    ["x-thriftserver-error-message", "x-databricks-error-or-redirect-message"];
const ERROR_HEADER_CHARS_MAX: usize = 1000;

pub fn routes(thrift: &Arc<Thrift>) -> Router {
    Router::new()
        .route("/sql/1.0/warehouses/{id}", post(warehouse_call))
        .route("/sql/1.0/endpoints/{id}", post(warehouse_call))
        .route("/sql/protocolv1/o/{workspace_id}/{id}", post(cluster_call))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .with_state(thrift.clone())
}

type CallBody = Result<Bytes, BytesRejection>;

async fn warehouse_call(
    ctx: Result<Ctx, ApiError>,
    State(thrift): State<Arc<Thrift>>,
    Path(id): Path<String>,
    body: CallBody,
) -> Response {
    respond(ctx, &thrift, &id, body).await
}

async fn cluster_call(
    ctx: Result<Ctx, ApiError>,
    State(thrift): State<Arc<Thrift>>,
    Path((_workspace_id, id)): Path<(String, String)>,
    body: CallBody,
) -> Response {
    respond(ctx, &thrift, &id, body).await
}

async fn respond(
    ctx: Result<Ctx, ApiError>,
    thrift: &Arc<Thrift>,
    compute_id: &str,
    body: CallBody,
) -> Response {
    let ctx = match ctx {
        Ok(ctx) => ctx,
        Err(error) => return refusal(error),
    };
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return refused_body(&rejection),
    };
    let call = match Call::read(body) {
        Ok(call) => call,
        Err(error) => {
            let error = ApplicationError::new(ErrorKind::ProtocolError, error.to_string());
            let message = error.message(None);
            return with_error_headers(
                error.message,
                thrift_response(StatusCode::BAD_REQUEST, message),
            );
        }
    };
    let envelope = call.envelope();
    let operation = OperationName(format!("thrift_{}", envelope.method));
    let mut response = match dispatch(thrift, &ctx, compute_id, call).await {
        Ok(parts) => thrift_response(StatusCode::OK, parts),
        Err(error) => {
            // An unknown method is an answer of the protocol; bytes that are not what they claim are not.
            let status = match error.kind {
                ErrorKind::UnknownMethod => StatusCode::OK,
                ErrorKind::ProtocolError => StatusCode::BAD_REQUEST,
            };
            let message = error.message(Some(&envelope));
            with_error_headers(error.message, thrift_response(status, message))
        }
    };
    response.extensions_mut().insert(operation);
    response
}

/// An error from before Thrift began, where the connectors find it.
pub fn refusal(error: ApiError) -> Response {
    with_error_headers(error.message.clone(), error.into_response())
}

fn refused_body(rejection: &BytesRejection) -> Response {
    let error = match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            ApiError::new(ErrorCode::PayloadTooLarge, "A Thrift message may have 64 MiB.")
        }
        _ => ApiError::new(ErrorCode::MalformedRequest, "The request body could not be read."),
    };
    refusal(error)
}

fn with_error_headers(text: String, mut response: Response) -> Response {
    let text: String = text
        .chars()
        .map(|c| if c.is_ascii() && !c.is_ascii_control() { c } else { ' ' })
        .take(ERROR_HEADER_CHARS_MAX)
        .collect();
    if let Ok(value) = HeaderValue::from_str(&text) {
        let headers: &mut HeaderMap = response.headers_mut();
        for name in ERROR_HEADERS {
            headers.insert(HeaderName::from_static(name), value.clone());
        }
    }
    response
}

fn thrift_response(status: StatusCode, parts: Vec<Bytes>) -> Response {
    let body = Body::new(Parts(parts.into()));
    (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response()
}

/// A body that sends buffers as they are; its length is known.
struct Parts(VecDeque<Bytes>);

impl http_body::Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|part| Ok(http_body::Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        let bytes: usize = self.0.iter().map(Bytes::len).sum();
        http_body::SizeHint::with_exact(bytes as u64)
    }
}
