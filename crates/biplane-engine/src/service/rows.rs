//! The rows of a statement on their way out: cut in order by one task, written by several beside it.

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use biplane_proto::v1;
use biplane_proto::v1::execute_event::Event;
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinError, JoinHandle};

use super::execute::{Events, send};
use super::profile;
use crate::encode::{Cut, Cutter, Options};
use crate::error::{SqlError, SqlResult};
use crate::output::QueryStream;

const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// Chunks of one statement that are written at once. More would only wait for the network.
const WRITERS_MAX: usize = 4;

/// What went out.
pub struct Sent {
    pub rows: u64,
    pub truncated: bool,
}

/// Chunks that are being written, in the order of their rows.
struct Writers {
    waiting: VecDeque<Cut>,
    writing: FuturesOrdered<JoinHandle<SqlResult<v1::Chunk>>>,
    writers_max: usize,
}

impl Writers {
    fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            waiting: VecDeque::new(),
            writing: FuturesOrdered::new(),
            writers_max: cores.min(WRITERS_MAX),
        }
    }

    fn push(&mut self, cuts: impl IntoIterator<Item = Cut>) {
        self.waiting.extend(cuts);
        while !self.is_busy() {
            let Some(cut) = self.waiting.pop_front() else { return };
            // Not a task: one that is spawned from here waits until this task rests.
            self.writing.push_back(tokio::task::spawn_blocking(|| cut.encode()));
        }
    }

    /// Taking more rows would only fill memory.
    fn is_busy(&self) -> bool {
        self.writing.len() >= self.writers_max
    }

    /// The next chunk; None when nothing is being written.
    async fn next(&mut self) -> Option<SqlResult<v1::Chunk>> {
        let written = self.writing.next().await?;
        self.push([]);
        let failed = |_: JoinError| SqlError::internal("writing a chunk panicked");
        Some(written.map_err(failed).and_then(|chunk| chunk))
    }
}

/// Streams the rows of a query. Progress is told while the network does not wait for us.
pub async fn stream(query: QueryStream, options: Options, events: &Events) -> SqlResult<Sent> {
    let QueryStream { mut stream, plan, names } = query;
    let mut cutter = Cutter::new(&stream.schema(), names.as_deref(), options);
    send(events, Event::Schema(cutter.schema()?)).await;
    let mut writers = Writers::new();
    let mut ticks = tokio::time::interval_at(
        tokio::time::Instant::now() + PROGRESS_INTERVAL,
        PROGRESS_INTERVAL,
    );
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            Some(chunk) = writers.next() => send(events, Event::Chunk(chunk?)).await,
            _ = ticks.tick() => tell_progress(plan.as_ref(), events),
            batch = stream.next(), if !writers.is_busy() => {
                let Some(batch) = batch else { break };
                writers.push(cutter.push(batch?));
                if cutter.is_full() {
                    break;
                }
            }
        }
    }
    drop(stream);
    rest(cutter, writers, events).await
}

async fn rest(mut cutter: Cutter, mut writers: Writers, events: &Events) -> SqlResult<Sent> {
    match cutter.finish() {
        // Nothing is left to do beside it.
        Some(cut) if writers.writing.is_empty() => {
            send(events, Event::Chunk(cut.encode()?)).await;
        }
        cut => writers.push(cut),
    }
    while let Some(chunk) = writers.next().await {
        send(events, Event::Chunk(chunk?)).await;
    }
    Ok(Sent { rows: cutter.rows, truncated: cutter.truncated })
}

fn tell_progress(plan: Option<&Arc<dyn ExecutionPlan>>, events: &Events) {
    if let Some(plan) = plan {
        let event = Some(Event::Progress(profile::progress(plan)));
        let _ = events.try_send(Ok(v1::ExecuteEvent { event }));
    }
}

/// Sends rows that are there already; none of them for a statement without a result set.
pub async fn batches(
    schema: &Schema,
    batches: Vec<RecordBatch>,
    options: Options,
    events: &Events,
) -> SqlResult<Sent> {
    let mut cutter = Cutter::new(schema, None, options);
    send(events, Event::Schema(cutter.schema()?)).await;
    for batch in batches {
        for cut in cutter.push(batch) {
            send(events, Event::Chunk(cut.encode()?)).await;
        }
    }
    if let Some(cut) = cutter.finish() {
        send(events, Event::Chunk(cut.encode()?)).await;
    }
    Ok(Sent { rows: cutter.rows, truncated: cutter.truncated })
}
