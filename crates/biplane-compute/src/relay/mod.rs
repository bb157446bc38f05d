//! The relay: where nodes connect. It only accepts; the control plane never dials.
//!
//! Who a connection belongs to is its client certificate. The first line only says what it is for, and
//! is believed within what that node was given: a sandbox that was placed on it.

mod calls;
mod guard;
pub(crate) mod nodes;

use crate::Compute;
use crate::ca::{CaError, RelayCa, node_of};
use axum::Router;
use biplane_api::ids::NodeId;
use biplane_proto::channel::bound_silence;
use biplane_proto::preface::Role;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub(crate) use guard::Guarded;

/// Connections at one time: an engine and its calls make a handful per sandbox.
const CONNECTIONS_MAX: usize = 8192;
/// Of those, how many may still be unknown: without a certificate, without a first line.
const STRANGERS_MAX: usize = 256;
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_LINE_TIMEOUT: Duration = Duration::from_secs(5);
/// The relay's certificate is made anew within its life of three months.
const RECERTIFY: Duration = Duration::from_secs(30 * 86_400);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the TLS handshake failed")]
    Tls(#[source] std::io::Error),
    #[error("it was silent for too long")]
    Silent,
    #[error("its certificate names no node")]
    Nameless,
    #[error("it is not the node it says it is")]
    OtherNode,
    #[error("its sandbox is not known, or not on this node")]
    UnknownSandbox,
    #[error(transparent)]
    Preface(#[from] biplane_proto::preface::PrefaceError),
    #[error("gRPC could not begin")]
    Channel(#[from] tonic::transport::Error),
    #[error("the node answered with an error")]
    Node(#[from] tonic::Status),
}

/// Accepts until the service stops. `calls` is what engines may call.
pub(crate) async fn serve(
    compute: Arc<Compute>,
    listener: TcpListener,
    ca: Arc<RelayCa>,
    calls: Router,
) -> Result<(), CaError> {
    let (all, strangers) =
        (Arc::new(Semaphore::new(CONNECTIONS_MAX)), Arc::new(Semaphore::new(STRANGERS_MAX)));
    let mut acceptor = TlsAcceptor::from(Arc::new(ca.server_config()?));
    let mut recertify = tokio::time::interval(RECERTIFY);
    recertify.tick().await;
    loop {
        let tcp = tokio::select! {
            () = compute.stop.cancelled() => return Ok(()),
            _ = recertify.tick() => {
                acceptor = TlsAcceptor::from(Arc::new(ca.server_config()?));
                continue;
            }
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) => tcp,
                Err(error) => {
                    tracing::warn!(%error, "the relay could not accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        // A connection too many is closed at once: waiting would hold the known ones up too.
        let (Ok(slot), Ok(stranger)) =
            (all.clone().try_acquire_owned(), strangers.clone().try_acquire_owned())
        else {
            tracing::warn!("the relay has all the connections it may");
            continue;
        };
        let (compute, acceptor, calls) = (compute.clone(), acceptor.clone(), calls.clone());
        tokio::spawn(async move {
            let _slot = slot;
            let peer = tcp.peer_addr().ok();
            let introduced = introduce(acceptor, tcp).await;
            drop(stranger);
            let result = match introduced {
                Ok((stream, node_id, role)) => {
                    serve_role(&compute, stream, peer, node_id, role, calls).await
                }
                Err(refused) => Err(refused),
            };
            if let Err(refused) = result {
                tracing::info!(
                    ?peer,
                    error = &refused as &dyn std::error::Error,
                    "a relay connection was refused or broke"
                );
            }
        });
    }
}

async fn introduce(
    acceptor: TlsAcceptor,
    tcp: TcpStream,
) -> Result<(TlsStream<TcpStream>, NodeId, Role), Refused> {
    tcp.set_nodelay(true).and_then(|()| bound_silence(&tcp)).map_err(Refused::Tls)?;
    let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(tcp));
    let mut stream = handshake.await.map_err(|_| Refused::Silent)?.map_err(Refused::Tls)?;
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let node_id = certificates.first().and_then(node_of).ok_or(Refused::Nameless)?;
    let role = tokio::time::timeout(FIRST_LINE_TIMEOUT, Role::read(&mut stream))
        .await
        .map_err(|_| Refused::Silent)??;
    Ok((stream, node_id, role))
}

async fn serve_role(
    compute: &Arc<Compute>,
    stream: TlsStream<TcpStream>,
    peer: Option<SocketAddr>,
    node_id: NodeId,
    role: Role,
    calls: Router,
) -> Result<(), Refused> {
    match role {
        Role::Node { node_id: said } if said == node_id.as_str() => {
            tracing::info!(%node_id, ?peer, "node connected");
            let result = nodes::serve(compute, stream, &node_id).await;
            tracing::info!(%node_id, "node disconnected");
            result
        }
        Role::Node { .. } => Err(Refused::OtherNode),
        Role::Engine { sandbox_id } => {
            let sandbox_id = sandbox_id.parse().map_err(|_| Refused::UnknownSandbox)?;
            compute.engine_connected(&node_id, &sandbox_id, stream).await
        }
        Role::Call { sandbox_id } => {
            let sandbox_id = sandbox_id.parse().map_err(|_| Refused::UnknownSandbox)?;
            calls::serve(compute, &node_id, sandbox_id, stream, calls).await
        }
        Role::Code { sandbox_id } => {
            let sandbox_id = sandbox_id.parse().map_err(|_| Refused::UnknownSandbox)?;
            compute.code_connected(&node_id, &sandbox_id, stream).await
        }
    }
}
