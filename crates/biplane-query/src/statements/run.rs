//! The life of one statement: its turn, an engine, the stream of its result into the spool, its end.

use super::admission::Place;
use super::statement::New;
use super::{
    Ended, Metrics, State, Statement, StatementError, StatementService, kind, record, spans,
};
use crate::engines::{Lease, Wish};
use crate::metrics;
use crate::results::{self, files};
use crate::sessions::{RunningIn, store_change};
use crate::staging::{self, Staging};
use biplane_platform::trace::Span;
use biplane_platform::{ApiError, Ctx, ErrorCode};
use biplane_proto::channel::MESSAGE_BYTES_MAX;
use biplane_proto::v1::execute_event::Event;
use biplane_proto::v1::{Chunk, ExecuteEvent, ExecuteRequest, Failed, Finished};
use futures::FutureExt;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A read is begun again on a new engine this often.
const RETRIES_MAX: u32 = 1;
/// The token outlives the statement by this, so that clean-up calls of the engine still work.
const TOKEN_GRACE_MS: i64 = 60_000;
const RECORD_ATTEMPTS: u32 = 3;
const RECORD_AGAIN: Duration = Duration::from_millis(500);

pub(super) struct Job {
    pub execute: ExecuteRequest,
    /// 0 = none.
    pub fail_above_bytes: u64,
    /// Set for a statement that no engine runs.
    pub staging: Option<Result<Staging, StatementError>>,
    pub running_in: Option<RunningIn>,
    pub deadline: Instant,
    pub place: Place,
    /// Of the whole statement.
    pub span: Span,
}

/// Why there is no result.
enum Stop {
    Failed(StatementError),
    Canceled,
    /// The engine is gone.
    Lost,
}

/// When what began.
#[derive(Default)]
struct Times {
    turn: Option<Instant>,
    engine: Option<Instant>,
    /// In the warehouse's queue, after the turn.
    queued: Duration,
}

struct Run {
    service: Arc<StatementService>,
    ctx: Ctx,
    statement: Arc<Statement>,
    times: parking_lot::Mutex<Times>,
}

pub(super) async fn run(
    service: Arc<StatementService>,
    ctx: Ctx,
    statement: Arc<Statement>,
    mut job: Job,
) {
    let began = Instant::now();
    let _running = metrics::Running::begin();
    let run = Run { service, ctx, statement, times: parking_lot::Mutex::default() };
    let outcome = AssertUnwindSafe(run.outcome(&mut job)).catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|_| {
        tracing::error!(statement_id = %run.statement.info.id, "running a statement panicked");
        Err(Stop::Failed(internal()))
    });
    run.finish(job, began, outcome).await;
}

impl Run {
    async fn outcome(&self, job: &mut Job) -> Result<Finished, Stop> {
        let deadline = job.deadline;
        // Both may have the turn to write: neither is left alone while the other waits.
        tokio::select! {
            biased;
            () = self.statement.cancelled().cancelled() => Err(Stop::Canceled),
            outcome = self.attempts(job) => outcome,
            stop = self.record_late() => Err(stop),
            () = tokio::time::sleep_until(deadline) => Err(Stop::Failed(timed_out())),
        }
    }

    /// Most statements end before anybody needs their row. Returns when it cannot be written.
    async fn record_late(&self) -> Stop {
        tokio::time::sleep(self.service.config.record_after).await;
        match self.service.record(&self.statement).await {
            Ok(()) => std::future::pending().await,
            Err(error) => refused(error),
        }
    }

    async fn attempts(&self, job: &mut Job) -> Result<Finished, Stop> {
        let trace = &self.statement.info.trace;
        let turn = trace.span("statement admission");
        job.place.turn().await;
        drop(turn);
        self.times.lock().turn = Some(Instant::now());
        if !self.statement.info.only_reads {
            self.service.record(&self.statement).await.map_err(refused)?;
        }
        if let Some(staging) = &job.staging {
            return self.stage(job, staging).await;
        }
        for retries in 0.. {
            match self.attempt(job).await {
                Err(Stop::Lost)
                    if self.statement.info.only_reads
                        && retries < RETRIES_MAX
                        && self.statement.start_over() =>
                {
                    tracing::info!(statement_id = %self.statement.info.id, "the engine is gone; the statement begins again on another");
                }
                Err(Stop::Lost) => return Err(Stop::Failed(lost(self.statement.info.only_reads))),
                outcome => return outcome,
            }
        }
        Err(Stop::Lost)
    }

    /// The engine's part, done here.
    async fn stage(
        &self,
        job: &Job,
        staging: &Result<Staging, StatementError>,
    ) -> Result<Finished, Stop> {
        self.statement.running();
        let staging = staging.as_ref().map_err(|error| Stop::Failed(error.clone()))?;
        let link = staging.link(&*self.service.files, &self.ctx).await.map_err(Stop::Failed)?;
        let data = staging.row(&link).map_err(|error| refused(ApiError::internal(error)))?;
        self.statement.set_schema(staging::schema());
        let uncompressed_bytes = data.len() as u64;
        self.chunk(job, Chunk { data, rows: 1, uncompressed_bytes, more: false }).await?;
        Ok(Finished { statement_type: "OTHER".to_owned(), ..Finished::default() })
    }

    async fn lease(&self, job: &Job) -> Result<Lease, Stop> {
        let (now, config) = (Instant::now(), &self.service.config);
        let session = job.running_in.as_ref().map(RunningIn::session);
        let (engine, bound) = session.map_or((None, false), |session| session.engine_wish());
        let wish = Wish {
            engine,
            bound,
            start_by: (now + config.start_wait).min(job.deadline),
            queue_by: (now + config.queue_wait).min(job.deadline),
        };
        let warehouse = &self.statement.info.warehouse_id;
        let mut span = self.statement.info.trace.span("warehouse acquire");
        let lease = self.service.engines.acquire(&self.ctx, warehouse, wish).await;
        let lease = lease.inspect_err(|_| span.fail()).map_err(refused)?;
        span.set("biplane.sandbox_id", || lease.sandbox_id.as_str());
        drop(span);
        let mut times = self.times.lock();
        times.engine = Some(Instant::now());
        times.queued += lease.queued;
        drop(times);
        Ok(lease)
    }

    async fn attempt(&self, job: &Job) -> Result<Finished, Stop> {
        let lease = self.lease(job).await?;
        match self.execute(job, &lease).await {
            // Another engine would end the same way, with what others run there.
            Err(Stop::Lost) => match lease.guard.ran_out_of_memory().await {
                Some(bytes) => {
                    Err(Stop::Failed(out_of_memory(bytes, self.statement.info.only_reads)))
                }
                None => Err(Stop::Lost),
            },
            outcome => outcome,
        }
    }

    async fn execute(&self, job: &Job, lease: &Lease) -> Result<Finished, Stop> {
        let info = &self.statement.info;
        let left_ms =
            i64::try_from(job.deadline.duration_since(Instant::now()).as_millis()).unwrap_or(0);
        let expires_ms =
            self.service.clock.now_ms().saturating_add(left_ms).saturating_add(TOKEN_GRACE_MS);
        let token = self
            .service
            .tokens
            .issue(info.principal_id, info.workspace_id, &info.id, &lease.sandbox_id, expires_ms)
            .map_err(refused)?;
        let request = ExecuteRequest { token: token.expose().to_owned(), ..job.execute.clone() };
        let mut client = lease.client.clone().max_decoding_message_size(MESSAGE_BYTES_MAX);
        if let Some(running_in) = &job.running_in {
            let session = running_in.session();
            session.ran_on(&lease.sandbox_id, &client);
            if kind::leaves_temporary(&job.execute.statement) {
                session.bind(&lease.sandbox_id, || lease.guard.pin());
            }
        }
        self.statement.running();
        let span = info.trace.call("engine execute");
        let mut request = tonic::Request::new(request);
        if let Some(value) = span.trace().traceparent().and_then(|text| text.parse().ok()) {
            request.metadata_mut().insert("traceparent", value);
        }
        let mut stream = tokio::select! {
            biased;
            stream = client.execute(request) => stream.map_err(|status| stop_of(&status))?.into_inner(),
            () = lease.lost.cancelled() => return Err(Stop::Lost),
        };
        loop {
            let event = tokio::select! {
                biased;
                event = stream.message() => event.map_err(|status| stop_of(&status))?,
                () = lease.lost.cancelled() => return Err(Stop::Lost),
            };
            // A stream that ends without its last event was cut.
            let Some(event) = event else { return Err(Stop::Lost) };
            if let Some(Event::Spans(spans)) = event.event {
                spans::add(&span.trace(), spans);
                continue;
            }
            if let Some(finished) = self.event(job, event).await? {
                return Ok(finished);
            }
        }
    }

    /// The end, if this was it.
    async fn event(&self, job: &Job, event: ExecuteEvent) -> Result<Option<Finished>, Stop> {
        match event.event {
            Some(Event::Progress(progress)) => self.statement.progress(progress),
            Some(Event::Schema(schema)) => self.statement.set_schema(schema),
            Some(Event::Chunk(chunk)) => return self.chunk(job, chunk).await,
            Some(Event::Failed(failed)) => return Err(stop_of_failed(failed)),
            Some(Event::Finished(finished)) if self.statement.has_schema() => {
                return Ok(Some(finished));
            }
            Some(Event::Finished(_)) => {
                tracing::error!(statement_id = %self.statement.info.id, "an engine finished a statement without a schema");
                return Err(Stop::Failed(internal()));
            }
            Some(Event::Spans(_)) | None => {}
        }
        Ok(None)
    }

    async fn chunk(&self, job: &Job, chunk: Chunk) -> Result<Option<Finished>, Stop> {
        let bytes = chunk.data.len() as u64;
        let config = &self.service.config;
        let (so_far, in_memory) = self.statement.usage();
        if job.fail_above_bytes > 0 && so_far + bytes > job.fail_above_bytes {
            return Err(Stop::Failed(too_large_inline(job.fail_above_bytes)));
        }
        if so_far + bytes > config.result_bytes_max {
            // The stream is dropped and the engine stops; what is there is the result.
            return Ok(Some(Finished { truncated: true, ..Finished::default() }));
        }
        let spool = &self.service.spool;
        let fits = in_memory.filter(|used| used + bytes <= config.statement_memory_bytes_max);
        let place = match fits.and_then(|_| spool.memory(bytes)) {
            Some(share) => results::Place::Memory(chunk.data, share),
            None => {
                // Nothing more is read from the engine while this waits.
                let mut span = self.statement.info.trace.span("spool to disk");
                span.set("biplane.bytes", || i64::try_from(bytes).unwrap_or(i64::MAX));
                let share = spool.disk(bytes, config.room_wait).await;
                let share = share.ok_or_else(|| Stop::Failed(no_room()))?;
                let dir = files::dir(spool, &self.statement.info.id);
                let path = files::write_chunk(dir, self.statement.chunk_count(), chunk.data).await;
                results::Place::File(path.map_err(unwritten)?, share)
            }
        };
        let Chunk { rows, uncompressed_bytes, more, .. } = chunk;
        self.statement.push(New { rows, bytes, uncompressed_bytes, more }, place);
        Ok(None)
    }

    async fn finish(self, mut job: Job, began: Instant, outcome: Result<Finished, Stop>) {
        let (state, error, finished) = match outcome {
            Ok(finished) => (State::Succeeded, None, finished),
            Err(Stop::Failed(error)) => (State::Failed, Some(error), Finished::default()),
            Err(Stop::Canceled) => (State::Canceled, None, Finished::default()),
            Err(Stop::Lost) => {
                (State::Failed, Some(lost(self.statement.info.only_reads)), Finished::default())
            }
        };
        let mut ended = Ended {
            state,
            ended_at: self.service.clock.now_ms(),
            error,
            truncated: finished.truncated,
            num_modified_rows: finished.num_modified_rows,
            statement_type: finished.statement_type.clone(),
            metrics: self.metrics(began, &finished),
        };
        if ended.error.is_some() {
            job.span.fail();
        }
        let span = self.statement.info.trace.span("statement record");
        let written = self.write(&job, &ended, &finished).await;
        drop(span);
        if let Err(error) = written {
            tracing::error!(statement_id = %self.statement.info.id, %error, cause = ?error.internal, "the end of a statement could not be written");
            (ended.state, ended.error) = (State::Failed, Some(unrecorded(&error)));
        }
        metrics::ended(&ended);
        let spilled = self.statement.spilled();
        let succeeded = ended.state == State::Succeeded;
        // Whoever waits may run the next statement at once.
        drop(job.place);
        drop(job.running_in.take());
        drop(job.span);
        self.service.ended(&self.statement, ended);
        if spilled && succeeded {
            self.service.keep_in_files(&self.statement).await;
        } else if spilled {
            files::remove(files::dir(&self.service.spool, &self.statement.info.id)).await;
        }
    }

    /// The row, and what USE and SET left behind, in one transaction.
    async fn write(&self, job: &Job, ended: &Ended, finished: &Finished) -> Result<(), ApiError> {
        let mut write = record::ended(&self.statement.info, ended, &finished.profile_json)?;
        if let (Some(change), Some(running_in)) = (&finished.session_change, &job.running_in) {
            let session = running_in.session();
            if let Some(settings) = session.apply(change) {
                write.extend(store_change(&session.id, &settings, ended.ended_at)?);
            }
        }
        let keep = self.statement.info.keep();
        for _ in 1..RECORD_ATTEMPTS {
            if self.service.journal.write(write.clone(), keep).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(RECORD_AGAIN).await;
        }
        self.service.journal.write(write, keep).await
    }

    fn metrics(&self, began: Instant, finished: &Finished) -> Metrics {
        let now = Instant::now();
        let ms = |from: Instant, to: Instant| {
            u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0)
        };
        let times = self.times.lock();
        let turn = times.turn.unwrap_or(now);
        let engine = times.engine.unwrap_or(now);
        let queued = u64::try_from(times.queued.as_millis()).unwrap_or(0);
        let found = finished.metrics.unwrap_or_default();
        let snapshot = self.statement.snapshot();
        Metrics {
            total_ms: ms(began, now),
            queued_ms: ms(began, turn) + queued,
            provisioning_ms: ms(turn, engine).saturating_sub(queued),
            compile_ms: found.compile_ms,
            execute_ms: found.execute_ms,
            rows_read: found.rows_read,
            bytes_read: found.bytes_read,
            files_read: found.files_read,
            files_pruned: found.files_pruned,
            rows_produced: snapshot.rows,
            result_bytes: snapshot.bytes,
            spilled_bytes: found.spilled_bytes,
            peak_memory_bytes: found.peak_memory_bytes,
            from_cache: found.from_cache,
        }
    }
}

fn stop_of_failed(failed: Failed) -> Stop {
    if failed.error_code == "CANCELLED" && failed.error_class.is_empty() {
        return Stop::Canceled;
    }
    let or = |text: String, default: &str| if text.is_empty() { default.to_owned() } else { text };
    Stop::Failed(StatementError {
        error_code: or(failed.error_code, "BAD_REQUEST"),
        error_class: failed.error_class,
        sql_state: or(failed.sql_state, "XX000"),
        message: failed.message,
    })
}

/// Connections end in many ways, all of them "the engine is gone".
fn stop_of(status: &tonic::Status) -> Stop {
    use tonic::Code;
    match status.code() {
        Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Internal | Code::Aborted => {
            tracing::info!(%status, "the stream of a statement broke");
            Stop::Lost
        }
        Code::ResourceExhausted => Stop::Failed(StatementError::new(
            "RESOURCE_EXHAUSTED",
            "ENGINE_BUSY",
            "53000",
            "The engine takes no more statements at the moment.",
        )),
        Code::DeadlineExceeded => Stop::Failed(timed_out()),
        _ => {
            tracing::error!(%status, "an engine refused a statement");
            Stop::Failed(internal())
        }
    }
}

/// A refusal on the way to the engine, as the end of the statement.
fn refused(error: ApiError) -> Stop {
    let class = match error.code {
        ErrorCode::InternalError => {
            tracing::error!(%error, cause = ?error.internal, "a statement could not be run");
            return Stop::Failed(internal());
        }
        ErrorCode::ResourceDoesNotExist => "WAREHOUSE_NOT_FOUND",
        ErrorCode::PermissionDenied => "INSUFFICIENT_PERMISSIONS",
        ErrorCode::TemporarilyUnavailable | ErrorCode::DeadlineExceeded => "WAREHOUSE_UNAVAILABLE",
        ErrorCode::InvalidState => "WAREHOUSE_STOPPED",
        _ => "STATEMENT_REFUSED",
    };
    let code = match error.code {
        ErrorCode::ResourceDoesNotExist => "NOT_FOUND",
        ErrorCode::InvalidState => "ABORTED",
        code => code.as_str(),
    };
    let state = if error.code == ErrorCode::PermissionDenied { "42501" } else { "57000" };
    Stop::Failed(StatementError::new(code, class, state, &error.message))
}

fn internal() -> StatementError {
    let text = "The statement failed because of an internal error; the server's log has more under its id.";
    StatementError::new("INTERNAL_ERROR", "INTERNAL_ERROR", "XX000", text)
}

fn timed_out() -> StatementError {
    let text = "The statement ran longer than STATEMENT_TIMEOUT allows and was stopped.";
    StatementError::new("DEADLINE_EXCEEDED", "STATEMENT_TIMEOUT", "57014", text)
}

fn lost(only_reads: bool) -> StatementError {
    let text = match only_reads {
        true => "The engine ended while the statement ran. Run it again.",
        false => {
            "The engine ended while the statement ran. It is not known whether it took effect."
        }
    };
    StatementError::new("TEMPORARILY_UNAVAILABLE", "ENGINE_LOST", "08006", text)
}

fn out_of_memory(bytes: u64, only_reads: bool) -> StatementError {
    let unknown = if only_reads { "" } else { " It is not known whether it took effect." };
    let text = format!(
        "The engine was ended while the statement ran, because it used more than its {} MiB of memory, for this statement or for others.{unknown} Use a larger SQL warehouse, or less data at a time.",
        bytes >> 20
    );
    StatementError::new("RESOURCE_EXHAUSTED", "ENGINE_OUT_OF_MEMORY", "53200", &text)
}

fn no_room() -> StatementError {
    let text = "The server has no room for the result: others fill its result store.";
    StatementError::new("RESOURCE_EXHAUSTED", "RESULT_STORE_FULL", "53100", text)
}

/// A chunk that could not be kept.
fn unwritten(error: io::Error) -> Stop {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            tracing::error!(%error, "the disk of the result store is full");
            let text = "The server has no room for the result: its disk is full.";
            let code = "RESOURCE_EXHAUSTED";
            Stop::Failed(StatementError::new(code, "RESULT_STORE_FULL", "53100", text))
        }
        _ => refused(ApiError::internal(error)),
    }
}

/// It ended, but that could not be written.
fn unrecorded(error: &ApiError) -> StatementError {
    match error.code {
        ErrorCode::TemporarilyUnavailable => {
            let text =
                format!("{} It is not known whether the statement took effect.", error.message);
            StatementError::new("TEMPORARILY_UNAVAILABLE", "END_NOT_WRITTEN", "53100", &text)
        }
        _ => internal(),
    }
}

fn too_large_inline(bytes: u64) -> StatementError {
    let text = format!(
        "The result is larger than the {bytes} bytes that disposition INLINE can carry. Use EXTERNAL_LINKS."
    );
    StatementError::new("BAD_REQUEST", "INLINE_BYTE_LIMIT_EXCEEDED", "54000", &text)
}
