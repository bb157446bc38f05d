//! A second user, everywhere.

use crate::harness::*;
use axum::http::Method;
use serde_json::{Value, json};

async fn world() -> World {
    let world = World::new().await;
    world.catalog("c").await;
    world.schema(ADMIN, "c", "s").await;
    world.table(ADMIN, "c.s.t").await;
    world.view(ADMIN, "c.s.w", &["c.s.t"]).await;
    let volume =
        json!({ "name": "v", "catalog_name": "c", "schema_name": "s", "volume_type": "MANAGED" });
    world.post(ADMIN, "/volumes", volume).await.ok();
    let function = json!({ "function_info": {
        "name": "f", "catalog_name": "c", "schema_name": "s", "data_type": "INT", "full_data_type": "INT",
        "routine_body": "SQL", "routine_definition": "1" } });
    world.post(ADMIN, "/functions", function).await.ok();
    let dir = world.test.dir().display().to_string();
    let location = json!({ "name": "l", "url": format!("file://{dir}/ext") });
    world.post(ADMIN, "/external-locations", location).await.ok();
    let credential =
        json!({ "name": "k", "aws_iam_role": { "role_arn": "arn:aws:iam::1:role/x" } });
    world.post(ADMIN, "/storage-credentials", credential).await.ok();
    world
}

/// Every call on the securables above: none is to work for a stranger.
fn calls() -> Vec<(Method, String, Value)> {
    let mut calls = Vec::new();
    let mut add = |method: Method, path: String, body: Value| {
        calls.push((method, format!("{UC}{path}"), body))
    };
    for path in [
        "catalogs/c",
        "schemas/c.s",
        "tables/c.s.t",
        "tables/c.s.w",
        "volumes/c.s.v",
        "functions/c.s.f",
        "external-locations/l",
        "storage-credentials/k",
        "credentials/k",
    ] {
        add(Method::GET, format!("/{path}"), Value::Null);
        add(Method::PATCH, format!("/{path}"), json!({ "owner": BOB }));
        add(Method::DELETE, format!("/{path}"), Value::Null);
    }
    for (kind, name) in [
        ("catalog", "c"),
        ("schema", "c.s"),
        ("table", "c.s.t"),
        ("volume", "c.s.v"),
        ("function", "c.s.f"),
        ("external_location", "l"),
        ("storage_credential", "k"),
    ] {
        for route in [
            "permissions",
            "effective-permissions",
            "privilege-assignments",
            "effective-privilege-assignments",
        ] {
            add(Method::GET, format!("/{route}/{kind}/{name}"), Value::Null);
        }
        add(
            Method::PATCH,
            format!("/permissions/{kind}/{name}"),
            json!({ "changes": [{ "principal": BOB, "add": ["ALL_PRIVILEGES"] }] }),
        );
    }
    for kind in ["catalog/c", "external_location/l", "storage_credential/k"] {
        add(Method::GET, format!("/bindings/{kind}"), Value::Null);
        add(Method::PATCH, format!("/bindings/{kind}"), json!({ "add": [{ "workspace_id": 1 }] }));
    }
    for list in [
        "schemas?catalog_name=c",
        "tables?catalog_name=c&schema_name=s",
        "volumes?catalog_name=c&schema_name=s",
        "functions?catalog_name=c&schema_name=s",
        "table-summaries?catalog_name=c",
        "tables/c.s.t/exists",
    ] {
        add(Method::GET, format!("/{list}"), Value::Null);
    }
    add(Method::POST, "/schemas".into(), json!({ "name": "x", "catalog_name": "c" }));
    add(
        Method::POST,
        "/staging-tables".into(),
        json!({ "name": "x", "catalog_name": "c", "schema_name": "s" }),
    );
    add(
        Method::POST,
        "/volumes".into(),
        json!({ "name": "x", "catalog_name": "c", "schema_name": "s", "volume_type": "MANAGED" }),
    );
    add(
        Method::POST,
        "/functions".into(),
        json!({ "function_info": { "name": "x", "catalog_name": "c", "schema_name": "s", "routine_body": "SQL" } }),
    );
    add(
        Method::POST,
        "/constraints".into(),
        json!({ "full_name_arg": "c.s.t", "constraint": { "primary_key_constraint": { "name": "p", "child_columns": ["id"] } } }),
    );
    add(Method::DELETE, "/constraints/c.s.t?constraint_name=p".into(), Value::Null);
    add(Method::POST, "/catalogs".into(), json!({ "name": "x" }));
    add(Method::POST, "/external-locations".into(), json!({ "name": "x", "url": "file:///x" }));
    add(
        Method::POST,
        "/storage-credentials".into(),
        json!({ "name": "x", "aws_iam_role": { "role_arn": "arn:aws:iam::1:role/x" } }),
    );
    add(Method::POST, "/metastores".into(), json!({ "name": "x" }));
    for access in ["METADATA", "READ", "WRITE"] {
        calls.push((
            Method::POST,
            "/internal/v1/resolve-path".into(),
            json!({ "path": "/Volumes/c/s/v/x", "access": access }),
        ));
    }
    calls.push((Method::PATCH, "/internal/v1/tables/c.s.t".into(), json!({ "comment": "x" })));
    calls.push((
        Method::POST,
        "/internal/v1/tags".into(),
        json!({ "securable_type": "TABLE", "full_name": "c.s.t", "set": { "a": "b" } }),
    ));
    calls.push((
        Method::POST,
        "/internal/v1/staging-tables".into(),
        json!({ "name": "x", "catalog_name": "c", "schema_name": "s" }),
    ));
    calls.push((
        Method::POST,
        "/internal/v1/tables".into(),
        json!({
        "name": "x", "catalog_name": "c", "schema_name": "s", "table_type": "VIEW", "columns": [],
        "view_definition": "SELECT 1", "mode": "REPLACE" }),
    ));
    calls
}

#[tokio::test]
async fn a_stranger_gets_nothing_and_sees_nothing() {
    let world = world().await;
    for (method, path, body) in calls() {
        let answer = world.call(BOB, method.clone(), &path, body).await;
        assert_eq!(
            answer.body["error_code"], "PERMISSION_DENIED",
            "{method} {path}: {} {}",
            answer.status, answer.body
        );
        let message = answer.body["message"].as_str().unwrap();
        assert!(!message.contains("c.s"), "{method} {path} tells too much: {message}");
    }
    for access in ["METADATA", "READ", "WRITE", "MANAGE"] {
        assert_eq!(
            world.resolve(BOB, "c.s.t", access, &[]).await.unwrap_err(),
            "PERMISSION_DENIED"
        );
        // The same whether it is there or not.
        assert_eq!(
            world.resolve(BOB, "c.s.absent", access, &[]).await.unwrap_err(),
            "PERMISSION_DENIED"
        );
        assert_eq!(
            world.resolve(BOB, "c.absent.t", access, &[]).await.unwrap_err(),
            "PERMISSION_DENIED"
        );
        assert_eq!(
            world.resolve(BOB, "absent.s.t", access, &[]).await.unwrap_err(),
            "CATALOG_DOES_NOT_EXIST"
        );
    }
    for (path, list) in [
        ("/catalogs", "catalogs"),
        ("/external-locations", "external_locations"),
        ("/storage-credentials", "storage_credentials"),
    ] {
        let shown = names(&world.get(BOB, path).await.ok(), list);
        assert!(!shown.iter().any(|name| ["c", "l", "k"].contains(&name.as_str())), "{shown:?}");
    }
    // Nothing was changed by all of that.
    assert_eq!(world.get(ADMIN, "/tables/c.s.t").await.ok()["owner"], ADMIN);
    assert_eq!(
        world.get(ADMIN, "/permissions/table/c.s.t").await.ok()["privilege_assignments"],
        json!([])
    );
}

#[tokio::test]
async fn rights_open_one_door_at_a_time() {
    let world = world().await;
    let denied = |message: String, text: &str| assert!(message.contains(text), "{message}");
    denied(
        world.get(BOB, "/tables/c.s.t").await.fails("PERMISSION_DENIED"),
        "USE CATALOG on Catalog 'c'",
    );
    world.grant("CATALOG", "c", BOB, &["USE CATALOG"]).await;
    denied(
        world.get(BOB, "/tables/c.s.t").await.fails("PERMISSION_DENIED"),
        "USE SCHEMA on Schema 'c.s'",
    );
    assert_eq!(
        names(&world.get(BOB, "/schemas?catalog_name=c").await.ok(), "schemas"),
        ["information_schema"]
    );
    world.grant("schema", "c.s", BOB, &["use_schema"]).await;
    denied(world.get(BOB, "/tables/c.s.t").await.fails("PERMISSION_DENIED"), "on Table 'c.s.t'");
    assert_eq!(
        names(&world.get(BOB, "/tables?catalog_name=c&schema_name=s").await.ok(), "tables"),
        Vec::<String>::new()
    );
    assert_eq!(world.resolve(BOB, "c.s.t", "READ", &[]).await.unwrap_err(), "PERMISSION_DENIED");
    assert_eq!(
        world.resolve(BOB, "c.s.absent", "READ", &[]).await.unwrap_err(),
        "TABLE_DOES_NOT_EXIST"
    );
    world.grant("Table", "c.s.t", BOB, &["SELECT"]).await;
    assert_eq!(
        names(&world.get(BOB, "/tables?catalog_name=c&schema_name=s").await.ok(), "tables"),
        ["t"]
    );
    world.resolve(BOB, "c.s.t", "READ", &[]).await.unwrap();
    assert_eq!(world.resolve(BOB, "c.s.t", "WRITE", &[]).await.unwrap_err(), "PERMISSION_DENIED");
    world.grant("TABLE", "c.s.t", BOB, &["MODIFY"]).await;
    world.resolve(BOB, "c.s.t", "WRITE", &[]).await.unwrap();
    world.delete(BOB, "/tables/c.s.t").await.fails("PERMISSION_DENIED");
    // What was taken counts at once, also for what was in memory.
    world.revoke("CATALOG", "c", BOB, &["USE_CATALOG"]).await;
    assert_eq!(world.resolve(BOB, "c.s.t", "READ", &[]).await.unwrap_err(), "PERMISSION_DENIED");
}

#[tokio::test]
async fn a_right_above_holds_below_and_groups_count() {
    let world = world().await;
    world.grant("CATALOG", "c", "analysts", &["ALL PRIVILEGES"]).await;
    world.resolve(CAROL, "c.s.t", "WRITE", &[]).await.unwrap();
    assert_eq!(world.resolve(BOB, "c.s.t", "READ", &[]).await.unwrap_err(), "PERMISSION_DENIED");
    assert_eq!(
        world.resolve(CAROL, "c.s.t", "MANAGE", &[]).await.unwrap_err(),
        "PERMISSION_DENIED"
    );
    world.table(CAROL, "c.s.hers").await;
    world.resolve(CAROL, "c.s.hers", "MANAGE", &[]).await.unwrap();
    let effective = world.get(CAROL, "/effective-permissions/table/c.s.t").await.ok();
    assert_eq!(
        effective["privilege_assignments"],
        json!([{ "principal": "analysts", "privileges": [
        { "privilege": "ALL_PRIVILEGES", "inherited_from_type": "CATALOG", "inherited_from_name": "c" }] }])
    );
    // With MANAGE: everything but the data.
    world.grant("CATALOG", "c", BOB, &["MANAGE", "USE_CATALOG", "USE_SCHEMA"]).await;
    world.resolve(BOB, "c.s.t", "MANAGE", &[]).await.unwrap();
    assert_eq!(world.resolve(BOB, "c.s.t", "READ", &[]).await.unwrap_err(), "PERMISSION_DENIED");
    let own = json!({ "changes": [{ "principal": BOB, "add": ["SELECT"] }] });
    world.patch(BOB, "/permissions/table/c.s.t", own).await.ok();
    world.resolve(BOB, "c.s.t", "READ", &[]).await.unwrap();
}

#[tokio::test]
async fn the_metastore_admin_manages_but_does_not_read() {
    let world = World::new().await;
    world.table(BOB, "main.default.secret").await;
    assert_eq!(
        world.resolve(ADMIN, "main.default.secret", "READ", &[]).await.unwrap_err(),
        "PERMISSION_DENIED"
    );
    world.get(ADMIN, "/tables/main.default.secret").await.ok();
    world.resolve(ADMIN, "main.default.secret", "MANAGE", &[]).await.unwrap();
    world.grant("TABLE", "main.default.secret", ADMIN, &["SELECT"]).await;
    world.resolve(ADMIN, "main.default.secret", "READ", &[]).await.unwrap();
    world.patch(ADMIN, "/tables/main.default.secret", json!({ "owner": ALICE })).await.ok();
    assert_eq!(
        world.resolve(BOB, "main.default.secret", "READ", &[]).await.unwrap_err(),
        "PERMISSION_DENIED"
    );
}

#[tokio::test]
async fn browse_shows_without_opening() {
    let world = world().await;
    world.grant("CATALOG", "c", BOB, &["BROWSE"]).await;
    let table = world.get(BOB, "/tables/c.s.t").await.ok();
    assert_eq!(table["browse_only"], true);
    assert_eq!(table.get("storage_location"), None);
    assert_eq!(world.get(BOB, "/tables/c.s.w").await.ok().get("view_definition"), None);
    assert_eq!(world.resolve(BOB, "c.s.t", "READ", &[]).await.unwrap_err(), "PERMISSION_DENIED");
    let seen = world.resolve(BOB, "c.s.t", "METADATA", &[]).await.unwrap();
    assert_eq!(seen["storage"], Value::Null);
    assert!(!names(&world.get(BOB, "/catalogs").await.ok(), "catalogs").contains(&"c".to_owned()));
    assert!(
        names(&world.get(BOB, "/catalogs?include_browse=true").await.ok(), "catalogs")
            .contains(&"c".to_owned())
    );
    world.get(BOB, "/tables?catalog_name=c&schema_name=s").await.fails("PERMISSION_DENIED");
    let all = world.get(BOB, "/tables?catalog_name=c&schema_name=s&include_browse=true").await.ok();
    assert_eq!(names(&all, "tables"), ["t", "w"]);
}

#[tokio::test]
async fn grants_are_checked() {
    let world = world().await;
    let change = |principal: &str, privilege: &str| json!({ "changes": [{ "principal": principal, "add": [privilege] }] });
    world
        .patch(ADMIN, "/permissions/table/c.s.t", change("nobody@x", "SELECT"))
        .await
        .fails("RESOURCE_DOES_NOT_EXIST");
    world
        .patch(ADMIN, "/permissions/table/c.s.t", change(BOB, "CREATE_SCHEMA"))
        .await
        .fails("INVALID_PARAMETER_VALUE");
    world
        .patch(ADMIN, "/permissions/table/c.s.t", change(BOB, "FLY"))
        .await
        .fails("INVALID_PARAMETER_VALUE");
    world
        .patch(ADMIN, "/permissions/metastore/metastore", change(BOB, "SELECT"))
        .await
        .fails("INVALID_PARAMETER_VALUE");
    world
        .patch(ADMIN, "/permissions/sofa/c.s.t", change(BOB, "SELECT"))
        .await
        .fails("INVALID_PARAMETER_VALUE");
    // One bad change and none is made.
    let mixed = json!({ "changes": [{ "principal": BOB, "add": ["SELECT", "FLY"] }] });
    world.patch(ADMIN, "/permissions/table/c.s.t", mixed).await.fails("INVALID_PARAMETER_VALUE");
    assert_eq!(
        world.get(ADMIN, "/permissions/table/c.s.t").await.ok()["privilege_assignments"],
        json!([])
    );
    let summary = world.get(ADMIN, "/metastore_summary").await.ok();
    let id = summary["metastore_id"].as_str().unwrap();
    world.grant("METASTORE", id, BOB, &["CREATE CATALOG"]).await;
    world.post(BOB, "/catalogs", json!({ "name": "bobs" })).await.ok();
    world.get(ADMIN, "/permissions/metastore/another").await.fails("RESOURCE_DOES_NOT_EXIST");
    // The owner of a table sees all grants on it, others their own.
    world.grant("CATALOG", "c", BOB, &["USE_CATALOG", "USE_SCHEMA", "SELECT"]).await;
    world.grant("TABLE", "c.s.t", ALICE, &["SELECT"]).await;
    world.grant("TABLE", "c.s.t", BOB, &["MODIFY"]).await;
    let seen = world.get(BOB, "/permissions/table/c.s.t").await.ok();
    assert_eq!(
        seen["privilege_assignments"],
        json!([{ "principal": BOB, "privileges": ["MODIFY"] }])
    );
    let all = world.get(ADMIN, "/permissions/table/c.s.t?max_results=0").await.ok();
    assert_eq!(all["privilege_assignments"].as_array().unwrap().len(), 2);
    let one = world.get(ADMIN, &format!("/permissions/table/c.s.t?principal={ALICE}")).await.ok();
    assert_eq!(
        one["privilege_assignments"],
        json!([{ "principal": ALICE, "privileges": ["SELECT"] }])
    );
}

#[tokio::test]
async fn who_goes_leaves_nothing_to_a_namesake() {
    let world = world().await;
    world.grant("CATALOG", "c", BOB, &["ALL_PRIVILEGES"]).await;
    world.table(BOB, "c.s.bobs").await;
    world.catalog.principal_forget(&world.ctx(ADMIN), BOB).await.unwrap();
    assert_eq!(
        world.resolve(BOB, "c.s.bobs", "METADATA", &[]).await.unwrap_err(),
        "PERMISSION_DENIED"
    );
    assert_eq!(world.get(ADMIN, "/tables/c.s.bobs").await.ok()["owner"], ADMIN);
    assert!(world.catalog.principal_forget(&world.ctx(ADMIN), ADMIN).await.is_err());
}
