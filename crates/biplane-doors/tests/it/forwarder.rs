//! The forwarder of a sandbox before a real door: programs that know no proxy.

use crate::bed::{Bed, PUBLIC, quick, restricted};
use biplane_forwarder::{Entry, Listeners, NAMES_ADDRESS, Route, client_hello};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Plain, TLS and name server, at ports of their own. The thread ends with the test's process.
fn start(bed: &Bed) -> (SocketAddr, SocketAddr, SocketAddr) {
    let entry = |route| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        (listener.local_addr().unwrap(), Entry { listener, route, door: bed.path() })
    };
    let ((plain, one), (tls, two)) = (entry(Route::Plain), entry(Route::Tls(443)));
    let names = UdpSocket::bind("127.0.0.1:0").unwrap();
    let dns = names.local_addr().unwrap();
    let listeners =
        Listeners { entries: vec![one, two], names: Some((names, bed.path())), mesh: None };
    std::thread::spawn(move || biplane_forwarder::run(&listeners));
    (plain, tls, dns)
}

async fn bed() -> Bed {
    let bed = Bed::new(restricted(&["good.example"]), quick());
    bed.world.name("good.example", &[&[PUBLIC]]);
    bed.echo().await;
    bed
}

async fn patient<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("in time")
}

#[tokio::test]
async fn tls_finds_its_way_by_its_own_name() {
    let bed = bed().await;
    let (_, tls, _) = start(&bed);
    let hello = client_hello::example(Some("good.example"), false);
    let mut tasks = Vec::new();
    for _ in 0..20 {
        let hello = hello.clone();
        tasks.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(tls).await.unwrap();
            stream.write_all(&hello[..10]).await.unwrap();
            tokio::task::yield_now().await;
            stream.write_all(&hello[10..]).await.unwrap();
            let mut got = vec![0; hello.len()];
            stream.read_exact(&mut got).await.unwrap();
            assert_eq!(got, hello);
            let data: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
            let (mut read, mut write) = stream.into_split();
            let sent = data.clone();
            let sending = tokio::spawn(async move {
                write.write_all(&sent).await.unwrap();
                write.shutdown().await.unwrap();
            });
            let mut got = Vec::new();
            read.read_to_end(&mut got).await.unwrap();
            sending.await.unwrap();
            assert!(got == data, "the bytes arrive as they went");
        }));
    }
    for task in tasks {
        patient(task).await.unwrap();
    }
    // Who is denied is told in TLS.
    for name in [Some("evil.example"), None] {
        let mut stream = TcpStream::connect(tls).await.unwrap();
        stream.write_all(&client_hello::example(name, false)).await.unwrap();
        let mut got = Vec::new();
        let _ = patient(stream.read_to_end(&mut got)).await;
        assert_eq!(got, [21, 3, 3, 0, 2, 2, 49], "{name:?}");
    }
    let mut stream = TcpStream::connect(tls).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut got = Vec::new();
    let _ = patient(stream.read_to_end(&mut got)).await;
    assert!(got.len() <= 7);
}

#[tokio::test]
async fn a_proxy_is_at_hand_and_a_missing_door_is_no_harm() {
    let bed = bed().await;
    let (plain, _, _) = start(&bed);
    let mut stream = TcpStream::connect(plain).await.unwrap();
    stream.write_all(b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut got = vec![0; 40];
    patient(stream.read_exact(&mut got)).await.unwrap();
    assert!(got.starts_with(b"HTTP/1.1 403 egress to evil.example:443"), "{got:?}");
    std::fs::remove_file(bed.path()).unwrap();
    let mut stream = TcpStream::connect(plain).await.unwrap();
    let mut got = Vec::new();
    let _ = patient(stream.read_to_end(&mut got)).await;
    assert!(got.is_empty());
}

#[tokio::test]
async fn names_resolve_when_they_may_be_reached() {
    let bed = bed().await;
    let (_, _, dns) = start(&bed);
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for (name, code) in [("good.example", 0), ("evil.example", 3)] {
        let mut packet = vec![1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            packet.push(u8::try_from(label.len()).unwrap());
            packet.extend(label.as_bytes());
        }
        packet.extend([0, 0, 1, 0, 1]);
        socket.send_to(&packet, dns).await.unwrap();
        let mut got = [0; 512];
        let length = patient(socket.recv(&mut got)).await.unwrap();
        assert_eq!(got[3] & 15, code, "{name}");
        if code == 0 {
            assert_eq!(got[length - 4..length], NAMES_ADDRESS.octets());
        }
    }
}
