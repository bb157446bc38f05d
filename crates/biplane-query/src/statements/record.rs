//! Rows of `statements`: what the history knows and what outlives the server.

use super::{Delivery, Ended, Format, Info, State, Statement, StatementError};
use crate::journal::Write;
use biplane_api::ids::{PrincipalId, SqlSessionId, StatementId, WorkspaceId};
use biplane_platform::db::{Row, Tx, args};
use biplane_platform::trace::Trace;
use biplane_platform::{ApiError, Result};
use serde::{Deserialize, Serialize};

/// Times in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metrics {
    pub total_ms: u64,
    /// Waiting for its turn.
    pub queued_ms: u64,
    /// Waiting for the warehouse to start.
    pub provisioning_ms: u64,
    pub compile_ms: u64,
    pub execute_ms: u64,
    pub rows_read: u64,
    pub bytes_read: u64,
    pub files_read: u64,
    pub files_pruned: u64,
    pub rows_produced: u64,
    pub result_bytes: u64,
    pub spilled_bytes: u64,
    pub peak_memory_bytes: u64,
    /// Answered without execution.
    pub from_cache: bool,
}

pub(crate) struct Stored {
    pub info: Info,
    pub state: State,
    pub closed: bool,
    pub ended: Option<Ended>,
}

/// A statement that has begun. No row if it has one.
pub(super) fn begun(info: &Info, state: State, server_id: &str) -> Result<Write> {
    Ok(vec![(
        "INSERT INTO statements (statement_id, workspace_id, warehouse_id, session_id, principal_id,
           principal_name, server_id, state, statement_text, client_application, query_tags, started_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (statement_id) DO NOTHING",
        args![
            info.id.as_str(),
            info.workspace_id.0,
            info.warehouse_id.as_str(),
            info.session_id.as_ref().map(SqlSessionId::as_str),
            info.principal_id.0,
            info.principal_name.as_str(),
            server_id,
            state.as_str(),
            text(&info.text),
            info.client_application.as_deref(),
            tags(info)?,
            info.started_at
        ],
    )])
}

/// A statement that has ended, with or without a row so far.
pub(super) fn ended(info: &Info, ended: &Ended, profile_json: &str) -> Result<Write> {
    let error = ended.error.as_ref();
    let mut write: Write = vec![(
        "INSERT INTO statements (statement_id, workspace_id, warehouse_id, session_id, principal_id,
           principal_name, state, statement_text, client_application, query_tags, started_at,
           statement_type, ended_at, error_code, error_class, sql_state, error_message,
           num_modified_rows, metrics)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
         ON CONFLICT (statement_id) DO UPDATE SET server_id = NULL, state = excluded.state,
           statement_type = excluded.statement_type, ended_at = excluded.ended_at,
           error_code = excluded.error_code, error_class = excluded.error_class,
           sql_state = excluded.sql_state, error_message = excluded.error_message,
           num_modified_rows = excluded.num_modified_rows, metrics = excluded.metrics",
        args![
            info.id.as_str(),
            info.workspace_id.0,
            info.warehouse_id.as_str(),
            info.session_id.as_ref().map(SqlSessionId::as_str),
            info.principal_id.0,
            info.principal_name.as_str(),
            ended.state.as_str(),
            text(&info.text),
            info.client_application.as_deref(),
            tags(info)?,
            info.started_at,
            Some(ended.statement_type.as_str()).filter(|text| !text.is_empty()),
            ended.ended_at,
            error.map(|error| error.error_code.as_str()),
            error.map(|error| error.error_class.as_str()),
            error.map(|error| error.sql_state.as_str()),
            error.map(|error| text(&error.message)),
            ended.num_modified_rows,
            serde_json::to_string(&ended.metrics).map_err(ApiError::internal)?
        ],
    )];
    if !profile_json.is_empty() {
        write.push((
            "INSERT INTO statement_profiles (statement_id, started_at, profile) VALUES ($1, $2, $3)
             ON CONFLICT (statement_id) DO UPDATE SET profile = excluded.profile",
            args![info.id.as_str(), info.started_at, text(profile_json)],
        ));
    }
    Ok(write)
}

pub(super) fn closed(id: &StatementId) -> Write {
    vec![("UPDATE statements SET closed = 1 WHERE statement_id = $1", args![id.as_str()])]
}

/// What this server was running when it was stopped or killed.
pub(super) fn interrupted(server_id: &str, now_ms: i64, error: &StatementError) -> Write {
    vec![(
        "UPDATE statements SET server_id = NULL, state = 'FAILED', ended_at = $2, error_code = $3,
           error_class = $4, sql_state = $5, error_message = $6
         WHERE server_id = $1",
        args![
            server_id,
            now_ms,
            error.error_code.as_str(),
            error.error_class.as_str(),
            error.sql_state.as_str(),
            error.message.as_str()
        ],
    )]
}

pub(super) fn forget_before(started_before: i64) -> Write {
    vec![
        (
            "DELETE FROM statements WHERE started_at < $1 AND server_id IS NULL",
            args![started_before],
        ),
        ("DELETE FROM statement_profiles WHERE started_at < $1", args![started_before]),
    ]
}

/// PostgreSQL has no NUL in a text.
fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn tags(info: &Info) -> Result<Option<String>> {
    if info.query_tags.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(&info.query_tags).map(Some).map_err(ApiError::internal)
}

/// A row of the columns that `get` and the history select.
pub(crate) fn stored(row: &Row) -> Result<Stored> {
    let state = row.text(10)?;
    let state =
        State::parse(&state).ok_or_else(|| ApiError::internal("an unknown statement state"))?;
    Ok(Stored {
        info: Info {
            id: row.parse(0)?,
            workspace_id: WorkspaceId(row.int(1)?),
            warehouse_id: row.parse(2)?,
            session_id: row
                .opt_text(3)?
                .map(|id| id.parse())
                .transpose()
                .map_err(ApiError::internal)?,
            principal_id: PrincipalId(row.int(4)?),
            principal_name: row.text(5)?,
            text: row.text(6)?.into(),
            only_reads: false,
            // The result is gone; nobody asks for its form.
            format: Format::JsonArray,
            delivery: Delivery::Inline,
            staging: false,
            query_tags: json(row, 8)?.unwrap_or_default(),
            client_application: row.opt_text(7)?,
            started_at: row.int(9)?,
            trace: Trace::default(),
        },
        state,
        closed: row.bool(11)?,
        ended: row.opt_int(12)?.map(|ended_at| end(row, state, ended_at)).transpose()?,
    })
}

fn end(row: &Row, state: State, ended_at: i64) -> Result<Ended> {
    let error = row.opt_text(16)?.map(|message| {
        Ok::<_, ApiError>(StatementError {
            error_code: row.opt_text(13)?.unwrap_or_default(),
            error_class: row.opt_text(14)?.unwrap_or_default(),
            sql_state: row.opt_text(15)?.unwrap_or_default(),
            message,
        })
    });
    Ok(Ended {
        state,
        ended_at,
        error: error.transpose()?,
        truncated: false,
        num_modified_rows: row.opt_int(17)?,
        statement_type: row.opt_text(18)?.unwrap_or_default(),
        metrics: json(row, 19)?.unwrap_or_default(),
    })
}

fn json<T: serde::de::DeserializeOwned>(row: &Row, column: usize) -> Result<Option<T>> {
    row.opt_text(column)?
        .map(|text| serde_json::from_str(&text).map_err(ApiError::internal))
        .transpose()
}

pub(super) async fn get(tx: &mut Tx, id: &StatementId) -> Result<Option<Statement>> {
    let row = tx
        .fetch_opt(
            "SELECT statement_id, workspace_id, warehouse_id, session_id, principal_id,
               principal_name, statement_text, client_application, query_tags, started_at, state, closed,
               ended_at, error_code, error_class, sql_state, error_message, num_modified_rows,
               statement_type, metrics
             FROM statements WHERE statement_id = $1",
            args![id.as_str()],
        )
        .await?;
    let Some(stored) = row.as_ref().map(stored).transpose()? else { return Ok(None) };
    let state = if stored.closed { State::Closed } else { stored.state };
    Ok(Some(Statement::past(stored.info, state, None, Vec::new(), stored.ended)))
}
