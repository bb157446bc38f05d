//! The relay against those who are not, or not quite, its nodes.

use crate::fake_node::dial;
use crate::support::{World, eventually};
use biplane_api::compute::WarehouseState;
use biplane_api::ids::{NodeId, SandboxId};
use biplane_compute::RelayCa;
use biplane_platform::Clock;
use biplane_proto::preface::Role;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Connects with this certificate and key (one PEM text), or with none.
async fn connect(world: &World, pem: Option<&str>) -> std::io::Result<TlsStream<TcpStream>> {
    dial(world.relay, world.ca.certificate(), pem).await
}

/// Whether the relay hangs up without a byte of its own.
async fn refused(world: &World, pem: Option<&str>, first: &[u8]) -> bool {
    let Ok(mut stream) = connect(world, pem).await else {
        return true;
    };
    let _ = stream.write_all(first).await;
    let mut byte = [0];
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut byte)).await;
    matches!(read, Ok(Ok(0) | Err(_)))
}

fn preface(role: &Role) -> Vec<u8> {
    let mut bytes = Vec::new();
    futures::executor::block_on(role.write(&mut bytes)).unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn only_nodes_with_our_certificate_get_in() {
    let world = World::new().await;
    let line = preface(&Role::Node { node_id: world.files.node_id.to_string() });
    assert!(refused(&world, None, &line).await);
    let elsewhere =
        RelayCa::load_or_create(&world.db.dir().join("other"), Clock::system()).unwrap();
    let forged = elsewhere.issue_node_cert(&world.files.node_id).unwrap();
    assert!(refused(&world, Some(&forged), &line).await);
    // A certificate of ours for another node.
    let other = world.ca.issue_node_cert(&NodeId::random()).unwrap();
    assert!(refused(&world, Some(&other), &line).await);
    // One that ended.
    let past = Clock::fixed(1_000_000_000_000);
    let old = RelayCa::load_or_create(&world.db.dir().join("tls"), past).unwrap();
    let expired = old.issue_node_cert(&world.files.node_id).unwrap();
    assert!(refused(&world, Some(&expired), &line).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_refused_and_harms_nobody() {
    let world = World::new().await;
    let id = world.create("one").await;
    let pid = world.pid(&id).await;
    let pem = std::fs::read_to_string(&world.files.cert).unwrap();
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
            refused(&world, Some(&pem), first).await,
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
    let stranger = world.ca.issue_node_cert(&NodeId::random()).unwrap();
    let own = std::fs::read_to_string(&world.files.cert).unwrap();
    for role in [
        Role::Call { sandbox_id: lease.sandbox_id().to_string() },
        Role::Engine { sandbox_id: lease.sandbox_id().to_string() },
    ] {
        assert!(refused(&world, Some(&stranger), &preface(&role)).await);
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
    let pem = std::fs::read_to_string(&world.files.cert).unwrap();
    let mut stream = connect(&world, Some(&pem)).await.unwrap();
    stream
        .write_all(&preface(&Role::Node { node_id: world.files.node_id.to_string() }))
        .await
        .unwrap();
    // It never speaks HTTP/2: it must neither become the node nor push the real one out.
    let id = world.create("one").await;
    eventually("an engine", async || world.acquire(&id).await.ok()).await;
}
