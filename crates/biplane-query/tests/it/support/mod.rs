//! A query service on a fresh database, its REST, and engines under the test's control.

pub mod engine;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use biplane_api::ids::{PrincipalId, SandboxId, WarehouseId, WorkspaceId};
use biplane_platform::db::Db;
use biplane_platform::testing::{TestDb, admin_ctx, ctx};
use biplane_platform::{ApiError, Clock, Ctx, ErrorCode, Result};
use biplane_proto::v1::engine_client::EngineClient;
use biplane_query::{
    Engines, Home, Homes, Lease, LeaseGuard, MIGRATIONS, Query, QueryConfig, StagedFiles,
    StagingVerb, WarehouseRules, Wish,
};
use bytes::Bytes;
use engine::FakeEngine;
use http_body_util::BodyExt;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use tower::ServiceExt;

type Current = (FakeEngine, EngineClient<tonic::transport::Channel>, SandboxId);

/// One warehouse; each engine of it when the one before has died.
pub struct FakeEngines {
    pub warehouse: WarehouseId,
    engines: Mutex<VecDeque<FakeEngine>>,
    current: tokio::sync::Mutex<Option<Current>>,
    /// Leases that live.
    pub leases: Arc<AtomicUsize>,
    /// What statements wished for, and sessions that have something here.
    pub wishes: Mutex<Vec<(Option<SandboxId>, bool)>>,
    pub pins: Arc<AtomicUsize>,
    pub monitors: Mutex<Vec<PrincipalId>>,
    /// Set: no engine comes, until the deadline.
    pub never_starts: std::sync::atomic::AtomicBool,
    pub panics: std::sync::atomic::AtomicBool,
    /// Set: starting an engine is written down there.
    pub writes: Mutex<Option<Db>>,
}

struct Counted(Arc<AtomicUsize>, Arc<AtomicUsize>);

#[async_trait::async_trait]
impl LeaseGuard for Counted {
    fn pin(&self) -> Box<dyn Any + Send + Sync> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Box::new(Counted(self.1.clone(), self.1.clone()))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait::async_trait]
impl Engines for FakeEngines {
    async fn authorize(&self, ctx: &Ctx, warehouse: &WarehouseId) -> Result<WarehouseRules> {
        if *warehouse != self.warehouse {
            return Err(ApiError::not_found(format!("SQL warehouse {warehouse} does not exist.")));
        }
        match ctx.principal.name.as_str() {
            "banned" => Err(ApiError::denied("You need CAN_USE.")),
            _ => Ok(WarehouseRules::default()),
        }
    }

    async fn acquire(&self, _: &Ctx, _: &WarehouseId, wish: Wish) -> Result<Lease> {
        self.wishes.lock().push((wish.engine.clone(), wish.bound));
        assert!(!self.panics.load(Ordering::SeqCst), "as the test wants it");
        if self.never_starts.load(Ordering::SeqCst) {
            tokio::time::sleep_until(wish.start_by).await;
            return Err(ApiError::new(
                ErrorCode::DeadlineExceeded,
                "The warehouse did not start in time.",
            ));
        }
        let writes = self.writes.lock().clone();
        if let Some(db) = writes {
            db.write().await?.commit().await?;
        }
        let mut current = self.current.lock().await;
        if current.as_ref().is_none_or(|(engine, ..)| engine.die.is_cancelled()) {
            let engine = self.engines.lock().pop_front().unwrap();
            let client = EngineClient::new(engine.connect().await);
            *current = Some((engine, client, SandboxId::random()));
        }
        let (engine, client, sandbox_id) = current.clone().unwrap();
        self.leases.fetch_add(1, Ordering::SeqCst);
        let guard = Box::new(Counted(self.leases.clone(), self.pins.clone()));
        let queued = Duration::ZERO;
        Ok(Lease { client, sandbox_id, lost: engine.die, queued, guard })
    }

    async fn monitored(&self, ctx: &Ctx) -> Result<Vec<WarehouseId>> {
        let may = self.monitors.lock().contains(&ctx.principal.id);
        Ok(may.then(|| self.warehouse.clone()).into_iter().collect())
    }
}

struct OneHome;

#[async_trait::async_trait]
impl Homes for OneHome {
    async fn home(&self, _: WorkspaceId) -> Result<Home> {
        Ok(Home { metastore_id: "m".into(), default_catalog: "main".into() })
    }
}

struct NoFiles;

#[async_trait::async_trait]
impl StagedFiles for NoFiles {
    async fn link(&self, ctx: &Ctx, path: &str, verb: StagingVerb) -> Result<String> {
        match (path, verb) {
            ("/Volumes/c/s/v/there", StagingVerb::Put { overwrite: false }) => {
                Err(ApiError::new(ErrorCode::AlreadyExists, "It is there."))
            }
            _ => Ok(format!("{}/linked{path}", ctx.base_url)),
        }
    }
}

pub struct Lab {
    pub query: Arc<Query>,
    pub engines: Arc<FakeEngines>,
    /// In the order in which they are used.
    pub engine: Vec<FakeEngine>,
    pub clock: Clock,
    pub config: QueryConfig,
    pub db: Arc<TestDb>,
    router: Router,
}

pub struct Answer {
    pub status: StatusCode,
    pub bytes: Bytes,
    pub headers: axum::http::HeaderMap,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("not JSON: {:?}", self.bytes))
    }

    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{:?}", self.bytes);
        self.json()
    }

    pub fn error(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{:?}", self.bytes);
        self.json()["error_code"].as_str().unwrap().to_owned()
    }
}

/// People of the tests.
pub fn user(name: &str) -> Ctx {
    let mut ctx = if name == "root" { admin_ctx(name) } else { ctx(name) };
    let number = name.bytes().fold(0i64, |sum, byte| sum * 31 + i64::from(byte));
    Arc::make_mut(&mut ctx.principal).id =
        PrincipalId(1_000_000_000_000_000 + number % 1_000_000_007);
    ctx
}

impl Lab {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut QueryConfig)) -> Self {
        let db = Arc::new(TestDb::new(&[MIGRATIONS]).await.unwrap());
        let mut config = QueryConfig::new(db.dir().join("results"));
        change(&mut config);
        Self::start(db, config, Clock::system()).await
    }

    pub async fn start(db: Arc<TestDb>, config: QueryConfig, clock: Clock) -> Self {
        Self::start_on(db, config, clock, WarehouseId::random()).await
    }

    async fn start_on(
        db: Arc<TestDb>,
        config: QueryConfig,
        clock: Clock,
        warehouse: WarehouseId,
    ) -> Self {
        let engine: Vec<FakeEngine> = (0..3).map(|_| FakeEngine::default()).collect();
        let engines = Arc::new(FakeEngines {
            warehouse,
            engines: Mutex::new(engine.iter().cloned().collect()),
            current: Default::default(),
            leases: Default::default(),
            wishes: Default::default(),
            pins: Default::default(),
            monitors: Default::default(),
            never_starts: false.into(),
            panics: false.into(),
            writes: Default::default(),
        });
        let query = Query::new(
            db.db.clone(),
            clock.clone(),
            config.clone(),
            engines.clone(),
            Arc::new(OneHome),
            Arc::new(NoFiles),
        );
        let query = query.await.unwrap();
        let (router, _) = query.routes().split_for_parts();
        Self { query, engines, engine, clock, config, db, router }
    }

    /// The server is killed and started again; what it had in memory is gone.
    pub async fn restart(self) -> Self {
        Self::start_on(self.db, self.config, self.clock, self.engines.warehouse.clone()).await
    }

    pub async fn call(&self, who: &str, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        let mut ctx = user(who);
        ctx.clock = self.clock.clone();
        let request =
            Request::builder().method(method).uri(path).extension(ctx).body(body.into()).unwrap();
        self.send(request).await
    }

    /// Without authentication.
    pub async fn anonymous(&self, url: &str) -> Answer {
        let path = url.strip_prefix("http://127.0.0.1:8080").unwrap();
        self.send(Request::builder().uri(path).body(Body::empty()).unwrap()).await
    }

    /// Without authentication, in another way or with a header.
    pub async fn anonymous_with(&self, method: &str, url: &str, range: &str) -> Answer {
        let path = url.strip_prefix("http://127.0.0.1:8080").unwrap();
        let request = Request::builder().method(method).uri(path);
        let request = if range.is_empty() { request } else { request.header("range", range) };
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("ann", "GET", path, Body::empty()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("ann", "POST", path, body.to_string()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call("ann", "DELETE", path, Body::empty()).await
    }

    /// Runs `text` with more of the request in `with`.
    pub async fn execute(&self, text: &str, with: Value) -> Answer {
        let mut body = json!({ "statement": text, "warehouse_id": self.engines.warehouse });
        for (key, value) in with.as_object().unwrap() {
            body[key] = value.clone();
        }
        self.post("/api/2.0/sql/statements", body).await
    }

    /// Polls until the statement has ended.
    pub async fn ended(&self, id: &str) -> Value {
        until(async || {
            let answer = self.get(&format!("/api/2.0/sql/statements/{id}")).await.ok();
            let state = answer["status"]["state"].as_str().unwrap();
            (!matches!(state, "PENDING" | "RUNNING")).then_some(answer)
        })
        .await
    }
}

/// Waits for a condition.
pub async fn until<T>(mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = condition().await {
            return found;
        }
        assert!(Instant::now() < deadline, "it did not come about");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub fn id(answer: &Value) -> String {
    answer["statement_id"].as_str().unwrap().to_owned()
}

pub fn state(answer: &Value) -> &str {
    answer["status"]["state"].as_str().unwrap()
}

/// What an LZ4 frame holds.
pub fn unpacked(frame: &[u8]) -> String {
    let mut text = String::new();
    std::io::Read::read_to_string(&mut lz4_flex::frame::FrameDecoder::new(frame), &mut text)
        .unwrap();
    text
}
