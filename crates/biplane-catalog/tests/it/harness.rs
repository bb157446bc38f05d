//! A catalog with a metastore, a few people, and a way to call it as each of them.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use biplane_catalog::{Bootstrap, Catalog, Principals, S3Config, StorageConfig};
use biplane_platform::testing::{self, TestDb};
use biplane_platform::{Clock, Ctx, Result, Secret};
use http_body_util::BodyExt;
use serde_json::Value;
use std::sync::Arc;
use tower::ServiceExt;

pub const ADMIN: &str = "admin@x";
pub const ALICE: &str = "alice@x";
pub const BOB: &str = "bob@x";
/// In the group `analysts`.
pub const CAROL: &str = "carol@x";
pub const UC: &str = "/api/2.1/unity-catalog";
pub const NOW: i64 = 1_700_000_000_000;

fn groups(name: &str) -> Vec<String> {
    let mut groups = vec!["account users".to_owned(), "users".to_owned()];
    if name == CAROL {
        groups.push("analysts".to_owned());
    }
    groups
}

struct People;

#[async_trait::async_trait]
impl Principals for People {
    async fn exists(&self, name: &str) -> Result<bool> {
        Ok([ADMIN, ALICE, BOB, CAROL, "analysts", "account users"].contains(&name))
    }
    async fn groups_of(&self, name: &str) -> Result<Vec<String>> {
        Ok(groups(name))
    }
}

pub struct World {
    pub test: TestDb,
    pub catalog: Arc<Catalog>,
    pub clock: Clock,
    app: Router,
}

pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
}

impl Answer {
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body
    }

    #[track_caller]
    pub fn fails(self, code: &str) -> String {
        assert_eq!(self.body["error_code"], code, "{} {}", self.status, self.body);
        assert!(!self.status.is_success());
        self.body["message"].as_str().unwrap().to_owned()
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with_s3(false).await
    }

    pub async fn with_s3(s3: bool) -> Self {
        let test = TestDb::new(&[biplane_catalog::MIGRATIONS]).await.unwrap();
        let clock = Clock::fixed(NOW);
        let dir = test.dir().display().to_string();
        let config = StorageConfig {
            default_root: format!("file://{dir}/data/storage"),
            local_roots: vec![format!("file://{dir}")],
            protected: vec![format!("file://{dir}/data")],
            s3: s3.then(|| S3Config {
                endpoint: Some("http://127.0.0.1:9000".into()),
                region: None,
                access_key_id: "key".into(),
                secret_access_key: Secret::new("hunter2"),
                session_token: Some(Secret::new("hunter3")),
                allow_http: true,
                path_style: true,
            }),
            drop_grace_ms: Some(1000),
        };
        let catalog = Catalog::new(test.db.clone(), clock.clone(), config, Arc::new(People));
        catalog
            .bootstrap(Bootstrap {
                metastore_name: "metastore".into(),
                region: "us-east-1".into(),
                storage_root: None,
                owner: ADMIN.into(),
                users: "account users".into(),
                admins: None,
                workspace: testing::ctx(ADMIN).workspace.unwrap(),
            })
            .await
            .unwrap();
        let app: Router = Router::from(catalog.routes()).merge(catalog.internal_routes());
        Self { test, catalog, clock, app }
    }

    pub fn ctx(&self, user: &str) -> Ctx {
        let mut ctx = if user == ADMIN { testing::admin_ctx(user) } else { testing::ctx(user) };
        Arc::make_mut(&mut ctx.principal).groups.extend(groups(user));
        ctx.account_id = "00000000-0000-4000-8000-000000000001".parse().unwrap();
        ctx.clock = self.clock.clone();
        ctx
    }

    pub async fn call(&self, user: &str, method: Method, path: &str, body: Value) -> Answer {
        self.call_as(self.ctx(user), method, path, body).await
    }

    pub async fn call_as(&self, ctx: Ctx, method: Method, path: &str, body: Value) -> Answer {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let mut request = Request::builder().method(method).uri(path).body(body).unwrap();
        request.extensions_mut().insert(ctx);
        let response = self.app.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| panic!("{status} {path}: {}", String::from_utf8_lossy(&bytes)));
        Answer { status, body }
    }

    pub async fn get(&self, user: &str, path: &str) -> Answer {
        self.call(user, Method::GET, &format!("{UC}{path}"), Value::Null).await
    }

    pub async fn post(&self, user: &str, path: &str, body: Value) -> Answer {
        self.call(user, Method::POST, &format!("{UC}{path}"), body).await
    }

    pub async fn patch(&self, user: &str, path: &str, body: Value) -> Answer {
        self.call(user, Method::PATCH, &format!("{UC}{path}"), body).await
    }

    pub async fn delete(&self, user: &str, path: &str) -> Answer {
        self.call(user, Method::DELETE, &format!("{UC}{path}"), Value::Null).await
    }

    pub async fn internal(&self, user: &str, path: &str, body: Value) -> Answer {
        self.call(user, Method::POST, &format!("/internal/v1{path}"), body).await
    }

    // --- shorthand ---

    pub async fn catalog(&self, name: &str) {
        self.post(ADMIN, "/catalogs", serde_json::json!({ "name": name })).await.ok();
    }

    pub async fn schema(&self, user: &str, catalog: &str, name: &str) {
        self.post(user, "/schemas", serde_json::json!({ "name": name, "catalog_name": catalog }))
            .await
            .ok();
    }

    pub async fn grant(&self, kind: &str, name: &str, principal: &str, privileges: &[&str]) {
        let body =
            serde_json::json!({ "changes": [{ "principal": principal, "add": privileges }] });
        self.patch(ADMIN, &format!("/permissions/{kind}/{name}"), body).await.ok();
    }

    pub async fn revoke(&self, kind: &str, name: &str, principal: &str, privileges: &[&str]) {
        let body =
            serde_json::json!({ "changes": [{ "principal": principal, "remove": privileges }] });
        self.patch(ADMIN, &format!("/permissions/{kind}/{name}"), body).await.ok();
    }

    /// A managed table as an engine makes it.
    pub async fn table(&self, user: &str, full_name: &str) -> Value {
        self.try_table(user, full_name, "CREATE").await.ok()
    }

    pub async fn try_table(&self, user: &str, full_name: &str, mode: &str) -> Answer {
        let [catalog, schema, name] = parts(full_name);
        let place =
            serde_json::json!({ "catalog_name": catalog, "schema_name": schema, "name": name });
        let staged = self.internal(user, "/staging-tables", place).await;
        if !staged.status.is_success() {
            return staged;
        }
        let body = serde_json::json!({
            "catalog_name": catalog, "schema_name": schema, "name": name, "table_type": "MANAGED",
            "data_source_format": "DELTA", "staging_table_id": staged.body["table_id"], "mode": mode,
            "columns": [
                { "name": "id", "type_name": "LONG", "type_text": "bigint", "nullable": false },
                { "name": "note", "type_name": "STRING", "type_text": "string" },
            ],
        });
        self.internal(user, "/tables", body).await
    }

    pub async fn view(&self, user: &str, full_name: &str, reads: &[&str]) -> Value {
        let [catalog, schema, name] = parts(full_name);
        let body = serde_json::json!({
            "catalog_name": catalog, "schema_name": schema, "name": name, "table_type": "VIEW", "mode": "CREATE",
            "columns": [{ "name": "id", "type_name": "LONG", "type_text": "bigint" }],
            "view_definition": "SELECT id FROM something", "view_dependencies": reads,
        });
        self.internal(user, "/tables", body).await.ok()
    }

    /// The answer for one name: the table, or the error code.
    pub async fn resolve(
        &self,
        user: &str,
        name: &str,
        access: &str,
        via: &[&str],
    ) -> Result<Value, String> {
        let body = serde_json::json!({ "names": [parts(name)], "access": access, "via": via });
        let answer = self.internal(user, "/resolve", body).await;
        if !answer.status.is_success() {
            return Err(answer.body["error_code"].as_str().unwrap().to_owned());
        }
        match &answer.body["tables"][0] {
            found if found["table"].is_object() => Ok(found["table"].clone()),
            found => Err(found["error"]["error_code"].as_str().unwrap().to_owned()),
        }
    }
}

pub fn parts(full_name: &str) -> [&str; 3] {
    full_name.split('.').collect::<Vec<_>>().try_into().unwrap()
}

/// `names(&answer, "tables")`
pub fn names(answer: &Value, list: &str) -> Vec<String> {
    answer[list]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect()
}
