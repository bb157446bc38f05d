//! Rows of `sql_sessions`.

use super::{Settings, SqlSession};
use crate::journal::Write;
use biplane_api::ids::SqlSessionId;
use biplane_platform::db::{Row, Tx, args};
use biplane_platform::{ApiError, Result};

fn json(settings: &Settings) -> Result<String> {
    serde_json::to_string(settings).map_err(ApiError::internal)
}

pub(super) fn insert(session: &SqlSession) -> Result<Write> {
    Ok(vec![(
        "INSERT INTO sql_sessions (session_id, workspace_id, warehouse_id, principal_id,
           client_application, settings, created_at, last_used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
        args![
            session.id.as_str(),
            session.workspace_id.0,
            session.warehouse_id.as_str(),
            session.principal_id.0,
            session.client_application.as_deref(),
            json(&session.settings())?,
            session.created_at
        ],
    )])
}

pub(crate) fn change(id: &SqlSessionId, settings: &Settings, now_ms: i64) -> Result<Write> {
    Ok(vec![(
        "UPDATE sql_sessions SET settings = $2, last_used_at = $3 WHERE session_id = $1",
        args![id.as_str(), json(settings)?, now_ms],
    )])
}

pub(super) fn touch(id: &SqlSessionId, now_ms: i64) -> Write {
    vec![(
        "UPDATE sql_sessions SET last_used_at = $2 WHERE session_id = $1",
        args![id.as_str(), now_ms],
    )]
}

pub(super) fn close(id: &SqlSessionId, now_ms: i64) -> Write {
    vec![(
        "UPDATE sql_sessions SET closed_at = $2 WHERE session_id = $1 AND closed_at IS NULL",
        args![id.as_str(), now_ms],
    )]
}

/// Ends what nobody used since `idle_before` and forgets what ended before `closed_before`.
pub(super) fn sweep(now_ms: i64, idle_before: i64, closed_before: i64) -> Write {
    vec![
        (
            "UPDATE sql_sessions SET closed_at = $1 WHERE closed_at IS NULL AND last_used_at < $2",
            args![now_ms, idle_before],
        ),
        ("DELETE FROM sql_sessions WHERE closed_at < $1", args![closed_before]),
    ]
}

/// A session that is open.
pub(super) async fn get(tx: &mut Tx, id: &SqlSessionId) -> Result<Option<SqlSession>> {
    let row = tx
        .fetch_opt(
            "SELECT session_id, workspace_id, warehouse_id, principal_id, client_application, settings,
               created_at, last_used_at
             FROM sql_sessions WHERE session_id = $1 AND closed_at IS NULL",
            args![id.as_str()],
        )
        .await?;
    row.as_ref().map(session).transpose()
}

fn session(row: &Row) -> Result<SqlSession> {
    Ok(SqlSession {
        id: row.parse(0)?,
        workspace_id: biplane_api::ids::WorkspaceId(row.int(1)?),
        warehouse_id: row.parse(2)?,
        principal_id: biplane_api::ids::PrincipalId(row.int(3)?),
        client_application: row.opt_text(4)?,
        settings: parking_lot::Mutex::new(row.json(5)?),
        created_at: row.int(6)?,
        last_used_at: row.int(7)?.into(),
        last_used_written: row.int(7)?.into(),
        running: 0.into(),
        closed: Default::default(),
        engines: Default::default(),
    })
}
