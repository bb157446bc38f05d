//! What Prometheus sees, on the listener that is for it.

use crate::harness::Running;
use reqwest::{Method, StatusCode};
use serde_json::Value;

#[tokio::test]
async fn calls_are_counted_by_operation_and_only_told_on_their_own_listener() {
    let running =
        Running::start_with(|config| config.metrics_listen = Some("127.0.0.1:0".into())).await;
    running.admin(Method::GET, "/api/2.1/unity-catalog/catalogs", Value::Null).await;
    let public = running.call(Some(&running.token), Method::GET, "/metrics", None).await;
    assert_ne!(public.headers()["content-type"], "application/openmetrics-text");
    assert!(!public.text().await.unwrap().contains("biplane_http_request"));
    let told = reqwest::get(running.server.metrics_url().unwrap()).await.unwrap();
    assert_eq!(told.status(), StatusCode::OK);
    let text = told.text().await.unwrap();
    assert!(
        text.contains(
            "biplane_http_request_duration_seconds_count{operation=\"catalog_list\",status=\"200\"}"
        ),
        "{text}"
    );
    running.server.stop().await;
}
