//! The committed API description is what the routes say.

use crate::harness::Running;
use reqwest::Method;
use serde_json::Value;
use std::path::Path;

#[tokio::test]
async fn openapi_is_fresh() {
    let running = Running::start().await;
    let api: Value =
        running.call(None, Method::GET, "/openapi.json", None).await.json().await.unwrap();
    let fresh = serde_json::to_string_pretty(&api).unwrap() + "\n";
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi/biplane.json");
    if std::env::var_os("BIPLANE_UPDATE").is_some() {
        std::fs::create_dir_all(committed.parent().unwrap()).unwrap();
        std::fs::write(&committed, &fresh).unwrap();
    }
    let stale = std::fs::read_to_string(&committed).unwrap_or_default() != fresh;
    assert!(!stale, "run `cargo xtask codegen` and commit");
    running.server.stop().await;
}
