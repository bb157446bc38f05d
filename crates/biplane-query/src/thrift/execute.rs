//! ExecuteStatement: begin, wait a little, and send the first rows along.

use super::Thrift;
use super::cursor::{self, Cursor};
use super::failure::{Result, success};
use super::handles::{Kind, uuid_of};
use super::idl::*;
use super::parameters::parameters;
use super::{fetch, session, status};
use crate::sessions::SqlSession;
use crate::statements::{Format, Snapshot, State, Statement, SubmitRequest, Target};
use biplane_platform::Ctx;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// With direct results the answer is held this long for the end of the statement.
const DIRECT_WAIT: Duration = Duration::from_secs(5);
/// A client that asked for a synchronous call and no direct results expects the end.
const SYNC_WAIT: Duration = Duration::from_secs(600);
/// A file behind a link is one chunk. Larger ones would hold up an engine, smaller ones a client.
const FILE_BYTES_MIN: u64 = 256 << 10;
const FILE_BYTES_MAX: u64 = 20 << 20;
const CONF_OF_TRANSPORT: &str = "spark.thriftserver.";
const TIMESTAMP_AS_STRING: &str = "spark.thriftserver.arrowbasedrowset.timestampasstring";

pub async fn execute(
    thrift: &Thrift,
    ctx: &Ctx,
    request: TExecuteStatementReq,
) -> Result<TOperationResp> {
    let session = session::find(thrift, ctx, &request.session_handle).await?;
    let direct = request.get_direct_results.clone();
    let wait = match &direct {
        Some(_) => DIRECT_WAIT,
        None if request.run_async == Some(true) => Duration::ZERO,
        None => SYNC_WAIT,
    };
    let cursor = Arc::new(Cursor {
        can_download: request.can_download_result == Some(true),
        next_row: Mutex::new(0),
    });
    let statement = thrift.statements.submit(ctx, submit_request(session, request)).await?;
    // Nobody could ever stop it if the client goes away before it has the handle.
    let mut abandoned = CancelOnDrop(Some(statement.clone()));
    let id = uuid_of(statement.info.id.as_str())?;
    thrift.cursors.insert(id, cursor.clone());
    let snapshot = thrift.statements.wait(&statement, Instant::now() + wait, cursor::ready).await?;
    let mut direct_results = None;
    if let Some(direct) = direct {
        let found = direct_results_of(thrift, ctx, &statement, &cursor, &snapshot, direct).await?;
        if found.close_operation.is_some() {
            close_behind(thrift, id, statement.clone());
        }
        direct_results = Some(found);
    }
    abandoned.0 = None;
    Ok(TOperationResp {
        status: success(),
        operation_handle: Some(TOperationHandle {
            operation_id: thrift.handles.make(Kind::Statement, id),
            operation_type: TOperationType::EXECUTE_STATEMENT,
            has_result_set: status::has_result_set(&snapshot),
            modified_row_count: None,
        }),
        direct_results,
    })
}

struct CancelOnDrop(Option<Arc<Statement>>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(statement) = &self.0 {
            statement.cancel();
        }
    }
}

fn submit_request(session: Arc<SqlSession>, request: TExecuteStatementReq) -> SubmitRequest {
    let format = format(&request);
    let mut submit = SubmitRequest::new(Target::Session(session), request.statement, format);
    submit.parameters = parameters(request.parameters.unwrap_or_default());
    submit.conf = request.conf_overlay.unwrap_or_default();
    submit.conf.retain(|key, _| !key.starts_with(CONF_OF_TRANSPORT));
    submit.row_limit = positive(request.result_row_limit);
    let file_bytes = positive(request.max_bytes_per_file);
    if request.can_download_result == Some(true) && file_bytes > 0 {
        submit.chunk_bytes_max = file_bytes.clamp(FILE_BYTES_MIN, FILE_BYTES_MAX);
    }
    let seconds = positive(request.query_timeout);
    submit.timeout = (seconds > 0).then(|| Duration::from_secs(seconds));
    submit
}

fn positive(number: Option<i64>) -> u64 {
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}

/// Types that a client does not take natively come as text. Old clients say so of timestamps in the
/// configuration, and of the others by not naming any types at all.
fn format(request: &TExecuteStatementReq) -> Format {
    if request.can_read_arrow_result != Some(true) {
        return Format::JsonArray;
    }
    let conf = request.conf_overlay.iter().flatten();
    let timestamps_by_conf = conf
        .filter(|(key, _)| key.eq_ignore_ascii_case(TIMESTAMP_AS_STRING))
        .any(|(_, value)| value.eq_ignore_ascii_case("false"));
    let native = request.use_arrow_native_types.clone().unwrap_or_default();
    Format::Arrow {
        lz4_frame: request.can_decompress_lz4_result == Some(true),
        timestamp_as_string: !native.timestamp_as_arrow.unwrap_or(timestamps_by_conf),
        decimal_as_string: native.decimal_as_arrow != Some(true),
        complex_as_string: native.complex_types_as_arrow != Some(true),
    }
}

/// Status, and when there are rows: the shape and the first of them. `closeOperation` promises that
/// these are all.
async fn direct_results_of(
    thrift: &Thrift,
    ctx: &Ctx,
    statement: &Statement,
    cursor: &Cursor,
    snapshot: &Snapshot,
    direct: TSparkGetDirectResults,
) -> Result<TSparkDirectResults> {
    let mut results = TSparkDirectResults {
        operation_status: Some(status::response(statement, snapshot, false)),
        ..Default::default()
    };
    let has_rows = matches!(snapshot.state, State::Pending | State::Running | State::Succeeded);
    if !has_rows || !cursor::ready(snapshot) {
        return Ok(results);
    }
    let limits = fetch::Limits::new(direct.max_rows, direct.max_bytes);
    let set = fetch::next_rows(thrift, ctx, statement, cursor, limits).await?;
    let metadata = fetch::metadata(statement, cursor, snapshot);
    // What links point to must stay.
    let by_link = metadata.result_format == Some(TSparkRowSetType::URL_BASED);
    let complete = set.has_more_rows == Some(false) && snapshot.complete() && !by_link;
    results.close_operation = complete.then(|| TStatusResp { status: success() });
    results.result_set_metadata = Some(metadata);
    results.result_set = Some(set);
    Ok(results)
}

/// The client will not come back; it need not wait for the result to be put away either.
fn close_behind(thrift: &Thrift, id: Uuid, statement: Arc<Statement>) {
    thrift.cursors.invalidate(&id);
    let statements = thrift.statements.clone();
    tokio::spawn(async move {
        if let Err(error) = statements.close_statement(&statement).await {
            tracing::warn!(%error, internal = error.internal, "a fetched result was not given back");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn shapes_follow_what_the_client_can_read() {
        let mut request = TExecuteStatementReq::default();
        assert_eq!(format(&request), Format::JsonArray);
        request.can_read_arrow_result = Some(true);
        let texts = |lz4_frame, timestamp_as_string| Format::Arrow {
            lz4_frame,
            timestamp_as_string,
            decimal_as_string: true,
            complex_as_string: true,
        };
        assert_eq!(format(&request), texts(false, true));
        let key = "spark.thriftserver.arrowBasedRowSet.timestampAsString".to_owned();
        request.conf_overlay = Some(BTreeMap::from([(key, "false".to_owned())]));
        assert_eq!(format(&request), texts(false, false));
        request.can_decompress_lz4_result = Some(true);
        request.use_arrow_native_types = Some(TSparkArrowTypes {
            timestamp_as_arrow: Some(true),
            decimal_as_arrow: Some(true),
            complex_types_as_arrow: Some(true),
            ..Default::default()
        });
        assert_eq!(format(&request), Format::arrow(true));
    }
}
