//! Connections on which a sandbox calls the control plane: its REST API, over HTTP/2. Code of users calls
//! the statement API and the files API alone, over HTTP/1.1, which is in Python's own library.

use super::Refused;
use crate::Compute;
use crate::code::CodeSandbox;
use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use biplane_api::ids::{NodeId, SandboxId};
use biplane_platform::{ApiError, ErrorCode, RelayPeer};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt;

const STREAMS_MAX: u32 = 256;
const HEADER_BYTES_MAX: u32 = 64 << 10;
const PING: Duration = Duration::from_secs(10);

pub async fn serve(
    compute: &Arc<Compute>,
    node_id: &NodeId,
    sandbox_id: SandboxId,
    stream: TlsStream<TcpStream>,
    calls: Router,
) -> Result<(), Refused> {
    if let Some(sandbox) = compute.code.speaker(node_id, &sandbox_id) {
        if sandbox.runtime.is_some() {
            // It has no token: what it may ask is `catalog`.
            return Err(Refused::UnknownSandbox);
        }
        return serve_code(compute, &sandbox, stream, calls).await;
    }
    let placed = compute.placed(node_id, &sandbox_id).ok_or(Refused::UnknownSandbox)?;
    let peer = RelayPeer { sandbox_id, workspace_id: placed.workspace_id };
    let service =
        hyper::service::service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(peer.clone());
            calls.clone().oneshot(request.map(Body::new))
        });
    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // How an engine hangs up is its own affair.
        _ = connection => {}
        () = placed.closed.cancelled() => {}
        () = compute.stop.cancelled() => {}
    }
    Ok(())
}

/// They are read by it, and never written.
const SECRETS: &[&str] =
    &["/api/2.0/secrets/get", "/api/2.0/secrets/list", "/api/2.0/secrets/scopes/list"];

/// What is read of objects of the workspace: `/Workspace` of Python.
const OBJECTS: &[&str] =
    &["/api/2.0/workspace/get-status", "/api/2.0/workspace/list", "/api/2.0/workspace/export"];

/// What code of users may call. Never what engines may: that would hand out keys.
fn open_to_code(path: &str) -> bool {
    let statements = path.strip_prefix("/api/2.0/sql/statements");
    statements.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        || path.starts_with("/api/2.0/biplane/results/")
        || path.starts_with("/api/2.0/fs/files/")
        || path.starts_with("/api/2.0/fs/directories/")
        || SECRETS.contains(&path)
        || OBJECTS.contains(&path)
}

async fn serve_code(
    compute: &Arc<Compute>,
    sandbox: &CodeSandbox,
    stream: TlsStream<TcpStream>,
    calls: Router,
) -> Result<(), Refused> {
    let peer = RelayPeer { sandbox_id: sandbox.id.clone(), workspace_id: sandbox.workspace_id };
    let service = hyper::service::service_fn(
        move |mut request: http::Request<hyper::body::Incoming>| {
            let open = open_to_code(request.uri().path());
            request.extensions_mut().insert(peer.clone());
            let calls = calls.clone();
            async move {
                if open {
                    return calls.oneshot(request.map(Body::new)).await;
                }
                let message = "Code in a sandbox may run statements, use files, and read secrets and objects of the workspace, and nothing else.";
                Ok(ApiError::new(ErrorCode::PermissionDenied, message).into_response())
            }
        },
    );
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PING)
        .max_buf_size(HEADER_BYTES_MAX as usize)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ = connection => {}
        () = sandbox.closed.cancelled() => {}
        () = compute.stop.cancelled() => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::open_to_code;

    #[test]
    fn code_of_users_calls_the_apis_of_data_alone() {
        for open in [
            "/api/2.0/sql/statements",
            "/api/2.0/sql/statements/x/result/chunks/0",
            "/api/2.0/fs/files/Volumes/a/b/c/d",
            "/api/2.0/secrets/get",
            "/api/2.0/workspace/export",
        ] {
            assert!(open_to_code(open));
        }
        for closed in [
            "/internal/v1/resolve",
            "/api/2.0/secrets/put",
            "/api/2.0/workspace/import",
            "/api/2.0/workspace/delete",
            "/api/2.0/sql/statementsx",
            "/api/2.0/token/create",
            "/",
        ] {
            assert!(!open_to_code(closed));
        }
    }
}
