//! Private endpoints: names that lead to services of the operator's own networks, and nowhere else.

use crate::bed::{Bed, PUBLIC, answer, expect, quick, rest, restricted};
use biplane_api::network::{DryRun, EgressPolicy, HostPattern, PrivateEndpoint};
use biplane_doors::{Outcome, Policy};
use biplane_forwarder::{Listeners, client_hello};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn endpoint(hosts: &[&str], at: &[&str]) -> PrivateEndpoint {
    PrivateEndpoint {
        service: "svc".into(),
        hosts: hosts.iter().map(|host| HostPattern((*host).to_owned())).collect(),
        at: at.iter().map(|at| at.parse().unwrap()).collect(),
    }
}

/// Nothing is listed; one name leads inside.
fn inside(at: &[&str]) -> Policy {
    let mut policy = restricted(&[]);
    policy.egress.private = vec![endpoint(&["db.corp.example", "*.apps.example"], at)];
    policy
}

#[tokio::test]
async fn a_name_leads_to_its_service_whatever_the_internet_policy_says() {
    let bed = Bed::new(inside(&["10.1.2.3:5432", "10.1.2.3:443"]), quick());
    let seen = bed.echo().await;
    // What the name means outside is not asked.
    bed.world.name("db.corp.example", &[&[PUBLIC]]);
    let (mut stream, answer) = bed.connect("db.corp.example:5432").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    stream.write_all(b"not TLS at all").await.unwrap();
    expect(&mut stream, b"not TLS at all").await;
    assert_eq!(bed.outcomes(), [(Outcome::Allowed, "private-endpoint")]);
    let dialled = || bed.world.dialled.lock().clone();
    assert_eq!(dialled(), ["10.1.2.3:5432".parse::<SocketAddr>().unwrap()]);
    assert!(bed.world.resolved.lock().is_empty());

    // The server's name is looked at where TLS is spoken, also with full access and in a dry run.
    for (mode, dry_run) in [(false, DryRun::Off), (false, DryRun::All), (true, DryRun::Off)] {
        bed.policy.send_modify(|policy| {
            let mut changed = (**policy).clone();
            if mode {
                let private = changed.egress.private.clone();
                changed.egress = EgressPolicy { private, ..EgressPolicy::full_access("full") };
            }
            changed.egress.dry_run = dry_run;
            *policy = changed.into();
        });
        let (mut stream, answer) = bed.connect("x.apps.example:443").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        stream.write_all(&client_hello::example(Some("other.example"), false)).await.unwrap();
        rest(&mut stream).await;
        assert_eq!(bed.last().reason.code(), "server-name-mismatch");
        assert_eq!(bed.last().outcome, Outcome::Denied);
        // Its other ports do not exist, and the address alone is not open.
        let (_, answer) = bed.connect("db.corp.example:22").await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        assert_eq!(bed.last().reason.code(), "private-endpoint-port");
        for target in ["10.1.2.3:5432", "10.1.2.3:443"] {
            let (_, answer) = bed.connect(target).await;
            assert!(answer.starts_with("HTTP/1.1 403"), "{target}: {answer}");
        }
    }
    let hello = client_hello::example(Some("x.apps.example"), false);
    let (mut stream, _) = bed.connect("x.apps.example:443").await;
    stream.write_all(&hello).await.unwrap();
    expect(&mut stream, &hello).await;
    assert!(seen.lock().ends_with(&hello));
    assert!(dialled().iter().all(|address| address.ip().to_string() == "10.1.2.3"));
}

#[tokio::test]
async fn requests_of_http_are_read_one_by_one() {
    let bed = Bed::new(inside(&["10.1.2.3:8080"]), quick());
    let seen = bed.web().await;
    let request = "GET http://a.apps.example:8080/x HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    let (_, answer) = bed.ask(request).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let text = String::from_utf8_lossy(&seen.lock()).to_ascii_lowercase();
    assert!(text.contains("host: a.apps.example:8080\r\n"), "{text}");
    let (_, answer) = bed.ask("GET http://a.apps.example/x HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

#[tokio::test]
async fn a_change_ends_what_went_another_way() {
    let bed = Bed::new(inside(&["10.1.2.3:5432"]), quick());
    bed.echo().await;
    bed.world.name("db.corp.example", &[&[PUBLIC]]);
    let (mut stream, _) = bed.connect("db.corp.example:5432").await;
    stream.write_all(b"x").await.unwrap();
    expect(&mut stream, b"x").await;
    // With the rule gone the name is one of the internet again, which this policy allows.
    let start = Instant::now();
    let mut full = restricted(&[]);
    full.egress = EgressPolicy::full_access("full");
    bed.policy.send_replace(full.into());
    assert_eq!(rest(&mut stream).await, b"");
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(bed.last().reason.code(), "policy-changed");
    let (mut stream, _) = bed.connect("db.corp.example:5432").await;
    stream.write_all(b"y").await.unwrap();
    expect(&mut stream, b"y").await;
    assert_eq!(bed.last().reason.code(), "listed");
    let mut elsewhere = inside(&["10.1.2.4:5432"]);
    elsewhere.egress.mode = biplane_api::network::EgressMode::FullAccess;
    bed.policy.send_replace(elsewhere.into());
    assert_eq!(rest(&mut stream).await, b"");
    let (mut stream, _) = bed.connect("db.corp.example:5432").await;
    stream.write_all(b"z").await.unwrap();
    expect(&mut stream, b"z").await;
    let dialled: Vec<_> = bed.world.dialled.lock().iter().map(ToString::to_string).collect();
    assert_eq!(dialled, ["10.1.2.3:5432", &format!("{PUBLIC}:5432"), "10.1.2.4:5432"]);
}

#[tokio::test]
async fn a_service_with_a_name_leads_to_a_network_not_to_the_host() {
    let bed = Bed::new(inside(&["db.internal:5432"]), quick());
    bed.echo().await;
    bed.world.name("db.internal", &[&["10.7.0.1"], &["127.0.0.1"], &["169.254.169.254"]]);
    let (_, answer) = bed.connect("db.corp.example:5432").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for _ in 0..2 {
        let (_, answer) = bed.connect("db.corp.example:5432").await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        assert_eq!(bed.last().reason.code(), "address-not-public");
    }
    // The name of the service itself is nobody's.
    assert!(bed.connect("db.internal:5432").await.1.starts_with("HTTP/1.1 403"));
    assert_eq!(bed.world.dialled.lock().len(), 1);
}

/// The address that a program finds for a name.
async fn look_up(dns: SocketAddr, name: &str) -> Option<Ipv4Addr> {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut packet = vec![1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        packet.push(u8::try_from(label.len()).unwrap());
        packet.extend(label.as_bytes());
    }
    packet.extend([0, 0, 1, 0, 1]);
    socket.send_to(&packet, dns).await.unwrap();
    let mut got = [0; 512];
    let receiving = tokio::time::timeout(Duration::from_secs(10), socket.recv(&mut got));
    let length = receiving.await.unwrap().unwrap();
    let last: [u8; 4] = got[length - 4..length].try_into().unwrap();
    (got[3] & 15 == 0).then(|| last.into())
}

#[tokio::test]
async fn a_program_that_knows_no_proxy_finds_it() {
    // A port that is free here, as the forwarder listens on it.
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port()
    };
    let at = format!("10.1.2.3:{port}");
    let bed = Bed::new(inside(&[&at]), quick());
    bed.echo().await;
    let names = UdpSocket::bind("127.0.0.1:0").unwrap();
    let dns = names.local_addr().unwrap();
    let listeners = Listeners { entries: Vec::new(), names: Some((names, bed.path())), mesh: None };
    std::thread::spawn(move || biplane_forwarder::run(&listeners));
    let first = look_up(dns, "db.corp.example").await.unwrap();
    let second = look_up(dns, "x.apps.example").await.unwrap();
    assert!(first != second && first.is_loopback() && second.is_loopback());
    assert_eq!(look_up(dns, "db.corp.example").await, Some(first));
    assert_eq!(look_up(dns, "evil.example").await, None);
    for address in [first, second] {
        let mut stream = TcpStream::connect((IpAddr::V4(address), port)).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        let mut got = [0; 5];
        tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut got))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&got, b"hello");
    }
    // A no is an end, without bytes of another protocol.
    bed.policy.send_replace(restricted(&[]).into());
    let mut stream = TcpStream::connect((IpAddr::V4(first), port)).await.unwrap();
    let mut got = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut got)).await;
    assert!(got.is_empty());
    // The door tells the ports of an endpoint to whoever may reach it.
    bed.policy.send_replace(inside(&[&at]).into());
    let ask = "GET http://biplane.internal/resolve/db.corp.example HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut stream = bed.dial().await;
    stream.write_all(ask.as_bytes()).await.unwrap();
    let told = answer(&mut stream).await.to_ascii_lowercase();
    assert!(
        told.starts_with("http/1.1 204") && told.contains(&format!("biplane-ports: {port}\r\n"))
    );
}
