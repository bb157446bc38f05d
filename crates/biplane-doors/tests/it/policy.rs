//! Policies that change while connections live, and policies that only watch.

use crate::bed::{Bed, PUBLIC, expect, quick, rest, restricted};
use biplane_api::network::{DryRun, EgressProduct, HostPattern};
use biplane_doors::Outcome;
use biplane_forwarder::client_hello;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

async fn tunnel(bed: &Bed, host: &str) -> UnixStream {
    let (mut stream, answer) = bed.connect(&format!("{host}:443")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let hello = client_hello::example(Some(host), false);
    stream.write_all(&hello).await.unwrap();
    expect(&mut stream, &hello).await;
    stream
}

#[tokio::test]
async fn a_change_holds_at_once_for_what_runs_too() {
    let bed = Bed::new(restricted(&["one.example", "two.example"]), quick());
    bed.world.name("one.example", &[&[PUBLIC]]);
    bed.world.name("two.example", &[&[PUBLIC]]);
    bed.echo().await;
    let mut one = tunnel(&bed, "one.example").await;
    let mut two = tunnel(&bed, "two.example").await;
    let start = Instant::now();
    bed.policy.send_replace(restricted(&["two.example"]).into());
    assert_eq!(rest(&mut one).await, b"");
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(bed.last().reason.code(), "policy-changed");
    two.write_all(b"still").await.unwrap();
    expect(&mut two, b"still").await;
    assert!(bed.connect("one.example:443").await.1.starts_with("HTTP/1.1 403"));
    bed.policy.send_replace(restricted(&["one.example"]).into());
    tunnel(&bed, "one.example").await;
}

#[tokio::test]
async fn a_dry_run_lets_through_and_tells() {
    let mut policy = restricted(&["good.example"]);
    policy.egress.dry_run = DryRun::All;
    policy.egress.blocked = vec![HostPattern("bad.example".into())];
    let bed = Bed::new(policy.clone(), quick());
    for name in ["good.example", "bad.example", "other.example"] {
        bed.world.name(name, &[&[PUBLIC]]);
    }
    bed.echo().await;
    tunnel(&bed, "other.example").await;
    tunnel(&bed, "bad.example").await;
    let noted = (Outcome::DryRun, "not-in-policy");
    assert_eq!(bed.outcomes().iter().filter(|outcome| **outcome == noted).count(), 2);
    // What is not TLS passes too, and is told.
    let (mut stream, _) = bed.connect("good.example:443").await;
    stream.write_all(b"SSH-2.0-x\r\n").await.unwrap();
    expect(&mut stream, b"SSH-2.0-x\r\n").await;
    assert!(bed.outcomes().contains(&(Outcome::DryRun, "not-tls")));
    // The inside stays shut.
    bed.world.name("other.example", &[&["127.0.0.1"]]);
    assert!(bed.connect("other.example:443").await.1.starts_with("HTTP/1.1 403"));
    // Only for the products it names.
    policy.egress.dry_run = DryRun::Products(vec![EgressProduct::Sql]);
    bed.policy.send_replace(policy.into());
    assert!(bed.connect("other.example:443").await.1.starts_with("HTTP/1.1 403"));
}

#[tokio::test]
async fn names_are_told_to_the_name_server_inside() {
    let bed = Bed::new(restricted(&["*.good.example"]), quick());
    bed.world.name("a.good.example", &[&[PUBLIC]]);
    bed.world.name("b.good.example", &[&["10.0.0.1"]]);
    for (name, status) in [
        ("a.good.example", "204"),
        ("b.good.example", "403"),
        ("gone.good.example", "502"),
        ("evil.example", "403"),
        ("", "404"),
        ("127.0.0.1", "404"),
        ("a/b", "404"),
    ] {
        let request =
            format!("GET http://biplane.internal/resolve/{name} HTTP/1.1\r\nHost: x\r\n\r\n");
        let (_, answer) = bed.ask(&request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{name}: {answer}");
    }
    // Names are denied as loudly as connections: data could leave in them.
    assert_eq!(bed.world.resolved.lock().len(), 3);
    assert_eq!(bed.meter.usage().denied, 2);
}
