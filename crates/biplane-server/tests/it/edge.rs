//! What the edge does for every request.

use crate::harness::{ADMIN, PASSWORD, Running};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

#[tokio::test]
async fn unknown_paths_are_json_and_pages_are_pages() {
    let running = Running::start().await;
    for path in
        ["/api/2.0/nothing", "/oidc/nothing", "/.well-known/nothing", "/sql/1.0/nothing", "/api"]
    {
        let response = running.call(Some(&running.token), Method::GET, path, None).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(
            response.json::<Value>().await.unwrap()["error_code"],
            "ENDPOINT_NOT_FOUND",
            "{path}"
        );
    }
    let wrong =
        running.call(Some(&running.token), Method::DELETE, "/api/2.0/sql/warehouses", None).await;
    assert_eq!(wrong.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(wrong.json::<Value>().await.unwrap()["error_code"], "METHOD_NOT_ALLOWED");
    running.server.stop().await;
}

#[tokio::test]
async fn discovery_needs_no_credential_and_names_the_workspace() {
    let running = Running::start().await;
    let found: Value = running
        .call(None, Method::GET, "/.well-known/databricks-config", None)
        .await
        .json()
        .await
        .unwrap();
    let me =
        running.call(Some(&running.token), Method::GET, "/api/2.0/preview/scim/v2/Me", None).await;
    let workspace = me.headers()["x-databricks-org-id"].to_str().unwrap().to_owned();
    assert_eq!(found["workspace_id"], workspace.as_str());
    assert_eq!(me.json::<Value>().await.unwrap()["userName"], ADMIN);
    running.server.stop().await;
}

#[tokio::test]
async fn internal_routes_are_not_on_public_listeners() {
    let running = Running::start().await;
    let response = running
        .call(Some(&running.token), Method::POST, "/internal/v1/resolve", Some("{}".into()))
        .await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    running.server.stop().await;
}

#[tokio::test]
async fn big_and_broken_requests_are_refused() {
    let running = Running::start().await;
    let big = format!("{{\"statement\": \"{}\"}}", "x".repeat(64 << 20));
    let response = running
        .call(Some(&running.token), Method::POST, "/api/2.0/sql/statements", Some(big))
        .await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let bad = running.call(Some("dapi\u{1}"), Method::GET, "/healthz", None);
    drop(bad);
    assert_eq!(
        running.call(Some("dapi0"), Method::GET, "/api/2.0/token/list", None).await.status(),
        StatusCode::UNAUTHORIZED
    );
    running.server.stop().await;
}

#[tokio::test]
async fn a_second_start_keeps_everything() {
    let running = Running::start().await;
    if running.server.is_postgres() {
        running.server.stop().await;
        return; // Covered with SQLite; the directory is what is kept.
    }
    let profile = running.dir.path().join("databrickscfg");
    assert_eq!(std::fs::metadata(&profile).unwrap().permissions().mode() & 0o777, 0o600);
    let before = std::fs::read_to_string(&profile).unwrap();
    running.admin(Method::POST, "/api/2.1/unity-catalog/catalogs", json!({"name": "kept"})).await;
    let Running { server, dir, token, .. } = running;
    server.stop().await;
    let again = Running::start_in(dir, None).await;
    assert_eq!(again.token, token);
    let url = |text: &str| {
        text.lines().filter(|line| !line.contains("host")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(url(&std::fs::read_to_string(&profile).unwrap()), url(&before));
    again.admin(Method::GET, "/api/2.1/unity-catalog/catalogs/kept", json!({})).await;
    let login = json!({"user_name": ADMIN, "password": PASSWORD}).to_string();
    let response = again.call(None, Method::POST, "/api/2.0/biplane/auth/login", Some(login)).await;
    assert_eq!(response.status(), StatusCode::OK);
    again.server.stop().await;
}
