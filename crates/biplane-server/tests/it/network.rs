//! Names and addresses, as the edge sees them.

use crate::harness::Running;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const ME: &str = "/api/2.0/preview/scim/v2/Me";
const HOME: (&str, &str) = ("x-forwarded-for", "198.51.100.10");
const ELSEWHERE: (&str, &str) = ("x-forwarded-for", "198.51.100.10, 192.0.2.1");

#[tokio::test]
async fn workspaces_are_found_by_their_host_names() {
    let running = Running::start_with(|config| config.domain = Some("biplane.test".into())).await;
    let discovery = "/.well-known/databricks-config";
    let at = async |host: &str| -> Value {
        let answer = running.with(Method::GET, discovery, Value::Null, &[("host", host)]).await;
        answer.json().await.unwrap()
    };
    let account = at("accounts.biplane.test").await;
    assert_eq!((&account["host_type"], account.get("workspace_id")), (&json!("account"), None));
    let workspaces =
        format!("/api/2.0/accounts/{}/workspaces", account["account_id"].as_str().unwrap());
    let body = json!({"workspace_name": "Two", "deployment_name": "two"});
    let two = running.admin(Method::POST, &workspaces, body).await;
    let two = two["workspace_id"].to_string();
    assert_eq!(at("two.biplane.test:443").await["workspace_id"], two.as_str());
    assert_eq!(at("two.localhost").await["workspace_id"], two.as_str());
    assert_eq!(at("two.elsewhere.test").await.get("workspace_id"), None);
    // A token is good in its own workspace.
    let main = running.with(Method::GET, ME, Value::Null, &[("host", "main.biplane.test")]).await;
    assert_eq!(main.status(), StatusCode::OK);
    let other = running.with(Method::GET, ME, Value::Null, &[("host", "two.biplane.test")]).await;
    assert_eq!(other.status(), StatusCode::FORBIDDEN);
    running.admin(Method::DELETE, &format!("{workspaces}/{two}"), Value::Null).await;
    assert_eq!(
        at("two.biplane.test").await["workspace_id"],
        at("main.biplane.test").await["workspace_id"]
    );
    running.server.stop().await;
}

#[tokio::test]
async fn addresses_count_everywhere_and_at_once() {
    let running =
        Running::start_with(|config| config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()])
            .await;
    let list = json!({"label": "home", "list_type": "ALLOW", "ip_addresses": ["198.51.100.0/24"]});
    let made = running.with(Method::POST, "/api/2.0/ip-access-lists", list, &[HOME]).await;
    assert_eq!(made.status(), StatusCode::OK);
    let on = json!({"enableIpAccessLists": "true"});
    let on = running.with(Method::PATCH, "/api/2.0/workspace-conf", on, &[HOME]).await;
    assert_eq!(on.status(), StatusCode::NO_CONTENT);
    let thrift = "/sql/1.0/warehouses/0123456789abcdef";
    let login = "/api/2.0/biplane/auth/login";
    for (method, path) in [
        (Method::GET, ME),
        (Method::GET, "/api/2.0/sql/warehouses"),
        (Method::POST, thrift),
        (Method::POST, login),
        (Method::GET, "/oidc/jwks.json"),
        (Method::GET, "/"),
        (Method::GET, "/sql/editor"),
    ] {
        for (from, admitted) in [(HOME, true), (ELSEWHERE, false)] {
            let answer = running.with(method.clone(), path, json!({}), &[from]).await;
            assert_eq!(answer.status() != StatusCode::FORBIDDEN, admitted, "{path} {from:?}");
        }
    }
    let refused = running.with(Method::POST, thrift, json!({}), &[ELSEWHERE]).await;
    let told = refused.headers()["x-thriftserver-error-message"].to_str().unwrap().to_owned();
    assert!(told.contains("192.0.2.1"), "{told}");
    let healthy = running.with(Method::GET, "/healthz", Value::Null, &[ELSEWHERE]).await;
    assert_eq!(healthy.status(), StatusCode::OK);
    // The proxy itself, for what comes without a header.
    assert_eq!(
        running.with(Method::GET, ME, Value::Null, &[]).await.status(),
        StatusCode::FORBIDDEN
    );
    running.server.stop().await;
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let running = Running::start().await;
    let list = json!({"label": "here", "list_type": "ALLOW", "ip_addresses": ["127.0.0.1"]});
    // The list would lock out 198.51.100.10, but that is only what the header says.
    let made = running.with(Method::POST, "/api/2.0/ip-access-lists", list, &[HOME]).await;
    assert_eq!(made.status(), StatusCode::OK);
    running.server.stop().await;
}
