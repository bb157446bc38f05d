//! Results between engine and client: a bounded amount in memory, a bounded amount in files.
//!
//! A chunk is what the engine sent, never parsed. `results/<statement>/<index>` holds a chunk; a result
//! that lies in files as a whole also has a `manifest` and outlives the server.

pub(crate) mod files;
pub(crate) mod http;
pub(crate) mod links;
mod range;
pub(crate) mod spool;
pub(crate) mod stream;

pub use links::Links;
pub use spool::Spool;

use crate::statements::Format;
use biplane_platform::{ApiError, Result};
use biplane_proto::v1::ResultSchema;
use bytes::Bytes;
use spool::{DiskShare, MemoryShare};
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, Clone)]
pub(crate) enum Place {
    Memory(Bytes, #[expect(dead_code, reason = "given back when dropped")] Arc<MemoryShare>),
    File(PathBuf, Arc<DiskShare>),
    /// Consumed by the only reader there is, or given back.
    Gone,
}

/// A chunk of a result, as the statement keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub meta: ChunkMeta,
    pub place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ChunkMeta {
    /// Of the first row, in the whole result.
    pub row_offset: u64,
    pub rows: u64,
    /// As it lies there: compressed if LZ4 was asked for.
    pub bytes: u64,
    pub uncompressed_bytes: u64,
}

/// A chunk and where it lies.
#[derive(Debug, Clone)]
pub struct Chunk {
    pub index: usize,
    pub meta: ChunkMeta,
    pub(crate) place: Place,
}

impl Chunk {
    /// The chunk as the engine made it: record batches without schema (one LZ4 frame if asked for), or
    /// JSON or CSV text.
    pub async fn bytes(&self) -> std::io::Result<Bytes> {
        match &self.place {
            Place::Memory(bytes, _) => Ok(bytes.clone()),
            Place::File(path, _) => tokio::fs::read(path).await.map(Bytes::from),
            Place::Gone => Err(std::io::ErrorKind::NotFound.into()),
        }
    }
}

/// Chunks of one result as one body in the statement's format: an Arrow stream with its schema and end
/// mark (LZ4-framed if the chunks are), a JSON array, CSV.
pub async fn body(format: Format, schema: &ResultSchema, chunks: &[Chunk]) -> Result<Bytes> {
    stream::whole(stream::pieces(format, schema, chunks)?).await.map_err(ApiError::internal)
}
