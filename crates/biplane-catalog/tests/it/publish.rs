//! What engines make and change.

use crate::harness::*;
use axum::http::Method;
use serde_json::{Value, json};

async fn patch(world: &World, user: &str, name: &str, body: Value) -> Answer {
    world.call(user, Method::PATCH, &format!("/internal/v1/tables/{name}"), body).await
}

#[tokio::test]
async fn a_table_is_staged_then_published() {
    let world = World::new().await;
    let place = json!({ "catalog_name": "main", "schema_name": "default", "name": "T" });
    let staged = world.internal(BOB, "/staging-tables", place).await.ok();
    let url = staged["storage"]["url"].as_str().unwrap().to_owned();
    assert!(url.ends_with(&format!("/tables/{}", staged["table_id"].as_str().unwrap())), "{url}");
    world.get(BOB, "/tables/main.default.t").await.fails("TABLE_DOES_NOT_EXIST");

    let body = json!({ "catalog_name": "main", "schema_name": "default", "name": "T", "table_type": "MANAGED",
        "data_source_format": "delta", "columns": [{ "name": "id", "type_name": "INT", "type_text": "int" }],
        "staging_table_id": staged["table_id"], "comment": "x", "properties": { "a": "b" }, "mode": "CREATE" });
    // Not by somebody else.
    world.internal(ALICE, "/tables", body.clone()).await.fails("INVALID_PARAMETER_VALUE");
    let table = world.internal(BOB, "/tables", body.clone()).await.ok();
    assert_eq!(table["table_id"], staged["table_id"]);
    assert_eq!(table["storage_location"], url);
    assert_eq!(
        (&table["table_type"], &table["data_source_format"]),
        (&json!("MANAGED"), &json!("DELTA"))
    );
    assert_eq!(world.get(BOB, "/tables/main.default.t").await.ok(), table);
    // An id is used once.
    world.internal(BOB, "/tables", body).await.fails("INVALID_PARAMETER_VALUE");
    world.try_table(BOB, "main.default.t", "CREATE").await.fails("TABLE_ALREADY_EXISTS");
    world.try_table(ALICE, "main.default.t", "CREATE").await.fails("TABLE_ALREADY_EXISTS");
}

#[tokio::test]
async fn a_staged_table_has_a_deadline() {
    let world = World::new().await;
    let place = json!({ "catalog_name": "main", "schema_name": "default", "name": "t" });
    let staged = world.internal(BOB, "/staging-tables", place).await.ok();
    world.clock.set(NOW + 25 * 3600 * 1000);
    let body = json!({ "catalog_name": "main", "schema_name": "default", "name": "t", "table_type": "MANAGED",
        "columns": [], "staging_table_id": staged["table_id"], "mode": "CREATE" });
    world.internal(BOB, "/tables", body).await.fails("INVALID_PARAMETER_VALUE");
}

#[tokio::test]
async fn replacing_keeps_id_owner_and_grants() {
    let world = World::new().await;
    let old = world.table(BOB, "main.default.t").await;
    world.grant("TABLE", "main.default.t", ALICE, &["SELECT"]).await;
    world.try_table(ALICE, "main.default.t", "REPLACE").await.fails("PERMISSION_DENIED");
    let new = world.try_table(BOB, "main.default.t", "REPLACE").await.ok();
    assert_eq!((&new["table_id"], &new["owner"]), (&old["table_id"], &old["owner"]));
    assert_ne!(new["storage_location"], old["storage_location"]);
    world.resolve(ALICE, "main.default.t", "READ", &[]).await.unwrap();
    let view = json!({ "catalog_name": "main", "schema_name": "default", "name": "t", "table_type": "VIEW",
        "columns": [], "view_definition": "SELECT 1", "mode": "REPLACE" });
    world.internal(BOB, "/tables", view).await.fails("INVALID_PARAMETER_VALUE");
    // Of what is not there it makes a new one.
    world.try_table(BOB, "main.default.t2", "REPLACE").await.ok();
}

#[tokio::test]
async fn views_are_published_and_changed() {
    let world = World::new().await;
    let made = world.view(BOB, "main.default.v", &["MAIN.default.T"]).await;
    assert_eq!(
        made["view_dependencies"]["dependencies"][0]["table"]["table_full_name"],
        "main.default.t"
    );
    assert_eq!(made.get("storage_location"), None);
    patch(&world, BOB, "main.default.v", json!({ "view_definition": "SELECT 2" }))
        .await
        .fails("INVALID_PARAMETER_VALUE");
    let body = json!({ "view_definition": "SELECT 2", "view_dependencies": [], "new_name": "W" });
    let changed = patch(&world, BOB, "main.default.v", body).await.ok();
    assert_eq!(
        (&changed["full_name"], &changed["view_definition"]),
        (&json!("main.default.w"), &json!("SELECT 2"))
    );
    for bad in [
        json!({ "view_definition": "" }),
        json!({ "staging_table_id": "x" }),
        json!({ "view_dependencies": ["a"] }),
    ] {
        let mut body = json!({ "catalog_name": "main", "schema_name": "default", "name": "v2", "table_type": "VIEW",
            "columns": [], "view_definition": "SELECT 1", "mode": "CREATE" });
        body.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        world.internal(BOB, "/tables", body).await.fails("INVALID_PARAMETER_VALUE");
    }
}

#[tokio::test]
async fn a_materialized_view_has_a_place_and_a_query() {
    let world = World::new().await;
    let place = json!({ "catalog_name": "main", "schema_name": "default", "name": "m" });
    let staged = world.internal(BOB, "/staging-tables", place).await.ok();
    let body = json!({ "catalog_name": "main", "schema_name": "default", "name": "m",
        "table_type": "MATERIALIZED_VIEW", "data_source_format": "DELTA", "columns": [],
        "view_definition": "SELECT 1", "view_dependencies": ["main.default.t"], "mode": "CREATE" });
    world.internal(BOB, "/tables", body.clone()).await.fails("INVALID_PARAMETER_VALUE");
    let mut body = body;
    body["staging_table_id"] = staged["table_id"].clone();
    let made = world.internal(BOB, "/tables", body).await.ok();
    assert_eq!(made["table_type"], "MATERIALIZED_VIEW");
    assert_eq!(made["view_definition"], "SELECT 1");
    assert_eq!(made["storage_location"], staged["storage"]["url"]);
    let body = json!({ "view_definition": "SELECT 2", "view_dependencies": [] });
    let changed = patch(&world, BOB, "main.default.m", body).await.ok();
    assert_eq!(changed["view_definition"], "SELECT 2");
}

#[tokio::test]
async fn who_writes_data_changes_columns_and_no_more() {
    let world = World::new().await;
    world.table(BOB, "main.default.t").await;
    let columns = json!({ "columns": [{ "name": "id", "type_name": "LONG", "type_text": "bigint" }], "properties": { "p": "q" } });
    patch(&world, ALICE, "main.default.t", columns.clone()).await.fails("PERMISSION_DENIED");
    world.grant("TABLE", "main.default.t", ALICE, &["SELECT", "MODIFY"]).await;
    let changed = patch(&world, ALICE, "main.default.t", columns).await.ok();
    assert_eq!(changed["columns"].as_array().unwrap().len(), 1);
    assert_eq!(changed["properties"], json!({ "p": "q" }));
    assert_eq!(changed["updated_by"], ALICE);
    for body in [json!({ "comment": "x" }), json!({ "new_name": "x" })] {
        patch(&world, ALICE, "main.default.t", body.clone()).await.fails("PERMISSION_DENIED");
        patch(&world, BOB, "main.default.t", body).await.ok();
    }
    patch(&world, BOB, "main.default.gone", json!({ "comment": "x" }))
        .await
        .fails("TABLE_DOES_NOT_EXIST");
}

#[tokio::test]
async fn bad_columns_are_refused() {
    let world = World::new().await;
    world.table(BOB, "main.default.t").await;
    let column = |name: &str| json!({ "name": name, "type_name": "INT", "type_text": "int" });
    let many: Vec<Value> = (0..10_001).map(|n| column(&format!("c{n}"))).collect();
    for bad in [
        json!([column("a"), column("A")]),
        json!([column("")]),
        json!([column("a\0")]),
        json!([{ "name": "a", "type_name": "SOFA", "type_text": "sofa" }]),
        json!([{ "name": "a", "type_name": "INT", "type_text": "in\0t" }]),
        json!([{ "type_name": "INT" }]),
        json!({}),
        json!(many),
    ] {
        patch(&world, BOB, "main.default.t", json!({ "columns": bad }))
            .await
            .fails("INVALID_PARAMETER_VALUE");
    }
    let odd = patch(&world, BOB, "main.default.t", json!({ "columns": [column("a b.c`;--\"'")] }))
        .await
        .ok();
    assert_eq!(odd["columns"][0]["name"], "a b.c`;--\"'");
}
