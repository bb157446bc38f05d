//! `GET /metrics` for Prometheus, on a listener of its own: it is for the operator's network, not for users.

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use biplane_platform::metrics::{self, Seconds, registered};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use std::sync::LazyLock;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    operation: String,
    status: u16,
}

static REQUESTS: LazyLock<Family<Request, Histogram, Seconds>> = LazyLock::new(|| {
    registered(
        "http_request_duration_seconds",
        "API calls by operation and HTTP status.",
        Family::new_with_constructor(Seconds),
    )
});

/// `operation` is one of the API description, or a route's pattern.
pub fn request(operation: &str, status: u16, taken: Duration) {
    let labels = Request { operation: operation.to_owned(), status };
    REQUESTS.get_or_create(&labels).observe(taken.as_secs_f64());
}

pub async fn serve(socket: TcpListener, stop: CancellationToken) {
    let app = Router::new().route("/metrics", get(text));
    let served = axum::serve(socket, app).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(%error, "metrics are no longer served");
    }
}

async fn text() -> Response {
    match metrics::text() {
        Ok(text) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
