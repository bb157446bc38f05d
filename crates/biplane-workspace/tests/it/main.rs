//! The Files API over its router, on a real directory.
#![expect(clippy::unwrap_used, reason = "test")]

mod objects;
mod secrets;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, Response, StatusCode};
use biplane_api::ids::{PrincipalId, WorkspaceId};
use biplane_api::internal::{Access, Storage};
use biplane_platform::{ApiError, Clock, Ctx, testing};
use biplane_workspace::{FileVerb, Volumes, Workspace};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use tower::ServiceExt;

/// One volume `/Volumes/c/s/v`; `reader@x` may only read it.
struct OneVolume(PathBuf);

#[async_trait::async_trait]
impl Volumes for OneVolume {
    async fn resolve(&self, ctx: &Ctx, path: &str, access: Access) -> Result<Storage, ApiError> {
        let rest = path
            .strip_prefix("/Volumes/c/s/v")
            .ok_or_else(|| ApiError::not_found("no such volume"))?;
        if access == Access::Write && ctx.principal.name == "reader@x" {
            return Err(ApiError::denied("WRITE_VOLUME"));
        }
        let url = url::Url::from_file_path(format!("{}{rest}", self.0.display())).unwrap();
        Ok(Storage { url: url.into(), options: Default::default() })
    }

    async fn ctx_of(&self, _: PrincipalId, _: WorkspaceId) -> Result<Ctx, ApiError> {
        Ok(testing::ctx("u@x"))
    }
}

struct Files {
    service: Arc<Workspace>,
    router: Router,
    clock: Clock,
    _dir: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let volume = dir.path().join("volume");
        std::fs::create_dir(&volume).unwrap();
        let clock = Clock::fixed(1_000);
        let service = Workspace::new(
            Arc::new(OneVolume(volume)),
            clock.clone(),
            dir.path().join("uploads"),
            [7; 32],
        );
        let router = service.routes().split_for_parts().0;
        Self { service, router, clock, _dir: dir }
    }

    async fn call(
        &self,
        user: &str,
        method: Method,
        uri: &str,
        body: impl Into<Body>,
    ) -> Response<Body> {
        let mut ctx = testing::ctx(user);
        ctx.clock = self.clock.clone();
        let mut request = Request::builder().method(method).uri(uri).body(body.into()).unwrap();
        request.extensions_mut().insert(ctx);
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn status(&self, method: Method, uri: &str, body: impl Into<Body>) -> StatusCode {
        self.call("u@x", method, uri, body).await.status()
    }

    async fn json(&self, method: Method, uri: &str, body: impl Into<Body>) -> Value {
        let response = self.call("u@x", method, uri, body).await;
        let bytes = bytes(response).await;
        serde_json::from_slice(&bytes).unwrap()
    }
}

async fn bytes(response: Response<Body>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

const FILE: &str = "/api/2.0/fs/files/Volumes/c/s/v/d/a%20b%20%C3%BC.txt";

#[tokio::test]
async fn a_file_is_written_read_listed_and_deleted() {
    let files = Files::new();
    assert_eq!(files.status(Method::PUT, FILE, "hello").await, StatusCode::NO_CONTENT);
    assert_eq!(files.status(Method::PUT, FILE, "again").await, StatusCode::CONFLICT);
    assert_eq!(
        files.status(Method::PUT, &format!("{FILE}?overwrite=true"), "hello").await,
        StatusCode::NO_CONTENT
    );
    let head = files.call("u@x", Method::HEAD, FILE, "").await;
    assert_eq!(
        (head.status(), &head.headers()["content-length"]),
        (StatusCode::OK, &"5".parse().unwrap())
    );
    assert!(head.headers().contains_key("last-modified"));
    assert_eq!(bytes(files.call("reader@x", Method::GET, FILE, "").await).await, "hello");
    let listing = files.json(Method::GET, "/api/2.0/fs/directories/Volumes/c/s/v/d", "").await;
    assert_eq!(listing["contents"][0]["path"], "/Volumes/c/s/v/d/a b ü.txt");
    assert_eq!(listing["contents"][0]["file_size"], 5);
    assert_eq!(files.status(Method::DELETE, FILE, "").await, StatusCode::NO_CONTENT);
    assert_eq!(files.status(Method::GET, FILE, "").await, StatusCode::NOT_FOUND);
    assert_eq!(files.status(Method::DELETE, FILE, "").await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn ranges_are_served() {
    let files = Files::new();
    files.status(Method::PUT, FILE, "0123456789").await;
    for (range, expected) in [
        ("bytes=2-4", "234"),
        ("bytes=7-", "789"),
        ("bytes=-2", "89"),
        ("bytes=0-100", "0123456789"),
    ] {
        let mut request = Request::get(FILE).header("range", range).body(Body::empty()).unwrap();
        request.extensions_mut().insert(testing::ctx("u@x"));
        let response = files.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(bytes(response).await, expected);
    }
}

#[tokio::test]
async fn a_link_does_one_thing_with_one_file() {
    let files = Files::new();
    let ctx = testing::ctx("u@x");
    let link = async |user: &str, path: &str, verb| {
        let link = files.service.file_link_create(&testing::ctx(user), path, verb).await?;
        Ok::<_, ApiError>(link.strip_prefix("http://127.0.0.1:8080").unwrap().to_owned())
    };
    let follow = async |method: Method, link: &str, body: &'static str| {
        let request = Request::builder().method(method).uri(link).body(Body::from(body)).unwrap();
        files.router.clone().oneshot(request).await.unwrap()
    };
    let path = "/Volumes/c/s/v/d/a b.txt";
    let put = link("u@x", path, FileVerb::Put { overwrite: false }).await.unwrap();
    assert_eq!(follow(Method::GET, &put, "").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(follow(Method::PUT, &put, "hello").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(follow(Method::PUT, &put, "again").await.status(), StatusCode::CONFLICT);
    let exists = link("u@x", path, FileVerb::Put { overwrite: false }).await.unwrap_err();
    assert_eq!(exists.code, biplane_platform::ErrorCode::AlreadyExists);
    let get = link("reader@x", path, FileVerb::Get).await.unwrap();
    assert_eq!(bytes(follow(Method::GET, &get, "").await).await, "hello");
    assert_eq!(follow(Method::HEAD, &get, "").await.headers()["content-length"], "5");
    assert_eq!(follow(Method::DELETE, &get, "").await.status(), StatusCode::FORBIDDEN);
    for verb in [FileVerb::Remove, FileVerb::Put { overwrite: true }] {
        assert!(link("reader@x", path, verb).await.is_err());
    }
    for bad in ["/Volumes/c/s/v", "/etc/passwd", "/Volumes/c/s/v/../x", "/Volumes/other/s/v/f"] {
        assert!(link("u@x", bad, FileVerb::Get).await.is_err(), "{bad}");
    }
    let remove = link("u@x", path, FileVerb::Remove).await.unwrap();
    assert_eq!(follow(Method::DELETE, &remove, "").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(follow(Method::GET, &get, "").await.status(), StatusCode::NOT_FOUND);
    let (head, tail) = get.split_at(get.len() - 10);
    let tampered = format!("{head}{}", tail.chars().rev().collect::<String>());
    assert_eq!(follow(Method::GET, &tampered, "").await.status(), StatusCode::FORBIDDEN);
    files.clock.set(ctx.now_ms());
    assert_eq!(follow(Method::GET, &get, "").await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn big_files_are_streamed() {
    let files = Files::new();
    let chunk = Bytes::from(vec![b'x'; 1 << 20]);
    let body = futures::stream::iter((0..20).map(move |_| Ok::<_, std::io::Error>(chunk.clone())));
    assert_eq!(
        files.status(Method::PUT, FILE, Body::from_stream(body)).await,
        StatusCode::NO_CONTENT
    );
    let head = files.call("u@x", Method::HEAD, FILE, "").await;
    assert_eq!(head.headers()["content-length"], (20 << 20).to_string().as_str());
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let files = Files::new();
    let chunk = Bytes::from(vec![b'x'; 1 << 20]);
    let body =
        futures::stream::iter((0..12).map(move |n| {
            if n < 11 { Ok(chunk.clone()) } else { Err(std::io::Error::other("gone")) }
        }));
    assert_eq!(
        files.status(Method::PUT, FILE, Body::from_stream(body)).await,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(files.status(Method::HEAD, FILE, "").await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn directories_are_made_paged_and_removed_when_empty() {
    let files = Files::new();
    let dir = "/api/2.0/fs/directories/Volumes/c/s/v/x/y";
    assert_eq!(files.status(Method::HEAD, dir, "").await, StatusCode::NOT_FOUND);
    assert_eq!(files.status(Method::PUT, dir, "").await, StatusCode::NO_CONTENT);
    assert_eq!(files.status(Method::PUT, dir, "").await, StatusCode::NO_CONTENT);
    assert_eq!(files.status(Method::HEAD, dir, "").await, StatusCode::OK);
    for n in 0..5 {
        files.status(Method::PUT, &format!("/api/2.0/fs/files/Volumes/c/s/v/x/y/{n}"), "z").await;
    }
    let mut names = Vec::new();
    let mut token = String::new();
    loop {
        let page =
            files.json(Method::GET, &format!("{dir}?page_size=2&page_token={token}"), "").await;
        names.extend(
            page["contents"]
                .as_array()
                .unwrap()
                .iter()
                .map(|entry| entry["name"].as_str().unwrap().to_owned()),
        );
        match page["next_page_token"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(names, ["0", "1", "2", "3", "4"]);
    assert_eq!(files.status(Method::DELETE, dir, "").await, StatusCode::BAD_REQUEST);
    for n in 0..5 {
        files.status(Method::DELETE, &format!("/api/2.0/fs/files/Volumes/c/s/v/x/y/{n}"), "").await;
    }
    assert_eq!(files.status(Method::DELETE, dir, "").await, StatusCode::NO_CONTENT);
    assert_eq!(
        files.status(Method::GET, &format!("{dir}?page_token=%25%25"), "").await,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn rights_and_paths_are_checked() {
    let files = Files::new();
    let denied = files.call("reader@x", Method::PUT, FILE, "x").await;
    assert_eq!(denied.status(), StatusCode::FORBIDDEN);
    for path in [
        "Volumes/c/s/v/../../../etc/passwd",
        "Volumes/c/s/v/%2e%2e/%2e%2e/x",
        "etc/passwd",
        "Volumes/c/s",
        "Volumes/c/s/v/a%00b",
        "Volumes/c/s/v/a%2F..%2F..%2Fb",
    ] {
        let status = files.status(Method::PUT, &format!("/api/2.0/fs/files/{path}"), "x").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
    }
    assert_eq!(
        files.status(Method::PUT, "/api/2.0/fs/files/Volumes/c/s/v", "x").await,
        StatusCode::CONFLICT
    );
    assert_eq!(
        files.status(Method::GET, "/api/2.0/fs/files/Volumes/c/s/v", "").await,
        StatusCode::NOT_FOUND
    );
}

async fn session(files: &Files) -> String {
    let started = files
        .json(Method::POST, &format!("{FILE}?action=initiate-upload&overwrite=true"), "")
        .await;
    started["multipart_upload"]["session_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn parts_become_a_file_in_their_order() {
    let files = Files::new();
    let session = session(&files).await;
    let ask = json!({"path": "/Volumes/c/s/v/d/a b ü.txt", "session_token": session, "start_part_number": 1, "count": 3});
    let urls =
        files.json(Method::POST, "/api/2.0/fs/create-upload-part-urls", ask.to_string()).await;
    let mut parts = Vec::new();
    for url in urls["upload_part_urls"].as_array().unwrap().iter().rev() {
        let uri = url["url"].as_str().unwrap().strip_prefix("http://127.0.0.1:8080").unwrap();
        // The link is the right: no context here.
        let request =
            Request::put(uri).body(Body::from(format!("part{} ", url["part_number"]))).unwrap();
        let response = files.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        parts.push(json!({"part_number": url["part_number"], "etag": response.headers()["etag"].to_str().unwrap()}));
    }
    let complete =
        format!("{FILE}?action=complete-upload&upload_type=multipart&session_token={session}");
    let wrong = json!({"parts": [{"part_number": 1, "etag": "x"}]}).to_string();
    assert_eq!(files.status(Method::POST, &complete, wrong).await, StatusCode::BAD_REQUEST);
    assert_eq!(
        files.status(Method::POST, &complete, json!({"parts": parts}).to_string()).await,
        StatusCode::OK
    );
    assert_eq!(bytes(files.call("u@x", Method::GET, FILE, "").await).await, "part1 part2 part3 ");
    // Its parts are gone.
    assert_eq!(
        files.status(Method::POST, &complete, json!({"parts": parts}).to_string()).await,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn sessions_belong_to_one_user_and_file_and_end() {
    let files = Files::new();
    let session = session(&files).await;
    let ask = |path: &str| {
        json!({"path": path, "session_token": session, "start_part_number": 1, "count": 1})
            .to_string()
    };
    let uri = "/api/2.0/fs/create-upload-part-urls";
    assert_eq!(
        files.status(Method::POST, uri, ask("/Volumes/c/s/v/other")).await,
        StatusCode::FORBIDDEN
    );
    let path = "/Volumes/c/s/v/d/a b ü.txt";
    assert_eq!(
        files.call("v@x", Method::POST, uri, ask(path)).await.status(),
        StatusCode::FORBIDDEN
    );
    assert_eq!(files.status(Method::POST, uri, ask(path)).await, StatusCode::OK);
    assert_eq!(
        files.status(Method::PUT, &format!("/api/2.0/biplane/uploads/{session}"), "x").await,
        StatusCode::FORBIDDEN
    );
    files.clock.set(1_000 + 25 * 3_600_000);
    assert_eq!(files.status(Method::POST, uri, ask(path)).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_aborted_upload_takes_no_more_parts() {
    let files = Files::new();
    let session = session(&files).await;
    let ask = json!({"path": "/Volumes/c/s/v/d/a b ü.txt", "session_token": session, "start_part_number": 1, "count": 1});
    let urls =
        files.json(Method::POST, "/api/2.0/fs/create-upload-part-urls", ask.to_string()).await;
    let abort =
        files.json(Method::POST, "/api/2.0/fs/create-abort-upload-url", ask.to_string()).await;
    let local = |url: &Value| {
        url["url"].as_str().unwrap().strip_prefix("http://127.0.0.1:8080").unwrap().to_owned()
    };
    assert_eq!(
        files.status(Method::DELETE, &local(&abort["abort_upload_url"]), "").await,
        StatusCode::NO_CONTENT
    );
    let part = local(&urls["upload_part_urls"][0]);
    assert_eq!(files.status(Method::PUT, &part, "x").await, StatusCode::NOT_FOUND);
}
