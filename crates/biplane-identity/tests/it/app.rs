//! The server of these tests.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use biplane_api::ids::RequestId;
use biplane_identity::{
    Authenticated, Bootstrap, BootstrapOptions, Call, Config, Identity, MIGRATIONS, NetworkConfig,
};
use biplane_platform::testing::TestDb;
use biplane_platform::{ApiError, Clock, Ctx, RelayPeer, Secret};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;
use tower::ServiceExt;

pub const ADMIN: &str = "admin@example.com";
pub const PASSWORD: &str = "a good password";
pub const START_MS: i64 = 1_800_000_000_000;
pub const DAY_MS: i64 = 24 * 3600 * 1000;

pub struct App {
    pub identity: Arc<Identity>,
    pub clock: Clock,
    pub boot: Bootstrap,
    pub pat: String,
    pub test_db: TestDb,
    router: Router,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("not JSON: {:?}", self.bytes))
    }

    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(
            self.status.is_success(),
            "{} {}",
            self.status,
            String::from_utf8_lossy(&self.bytes)
        );
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }

    /// The status and the code of the public error shape.
    #[track_caller]
    pub fn refused(self) -> (u16, String) {
        let body = self.json();
        assert!(body["message"].is_string(), "{body}");
        (self.status.as_u16(), body["error_code"].as_str().unwrap().to_owned())
    }

    pub fn cookies(&self) -> Vec<String> {
        let all = self.headers.get_all(header::SET_COOKIE).iter();
        all.map(|value| value.to_str().unwrap().to_owned()).collect()
    }
}

pub fn options() -> BootstrapOptions {
    BootstrapOptions {
        admin_user_name: ADMIN.into(),
        admin_password: Some(Secret::new(PASSWORD)),
        workspace_name: "main".into(),
        deployment_name: "main".into(),
        host_name: None,
        region: "us-east-1".into(),
    }
}

impl App {
    pub async fn new() -> Self {
        let test_db = TestDb::new(&[MIGRATIONS]).await.unwrap();
        let clock = Clock::fixed(START_MS);
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let network = NetworkConfig {
            egress_addresses: nets(&["203.0.113.7", "203.0.113.16/28"]),
            private_endpoints: vec![
                ("vpce-0a".into(), "10.1.0.0/16".parse().unwrap()),
                ("vpce-0b".into(), "10.2.0.0/16".parse().unwrap()),
            ],
            endpoint_services: vec![
                (
                    "com.amazonaws.vpce.us-east-1.vpce-svc-1".into(),
                    "10.9.0.1:5432".parse().unwrap(),
                ),
                ("com.amazonaws.vpce.us-east-1.vpce-svc-1".into(), "10.9.0.2:443".parse().unwrap()),
                ("warehouse-db".into(), "db.internal:5432".parse().unwrap()),
            ],
        };
        let config = Config { domain: Some("biplane.test".into()), network };
        let identity = Identity::new(test_db.db.clone(), clock.clone(), config).await.unwrap();
        let boot = identity.bootstrap(&options()).await.unwrap();
        let (routes, _) = identity.routes().merge(identity.public_routes()).split_for_parts();
        let pat = boot.admin_pat.as_ref().unwrap().expose().to_owned();
        Self { identity, clock, boot, pat, test_db, router: routes }
    }

    pub fn account(&self, rest: &str) -> String {
        format!("/api/2.0/accounts/{}{rest}", self.boot.account_id)
    }

    /// As the edge does: public routes pass, all others need somebody.
    pub async fn send(&self, mut request: Request<Body>, relay: Option<&RelayPeer>) -> Answer {
        let path = request.uri().path().to_owned();
        let public = ["/oidc/", "/.well-known/", "/api/2.0/biplane/auth/login"];
        if !public.iter().any(|prefix| path.starts_with(prefix)) {
            match self.authenticate(&request, relay).await {
                Ok(found) => {
                    let ctx = self.ctx(&request, found);
                    if let Some(address) = ctx.source_ip
                        && (ctx.workspace.is_some() || biplane_identity::account_path(&path))
                        && let Err(error) = self.identity.admit(address, ctx.workspace).await
                    {
                        return answer(axum::response::IntoResponse::into_response(error)).await;
                    }
                    request.extensions_mut().insert(ctx);
                }
                Err(error) => {
                    return answer(axum::response::IntoResponse::into_response(error)).await;
                }
            }
        }
        answer(self.router.clone().oneshot(request).await.unwrap()).await
    }

    pub async fn authenticate(
        &self,
        request: &Request<Body>,
        relay: Option<&RelayPeer>,
    ) -> Result<Authenticated, ApiError> {
        let call = Call {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            relay,
        };
        self.identity.authenticate(&call).await
    }

    fn ctx(&self, request: &Request<Body>, found: Authenticated) -> Ctx {
        let host =
            request.headers().get(header::HOST).map_or("localhost", |host| host.to_str().unwrap());
        Ctx {
            principal: found.principal,
            account_id: found.account_id,
            workspace: found.workspace,
            request_id: RequestId::random(),
            clock: self.clock.clone(),
            source_ip: request.extensions().get::<IpAddr>().copied(),
            user_agent: None,
            base_url: format!("http://{host}").into(),
            relay: None,
            trace: biplane_platform::trace::Trace::default(),
        }
    }

    pub async fn call(&self, token: &str, method: Method, uri: &str, body: Value) -> Answer {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::HOST, "127.0.0.1:8080")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/scim+json");
        self.send(request.body(body).unwrap(), None).await
    }

    /// As the admin, from an address.
    pub async fn from(&self, address: &str, method: Method, uri: &str, body: Value) -> Answer {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::HOST, "127.0.0.1:8080")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.pat))
            .extension(address.parse::<IpAddr>().unwrap());
        self.send(request.body(body).unwrap(), None).await
    }

    pub async fn get(&self, uri: &str) -> Answer {
        self.call(&self.pat, Method::GET, uri, Value::Null).await
    }

    pub async fn post(&self, uri: &str, body: Value) -> Answer {
        self.call(&self.pat, Method::POST, uri, body).await
    }

    pub async fn put(&self, uri: &str, body: Value) -> Answer {
        self.call(&self.pat, Method::PUT, uri, body).await
    }

    pub async fn patch(&self, uri: &str, body: Value) -> Answer {
        self.call(&self.pat, Method::PATCH, uri, body).await
    }

    pub async fn delete(&self, uri: &str) -> Answer {
        self.call(&self.pat, Method::DELETE, uri, Value::Null).await
    }

    /// A user of the workspace with a password and a token of its own: (id, token).
    pub async fn user(&self, name: &str) -> (String, String) {
        let made = self.post(
            "/api/2.0/preview/scim/v2/Users",
            json!({"userName": name, "password": PASSWORD}),
        );
        let id = made.await.ok()["id"].as_str().unwrap().to_owned();
        (id, self.token_by_login(name).await)
    }

    /// Signs in and makes a personal access token in the session.
    pub async fn token_by_login(&self, name: &str) -> String {
        let (session, csrf) = self.login(name, PASSWORD).await;
        let request = Request::post("/api/2.0/token/create")
            .header(header::COOKIE, format!("biplane_session={session}; biplane_csrf={csrf}"))
            .header("X-CSRF-Token", csrf)
            .body(Body::from(r#"{"comment":"mine"}"#));
        let made = self.send(request.unwrap(), None).await.ok();
        made["token_value"].as_str().unwrap().to_owned()
    }

    /// (session, csrf)
    pub async fn login(&self, name: &str, password: &str) -> (String, String) {
        let answer = self.try_login(name, password).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.bytes);
        let value = |name: &str| {
            let cookies = answer.cookies();
            let cookie =
                cookies.iter().find_map(|one| one.strip_prefix(&format!("{name}="))).unwrap();
            cookie.split(';').next().unwrap().to_owned()
        };
        (value("biplane_session"), value("biplane_csrf"))
    }

    pub async fn try_login(&self, name: &str, password: &str) -> Answer {
        let body = json!({"user_name": name, "password": password}).to_string();
        let request =
            Request::post("/api/2.0/biplane/auth/login").header(header::HOST, "127.0.0.1:8080");
        self.send(request.body(Body::from(body)).unwrap(), None).await
    }

    /// A service principal of the workspace: (id, application id).
    pub async fn service_principal(&self, name: &str) -> (String, String) {
        let made = self
            .post("/api/2.0/preview/scim/v2/ServicePrincipals", json!({"displayName": name}))
            .await
            .ok();
        (
            made["id"].as_str().unwrap().to_owned(),
            made["applicationId"].as_str().unwrap().to_owned(),
        )
    }

    pub async fn secret(&self, id: &str) -> String {
        let path = self.account(&format!("/servicePrincipals/{id}/credentials/secrets"));
        self.post(&path, json!({})).await.ok()["secret"].as_str().unwrap().to_owned()
    }
}

async fn answer(response: Response<Body>) -> Answer {
    let (parts, body) = response.into_parts();
    Answer {
        status: parts.status,
        headers: parts.headers,
        bytes: body.collect().await.unwrap().to_bytes(),
    }
}
