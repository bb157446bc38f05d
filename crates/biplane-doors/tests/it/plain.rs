//! Plain `http://` through the door: each request anew.

use crate::bed::{Bed, PUBLIC, answer, quick, restricted};
use tokio::io::AsyncWriteExt;

async fn bed() -> (Bed, std::sync::Arc<parking_lot::Mutex<Vec<u8>>>) {
    let bed = Bed::new(restricted(&["good.example"]), quick());
    bed.world.name("good.example", &[&[PUBLIC]]);
    let seen = bed.web().await;
    (bed, seen)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).to_ascii_lowercase()
}

#[tokio::test]
async fn absolute_form_is_written_anew() {
    let (bed, seen) = bed().await;
    let request = "GET http://good.example/a/b?c=d HTTP/1.1\r\nHost: evil.example\r\n\
        Proxy-Authorization: Basic eDp5\r\nProxy-Connection: keep-alive\r\nConnection: x-own\r\nX-Own: 1\r\nX-Kept: 1\r\n\r\n";
    let (_, got) = bed.ask(request).await;
    assert!(got.starts_with("HTTP/1.1 200") && got.ends_with("ok"), "{got}");
    assert!(!got.to_ascii_lowercase().contains("keep-alive"));
    let seen = text(&seen.lock());
    assert!(seen.starts_with("get /a/b?c=d http/1.1\r\n"), "{seen}");
    assert!(seen.contains("host: good.example\r\n") && seen.contains("x-kept: 1"), "{seen}");
    for gone in ["evil", "proxy-", "x-own", "connection:"] {
        assert!(!seen.contains(gone), "{gone}: {seen}");
    }
}

#[tokio::test]
async fn a_program_that_knows_no_proxy_is_served_by_its_host_header() {
    let (bed, seen) = bed().await;
    let (_, got) = bed.ask("GET /x HTTP/1.1\r\nHost: good.example\r\n\r\n").await;
    assert!(got.ends_with("ok"), "{got}");
    assert!(text(&seen.lock()).contains("host: good.example"));
    let (_, got) = bed.ask("GET /x HTTP/1.1\r\nHost: evil.example\r\n\r\n").await;
    assert!(got.starts_with("HTTP/1.1 403"), "{got}");
}

#[tokio::test]
async fn every_way_around_the_list_is_refused() {
    let (bed, seen) = bed().await;
    for (request, status) in [
        (
            "GET http://169.254.169.254/latest/meta-data/ HTTP/1.1\r\nHost: good.example\r\n\r\n",
            "403",
        ),
        ("GET http://evil.example/ HTTP/1.1\r\nHost: good.example\r\n\r\n", "403"),
        ("GET http://good.example:8080/ HTTP/1.1\r\nHost: good.example\r\n\r\n", "403"),
        ("GET http://good.example:443/ HTTP/1.1\r\nHost: good.example\r\n\r\n", "403"),
        ("GET http://good.example@evil.example/ HTTP/1.1\r\nHost: good.example\r\n\r\n", "400"),
        ("GET https://good.example/ HTTP/1.1\r\nHost: good.example\r\n\r\n", "400"),
        ("GET ftp://good.example/ HTTP/1.1\r\nHost: good.example\r\n\r\n", "400"),
        ("GET file:///etc/passwd HTTP/1.1\r\nHost: good.example\r\n\r\n", "400"),
        ("GET /x HTTP/1.1\r\nHost: good.example\r\nHost: evil.example\r\n\r\n", "400"),
        ("GET /x HTTP/1.1\r\nHost: good.example@evil.example\r\n\r\n", "400"),
        ("GET /x HTTP/1.0\r\n\r\n", "400"),
        ("OPTIONS * HTTP/1.1\r\nHost: good.example\r\n\r\n", "400"),
        ("GET http://good.example./ HTTP/1.1\r\nHost: good.example\r\n\r\n", "400"),
    ] {
        let (_, got) = bed.ask(request).await;
        assert!(
            got.starts_with(&format!("HTTP/1.1 {status}"))
                || got.starts_with(&format!("HTTP/1.0 {status}")),
            "{request}: {got}"
        );
    }
    assert!(seen.lock().is_empty());
}

#[tokio::test]
async fn nothing_hides_between_two_requests() {
    let hidden = "GET /hidden HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    for head in [
        // The length of one reader is the chunk of the other.
        format!(
            "Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
            hidden.len() + 5
        ),
        format!("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("Content-Length: 0\r\nContent-Length: 5\r\n\r\n{hidden}"),
        format!("Content-Length: +0\r\n\r\n{hidden}"),
        format!("Connection: content-length\r\nContent-Length: 0\r\n\r\n{hidden}"),
    ] {
        let (bed, seen) = bed().await;
        let mut stream = bed.dial().await;
        let request = format!("POST http://good.example/first HTTP/1.1\r\nHost: x\r\n{head}");
        stream.write_all(request.as_bytes()).await.unwrap();
        answer(&mut stream).await;
        let seen = text(&seen.lock());
        assert!(!seen.contains("hidden"), "{head}: {seen}");
        assert!(seen.matches("http/1.1").count() <= 1, "{head}: {seen}");
    }
}

#[tokio::test]
async fn a_tunnel_to_port_80_carries_requests_to_that_host_alone() {
    let (bed, seen) = bed().await;
    let (mut stream, got) = bed.connect("good.example:80").await;
    assert!(got.starts_with("HTTP/1.1 200"), "{got}");
    stream.write_all(b"GET /own HTTP/1.1\r\nHost: good.example\r\n\r\n").await.unwrap();
    assert!(answer(&mut stream).await.ends_with("ok"));
    assert!(text(&seen.lock()).starts_with("get /own "));
    for (request, status) in [
        ("GET /x HTTP/1.1\r\nHost: evil.example\r\n\r\n", "403"),
        ("CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", "405"),
        ("GET http://good.example/ HTTP/1.1\r\nHost: good.example\r\n\r\n", "400"),
    ] {
        let (mut stream, _) = bed.connect("good.example:80").await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let got = answer(&mut stream).await;
        assert!(got.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {got}");
    }
    // Not HTTP at all.
    let (mut stream, _) = bed.connect("good.example:80").await;
    stream.write_all(b"SSH-2.0-x\r\n\r\n").await.unwrap();
    let got = answer(&mut stream).await;
    assert!(got.is_empty() || got.starts_with("HTTP/1.1 400"), "{got}");
    assert_eq!(text(&seen.lock()).matches("http/1.1").count(), 1);
}
