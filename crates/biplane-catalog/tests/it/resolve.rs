//! Names to tables for engines: views and their owners.

use crate::harness::*;
use serde_json::json;

/// Alice's views over a table only she reads; Bob may read the outer view.
async fn world() -> World {
    let world = World::new().await;
    world.catalog("c").await;
    for schema in ["raw", "s"] {
        world.schema(ADMIN, "c", schema).await;
    }
    world.table(ADMIN, "c.raw.t").await;
    world.table(ADMIN, "c.raw.other").await;
    world.grant("CATALOG", "c", ALICE, &["USE_CATALOG"]).await;
    world.grant("SCHEMA", "c.raw", ALICE, &["USE_SCHEMA", "SELECT"]).await;
    world.grant("SCHEMA", "c.s", ALICE, &["USE_SCHEMA", "CREATE_TABLE"]).await;
    world.view(ALICE, "c.s.inner", &["c.raw.t"]).await;
    world.view(ALICE, "c.s.outer", &["c.s.inner"]).await;
    world.grant("CATALOG", "c", BOB, &["USE_CATALOG"]).await;
    world.grant("SCHEMA", "c.s", BOB, &["USE_SCHEMA"]).await;
    world.grant("TABLE", "c.s.outer", BOB, &["SELECT"]).await;
    world
}

const DENIED: &str = "PERMISSION_DENIED";

#[tokio::test]
async fn a_view_reads_as_its_owner() {
    let world = world().await;
    let view = world.resolve(BOB, "c.s.outer", "READ", &[]).await.unwrap();
    assert_eq!(view["info"]["table_type"], "VIEW");
    assert_eq!(view["storage"], json!(null));
    assert_eq!(world.resolve(BOB, "c.s.inner", "READ", &[]).await.unwrap_err(), DENIED);
    assert_eq!(world.resolve(BOB, "c.raw.t", "READ", &[]).await.unwrap_err(), DENIED);
    world.resolve(BOB, "c.s.inner", "READ", &["c.s.outer"]).await.unwrap();
    let table = world.resolve(BOB, "c.raw.t", "READ", &["c.s.outer", "c.s.inner"]).await.unwrap();
    assert!(table["storage"]["url"].as_str().unwrap().starts_with("file:///"));
    assert_eq!(table["storage"]["options"], json!({}));
    assert_eq!(table["info"]["columns"][1]["name"], "note");
    // Inside a view everything is read, whatever the statement asked for at the outside.
    world.resolve(BOB, "c.raw.t", "WRITE", &["c.s.outer", "c.s.inner"]).await.unwrap();
}

#[tokio::test]
async fn every_link_is_checked() {
    let world = world().await;
    // Not what the view reads, not in this order, not a view, not there.
    for (name, via) in [
        ("c.raw.other", vec!["c.s.outer", "c.s.inner"]),
        ("c.raw.t", vec!["c.s.outer"]),
        ("c.raw.t", vec!["c.s.inner"]),
        ("c.raw.t", vec!["c.s.inner", "c.s.outer"]),
        ("c.s.inner", vec!["c.s.outer", "c.s.outer"]),
    ] {
        assert_eq!(
            world.resolve(BOB, name, "READ", &via).await.unwrap_err(),
            DENIED,
            "{name} {via:?}"
        );
    }
    assert_eq!(
        world.resolve(ADMIN, "c.raw.t", "READ", &["c.raw.other"]).await.unwrap_err(),
        "INVALID_PARAMETER_VALUE"
    );
    assert_eq!(
        world.resolve(BOB, "c.raw.t", "READ", &["c.s.gone"]).await.unwrap_err(),
        "TABLE_DOES_NOT_EXIST"
    );
    let deep = vec!["c.s.outer"; 101];
    assert_eq!(
        world.resolve(BOB, "c.raw.t", "READ", &deep).await.unwrap_err(),
        "RESOURCE_EXHAUSTED"
    );
}

#[tokio::test]
async fn an_owner_who_loses_rights_breaks_the_view() {
    let world = world().await;
    let via = ["c.s.outer", "c.s.inner"];
    world.resolve(BOB, "c.raw.t", "READ", &via).await.unwrap();
    world.revoke("SCHEMA", "c.raw", ALICE, &["SELECT"]).await;
    assert_eq!(world.resolve(BOB, "c.raw.t", "READ", &via).await.unwrap_err(), DENIED);
    world.grant("TABLE", "c.raw.t", ALICE, &["SELECT"]).await;
    world.resolve(BOB, "c.raw.t", "READ", &via).await.unwrap();
    // The inner view goes to somebody without rights on the table; then to a group that has them.
    world.patch(ADMIN, "/tables/c.s.inner", json!({ "owner": BOB })).await.ok();
    assert_eq!(world.resolve(BOB, "c.raw.t", "READ", &via).await.unwrap_err(), DENIED);
    world.grant("TABLE", "c.s.inner", ALICE, &["SELECT"]).await;
    assert_eq!(world.resolve(BOB, "c.raw.t", "READ", &via).await.unwrap_err(), DENIED);
    world.patch(ADMIN, "/tables/c.s.inner", json!({ "owner": "analysts" })).await.ok();
    world.grant("CATALOG", "c", "analysts", &["USE_CATALOG", "USE_SCHEMA", "SELECT"]).await;
    world.resolve(BOB, "c.raw.t", "READ", &via).await.unwrap();
    // And the user loses the outer one.
    world.revoke("TABLE", "c.s.outer", BOB, &["SELECT"]).await;
    assert_eq!(world.resolve(BOB, "c.raw.t", "READ", &via).await.unwrap_err(), DENIED);
}

#[tokio::test]
async fn many_names_have_an_answer_each() {
    let world = world().await;
    let names = json!([
        ["c", "raw", "t"],
        ["C", "S", "Outer"],
        ["c", "s", "gone"],
        ["gone", "s", "t"],
        ["c", "gone", "t"]
    ]);
    let answer =
        world.internal(ALICE, "/resolve", json!({ "names": names, "access": "READ" })).await.ok();
    let codes: Vec<&str> = answer["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["error"]["error_code"].as_str().unwrap_or("ok"))
        .collect();
    assert_eq!(
        codes,
        ["ok", "ok", "TABLE_DOES_NOT_EXIST", "CATALOG_DOES_NOT_EXIST", "SCHEMA_DOES_NOT_EXIST"]
    );
    let many = vec![["c", "raw", "t"]; 1001];
    world
        .internal(ALICE, "/resolve", json!({ "names": many, "access": "READ" }))
        .await
        .fails("RESOURCE_EXHAUSTED");
    let own = world.resolve(ALICE, "c.information_schema.tables", "READ", &[]).await.unwrap_err();
    assert_eq!(own, "INVALID_PARAMETER_VALUE");
}

#[tokio::test]
async fn a_change_is_seen_by_the_next_statement() {
    let world = World::new().await;
    for round in 0..20 {
        world.table(BOB, "main.default.t").await;
        let first = world.resolve(BOB, "main.default.t", "READ", &[]).await.unwrap();
        world
            .patch(BOB, "/tables/main.default.t", json!({ "comment": format!("{round}") }))
            .await
            .ok();
        let second = world.resolve(BOB, "main.default.t", "READ", &[]).await.unwrap();
        assert_eq!(first["info"]["table_id"], second["info"]["table_id"]);
        assert_eq!(second["info"]["comment"], format!("{round}"));
        world.delete(BOB, "/tables/main.default.t").await.ok();
        assert_eq!(
            world.resolve(BOB, "main.default.t", "READ", &[]).await.unwrap_err(),
            "TABLE_DOES_NOT_EXIST"
        );
    }
}
