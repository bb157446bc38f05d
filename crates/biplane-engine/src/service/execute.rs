//! One statement from request to last event.
//!
//! The statement is a task of its own. It ends early when nobody listens any more, when its time is
//! over or when it panics; the engine goes on in each case.

use arrow::datatypes::Schema;
use biplane_proto::v1;
use biplane_proto::v1::execute_event::Event;
use datafusion::physical_plan::ExecutionPlan;
use futures::{FutureExt, Stream, StreamExt};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{kind, profile, rows};
use crate::context::StatementContext;
use crate::encode::Options;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::plan::yielding::Wanted;
use crate::runtime::Engine;
use crate::trace::{self, Place};

/// Events that wait for the network.
const EVENTS_MAX: usize = 4;
/// A statement's text may be this long.
const SQL_BYTES_MAX: usize = 16 << 20;

/// Seven weeks: no limit, but no overflow either.
const TIME_MS_MAX: u64 = u32::MAX as u64;

pub type Events = mpsc::Sender<Result<v1::ExecuteEvent, Status>>;

pub fn start(
    engine: Arc<Engine>,
    work: &tokio::runtime::Handle,
    request: v1::ExecuteRequest,
    place: Option<Place>,
) -> Told {
    let (events, receiver) = mpsc::channel(EVENTS_MAX);
    let timeout = time_limit(&request);
    let wanted = Wanted::until(timeout);
    let told = Told { events: ReceiverStream::new(receiver), wanted: wanted.clone() };
    work.spawn(async move {
        let running = Running::new(engine.clone());
        let statement_id = request.statement_id.clone();
        let work = async {
            let ran = run(engine, request, &events).boxed();
            match &place {
                Some(place) => place.record("engine", ran).await,
                None => ran.await,
            }
        };
        let work = AssertUnwindSafe(wanted.scope(work)).catch_unwind();
        let outcome = tokio::select! {
            outcome = tokio::time::timeout(timeout, work) => outcome,
            () = events.closed() => {
                tracing::debug!(statement_id, "cancelled");
                return;
            }
        };
        let last = match outcome {
            Ok(Ok(Ok(finished))) => Event::Finished(finished),
            Ok(Ok(Err(error))) => Event::Failed(failed(&error)),
            Ok(Err(_panic)) => Event::Failed(failed(&SqlError::internal("a statement panicked"))),
            Err(_elapsed) => Event::Failed(failed(&SqlError::timeout())),
        };
        drop(running);
        if let Some(place) = place {
            let metrics = match &last {
                Event::Finished(finished) => finished.metrics.unwrap_or_default(),
                _ => v1::Metrics::default(),
            };
            let numbers = [
                ("biplane.rows_read", metrics.rows_read),
                ("biplane.bytes_read", metrics.bytes_read),
                ("biplane.files_read", metrics.files_read),
                ("biplane.rows_produced", metrics.rows_produced),
            ];
            send(&events, Event::Spans(place.take(numbers))).await;
        }
        send(&events, last).await;
    });
    told
}

/// What the caller reads. The statement ends when he no longer does.
pub struct Told {
    events: ReceiverStream<Result<v1::ExecuteEvent, Status>>,
    wanted: Arc<Wanted>,
}

impl Stream for Told {
    type Item = Result<v1::ExecuteEvent, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_next_unpin(cx)
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.wanted.end();
    }
}

/// What the request says, or the session's own limit in seconds.
fn time_limit(request: &v1::ExecuteRequest) -> Duration {
    let conf = request.session.as_ref().and_then(|session| session.conf.get("statement_timeout"));
    let conf_ms =
        conf.and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0).saturating_mul(1_000);
    let given = [request.timeout_ms, conf_ms].into_iter().filter(|&ms| ms > 0).min();
    Duration::from_millis(given.unwrap_or(TIME_MS_MAX))
}

struct Running(Arc<Engine>);

impl Running {
    fn new(engine: Arc<Engine>) -> Self {
        engine.running.fetch_add(1, Ordering::Relaxed);
        Self(engine)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

pub async fn send(events: &Events, event: Event) {
    // A closed channel ends the statement from outside.
    let _ = events.send(Ok(v1::ExecuteEvent { event: Some(event) })).await;
}

async fn run(
    engine: Arc<Engine>,
    request: v1::ExecuteRequest,
    events: &Events,
) -> SqlResult<v1::Finished> {
    let begin = Instant::now();
    if request.statement.len() > SQL_BYTES_MAX {
        return Err(SqlError::exhausted("the text of the statement is too long"));
    }
    let sql = request.statement.clone();
    let mut finished = v1::Finished {
        statement_type: kind::statement_type(&sql).to_owned(),
        ..Default::default()
    };
    let parsed = async { crate::parser::parse_bound(&sql, &request.parameters) };
    let statement = trace::span("parse", parsed).await?;
    let options = request.clone();
    let cx = StatementContext::new(engine, request)?;
    let output = trace::span("prepare", crate::commands::run(&cx, statement)).await?;
    let compiled = begin.elapsed();

    let options = Options::of(&options, &cx.settings.time_zone);
    let mut metrics = v1::Metrics { compile_ms: millis(compiled), ..Default::default() };
    match output {
        Output::Stream(query) => {
            let plan = query.plan.clone();
            let sent = trace::span("execute", rows::stream(query, options, events)).await?;
            finished.truncated = sent.truncated;
            metrics.rows_produced = sent.rows;
            if let Some(plan) = plan {
                measure(&plan, &mut metrics);
                finished.profile_json = profile::json(&plan);
            }
        }
        Output::Batches(schema, batches) => {
            let sent = rows::batches(&schema, batches, options, events).await?;
            finished.truncated = sent.truncated;
            metrics.rows_produced = sent.rows;
        }
        Output::Modified(modified) => {
            finished.num_modified_rows = Some(modified.affected);
            let batch = modified.into_batch()?;
            rows::batches(&batch.schema(), vec![batch], options, events).await?;
            metrics.rows_produced = 1;
        }
        Output::Empty => {
            rows::batches(&Schema::empty(), Vec::new(), options, events).await?;
        }
    }
    metrics.execute_ms = millis(begin.elapsed().saturating_sub(compiled));
    metrics.peak_memory_bytes = cx.peak_memory_bytes();
    let (read, skipped) = cx.pruned.counts();
    metrics.files_read = metrics.files_read.max(read);
    metrics.files_pruned = metrics.files_pruned.max(skipped);
    metrics.from_cache = cx.answered_before();
    finished.metrics = Some(metrics);
    finished.session_change = cx.take_changes();
    finished.lineage = cx.take_lineage();
    Ok(finished)
}

fn measure(plan: &Arc<dyn ExecutionPlan>, metrics: &mut v1::Metrics) {
    let read = profile::read(plan);
    metrics.rows_read = read.rows;
    metrics.bytes_read = read.bytes;
    metrics.files_read = read.files;
    metrics.files_pruned = read.files_pruned;
    metrics.spilled_bytes = read.spilled;
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn failed(error: &SqlError) -> v1::Failed {
    v1::Failed {
        error_class: error.class.clone(),
        sql_state: error.sql_state.clone(),
        message: error.to_string(),
        line: error.line,
        column: error.column,
        error_code: error.error_code.to_owned(),
    }
}
