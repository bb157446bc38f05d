//! Permissions on warehouses.

use crate::app::{ADMIN, App};
use axum::http::{Method, StatusCode};
use biplane_platform::acl::{self, Entry, WAREHOUSES};
use serde_json::{Value, json};

const PATH: &str = "/api/2.0/permissions/warehouses/0123456789abcdef";

async fn warehouse(app: &App) {
    let mut tx = app.test_db.db.write().await.unwrap();
    let owner = Entry {
        principal_kind: "user".into(),
        principal_name: ADMIN.into(),
        permission_level: "IS_OWNER".into(),
    };
    acl::grant(&mut tx, app.boot.workspace_id, &WAREHOUSES, "0123456789abcdef", &owner)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

fn levels(answer: &Value) -> Vec<(String, String)> {
    let list = answer["access_control_list"].as_array().unwrap();
    list.iter()
        .map(|one| {
            let name = ["user_name", "group_name", "service_principal_name"]
                .iter()
                .find_map(|key| one[key].as_str());
            (
                name.unwrap().to_owned(),
                one["all_permissions"][0]["permission_level"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

fn pair(a: &str, b: &str) -> (String, String) {
    (a.to_owned(), b.to_owned())
}

#[tokio::test]
async fn put_replaces_patch_merges_and_the_owner_stays() {
    let app = App::new().await;
    warehouse(&app).await;
    app.user("ann@x").await;
    let (_, sp) = app.service_principal("robot").await;
    let read = app.get(PATH).await.ok();
    assert_eq!(
        (&read["object_id"], &read["object_type"]),
        (&json!("/sql/warehouses/0123456789abcdef"), &json!("warehouses"))
    );
    assert_eq!(levels(&read), [pair(ADMIN, "IS_OWNER"), pair("admins", "CAN_MANAGE")]);
    assert_eq!(read["access_control_list"][1]["all_permissions"][0]["inherited"], true);

    let put = app
        .put(
            PATH,
            json!({"access_control_list": [{"user_name": "ANN@x", "permission_level": "CAN_USE"}]}),
        )
        .await
        .ok();
    assert_eq!(
        levels(&put),
        [pair(ADMIN, "IS_OWNER"), pair("ann@x", "CAN_USE"), pair("admins", "CAN_MANAGE")]
    );
    let patch = json!({"access_control_list": [
        {"service_principal_name": sp, "permission_level": "CAN_MONITOR"}, {"group_name": "users", "permission_level": "CAN_USE"}
    ]});
    assert_eq!(
        app.patch(PATH, patch).await.ok()["access_control_list"].as_array().unwrap().len(),
        5
    );
    let put = app
        .put(
            "/api/2.0/permissions/sql/warehouses/0123456789abcdef",
            json!({"access_control_list": []}),
        )
        .await
        .ok();
    assert_eq!(levels(&put).len(), 2);

    let owner =
        json!({"access_control_list": [{"user_name": "ann@x", "permission_level": "IS_OWNER"}]});
    let patched = app.patch(PATH, owner).await.ok();
    assert_eq!(levels(&patched), [pair("ann@x", "IS_OWNER"), pair("admins", "CAN_MANAGE")]);
    let found = app.get(&format!("{PATH}/permissionLevels")).await.ok();
    assert_eq!(found["permission_levels"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn only_managers_change_and_only_those_with_a_right_see() {
    let app = App::new().await;
    warehouse(&app).await;
    let (_, ann) = app.user("ann@x").await;
    app.user("bob@x").await;
    let body =
        json!({"access_control_list": [{"user_name": "ann@x", "permission_level": "CAN_MANAGE"}]});
    assert_eq!(app.call(&ann, Method::GET, PATH, Value::Null).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.call(&ann, Method::PUT, PATH, body.clone()).await.status, StatusCode::NOT_FOUND);
    app.patch(
        PATH,
        json!({"access_control_list": [{"user_name": "ann@x", "permission_level": "CAN_USE"}]}),
    )
    .await
    .ok();
    app.call(&ann, Method::GET, PATH, Value::Null).await.ok();
    assert_eq!(app.call(&ann, Method::PUT, PATH, body.clone()).await.status, StatusCode::FORBIDDEN);
    app.patch(PATH, body).await.ok();
    let bob =
        json!({"access_control_list": [{"user_name": "bob@x", "permission_level": "CAN_USE"}]});
    app.call(&ann, Method::PATCH, PATH, bob).await.ok();
    // A manager is not yet the owner.
    let steal =
        json!({"access_control_list": [{"user_name": "ann@x", "permission_level": "IS_OWNER"}]});
    assert_eq!(app.call(&ann, Method::PATCH, PATH, steal).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn bad_lists_are_refused() {
    let app = App::new().await;
    warehouse(&app).await;
    app.user("ann@x").await;
    for (entry, status) in [
        (json!({"user_name": "nobody@x", "permission_level": "CAN_USE"}), 404),
        (json!({"group_name": "ann@x", "permission_level": "CAN_USE"}), 404),
        (json!({"user_name": "ann@x", "permission_level": "CAN_FLY"}), 400),
        (json!({"user_name": "ann@x", "group_name": "users", "permission_level": "CAN_USE"}), 400),
        (json!({"permission_level": "CAN_USE"}), 400),
        (json!({"user_name": "ann@x"}), 400),
        (json!({"group_name": "users", "permission_level": "IS_OWNER"}), 400),
        (json!({"group_name": "admins", "permission_level": "CAN_USE"}), 400),
    ] {
        let answer = app.put(PATH, json!({"access_control_list": [entry]})).await;
        assert_eq!(answer.status.as_u16(), status, "{entry}");
    }
    assert_eq!(
        app.get("/api/2.0/permissions/warehouses/fedcba9876543210").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        app.get("/api/2.0/permissions/jobs/1").await.refused(),
        (501, "FEATURE_DISABLED".into())
    );
    assert_eq!(app.get("/api/2.0/permissions/nonsense/1").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(levels(&app.get(PATH).await.ok()).len(), 2);
}

#[tokio::test]
async fn what_somebody_deleted_owned_goes_to_who_deleted() {
    let app = App::new().await;
    warehouse(&app).await;
    let (ann, _) = app.user("ann@x").await;
    let both = json!({"access_control_list": [
        {"user_name": "ann@x", "permission_level": "IS_OWNER"},
        {"user_name": ADMIN, "permission_level": "CAN_USE"}
    ]});
    app.put(PATH, both).await.ok();
    app.delete(&app.account(&format!("/scim/v2/Users/{ann}"))).await.ok();
    let left = levels(&app.get(PATH).await.ok());
    assert_eq!(left, [pair(ADMIN, "IS_OWNER"), pair("admins", "CAN_MANAGE")]);
}
