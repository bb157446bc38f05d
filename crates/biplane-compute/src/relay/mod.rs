//! The relay: where nodes connect. It only accepts; the control plane never dials.
//!
//! Who a connection belongs to is its client certificate; without one a host may ask to be let in, nothing
//! else. The first line only says what it is for, and
//! is believed within what that node was given: a sandbox that was placed on it.

mod admission;
mod calls;
mod guard;
pub(crate) mod nodes;

use crate::Compute;
use crate::ca::{CaError, NodeName, RelayCa, RelayTls, node_of};
use crate::nodes::admission::NotAdmitted;
use axum::Router;
use biplane_proto::admission::JOIN_NAME;
use biplane_proto::channel::bound_silence;
use biplane_proto::preface::{Refusal, Role, Verdict};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::LazyConfigAcceptor;
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
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
    #[error("its last words could not be said")]
    Io(#[from] std::io::Error),
    #[error("it is not the node it says it is")]
    OtherNode,
    #[error("its sandbox is not known, or not on this node")]
    UnknownSandbox,
    #[error(transparent)]
    Preface(#[from] biplane_proto::preface::PrefaceError),
    #[error("gRPC could not begin")]
    Channel(#[from] tonic::transport::Error),
    #[error("HTTP/2 could not begin")]
    Http2(#[from] hyper::Error),
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
    let mut tls = ca.relay_tls()?;
    compute.set_authority(ca.clone());
    compute.code.set_calls(calls.clone());
    let mut recertify = tokio::time::interval(RECERTIFY);
    recertify.tick().await;
    loop {
        let tcp = tokio::select! {
            () = compute.stop.cancelled() => return Ok(()),
            _ = recertify.tick() => {
                tls = ca.relay_tls()?;
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
        let (compute, tls, calls) = (compute.clone(), tls.clone(), calls.clone());
        tokio::spawn(async move {
            let _slot = slot;
            let peer = tcp.peer_addr().ok();
            let introduced = introduce(tls, tcp).await;
            drop(stranger);
            let result = match introduced {
                Ok((stream, None, _)) => admission::join(&compute, stream).await,
                Ok((stream, Some(name), role)) => {
                    Box::pin(serve_role(&compute, stream, peer, name, role, calls)).await
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

/// Without a name in the answer: it wants to be let in.
async fn introduce(
    tls: RelayTls,
    tcp: TcpStream,
) -> Result<(TlsStream<TcpStream>, Option<NodeName>, Role), Refused> {
    tcp.set_nodelay(true).and_then(|()| bound_silence(&tcp)).map_err(Refused::Tls)?;
    let handshake = async {
        let start = LazyConfigAcceptor::new(Default::default(), tcp).await?;
        let joining = start.client_hello().server_name() == Some(JOIN_NAME);
        let config = if joining { tls.joining } else { tls.nodes };
        Ok((start.into_stream(config).await?, joining))
    };
    let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake);
    let (mut stream, joining) =
        handshake.await.map_err(|_| Refused::Silent)?.map_err(Refused::Tls)?;
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let name = match joining {
        true => None,
        false => Some(certificates.first().and_then(node_of).ok_or(Refused::Nameless)?),
    };
    let role = tokio::time::timeout(FIRST_LINE_TIMEOUT, Role::read(&mut stream))
        .await
        .map_err(|_| Refused::Silent)??;
    match (&name, &role) {
        (Some(_), _) | (None, Role::Admission { .. }) => Ok((stream, name, role)),
        (None, _) => Err(Refused::Nameless),
    }
}

async fn serve_role(
    compute: &Arc<Compute>,
    stream: TlsStream<TcpStream>,
    peer: Option<SocketAddr>,
    name: NodeName,
    role: Role,
    calls: Router,
) -> Result<(), Refused> {
    // A session that is resumed was not looked at by TLS again.
    let known = compute.node_known(&name).await;
    let node_id = name.node_id.clone();
    let sandbox = |id: String| id.parse().map_err(|_| Refused::UnknownSandbox);
    match role {
        Role::Node { node_id: said, .. } | Role::Admission { node_id: said }
            if said != node_id.as_str() =>
        {
            Err(Refused::OtherNode)
        }
        Role::Admission { .. } => admission::serve(compute, stream, &name, known).await,
        Role::Node { agent, .. } => {
            let row = match known {
                Ok(()) => compute.agent_arrives(&name, &agent).await,
                Err(refused) => Err(refused),
            };
            match row {
                Ok(row) => {
                    tracing::info!(%node_id, ?peer, "node connected");
                    let result = nodes::serve(compute, stream, row, agent).await;
                    tracing::info!(%node_id, "node disconnected");
                    result
                }
                Err(NotAdmitted::Node(refusal)) => Err(send_away(stream, refusal).await),
                Err(error) => Err(error.into()),
            }
        }
        Role::Engine { sandbox_id } => {
            known?;
            let id = sandbox(sandbox_id)?;
            match compute.code.speaker(&node_id, &id) {
                Some(runtime) => compute.runtime_connected(&runtime, stream).await,
                None => compute.engine_connected(&node_id, &id, stream).await,
            }
        }
        Role::Call { sandbox_id } => {
            known?;
            calls::serve(compute, &node_id, sandbox(sandbox_id)?, stream, calls).await
        }
        Role::Code { sandbox_id } => {
            known?;
            compute.code_connected(&node_id, &sandbox(sandbox_id)?, stream).await
        }
        Role::Spark { sandbox_id } => {
            known?;
            let found = compute.code.speaker(&node_id, &sandbox(sandbox_id)?);
            let found = found.ok_or(Refused::UnknownSandbox)?;
            compute.spark_serve(&found, stream).await
        }
        Role::Catalog { sandbox_id } => {
            known?;
            let found = compute.code.speaker(&node_id, &sandbox(sandbox_id)?);
            compute.catalog_serve(&found.ok_or(Refused::UnknownSandbox)?, stream).await
        }
    }
}

/// Tells it why, so that it need not try again.
async fn send_away(mut stream: TlsStream<TcpStream>, refusal: Refusal) -> Refused {
    let told = async {
        Verdict::Refused(refusal).write(&mut stream).await?;
        stream.shutdown().await.map_err(Refused::Io)
    };
    match tokio::time::timeout(FIRST_LINE_TIMEOUT, told).await {
        Ok(Ok(())) | Err(_) => NotAdmitted::Node(refusal).into(),
        Ok(Err(error)) => error,
    }
}
