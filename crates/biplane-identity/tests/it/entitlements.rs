//! What of a workspace is open to whom.

use crate::app::App;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

const GROUPS: &str = "/api/2.0/preview/scim/v2/Groups";
const WAREHOUSES: &str = "/api/2.0/sql/warehouses";
const STATEMENTS: &str = "/api/2.0/sql/statements";
const THRIFT: &str = "/sql/1.0/warehouses/0123456789abcdef";
const CLUSTERS: &str = "/api/2.1/clusters/list";
const CATALOGS: &str = "/api/2.1/unity-catalog/catalogs";

fn patch_op(operations: Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

impl App {
    /// Past the door: there is nothing behind it here.
    async fn open(&self, token: &str, method: Method, path: &str) -> bool {
        let answer = self.call(token, method, path, Value::Null).await;
        match answer.status {
            StatusCode::FORBIDDEN => {
                assert_eq!(answer.json()["error_code"], "PERMISSION_DENIED");
                false
            }
            _ => true,
        }
    }

    async fn group_id(&self, name: &str) -> String {
        let found =
            self.get(&format!("{GROUPS}?filter=displayName%20eq%20%22{name}%22")).await.ok();
        found["Resources"][0]["id"].as_str().unwrap().to_owned()
    }

    async fn entitle(&self, group: &str, op: &str, names: &[&str]) {
        let values: Vec<_> = names.iter().map(|name| json!({"value": name})).collect();
        let operations = match op {
            "add" => json!([{"op": "add", "path": "entitlements", "value": values}]),
            _ => names
                .iter()
                .map(|name| json!({"op": "remove", "path": format!("entitlements[value eq \"{name}\"]")}))
                .collect(),
        };
        self.patch(&format!("{GROUPS}/{group}"), patch_op(operations)).await.ok();
    }
}

#[tokio::test]
async fn everybody_has_both_at_first_and_admins_keep_all() {
    let app = App::new().await;
    let (_, ann) = app.user("ann@x").await;
    for path in [WAREHOUSES, STATEMENTS, THRIFT, CLUSTERS, CATALOGS] {
        assert!(app.open(&ann, Method::POST, path).await, "{path}");
    }
    let users = app.group_id("users").await;
    let shown = app.get(&format!("{GROUPS}/{users}")).await.ok();
    assert_eq!(
        shown["entitlements"],
        json!([{"value": "databricks-sql-access"}, {"value": "workspace-access"}])
    );
    app.entitle(&users, "remove", &["databricks-sql-access", "workspace-access"]).await;
    for path in [WAREHOUSES, STATEMENTS, THRIFT, CLUSTERS, CATALOGS] {
        assert!(!app.open(&ann, Method::POST, path).await, "{path}");
        assert!(app.open(&app.pat, Method::POST, path).await, "{path} for an admin");
    }
    // Who she is she may know; everything else is shut.
    app.call(&ann, Method::GET, "/api/2.0/preview/scim/v2/Me", Value::Null).await.ok();
    assert!(!app.open(&ann, Method::GET, "/api/2.0/token/list").await);

    let admins = app.group_id("admins").await;
    let remove = json!([{"op": "remove", "path": "entitlements[value eq \"workspace-access\"]"}]);
    assert_eq!(
        app.patch(&format!("{GROUPS}/{admins}"), patch_op(remove)).await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn groups_give_what_they_have_and_each_opens_its_own() {
    let app = App::new().await;
    let (ann_id, ann) = app.user("ann@x").await;
    let users = app.group_id("users").await;
    app.entitle(&users, "remove", &["databricks-sql-access"]).await;
    assert!(app.open(&ann, Method::GET, CLUSTERS).await);
    for (method, path) in
        [(Method::GET, WAREHOUSES), (Method::POST, STATEMENTS), (Method::POST, THRIFT)]
    {
        assert!(!app.open(&ann, method, path).await, "{path}");
    }
    // Through a group in a group.
    let inner = json!({"displayName": "inner", "members": [{"value": ann_id}]});
    let inner = app.post(GROUPS, inner).await.ok();
    let outer = json!({"displayName": "outer", "members": [{"value": inner["id"]}]});
    let outer = app.post(GROUPS, outer).await.ok();
    let outer = outer["id"].as_str().unwrap();
    app.entitle(outer, "add", &["databricks-sql-access"]).await;
    assert!(app.open(&ann, Method::POST, STATEMENTS).await);
    app.entitle(outer, "remove", &["databricks-sql-access"]).await;
    assert!(!app.open(&ann, Method::POST, STATEMENTS).await);

    // Consumers query, and that is all.
    app.entitle(&users, "remove", &["workspace-access"]).await;
    app.entitle(outer, "add", &["workspace-consume"]).await;
    for (method, path) in [
        (Method::GET, WAREHOUSES),
        (Method::POST, STATEMENTS),
        (Method::POST, THRIFT),
        (Method::GET, CATALOGS),
    ] {
        assert!(app.open(&ann, method, path).await, "{path}");
    }
    for (method, path) in [
        (Method::POST, WAREHOUSES),
        (Method::GET, "/api/2.0/sql/history/queries"),
        (Method::GET, CLUSTERS),
    ] {
        assert!(!app.open(&ann, method, path).await, "{path}");
    }
}

#[tokio::test]
async fn who_is_in_no_workspace_gets_nowhere() {
    let app = App::new().await;
    let user = json!({"userName": "acc@x", "password": crate::app::PASSWORD});
    app.post(&app.account("/scim/v2/Users"), user).await.ok();
    let (session, _) = app.login("acc@x", crate::app::PASSWORD).await;
    let ask = async |path: &str| {
        let request = axum::http::Request::get(path)
            .header("cookie", format!("biplane_session={session}"))
            .body(axum::body::Body::empty());
        app.send(request.unwrap(), None).await
    };
    for path in [WAREHOUSES, CATALOGS, "/api/2.0/token/list"] {
        assert_eq!(ask(path).await.refused(), (403, "PERMISSION_DENIED".into()), "{path}");
    }
    ask("/api/2.0/preview/scim/v2/Me").await.ok();
}
