//! Every endpoint is authenticated, authorised and audited: the description names them all, and a new
//! one that is missing here fails.

use crate::harness::{Running, operations};
use biplane_server::PUBLIC;
use reqwest::{Method, StatusCode};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

/// What an empty request is answered, per caller. Reviewed: `nobody` is 401 unless public, a stranger gets
/// nothing that was not given, an admin gets past the door.
#[tokio::test]
async fn every_endpoint_is_on_the_authorization_list() {
    let running = Running::start().await;
    let stranger = running.stranger().await;
    let mut list = String::from("# operation · nobody · a user without rights · admin\n");
    for (name, method, path, pattern) in operations(&running).await {
        // These end the very credential the walk uses.
        let destructive = matches!(name.as_str(), "session_logout" | "auth_logout");
        let mut statuses = Vec::new();
        for token in [None, Some(stranger.as_str()), Some(running.token.as_str())] {
            let body = (method != Method::GET && method != Method::HEAD).then(|| "{}".to_owned());
            let status = match destructive && token.is_some() {
                true => "-".to_owned(),
                false => running
                    .call(token, method.clone(), &path, body)
                    .await
                    .status()
                    .as_u16()
                    .to_string(),
            };
            statuses.push(status);
        }
        if !PUBLIC.contains(&pattern.as_str()) {
            assert_eq!(statuses[0], "401", "{name} answers without a credential");
        }
        assert!(
            statuses.iter().all(|status| !matches!(status.as_str(), "500" | "502")),
            "{name}: {statuses:?}"
        );
        writeln!(list, "{name} · {}", statuses.join(" · ")).unwrap();
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/authorization.txt");
    if std::env::var_os("BIPLANE_UPDATE").is_some() {
        std::fs::write(&golden, &list).unwrap();
    }
    let committed = std::fs::read_to_string(&golden).unwrap_or_default();
    let (new, old): (BTreeSet<&str>, BTreeSet<&str>) =
        (list.lines().collect(), committed.lines().collect());
    let changed: Vec<_> = new.symmetric_difference(&old).collect();
    assert!(changed.is_empty(), "review and renew with BIPLANE_UPDATE=1: {changed:#?}");
    running.server.stop().await;
}

#[tokio::test]
async fn every_endpoint_is_audited() {
    let running = Running::start().await;
    let all = operations(&running).await;
    for (_, method, path, _) in &all {
        running.call(None, method.clone(), path, None).await;
    }
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let audited = running.server.audited_operations().await.unwrap();
        let missing: Vec<_> = all
            .iter()
            .filter(|(name, ..)| !audited.contains(name))
            .map(|(name, ..)| name)
            .collect();
        if missing.is_empty() {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "not in the audit: {missing:?}");
        tokio::task::yield_now().await;
    }
    running.server.stop().await;
}

/// Nonsense in every body and query: a clear 4xx, never a 5xx, and the server goes on.
#[tokio::test]
async fn nonsense_is_refused_everywhere() {
    let running = Running::start().await;
    let deep = "[".repeat(100_000);
    let bodies = [
        "{",
        "[]",
        "null",
        "\"x\"",
        "{\"name\": 7, \"statement\": [], \"warehouse_id\": {}}",
        "\u{0}",
        &deep,
    ];
    for (name, method, path, _) in operations(&running).await {
        if name.starts_with("file_") || name.starts_with("upload_part") {
            continue; // Their bodies are files.
        }
        let page = format!(
            "{path}?page_token=%ff%fe&max_results=99999999999999999999&page_size=-1&startIndex=-5"
        );
        let response = running.call(Some(&running.token), method.clone(), &page, None).await;
        assert_ok_or_refused(&name, response.status());
        if method == Method::GET || method == Method::HEAD {
            continue;
        }
        for body in bodies {
            let response = running
                .call(Some(&running.token), method.clone(), &path, Some(body.to_owned()))
                .await;
            assert_ok_or_refused(&name, response.status());
        }
    }
    assert_eq!(running.call(None, Method::GET, "/healthz", None).await.status(), StatusCode::OK);
    running.server.stop().await;
}

fn assert_ok_or_refused(name: &str, status: StatusCode) {
    assert!(!status.is_server_error() || status == StatusCode::NOT_IMPLEMENTED, "{name}: {status}");
}
