//! Workspaces of the account and who is in them.

use crate::app::App;
use axum::http::{Method, StatusCode};
use biplane_api::ids::{PrincipalId, WorkspaceId};
use biplane_identity::{PrincipalDeleting, Workspace, WorkspaceCreated, WorkspaceDeleting};
use biplane_platform::{ApiError, Ctx};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Default)]
struct Hook {
    broken: AtomicBool,
    deleted: std::sync::Mutex<Vec<String>>,
}

#[async_trait::async_trait]
impl WorkspaceCreated for Hook {
    async fn workspace_created(&self, _: &Ctx, workspace: &Workspace) -> Result<(), ApiError> {
        assert_eq!(workspace.status, "PROVISIONING");
        match self.broken.load(Ordering::SeqCst) {
            true => Err(ApiError::invalid("no metastore")),
            false => Ok(()),
        }
    }
}

#[async_trait::async_trait]
impl PrincipalDeleting for Hook {
    async fn principal_deleting(
        &self,
        _: &Ctx,
        _: PrincipalId,
        name: &str,
    ) -> Result<(), ApiError> {
        self.deleted.lock().unwrap().push(name.to_owned());
        Ok(())
    }
}

#[async_trait::async_trait]
impl WorkspaceDeleting for Hook {
    async fn workspace_deleting(&self, id: WorkspaceId) -> Result<(), ApiError> {
        match self.broken.load(Ordering::SeqCst) {
            true => Err(ApiError::conflict("something still runs")),
            false => {
                self.deleted.lock().unwrap().push(id.to_string());
                Ok(())
            }
        }
    }
}

/// Shut first, then emptied; what fails in between is ended by asking again, or by the next start.
#[tokio::test]
async fn a_deleted_workspace_is_shut_at_once_and_leaves_nothing() {
    let app = App::new().await;
    let hook = Arc::new(Hook::default());
    app.identity.on_workspace_deleting(hook.clone());
    app.identity.on_principal_deleting(hook.clone());
    let path = app.account("/workspaces");
    let make = async |name: &str| {
        let body = json!({"workspace_name": name, "deployment_name": name});
        app.post(&path, body).await.ok()["workspace_id"].to_string()
    };
    let (two, three) = (make("two").await, make("three").await);
    let there = |id: &str, method: Method, uri: &str, body: Value| {
        let request = axum::http::Request::builder()
            .method(method)
            .uri(uri)
            .header("host", "127.0.0.1:8080")
            .header("authorization", format!("Bearer {}", app.pat))
            .header("x-databricks-workspace-id", id);
        request.body(axum::body::Body::from(body.to_string())).unwrap()
    };
    // A token of one workspace is good in no other.
    let other = there(&two, Method::GET, "/api/2.0/token/list", Value::Null);
    assert_eq!(app.send(other, None).await.status, StatusCode::FORBIDDEN);
    let login = |host: String| async move {
        let body = json!({"user_name": crate::app::ADMIN, "password": crate::app::PASSWORD});
        axum::http::Request::post("/api/2.0/biplane/auth/login")
            .header("host", host)
            .body(axum::body::Body::from(body.to_string()))
            .unwrap()
    };
    let answer = app.send(login("two.biplane.test".into()).await, None).await;
    let cookies: Vec<String> =
        answer.cookies().iter().map(|one| one.split(';').next().unwrap().to_owned()).collect();
    let csrf = cookies.iter().find_map(|one| one.strip_prefix("biplane_csrf=")).unwrap().to_owned();
    let made = axum::http::Request::post("/api/2.0/token/create")
        .header("host", "two.biplane.test")
        .header("cookie", cookies.join("; "))
        .header("x-csrf-token", csrf)
        .body(axum::body::Body::from("{}"))
        .unwrap();
    let token = app.send(made, None).await.ok()["token_value"].as_str().unwrap().to_owned();
    app.call(&token, Method::GET, "/api/2.0/token/list", Value::Null).await.ok();
    let group = json!({"displayName": "local"});
    app.call(&token, Method::POST, "/api/2.0/preview/scim/v2/Groups", group).await.ok();

    hook.broken.store(true, Ordering::SeqCst);
    let one = format!("{path}/{two}");
    assert_eq!(app.delete(&one).await.refused(), (409, "RESOURCE_CONFLICT".into()));
    assert_eq!(app.get(&one).await.ok()["workspace_status"], "CANCELLING");
    let dead = app.call(&token, Method::GET, "/api/2.0/token/list", Value::Null).await;
    assert_eq!(dead.refused(), (401, "UNAUTHENTICATED".into()));
    assert_eq!(app.identity.workspace_by_host("two.biplane.test").await.unwrap(), None);
    let join = app.account(&format!("/workspaces/{two}/permissionassignments/principals/{}", 42));
    assert_eq!(
        app.put(&join, json!({"permissions": ["USER"]})).await.refused(),
        (400, "INVALID_STATE".into())
    );
    hook.broken.store(false, Ordering::SeqCst);
    app.delete(&one).await.ok();
    assert_eq!(app.get(&one).await.status, StatusCode::NOT_FOUND);
    assert_eq!(*hook.deleted.lock().unwrap(), [two.clone(), "local".into()]);

    // A crash in between.
    hook.broken.store(true, Ordering::SeqCst);
    app.delete(&format!("{path}/{three}")).await.refused();
    hook.broken.store(false, Ordering::SeqCst);
    app.identity.workspaces_resume().await.unwrap();
    assert_eq!(app.get(&path).await.ok().as_array().unwrap().len(), 1);
    for table in ["workspace_permissions", "workspace_entitlements", "tokens", "web_sessions"] {
        let sql = sqlx_count(table);
        let mut tx = app.test_db.db.read().await.unwrap();
        let left = tx.fetch_one(sql, biplane_platform::db::args![app.boot.workspace_id.0]).await;
        assert_eq!(left.unwrap().int(0).unwrap(), 0, "{table}");
    }
}

fn sqlx_count(table: &str) -> &'static str {
    match table {
        "workspace_permissions" => {
            "SELECT COUNT(*) FROM workspace_permissions WHERE workspace_id <> $1"
        }
        "workspace_entitlements" => {
            "SELECT COUNT(*) FROM workspace_entitlements WHERE workspace_id <> $1"
        }
        "tokens" => "SELECT COUNT(*) FROM tokens WHERE workspace_id <> $1",
        _ => "SELECT COUNT(*) FROM web_sessions WHERE workspace_id <> $1",
    }
}

#[tokio::test]
async fn a_serverless_workspace_is_there_at_once() {
    let app = App::new().await;
    let hook = Arc::new(Hook::default());
    app.identity.on_workspace_created(hook.clone());
    let path = app.account("/workspaces");
    let made = app.post(&path, json!({"workspace_name": "Two", "compute_mode": "SERVERLESS", "custom_tags": {"a": "b"}})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let made = made.json();
    assert_eq!(
        (&made["workspace_status"], &made["custom_tags"]["a"]),
        (&json!("RUNNING"), &json!("b"))
    );
    let one = format!("{path}/{}", made["workspace_id"]);
    assert_eq!(app.get(&one).await.ok(), made);
    assert_eq!(app.get(&path).await.ok().as_array().unwrap().len(), 2);
    assert_eq!(
        app.post(&path, json!({"workspace_name": "Two"})).await.refused(),
        (409, "RESOURCE_ALREADY_EXISTS".into())
    );
    let patched = app
        .patch(&format!("{one}?update_mask=custom_tags"), json!({"custom_tags": {"c": "d"}}))
        .await
        .ok();
    assert_eq!(patched["custom_tags"], json!({"c": "d"}));

    hook.broken.store(true, Ordering::SeqCst);
    let failed = app.post(&path, json!({"workspace_name": "Three"})).await.ok();
    assert_eq!(
        (&failed["workspace_status"], &failed["workspace_status_message"]),
        (&json!("FAILED"), &json!("no metastore"))
    );
    let three = format!("{path}/{}", failed["workspace_id"]);

    assert_eq!(app.delete(&three).await.ok()["workspace_name"], "Three");
    assert_eq!(app.get(&three).await.status, StatusCode::NOT_FOUND);
    app.delete(&one).await.ok();
    let last = format!("{path}/{}", app.boot.workspace_id);
    assert_eq!(app.delete(&last).await.refused(), (400, "INVALID_STATE".into()));
}

#[tokio::test]
async fn what_makes_no_workspace_is_refused() {
    let app = App::new().await;
    let path = app.account("/workspaces");
    for body in [
        json!({"workspace_name": "x", "gcp_managed_network_config": {}}),
        json!({"workspace_name": "x", "managed_services_customer_managed_key_id": "k"}),
    ] {
        assert_eq!(app.post(&path, body).await.refused(), (501, "FEATURE_DISABLED".into()));
    }
    for body in [
        json!({"workspace_name": "x", "compute_mode": "HYBRID"}),
        json!({"workspace_name": "x", "compute_mode": "SERVERLESS", "network_id": "n"}),
        json!({"workspace_name": "x", "compute_mode": "CLASSIC"}),
        json!({}),
        json!({"workspace_name": "a\u{0}b"}),
        json!({"workspace_name": "x", "deployment_name": "accounts"}),
        json!({"workspace_name": "x", "deployment_name": "a.b"}),
        json!({"workspace_name": "x", "pricing_tier": "FREE"}),
    ] {
        assert_eq!(app.post(&path, body).await.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(app.get(&path).await.ok().as_array().unwrap().len(), 1);
    let (_, ann) = app.user("ann@x").await;
    for method in [Method::GET, Method::POST] {
        assert_eq!(
            app.call(&ann, method, &path, json!({"workspace_name": "x"})).await.status,
            StatusCode::FORBIDDEN
        );
    }
}

#[tokio::test]
async fn principals_are_assigned_to_a_workspace() {
    let app = App::new().await;
    let made = app.post(&app.account("/scim/v2/Users"), json!({"userName": "acc@x"})).await.ok();
    let id = made["id"].as_str().unwrap();
    assert_eq!(
        app.get(&format!("/api/2.0/preview/scim/v2/Users/{id}")).await.status,
        StatusCode::NOT_FOUND
    );
    let list = app.account(&format!("/workspaces/{}/permissionassignments", app.boot.workspace_id));
    let one = format!("{list}/principals/{id}");
    let assigned = app.put(&one, json!({"permissions": ["USER"]})).await.ok();
    assert_eq!(
        (&assigned["principal"]["user_name"], &assigned["permissions"]),
        (&json!("acc@x"), &json!(["USER"]))
    );
    app.get(&format!("/api/2.0/preview/scim/v2/Users/{id}")).await.ok();
    assert_eq!(app.get(&list).await.ok()["permission_assignments"].as_array().unwrap().len(), 2);
    app.get(&format!("{list}/permissions")).await.ok();
    app.delete(&one).await.ok();
    assert_eq!(app.get(&list).await.ok()["permission_assignments"].as_array().unwrap().len(), 1);

    // A group brings its members, and a member of a group cannot leave alone.
    let group = app
        .post(
            &app.account("/scim/v2/Groups"),
            json!({"displayName": "team", "members": [{"value": id}]}),
        )
        .await
        .ok();
    app.put(
        &format!("{list}/principals/{}", group["id"].as_str().unwrap()),
        json!({"permissions": ["ADMIN"]}),
    )
    .await
    .ok();
    app.get(&format!("/api/2.0/preview/scim/v2/Users/{id}")).await.ok();
    assert_eq!(
        app.delete(&format!("/api/2.0/preview/scim/v2/Users/{id}")).await.refused(),
        (409, "RESOURCE_CONFLICT".into())
    );
    assert_eq!(
        app.put(&one, json!({"permissions": ["OWNER"]})).await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        app.put(&format!("{list}/principals/42"), json!({"permissions": ["USER"]})).await.status,
        StatusCode::NOT_FOUND
    );
    // A workspace's admin does not change a group of the account.
    let members = app
        .get(&format!("/api/2.0/preview/scim/v2/Groups/{}", group["id"].as_str().unwrap()))
        .await
        .ok();
    assert_eq!(members["meta"]["resourceType"], "Group");
}

#[tokio::test]
async fn whoever_is_deleted_takes_the_grants_along() {
    let app = App::new().await;
    let hook = Arc::new(Hook::default());
    app.identity.on_principal_deleting(hook.clone());
    let (ann, token) = app.user("ann@x").await;
    let one = app.account(&format!("/scim/v2/Users/{ann}"));
    assert_eq!(
        app.call(&token, Method::DELETE, &one, Value::Null).await.status,
        StatusCode::FORBIDDEN
    );
    app.delete(&one).await.ok();
    assert_eq!(*hook.deleted.lock().unwrap(), ["ann@x"]);
    assert!(!app.identity.principal_exists("ann@x").await.unwrap());
    assert!(app.identity.principal_exists("account users").await.unwrap());
    assert!(!app.identity.principal_exists("admins").await.unwrap());
}
