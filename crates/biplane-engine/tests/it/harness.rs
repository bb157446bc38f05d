//! The real engine behind a relay door in this process, and a control plane in memory on its other
//! side. Tables are real Delta tables in a temporary directory.
//!
//! What the control plane answers beyond resolve, staging and publishing is told by `answer`.

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use biplane_api::catalog::{ColumnInfo, TableInfo};
use biplane_api::internal::{
    PatchTable, PublishTable, ResolvePathRequest, ResolveRequest, ResolveResponse, Resolved,
    ResolvedTable, StagingTable, StagingTableRequest, Storage,
};
use biplane_engine::EngineConfig;
use biplane_proto::preface::DoorRequest;
use biplane_proto::v1::engine_client::EngineClient;
use biplane_proto::v1::execute_event::Event;
use biplane_proto::{channel, v1};
use bytes::Bytes;
use deltalake_core::DeltaTable;
use deltalake_core::protocol::SaveMode;
use futures::StreamExt;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tonic::transport::Channel;

type Answer = dyn Fn(&Method, &str, &Value) -> Option<(u16, Value)> + Send + Sync;

/// The control plane's state.
#[derive(Default)]
pub struct Fake {
    pub root: PathBuf,
    pub tables: Mutex<BTreeMap<String, ResolvedTable>>,
    staging: Mutex<BTreeMap<String, Storage>>,
    /// Full names that nobody may read.
    pub denied: Mutex<BTreeSet<String>>,
    /// Every call: method, path, `via` of a resolve.
    pub calls: Mutex<Vec<String>>,
    answer: Mutex<Option<Box<Answer>>>,
    numbers: std::sync::atomic::AtomicU64,
}

impl Fake {
    /// Answers for the routes of the public API, asked before the built-in ones.
    pub fn answer(
        &self,
        with: impl Fn(&Method, &str, &Value) -> Option<(u16, Value)> + Send + Sync + 'static,
    ) {
        *self.answer.lock() = Some(Box::new(with));
    }

    pub fn table(&self, full_name: &str) -> Option<ResolvedTable> {
        self.tables.lock().get(full_name).cloned()
    }

    pub fn put_view(&self, full_name: &str, sql: &str) {
        let mut info = info(full_name, "VIEW");
        info.view_definition = Some(sql.to_owned());
        self.tables.lock().insert(full_name.to_owned(), ResolvedTable { info, storage: None });
    }

    fn new_dir(&self) -> (String, Storage) {
        let number = self.numbers.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let id = format!("table-{number}");
        let dir = self.root.join(&id);
        std::fs::create_dir_all(&dir).unwrap();
        (id, Storage { url: format!("file://{}", dir.display()), options: BTreeMap::new() })
    }

    /// A Delta table of the catalog with these rows, one commit per batch.
    pub async fn put_table(&self, full_name: &str, batches: Vec<RecordBatch>) {
        self.put_partitioned(full_name, batches, &[]).await;
    }

    pub async fn put_partitioned(&self, full_name: &str, batches: Vec<RecordBatch>, by: &[&str]) {
        let (id, storage) = self.new_dir();
        let url = url::Url::parse(&storage.url).unwrap();
        let mut table = DeltaTable::try_from_url(url).await.unwrap();
        for batch in batches {
            let by: Vec<String> = by.iter().map(|name| (*name).to_owned()).collect();
            table = table
                .write([batch])
                .with_partition_columns(by)
                .with_save_mode(SaveMode::Append)
                .await
                .unwrap();
        }
        let mut info = info(full_name, "MANAGED");
        info.table_id = id;
        info.data_source_format = Some("DELTA".to_owned());
        info.storage_location = Some(storage.url.clone());
        let found = ResolvedTable { info, storage: Some(storage) };
        self.tables.lock().insert(full_name.to_owned(), found);
    }

    fn route(&self, method: &Method, path: &str, body: &Value) -> (u16, Value) {
        let call = match path {
            "/internal/v1/resolve" => format!("{method} {path} via={}", body["via"]),
            _ => format!("{method} {path}"),
        };
        self.calls.lock().push(call);
        if let Some(answer) = self.answer.lock().as_ref().and_then(|with| with(method, path, body))
        {
            return answer;
        }
        let decoded = || body.clone();
        match (method.as_str(), path) {
            ("POST", "/internal/v1/resolve") => {
                let request: ResolveRequest = serde_json::from_value(decoded()).unwrap();
                let tables = request.names.iter().map(|name| self.resolve(name)).collect();
                (200, serde_json::to_value(ResolveResponse { tables }).unwrap())
            }
            ("POST", "/internal/v1/resolve-path") => {
                let request: ResolvePathRequest = serde_json::from_value(decoded()).unwrap();
                let path = request.path.trim_start_matches("file://");
                if !std::path::Path::new(path).starts_with(&self.root) {
                    return refuse(403, "PERMISSION_DENIED", "this path is not yours");
                }
                let url = format!("file://{path}");
                (200, serde_json::to_value(Storage { url, options: BTreeMap::new() }).unwrap())
            }
            ("POST", "/internal/v1/staging-tables") => {
                let request: StagingTableRequest = serde_json::from_value(decoded()).unwrap();
                let (table_id, mut storage) = self.new_dir();
                if let Some(location) = request.location {
                    storage.url = location;
                }
                self.staging.lock().insert(table_id.clone(), storage.clone());
                (200, serde_json::to_value(StagingTable { table_id, storage }).unwrap())
            }
            ("POST", "/internal/v1/tables") => self.publish(body),
            ("PATCH", path) => match path.strip_prefix("/internal/v1/tables/") {
                Some(name) => self.patch(name, body),
                None => refuse(404, "ENDPOINT_NOT_FOUND", path),
            },
            ("DELETE", path) => match path.strip_prefix("/api/2.1/unity-catalog/tables/") {
                Some(name) if self.tables.lock().remove(name).is_some() => (200, json!({})),
                _ => refuse(404, "TABLE_DOES_NOT_EXIST", path),
            },
            ("GET", path) => match path.strip_prefix("/api/2.1/unity-catalog/tables/") {
                Some(name) => match self.table(name) {
                    Some(table) => (200, serde_json::to_value(table.info).unwrap()),
                    None => refuse(404, "TABLE_DOES_NOT_EXIST", name),
                },
                None => refuse(404, "ENDPOINT_NOT_FOUND", path),
            },
            _ => refuse(404, "ENDPOINT_NOT_FOUND", path),
        }
    }

    fn resolve(&self, name: &[String; 3]) -> Resolved {
        let full_name = name.join(".");
        let error =
            |code: &str, message: String| Resolved::Error { error_code: code.into(), message };
        if self.denied.lock().contains(&full_name) {
            let text = format!("User does not have SELECT on {full_name}");
            return error("PERMISSION_DENIED", text);
        }
        match self.table(&full_name) {
            Some(table) => Resolved::Table(Box::new(table)),
            None => error("TABLE_DOES_NOT_EXIST", format!("{full_name} does not exist")),
        }
    }

    fn publish(&self, body: &Value) -> (u16, Value) {
        let request: PublishTable = serde_json::from_value(body.clone()).unwrap();
        let full_name =
            format!("{}.{}.{}", request.catalog_name, request.schema_name, request.name);
        let mut tables = self.tables.lock();
        let is_new = request.mode == biplane_api::internal::PublishMode::Create;
        if is_new && tables.contains_key(&full_name) {
            return refuse(409, "TABLE_ALREADY_EXISTS", &full_name);
        }
        let id = request.staging_table_id.clone();
        let storage = id.as_ref().and_then(|id| self.staging.lock().remove(id));
        let mut info = info(&full_name, &request.table_type);
        info.table_id = id.unwrap_or_else(|| format!("view-{full_name}"));
        info.data_source_format = request.data_source_format;
        info.columns = request.columns;
        info.storage_location = storage.as_ref().map(|storage| storage.url.clone());
        info.view_definition = request.view_definition;
        info.comment = request.comment;
        info.properties = request.properties;
        tables.insert(full_name, ResolvedTable { info: info.clone(), storage });
        (200, serde_json::to_value(info).unwrap())
    }

    fn patch(&self, full_name: &str, body: &Value) -> (u16, Value) {
        let patch: PatchTable = serde_json::from_value(body.clone()).unwrap();
        let mut tables = self.tables.lock();
        let Some(mut table) = tables.remove(full_name) else {
            return refuse(404, "TABLE_DOES_NOT_EXIST", full_name);
        };
        let info = &mut table.info;
        info.columns = patch.columns.unwrap_or(std::mem::take(&mut info.columns));
        info.comment = patch.comment.or(info.comment.take());
        info.properties = patch.properties.unwrap_or(std::mem::take(&mut info.properties));
        info.view_definition = patch.view_definition.or(info.view_definition.take());
        if let Some(name) = patch.new_name {
            info.full_name = format!("{}.{}.{name}", info.catalog_name, info.schema_name);
            info.name = name;
        }
        let answer = serde_json::to_value(&*info).unwrap();
        tables.insert(info.full_name.clone(), table);
        (200, answer)
    }
}

fn refuse(status: u16, code: &str, message: &str) -> (u16, Value) {
    (status, json!({"error_code": code, "message": message}))
}

fn info(full_name: &str, table_type: &str) -> TableInfo {
    let mut parts = full_name.split('.').map(str::to_owned);
    TableInfo {
        catalog_name: parts.next().unwrap_or_default(),
        schema_name: parts.next().unwrap_or_default(),
        name: parts.next().unwrap_or_default(),
        full_name: full_name.to_owned(),
        table_id: format!("id-{full_name}"),
        table_type: table_type.to_owned(),
        owner: "owner@example.com".to_owned(),
        columns: Vec::<ColumnInfo>::new(),
        ..TableInfo::default()
    }
}

/// Engine and control plane; both end with it.
pub struct Harness {
    pub fake: Arc<Fake>,
    pub client: EngineClient<Channel>,
    pub engine: tokio::task::JoinHandle<Result<(), biplane_engine::EngineError>>,
    _dir: TempDir,
}

/// What a statement left.
#[derive(Debug, Default)]
pub struct Ran {
    pub columns: Vec<v1::Column>,
    pub chunks: Vec<v1::Chunk>,
    pub schema: Bytes,
    pub finished: v1::Finished,
    pub spans: Vec<v1::Span>,
}

impl Ran {
    /// Of a JSON_ARRAY result.
    pub fn rows(&self) -> Vec<Vec<Option<String>>> {
        let all = self.chunks.iter().flat_map(|chunk| {
            serde_json::from_slice::<Vec<Vec<Option<String>>>>(&chunk.data).unwrap()
        });
        all.collect()
    }

    /// Of an ARROW result without compression.
    pub fn batches(&self) -> Vec<RecordBatch> {
        let mut stream = self.schema.to_vec();
        self.chunks.iter().for_each(|chunk| stream.extend_from_slice(&chunk.data));
        StreamReader::try_new(stream.as_slice(), None).unwrap().map(Result::unwrap).collect()
    }

    pub fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|column| column.name.as_str()).collect()
    }

    pub fn types(&self) -> Vec<&str> {
        self.columns.iter().map(|column| column.type_text.as_str()).collect()
    }
}

pub fn session() -> v1::Session {
    v1::Session {
        session_id: "session-1".into(),
        catalog: "main".into(),
        schema: "default".into(),
        user_name: "ada@example.com".into(),
        groups: vec!["analysts".into()],
        metastore_id: "metastore-1".into(),
        ..v1::Session::default()
    }
}

pub fn ask(sql: &str) -> v1::ExecuteRequest {
    v1::ExecuteRequest {
        statement_id: "statement-1".into(),
        statement: sql.into(),
        session: Some(session()),
        token: "token-1".into(),
        format: v1::ResultFormat::JsonArray.into(),
        ..v1::ExecuteRequest::default()
    }
}

impl Harness {
    pub async fn start() -> Self {
        Self::start_with(512 << 20).await
    }

    pub async fn start_with(memory_bytes: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let fake = Arc::new(Fake { root: dir.path().join("data"), ..Fake::default() });
        std::fs::create_dir_all(&fake.root).unwrap();
        let door = dir.path().join("door.sock");
        let listener = UnixListener::bind(&door).unwrap();
        let (serving, mut served) = mpsc::channel(1);
        tokio::spawn(accept(listener, fake.clone(), serving));
        let mut config = EngineConfig::new(&door);
        config.spill_dir = dir.path().join("spill");
        config.memory_limit_bytes = memory_bytes;
        config.cpu_threads = 2;
        let engine = tokio::spawn(biplane_engine::run(config));
        let channel = served.recv().await.unwrap();
        let client =
            EngineClient::new(channel).max_decoding_message_size(channel::MESSAGE_BYTES_MAX);
        Self { fake, client, engine, _dir: dir }
    }

    pub async fn run(
        &self,
        request: impl tonic::IntoRequest<v1::ExecuteRequest>,
    ) -> Result<Ran, v1::Failed> {
        let mut events = self.client.clone().execute(request).await.unwrap().into_inner();
        let mut ran = Ran::default();
        while let Some(event) = events.next().await {
            match event.unwrap().event.unwrap() {
                Event::Schema(schema) => {
                    ran.columns = schema.columns;
                    ran.schema = schema.arrow_schema;
                }
                Event::Chunk(chunk) => ran.chunks.push(chunk),
                Event::Progress(_) => {}
                Event::Spans(spans) => ran.spans = spans.spans,
                Event::Finished(finished) => {
                    ran.finished = finished;
                    return Ok(ran);
                }
                Event::Failed(failed) => return Err(failed),
            }
        }
        panic!("the statement ended without a last event");
    }

    pub async fn sql(&self, sql: &str) -> Ran {
        match self.run(ask(sql)).await {
            Ok(ran) => ran,
            Err(failed) => panic!("{sql}: {}", failed.message),
        }
    }

    /// Rows of JSON_ARRAY, joined: `["1|x", "2|null"]`.
    pub async fn rows(&self, sql: &str) -> Vec<String> {
        let rows = self.sql(sql).await.rows();
        let cell = |cell: Option<String>| cell.unwrap_or_else(|| "null".to_owned());
        rows.into_iter()
            .map(|row| row.into_iter().map(cell).collect::<Vec<_>>().join("|"))
            .collect()
    }

    pub async fn fails(&self, sql: &str) -> v1::Failed {
        match self.run(ask(sql)).await {
            Ok(_) => panic!("{sql}: did not fail"),
            Err(failed) => failed,
        }
    }
}

async fn accept(listener: UnixListener, fake: Arc<Fake>, serving: mpsc::Sender<Channel>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        match DoorRequest::read(&mut stream).await.unwrap() {
            DoorRequest::Serve => {
                let _ = serving.send(channel::over(stream).await.unwrap()).await;
            }
            DoorRequest::Call => {
                let fake = fake.clone();
                let service = service_fn(move |request| handle(fake.clone(), request));
                tokio::spawn(
                    hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
            other => panic!("an engine takes no {other:?}"),
        }
    }
}

async fn handle(
    fake: Arc<Fake>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let token = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    let is_known = token == Some("Bearer token-1");
    let method = request.method().clone();
    let path = request.uri().path_and_query().unwrap().as_str().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let (status, answer) = match is_known {
        true => fake.route(&method, &path, &body),
        false => refuse(401, "UNAUTHENTICATED", "who are you?"),
    };
    let mut response = Response::new(Full::from(answer.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    Ok(response)
}
