//! A server of its own for one test, and a client for it.

use biplane_platform::Secret;
use biplane_platform::testing::fresh_postgres_url;
use biplane_server::{Server, ServerConfig};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

pub const ADMIN: &str = "admin@localhost";
pub const PASSWORD: &str = "correct horse battery staple";

pub struct Running {
    pub server: Server,
    pub dir: tempfile::TempDir,
    pub url: String,
    pub token: String,
    http: reqwest::Client,
}

impl Running {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_in(dir: tempfile::TempDir, database_url: Option<Secret>) -> Self {
        Self::start_as(dir, database_url, |_| {}).await
    }

    /// With options of its own.
    pub async fn start_with(options: impl FnOnce(&mut ServerConfig)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let database_url = match std::env::var("BIPLANE_TEST_POSTGRES") {
            Ok(server) => Some(Secret::new(fresh_postgres_url(&server).await.unwrap())),
            Err(_) => None,
        };
        Self::start_as(dir, database_url, options).await
    }

    async fn start_as(
        dir: tempfile::TempDir,
        database_url: Option<Secret>,
        options: impl FnOnce(&mut ServerConfig),
    ) -> Self {
        let mut config = ServerConfig {
            admin_password: Some(Secret::new(PASSWORD)),
            database_url,
            ..ServerConfig::local(dir.path())
        };
        options(&mut config);
        let server = Server::start(config).await.unwrap();
        let text = std::fs::read_to_string(dir.path().join("databrickscfg")).unwrap();
        let token = text.lines().find_map(|line| line.strip_prefix("token")).unwrap();
        let token = token.trim_start_matches([' ', '=']).to_owned();
        Self { url: server.url(), server, dir, token, http: reqwest::Client::new() }
    }

    pub async fn call(
        &self,
        token: Option<&str>,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Response {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        request.send().await.unwrap()
    }

    /// As the admin, with headers.
    pub async fn with(
        &self,
        method: Method,
        path: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Response {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.bearer_auth(&self.token).body(body.to_string()).send().await.unwrap()
    }

    /// As the admin; the answer must be a success.
    pub async fn admin(&self, method: Method, path: &str, body: Value) -> Value {
        let response =
            self.call(Some(&self.token), method.clone(), path, Some(body.to_string())).await;
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// A user of the workspace who was given nothing, and a token of theirs.
    pub async fn stranger(&self) -> String {
        let user = json!({"userName": "stranger@localhost", "password": PASSWORD});
        self.admin(Method::POST, "/api/2.0/preview/scim/v2/Users", user).await;
        let login = json!({"user_name": "stranger@localhost", "password": PASSWORD}).to_string();
        let response =
            self.call(None, Method::POST, "/api/2.0/biplane/auth/login", Some(login)).await;
        assert_eq!(response.status(), StatusCode::OK);
        let cookies: Vec<String> = response
            .headers()
            .get_all("set-cookie")
            .iter()
            .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned())
            .collect();
        let csrf = cookies
            .iter()
            .find_map(|cookie| cookie.strip_prefix("biplane_csrf="))
            .unwrap()
            .to_owned();
        let made = self
            .http
            .post(format!("{}/api/2.0/token/create", self.url))
            .header("cookie", cookies.join("; "))
            .header("x-csrf-token", csrf)
            .body("{}")
            .send()
            .await
            .unwrap();
        let made: Value = made.json().await.unwrap();
        made["token_value"].as_str().unwrap().to_owned()
    }
}

/// (operation id, method, path with placeholders filled in, path pattern) of every documented endpoint.
pub async fn operations(running: &Running) -> Vec<(String, Method, String, String)> {
    let api = running.call(None, Method::GET, "/openapi.json", None).await;
    let api: Value = api.json().await.unwrap();
    let host = running.call(None, Method::GET, "/.well-known/databricks-config", None).await;
    let host: Value = host.json().await.unwrap();
    let account = host["account_id"].as_str().unwrap();
    let mut found = Vec::new();
    for (pattern, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else {
                continue;
            };
            if let Some(name) = operation["operationId"].as_str() {
                found.push((name.to_owned(), method, fill(pattern, account), pattern.clone()));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0).then(a.2.cmp(&b.2)));
    found
}

/// The account, and something that is well formed and does not exist for every other `{name}`.
fn fill(pattern: &str, account: &str) -> String {
    let mut path = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap();
        path.push_str(before);
        path.push_str(match name {
            name if name.ends_with("path") => "Volumes/main/default/none/file",
            "account_id" => account,
            "warehouse_id" => "0123456789abcdef",
            "statement_id" | "session_id" | "query_id" => "01890000-0000-7000-8000-000000000000",
            "securable_type" | "object_type" => "catalog",
            _ => "1234567890123456",
        });
        rest = after;
    }
    path + rest
}
