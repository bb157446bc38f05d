//! The relay against those who are not, or not quite, its nodes.

use crate::support::{World, eventually};
use biplane_api::compute::WarehouseState;
use biplane_api::ids::{NodeId, SandboxId};
use biplane_compute::{MIGRATIONS, RelayCa, SigningRequest};
use biplane_platform::Clock;
use biplane_platform::testing::TestDb;
use biplane_proto::admission::JOIN_NAME;
use biplane_proto::preface::{Agent, RELAY_NAME, Refusal, Role, Verdict};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A certificate and its key.
pub type Credential = (CertificateDer<'static>, PrivateKeyDer<'static>);

/// What this authority makes for a node of this admission.
pub fn credential(ca: &RelayCa, node_id: &NodeId, admission: &str) -> Credential {
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap();
    let request = SigningRequest::read(request.der()).unwrap();
    let cert = ca.sign_node(&request, node_id, admission, Duration::from_secs(3600)).unwrap();
    (cert, PrivateKeyDer::Pkcs8(key.serialize_der().into()))
}

/// That of the first node.
pub fn own(world: &World) -> Credential {
    credential(&world.ca, &world.node_id, &world.token.id)
}

/// Connects as this, or as nobody.
async fn connect(world: &World, who: Option<&Credential>) -> std::io::Result<TlsStream<TcpStream>> {
    connect_to(&world.ca, world.relay, RELAY_NAME, who).await
}

pub async fn connect_to(
    ca: &RelayCa,
    relay: SocketAddr,
    name: &'static str,
    who: Option<&Credential>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca.certificate_der().unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match who {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => {
            builder.with_client_auth_cert(vec![cert.clone()], key.clone_key()).unwrap()
        }
    };
    let tcp = TcpStream::connect(relay).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name).unwrap(), tcp).await
}

/// Whether the relay hangs up without a byte of its own.
async fn refused(world: &World, who: Option<&Credential>, first: &[u8]) -> bool {
    let Ok(mut stream) = connect(world, who).await else {
        return true;
    };
    let _ = stream.write_all(first).await;
    let mut byte = [0];
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut byte)).await;
    matches!(read, Ok(Ok(0) | Err(_)))
}

fn as_node(node_id: &NodeId) -> Role {
    Role::Node { node_id: node_id.to_string(), agent: Agent { incarnation: 9, run: 9 } }
}

fn preface(role: &Role) -> Vec<u8> {
    let mut bytes = Vec::new();
    futures::executor::block_on(role.write(&mut bytes)).unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn only_nodes_with_our_certificate_get_in() {
    let world = World::new().await;
    world.node_connected(true).await;
    let line = preface(&as_node(&world.node_id));
    assert!(refused(&world, None, &line).await);
    let other = TestDb::new(&[MIGRATIONS]).await.unwrap();
    let elsewhere = RelayCa::load(&other.db, other.dir(), Clock::system()).await.unwrap();
    let forged = credential(&elsewhere, &world.node_id, &world.token.id);
    assert!(refused(&world, Some(&forged), &line).await);
    // A certificate of ours for another node.
    let other = credential(&world.ca, &NodeId::random(), &world.token.id);
    assert!(refused(&world, Some(&other), &line).await);
    // One that ended.
    let past = Clock::fixed(1_000_000_000_000);
    let old = RelayCa::load(&world.db.db, &world.db.dir().join("tls"), past).await.unwrap();
    let expired = credential(&old, &world.node_id, &world.token.id);
    assert!(refused(&world, Some(&expired), &line).await);
    // Nobody without a certificate gets further than asking to be let in.
    for role in
        [as_node(&world.node_id), Role::Call { sandbox_id: SandboxId::random().to_string() }]
    {
        let mut stream = connect_to(&world.ca, world.relay, JOIN_NAME, None).await.unwrap();
        stream.write_all(&preface(&role)).await.unwrap();
        let mut byte = [0];
        assert!(matches!(stream.read(&mut byte).await, Ok(0) | Err(_)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_is_told_why() {
    let world = World::new().await;
    world.node_connected(true).await;
    let agent = Agent { incarnation: 1, run: 7 };
    let stranger = NodeId::random();
    let anew = credential(&world.ca, &world.node_id, "another-admission");
    for (who, node_id, expected) in [
        (credential(&world.ca, &stranger, "x"), &stranger, Refusal::Unknown),
        (anew, &world.node_id, Refusal::Unknown),
        // A copy of the identity, by an agent that is no later one.
        (own(&world), &world.node_id, Refusal::Superseded),
    ] {
        let mut stream = connect(&world, Some(&who)).await.unwrap();
        let role = Role::Node { node_id: node_id.to_string(), agent: agent.clone() };
        role.write(&mut stream).await.unwrap();
        let verdict = Verdict::read(&mut stream).await.unwrap();
        assert_eq!(verdict, Verdict::Refused(expected));
    }
    let id = world.create("one").await;
    world.pid(&id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_refused_and_harms_nobody() {
    let world = World::new().await;
    let id = world.create("one").await;
    let pid = world.pid(&id).await;
    let own = own(&world);
    let long = vec![b'x'; 100_000];
    for first in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\n",
        b"\0\0\0\0\xff\xfe\n",
        b"biplane/1 node ../../etc\n",
        b"biplane/1 engine\n",
        b"biplane/9 engine x\n",
        b"biplane/1 engine not-a-sandbox\n",
        b"biplane/1 call not-a-sandbox\n",
        &long,
    ] {
        assert!(
            refused(&world, Some(&own), first).await,
            "{:?}",
            String::from_utf8_lossy(&first[..first.len().min(40)])
        );
    }
    // Not even TLS.
    let mut plain = TcpStream::connect(world.relay).await.unwrap();
    plain
        .write_all(&preface(&Role::Call { sandbox_id: SandboxId::random().to_string() }))
        .await
        .unwrap();
    let mut rest = Vec::new();
    let _ = plain.read_to_end(&mut rest).await;
    assert_eq!(world.pid(&id).await, pid);
    assert_eq!(world.get(&id).await.state, WarehouseState::Running);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_is_let_in_from_its_own_node_alone() {
    let world = World::new().await;
    let id = world.create("one").await;
    let lease = world.acquire(&id).await.unwrap();
    let stranger = credential(&world.ca, &NodeId::random(), "x");
    let other = world.start_other_node("", &[], Duration::ZERO).await;
    world.nodes(2).await;
    let tokens = world.compute.node_token_list(&world.ctx).await.unwrap().tokens;
    let token = tokens.iter().find(|token| token.node_id == other.node_id).unwrap();
    let neighbour = credential(&world.ca, &other.node_id, &token.token_id);
    let own = own(&world);
    for role in [
        Role::Call { sandbox_id: lease.sandbox_id().to_string() },
        Role::Engine { sandbox_id: lease.sandbox_id().to_string() },
    ] {
        assert!(refused(&world, Some(&stranger), &preface(&role)).await);
        assert!(refused(&world, Some(&neighbour), &preface(&role)).await);
    }
    for role in [
        Role::Call { sandbox_id: SandboxId::random().to_string() },
        Role::Engine { sandbox_id: SandboxId::random().to_string() },
    ] {
        assert!(refused(&world, Some(&own), &preface(&role)).await);
    }
    assert!(!lease.lost().is_cancelled());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_connection_of_a_node_replaces_the_first() {
    let world = World::new().await;
    world.node_connected(true).await;
    let mut stream = connect(&world, Some(&own(&world))).await.unwrap();
    let agent = Agent { incarnation: u64::from(u32::MAX), run: 1 };
    let role = Role::Node { node_id: world.node_id.to_string(), agent };
    role.write(&mut stream).await.unwrap();
    assert_eq!(Verdict::read(&mut stream).await.unwrap(), Verdict::Welcome);
    // It never speaks HTTP/2: it must neither become the node nor push the real one out.
    let id = world.create("one").await;
    eventually("an engine", async || world.acquire(&id).await.ok()).await;
}
