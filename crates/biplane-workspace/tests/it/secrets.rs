//! The secrets API over its router: who gets what, and that the database has none of it.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use biplane_api::ids::PrincipalId;
use biplane_platform::db::args;
use biplane_platform::testing::{TestDb, admin_ctx, ctx};
use biplane_platform::{Clock, Ctx, Result};
use biplane_workspace::secrets::{self, People, Secrets};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;

struct Everybody;

#[async_trait::async_trait]
impl People for Everybody {
    async fn known(&self, name: &str) -> Result<Option<(String, String)>> {
        Ok(name.contains('@').then(|| ("user".into(), name.into())))
    }
}

struct Site {
    db: TestDb,
    secrets: Arc<Secrets>,
    router: Router,
}

impl Site {
    async fn new() -> Self {
        let db = TestDb::new(&[secrets::MIGRATIONS]).await.unwrap();
        let made = Secrets::new(db.db.clone(), Clock::fixed(7), [1; 32], Arc::new(Everybody));
        let secrets = made.unwrap();
        let router = secrets.routes().split_for_parts().0;
        Self { db, secrets, router }
    }

    async fn call(&self, ctx: &Ctx, method: &str, path: &str, body: Value) -> (u16, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/2.0/secrets/{path}"))
            .body(Body::from(body.to_string()))
            .unwrap();
        request.extensions_mut().insert(ctx.clone());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn done(&self, ctx: &Ctx, path: &str, body: Value) {
        let (status, answer) = self.call(ctx, "POST", path, body).await;
        assert_eq!((status, &answer), (200, &json!({})), "{path}");
    }

    async fn get(&self, ctx: &Ctx, path: &str) -> (u16, Value) {
        self.call(ctx, "GET", path, Value::Null).await
    }
}

fn user(name: &str, id: i64) -> Ctx {
    let mut ctx = ctx(name);
    Arc::make_mut(&mut ctx.principal).id = PrincipalId(id);
    ctx
}

#[tokio::test]
async fn a_secret_is_for_those_who_may_read_its_scope() {
    let site = Site::new().await;
    let (ann, bob) = (user("ann@x", 1), user("bob@x", 2));
    site.done(&ann, "scopes/create", json!({ "scope": "mine" })).await;
    site.done(&ann, "put", json!({ "scope": "mine", "key": "word", "string_value": "s3cret" }))
        .await;
    let bytes = json!({ "scope": "mine", "key": "bytes", "bytes_value": "AAE=" });
    site.done(&ann, "put", bytes).await;
    let word = json!({ "key": "word", "value": "czNjcmV0" });
    assert_eq!(site.get(&ann, "get?scope=mine&key=word").await, (200, word.clone()));
    let (_, listed) = site.get(&ann, "list?scope=mine").await;
    assert_eq!(listed["secrets"][1], json!({ "key": "word", "last_updated_timestamp": 7 }));
    // Who has no permission knows of nothing.
    assert_eq!(site.get(&bob, "get?scope=mine&key=word").await.0, 404);
    assert_eq!(site.get(&bob, "scopes/list").await, (200, json!({})));
    let read = json!({ "scope": "mine", "principal": "bob@x", "permission": "READ" });
    assert_eq!(site.call(&bob, "POST", "acls/put", read.clone()).await.0, 404);
    site.done(&ann, "acls/put", read).await;
    assert_eq!(site.get(&bob, "get?scope=mine&key=word").await.0, 200);
    assert_eq!(site.get(&bob, "scopes/list").await.1["scopes"][0]["name"], "mine");
    let put = json!({ "scope": "mine", "key": "word", "string_value": "other" });
    assert_eq!(site.call(&bob, "POST", "put", put).await.0, 403);
    assert_eq!(site.get(&bob, "acls/list?scope=mine").await.0, 403);
    let (_, acl) = site.get(&ann, "acls/get?scope=mine&principal=bob@x").await;
    assert_eq!(acl, json!({ "principal": "bob@x", "permission": "READ" }));
    site.done(&ann, "acls/delete", json!({ "scope": "mine", "principal": "bob@x" })).await;
    assert_eq!(site.get(&bob, "get?scope=mine&key=word").await.0, 404);
    assert_eq!(site.get(&ann, "acls/get?scope=mine&principal=bob@x").await.0, 404);
    // Admins have everything.
    assert_eq!(site.get(&admin_ctx("root@x"), "get?scope=mine&key=word").await, (200, word));
    let elsewhere = json!({ "scope": "mine", "principal": "nobody", "permission": "READ" });
    assert_eq!(site.call(&ann, "POST", "acls/put", elsewhere).await.0, 404);
    site.done(&ann, "delete", json!({ "scope": "mine", "key": "word" })).await;
    assert_eq!(site.get(&ann, "get?scope=mine&key=word").await.0, 404);
    site.done(&ann, "scopes/delete", json!({ "scope": "mine" })).await;
    assert_eq!(site.get(&ann, "list?scope=mine").await.0, 404);
    site.done(&bob, "scopes/create", json!({ "scope": "mine" })).await;
    assert_eq!(site.get(&bob, "list?scope=mine").await, (200, json!({})));
}

#[tokio::test]
async fn the_database_has_no_value_and_none_opens_elsewhere() {
    let site = Site::new().await;
    let ann = user("ann@x", 1);
    let all = json!({ "scope": "all", "initial_manage_principal": "users" });
    site.done(&ann, "scopes/create", all).await;
    for (key, text) in [("a", "the-first-word"), ("b", "the-second-word")] {
        let body = json!({ "scope": "all", "key": key, "string_value": text });
        site.done(&user("bob@x", 2), "put", body).await;
    }
    let mut tx = site.db.db.write().await.unwrap();
    let sql = "SELECT value FROM secrets WHERE name = $1";
    let sealed = tx.fetch_one(sql, args!["a"]).await.unwrap().text(0).unwrap();
    assert!(!sealed.contains("first") && !sealed.contains("dGhlLWZpcnN0"));
    let moved = "UPDATE secrets SET value = $1 WHERE name = 'b'";
    tx.execute(moved, args![sealed]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(site.secrets.secret_read(&ann, "all", "a").await.unwrap(), b"the-first-word");
    assert!(site.secrets.secret_read(&ann, "all", "b").await.is_err());
    site.secrets.workspace_forget(ann.workspace().unwrap()).await.unwrap();
    assert_eq!(site.get(&admin_ctx("root@x"), "scopes/list").await, (200, json!({})));
}

#[tokio::test]
async fn what_is_no_secret_is_refused() {
    let site = Site::new().await;
    let ann = user("ann@x", 1);
    site.done(&ann, "scopes/create", json!({ "scope": "mine" })).await;
    for (path, body, status, code) in [
        ("scopes/create", json!({ "scope": "mine" }), 409, "RESOURCE_ALREADY_EXISTS"),
        ("scopes/create", json!({ "scope": "a/b" }), 400, "INVALID_PARAMETER_VALUE"),
        ("scopes/create", json!({}), 400, "INVALID_PARAMETER_VALUE"),
        (
            "scopes/create",
            json!({ "scope": "k", "scope_backend_type": "AZURE_KEYVAULT" }),
            501,
            "FEATURE_DISABLED",
        ),
        ("put", json!({ "scope": "mine", "key": "a" }), 400, "INVALID_PARAMETER_VALUE"),
        (
            "put",
            json!({ "scope": "mine", "key": "a", "bytes_value": "?" }),
            400,
            "INVALID_PARAMETER_VALUE",
        ),
        (
            "put",
            json!({ "scope": "mine", "key": "a", "string_value": "x".repeat(200_000) }),
            400,
            "INVALID_PARAMETER_VALUE",
        ),
        ("delete", json!({ "scope": "mine", "key": "a" }), 404, "RESOURCE_DOES_NOT_EXIST"),
        (
            "acls/put",
            json!({ "scope": "mine", "principal": "bob@x", "permission": "OWN" }),
            400,
            "INVALID_PARAMETER_VALUE",
        ),
    ] {
        let (told, answer) = site.call(&ann, "POST", path, body).await;
        assert_eq!(
            (told, answer["error_code"].as_str().unwrap()),
            (status, code),
            "{path} {answer}"
        );
    }
}
