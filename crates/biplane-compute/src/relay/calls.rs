//! Connections on which a sandbox calls the control plane: its REST API, over HTTP/2.

use super::Refused;
use crate::Compute;
use axum::Router;
use axum::body::Body;
use biplane_api::ids::{NodeId, SandboxId};
use biplane_platform::RelayPeer;
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
