//! CONNECT: whom it leads to, and what it takes to get there.

use crate::bed::{Bed, PUBLIC, expect, quick, rest, restricted};
use biplane_doors::{Destination, Limits, Outcome};
use biplane_forwarder::client_hello;
use tokio::io::AsyncWriteExt;

fn bed() -> Bed {
    let bed = Bed::new(restricted(&["good.example", "*.wide.example", "inner.example"]), quick());
    bed.world.name("good.example", &[&[PUBLIC]]);
    bed.world.name("a.wide.example", &[&[PUBLIC]]);
    bed
}

#[tokio::test]
async fn every_way_around_the_list_is_refused() {
    let bed = bed();
    let seen = bed.echo().await;
    for target in [
        "evil.example:443",
        "1.1.1.1:443",
        "127.0.0.1:443",
        "169.254.169.254:80",
        "[::1]:443",
        "[::ffff:127.0.0.1]:443",
        "[fd00:ec2::254]:80",
        "good.example:22",
        "good.example:8443",
        "good.example.evil.example:443",
        "evilgood.example:443",
        "wide.example:443",
        "awide.example:443",
        "localhost:443",
    ] {
        let (_, answer) = bed.connect(target).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{target}: {answer}");
        let text =
            format!("egress to {} denied: ", target.replace("[::ffff:127.0.0.1]", "127.0.0.1"));
        assert_eq!(answer.matches(&text).count(), 2, "in the first line and the body: {answer}");
        let event = bed.last();
        assert_eq!(
            (event.outcome, event.identity.sandbox_id),
            (Outcome::Denied, bed.identity.sandbox_id.clone())
        );
    }
    for target in [
        "2130706433:443",
        "0x7f.1:443",
        "0x7f000001:443",
        "127.1:443",
        "017700000001:443",
        "good.example.:443",
        ".good.example:443",
        "*.wide.example:443",
        "good.example:443@evil.example:443",
        "evil.example@good.example:443",
        "good.example%00.evil.example:443",
        "good.example:0",
        "good.example:65536",
        "good.example:-1",
        "good.example:443:443",
        "good.example",
        "file:///etc/passwd",
        "http://good.example/",
        "good.example:443/x",
        "good.example\\@evil.example:443",
        "\u{0}\u{1}\u{2}:443",
        "пример.example:443",
    ] {
        let (_, answer) = bed.connect(target).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{target:?}: {answer}");
    }
    // A header smuggled in by a line end is a header, not a target.
    let (_, answer) =
        bed.ask("CONNECT evil.example:443\r\nHost: good.example HTTP/1.1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(bed.world.dialled.lock().len(), 0);
    assert!(seen.lock().is_empty());
    assert_eq!(bed.meter.usage().connections, 0);
    assert!(bed.meter.usage().denied >= 14);
    assert_eq!(bed.log.take(100).await.len(), 14);
}

#[tokio::test]
async fn a_listed_host_is_reached_with_its_own_name() {
    let bed = bed();
    bed.echo().await;
    for host in ["good.example", "a.wide.example", "GOOD.example"] {
        let (mut stream, answer) = bed.connect(&format!("{host}:443")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let hello = client_hello::example(Some(host), false);
        // In three pieces, then data after it.
        for piece in [&hello[..3], &hello[3..40], &hello[40..]] {
            stream.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        expect(&mut stream, &hello).await;
        let data = vec![7; 1 << 20];
        let (mut read, mut write) = stream.split();
        let mut got = vec![0; data.len()];
        let (sent, received) = tokio::join!(
            write.write_all(&data),
            tokio::io::AsyncReadExt::read_exact(&mut read, &mut got)
        );
        sent.unwrap();
        received.unwrap();
        assert_eq!(got, data);
        let event = bed.last();
        assert_eq!(event.outcome, Outcome::Allowed);
        assert!(matches!(event.destination, Destination::Name { port: 443, .. }));
    }
    let usage = bed.meter.usage();
    assert_eq!(usage.connections, 3);
    assert!(usage.bytes_sent > 3 << 20 && usage.bytes_received > 3 << 20);
    assert!(
        bed.world
            .dialled
            .lock()
            .iter()
            .all(|address| address.to_string() == format!("{PUBLIC}:443"))
    );
}

#[tokio::test]
async fn what_is_not_tls_to_that_host_is_dropped() {
    let bed = bed();
    let seen = bed.echo().await;
    for (bytes, reason, alert) in [
        (client_hello::example(Some("evil.example"), false), "server-name-mismatch", true),
        (client_hello::example(Some("good.example"), true), "encrypted-client-hello", true),
        (client_hello::example(None, false), "no-server-name", true),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_vec(), "not-tls", false),
        (b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(), "not-tls", false),
        (vec![22, 3, 1, 0, 0], "not-tls", false),
    ] {
        let (mut stream, answer) = bed.connect("good.example:443").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        stream.write_all(&bytes).await.unwrap();
        let rest = rest(&mut stream).await;
        assert_eq!(!rest.is_empty(), alert, "{reason}");
        assert_eq!(bed.last().reason.code(), reason);
    }
    // A second CONNECT, pipelined, is not TLS either.
    let two = "CONNECT good.example:443 HTTP/1.1\r\nHost: x\r\n\r\nCONNECT evil.example:443 HTTP/1.1\r\n\r\n";
    let (mut stream, answer) = bed.ask(two).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(rest(&mut stream).await, b"");
    assert_eq!(bed.last().reason.code(), "not-tls");
    // Silence is ended.
    let (mut stream, _) = bed.connect("good.example:443").await;
    stream.write_all(&[22, 3]).await.unwrap();
    assert_eq!(rest(&mut stream).await, b"");
    assert!(seen.lock().is_empty());
}

#[tokio::test]
async fn only_a_checked_address_is_connected_to() {
    let bed = bed();
    bed.echo().await;
    for inside in [
        "127.0.0.1",
        "10.0.0.8",
        "172.16.3.4",
        "192.168.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "ff02::1",
    ] {
        bed.world.name("inner.example", &[&[inside]]);
        let (_, answer) = bed.connect("inner.example:443").await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{inside}: {answer}");
        assert!(answer.contains("it resolves to "), "{answer}");
        assert_eq!(bed.last().reason.code(), "address-not-public");
    }
    assert!(bed.world.dialled.lock().is_empty());

    // Rebinding: public when checked, inside when asked again. It is not asked again.
    bed.world.resolved.lock().clear();
    bed.world.name("inner.example", &[&[PUBLIC], &["127.0.0.1"]]);
    let (_, answer) = bed.connect("inner.example:443").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(*bed.world.resolved.lock(), ["inner.example"]);
    let (_, answer) = bed.connect("inner.example:443").await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    // A mixed answer: only what may be reached is tried.
    bed.world.name("inner.example", &[&["127.0.0.1", "::1", PUBLIC]]);
    let (_, answer) = bed.connect("inner.example:443").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let dialled = bed.world.dialled.lock().clone();
    assert!(dialled.iter().all(|address| address.ip().to_string() == PUBLIC), "{dialled:?}");
    // What does not exist is not a denial.
    let (_, answer) = bed.connect("gone.wide.example:443").await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(answer.contains("does not resolve"), "{answer}");
}

#[tokio::test]
async fn the_operator_opens_ranges_and_nobody_else() {
    let mut policy = restricted(&["inner.example"]);
    policy.operator.ranges.push("10.1.0.0/16".parse().unwrap());
    let bed = Bed::new(policy, Limits::default());
    bed.echo().await;
    bed.world.name("inner.example", &[&["10.1.2.3"], &["10.2.2.3"]]);
    assert!(bed.connect("inner.example:443").await.1.starts_with("HTTP/1.1 200"));
    assert!(bed.connect("inner.example:443").await.1.starts_with("HTTP/1.1 403"));
    // Full access is access to the internet, not to the inside.
    bed.policy.send_modify(|policy| {
        let mut full = (**policy).clone();
        full.egress = biplane_api::network::EgressPolicy::full_access("full");
        *policy = full.into();
    });
    for target in ["127.0.0.1:80", "169.254.169.254:80", "10.2.2.3:443", "[::1]:443", "localhost:1"]
    {
        bed.world.name("localhost", &[&["127.0.0.1"]]);
        let (_, answer) = bed.connect(target).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{target}: {answer}");
    }
    assert!(bed.connect(&format!("{PUBLIC}:5432")).await.1.starts_with("HTTP/1.1 200"));
}
