//! The REST of warehouses: shapes, rules, permissions.

use crate::support::{World, quick};
use axum::Router;
use axum::body::Body;
use biplane_platform::Ctx;
use biplane_platform::acl::{self, Entry, WAREHOUSES};
use biplane_platform::testing::{admin_ctx, ctx};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

struct Api<'a> {
    world: &'a World,
    ctx: Ctx,
}

impl Api<'_> {
    async fn send(&self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.raw(method, path, text).await
    }

    async fn raw(&self, method: &str, path: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        let (router, _): (Router, _) = self.world.compute.clone().routes().split_for_parts();
        let mut request = Request::builder().method(method).uri(path).body(body.into()).unwrap();
        request.extensions_mut().insert(self.ctx.clone());
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.send(method, path, body).await;
        assert_eq!(status, StatusCode::OK, "{method} {path}: {answer}");
        answer
    }

    async fn fails(&self, method: &str, path: &str, body: Value, status: u16, code: &str) {
        let (got, answer) = self.send(method, path, body).await;
        assert_eq!(
            (got.as_u16(), answer["error_code"].as_str()),
            (status, Some(code)),
            "{method} {path}: {answer}"
        );
    }
}

const PATH: &str = "/api/2.0/sql/warehouses";

async fn world() -> World {
    World::without_node(quick()).await
}

async fn grant(world: &World, id: &str, kind: &str, name: &str, level: &str) {
    let mut tx = world.db.db.write().await.unwrap();
    let entry = Entry {
        principal_kind: kind.into(),
        principal_name: name.into(),
        permission_level: level.into(),
    };
    acl::grant(&mut tx, world.ctx.workspace.unwrap(), &WAREHOUSES, id, &entry).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn what_is_made_is_shown_changed_and_deleted() {
    let world = world().await;
    let api = Api { world: &world, ctx: world.ctx.clone() };
    let body = json!({"name": " Reports ", "cluster_size": "2X-Small", "max_num_clusters": 2, "auto_stop_mins": 15,
        "tags": {"custom_tags": [{"key": "team", "value": "bi"}]}});
    let id = api.ok("POST", PATH, body.clone()).await["id"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 16);
    let one = format!("{PATH}/{id}");
    let shown = api.ok("GET", &one, Value::Null).await;
    for (field, value) in [
        ("name", json!("Reports")),
        ("state", json!("STARTING")),
        ("cluster_size", json!("2X-Small")),
        ("min_num_clusters", json!(1)),
        ("max_num_clusters", json!(2)),
        ("auto_stop_mins", json!(15)),
        ("warehouse_type", json!("PRO")),
        ("enable_serverless_compute", json!(true)),
        ("creator_name", json!("admin@example.org")),
        ("tags", json!({"custom_tags": [{"key": "team", "value": "bi"}]})),
        ("channel", json!({"name": "CHANNEL_NAME_CURRENT"})),
        (
            "odbc_params",
            json!({"hostname": "127.0.0.1", "path": format!("/sql/1.0/warehouses/{id}"), "port": 8080, "protocol": "http"}),
        ),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    api.fails("POST", PATH, body, 409, "RESOURCE_ALREADY_EXISTS").await;
    assert_eq!(
        api.ok("POST", &format!("{one}/edit"), json!({"name": "Reports 2", "auto_stop_mins": 0}))
            .await,
        json!({})
    );
    let shown = api.ok("GET", &one, Value::Null).await;
    assert_eq!(
        (&shown["name"], &shown["auto_stop_mins"], &shown["max_num_clusters"]),
        (&json!("Reports 2"), &json!(0), &json!(2))
    );
    assert_eq!(api.ok("POST", &format!("{one}/stop"), Value::Null).await, json!({}));
    assert_eq!(api.ok("GET", &one, Value::Null).await["state"], "STOPPED");
    assert_eq!(api.ok("POST", &format!("{one}/start"), json!({})).await, json!({}));
    assert_eq!(api.ok("GET", &one, Value::Null).await["state"], "STARTING");
    let sources = api.ok("GET", "/api/2.0/preview/sql/data_sources", Value::Null).await;
    assert_eq!(sources[0]["warehouse_id"], id.as_str());
    assert_ne!(sources[0]["id"], id.as_str());
    assert_eq!(api.ok("DELETE", &one, Value::Null).await, json!({}));
    api.fails("GET", &one, Value::Null, 404, "RESOURCE_DOES_NOT_EXIST").await;
    api.fails("DELETE", &one, Value::Null, 404, "RESOURCE_DOES_NOT_EXIST").await;
}

#[tokio::test]
async fn bad_input_is_answered_in_the_public_shape() {
    let world = world().await;
    let api = Api { world: &world, ctx: world.ctx.clone() };
    for body in [
        json!({}),
        json!({"name": ""}),
        json!({"name": "x".repeat(101)}),
        json!({"name": "a\u{0}b"}),
        json!({"name": 5}),
        json!({"name": "x", "auto_stop_mins": "soon"}),
        json!({"name": "x", "min_num_clusters": -4}),
    ] {
        api.fails("POST", PATH, body, 400, "INVALID_PARAMETER_VALUE").await;
    }
    api.fails(
        "POST",
        PATH,
        json!({"name": "x", "warehouse_type": "REALTIME"}),
        501,
        "FEATURE_DISABLED",
    )
    .await;
    let (status, answer) = api.raw("POST", PATH, "{\"name\": ").await;
    assert_eq!(
        (status, &answer["error_code"]),
        (StatusCode::BAD_REQUEST, &json!("MALFORMED_REQUEST"))
    );
    let (status, _) = api.raw("POST", PATH, &b"{\"name\": \"\xff\xfe\"}"[..]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    for id in ["0", "ABCDEF0123456789", "..%2F..%2Fetc", "%27%3B--", &"f".repeat(4000)] {
        api.fails("GET", &format!("{PATH}/{id}"), Value::Null, 404, "RESOURCE_DOES_NOT_EXIST")
            .await;
    }
    for query in ["page_token=%25", "page_token=AAAA", "page_size=-1", "page_size=many"] {
        api.fails("GET", &format!("{PATH}?{query}"), Value::Null, 400, "INVALID_PARAMETER_VALUE")
            .await;
    }
    assert_eq!(api.ok("GET", PATH, Value::Null).await, json!({"warehouses": []}));
}

#[tokio::test]
async fn a_list_is_paged_and_has_an_older_name() {
    let world = world().await;
    let api = Api { world: &world, ctx: world.ctx.clone() };
    for name in ["c", "a", "e", "b", "d"] {
        api.ok("POST", "/api/2.0/sql/endpoints", json!({"name": name})).await;
    }
    let (mut names, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page =
            api.ok("GET", &format!("{PATH}?page_size=2&page_token={token}"), Value::Null).await;
        names.extend(
            page["warehouses"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["name"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        match page["next_page_token"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!((names.join(""), pages), ("abcde".to_owned(), 3));
    let older = api.ok("GET", "/api/2.0/sql/endpoints", Value::Null).await;
    assert_eq!(older["endpoints"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn who_may_do_what() {
    let world = world().await;
    let admin = Api { world: &world, ctx: world.ctx.clone() };
    let user = Api { world: &world, ctx: ctx("ann@example.org") };
    let id =
        admin.ok("POST", PATH, json!({"name": "one"})).await["id"].as_str().unwrap().to_owned();
    let one = format!("{PATH}/{id}");
    user.fails("POST", PATH, json!({"name": "mine"}), 403, "PERMISSION_DENIED").await;
    user.fails("GET", &one, Value::Null, 404, "RESOURCE_DOES_NOT_EXIST").await;
    assert_eq!(user.ok("GET", PATH, Value::Null).await["warehouses"], json!([]));
    user.fails("POST", &format!("{one}/start"), Value::Null, 404, "RESOURCE_DOES_NOT_EXIST").await;

    grant(&world, &id, "group", "users", "CAN_VIEW").await;
    user.ok("GET", &one, Value::Null).await;
    user.fails("POST", &format!("{one}/start"), Value::Null, 403, "PERMISSION_DENIED").await;
    grant(&world, &id, "user", "ann@example.org", "CAN_USE").await;
    user.ok("POST", &format!("{one}/start"), Value::Null).await;
    user.fails("POST", &format!("{one}/stop"), Value::Null, 403, "PERMISSION_DENIED").await;
    user.fails("POST", &format!("{one}/edit"), json!({"name": "x"}), 403, "PERMISSION_DENIED")
        .await;
    user.fails("DELETE", &one, Value::Null, 403, "PERMISSION_DENIED").await;
    assert_eq!(world.compute.warehouses_monitored(&user.ctx).await.unwrap(), []);
    grant(&world, &id, "user", "ann@example.org", "CAN_MONITOR").await;
    user.ok("POST", &format!("{one}/start"), Value::Null).await;
    let monitored = world.compute.warehouses_monitored(&user.ctx).await.unwrap();
    assert_eq!(monitored.len(), 1);
    grant(&world, &id, "user", "ann@example.org", "CAN_MANAGE").await;
    user.ok("POST", &format!("{one}/edit"), json!({"name": "x"})).await;

    // Another workspace has no such warehouse, not even for its admins.
    let mut elsewhere = admin_ctx("admin@example.org");
    elsewhere.workspace = Some(biplane_api::ids::WorkspaceId(2));
    let other = Api { world: &world, ctx: elsewhere };
    other.fails("GET", &one, Value::Null, 404, "RESOURCE_DOES_NOT_EXIST").await;
    other.fails("DELETE", &one, Value::Null, 404, "RESOURCE_DOES_NOT_EXIST").await;
    assert_eq!(other.ok("GET", PATH, Value::Null).await["warehouses"], json!([]));

    // What is taken back is gone with the next call.
    let mut tx = world.db.db.write().await.unwrap();
    acl::clear(&mut tx, world.ctx.workspace.unwrap(), &WAREHOUSES, &id).await.unwrap();
    tx.commit().await.unwrap();
    user.fails("GET", &one, Value::Null, 404, "RESOURCE_DOES_NOT_EXIST").await;
    user.fails("GET", "/api/2.0/biplane/nodes", Value::Null, 403, "PERMISSION_DENIED").await;
    assert_eq!(admin.ok("GET", "/api/2.0/biplane/nodes", Value::Null).await, json!({"nodes": []}));
}

#[tokio::test]
async fn rules_for_all_warehouses() {
    let world = world().await;
    let admin = Api { world: &world, ctx: world.ctx.clone() };
    let user = Api { world: &world, ctx: ctx("ann@example.org") };
    let path = "/api/2.0/sql/config/warehouses";
    assert_eq!(user.ok("GET", path, Value::Null).await["security_policy"], "DATA_ACCESS_CONTROL");
    let no_classic = json!({"security_policy": "DATA_ACCESS_CONTROL",
        "enabled_warehouse_types": [{"warehouse_type": "CLASSIC", "enabled": false}]});
    user.fails("PUT", path, no_classic.clone(), 403, "PERMISSION_DENIED").await;
    assert_eq!(admin.ok("PUT", path, no_classic).await, json!({}));
    admin
        .fails(
            "POST",
            PATH,
            json!({"name": "x", "warehouse_type": "CLASSIC"}),
            400,
            "INVALID_PARAMETER_VALUE",
        )
        .await;
    for unsupported in [
        json!({"security_policy": "PASSTHROUGH"}),
        json!({"data_access_config": [{"key": "a", "value": "b"}]}),
    ] {
        admin.fails("PUT", path, unsupported, 501, "FEATURE_DISABLED").await;
    }
}

#[tokio::test]
async fn default_warehouses_of_users() {
    let world = world().await;
    let admin = Api { world: &world, ctx: world.ctx.clone() };
    let mut ann = ctx("ann@example.org");
    std::sync::Arc::make_mut(&mut ann.principal).id = biplane_api::ids::PrincipalId(77);
    let user = Api { world: &world, ctx: ann };
    let id =
        admin.ok("POST", PATH, json!({"name": "one"})).await["id"].as_str().unwrap().to_owned();
    grant(&world, &id, "group", "users", "CAN_USE").await;
    let path = "/api/warehouses/v1/default-warehouse-overrides";
    user.fails("GET", &format!("{path}/me"), Value::Null, 404, "RESOURCE_DOES_NOT_EXIST").await;
    user.fails("POST", path, json!({"type": "CUSTOM"}), 400, "INVALID_PARAMETER_VALUE").await;
    let custom = json!({"type": "CUSTOM", "warehouse_id": id});
    let made = user.ok("POST", path, custom.clone()).await;
    assert_eq!(
        made,
        json!({"name": "default-warehouse-overrides/77", "default_warehouse_override_id": "77",
        "type": "CUSTOM", "warehouse_id": id})
    );
    user.fails("POST", path, custom, 409, "ALREADY_EXISTS").await;
    user.fails(
        "GET",
        &format!("{path}/1000000000000001"),
        Value::Null,
        404,
        "RESOURCE_DOES_NOT_EXIST",
    )
    .await;
    user.fails("GET", path, Value::Null, 403, "PERMISSION_DENIED").await;
    assert_eq!(admin.ok("GET", &format!("{path}/77"), Value::Null).await["type"], "CUSTOM");
    let patched = user
        .ok(
            "PATCH",
            &format!("{path}/me?update_mask=type,warehouse_id"),
            json!({"type": "LAST_SELECTED"}),
        )
        .await;
    assert_eq!(patched["type"], "LAST_SELECTED");
    assert_eq!(
        admin.ok("GET", path, Value::Null).await["default_warehouse_overrides"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(user.ok("DELETE", &format!("{path}/me"), Value::Null).await, json!({}));
    user.fails("DELETE", &format!("{path}/me"), Value::Null, 404, "RESOURCE_DOES_NOT_EXIST").await;
}
