//! Metastores by the account's API, and which workspace has which.

use crate::harness::*;
use axum::http::Method;
use biplane_api::ids::WorkspaceId;
use serde_json::{Value, json};

const ACCOUNT: &str = "/api/2.0/accounts/00000000-0000-4000-8000-000000000001";

async fn call(world: &World, user: &str, method: Method, path: &str, body: Value) -> Answer {
    world.call(user, method, &format!("{ACCOUNT}{path}"), body).await
}

#[tokio::test]
async fn an_account_admin_manages_metastores() {
    let world = World::new().await;
    let info = json!({ "metastore_info": { "name": "Second", "region": "eu" } });
    call(&world, BOB, Method::POST, "/metastores", info.clone()).await.fails("PERMISSION_DENIED");
    let made = call(&world, ADMIN, Method::POST, "/metastores", info.clone()).await.ok();
    let id = made["metastore_info"]["metastore_id"].as_str().unwrap().to_owned();
    assert_eq!(made["metastore_info"]["name"], "second");
    call(&world, ADMIN, Method::POST, "/metastores", info).await.fails("RESOURCE_ALREADY_EXISTS");
    let list = call(&world, ADMIN, Method::GET, "/metastores", Value::Null).await.ok();
    assert_eq!(names(&list, "metastores"), ["metastore", "second"]);
    call(&world, BOB, Method::GET, "/metastores", Value::Null).await.fails("PERMISSION_DENIED");
    let path = format!("/metastores/{id}");
    assert_eq!(call(&world, ADMIN, Method::GET, &path, Value::Null).await.ok(), made);
    let change = json!({ "metastore_info": { "new_name": "third", "owner": ALICE } });
    let changed = call(&world, ADMIN, Method::PUT, &path, change).await.ok();
    assert_eq!(
        (&changed["metastore_info"]["name"], &changed["metastore_info"]["owner"]),
        (&json!("third"), &json!(ALICE))
    );

    let assign = format!("/workspaces/2/metastores/{id}");
    let body = json!({ "metastore_assignment": { "workspace_id": 2, "metastore_id": id } });
    call(&world, BOB, Method::POST, &assign, body.clone()).await.fails("PERMISSION_DENIED");
    call(&world, ADMIN, Method::POST, &assign, body).await.ok();
    let got = call(&world, ADMIN, Method::GET, "/workspaces/2/metastore", Value::Null).await.ok();
    assert_eq!(got["metastore_assignment"]["metastore_id"], id);
    let workspaces =
        call(&world, ADMIN, Method::GET, &format!("{path}/workspaces"), Value::Null).await.ok();
    assert_eq!(workspaces, json!({ "workspace_ids": [2] }));

    // Another metastore is another world, with an admin of its own.
    let mut alice = world.ctx(ALICE);
    alice.workspace = Some(WorkspaceId(2));
    let in_second = |method: Method, path: &'static str, body: Value| {
        let (world, alice) = (&world, alice.clone());
        async move { world.call_as(alice, method, &format!("{UC}{path}"), body).await }
    };
    assert_eq!(
        names(&in_second(Method::GET, "/catalogs", Value::Null).await.ok(), "catalogs"),
        ["system"]
    );
    in_second(Method::POST, "/catalogs", json!({ "name": "main" })).await.ok();
    in_second(Method::GET, "/schemas/main.default", Value::Null).await.ok();
    assert_ne!(
        in_second(Method::GET, "/catalogs/main", Value::Null).await.ok()["id"],
        world.get(ADMIN, "/catalogs/main").await.ok()["id"]
    );

    call(&world, ADMIN, Method::DELETE, &path, Value::Null).await.fails("INVALID_STATE");
    call(&world, ADMIN, Method::DELETE, &assign, Value::Null).await.ok();
    in_second(Method::GET, "/catalogs", Value::Null).await.fails("RESOURCE_DOES_NOT_EXIST");
    call(&world, ADMIN, Method::DELETE, &path, Value::Null).await.fails("INVALID_STATE");
    call(&world, ADMIN, Method::DELETE, &format!("{path}?force=true"), Value::Null).await.ok();
    call(&world, ADMIN, Method::GET, &path, Value::Null).await.fails("RESOURCE_DOES_NOT_EXIST");
    let other = "/api/2.0/accounts/00000000-0000-4000-8000-000000000002/metastores";
    world.call(ADMIN, Method::GET, other, Value::Null).await.fails("RESOURCE_DOES_NOT_EXIST");
}

#[tokio::test]
async fn a_new_workspace_gets_the_metastore_of_its_region() {
    let world = World::new().await;
    world.catalog.metastore_assign_default(WorkspaceId(7), "eu-central-1").await.unwrap();
    let home = world.catalog.home(WorkspaceId(7)).await.unwrap();
    assert_eq!(home, world.catalog.home(WorkspaceId(1)).await.unwrap());
    let own = json!({ "metastore_info": { "name": "own", "region": "eu-central-1" } });
    let own = call(&world, ADMIN, Method::POST, "/metastores", own).await.ok();
    world.catalog.metastore_assign_default(WorkspaceId(8), "eu-central-1").await.unwrap();
    let of_its_region = world.catalog.home(WorkspaceId(8)).await.unwrap().0;
    assert_eq!(own["metastore_info"]["metastore_id"], of_its_region);
    world
        .call(
            ADMIN,
            Method::PATCH,
            &format!("{UC}/workspaces/7/metastore"),
            json!({ "default_catalog_name": "gone" }),
        )
        .await
        .fails("CATALOG_DOES_NOT_EXIST");
    world
        .call(
            ADMIN,
            Method::PATCH,
            &format!("{UC}/workspaces/7/metastore"),
            json!({ "default_catalog_name": "system" }),
        )
        .await
        .ok();
    assert_eq!(world.catalog.home(WorkspaceId(7)).await.unwrap().1, "system");
    world
        .call(
            BOB,
            Method::PATCH,
            &format!("{UC}/workspaces/7/metastore"),
            json!({ "default_catalog_name": "main" }),
        )
        .await
        .fails("PERMISSION_DENIED");
}
