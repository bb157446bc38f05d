//! An engine that does what the text of the statement says, one word a step:
//!
//! `rows:N` a chunk of N rows, `big:N` a chunk of N KiB (one row), `many:N` N chunks of 1 MiB as fast as
//! they are taken, `at:N` progress of N hundredths, `hold` until the test lets go, `hang`, `fail`, `die` the connection ends, `cut` the
//! stream ends without its last event, `status` a gRPC error, `panic` a panic, `use:c` a session change,
//! `ddl` no columns, `modified:N`. Unknown words do nothing.

use biplane_proto::v1::engine_server::{Engine, EngineServer};
use biplane_proto::v1::execute_event::Event;
use biplane_proto::v1::*;
use biplane_proto::{channel, lz4};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

#[derive(Clone, Default)]
pub struct FakeEngine {
    pub seen: Arc<Mutex<Vec<ExecuteRequest>>>,
    pub closed_sessions: Arc<Mutex<Vec<String>>>,
    pub chunks_sent: Arc<AtomicU64>,
    /// Streams whose other end was dropped.
    pub dropped: Arc<AtomicUsize>,
    /// `hold` waits for a permit.
    pub permits: Arc<Held>,
    /// Ends the connection.
    pub die: CancellationToken,
}

pub struct Held(pub Semaphore);

impl Default for Held {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

type Sender = mpsc::Sender<Result<ExecuteEvent, Status>>;

impl FakeEngine {
    /// The client's end of a connection to it.
    pub async fn connect(&self) -> tonic::transport::Channel {
        let (here, there) = tokio::io::duplex(1 << 20);
        let server = self.clone();
        let die = self.die.clone();
        tokio::spawn(async move {
            let service =
                EngineServer::new(server).max_encoding_message_size(channel::MESSAGE_BYTES_MAX);
            tokio::select! {
                _ = channel::serve(there, service) => {}
                () = die.cancelled() => {}
            }
        });
        channel::over(here).await.unwrap()
    }

    async fn play(self, request: ExecuteRequest, sender: Sender) -> Option<()> {
        let send = async |event| sender.send(Ok(ExecuteEvent { event: Some(event) })).await.ok();
        let text = request.statement.clone();
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut finished = Finished {
            statement_type: "SELECT".into(),
            profile_json: r#"{"name":"Scan","children":[]}"#.into(),
            metrics: Some(Metrics {
                compile_ms: 1,
                execute_ms: 2,
                rows_read: 7,
                ..Default::default()
            }),
            ..Default::default()
        };
        send(Event::Progress(Progress { rows_read: 5, ..Default::default() })).await?;
        send(Event::Schema(schema(&request, words.contains(&"ddl")))).await?;
        let mut row = 0;
        for word in words {
            let (word, number) = word.split_once(':').unwrap_or((word, "0"));
            let count: u64 = number.parse().unwrap_or(0);
            match word {
                "rows" => {
                    self.chunks_sent.fetch_add(1, Ordering::SeqCst);
                    send(Event::Chunk(chunk(&request, row, count, 0))).await?;
                    row += count;
                }
                "big" => {
                    send(Event::Chunk(chunk(&request, row, 1, count << 10))).await?;
                    row += 1;
                }
                "many" => {
                    for _ in 0..count {
                        send(Event::Chunk(chunk(&request, row, 1, 1 << 20))).await?;
                        self.chunks_sent.fetch_add(1, Ordering::SeqCst);
                        row += 1;
                    }
                }
                // Hundredths of what there is to read.
                "at" => {
                    let progress = Progress {
                        fraction: count as f32 / 100.0,
                        rows_read: count,
                        bytes_read: count * 10,
                        ..Default::default()
                    };
                    send(Event::Progress(progress)).await?;
                }
                "hold" => self.permits.0.acquire().await.ok()?.forget(),
                "hang" => {
                    sender.closed().await;
                    self.dropped.fetch_add(1, Ordering::SeqCst);
                    return None;
                }
                "fail" => return send(Event::Failed(failed())).await,
                "die" => {
                    self.die.cancel();
                    return None;
                }
                "cut" => return None,
                "status" => {
                    return sender.send(Err(Status::invalid_argument("secret text"))).await.ok();
                }
                "use" => {
                    finished.session_change =
                        Some(SessionChange { catalog: Some(number.into()), ..Default::default() });
                }
                "modified" => finished.num_modified_rows = Some(count as i64),
                "truncated" => finished.truncated = true,
                _ => {}
            }
        }
        send(Event::Finished(finished)).await
    }
}

#[tonic::async_trait]
impl Engine for FakeEngine {
    type ExecuteStream = ReceiverStream<Result<ExecuteEvent, Status>>;

    async fn execute(
        &self,
        request: Request<ExecuteRequest>,
    ) -> Result<Response<Self::ExecuteStream>, Status> {
        let request = request.into_inner();
        self.seen.lock().push(request.clone());
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(self.clone().play(request, sender));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn close_session(
        &self,
        request: Request<CloseSessionRequest>,
    ) -> Result<Response<CloseSessionResponse>, Status> {
        self.closed_sessions.lock().push(request.into_inner().session_id);
        Ok(Response::new(CloseSessionResponse {}))
    }

    async fn stats(&self, _: Request<StatsRequest>) -> Result<Response<StatsResponse>, Status> {
        Ok(Response::new(StatsResponse::default()))
    }
}

pub const SCHEMA: &[u8] = b"<schema>";

fn schema(request: &ExecuteRequest, ddl: bool) -> ResultSchema {
    let decimal = Column {
        name: "d".into(),
        type_name: "DECIMAL".into(),
        type_text: "DECIMAL(10,2)".into(),
        precision: 10,
        scale: 2,
        nullable: true,
        ..Default::default()
    };
    let arrow = request.format() == ResultFormat::Arrow;
    ResultSchema {
        columns: if ddl { Vec::new() } else { vec![decimal] },
        arrow_schema: if arrow { SCHEMA.into() } else { Default::default() },
    }
}

/// Rows are numbers from `first`; `padding` bytes make it large.
fn chunk(request: &ExecuteRequest, first: u64, rows: u64, padding: u64) -> Chunk {
    let numbers = first..first + rows;
    let pad = "x".repeat(padding as usize);
    let data = match request.format() {
        ResultFormat::JsonArray => {
            let rows: Vec<String> = numbers.map(|n| format!("[\"{n}{pad}\"]")).collect();
            format!("[{}]", rows.join(",")).into_bytes()
        }
        ResultFormat::Csv => {
            let head = if first == 0 { "d\r\n" } else { "" };
            let rows: String = numbers.map(|n| format!("{n}{pad}\r\n")).collect();
            format!("{head}{rows}").into_bytes()
        }
        ResultFormat::Arrow => {
            let batch = format!("<{}+{rows}{pad}>", first).into_bytes();
            match request.arrow.unwrap_or_default().lz4_frame {
                true => lz4::compress(&[&batch]).unwrap(),
                false => batch,
            }
        }
    };
    Chunk { uncompressed_bytes: data.len() as u64, data: data.into(), rows, more: false }
}

fn failed() -> Failed {
    Failed {
        error_class: "TABLE_OR_VIEW_NOT_FOUND".into(),
        sql_state: "42P01".into(),
        message: "[TABLE_OR_VIEW_NOT_FOUND] The table t is not there. SQLSTATE: 42P01".into(),
        error_code: "NOT_FOUND".into(),
        ..Default::default()
    }
}
