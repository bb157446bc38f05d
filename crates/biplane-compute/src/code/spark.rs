//! Spark Connect: calls go to the runtime of whoever makes them, and their messages pass unread.

use super::runtime::{Calls, NoRuntime, Owner};
use super::{CLUSTER, CodeSandbox, version};
use crate::Compute;
use crate::clusters::newest_version;
use crate::relay::Refused;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use biplane_platform::audit::OperationName;
use biplane_platform::{ApiError, Ctx, Entitlement, ErrorCode, Result};
use http::header::{CONTENT_TYPE, HeaderName, TE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::{Code as GrpcCode, Status};

/// Where clients find it.
pub const PREFIX: &str = "/spark.connect.SparkConnectService/";
const ROUTE: &str = "/spark.connect.SparkConnectService/{method}";
const KIND: &[u8] = b"application/grpc";
const CLUSTER_HEADER: &str = "x-databricks-cluster-id";
/// databricks-connect on serverless says this, and nobody else does.
const SESSION_HEADER: &str = "x-databricks-session-id";
/// How errors begin that tell of a cluster on its way.
const NOT_READY: &str = "ClusterNotReadyException";
const STREAMS_MAX: u32 = 256;
const HEADER_BYTES_MAX: u32 = 64 << 10;
const PING: Duration = Duration::from_secs(10);
const METHOD_CHARS_MAX: usize = 64;

/// What passes to a runtime and from it: never the caller's credential, no header that means something here.
fn passes(name: &HeaderName) -> bool {
    name == CONTENT_TYPE || name == TE || name == USER_AGENT || name.as_str().starts_with("grpc-")
}

pub(crate) fn routes() -> Router<Arc<Compute>> {
    Router::new().route(ROUTE, post(spark_call))
}

async fn spark_call(State(compute): State<Arc<Compute>>, ctx: Ctx, request: Request) -> Response {
    let method = request.uri().path().rsplit('/').next().unwrap_or_default();
    let operation = OperationName(format!("spark_connect_{}", snake(method)));
    let mut response = match compute.owner(&ctx, request.headers()).await {
        Ok(owner) => compute.spark_forward(&owner, request).await,
        Err(error) => refusal(error),
    };
    response.extensions_mut().insert(operation);
    response
}

/// `ExecutePlan` as operations are named.
fn snake(method: &str) -> String {
    let mut name = String::new();
    for c in method.chars().filter(char::is_ascii_alphanumeric).take(METHOD_CHARS_MAX) {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

impl Compute {
    async fn owner(&self, ctx: &Ctx, headers: &HeaderMap) -> Result<Owner> {
        let workspace_id = ctx.workspace()?;
        ctx.require_entitlement(Entitlement::WorkspaceAccess)?;
        let cluster = headers.get(CLUSTER_HEADER).map(HeaderValue::as_bytes).unwrap_or_default();
        let cluster = match str::from_utf8(cluster) {
            Ok("" | CLUSTER) => None,
            Ok(id) => Some(self.cluster_attach(ctx, id).await?),
            Err(_) => return Err(ApiError::invalid("The id of the cluster is not valid.")),
        };
        Ok(Owner {
            workspace_id,
            principal_id: ctx.principal.id,
            user_name: ctx.principal.name.clone(),
            cluster,
        })
    }

    /// Passes one call on to the owner's runtime, and streams what comes back.
    pub(crate) async fn spark_forward(
        self: &Arc<Self>,
        owner: &Owner,
        request: Request,
    ) -> Response {
        let kind = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let path = request.uri().path();
        let asked = path.strip_prefix(PREFIX).is_some_and(|method| {
            !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        if request.method() != Method::POST || !asked {
            return told(Status::unimplemented("This is no method of Spark Connect."));
        }
        if !kind.is_some_and(|kind| kind.starts_with(KIND)) {
            return (StatusCode::UNSUPPORTED_MEDIA_TYPE, "gRPC is spoken here\n").into_response();
        }
        let Ok(uri) = Uri::try_from(format!("http://relay{path}")) else {
            return told(Status::unimplemented("This is no method of Spark Connect."));
        };
        let runtime = match self.runtime(owner).await {
            Ok(runtime) => runtime,
            Err(none) => return told(status(none)),
        };
        let (parts, body) = request.into_parts();
        let wants_version =
            path_of(&parts.uri) == "AnalyzePlan" && parts.headers.contains_key(SESSION_HEADER);
        let mut passed = http::Request::new(body);
        *passed.method_mut() = Method::POST;
        *passed.uri_mut() = uri;
        *passed.headers_mut() = allowed(parts.headers);
        if wants_version {
            // What is added must not be to something compressed.
            passed.headers_mut().remove("grpc-accept-encoding");
        }
        let ended = runtime.ended();
        let called = tokio::select! {
            called = call(runtime.calls.clone(), passed) => called,
            () = ended.cancelled() => return told(Status::unavailable("The Spark runtime ended.")),
        };
        match called {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                // The runtime is in use until the last byte of the answer.
                let body = body.map_frame(move |frame| {
                    let _in_use = &runtime;
                    match wants_version {
                        true => frame.map_data(|data| version::add(data, newest_version())),
                        false => frame,
                    }
                });
                let mut response = Response::new(Body::new(body));
                *response.headers_mut() = allowed(parts.headers);
                let kind = HeaderValue::from_static("application/grpc");
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            Err(error) => {
                tracing::info!(
                    error = &error as &dyn std::error::Error,
                    "a call to a runtime broke"
                );
                told(Status::unavailable("The Spark runtime does not answer."))
            }
        }
    }

    /// Serves Spark Connect to code of a user, whose runtime is the one it reaches.
    pub(crate) async fn spark_serve<S>(
        self: &Arc<Self>,
        sandbox: &Arc<CodeSandbox>,
        stream: S,
    ) -> Result<(), Refused>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (compute, owner) = (self.clone(), Owner::of(sandbox));
        let service = hyper::service::service_fn(move |request: http::Request<_>| {
            let (compute, owner) = (compute.clone(), owner.clone());
            async move {
                Ok::<_, Infallible>(compute.spark_forward(&owner, request.map(Body::new)).await)
            }
        });
        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(HEADER_BYTES_MAX)
            .initial_stream_window_size(biplane_proto::channel::WINDOW_BYTES)
            .initial_connection_window_size(biplane_proto::channel::WINDOW_BYTES)
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING * 3)
            .serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            _ = connection => {}
            () = sandbox.closed.cancelled() => {}
            () = self.stop.cancelled() => {}
        }
        Ok(())
    }
}

async fn call(mut calls: Calls, request: Request) -> hyper::Result<http::Response<Incoming>> {
    calls.ready().await?;
    calls.send_request(request).await
}

fn path_of(uri: &Uri) -> &str {
    uri.path().strip_prefix(PREFIX).unwrap_or_default()
}

fn allowed(headers: HeaderMap) -> HeaderMap {
    let mut last = None;
    let mut kept = HeaderMap::new();
    for (name, value) in headers {
        // Values of one name follow it without the name.
        last = name.or(last);
        if let Some(name) = last.as_ref().filter(|name| passes(name)) {
            kept.append(name, value);
        }
    }
    kept
}

/// An error from before Spark Connect began, as gRPC clients read it.
pub fn refusal(error: ApiError) -> Response {
    if error.message.starts_with(NOT_READY) {
        let text = format!("{} It is in unexpected state Pending.", error.message);
        return told(Status::unavailable(text));
    }
    let code = match error.code.http_status() {
        StatusCode::BAD_REQUEST if error.code == ErrorCode::InvalidState => {
            GrpcCode::FailedPrecondition
        }
        StatusCode::BAD_REQUEST => GrpcCode::InvalidArgument,
        StatusCode::UNAUTHORIZED => GrpcCode::Unauthenticated,
        StatusCode::FORBIDDEN => GrpcCode::PermissionDenied,
        StatusCode::NOT_FOUND => GrpcCode::NotFound,
        StatusCode::CONFLICT => GrpcCode::Aborted,
        StatusCode::TOO_MANY_REQUESTS => GrpcCode::ResourceExhausted,
        StatusCode::NOT_IMPLEMENTED => GrpcCode::Unimplemented,
        StatusCode::SERVICE_UNAVAILABLE => GrpcCode::Unavailable,
        StatusCode::GATEWAY_TIMEOUT => GrpcCode::DeadlineExceeded,
        _ => GrpcCode::Internal,
    };
    let mut response = told(Status::new(code, error.message.clone()));
    response.extensions_mut().insert(error);
    response
}

/// In the words that clients wait at.
fn status(none: NoRuntime) -> Status {
    match none {
        NoRuntime::Pending => {
            Status::unavailable("The Spark runtime is starting: it is in unexpected state Pending.")
        }
        NoRuntime::Failed(reason) => Status::failed_precondition(reason),
        NoRuntime::Refused(error) => match error.code {
            ErrorCode::FeatureDisabled => Status::unimplemented(error.message),
            _ => Status::internal(error.message),
        },
    }
}

fn told(status: Status) -> Response {
    status.into_http()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_credential_passes_to_a_runtime() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer x"),
            ("cookie", "session=x"),
            ("x-databricks-session-id", "1"),
            ("grpc-timeout", "5S"),
            ("grpc-accept-encoding", "gzip"),
            ("te", "trailers"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers.append("cookie", HeaderValue::from_static("other=y"));
        let kept = allowed(headers);
        let mut names: Vec<&str> = kept.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["grpc-accept-encoding", "grpc-timeout", "te"]);
    }

    #[test]
    fn errors_are_statuses_of_grpc() {
        let response = refusal(ApiError::new(ErrorCode::Unauthenticated, "who?"));
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["grpc-status"], "16");
        assert_eq!(response.headers()["content-type"], "application/grpc");
        assert_eq!(snake("ExecutePlan"), "execute_plan");
    }
}
