//! The gRPC service `Engine`, on a connection that the engine dialled itself.

use biplane_proto::preface::{DoorRequest, PrefaceError};
use biplane_proto::v1;
use std::sync::Arc;
use tokio::net::UnixStream;

use crate::config::EngineConfig;
use crate::error::SqlError;
use crate::runtime::Engine;

/// Why an engine ends.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("the relay door cannot be reached")]
    Door(#[from] PrefaceError),
    #[error("the engine cannot start: {0}")]
    Start(#[from] SqlError),
    #[error("the runtime cannot start: {0}")]
    Runtime(#[source] std::io::Error),
}

/// Serves until the door is gone.
pub async fn run(config: EngineConfig) -> Result<(), EngineError> {
    let mut stream = UnixStream::connect(&config.door).await.map_err(PrefaceError::from)?;
    DoorRequest::Serve.write(&mut stream).await?;
    let engine = Arc::new(Engine::new(config)?);
    let _ = (engine, v1::StatsRequest {});
    Ok(())
}

/// Makes the runtime too. Its threads have deep stacks: plans are walked recursively.
pub fn run_blocking(config: EngineConfig) -> Result<(), EngineError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().thread_stack_size(STACK_BYTES);
    if config.cpu_threads > 0 {
        builder.worker_threads(config.cpu_threads);
    }
    builder.build().map_err(EngineError::Runtime)?.block_on(run(config))
}

const STACK_BYTES: usize = 64 << 20;
