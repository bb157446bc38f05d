//! GetResultSetMetadata and FetchResults.

use super::columns::{columns, rows_from_json};
use super::cursor::{self, Cursor};
use super::failure::{Failure, Result, success};
use super::idl::*;
use super::{Thrift, held, schema};
use crate::statements::{Snapshot, Statement};
use biplane_platform::{ApiError, Ctx};
use std::time::Duration;
use tokio::time::Instant;

/// A fetch is held this long for the next rows; then it answers that there are more.
const ROWS_WAIT: Duration = Duration::from_secs(60);
const END_WAIT: Duration = Duration::from_millis(200);
const ROWS_MAX: usize = 1_000_000;
const BYTES_DEFAULT: u64 = 20 << 20;
const BYTES_MAX: u64 = 100 << 20;
/// Links in one answer: enough to keep many downloads going.
const LINKS_MAX: usize = 64;

/// What one answer may hold; a chunk is never cut, so at least one goes out.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    rows: usize,
    bytes: u64,
}

impl Limits {
    pub fn new(max_rows: i64, max_bytes: Option<i64>) -> Self {
        let rows = usize::try_from(max_rows).unwrap_or(0).clamp(1, ROWS_MAX);
        let bytes =
            max_bytes.and_then(|bytes| u64::try_from(bytes).ok()).filter(|bytes| *bytes > 0);
        Self { rows, bytes: bytes.unwrap_or(BYTES_DEFAULT).min(BYTES_MAX) }
    }
}

pub async fn result_set_metadata(
    thrift: &Thrift,
    ctx: &Ctx,
    request: TOperationReq,
) -> Result<TGetResultSetMetadataResp> {
    let handle = &request.operation_handle;
    if let Some(held) = held::find(thrift, ctx, &handle.operation_id)? {
        return Ok(held.metadata());
    }
    let (statement, cursor) = cursor::find(thrift, ctx, handle).await?;
    let snapshot = until_ready(thrift, &statement).await?;
    Ok(metadata(&statement, &cursor, &snapshot))
}

/// A snapshot with rows to give. The shape of a result is not known before.
async fn until_ready(thrift: &Thrift, statement: &Statement) -> Result<Snapshot> {
    let deadline = Instant::now() + ROWS_WAIT;
    let snapshot = thrift.statements.wait(statement, deadline, cursor::ready).await?;
    cursor::require_success(&snapshot)?;
    match cursor::ready(&snapshot) {
        true => Ok(snapshot),
        false => Err(Failure::new(
            "HY000",
            "[OPERATION_NOT_FINISHED] The statement is still running; ask for its status first.",
        )),
    }
}

pub fn metadata(
    statement: &Statement,
    cursor: &Cursor,
    snapshot: &Snapshot,
) -> TGetResultSetMetadataResp {
    let result = snapshot.schema.as_deref();
    let arrow_schema =
        result.map(|schema| &schema.arrow_schema).filter(|schema| !schema.is_empty());
    TGetResultSetMetadataResp {
        status: success(),
        schema: Some(schema::table_schema(result.map_or(&[], |schema| &schema.columns))),
        result_format: Some(cursor::shape(statement, cursor, snapshot)),
        lz4_compressed: Some(statement.info.format.lz4_frame()),
        arrow_schema: arrow_schema.cloned(),
        cache_lookup_result: Some(TCacheLookupResult::CACHE_MISS),
        uncompressed_bytes: None,
        compressed_bytes: None,
        is_staging_operation: Some(statement.info.staging),
    }
}

pub async fn fetch_results(
    thrift: &Thrift,
    ctx: &Ctx,
    request: TFetchResultsReq,
) -> Result<TFetchResultsResp> {
    let handle = &request.operation_handle;
    let wants_metadata = request.include_result_set_metadata == Some(true);
    let from_start = request.orientation == TFetchOrientation::FIRST;
    if !from_start && request.orientation != TFetchOrientation::NEXT {
        return Err(Failure::unsupported("Fetching in another direction than forward"));
    }
    let limits = Limits::new(request.max_rows, request.max_bytes);
    if let Some(held) = held::find(thrift, ctx, &handle.operation_id)? {
        let mut found = held.fetch(request.orientation, request.start_row_offset, limits.rows)?;
        found.result_set_metadata = wants_metadata.then(|| held.metadata());
        return Ok(found);
    }
    let (statement, cursor) = cursor::find(thrift, ctx, handle).await?;
    let snapshot = until_ready(thrift, &statement).await?;
    let start = match request.start_row_offset {
        // A client asks again for links that have expired.
        Some(row) => Some(u64::try_from(row).unwrap_or(0)),
        None => from_start.then_some(0),
    };
    if let Some(row) = start {
        *cursor.next_row.lock() = row;
    }
    let mut found = next_rows(thrift, ctx, &statement, &cursor, limits).await?;
    found.result_set_metadata = wants_metadata.then(|| metadata(&statement, &cursor, &snapshot));
    Ok(found)
}

/// The rows behind the cursor, which moves on. Waits for them while the statement makes more.
pub async fn next_rows(
    thrift: &Thrift,
    ctx: &Ctx,
    statement: &Statement,
    cursor: &Cursor,
    limits: Limits,
) -> Result<TFetchResultsResp> {
    let start = *cursor.next_row.lock();
    let deadline = Instant::now() + ROWS_WAIT;
    let snapshot =
        thrift.statements.wait(statement, deadline, |snapshot| snapshot.rows > start).await?;
    cursor::require_success(&snapshot)?;
    let shape = cursor::shape(statement, cursor, &snapshot);
    let (rows, end) = match (statement.chunk_of_row(start), shape) {
        (None, _) => (nothing(shape, start, &snapshot), start),
        (Some(first), TSparkRowSetType::URL_BASED) => links(thrift, ctx, statement, first)?,
        (Some(first), TSparkRowSetType::ARROW_BASED) => batches(statement, first, limits).await?,
        (Some(first), _) => {
            let types = snapshot.schema.as_deref().map(|schema| schema::type_ids(&schema.columns));
            texts(statement, &types.unwrap_or_default(), first, start, limits).await?
        }
    };
    *cursor.next_row.lock() = end;
    // The end follows the last rows at once, and knowing it saves the client a call. While more rows are
    // being made the client should use its time for those that are there.
    let goes_on = |snapshot: &Snapshot| snapshot.more || snapshot.rows > end;
    let deadline = Instant::now() + END_WAIT;
    let now = thrift.statements.wait(statement, deadline, goes_on).await?;
    Ok(TFetchResultsResp {
        status: success(),
        has_more_rows: Some(end < now.rows || !now.complete()),
        results: Some(rows),
        result_set_metadata: None,
    })
}

/// No rows, in the shape of the result.
fn nothing(shape: TSparkRowSetType, start: u64, snapshot: &Snapshot) -> TRowSet {
    let mut rows = TRowSet { start_row_offset: row_number(start), ..Default::default() };
    match shape {
        TSparkRowSetType::URL_BASED => rows.result_links = Some(Vec::new()),
        TSparkRowSetType::ARROW_BASED => rows.arrow_batches = Some(Vec::new()),
        _ => {
            let types = snapshot.schema.as_deref().map(|schema| schema::type_ids(&schema.columns));
            rows.columns = columns(&types.unwrap_or_default(), &[]).ok();
        }
    }
    rows
}

fn row_number(row: u64) -> i64 {
    i64::try_from(row).unwrap_or(i64::MAX)
}

/// Links to whole chunks, from the one the cursor is in.
fn links(
    thrift: &Thrift,
    ctx: &Ctx,
    statement: &Statement,
    first: usize,
) -> Result<(TRowSet, u64)> {
    let now_ms = ctx.now_ms();
    let mut end = 0;
    let metas = (first..first + LINKS_MAX)
        .map_while(|index| statement.chunk_meta(index).map(|meta| (index, meta)));
    let result_links: Vec<_> = metas
        .map(|(index, meta)| {
            end = meta.row_offset + meta.rows;
            let link = thrift.links.sign(&ctx.base_url, &statement.info.id, index, now_ms);
            TSparkArrowResultLink {
                file_link: link.url,
                expiry_time: link.expires_ms,
                start_row_offset: row_number(meta.row_offset),
                row_count: row_number(meta.rows),
                bytes_num: row_number(meta.bytes),
                http_headers: None,
            }
        })
        .collect();
    let start = result_links.first().map_or(0, |link| link.start_row_offset);
    Ok((
        TRowSet { start_row_offset: start, result_links: Some(result_links), ..Default::default() },
        end,
    ))
}

/// Chunks as they are, one batch each.
async fn batches(statement: &Statement, first: usize, limits: Limits) -> Result<(TRowSet, u64)> {
    let mut batches = Vec::new();
    let (mut rows, mut bytes, mut start, mut end) = (0u64, 0u64, 0, 0);
    for index in first.. {
        let Some(meta) = statement.chunk_meta(index) else {
            break;
        };
        rows += meta.rows;
        bytes += meta.bytes;
        if index == first {
            start = meta.row_offset;
        } else if rows > limits.rows as u64 || bytes > limits.bytes {
            break;
        }
        let batch = chunk(statement, index).await?;
        batches.push(TSparkArrowBatch { batch, row_count: row_number(meta.rows) });
        end = meta.row_offset + meta.rows;
    }
    Ok((
        TRowSet {
            start_row_offset: row_number(start),
            arrow_batches: Some(batches),
            ..Default::default()
        },
        end,
    ))
}

/// Rows of one chunk as typed columns.
async fn texts(
    statement: &Statement,
    types: &[TTypeId],
    index: usize,
    start: u64,
    limits: Limits,
) -> Result<(TRowSet, u64)> {
    let offset = statement.chunk_meta(index).map_or(start, |meta| meta.row_offset);
    let data = chunk(statement, index).await?;
    let rows = rows_from_json(&data).map_err(ApiError::internal)?;
    let skip = usize::try_from(start - offset).unwrap_or(usize::MAX).min(rows.len());
    let count = limits.rows.min(rows.len() - skip);
    let columns = columns(types, &rows[skip..skip + count]).map_err(ApiError::internal)?;
    Ok((
        TRowSet {
            start_row_offset: row_number(start),
            column_count: i32::try_from(columns.len()).ok(),
            columns: Some(columns),
            ..Default::default()
        },
        start + count as u64,
    ))
}

async fn chunk(statement: &Statement, index: usize) -> Result<bytes::Bytes> {
    let gone = || Failure::new("HY000", "[RESULT_EXPIRED] The result is no longer available.");
    let chunk = statement.chunk(index).ok_or_else(gone)?;
    chunk.bytes().await.map_err(|error| {
        tracing::warn!(%error, statement_id = %statement.info.id, "a result chunk could not be read");
        gone()
    })
}
