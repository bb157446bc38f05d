//! Between nodes: TLS 1.3 with the cluster's own authority on both sides, one connection for each that
//! a program makes.

use super::door::{Door, Taken};
use super::order::{self, Membership};
use super::{Mesh, Refusal, line};
use crate::limits::Limits;
use biplane_api::ids::SandboxId;
use nix::sys::socket::{setsockopt, sockopt};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::{LazyConfigAcceptor, TlsConnector, client, server};
use tokio_util::sync::CancellationToken;

pub type Stream = client::TlsStream<TcpStream>;

/// Connections of other nodes at one time.
const CONNECTIONS_MAX: usize = 8192;
/// Of those, how many may still be unknown: without a certificate, without a first line.
const STRANGERS_MAX: usize = 256;
/// On top of what the other node needs to find an acceptor.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// A node that is gone without a word is known to be so after about a minute.
const PROBE_AFTER_S: u32 = 30;
const PROBE_EVERY_S: u32 = 10;
const PROBES: u32 = 3;

/// Who asks for a member that is not here, or asks without a name, is told no by TLS.
#[derive(Debug)]
struct Nobody;

impl ResolvesServerCert for Nobody {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}

pub fn refusing() -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Nobody)))
}

fn prepare(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    setsockopt(tcp, sockopt::KeepAlive, &true)?;
    setsockopt(tcp, sockopt::TcpKeepIdle, &PROBE_AFTER_S)?;
    setsockopt(tcp, sockopt::TcpKeepInterval, &PROBE_EVERY_S)?;
    setsockopt(tcp, sockopt::TcpKeepCount, &PROBES)?;
    Ok(())
}

async fn within<T>(
    time: Duration,
    work: impl Future<Output = Result<T, Refusal>>,
) -> Result<T, Refusal> {
    tokio::time::timeout(time, work).await.map_err(|_| Refusal::Silent)?
}

/// A connection to `port` of the member `to`, which has taken it.
pub async fn dial(
    member: &Membership,
    to: &SandboxId,
    address: &str,
    port: u16,
    limits: &Limits,
) -> Result<Stream, Refusal> {
    let name = order::tls_name(&member.cluster, to).ok_or(Refusal::NotMember)?;
    let tcp = within(limits.dial_timeout, async {
        TcpStream::connect(address).await.map_err(Refusal::Dial)
    });
    let tcp = tcp.await?;
    prepare(&tcp)?;
    let connector = TlsConnector::from(member.client.clone());
    let mut stream = within(limits.hello_timeout, async {
        connector.connect(name, tcp).await.map_err(Refusal::Tls)
    })
    .await?;
    within(ANSWER_TIMEOUT, async {
        line::write_preface(&mut stream, port).await?;
        line::answer(&mut stream).await
    })
    .await
    // A certificate that is refused in TLS 1.3 is refused when the answer is read.
    .map_err(|refusal| match refusal {
        Refusal::Io(error) => Refusal::Tls(error),
        other => other,
    })?;
    Ok(stream)
}

pub async fn listen(mesh: Arc<Mesh>, listener: TcpListener, closed: CancellationToken) {
    let (all, strangers) =
        (Arc::new(Semaphore::new(CONNECTIONS_MAX)), Arc::new(Semaphore::new(STRANGERS_MAX)));
    loop {
        let accepted = tokio::select! {
            () = closed.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (tcp, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "the mesh could not accept");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (Ok(slot), Ok(stranger)) =
            (all.clone().try_acquire_owned(), strangers.clone().try_acquire_owned())
        else {
            tracing::warn!(%peer, "the mesh has all the connections it may");
            continue;
        };
        let (mesh, closed) = (mesh.clone(), closed.clone());
        tokio::spawn(async move {
            let _slot = slot;
            let serving = async {
                // What a handshake needs is given back before bytes flow.
                let introduced = Box::pin(introduce(&mesh, tcp)).await;
                drop(stranger);
                match introduced {
                    Ok(visitor) => visitor.serve().await,
                    Err(refusal) => Err(refusal),
                }
            };
            if let Some(Err(refusal)) = closed.run_until_cancelled(serving).await {
                tracing::info!(%peer, error = &refusal as &dyn std::error::Error, "a mesh connection from outside was refused");
            }
        });
    }
}

/// A member of another node, at the door of one that is here.
struct Visitor {
    stream: server::TlsStream<TcpStream>,
    door: Arc<Door>,
    cluster: String,
    caller: SandboxId,
    port: u16,
}

async fn introduce(mesh: &Mesh, tcp: TcpStream) -> Result<Visitor, Refusal> {
    prepare(&tcp)?;
    let Limits { hello_timeout, head_timeout, .. } = mesh.limits;
    let (mut stream, door, member) = within(hello_timeout, async {
        let hello = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), tcp);
        let start = hello.await.map_err(Refusal::Tls)?;
        let asked = start.client_hello().server_name().and_then(|name| called(mesh, name));
        let Some((door, member)) = asked else {
            let refused = start.into_stream(mesh.refusing.clone()).await;
            return Err(refused.map_or_else(Refusal::Tls, |_| Refusal::NotMember));
        };
        let stream = start.into_stream(member.server.clone()).await.map_err(Refusal::Tls)?;
        Ok((stream, door, member))
    })
    .await?;
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let Some(caller) = certificates.first().and_then(|first| member.caller(first)) else {
        refuse(&mut stream, &Refusal::NotMember, head_timeout).await;
        return Err(Refusal::NotMember);
    };
    match within(head_timeout, line::preface(&mut stream)).await {
        Ok(port) => Ok(Visitor { stream, door, cluster: member.cluster.clone(), caller, port }),
        Err(refusal) => {
            refuse(&mut stream, &refusal, head_timeout).await;
            Err(refusal)
        }
    }
}

/// Who is asked for, and what it is now.
fn called(mesh: &Mesh, server_name: &str) -> Option<(Arc<Door>, Arc<Membership>)> {
    let (sandbox_id, cluster) = biplane_api::mesh::parse_server_name(server_name)?;
    let door = mesh.door(&sandbox_id)?;
    let member = door.membership().ok()?;
    (member.cluster == cluster).then_some((door, member))
}

async fn refuse(stream: &mut server::TlsStream<TcpStream>, refusal: &Refusal, time: Duration) {
    use tokio::io::AsyncWriteExt;
    let told = async {
        line::write(stream, &format!("no {refusal}\n")).await?;
        Ok::<_, Refusal>(stream.shutdown().await?)
    };
    let _ = within(time, told).await;
}

impl Visitor {
    async fn serve(self) -> Result<(), Refusal> {
        let Self { mut stream, door, cluster, caller, port } = self;
        let taken: Taken = match door.take(&caller, port).await {
            Ok(taken) => taken,
            Err(refusal) => {
                refuse(&mut stream, &refusal, door.limits.head_timeout).await;
                return Err(refusal);
            }
        };
        line::write(&mut stream, "ok\n").await?;
        door.carry_from(&cluster, &caller, stream, taken).await;
        Ok(())
    }
}
