//! The gRPC service `Engine`, on a connection that the engine dialled itself. The process ends when
//! that connection does: an engine without its relay door is of no use to anyone.

mod execute;
mod kind;
mod memory;
mod profile;
mod rows;

use biplane_proto::preface::{DoorRequest, PrefaceError};
use biplane_proto::v1::engine_server::EngineServer;
use biplane_proto::{channel, v1};
use std::sync::Arc;
use tokio::net::UnixStream;
use tonic::{Request, Response, Status};

use crate::config::EngineConfig;
use crate::error::SqlError;
use crate::runtime::Engine;
use crate::trace::Place;

pub use memory::{Pruned, StatementPool};

/// Plans and trees of SQL are walked recursively. Only touched pages cost memory.
const STACK_BYTES: usize = 64 << 20;

/// Why an engine ends before its time.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("the relay door cannot be reached")]
    Door(#[from] PrefaceError),
    #[error("the engine cannot start: {0}")]
    Start(#[from] SqlError),
    #[error("the connection through the relay door failed")]
    Connection(#[from] hyper::Error),
    #[error("the runtime cannot start")]
    Runtime(#[source] std::io::Error),
}

/// Serves until the door is gone.
///
/// The connection has a thread of its own: a statement that computes for long on every other thread
/// must not keep the control plane's pings waiting, which would pass for a dead engine.
pub async fn run(config: EngineConfig) -> Result<(), EngineError> {
    let engine = Arc::new(Engine::new(config)?);
    let spill_dir = engine.config.spill_dir.clone();
    let work = tokio::runtime::Handle::current();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(EngineError::Runtime)?;
    let (ended, end) = tokio::sync::oneshot::channel();
    let door = std::thread::Builder::new().name("door".into());
    door.spawn(move || {
        let _ = ended.send(runtime.block_on(serve(Service { engine, work })));
    })
    .map_err(EngineError::Runtime)?;
    let served = end.await.unwrap_or(Ok(()));
    let _ = std::fs::remove_dir_all(&spill_dir);
    served
}

async fn serve(service: Service) -> Result<(), EngineError> {
    let mut stream =
        UnixStream::connect(&service.engine.config.door).await.map_err(PrefaceError::from)?;
    DoorRequest::Serve.write(&mut stream).await?;
    let service = EngineServer::new(service)
        .max_decoding_message_size(channel::MESSAGE_BYTES_MAX)
        .max_encoding_message_size(channel::MESSAGE_BYTES_MAX);
    match channel::serve(stream, service).await {
        Err(error) if !is_ordinary_end(&error) => Err(error.into()),
        _ => Ok(()),
    }
}

/// The peer went away without a word: that is how a node ends an engine.
fn is_ordinary_end(error: &hyper::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected, UnexpectedEof};
    if error.is_closed() || error.is_incomplete_message() || error.is_canceled() {
        return true;
    }
    let sources = std::iter::successors(std::error::Error::source(error), |error| error.source());
    for source in sources {
        let kind = source.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let text = source.to_string();
        if matches!(kind, Some(BrokenPipe | ConnectionReset | NotConnected | UnexpectedEof))
            || ["reset", "broken pipe", "keep-alive"].iter().any(|end| text.contains(end))
        {
            return true;
        }
    }
    false
}

/// Makes the runtime too.
pub fn run_blocking(config: EngineConfig) -> Result<(), EngineError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    // What computes keeps its thread for milliseconds. A busy thread looks at sockets after so many of its
    // tasks: with the usual 61 of them, others' answers from storage and catalog would lie for seconds.
    builder.enable_all().thread_stack_size(STACK_BYTES).event_interval(1);
    if config.cpu_threads > 0 {
        builder.worker_threads(config.cpu_threads);
    }
    builder.build().map_err(EngineError::Runtime)?.block_on(run(config))
}

struct Service {
    engine: Arc<Engine>,
    /// Where statements run.
    work: tokio::runtime::Handle,
}

#[tonic::async_trait]
impl v1::engine_server::Engine for Service {
    type ExecuteStream = execute::Told;

    async fn execute(
        &self,
        request: Request<v1::ExecuteRequest>,
    ) -> Result<Response<Self::ExecuteStream>, Status> {
        let traceparent = request.metadata().get("traceparent");
        let place = traceparent.and_then(|text| Place::of(text.to_str().ok()?));
        let events = execute::start(self.engine.clone(), &self.work, request.into_inner(), place);
        Ok(Response::new(events))
    }

    async fn close_session(
        &self,
        request: Request<v1::CloseSessionRequest>,
    ) -> Result<Response<v1::CloseSessionResponse>, Status> {
        self.engine.sessions.close(&request.into_inner().session_id);
        Ok(Response::new(v1::CloseSessionResponse {}))
    }

    async fn stats(
        &self,
        _request: Request<v1::StatsRequest>,
    ) -> Result<Response<v1::StatsResponse>, Status> {
        Ok(Response::new(v1::StatsResponse {
            memory_used_bytes: self.engine.memory.reserved() as u64,
            memory_limit_bytes: self.engine.config.memory_limit_bytes,
            spilled_bytes: self.engine.spilled_bytes(),
            statements_running: self.engine.running.load(std::sync::atomic::Ordering::Relaxed),
        }))
    }
}
