//! How far a client has fetched the rows of a statement, and in which shape it takes them.

use super::Thrift;
use super::failure::{Failure, Result};
use super::handles::Kind;
use super::idl::*;
use crate::statements::{Format, Snapshot, State, Statement};
use biplane_api::ids::StatementId;
use biplane_platform::Ctx;
use moka::sync::Cache;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// As long as results are kept.
const IDLE: Duration = Duration::from_secs(3600);
const CURSORS_MAX: u64 = 100_000;
/// A result of one chunk with more bytes goes by link, to clients that take links.
const INLINE_BYTES_MAX: u64 = 1 << 20;

pub struct Cursor {
    /// The client follows links (CloudFetch).
    pub can_download: bool,
    pub next_row: Mutex<u64>,
}

pub type Cursors = Cache<Uuid, Arc<Cursor>>;

pub fn cursors() -> Cursors {
    Cache::builder().time_to_idle(IDLE).max_capacity(CURSORS_MAX).build()
}

/// The caller's statement of an operation handle, and its cursor. A server that was started anew has
/// the statement but not the cursor: rows could come twice, so there is no way on.
pub async fn find(
    thrift: &Thrift,
    ctx: &Ctx,
    handle: &TOperationHandle,
) -> Result<(Arc<Statement>, Arc<Cursor>)> {
    let invalid = || Failure::invalid_handle("OperationHandle");
    let id = statement_id(thrift, handle).ok_or_else(invalid)?;
    let cursor = thrift.cursors.get(&id).ok_or_else(invalid)?;
    Ok((statement(thrift, ctx, id).await?, cursor))
}

/// The id in a handle that is genuine.
pub fn statement_id(thrift: &Thrift, handle: &TOperationHandle) -> Option<Uuid> {
    thrift.handles.open(Kind::Statement, &handle.operation_id)
}

pub async fn statement(thrift: &Thrift, ctx: &Ctx, id: Uuid) -> Result<Arc<Statement>> {
    let invalid = || Failure::invalid_handle("OperationHandle");
    let id: StatementId = id.to_string().parse().map_err(|_| invalid())?;
    let access = crate::statements::ops::Access::Result;
    let found = thrift.statements.find(ctx, &id, access).await;
    found.map_err(|error| match error.code.http_status().as_u16() {
        404 => invalid(),
        _ => error.into(),
    })
}

/// A client may begin to fetch: the statement has ended, or its result is so large that the rest can
/// follow while it fetches. From then on the shape of the result is known.
pub fn ready(snapshot: &Snapshot) -> bool {
    snapshot.complete() || is_large(snapshot)
}

fn is_large(snapshot: &Snapshot) -> bool {
    snapshot.first_is_full || snapshot.chunks > 1
}

/// Only for snapshots that are `ready`, and for ever the same from then on.
pub fn shape(statement: &Statement, cursor: &Cursor, snapshot: &Snapshot) -> TSparkRowSetType {
    let large = is_large(snapshot) || snapshot.bytes > INLINE_BYTES_MAX;
    match statement.info.format {
        Format::Arrow { .. } if large && cursor.can_download => TSparkRowSetType::URL_BASED,
        Format::Arrow { .. } => TSparkRowSetType::ARROW_BASED,
        Format::JsonArray | Format::Csv => TSparkRowSetType::COLUMN_BASED,
    }
}

/// Refuses a statement that has no rows to give.
pub fn require_success(snapshot: &Snapshot) -> Result<()> {
    match snapshot.state {
        State::Pending | State::Running | State::Succeeded => Ok(()),
        State::Closed => Err(Failure::invalid_handle("OperationHandle")),
        State::Failed | State::Canceled => Err(match error(snapshot) {
            Some(error) => Failure::new(error.sql_state.clone(), error.message.clone()),
            None => Failure::new("HY008", "[OPERATION_CANCELED] The statement was canceled."),
        }),
    }
}

pub fn error(snapshot: &Snapshot) -> Option<&crate::statements::StatementError> {
    snapshot.ended.as_ref()?.error.as_ref()
}
