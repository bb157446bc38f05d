//! A statement in memory: its state, its result so far, and who waits for either.

use super::{Ended, Info, State};
use crate::results::{Chunk, ChunkMeta, Place, Stored};
use biplane_proto::v1::{Progress, ResultSchema};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

#[derive(Debug)]
pub struct Statement {
    pub info: Info,
    live: Mutex<Live>,
    changed: Notify,
    cancel: CancellationToken,
}

#[derive(Debug)]
struct Live {
    state: State,
    schema: Option<Arc<ResultSchema>>,
    chunks: Vec<Stored>,
    rows: u64,
    bytes: u64,
    first_is_full: bool,
    /// The last chunk was full; one that is not is the end of the rows.
    more: bool,
    memory_bytes: u64,
    /// Some chunk is in a file; so are all that follow.
    spilled: bool,
    progress: Progress,
    ended: Option<Arc<Ended>>,
    recorded: bool,
    /// A client has seen something of the result before its end: it cannot be made anew.
    delivered: bool,
    closed: bool,
}

/// How a statement stands at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub state: State,
    /// Known before the first chunk. No columns = no result set.
    pub schema: Option<Arc<ResultSchema>>,
    /// Known so far; final when `ended` is there.
    pub chunks: usize,
    pub rows: u64,
    pub bytes: u64,
    /// The first chunk was full: whether more follow or not, the result is a large one.
    pub first_is_full: bool,
    /// The last chunk was full and the statement goes on: more rows are probably being made.
    pub more: bool,
    pub progress: Progress,
    pub ended: Option<Arc<Ended>>,
}

/// What is known of a chunk that comes in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct New {
    pub rows: u64,
    pub bytes: u64,
    pub uncompressed_bytes: u64,
    pub more: bool,
}

impl Snapshot {
    /// All there will be is there.
    pub fn complete(&self) -> bool {
        self.state.is_final()
    }
}

impl Statement {
    pub(crate) fn new(info: Info, cancel: CancellationToken) -> Self {
        let live = Live {
            state: State::Pending,
            schema: None,
            chunks: Vec::new(),
            rows: 0,
            bytes: 0,
            first_is_full: false,
            more: false,
            memory_bytes: 0,
            spilled: false,
            progress: Progress::default(),
            ended: None,
            recorded: false,
            delivered: false,
            closed: false,
        };
        Self { info, live: Mutex::new(live), changed: Notify::new(), cancel }
    }

    /// One that ended before this server began, or of which nothing but the row is left.
    pub(crate) fn past(
        info: Info,
        state: State,
        schema: Option<ResultSchema>,
        chunks: Vec<Stored>,
        ended: Option<Ended>,
    ) -> Self {
        let statement = Self::new(info, CancellationToken::new());
        {
            let mut live = statement.live.lock();
            live.state = state;
            live.closed = state == State::Closed;
            live.schema = schema.map(Arc::new);
            live.rows = chunks.iter().map(|chunk| chunk.meta.rows).sum();
            live.bytes = chunks.iter().map(|chunk| chunk.meta.bytes).sum();
            live.chunks = chunks;
            live.ended = ended.map(Arc::new);
            live.spilled = true;
            live.recorded = true;
        }
        statement
    }

    pub fn snapshot(&self) -> Snapshot {
        let live = self.live.lock();
        Snapshot {
            state: if live.closed { State::Closed } else { live.state },
            schema: live.schema.clone(),
            chunks: live.chunks.len(),
            rows: live.rows,
            bytes: live.bytes,
            first_is_full: live.first_is_full,
            more: live.more && live.ended.is_none(),
            progress: live.progress,
            ended: live.ended.clone(),
        }
    }

    /// Returns when `ready` holds or it has ended, at the latest at the deadline. No polling: every
    /// change wakes it. Before its id is told to anybody use `StatementService::wait`.
    pub async fn wait(&self, deadline: Instant, ready: impl Fn(&Snapshot) -> bool) -> Snapshot {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let snapshot = self.snapshot();
            if ready(&snapshot) || snapshot.complete() {
                return snapshot;
            }
            if tokio::time::timeout_at(deadline, changed).await.is_err() {
                return self.snapshot();
            }
        }
    }

    /// A chunk that is there already; None when it is not, or is gone.
    pub fn chunk(&self, index: usize) -> Option<Chunk> {
        let mut live = self.live.lock();
        if live.ended.is_none() {
            live.delivered = true;
        }
        let stored = live.chunks.get(index)?;
        let gone = matches!(stored.place, Place::Gone);
        (!gone).then(|| Chunk { index, meta: stored.meta, place: stored.place.clone() })
    }

    /// Sizes and offsets of all chunks so far.
    pub fn chunk_metas(&self) -> Vec<ChunkMeta> {
        self.live.lock().chunks.iter().map(|chunk| chunk.meta).collect()
    }

    pub fn chunk_meta(&self, index: usize) -> Option<ChunkMeta> {
        self.live.lock().chunks.get(index).map(|chunk| chunk.meta)
    }

    /// The chunk that holds this row of the result.
    pub fn chunk_of_row(&self, row: u64) -> Option<usize> {
        let live = self.live.lock();
        let after = live.chunks.partition_point(|chunk| chunk.meta.row_offset <= row);
        let index = after.checked_sub(1)?;
        let meta = live.chunks[index].meta;
        (row < meta.row_offset + meta.rows).then_some(index)
    }

    /// The only reader is past these chunks and will not come back: their room is free for what follows.
    pub fn release_before(&self, index: usize) {
        let mut files = Vec::new();
        {
            let mut live = self.live.lock();
            let end = index.min(live.chunks.len());
            let mut memory_bytes = live.memory_bytes;
            for stored in &mut live.chunks[..end] {
                match std::mem::replace(&mut stored.place, Place::Gone) {
                    Place::Memory(..) => {
                        memory_bytes = memory_bytes.saturating_sub(stored.meta.bytes)
                    }
                    // Their share of the disk is given back when they are gone.
                    Place::File(path, share) => files.push((path, share)),
                    Place::Gone => {}
                }
            }
            live.memory_bytes = memory_bytes;
        }
        if !files.is_empty() {
            tokio::task::spawn_blocking(move || {
                for (path, _share) in files {
                    let _ = std::fs::remove_file(path);
                }
            });
        }
    }

    /// Asks for the end; the statement is `Canceled` once it has ended.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    pub(crate) fn cancelled(&self) -> &CancellationToken {
        &self.cancel
    }

    pub(crate) fn running(&self) {
        self.update(|live| {
            if live.ended.is_none() {
                live.state = State::Running;
            }
        });
    }

    pub(crate) fn progress(&self, progress: Progress) {
        // Nobody waits for it.
        self.live.lock().progress = progress;
    }

    pub(crate) fn set_schema(&self, schema: ResultSchema) {
        self.update(|live| live.schema = Some(Arc::new(schema)));
    }

    pub(crate) fn has_schema(&self) -> bool {
        self.live.lock().schema.is_some()
    }

    /// Bytes in all, and those in memory; None in its place when the result goes to files.
    pub(crate) fn usage(&self) -> (u64, Option<u64>) {
        let live = self.live.lock();
        (live.bytes, (!live.spilled).then_some(live.memory_bytes))
    }

    pub(crate) fn push(&self, new: New, place: Place) {
        let New { rows, bytes, uncompressed_bytes, more } = new;
        self.update(|live| {
            let meta = ChunkMeta { row_offset: live.rows, rows, bytes, uncompressed_bytes };
            live.rows += rows;
            live.bytes += bytes;
            live.more = more;
            live.first_is_full |= more && live.chunks.is_empty();
            match place {
                Place::Memory(..) => live.memory_bytes += bytes,
                _ => live.spilled = true,
            }
            // Closed meanwhile: the engine is about to be stopped.
            let place = if live.closed { Place::Gone } else { place };
            live.chunks.push(Stored { meta, place });
        });
    }

    pub(crate) fn chunk_count(&self) -> usize {
        self.live.lock().chunks.len()
    }

    /// Begins again on another engine, unless a client has seen part of the result.
    pub(crate) fn start_over(&self) -> bool {
        let mut live = self.live.lock();
        if live.delivered || live.closed {
            return false;
        }
        live.schema = None;
        live.chunks.clear();
        (live.rows, live.bytes, live.memory_bytes, live.spilled) = (0, 0, 0, false);
        (live.first_is_full, live.more) = (false, false);
        live.progress = Progress::default();
        true
    }

    pub(crate) fn recorded(&self) -> bool {
        self.live.lock().recorded
    }

    pub(crate) fn set_recorded(&self) {
        self.live.lock().recorded = true;
    }

    /// The end, once. A failed statement has no result.
    pub(crate) fn end(&self, ended: Ended) {
        self.update(|live| {
            live.state = ended.state;
            live.recorded = true;
            if ended.state != State::Succeeded {
                live.chunks.clear();
                (live.rows, live.bytes, live.memory_bytes) = (0, 0, 0);
            }
            live.ended = Some(Arc::new(ended));
        });
    }

    /// Gives the result back. False when that was done before.
    pub(crate) fn close(&self) -> bool {
        let mut first = false;
        self.update(|live| {
            first = !std::mem::replace(&mut live.closed, true);
            for stored in &mut live.chunks {
                stored.place = Place::Gone;
            }
            live.memory_bytes = 0;
        });
        self.cancel.cancel();
        first
    }

    /// Drops the result, which is too old; the rest stays.
    pub(crate) fn expire(&self) {
        self.live.lock().chunks.iter_mut().for_each(|stored| stored.place = Place::Gone);
    }

    pub(crate) fn spilled(&self) -> bool {
        self.live.lock().spilled
    }

    pub(crate) fn memory_chunks(&self) -> Vec<(usize, bytes::Bytes)> {
        let live = self.live.lock();
        let in_memory = |(index, stored): (usize, &Stored)| match &stored.place {
            Place::Memory(bytes, _) => Some((index, bytes.clone())),
            _ => None,
        };
        live.chunks.iter().enumerate().filter_map(in_memory).collect()
    }

    /// Puts a file in the place of memory. False when the chunk is not wanted any more.
    pub(crate) fn moved(&self, index: usize, place: Place) -> bool {
        let mut live = self.live.lock();
        live.spilled = true;
        match live.chunks.get_mut(index) {
            Some(stored) if matches!(stored.place, Place::Memory(..)) => {
                let bytes = stored.meta.bytes;
                stored.place = place;
                live.memory_bytes = live.memory_bytes.saturating_sub(bytes);
                true
            }
            _ => false,
        }
    }

    fn update(&self, change: impl FnOnce(&mut Live)) {
        change(&mut self.live.lock());
        self.changed.notify_waiters();
    }
}
