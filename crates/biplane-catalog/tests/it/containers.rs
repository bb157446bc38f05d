//! Catalogs and schemas from making to dropping.

use crate::harness::*;
use serde_json::json;

#[tokio::test]
async fn a_catalog_lives() {
    let world = World::new().await;
    let made = world
        .post(
            ADMIN,
            "/catalogs",
            json!({ "name": "Sales", "comment": "c", "properties": { "a": "b" } }),
        )
        .await
        .ok();
    assert_eq!(made["name"], "sales");
    assert_eq!(made["catalog_type"], "MANAGED_CATALOG");
    assert_eq!(made["owner"], ADMIN);
    assert_eq!(made["created_at"], NOW);
    assert_eq!(made["isolation_mode"], "OPEN");
    let got = world.get(ADMIN, "/catalogs/SALES").await.ok();
    assert_eq!(got, made);
    let schemas = world.get(ADMIN, "/schemas?catalog_name=sales&max_results=0").await.ok();
    assert_eq!(names(&schemas, "schemas"), ["default", "information_schema"]);
    assert_eq!(schemas.get("next_page_token"), None);
    world
        .post(ADMIN, "/catalogs", json!({ "name": "SALES" }))
        .await
        .fails("CATALOG_ALREADY_EXISTS");

    let changed =
        json!({ "new_name": "Revenue", "owner": ALICE, "comment": "", "properties": { "x": "y" } });
    let changed = world.patch(ADMIN, "/catalogs/sales", changed).await.ok();
    assert_eq!((&changed["name"], &changed["owner"]), (&json!("revenue"), &json!(ALICE)));
    assert_eq!(changed.get("comment"), None);
    assert_eq!(changed["properties"], json!({ "x": "y" }));
    world.get(ADMIN, "/catalogs/sales").await.fails("CATALOG_DOES_NOT_EXIST");
    world
        .patch(ADMIN, "/catalogs/revenue", json!({ "owner": "nobody@x" }))
        .await
        .fails("RESOURCE_DOES_NOT_EXIST");
    world
        .patch(ADMIN, "/catalogs/revenue", json!({ "new_name": "main" }))
        .await
        .fails("CATALOG_ALREADY_EXISTS");

    world.schema(ALICE, "revenue", "s").await;
    world.delete(ALICE, "/catalogs/revenue").await.fails("INVALID_STATE");
    world.table(ALICE, "revenue.s.t").await;
    world.delete(ALICE, "/catalogs/revenue?force=true").await.ok();
    world.get(ADMIN, "/catalogs/revenue").await.fails("CATALOG_DOES_NOT_EXIST");
    world.catalog("revenue").await;
    world.delete(ADMIN, "/catalogs/revenue").await.ok();
}

#[tokio::test]
async fn a_schema_lives() {
    let world = World::new().await;
    world.catalog("c").await;
    let made = world
        .post(ADMIN, "/schemas", json!({ "name": "S", "catalog_name": "C", "comment": "x" }))
        .await
        .ok();
    assert_eq!(made["full_name"], "c.s");
    assert_eq!(world.get(ADMIN, "/schemas/c.s").await.ok(), made);
    world
        .post(ADMIN, "/schemas", json!({ "name": "s", "catalog_name": "c" }))
        .await
        .fails("SCHEMA_ALREADY_EXISTS");
    world
        .post(ADMIN, "/schemas", json!({ "name": "s", "catalog_name": "d" }))
        .await
        .fails("CATALOG_DOES_NOT_EXIST");
    let renamed = world.patch(ADMIN, "/schemas/c.s", json!({ "new_name": "s2" })).await.ok();
    assert_eq!(renamed["full_name"], "c.s2");
    world.table(ADMIN, "c.s2.t").await;
    let message = world.delete(ADMIN, "/schemas/c.s2").await.fails("INVALID_STATE");
    assert!(message.contains("1 table"), "{message}");
    world.delete(ADMIN, "/schemas/c.s2?force=true").await.ok();
    world.get(ADMIN, "/schemas/c.s2").await.fails("SCHEMA_DOES_NOT_EXIST");
    world.get(ADMIN, "/tables/c.s2.t").await.fails("SCHEMA_DOES_NOT_EXIST");
}

#[tokio::test]
async fn what_the_server_made_stays_as_it_is() {
    let world = World::new().await;
    for path in ["/catalogs/system", "/schemas/main.information_schema"] {
        world.get(BOB, path).await.ok();
        world.delete(ADMIN, &format!("{path}?force=true")).await.fails("PERMISSION_DENIED");
        world.patch(ADMIN, path, json!({ "new_name": "x" })).await.fails("PERMISSION_DENIED");
    }
    world
        .post(ADMIN, "/schemas", json!({ "name": "s", "catalog_name": "system" }))
        .await
        .fails("PERMISSION_DENIED");
    world.try_table(ADMIN, "main.information_schema.t", "CREATE").await.fails("PERMISSION_DENIED");
    let volume = json!({ "name": "v", "catalog_name": "main", "schema_name": "information_schema", "volume_type": "MANAGED" });
    world.post(ADMIN, "/volumes", volume).await.fails("PERMISSION_DENIED");
}

#[tokio::test]
async fn the_first_start_gives_a_usable_catalog() {
    let world = World::new().await;
    let catalogs = world.get(BOB, "/catalogs").await.ok();
    assert_eq!(names(&catalogs, "catalogs"), ["main", "samples", "system"]);
    assert_eq!(catalogs["catalogs"][2]["catalog_type"], "SYSTEM_CATALOG");
    world.table(BOB, "main.default.mine").await;
    world
        .post(BOB, "/schemas", json!({ "name": "s", "catalog_name": "main" }))
        .await
        .fails("PERMISSION_DENIED");
    world.post(BOB, "/catalogs", json!({ "name": "c" })).await.fails("PERMISSION_DENIED");
    let summary = world.get(BOB, "/metastore_summary").await.ok();
    assert_eq!(summary["owner"], ADMIN);
    let assignment = world.get(BOB, "/current-metastore-assignment").await.ok();
    assert_eq!(assignment["metastore_id"], summary["metastore_id"]);
    assert_eq!(assignment["default_catalog_name"], "main");
    // A second start changes nothing.
    let home = world.catalog.home(world.ctx(BOB).workspace.unwrap()).await.unwrap();
    assert_eq!(home, (summary["metastore_id"].as_str().unwrap().to_owned(), "main".to_owned()));
}

#[tokio::test]
async fn what_is_not_built_says_so() {
    let world = World::new().await;
    for body in [
        json!({ "name": "c", "connection_name": "x" }),
        json!({ "name": "c", "provider_name": "p", "share_name": "s" }),
    ] {
        world.post(ADMIN, "/catalogs", body).await.fails("FEATURE_DISABLED");
    }
    world.get(ADMIN, "/catalogs/c").await.fails("CATALOG_DOES_NOT_EXIST");
    world
        .patch(ADMIN, "/catalogs/main", json!({ "enable_predictive_optimization": "ENABLE" }))
        .await
        .fails("FEATURE_DISABLED");
    for path in [
        "/permissions/SHARE/x",
        "/models",
        "/connections/x",
        "/tables/a.b.c/monitor",
        "/metastores/x/systemschemas",
    ] {
        world.get(ADMIN, path).await.fails("FEATURE_DISABLED");
    }
}

#[tokio::test]
async fn isolated_catalogs_are_for_their_workspaces() {
    let world = World::new().await;
    world.catalog("c").await;
    world.grant("CATALOG", "c", BOB, &["USE_CATALOG", "USE_SCHEMA", "SELECT", "MODIFY"]).await;
    world.table(ADMIN, "c.default.t").await;
    world.get(BOB, "/bindings/catalog/c").await.fails("PERMISSION_DENIED");
    world.patch(ADMIN, "/catalogs/c", json!({ "isolation_mode": "ISOLATED" })).await.ok();
    let bindings = world.get(ADMIN, "/bindings/catalog/c").await.ok();
    assert_eq!(
        bindings["bindings"],
        json!([{ "workspace_id": 1, "binding_type": "BINDING_TYPE_READ_WRITE" }])
    );
    world.resolve(BOB, "c.default.t", "WRITE", &[]).await.unwrap();

    let read_only =
        json!({ "add": [{ "workspace_id": "1", "binding_type": "BINDING_TYPE_READ_ONLY" }] });
    world.patch(ADMIN, "/bindings/catalog/c", read_only).await.ok();
    world.resolve(BOB, "c.default.t", "READ", &[]).await.unwrap();
    assert_eq!(
        world.resolve(BOB, "c.default.t", "WRITE", &[]).await.unwrap_err(),
        "PERMISSION_DENIED"
    );

    let moved = json!({ "assign_workspaces": [2], "unassign_workspaces": [1] });
    let moved = world.patch(ADMIN, "/workspace-bindings/catalogs/c", moved).await.ok();
    assert_eq!(moved["workspaces"], json!([2]));
    assert_eq!(
        world.resolve(BOB, "c.default.t", "READ", &[]).await.unwrap_err(),
        "PERMISSION_DENIED"
    );
    assert_eq!(
        world.resolve(ADMIN, "c.default.t", "READ", &[]).await.unwrap_err(),
        "PERMISSION_DENIED"
    );
    assert!(!names(&world.get(BOB, "/catalogs").await.ok(), "catalogs").contains(&"c".to_owned()));
    let all = world.get(ADMIN, "/catalogs?include_unbound=true").await.ok();
    assert!(names(&all, "catalogs").contains(&"c".to_owned()));
    // The owner finds the way back.
    world.patch(ADMIN, "/bindings/catalog/c", json!({ "add": [{ "workspace_id": 1 }] })).await.ok();
    world.resolve(BOB, "c.default.t", "WRITE", &[]).await.unwrap();
}
