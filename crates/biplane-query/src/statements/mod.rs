//! Statements: from the text a client sends to a result it can fetch.
//!
//! What must hold: an id a client has seen is in the database; an end is written before it is told; a
//! statement that may change something is written before an engine gets it; a result never takes more
//! memory or disk than the spool gives.

mod admission;
pub(crate) mod kind;
pub(crate) mod ops;
pub(crate) mod record;
mod run;
mod spans;
mod statement;
mod sweep;

pub use ops::{StatementService, SubmitRequest, Target};
pub use record::Metrics;
pub use statement::{Snapshot, Statement};

use crate::journal::Keep;
use crate::sessions::QueryTag;
use biplane_api::ids::{PrincipalId, SqlSessionId, StatementId, WarehouseId, WorkspaceId};
use biplane_platform::trace::Trace;
use biplane_proto::v1::ArrowOptions;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Waits for its turn or for the warehouse.
    Pending,
    Running,
    Succeeded,
    Failed,
    Canceled,
    /// It had ended, or was cancelled by this, and the result was given back.
    Closed,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            State::Pending => "PENDING",
            State::Running => "RUNNING",
            State::Succeeded => "SUCCEEDED",
            State::Failed => "FAILED",
            State::Canceled => "CANCELED",
            State::Closed => "CLOSED",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        use State::*;
        [Pending, Running, Succeeded, Failed, Canceled, Closed]
            .into_iter()
            .find(|s| s.as_str() == text)
    }

    pub fn is_final(self) -> bool {
        !matches!(self, State::Pending | State::Running)
    }
}

/// The form an engine gives rows in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Arrow {
        lz4_frame: bool,
        timestamp_as_string: bool,
        decimal_as_string: bool,
        complex_as_string: bool,
    },
    JsonArray,
    Csv,
}

impl Format {
    /// Native Arrow types throughout.
    pub fn arrow(lz4_frame: bool) -> Self {
        Format::Arrow {
            lz4_frame,
            timestamp_as_string: false,
            decimal_as_string: false,
            complex_as_string: false,
        }
    }

    pub fn lz4_frame(self) -> bool {
        matches!(self, Format::Arrow { lz4_frame: true, .. })
    }

    pub(crate) fn arrow_options(self) -> Option<ArrowOptions> {
        match self {
            Format::Arrow {
                lz4_frame,
                timestamp_as_string,
                decimal_as_string,
                complex_as_string,
            } => Some(ArrowOptions {
                lz4_frame,
                timestamp_as_string,
                decimal_as_string,
                complex_as_string,
            }),
            Format::JsonArray | Format::Csv => None,
        }
    }
}

/// How the client wants to get the result; the core only keeps it for the front end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Delivery {
    Inline,
    ExternalLinks,
    InlineOrExternalLinks,
    Thrift,
}

/// What does not change in the life of a statement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Info {
    pub id: StatementId,
    pub workspace_id: WorkspaceId,
    pub warehouse_id: WarehouseId,
    pub session_id: Option<SqlSessionId>,
    pub principal_id: PrincipalId,
    pub principal_name: String,
    /// Its beginning, for the history.
    pub text: Arc<str>,
    /// As far as its text tells; false when in doubt.
    pub only_reads: bool,
    pub format: Format,
    pub delivery: Delivery,
    /// PUT, GET or REMOVE: the client acts on the row it gets.
    #[serde(default)]
    pub staging: bool,
    pub query_tags: Vec<QueryTag>,
    pub client_application: Option<String>,
    /// Milliseconds since the epoch.
    pub started_at: i64,
    /// Where what happens for it is recorded.
    #[serde(skip)]
    pub trace: Trace,
}

impl Info {
    pub(crate) fn keep(&self) -> Keep {
        if self.only_reads { Keep::Kill } else { Keep::PowerCut }
    }
}

/// Why a statement failed, as the client is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementError {
    /// BAD_REQUEST, NOT_FOUND, PERMISSION_DENIED, DEADLINE_EXCEEDED, …
    pub error_code: String,
    /// TABLE_OR_VIEW_NOT_FOUND, DIVIDE_BY_ZERO, …; may be empty.
    pub error_class: String,
    pub sql_state: String,
    /// Begins with the class in brackets.
    pub message: String,
}

impl StatementError {
    pub(crate) fn new(error_code: &str, class: &str, sql_state: &str, text: &str) -> Self {
        Self {
            error_code: error_code.into(),
            error_class: class.into(),
            sql_state: sql_state.into(),
            message: format!("[{class}] {text} SQLSTATE: {sql_state}"),
        }
    }
}

/// The end of a statement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ended {
    pub state: State,
    /// Milliseconds since the epoch.
    pub ended_at: i64,
    pub error: Option<StatementError>,
    pub truncated: bool,
    pub num_modified_rows: Option<i64>,
    /// SELECT, INSERT, …; empty when not known.
    pub statement_type: String,
    pub metrics: Metrics,
}

pub use ops::Access;
pub(crate) use sweep::server_id;

pub(crate) fn admission(config: &crate::QueryConfig) -> admission::Admission {
    admission::Admission::new(config.running_max, config.queued_max)
}
