//! The query service on a database of its own, with an engine that knows five statements and a catalog
//! of two schemas; and a client that speaks Thrift to it.

use super::super::codec::{Reader, Wire, Writer, kind};
use super::super::metadata::Pattern;
use super::super::{Names, Thrift, Wanted};
use crate::{
    Engines, Home, Homes, Lease, MIGRATIONS, Query, QueryConfig, StagedFiles, StagingVerb,
    WarehouseRules, Wish,
};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use biplane_api::catalog::{ColumnInfo, FunctionInfo, FunctionSpec, TableInfo};
use biplane_api::ids::{SandboxId, WarehouseId, WorkspaceId};
use biplane_platform::testing::{TestDb, admin_ctx};
use biplane_platform::{ApiError, Clock, Ctx, ErrorCode};
use biplane_proto::channel;
use biplane_proto::v1::engine_client::EngineClient;
use biplane_proto::v1::engine_server::{Engine, EngineServer};
use biplane_proto::v1::execute_event::Event;
use biplane_proto::v1::*;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use std::sync::Arc;
use tonic::transport::Channel;
use tower::ServiceExt;

pub const WAREHOUSE: &str = "00000000000000aa";
pub const CHUNK_ROWS: u64 = 3;

pub struct World {
    _db: TestDb,
    pub query: Arc<Query>,
    pub names: Arc<FakeNames>,
    router: Router,
    pub ctx: Ctx,
}

impl World {
    pub async fn new() -> Self {
        let db = TestDb::new(&[MIGRATIONS]).await.unwrap();
        let config = QueryConfig::new(db.dir().join("results"));
        let engines = Arc::new(FakeEngines(engine().await));
        let (homes, files) = (Arc::new(FakeHomes), Arc::new(FakeFiles));
        let query = Query::new(db.db.clone(), Clock::system(), config, engines, homes, files).await;
        let query = query.unwrap();
        let names = Arc::new(FakeNames::default());
        let thrift = Thrift::new(&query, names.clone()).await.unwrap();
        Self { _db: db, query, names, router: thrift.routes(), ctx: admin_ctx("ada") }
    }

    pub async fn post(&self, ctx: &Ctx, path: &str, body: Bytes) -> Response<Body> {
        let mut request = Request::post(path).body(Body::from(body)).unwrap();
        request.extensions_mut().insert(ctx.clone());
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub async fn call_as<Q: Wire, R: Wire>(&self, ctx: &Ctx, method: &str, request: &Q) -> R {
        let path = format!("/sql/1.0/warehouses/{WAREHOUSE}");
        let response = self.post(ctx, &path, message(method, request)).await;
        assert_eq!(response.status(), StatusCode::OK, "{method}");
        assert_eq!(response.headers()["content-type"], "application/x-thrift");
        result(response.into_body().collect().await.unwrap().to_bytes())
    }

    pub async fn call<Q: Wire, R: Wire>(&self, method: &str, request: &Q) -> R {
        self.call_as(&self.ctx, method, request).await
    }
}

pub fn message(method: &str, request: &impl Wire) -> Bytes {
    let mut writer = Writer::default();
    writer.i32(0x8001_0001_u32 as i32);
    writer.string(method);
    writer.i32(1);
    writer.field(kind::STRUCT, 1);
    request.write(&mut writer);
    writer.stop();
    writer.finish().concat().into()
}

fn result<R: Wire>(data: Bytes) -> R {
    let mut reader = Reader::new(data, Default::default());
    assert_eq!(reader.i32().unwrap(), 0x8001_0002_u32 as i32);
    reader.string().unwrap();
    reader.i32().unwrap();
    assert_eq!(reader.field().unwrap(), Some((R::KIND, 0)));
    let value = R::read(&mut reader).unwrap();
    assert_eq!(reader.field().unwrap(), None);
    reader.end().unwrap();
    value
}

struct FakeEngines(EngineClient<Channel>);

#[async_trait::async_trait]
impl Engines for FakeEngines {
    async fn authorize(
        &self,
        _: &Ctx,
        warehouse: &WarehouseId,
    ) -> biplane_platform::Result<WarehouseRules> {
        match warehouse.as_str() {
            WAREHOUSE => Ok(WarehouseRules::default()),
            other => Err(ApiError::not_found(format!("Warehouse {other} does not exist."))),
        }
    }

    async fn acquire(&self, _: &Ctx, _: &WarehouseId, _: Wish) -> biplane_platform::Result<Lease> {
        Ok(Lease {
            client: self.0.clone(),
            sandbox_id: SandboxId::random(),
            lost: Default::default(),
            queued: Default::default(),
            guard: Box::new(()),
        })
    }

    async fn monitored(&self, _: &Ctx) -> biplane_platform::Result<Vec<WarehouseId>> {
        Ok(Vec::new())
    }
}

struct FakeHomes;

#[async_trait::async_trait]
impl Homes for FakeHomes {
    async fn home(&self, _: WorkspaceId) -> biplane_platform::Result<Home> {
        Ok(Home { metastore_id: "m".into(), default_catalog: "main".into() })
    }
}

struct FakeFiles;

#[async_trait::async_trait]
impl StagedFiles for FakeFiles {
    async fn link(
        &self,
        _: &Ctx,
        path: &str,
        verb: StagingVerb,
    ) -> biplane_platform::Result<String> {
        match path.contains("denied") {
            true => Err(ApiError::denied("No WRITE_VOLUME.")),
            false => Ok(format!("http://files{path}?{verb:?}")),
        }
    }
}

/// Counts what it is asked for tables.
#[derive(Default)]
pub struct FakeNames {
    pub asked: Mutex<Vec<String>>,
}

fn like(name: &str, pattern: Option<&str>) -> bool {
    Pattern::new(pattern).matches(name)
}

#[async_trait::async_trait]
impl Names for FakeNames {
    async fn catalogs(&self, _: &Ctx) -> biplane_platform::Result<Vec<String>> {
        Ok(vec!["main".into(), "other".into()])
    }

    async fn schemas(&self, _: &Ctx, wanted: Wanted<'_>) -> biplane_platform::Result<Vec<String>> {
        let all = match wanted.catalog {
            "main" => vec!["default", "information_schema", "s2"],
            _ => Vec::new(),
        };
        let found = all.into_iter().filter(|name| like(name, wanted.schema_like));
        Ok(found.map(str::to_owned).collect())
    }

    async fn tables(
        &self,
        ctx: &Ctx,
        wanted: Wanted<'_>,
        columns: bool,
    ) -> biplane_platform::Result<Vec<TableInfo>> {
        let asked = format!("{}.{:?}.{:?}", wanted.catalog, wanted.schema_like, wanted.name_like);
        self.asked.lock().push(asked);
        let column = ColumnInfo {
            name: "price".into(),
            type_name: "DECIMAL".into(),
            type_text: "decimal(10,2)".into(),
            type_precision: Some(10),
            type_scale: Some(2),
            nullable: true,
            ..Default::default()
        };
        let table = |schema: &str, name: &str, table_type: &str| TableInfo {
            name: name.into(),
            catalog_name: wanted.catalog.into(),
            schema_name: schema.into(),
            table_type: table_type.into(),
            columns: if columns { vec![column.clone()] } else { Vec::new() },
            table_constraints: match name {
                "t_1" => vec![
                    serde_json::json!({"primary_key_constraint": {"name": "pk", "child_columns": ["price"]}}),
                    serde_json::json!({"foreign_key_constraint": {"name": "fk", "child_columns": ["price"],
                        "parent_table": "main.default.t_1", "parent_columns": ["price"]}}),
                ],
                _ => Vec::new(),
            },
            ..Default::default()
        };
        let mut found = Vec::new();
        let schemas = self.schemas(ctx, Wanted { name_like: None, ..wanted }).await?;
        for schema in schemas.iter().filter(|name| *name != "information_schema") {
            found.extend([table(schema, "t_1", "MANAGED"), table(schema, "v", "VIEW")]);
        }
        found.retain(|table| like(&table.name, wanted.name_like));
        Ok(found)
    }

    async fn functions(
        &self,
        _: &Ctx,
        wanted: Wanted<'_>,
    ) -> biplane_platform::Result<Vec<FunctionInfo>> {
        let spec = FunctionSpec {
            name: "area".into(),
            catalog_name: wanted.catalog.into(),
            schema_name: "default".into(),
            data_type: "DOUBLE".into(),
            comment: Some("of a circle".into()),
            ..Default::default()
        };
        let fits = wanted.catalog == "main" && like("area", wanted.name_like);
        Ok(fits.then(|| FunctionInfo { spec, ..Default::default() }).into_iter().collect())
    }

    async fn check(
        &self,
        _: &Ctx,
        catalog: &str,
        schema: Option<&str>,
    ) -> biplane_platform::Result<()> {
        match (catalog, schema) {
            ("main", None | Some("default")) => Ok(()),
            ("main", Some(_)) => {
                Err(ApiError::new(ErrorCode::SchemaDoesNotExist, "It does not exist."))
            }
            _ => Err(ApiError::not_found("It does not exist.")),
        }
    }
}

async fn engine() -> EngineClient<Channel> {
    let (near, far) = tokio::io::duplex(1 << 20);
    tokio::spawn(channel::serve(far, EngineServer::new(FakeEngine)));
    EngineClient::new(channel::over(near).await.unwrap())
}

struct FakeEngine;

fn event(event: Event) -> Result<ExecuteEvent, tonic::Status> {
    Ok(ExecuteEvent { event: Some(event) })
}

fn schema(request: &ExecuteRequest) -> Event {
    let column = Column {
        name: "n".into(),
        type_name: "LONG".into(),
        type_text: "BIGINT".into(),
        nullable: true,
        ..Default::default()
    };
    let arrow = request.format == ResultFormat::Arrow as i32;
    let arrow_schema = if arrow { b"schema".to_vec() } else { Vec::new() };
    Event::Schema(ResultSchema { columns: vec![column], arrow_schema: arrow_schema.into() })
}

fn chunk(request: &ExecuteRequest, index: u64) -> Event {
    let first = index * CHUNK_ROWS;
    let data = match request.format == ResultFormat::Arrow as i32 {
        true => format!("batch-{index}"),
        false => format!(r#"[["{first}"],[null],["{}"]]"#, first + 2),
    };
    Event::Chunk(Chunk { data: data.into(), rows: CHUNK_ROWS, uncompressed_bytes: 10, more: false })
}

#[tonic::async_trait]
impl Engine for FakeEngine {
    type ExecuteStream = BoxStream<'static, Result<ExecuteEvent, tonic::Status>>;

    /// `ROWS <chunks>`, `FULL <chunks>` without an end, `UPDATE`, `DDL`, `FAIL`, `HANG`.
    async fn execute(
        &self,
        request: tonic::Request<ExecuteRequest>,
    ) -> Result<tonic::Response<Self::ExecuteStream>, tonic::Status> {
        let request = request.into_inner();
        let finished = Finished { statement_type: "SELECT".into(), ..Default::default() };
        let text = request.statement.clone();
        let (word, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let events = match word {
            "ROWS" => {
                let chunks = rest.parse::<u64>().unwrap();
                let mut events = vec![event(schema(&request))];
                events.extend((0..chunks).map(|index| event(chunk(&request, index))));
                events.push(event(Event::Finished(finished)));
                events
            }
            "FULL" => {
                let chunks = rest.parse::<u64>().unwrap();
                let mut events = vec![event(schema(&request))];
                events.extend((0..chunks).map(|index| match chunk(&request, index) {
                    Event::Chunk(chunk) => event(Event::Chunk(Chunk { more: true, ..chunk })),
                    other => event(other),
                }));
                let stream = futures::stream::iter(events).chain(futures::stream::pending());
                return Ok(tonic::Response::new(stream.boxed()));
            }
            "UPDATE" => vec![
                event(Event::Schema(ResultSchema::default())),
                event(Event::Finished(Finished { num_modified_rows: Some(3), ..finished })),
            ],
            "DDL" => vec![
                event(Event::Schema(ResultSchema::default())),
                event(Event::Finished(finished)),
            ],
            "FAIL" => vec![event(Event::Failed(Failed {
                error_class: "DIVIDE_BY_ZERO".into(),
                sql_state: "22012".into(),
                message: "[DIVIDE_BY_ZERO] Division by zero.".into(),
                error_code: "BAD_REQUEST".into(),
                ..Default::default()
            }))],
            _ => return Ok(tonic::Response::new(futures::stream::pending().boxed())),
        };
        Ok(tonic::Response::new(futures::stream::iter(events).boxed()))
    }

    async fn close_session(
        &self,
        _: tonic::Request<CloseSessionRequest>,
    ) -> Result<tonic::Response<CloseSessionResponse>, tonic::Status> {
        Ok(tonic::Response::new(CloseSessionResponse {}))
    }

    async fn stats(
        &self,
        _: tonic::Request<StatsRequest>,
    ) -> Result<tonic::Response<StatsResponse>, tonic::Status> {
        Ok(tonic::Response::new(StatsResponse::default()))
    }
}
