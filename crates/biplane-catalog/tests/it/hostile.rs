//! Input from people who mean harm, or know no better.

use crate::harness::*;
use serde_json::{Value, json};

const NAMES: &[&str] = &[
    "", " ", "a b", "a.b", "a/b", "a\0b", "a\nb", "\u{7f}", "..", ".", "\u{a0}", "\u{2028}", "a\tb",
];

#[tokio::test]
async fn bad_names_are_refused_and_odd_ones_kept() {
    let world = World::new().await;
    let long = "x".repeat(256);
    for name in NAMES.iter().copied().chain([long.as_str()]) {
        world
            .post(ADMIN, "/catalogs", json!({ "name": name }))
            .await
            .fails("INVALID_PARAMETER_VALUE");
        world
            .patch(ADMIN, "/catalogs/main", json!({ "new_name": name }))
            .await
            .fails("INVALID_PARAMETER_VALUE");
        let place = json!({ "name": name, "catalog_name": "main", "schema_name": "default" });
        world.internal(ADMIN, "/staging-tables", place).await.fails("INVALID_PARAMETER_VALUE");
    }
    for name in [
        "robert'); DROP TABLE securables;--",
        "%",
        "_",
        "ünïcödé",
        "日本",
        "'",
        "\"",
        "`x",
        "${jndi:ldap}",
        "İ",
    ] {
        let name = name.replace(' ', "");
        world.catalog(&name).await;
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let got = world.get(ADMIN, &format!("/catalogs/{encoded}")).await.ok();
        assert_eq!(got["name"], name.to_lowercase());
        world.schema(ADMIN, &name, &name).await;
        let schemas = world.get(ADMIN, &format!("/schemas?catalog_name={encoded}")).await.ok();
        assert!(names(&schemas, "schemas").contains(&name.to_lowercase()));
        world.delete(ADMIN, &format!("/catalogs/{encoded}?force=true")).await.ok();
    }
    for path in [
        "/tables/%00",
        "/tables/a.b",
        "/tables/a.b.c.d",
        "/tables/...",
        "/schemas/%20",
        "/tables/%ff",
    ] {
        let answer = world.get(ADMIN, path).await;
        assert!(answer.status.is_client_error(), "{path} {}", answer.body);
    }
}

#[tokio::test]
async fn bodies_of_the_wrong_shape_are_refused() {
    let world = World::new().await;
    for body in [
        Value::Null,
        json!({}),
        json!([]),
        json!(1),
        json!({ "name": 1 }),
        json!({ "name": null }),
        json!({ "name": ["x"] }),
        json!({ "name": "x", "properties": { "a": 1 } }),
        json!({ "name": "x", "properties": [] }),
        json!({ "name": "x", "comment": {} }),
        json!({ "name": "x", "isolation_mode": "MAYBE" }),
        json!({ "name": "x", "comment": "\0" }),
        json!({ "name": "x", "properties": { "\0": "" } }),
    ] {
        world.post(ADMIN, "/catalogs", body).await.fails("INVALID_PARAMETER_VALUE");
    }
    let long = "x".repeat(70_000);
    world
        .post(ADMIN, "/catalogs", json!({ "name": "x", "comment": long }))
        .await
        .fails("INVALID_PARAMETER_VALUE");
    world.get(ADMIN, "/catalogs/x").await.fails("CATALOG_DOES_NOT_EXIST");
    for body in [
        json!({ "names": "x", "access": "READ" }),
        json!({ "names": [["a", "b"]], "access": "READ" }),
        json!({ "names": [], "access": "FLY" }),
    ] {
        world.internal(ADMIN, "/resolve", body).await.fails("INVALID_PARAMETER_VALUE");
    }
    world
        .internal(ADMIN, "/resolve", json!({ "names": [], "access": "READ", "via": ["x"] }))
        .await
        .fails("INVALID_PARAMETER_VALUE");
    // Fields nobody knows do no harm.
    world.post(ADMIN, "/catalogs", json!({ "name": "x", "new_thing": { "a": [1] } })).await.ok();
}

#[tokio::test]
async fn nobody_gets_in_without_a_context() {
    use axum::http::Request;
    use tower::ServiceExt;
    let world = World::new().await;
    let app = axum::Router::from(world.catalog.routes()).merge(world.catalog.internal_routes());
    for path in ["/api/2.1/unity-catalog/catalogs", "/api/2.1/unity-catalog/metastore_summary"] {
        let request = Request::builder().uri(path).body(axum::body::Body::empty()).unwrap();
        assert_eq!(app.clone().oneshot(request).await.unwrap().status(), 401, "{path}");
    }
    let request = Request::builder()
        .method("POST")
        .uri("/internal/v1/resolve")
        .body(axum::body::Body::from("{}"))
        .unwrap();
    assert_eq!(app.oneshot(request).await.unwrap().status(), 401);
}
