//! A context and its commands, in memory: one runs at a time, the others wait in order.

use super::result;
use super::sandbox::CodeSandbox;
use biplane_api::ids::{ClusterId, PrincipalId, WorkspaceId};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const WAITING_MAX: usize = 20;
const KEPT_MAX: usize = 50;
const KEPT_BYTES_MAX: usize = 32 << 20;
const OUTPUT_BYTES_MAX: usize = 2 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Python,
    Sql,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Pending,
    Running,
    Error(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Queued,
    Running,
    Cancelling,
    Finished,
    Cancelled,
    Error,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "Queued",
            Self::Running => "Running",
            Self::Cancelling => "Cancelling",
            Self::Finished => "Finished",
            Self::Cancelled => "Cancelled",
            Self::Error => "Error",
        }
    }

    fn active(self) -> bool {
        matches!(self, Self::Running | Self::Cancelling)
    }
}

struct Command {
    id: String,
    language: Language,
    code: String,
    ctx: Ctx,
    status: Status,
    output: String,
    results: Option<Value>,
    bytes: usize,
    cancel: CancellationToken,
}

struct Inner {
    state: State,
    commands: VecDeque<Command>,
    used: Instant,
}

pub struct Context {
    pub id: String,
    pub workspace_id: WorkspaceId,
    pub principal_id: PrincipalId,
    pub language: Language,
    /// None: serverless.
    pub cluster: Option<ClusterId>,
    /// None: it takes SQL alone.
    pub sandbox: Option<Arc<CodeSandbox>>,
    inner: Mutex<Inner>,
}

/// What is to be run next.
pub struct Next {
    pub command_id: String,
    pub language: Language,
    pub code: String,
    pub ctx: Ctx,
    pub cancel: CancellationToken,
}

impl Context {
    pub fn new(
        id: String,
        (workspace_id, principal_id): (WorkspaceId, PrincipalId),
        language: Language,
        cluster: Option<ClusterId>,
        sandbox: Option<Arc<CodeSandbox>>,
    ) -> Self {
        let state = if sandbox.is_some() { State::Pending } else { State::Running };
        let inner = Inner { state, commands: VecDeque::new(), used: Instant::now() };
        Self {
            id,
            workspace_id,
            principal_id,
            language,
            cluster,
            sandbox,
            inner: Mutex::new(inner),
        }
    }

    pub fn is_on(&self, cluster: &ClusterId) -> bool {
        self.cluster.as_ref() == Some(cluster)
    }

    pub fn state(&self) -> State {
        let mut inner = self.inner.lock();
        inner.used = Instant::now();
        inner.state.clone()
    }

    /// Since when nothing runs and nobody asks.
    pub fn idle_for(&self) -> Duration {
        let inner = self.inner.lock();
        let busy =
            inner.commands.iter().any(|one| one.status.active() || one.status == Status::Queued);
        if busy { Duration::ZERO } else { inner.used.elapsed() }
    }

    pub fn began(&self) {
        let mut inner = self.inner.lock();
        if inner.state == State::Pending {
            inner.state = State::Running;
        }
    }

    /// It is over: what ran and what waited ends with `reason`.
    pub fn fail(&self, reason: &str) {
        let mut inner = self.inner.lock();
        inner.state = State::Error(reason.to_owned());
        for command in &mut inner.commands {
            if command.status.active() || command.status == Status::Queued {
                command.cancel.cancel();
                command.status = if command.status == Status::Cancelling {
                    Status::Cancelled
                } else {
                    Status::Error
                };
                command.results = Some(result::failure("ContextEnded", reason, &command.output));
            }
        }
    }

    pub fn submit(&self, ctx: &Ctx, id: String, language: Language, code: String) -> Result<()> {
        let mut inner = self.inner.lock();
        if let State::Error(reason) = &inner.state {
            let text = format!("The context cannot run commands any more: {reason}");
            return Err(ApiError::new(ErrorCode::InvalidState, text));
        }
        let waiting = inner.commands.iter().filter(|one| one.status == Status::Queued).count();
        if waiting >= WAITING_MAX {
            let text = format!("{WAITING_MAX} commands wait in this context already.");
            return Err(ApiError::new(ErrorCode::ResourceExhausted, text));
        }
        inner.used = Instant::now();
        inner.commands.push_back(Command {
            id,
            language,
            code,
            ctx: ctx.clone(),
            status: Status::Queued,
            output: String::new(),
            results: None,
            bytes: 0,
            cancel: CancellationToken::new(),
        });
        Ok(())
    }

    /// Takes the next command when none runs.
    pub fn next(&self) -> Option<Next> {
        let mut inner = self.inner.lock();
        if inner.state != State::Running || inner.commands.iter().any(|one| one.status.active()) {
            return None;
        }
        let command = inner.commands.iter_mut().find(|one| one.status == Status::Queued)?;
        command.status = Status::Running;
        Some(Next {
            command_id: command.id.clone(),
            language: command.language,
            code: std::mem::take(&mut command.code),
            ctx: command.ctx.clone(),
            cancel: command.cancel.clone(),
        })
    }

    pub fn print(&self, command_id: &str, text: &str) {
        let mut inner = self.inner.lock();
        let found =
            inner.commands.iter_mut().find(|one| one.id == command_id && one.status.active());
        if let Some(command) = found {
            let room = OUTPUT_BYTES_MAX.saturating_sub(command.output.len());
            command.output.push_str(&text[..text.floor_char_boundary(room)]);
        }
    }

    /// A command is done; `make` gets what it printed.
    pub fn finish(&self, command_id: &str, cancelled: bool, make: impl FnOnce(String) -> Value) {
        let mut inner = self.inner.lock();
        inner.used = Instant::now();
        let found =
            inner.commands.iter_mut().find(|one| one.id == command_id && one.status.active());
        if let Some(command) = found {
            let over = cancelled || command.status == Status::Cancelling;
            command.status = if over { Status::Cancelled } else { Status::Finished };
            let results = make(std::mem::take(&mut command.output));
            command.bytes = results.to_string().len();
            command.results = Some(results);
        }
        let done = |one: &Command| !one.status.active() && one.status != Status::Queued;
        // The newest result is there for whoever waits for it.
        while inner.commands.len() > 1
            && inner.commands.front().is_some_and(done)
            && (inner.commands.len() > KEPT_MAX
                || inner.commands.iter().map(|one| one.bytes).sum::<usize>() > KEPT_BYTES_MAX)
        {
            inner.commands.pop_front();
        }
    }

    pub fn status(&self, command_id: &str) -> Result<Value> {
        let mut inner = self.inner.lock();
        inner.used = Instant::now();
        let command = inner.commands.iter().find(|one| one.id == command_id);
        let command = command.ok_or_else(|| missing(command_id))?;
        let results = command.results.clone().unwrap_or(Value::Null);
        Ok(json!({ "id": command.id, "status": command.status.as_str(), "results": results }))
    }

    /// True: the interpreter must be told.
    pub fn cancel(&self, command_id: &str) -> Result<bool> {
        let mut inner = self.inner.lock();
        inner.used = Instant::now();
        let command = inner.commands.iter_mut().find(|one| one.id == command_id);
        let command = command.ok_or_else(|| missing(command_id))?;
        match command.status {
            Status::Queued => {
                command.status = Status::Cancelled;
                command.results = Some(result::failure("Cancelled", "Cancelled", ""));
                Ok(false)
            }
            Status::Running => {
                command.status = Status::Cancelling;
                command.cancel.cancel();
                Ok(command.language == Language::Python)
            }
            _ => Ok(false),
        }
    }
}

fn missing(command_id: &str) -> ApiError {
    let id: String = command_id.chars().take(64).collect();
    ApiError::not_found(format!("The command {id} does not exist in this context."))
}
