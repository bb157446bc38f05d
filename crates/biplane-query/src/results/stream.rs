//! Chunks put into the form a client reads: an Arrow chunk becomes a whole stream by putting the schema
//! in front and the end mark behind it. No row is touched, nothing is decompressed, nothing copied.

use super::{Chunk, Format, Place};
use biplane_platform::{ApiError, Result};
use biplane_proto::lz4;
use biplane_proto::v1::ResultSchema;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use std::io::{self, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::LazyLock;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

/// End of an Arrow stream: continuation mark, no metadata.
const END_OF_STREAM: &[u8] = &[0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];
static LZ4_END: LazyLock<Bytes> =
    LazyLock::new(|| lz4::compress(&[END_OF_STREAM]).unwrap_or_default().into());
const READ_BYTES: usize = 256 << 10;

/// A piece of a body.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Memory(Bytes),
    File { path: PathBuf, from: u64, bytes: u64 },
}

impl Piece {
    fn of(chunk: &Chunk) -> io::Result<Self> {
        match &chunk.place {
            Place::Memory(bytes, _) => Ok(Piece::Memory(bytes.clone())),
            Place::File(path, _) => {
                Ok(Piece::File { path: path.clone(), from: 0, bytes: chunk.meta.bytes })
            }
            Place::Gone => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub fn len(&self) -> u64 {
        match self {
            Piece::Memory(bytes) => bytes.len() as u64,
            Piece::File { bytes, .. } => *bytes,
        }
    }

    /// `bytes` of it behind the first `skip`, which are there.
    fn slice(self, skip: u64, bytes: u64) -> Self {
        match self {
            Piece::Memory(all) => {
                let from = usize::try_from(skip).unwrap_or(usize::MAX).min(all.len());
                let count = usize::try_from(bytes).unwrap_or(usize::MAX).min(all.len() - from);
                Piece::Memory(all.slice(from..from + count))
            }
            Piece::File { path, from, .. } => Piece::File { path, from: from + skip, bytes },
        }
    }

    /// Without its first and last bytes; None when it is not that long.
    fn inner(self, first: usize, last: usize) -> Option<Self> {
        let left = self.len().checked_sub((first + last) as u64)?;
        Some(match self {
            Piece::Memory(bytes) => Piece::Memory(bytes.slice(first..bytes.len() - last)),
            Piece::File { path, from, .. } => {
                Piece::File { path, from: from + first as u64, bytes: left }
            }
        })
    }
}

/// The chunks as one body of `format`. JSON chunks become one array.
pub(crate) fn pieces(
    format: Format,
    schema: &ResultSchema,
    chunks: &[Chunk],
) -> Result<Vec<Piece>> {
    let found = chunks.iter().map(Piece::of).collect::<io::Result<Vec<_>>>();
    let found = found.map_err(ApiError::internal)?;
    let text = |text: &'static str| Piece::Memory(Bytes::from_static(text.as_bytes()));
    match format {
        Format::Csv => Ok(found),
        Format::JsonArray if found.len() == 1 => Ok(found),
        Format::JsonArray => {
            let mut all = vec![text("[")];
            for piece in found {
                let inner = piece
                    .inner(1, 1)
                    .ok_or_else(|| ApiError::internal("a JSON chunk is too short"))?;
                if inner.len() == 0 {
                    continue;
                }
                if all.len() > 1 {
                    all.push(text(","));
                }
                all.push(inner);
            }
            all.push(text("]"));
            Ok(all)
        }
        Format::Arrow { lz4_frame: false, .. } => {
            let schema = schema.arrow_schema.clone();
            let end = Piece::Memory(Bytes::from_static(END_OF_STREAM));
            Ok([Piece::Memory(schema)].into_iter().chain(found).chain([end]).collect())
        }
        Format::Arrow { lz4_frame: true, .. } => lz4_pieces(schema, found),
    }
}

/// One frame: the header of the first, the blocks of all, one end mark.
fn lz4_pieces(schema: &ResultSchema, chunks: Vec<Piece>) -> Result<Vec<Piece>> {
    let short = || ApiError::internal("an LZ4 chunk is too short");
    let head = lz4::compress(&[&schema.arrow_schema]).map_err(ApiError::internal)?;
    let head = Piece::Memory(head.into()).inner(0, lz4::END_BYTES).ok_or_else(short)?;
    let tail = Piece::Memory(LZ4_END.clone()).inner(lz4::HEADER_BYTES, 0).ok_or_else(short)?;
    let mut all = vec![head];
    for piece in chunks {
        if let Piece::Memory(bytes) = &piece {
            lz4::check(bytes).map_err(ApiError::internal)?;
        }
        all.push(piece.inner(lz4::HEADER_BYTES, lz4::END_BYTES).ok_or_else(short)?);
    }
    all.push(tail);
    Ok(all)
}

/// The bytes from `part.start` to before `part.end`.
pub(crate) fn cut(pieces: Vec<Piece>, part: Range<u64>) -> Vec<Piece> {
    let mut at = 0;
    let mut found = Vec::new();
    for piece in pieces {
        let (start, end) = (at, at + piece.len());
        at = end;
        if end > part.start && start < part.end {
            let from = part.start.max(start) - start;
            found.push(piece.slice(from, part.end.min(end) - start - from));
        }
    }
    found
}

pub(crate) fn total(pieces: &[Piece]) -> u64 {
    pieces.iter().map(Piece::len).sum()
}

pub(crate) fn stream(pieces: Vec<Piece>) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    futures::stream::iter(pieces).flat_map(|piece| match piece {
        Piece::Memory(bytes) => futures::stream::once(async { Ok(bytes) }).boxed(),
        Piece::File { path, from, bytes } => futures::stream::once(open(path, from, bytes))
            .flat_map(|opened| match opened {
                Ok(reader) => ReaderStream::with_capacity(reader, READ_BYTES).boxed(),
                Err(error) => futures::stream::once(async { Err(error) }).boxed(),
            })
            .boxed(),
    })
}

async fn open(
    path: PathBuf,
    from: u64,
    bytes: u64,
) -> io::Result<tokio::io::Take<tokio::fs::File>> {
    let mut file = tokio::fs::File::open(path).await?;
    if from > 0 {
        file.seek(SeekFrom::Start(from)).await?;
    }
    Ok(file.take(bytes))
}

/// All of it in one buffer, for small results.
pub(crate) async fn whole(pieces: Vec<Piece>) -> io::Result<Bytes> {
    if let [Piece::Memory(bytes)] = pieces.as_slice() {
        return Ok(bytes.clone());
    }
    let mut all = Vec::with_capacity(usize::try_from(total(&pieces)).unwrap_or(0));
    for piece in pieces {
        match piece {
            Piece::Memory(bytes) => all.extend_from_slice(&bytes),
            Piece::File { path, from, bytes } => {
                open(path, from, bytes).await?.read_to_end(&mut all).await?;
            }
        }
    }
    Ok(all.into())
}
