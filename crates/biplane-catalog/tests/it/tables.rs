//! Tables, volumes and functions by REST.

use crate::harness::*;
use serde_json::{Value, json};

async fn world() -> (World, String) {
    let world = World::new().await;
    let dir = world.test.dir().display().to_string();
    let location = json!({ "name": "ext", "url": format!("file://{dir}/ext") });
    world.post(ADMIN, "/external-locations", location).await.ok();
    (world, format!("file://{dir}/ext"))
}

fn external(name: &str, url: &str) -> Value {
    // As unitycatalog-client sends it.
    json!({ "name": name, "catalog_name": "main", "schema_name": "default", "table_type": "EXTERNAL",
        "data_source_format": "DELTA", "storage_location": url, "comment": "c", "properties": { "k": "v" },
        "columns": [{ "name": "id", "type_text": "int", "type_json": "{\"name\":\"id\"}", "type_name": "INT", "type_precision": 0,
            "type_scale": 0, "position": 0, "nullable": true }] })
}

#[tokio::test]
async fn an_external_table_lives() {
    let (world, root) = world().await;
    let made = world.post(ADMIN, "/tables", external("T", &format!("{root}/t/"))).await.ok();
    assert_eq!(
        (&made["full_name"], &made["table_type"]),
        (&json!("main.default.t"), &json!("EXTERNAL"))
    );
    assert_eq!(made["storage_location"], format!("{root}/t"));
    assert_eq!(
        world.get(ADMIN, "/tables/MAIN.default.T?include_delta_metadata=true").await.ok(),
        made
    );
    assert_eq!(
        world.get(ADMIN, "/tables/main.default.t/exists").await.ok(),
        json!({ "table_exists": true })
    );
    assert_eq!(
        world.get(ADMIN, "/tables/main.default.no/exists").await.ok(),
        json!({ "table_exists": false })
    );
    world.patch(ADMIN, "/tables/main.default.t", json!({ "owner": BOB })).await.ok();
    world.resolve(BOB, "main.default.t", "READ", &[]).await.unwrap();
    world.delete(BOB, "/tables/main.default.t").await.ok();
    world.get(BOB, "/tables/main.default.t").await.fails("TABLE_DOES_NOT_EXIST");
}

#[tokio::test]
async fn places_are_checked() {
    let (world, root) = world().await;
    let url = format!("{root}/t");
    world.post(BOB, "/tables", external("t", &url)).await.fails("PERMISSION_DENIED");
    world.post(BOB, "/tables", external("t", "file:///etc")).await.fails("PERMISSION_DENIED");
    world.grant("EXTERNAL_LOCATION", "ext", BOB, &["CREATE EXTERNAL TABLE"]).await;
    world.post(BOB, "/tables", external("t", &url)).await.ok();
    for taken in [url.clone(), format!("{url}/inner"), root.clone()] {
        world.post(BOB, "/tables", external("t2", &taken)).await.fails("INVALID_PARAMETER_VALUE");
    }
    for bad in [
        format!("{root}/../x"),
        format!("{root}/%2e%2e/x"),
        format!("{root}/..%2fx"),
        "t".into(),
        String::new(),
    ] {
        world.post(BOB, "/tables", external("t3", &bad)).await.fails("INVALID_PARAMETER_VALUE");
    }
    world.post(BOB, "/tables", external("t3", "gs://b/x")).await.fails("FEATURE_DISABLED");
    let mut view = external("v", &format!("{root}/v"));
    view["table_type"] = json!("VIEW");
    world.post(BOB, "/tables", view).await.fails("FEATURE_DISABLED");
    // Read-only locations take no tables.
    world.patch(ADMIN, "/external-locations/ext", json!({ "read_only": true })).await.ok();
    world
        .post(BOB, "/tables", external("t4", &format!("{root}/t4")))
        .await
        .fails("PERMISSION_DENIED");
}

#[tokio::test]
async fn a_managed_table_is_registered_from_its_staging_table() {
    let world = World::new().await;
    let staging = json!({ "name": "t", "catalog_name": "main", "schema_name": "default" });
    let staged = world.post(BOB, "/staging-tables", staging).await.ok();
    let mut body = external("t", staged["staging_location"].as_str().unwrap());
    body["table_type"] = json!("MANAGED");
    world.post(ALICE, "/tables", body.clone()).await.fails("INVALID_PARAMETER_VALUE");
    let made = world.post(BOB, "/tables", body.clone()).await.ok();
    assert_eq!(made["table_id"], staged["id"]);
    world.post(BOB, "/tables", body).await.fails("INVALID_PARAMETER_VALUE");
}

#[tokio::test]
async fn constraints_are_kept() {
    let world = World::new().await;
    world.table(BOB, "main.default.t").await;
    let key = |name: &str, column: &str| {
        json!({ "full_name_arg": "main.default.t",
            "constraint": { "primary_key_constraint": { "name": name, "child_columns": [column] } } })
    };
    world.post(BOB, "/constraints", key("pk", "absent")).await.fails("INVALID_PARAMETER_VALUE");
    world.post(BOB, "/constraints", key("pk", "ID")).await.ok();
    world.post(BOB, "/constraints", key("pk2", "id")).await.fails("ALREADY_EXISTS");
    world
        .post(BOB, "/constraints", json!({ "full_name_arg": "main.default.t", "constraint": {} }))
        .await
        .fails("INVALID_PARAMETER_VALUE");
    let table = world.get(BOB, "/tables/main.default.t").await.ok();
    assert_eq!(table["table_constraints"][0]["primary_key_constraint"]["name"], "pk");
    world.delete(BOB, "/constraints/main.default.t?constraint_name=pk&cascade=false").await.ok();
    world
        .delete(BOB, "/constraints/main.default.t?constraint_name=pk&cascade=false")
        .await
        .fails("RESOURCE_DOES_NOT_EXIST");
}

#[tokio::test]
async fn volumes_live() {
    let (world, root) = world().await;
    let body = json!({ "name": "V", "catalog_name": "main", "schema_name": "default", "volume_type": "MANAGED", "comment": "c" });
    let made = world.post(BOB, "/volumes", body.clone()).await.ok();
    assert_eq!(
        (&made["full_name"], &made["volume_type"]),
        (&json!("main.default.v"), &json!("MANAGED"))
    );
    world.post(BOB, "/volumes", body).await.fails("RESOURCE_ALREADY_EXISTS");
    assert_eq!(world.get(BOB, "/volumes/main.default.v").await.ok(), made);
    let renamed =
        world.patch(BOB, "/volumes/main.default.v", json!({ "new_name": "w" })).await.ok();
    assert_eq!(renamed["storage_location"], made["storage_location"]);
    let list = world.get(BOB, "/volumes?catalog_name=main&schema_name=default").await.ok();
    assert_eq!(names(&list, "volumes"), ["w"]);
    assert_eq!(
        names(
            &world.get(ALICE, "/volumes?catalog_name=main&schema_name=default").await.ok(),
            "volumes"
        ),
        Vec::<String>::new()
    );
    let external = json!({ "name": "e", "catalog_name": "main", "schema_name": "default", "volume_type": "EXTERNAL", "storage_location": format!("{root}/e") });
    world.post(BOB, "/volumes", external.clone()).await.fails("PERMISSION_DENIED");
    world.post(ADMIN, "/volumes", external).await.ok();
    for bad in [
        json!({ "volume_type": "SOFA" }),
        json!({ "volume_type": "EXTERNAL" }),
        json!({ "volume_type": "MANAGED", "storage_location": "file:///x" }),
    ] {
        let mut body = json!({ "name": "x", "catalog_name": "main", "schema_name": "default" });
        body.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        world.post(BOB, "/volumes", body).await.fails("INVALID_PARAMETER_VALUE");
    }
    world.delete(BOB, "/volumes/main.default.w").await.ok();
    world.get(BOB, "/volumes/main.default.w").await.fails("VOLUME_DOES_NOT_EXIST");
}

#[tokio::test]
async fn functions_live() {
    let world = World::new().await;
    let body = json!({ "function_info": {
        "name": "Add", "catalog_name": "main", "schema_name": "default",
        "input_params": { "parameters": [
            { "name": "a", "type_text": "int", "type_name": "INT", "position": 0, "type_json": "{}" },
            { "name": "b", "type_text": "int", "type_name": "INT", "position": 0 }] },
        "data_type": "INT", "full_data_type": "INT", "routine_body": "SQL", "routine_definition": "a + b",
        "parameter_style": "S", "is_deterministic": true, "sql_data_access": "CONTAINS_SQL", "is_null_call": false,
        "security_type": "DEFINER", "specific_name": "add", "comment": "adds" } });
    let made = world.post(BOB, "/functions", body.clone()).await.ok();
    assert_eq!(
        (&made["full_name"], &made["routine_definition"]),
        (&json!("main.default.add"), &json!("a + b"))
    );
    assert_eq!(made["input_params"]["parameters"][1]["position"], 1);
    world.post(BOB, "/functions", body).await.fails("RESOURCE_ALREADY_EXISTS");
    assert_eq!(world.get(BOB, "/functions/main.default.ADD").await.ok(), made);
    world.get(ALICE, "/functions/main.default.add").await.fails("PERMISSION_DENIED");
    world.grant("FUNCTION", "main.default.add", ALICE, &["EXECUTE"]).await;
    let list = world.get(ALICE, "/functions?catalog_name=main&schema_name=default").await.ok();
    assert_eq!(names(&list, "functions"), ["add"]);
    world.patch(BOB, "/functions/main.default.add", json!({ "owner": ALICE })).await.ok();
    world.delete(BOB, "/functions/main.default.add").await.fails("PERMISSION_DENIED");
    world.delete(ALICE, "/functions/main.default.add?force=true").await.ok();
}

#[tokio::test]
async fn lists_leave_out_what_they_are_told_to() {
    let world = World::new().await;
    world.table(BOB, "main.default.t").await;
    let path = "/tables?catalog_name=main&schema_name=default";
    let full = world.get(BOB, path).await.ok();
    assert_eq!(full["tables"][0]["columns"].as_array().unwrap().len(), 2);
    let lean = world
        .get(BOB, &format!("{path}&omit_columns=true&omit_properties=true&omit_username=true"))
        .await
        .ok();
    assert_eq!(
        (&lean["tables"][0]["columns"], &lean["tables"][0]["owner"]),
        (&json!([]), &json!(""))
    );
}
