//! Input nobody sane sends: always a 4xx in the public shape.

use crate::app::App;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::json;

const USERS: &str = "/api/2.0/preview/scim/v2/Users";
const GROUPS: &str = "/api/2.0/preview/scim/v2/Groups";

#[tokio::test]
async fn bad_bodies() {
    let app = App::new().await;
    let long = "n".repeat(100_000);
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let bodies: Vec<Vec<u8>> = vec![
        b"{".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"\xff\xfe{}".to_vec(),
        b"{\"userName\": \"\xff\"}".to_vec(),
        deep.into_bytes(),
        json!({"userName": long, "displayName": long}).to_string().into_bytes(),
        json!({"userName": 5, "displayName": 5}).to_string().into_bytes(),
        json!({"userName": "", "displayName": ""}).to_string().into_bytes(),
        json!({"userName": "a\u{0}b", "displayName": "a\u{0}b"}).to_string().into_bytes(),
        json!({"userName": "a@x", "displayName": "g", "roles": [{"value": long}]}).to_string().into_bytes(),
        json!({"userName": "a@x", "displayName": "g", "roles": [{}]}).to_string().into_bytes(),
        json!({"userName": "a@x", "displayName": "g", "entitlements": [{"value": "root"}]}).to_string().into_bytes(),
        json!({"userName": "a@x", "displayName": "g", "externalId": long}).to_string().into_bytes(),
        json!({"userName": "a@x", "displayName": "g", "password": "short"}).to_string().into_bytes(),
        json!({"userName": "a@x", "displayName": "g", "members": [{"value": "x"}], "password": long}).to_string().into_bytes(),
    ];
    for body in bodies {
        for path in [USERS, GROUPS] {
            let shown = String::from_utf8_lossy(&body).chars().take(80).collect::<String>();
            let request =
                Request::post(path).header("authorization", format!("Bearer {}", app.pat));
            let answer = app.send(request.body(Body::from(body.clone())).unwrap(), None).await;
            assert!(answer.status.is_client_error(), "{path} {shown} {}", answer.status);
            answer.refused();
        }
    }
    let listed = app.get(USERS).await.ok();
    assert_eq!(listed["totalResults"], 1);
}

#[tokio::test]
async fn bad_queries_and_paths() {
    let app = App::new().await;
    let long = "a".repeat(50_000);
    for query in [
        "startIndex=x".to_owned(),
        "count=99999999999999999999999".to_owned(),
        "filter=(((((".to_owned(),
        "filter=%FF%FE".to_owned(),
        format!("filter=userName+eq+%22{long}%22"),
        "filter=userName+eq+%22a%22;DROP+TABLE+principals".to_owned(),
        "sortBy=password".to_owned(),
        "sortOrder=up".to_owned(),
    ] {
        let answer = app.get(&format!("{USERS}?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query:.60}");
        answer.refused();
    }
    for query in [
        "startIndex=-5",
        "startIndex=9223372036854775807",
        "count=-1",
        "count=9223372036854775807",
        "attributes=,,,",
        "filter=",
    ] {
        app.get(&format!("{USERS}?{query}")).await.ok();
    }
    for id in ["0", "-1", "x", "1e9", "99999999999999999999", "%00", "%2e%2e", "1%20OR%201=1"] {
        for method in [Method::GET, Method::DELETE] {
            let answer = app.call(&app.pat, method, &format!("{USERS}/{id}"), json!({})).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}");
        }
    }
    assert_eq!(app.get(&format!("{USERS}/%FF")).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn bad_patches_change_nothing() {
    let app = App::new().await;
    let (id, _) = app.user("ann@x").await;
    let one = format!("{USERS}/{id}");
    let before = app.get(&one).await.ok();
    let many: Vec<_> =
        (0..2000).map(|_| json!({"op": "replace", "path": "displayName", "value": "x"})).collect();
    for operations in [
        json!([{"op": "replace", "path": "displayName", "value": "x"}, {"op": "explode", "path": "active"}]),
        json!([{"op": "replace", "path": "displayName", "value": {"a": 1}}]),
        json!([{"op": "replace", "path": "active", "value": "perhaps"}]),
        json!([{"op": "replace", "path": "userName", "value": "other@x"}]),
        json!([{"op": "replace", "path": "members[value eq \"", "value": "x"}]),
        json!([{"op": "add", "path": "emails", "value": [[[]]]}]),
        json!([{"op": "add", "path": "roles", "value": [{"value": "god"}]}]),
        json!([{"op": "add", "path": "entitlements", "value": [{"value": "god"}]}]),
        json!(many),
        json!("x"),
        json!(null),
    ] {
        let answer = app.patch(&one, json!({"Operations": operations})).await;
        assert!(
            !answer.status.is_success() && answer.status.as_u16() != 500,
            "{operations:.80} {}",
            answer.status
        );
        answer.refused();
    }
    assert_eq!(app.get(&one).await.ok(), before);
}
