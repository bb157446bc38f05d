//! The storage door before a store that remembers what reached it.

use crate::bed::{answer, until};
use biplane_api::ids::{SandboxId, WorkspaceId};
use biplane_api::network::EgressProduct;
use biplane_doors::storage::{Client, Grant, Keys, Storage, Store, Stores, Whose};
use biplane_doors::{EventLog, Identity, Limits, Meter, Recorder};
use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

#[derive(Debug, Clone)]
struct Seen {
    line: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

struct Bed {
    dir: tempfile::TempDir,
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: Arc<Mutex<(u16, String)>>,
    stores: watch::Sender<Arc<Stores>>,
    recorder: Arc<Recorder>,
    closed: CancellationToken,
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

fn grants(endpoint: &str) -> Stores {
    Stores(vec![Store {
        endpoint: Some(endpoint.to_owned()),
        region: "eu-central-1".into(),
        keys: Keys {
            access_key_id: "AKIATEST".into(),
            secret_access_key: "hush/hush".into(),
            session_token: Some("token".into()),
        },
        grants: vec![Grant::new("lake", "ws/7", true), Grant::new("shared", "", false)],
    }])
}

impl Bed {
    async fn new() -> Self {
        let (seen, answer) =
            (Arc::<Mutex<Vec<Seen>>>::default(), Arc::new(Mutex::new((200, "fine".to_owned()))));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(store(listener, seen.clone(), answer.clone()));
        let dir = tempfile::tempdir().unwrap();
        let door = biplane_doors::open(dir.path(), "storage.sock").unwrap();
        let identity = Identity {
            sandbox_id: SandboxId::random(),
            workspace_id: WorkspaceId(7),
            product: EgressProduct::Other,
        };
        let recorder = Arc::new(Recorder::new(identity, Arc::<EventLog>::default()));
        let (stores, watched) = watch::channel(Arc::new(grants(&endpoint)));
        let closed = CancellationToken::new();
        let storage = Storage {
            recorder: recorder.clone(),
            stores: watched,
            limits: Limits::default(),
            meter: Arc::<Meter>::default(),
            client: Client::new().unwrap(),
            whose: Whose::Engine,
        };
        tokio::spawn(Arc::new(storage).keep(door, closed.clone()));
        Self { dir, seen, answer, stores, recorder, closed }
    }

    async fn ask(&self, request: &str) -> String {
        self.ask_bytes(request.as_bytes()).await
    }

    async fn ask_bytes(&self, request: &[u8]) -> String {
        let mut stream = UnixStream::connect(self.dir.path().join("storage.sock")).await.unwrap();
        stream.write_all(request).await.unwrap();
        answer(&mut stream).await
    }

    async fn get(&self, line: &str) -> String {
        self.ask(&format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await
    }

    fn last(&self) -> Seen {
        self.seen.lock().last().cloned().expect("a request reached the store")
    }
}

async fn store(
    listener: TcpListener,
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: Arc<Mutex<(u16, String)>>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let (seen, answer) = (seen.clone(), answer.clone());
        tokio::spawn(async move {
            let service =
                hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                    let (seen, answer) = (seen.clone(), answer.clone());
                    async move {
                        let (parts, body) = request.into_parts();
                        let body = body.collect().await?.to_bytes().to_vec();
                        let line = format!("{} {}", parts.method, parts.uri);
                        seen.lock().push(Seen { line, headers: parts.headers, body });
                        let (status, text) = answer.lock().clone();
                        let answer = Response::builder().status(status).header("ETag", "\"e\"");
                        Ok::<_, hyper::Error>(answer.body(Full::new(Bytes::from(text))).unwrap())
                    }
                });
            let server = hyper::server::conn::http1::Builder::new();
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

#[tokio::test]
async fn a_request_is_signed_and_written_anew() {
    let bed = Bed::new().await;
    let request = "PUT /lake/ws/7/t/a%20b.parquet?x-id=PutObject HTTP/1.1\r\nHost: evil.example\r\n\
        Authorization: AWS4-HMAC-SHA256 Credential=mine/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\n\
        x-amz-date: 20260101T000000Z\r\nx-amz-security-token: mine\r\nx-amz-meta-a: b\r\nX-Other: 1\r\nContent-Length: 5\r\n\r\nhello";
    let got = bed.ask(request).await;
    assert!(got.starts_with("HTTP/1.1 200") && got.ends_with("fine"), "{got}");
    let seen = bed.last();
    assert_eq!(seen.line, "PUT /lake/ws/7/t/a%20b.parquet");
    assert_eq!(seen.body, b"hello");
    let header =
        |name: &str| seen.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let authorization = header("authorization").unwrap();
    assert!(authorization.contains("Credential=AKIATEST/"), "{authorization}");
    assert!(authorization.contains("/eu-central-1/s3/aws4_request"), "{authorization}");
    let signed =
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-meta-a;x-amz-security-token";
    assert!(authorization.contains(signed), "{authorization}");
    assert_eq!(header("x-amz-security-token").unwrap(), "token");
    assert_eq!(header("x-amz-content-sha256").unwrap(), "UNSIGNED-PAYLOAD");
    assert_eq!((header("x-other"), header("content-length").as_deref()), (None, Some("5")));
    assert_ne!(header("host").unwrap(), "evil.example");

    let got = bed.get("GET /lake?list-type=2&prefix=ws%2F7%2Fa+b%2F&delimiter=%2F").await;
    assert!(got.starts_with("HTTP/1.1 200"), "{got}");
    assert_eq!(bed.last().line, "GET /lake?delimiter=%2F&list-type=2&prefix=ws%2F7%2Fa%20b%2F");
    for line in [
        "GET /shared/any/thing",
        "HEAD /lake/ws/7/x",
        "DELETE /lake/ws/7/x",
        "GET /shared?list-type=2",
    ] {
        assert!(bed.get(line).await.starts_with("HTTP/1.1 200"), "{line}");
    }
    // What the door knows itself.
    let before = bed.seen.lock().len();
    assert!(bed.get("GET /lake?location").await.contains(">eu-central-1</LocationConstraint>"));
    assert!(bed.get("HEAD /lake").await.contains("x-amz-bucket-region: eu-central-1"));
    assert_eq!(bed.seen.lock().len(), before);
}

#[tokio::test]
async fn other_places_are_out_of_reach() {
    let bed = Bed::new().await;
    for (line, code) in [
        ("GET /lake/ws/8/t/a", "AccessDenied"),
        ("GET /lake/ws/77/a", "AccessDenied"),
        ("GET /lake/ws/7", "AccessDenied"),
        ("GET /lake/", "AccessDenied"),
        ("GET /other/ws/7/a", "AccessDenied"),
        ("PUT /shared/a", "AccessDenied"),
        ("DELETE /shared/a", "AccessDenied"),
        ("POST /shared/a?uploads", "AccessDenied"),
        ("GET /lake?list-type=2", "AccessDenied"),
        ("GET /lake?list-type=2&prefix=", "AccessDenied"),
        ("GET /lake?list-type=2&prefix=ws/7", "AccessDenied"),
        ("GET /lake?list-type=2&prefix=ws/8/", "AccessDenied"),
        ("GET /lake?uploads&prefix=ws/", "AccessDenied"),
        ("GET /lake/ws%2F8%2Fa", "AccessDenied"),
        ("GET /lake/ws/7/../8/a", "InvalidURI"),
        ("GET /lake/ws/7/%2e%2e/8/a", "InvalidURI"),
        ("GET /lake/ws/7/..%2f8/a", "InvalidURI"),
        ("GET /lake/ws/7/%2E%2E%2F8/a", "InvalidURI"),
        ("GET /lake/ws/7/.%2e/8/a", "InvalidURI"),
        ("GET /lake/ws/7/a%00", "InvalidURI"),
        ("GET //lake/ws/7/a", "InvalidURI"),
        ("GET /./lake/ws/7/a", "InvalidURI"),
        ("GET /", "AccessDenied"),
        ("GET /lake?list-type=2&prefix=ws/7/&prefix=ws/8/", "InvalidArgument"),
        ("PUT /lake", "NotImplemented"),
        ("DELETE /lake", "NotImplemented"),
        ("GET /lake?policy", "NotImplemented"),
        ("PUT /lake/ws/7/a?acl", "NotImplemented"),
        ("GET http://169.254.169.254/latest/meta-data", "AccessDenied"),
    ] {
        let got = bed.get(line).await;
        assert!(got.contains(&format!("<Code>{code}</Code>")), "{line}: {got}");
    }
    // Double encoding stays what it is: a strange name within the prefix.
    assert!(bed.get("GET /lake/ws/7/%252e%252e/a").await.starts_with("HTTP/1.1 200"));
    assert_eq!(bed.last().line, "GET /lake/ws/7/%252e%252e/a");
    assert_eq!(bed.seen.lock().len(), 1);
    let reasons: Vec<_> = bed.recorder.recent().iter().map(|event| event.reason.code()).collect();
    for code in ["storage-bucket-denied", "storage-bucket-path-denied", "storage-write-denied"] {
        assert!(reasons.contains(&code), "{reasons:?}");
    }
}

#[tokio::test]
async fn headers_and_bodies_reach_no_further_than_paths() {
    let bed = Bed::new().await;
    let put = |headers: &str, body: &str| {
        format!(
            "PUT /lake/ws/7/a HTTP/1.1\r\nHost: x\r\n{headers}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    for (source, ok) in [
        ("/lake/ws/7/b%20c", true),
        ("shared/b", true),
        ("/lake/ws/8/b", false),
        ("/lake/ws/7/../8/b", false),
        ("/lake/ws%2F7%2F%2e%2e%2F8/b", false),
        ("/other/b", false),
        ("arn:aws:s3:::other/b", false),
        ("/lake/ws/7/b?versionId=1", false),
    ] {
        let got = bed.ask(&put(&format!("x-amz-copy-source: {source}"), "")).await;
        assert_eq!(got.starts_with("HTTP/1.1 200"), ok, "{source}: {got}");
    }
    assert_eq!(bed.last().headers["x-amz-copy-source"], "/shared/b");
    for header in
        ["x-amz-acl: public-read", "x-amz-grant-read: uri=x", "x-amz-website-redirect-location: /x"]
    {
        assert!(bed.ask(&put(header, "x")).await.contains("AccessDenied"), "{header}");
    }
    let reached = bed.seen.lock().len();
    let delete = |keys: &[&str]| {
        let objects: String =
            keys.iter().map(|key| format!("<Object><Key>{key}</Key></Object>")).collect();
        let body = format!("<Delete>{objects}</Delete>");
        format!(
            "POST /lake?delete HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    assert!(bed.ask(&delete(&["ws/7/a", "ws/8/b"])).await.contains("AccessDenied"));
    assert!(bed.ask(&delete(&["ws/7/../8/b"])).await.contains("MalformedXML"));
    assert!(
        bed.ask(&delete(&["ws/7/a</Key></Object><Object><Key>ws/8/b"]))
            .await
            .contains("AccessDenied")
    );
    assert_eq!(bed.seen.lock().len(), reached);
    assert!(bed.ask(&delete(&["ws/7/a &amp; b"])).await.starts_with("HTTP/1.1 200"));
    let seen = bed.last();
    assert!(String::from_utf8_lossy(&seen.body).contains("<Key>ws/7/a &amp; b</Key>"));
    assert!(seen.headers.contains_key("x-amz-checksum-sha256"));
}

#[tokio::test]
async fn signed_pieces_are_unwrapped() {
    let bed = Bed::new().await;
    let body =
        "5;chunk-signature=00\r\nhello\r\n0;chunk-signature=00\r\nx-amz-checksum-crc32:AA\r\n\r\n";
    let request = format!(
        "PUT /lake/ws/7/a HTTP/1.1\r\nHost: x\r\nContent-Encoding: aws-chunked,gzip\r\n\
        x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER\r\nx-amz-trailer: x-amz-checksum-crc32\r\n\
        x-amz-decoded-content-length: 5\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert!(bed.ask(&request).await.starts_with("HTTP/1.1 200"));
    let seen = bed.last();
    assert_eq!(
        (seen.body.as_slice(), &seen.headers["content-encoding"]),
        (&b"hello"[..], &"gzip".parse().unwrap())
    );
    // More or less than was announced never becomes an object.
    let reached = bed.seen.lock().len();
    for length in ["4", "6", "x", "-1"] {
        let request = request
            .replace("decoded-content-length: 5", &format!("decoded-content-length: {length}"));
        let got = bed.ask(&request).await;
        assert!(!got.starts_with("HTTP/1.1 200"), "{got}");
    }
    let chunked =
        "PUT /lake/ws/7/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert!(bed.ask(chunked).await.contains("MissingContentLength"));
    assert_eq!(bed.seen.lock().len(), reached);
}

#[tokio::test]
async fn grants_change_under_a_running_sandbox() {
    let bed = Bed::new().await;
    assert!(bed.get("GET /lake/ws/7/a").await.starts_with("HTTP/1.1 200"));
    bed.stores.send_replace(Arc::default());
    assert!(bed.get("GET /lake/ws/7/a").await.contains("AccessDenied"));
    until(|| bed.recorder.recent().len() == 2).await;
}

#[tokio::test]
async fn no_part_of_a_key_comes_back() {
    let bed = Bed::new().await;
    let text = "<Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>AKIATEST</AWSAccessKeyId>\
        <StringToSign>AWS4-HMAC-SHA256 x</StringToSign></Error>";
    *bed.answer.lock() = (403, text.into());
    let got = bed.get("GET /lake/ws/7/a").await;
    assert!(got.starts_with("HTTP/1.1 403") && !got.contains("AKIATEST"), "{got}");
    // Other refusals are the store's to explain.
    *bed.answer.lock() = (404, "<Error><Code>NoSuchKey</Code></Error>".into());
    assert!(bed.get("GET /lake/ws/7/a").await.contains("NoSuchKey"));
}
