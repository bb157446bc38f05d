//! Tags of objects and of columns.

use crate::harness::*;
use serde_json::{Value, json};

async fn change(world: &World, user: &str, body: Value) -> Answer {
    world.internal(user, "/tags", body).await
}

async fn rows(world: &World, user: &str, kind: &str, name: &str) -> Value {
    let body = json!({ "securable_type": kind, "full_names": [name, "main.default.nosuch"] });
    world.internal(user, "/tag-rows", body).await.ok()["rows"].clone()
}

fn table(column: Option<&str>, set: Value, unset: Value) -> Value {
    json!({ "securable_type": "TABLE", "full_name": "main.default.t", "column": column, "set": set, "unset": unset })
}

#[tokio::test]
async fn tags_are_put_on_changed_and_taken_off() {
    let world = World::new().await;
    world.table(BOB, "main.default.t").await;
    change(&world, BOB, table(None, json!({ "team": "sales", "Tier": "" }), json!([]))).await.ok();
    change(&world, BOB, table(Some("ID"), json!({ "pii": "no" }), json!([]))).await.ok();
    change(&world, BOB, table(None, json!({ "team": "shop" }), json!(["Tier", "none"]))).await.ok();
    assert_eq!(
        rows(&world, BOB, "TABLE", "main.default.t").await,
        json!([
            { "full_name": "main.default.t", "key": "team", "value": "shop" },
            { "full_name": "main.default.t", "column": "id", "key": "pii", "value": "no" },
        ])
    );
    // They stay when the table is replaced, and go with it.
    world.try_table(BOB, "main.default.t", "REPLACE").await.ok();
    let kept = rows(&world, BOB, "TABLE", "main.default.t").await;
    assert!(kept.as_array().unwrap().iter().any(|tag| tag["value"] == "shop"), "{kept}");
    world.delete(BOB, "/tables/main.default.t").await.ok();
    world.table(BOB, "main.default.t").await;
    assert_eq!(rows(&world, BOB, "TABLE", "main.default.t").await, json!([]));

    let schema =
        json!({ "securable_type": "SCHEMA", "full_name": "main.default", "set": { "a": "b" } });
    change(&world, ADMIN, schema.clone()).await.ok();
    change(&world, BOB, schema).await.fails("PERMISSION_DENIED");
    assert_eq!(rows(&world, BOB, "SCHEMA", "main.default").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn who_may_and_what_may_be_a_tag() {
    let world = World::new().await;
    world.table(BOB, "main.default.t").await;
    let tag = || table(None, json!({ "team": "sales" }), json!([]));
    change(&world, ALICE, tag()).await.fails("PERMISSION_DENIED");
    assert_eq!(rows(&world, ALICE, "TABLE", "main.default.t").await, json!([]));
    world.grant("TABLE", "main.default.t", ALICE, &["APPLY_TAG"]).await;
    change(&world, ALICE, tag()).await.ok();
    for key in ["", " team", "a.b", "a=b", "a:b", "a/b", "a,b", "a-b"] {
        let body = table(None, json!({ key: "x" }), json!([]));
        change(&world, BOB, body).await.fails("INVALID_PARAMETER_VALUE");
    }
    let long = table(None, json!({ "a": "x".repeat(1001) }), json!([]));
    change(&world, BOB, long).await.fails("INVALID_PARAMETER_VALUE");
    let many: serde_json::Map<String, Value> =
        (0..50).map(|n| (format!("k{n}"), json!(""))).collect();
    change(&world, BOB, table(None, many.into(), json!([]))).await.fails("INVALID_PARAMETER_VALUE");
    change(&world, BOB, table(Some("nosuch"), json!({ "a": "b" }), json!([])))
        .await
        .fails("RESOURCE_DOES_NOT_EXIST");
    assert_eq!(rows(&world, BOB, "TABLE", "main.default.t").await.as_array().unwrap().len(), 1);
}
