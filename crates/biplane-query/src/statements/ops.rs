//! Submit, find, wait, cancel, close.

use super::admission::Admission;
use super::run::Job;
use super::{Delivery, Format, Info, Snapshot, State, Statement, StatementError, kind, record};
use crate::config::QueryConfig;
use crate::engines::{Engines, Homes};
use crate::journal::{Journal, Keep};
use crate::results::{Spool, files};
use crate::sessions::ops::client_application;
use crate::sessions::settings::check_tags;
use crate::sessions::{QueryTag, Settings, SqlSession};
use crate::staging::{self, StagedFiles};
use biplane_api::ids::{StatementId, WarehouseId};
use biplane_platform::statement_token::StatementTokens;
use biplane_platform::{ApiError, Clock, Ctx, Db, ErrorCode, Result};
use biplane_proto::v1::{ExecuteRequest, Parameter, ResultFormat, Session};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub const STATEMENT_BYTES_MAX: usize = 16 << 20;
const PARAMETERS_MAX: usize = 10_000;
/// Of the text, in the history.
const TEXT_KEPT_BYTES: usize = 64 << 10;

/// Where a statement runs.
#[derive(Debug, Clone)]
pub enum Target {
    Session(Arc<SqlSession>),
    /// Without a session: temporary objects end with the statement.
    Warehouse(WarehouseId),
}

#[derive(Debug, Clone)]
pub struct SubmitRequest {
    pub target: Target,
    pub statement: String,
    pub parameters: Vec<Parameter>,
    /// In place of the session's, for this statement.
    pub catalog: Option<String>,
    pub schema: Option<String>,
    /// On top of the session's, for this statement. `QUERY_TAGS` is understood.
    pub conf: BTreeMap<String, String>,
    /// On top of the session's; the same key replaces.
    pub query_tags: Vec<QueryTag>,
    pub format: Format,
    pub delivery: Delivery,
    /// 0 = none.
    pub row_limit: u64,
    pub byte_limit: u64,
    /// A chunk ends at the first of these; 0 = the engine's own.
    pub chunk_rows_max: u32,
    pub chunk_bytes_max: u64,
    /// A result larger than this fails the statement. 0 = none (it is cut at the server's limit).
    pub fail_above_bytes: u64,
    pub timeout: Option<Duration>,
    pub client_application: Option<String>,
}

impl SubmitRequest {
    pub fn new(target: Target, statement: impl Into<String>, format: Format) -> Self {
        Self {
            target,
            statement: statement.into(),
            parameters: Vec::new(),
            catalog: None,
            schema: None,
            conf: BTreeMap::new(),
            query_tags: Vec::new(),
            format,
            delivery: Delivery::Thrift,
            row_limit: 0,
            byte_limit: 0,
            chunk_rows_max: 0,
            chunk_bytes_max: 0,
            fail_above_bytes: 0,
            timeout: None,
            client_application: None,
        }
    }
}

pub struct StatementService {
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) config: QueryConfig,
    pub(crate) engines: Arc<dyn Engines>,
    pub(crate) homes: Arc<dyn Homes>,
    pub(crate) files: Arc<dyn StagedFiles>,
    pub(crate) tokens: StatementTokens,
    pub(crate) journal: Journal,
    pub(crate) spool: Arc<Spool>,
    pub(crate) server_id: String,
    pub(crate) admission: Admission,
    pub(crate) known: Mutex<Known>,
    /// Set when the server drains: nothing new begins.
    pub(crate) draining: CancellationToken,
}

/// Statements in memory.
#[derive(Default)]
pub(crate) struct Known {
    pub all: HashMap<StatementId, Arc<Statement>>,
    /// In the order in which they ended; some may be gone from `all`.
    pub ended: VecDeque<(i64, StatementId)>,
}

/// What of a statement is asked for: its result is its owner's alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Status,
    Result,
}

impl StatementService {
    /// Begins. What can be refused at once is; everything later is the end of the statement.
    pub async fn submit(
        self: &Arc<Self>,
        ctx: &Ctx,
        mut request: SubmitRequest,
    ) -> Result<Arc<Statement>> {
        if self.draining.is_cancelled() {
            let text = "The server is shutting down.";
            return Err(ApiError::new(ErrorCode::TemporarilyUnavailable, text));
        }
        check_request(&request)?;
        let staging = staging::parse(&request.statement);
        if staging.is_some() {
            // One row of texts, whatever form was asked for: it never leaves by link.
            request.format = Format::JsonArray;
            if request.delivery != Delivery::Thrift {
                request.delivery = Delivery::Inline;
            }
        }
        let (warehouse_id, session) = match &request.target {
            Target::Session(session) => (session.warehouse_id.clone(), Some(session.clone())),
            Target::Warehouse(id) => (id.clone(), None),
        };
        let rules = self.engines.authorize(ctx, &warehouse_id).await?;
        let settings = settings(&request, session.as_deref())?;
        let workspace_id = ctx.workspace()?;
        let home = self.homes.home(workspace_id).await?;
        let timeout = [request.timeout, settings.statement_timeout()?, rules.statement_timeout]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(Duration::MAX)
            .min(self.config.statement_timeout);
        self.engines.queue_check(&warehouse_id)?;
        let place = self.admission.enter(&warehouse_id)?;
        let mut span = ctx.trace.span("statement");
        let info = Info {
            id: StatementId::random(),
            workspace_id,
            warehouse_id,
            session_id: session.as_ref().map(|session| session.id.clone()),
            principal_id: ctx.principal.id,
            principal_name: ctx.principal.name.clone(),
            text: beginning(&request.statement).into(),
            only_reads: kind::only_reads(&request.statement),
            format: request.format,
            delivery: request.delivery,
            staging: staging.is_some(),
            query_tags: settings.query_tags.clone(),
            client_application: session
                .as_ref()
                .and_then(|session| session.client_application.clone())
                .or_else(|| client_application(request.client_application.clone(), ctx)),
            started_at: self.clock.now_ms(),
            trace: span.trace(),
        };
        span.set("biplane.statement_id", || info.id.as_str());
        span.set("biplane.warehouse_id", || info.warehouse_id.as_str());
        let cancel = match &session {
            Some(session) => session.closed().child_token(),
            None => CancellationToken::new(),
        };
        let statement = Arc::new(Statement::new(info, cancel));
        let job = Job {
            fail_above_bytes: request.fail_above_bytes,
            staging,
            execute: execute_request(ctx, &statement.info, request, settings, home, timeout),
            running_in: session.map(|session| session.began(statement.info.started_at)),
            deadline: Instant::now() + timeout,
            place,
            span,
        };
        self.known.lock().all.insert(statement.info.id.clone(), statement.clone());
        tokio::spawn(super::run::run(self.clone(), ctx.clone(), statement.clone(), job));
        Ok(statement)
    }

    /// Waits until `ready` holds or the statement has ended, at the latest until the deadline. After it
    /// the id may be told: it is in the database.
    pub async fn wait(
        &self,
        statement: &Statement,
        deadline: Instant,
        ready: impl Fn(&Snapshot) -> bool,
    ) -> Result<Snapshot> {
        let snapshot = statement.wait(deadline, ready).await;
        if snapshot.ended.is_none() {
            self.record(statement).await?;
        }
        Ok(snapshot)
    }

    /// Writes that the statement has begun, unless that was done.
    pub(super) async fn record(&self, statement: &Statement) -> Result<()> {
        if statement.recorded() {
            return Ok(());
        }
        let state = statement.snapshot().state;
        let state = if state.is_final() { State::Running } else { state };
        let write = record::begun(&statement.info, state, &self.server_id)?;
        self.journal.write(write, statement.info.keep()).await?;
        statement.set_recorded();
        Ok(())
    }

    /// The caller's statement, in memory or from its row (then without a result). Somebody else's is
    /// not there; a workspace admin sees the status of all.
    pub async fn find(
        &self,
        ctx: &Ctx,
        id: &StatementId,
        access: Access,
    ) -> Result<Arc<Statement>> {
        let known = self.known.lock().all.get(id).cloned();
        let statement = match known {
            Some(statement) => Some(statement),
            None => record::get(&mut self.db.read().await?, id).await?.map(Arc::new),
        };
        let statement = statement.ok_or_else(|| missing(id))?;
        let own = statement.info.principal_id == ctx.principal.id
            || (ctx.principal.workspace_admin && access == Access::Status);
        match own && Some(statement.info.workspace_id) == ctx.workspace {
            true => Ok(statement),
            false => Err(missing(id)),
        }
    }

    /// For links, whose signature stands for the right.
    pub(crate) fn linked(&self, id: &StatementId) -> Option<Arc<Statement>> {
        self.known.lock().all.get(id).cloned()
    }

    /// Asks a running statement to end; one that has ended stays as it is.
    pub async fn cancel(&self, ctx: &Ctx, id: &StatementId) -> Result<()> {
        self.find(ctx, id, Access::Status).await?.cancel();
        Ok(())
    }

    /// Ends it if it runs and gives its result back. Again is fine.
    pub async fn close(&self, ctx: &Ctx, id: &StatementId) -> Result<()> {
        let statement = self.find(ctx, id, Access::Result).await?;
        self.close_statement(&statement).await
    }

    pub async fn close_statement(&self, statement: &Statement) -> Result<()> {
        let id = &statement.info.id;
        if !statement.close() {
            return Ok(());
        }
        if statement.spilled() {
            files::remove(files::dir(&self.spool, id)).await;
        }
        // One that nobody was told of has no row yet; its end will write one.
        if statement.recorded() {
            self.journal.write(record::closed(id), Keep::Kill).await?;
        }
        if statement.snapshot().ended.is_some() {
            self.known.lock().all.remove(id);
        }
        Ok(())
    }

    pub fn spool(&self) -> &Arc<Spool> {
        &self.spool
    }
}

fn check_request(request: &SubmitRequest) -> Result<()> {
    if request.statement.trim().is_empty() {
        return Err(ApiError::invalid("The statement is empty."));
    }
    if request.statement.len() > STATEMENT_BYTES_MAX {
        return Err(ApiError::invalid("The statement is longer than 16 MiB."));
    }
    if request.parameters.len() > PARAMETERS_MAX {
        return Err(ApiError::invalid(format!(
            "A statement has at most {PARAMETERS_MAX} parameters."
        )));
    }
    Ok(())
}

/// The session's, with what the statement says on top.
fn settings(request: &SubmitRequest, session: Option<&SqlSession>) -> Result<Settings> {
    let own = Settings::new(request.catalog.clone(), request.schema.clone(), BTreeMap::new())?;
    let mut settings = session.map(SqlSession::settings).unwrap_or_default();
    if own.catalog.is_some() {
        // The session's schema is one of another catalog.
        settings.schema = None;
        settings.catalog = own.catalog;
    }
    if own.schema.is_some() {
        settings.schema = own.schema;
    }
    settings.overlay(request.conf.clone())?;
    for tag in &request.query_tags {
        settings.query_tags.retain(|known| known.key != tag.key);
        settings.query_tags.push(tag.clone());
    }
    settings.query_tags = check_tags(settings.query_tags)?;
    Ok(settings)
}

fn execute_request(
    ctx: &Ctx,
    info: &Info,
    request: SubmitRequest,
    settings: Settings,
    home: crate::engines::Home,
    timeout: Duration,
) -> ExecuteRequest {
    let session = Session {
        session_id: info.session_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        catalog: settings.catalog.unwrap_or(home.default_catalog),
        schema: settings.schema.unwrap_or_default(),
        conf: settings.conf.into_iter().collect(),
        user_name: ctx.principal.name.clone(),
        groups: ctx.principal.groups.clone(),
        workspace_id: info.workspace_id.0,
        metastore_id: home.metastore_id,
    };
    let format = match request.format {
        Format::Arrow { .. } => ResultFormat::Arrow,
        Format::JsonArray => ResultFormat::JsonArray,
        Format::Csv => ResultFormat::Csv,
    };
    ExecuteRequest {
        statement_id: info.id.to_string(),
        statement: request.statement,
        session: Some(session),
        parameters: request.parameters,
        token: String::new(),
        format: format.into(),
        arrow: request.format.arrow_options(),
        row_limit: request.row_limit,
        byte_limit: request.byte_limit,
        chunk_rows_max: request.chunk_rows_max,
        chunk_bytes_max: request.chunk_bytes_max,
        timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
    }
}

fn beginning(text: &str) -> &str {
    let end = (0..=TEXT_KEPT_BYTES.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

pub(crate) fn missing(id: &StatementId) -> ApiError {
    ApiError::not_found(format!("The statement {id} was not found."))
}

/// The result of a statement that has ended is not there.
pub(crate) fn result_gone(id: &StatementId) -> ApiError {
    let text = format!(
        "The result of statement {id} is no longer available: it was closed or has expired."
    );
    ApiError::new(ErrorCode::NotFound, text)
}

pub(super) fn interrupted() -> StatementError {
    StatementError::new(
        "ABORTED",
        "SERVER_RESTARTED",
        "57P01",
        "The server was stopped while the statement ran. It is not known whether it took effect.",
    )
}
