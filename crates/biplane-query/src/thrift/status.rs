//! GetOperationStatus, CancelOperation, CloseOperation.

use super::failure::{Result, success};
use super::idl::*;
use super::{Thrift, cursor, held};
use crate::statements::{Snapshot, State, Statement};
use biplane_platform::Ctx;
use std::time::Duration;
use tokio::time::Instant;

/// The Python connector polls without a pause, so the answer is held until something is to be told. Not
/// for long: it holds a lock meanwhile, and its cancel waits for that lock.
const POLL_WAIT: Duration = Duration::from_secs(1);

pub async fn get(
    thrift: &Thrift,
    ctx: &Ctx,
    request: TGetOperationStatusReq,
) -> Result<TGetOperationStatusResp> {
    let handle = &request.operation_handle;
    if let Some(held) = held::find(thrift, ctx, &handle.operation_id)? {
        return Ok(held.status());
    }
    let (statement, _) = cursor::find(thrift, ctx, handle).await?;
    let deadline = Instant::now() + POLL_WAIT;
    let snapshot = thrift.statements.wait(&statement, deadline, cursor::ready).await?;
    Ok(response(&statement, &snapshot, request.get_progress_update == Some(true)))
}

pub fn response(
    statement: &Statement,
    snapshot: &Snapshot,
    with_progress: bool,
) -> TGetOperationStatusResp {
    let error = cursor::error(snapshot);
    let ended = snapshot.ended.as_ref();
    let message = error.map(|error| error.message.clone());
    TGetOperationStatusResp {
        status: success(),
        operation_state: Some(state(snapshot)),
        sql_state: error.map(|error| error.sql_state.clone()),
        error_code: error.map(|_| 0),
        error_message: message.clone(),
        task_status: None,
        operation_started: Some(statement.info.started_at),
        operation_completed: ended.map(|ended| ended.ended_at),
        has_result_set: Some(has_result_set(snapshot)),
        progress_update_response: with_progress.then(|| progress(statement, snapshot)),
        num_modified_rows: ended.and_then(|ended| ended.num_modified_rows),
        display_message: message,
        diagnostic_info: error.map(|_| format!("statement_id={}", statement.info.id)),
        error_details_json: None,
    }
}

/// What the engine told last. The fraction is 0 where it cannot be told.
fn progress(statement: &Statement, snapshot: &Snapshot) -> TProgressUpdateResp {
    let told = snapshot.progress;
    let done = snapshot.state == State::Succeeded;
    let fraction = if done { 1.0 } else { f64::from(told.fraction).clamp(0.0, 1.0) };
    TProgressUpdateResp {
        header_names: ["STATE", "ROWS_READ", "BYTES_READ"].map(str::to_owned).to_vec(),
        rows: vec![vec![
            snapshot.state.as_str().to_owned(),
            told.rows_read.to_string(),
            told.bytes_read.to_string(),
        ]],
        progressed_percentage: fraction,
        status: match (done, fraction > 0.0) {
            (true, _) => TJobExecutionStatus::COMPLETE,
            (false, true) => TJobExecutionStatus::IN_PROGRESS,
            (false, false) => TJobExecutionStatus::NOT_AVAILABLE,
        },
        footer_summary: String::new(),
        start_time: statement.info.started_at,
    }
}

/// A statement whose rows can be fetched is finished for the client, even if more are being made.
fn state(snapshot: &Snapshot) -> TOperationState {
    match snapshot.state {
        State::Pending => TOperationState::PENDING,
        State::Running if cursor::ready(snapshot) => TOperationState::FINISHED,
        State::Running => TOperationState::RUNNING,
        State::Succeeded => TOperationState::FINISHED,
        State::Failed => TOperationState::ERROR,
        State::Canceled => TOperationState::CANCELED,
        State::Closed => TOperationState::CLOSED,
    }
}

/// Until it is known, yes: then the client asks.
pub fn has_result_set(snapshot: &Snapshot) -> bool {
    match (&snapshot.schema, snapshot.state) {
        (Some(schema), _) => !schema.columns.is_empty(),
        (None, State::Pending | State::Running) => true,
        (None, _) => false,
    }
}

/// Cancelling what has ended, even what is closed already, is no error: clients race with the end.
pub async fn cancel(thrift: &Thrift, ctx: &Ctx, request: TOperationReq) -> Result<TStatusResp> {
    let handle = &request.operation_handle;
    match cursor::statement_id(thrift, handle) {
        Some(id) if thrift.cursors.contains_key(&id) => {
            cursor::statement(thrift, ctx, id).await?.cancel();
        }
        Some(_) => {}
        None => drop(held::find(thrift, ctx, &handle.operation_id)?),
    }
    Ok(TStatusResp { status: success() })
}

/// Again is fine.
pub async fn close(thrift: &Thrift, ctx: &Ctx, request: TOperationReq) -> Result<TStatusResp> {
    let handle = &request.operation_handle;
    let Some(id) = cursor::statement_id(thrift, handle) else {
        return match held::close(thrift, ctx, &handle.operation_id) {
            true => Ok(TStatusResp { status: success() }),
            false => Err(super::failure::Failure::invalid_handle("OperationHandle")),
        };
    };
    if thrift.cursors.contains_key(&id) {
        let statement = cursor::statement(thrift, ctx, id).await?;
        thrift.statements.close_statement(&statement).await?;
        thrift.cursors.invalidate(&id);
    }
    Ok(TStatusResp { status: success() })
}
