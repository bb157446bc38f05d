//! Answers: the state of a statement, and its result as its delivery has it.
//!
//! An INLINE result is one chunk whatever chunks the engine made; a small Arrow result that may be
//! inline is one attachment; everything else is a link for each chunk.

use crate::Query;
use crate::results::{Chunk, body, links::Link};
use crate::statements::ops::result_gone;
use crate::statements::{Delivery, Format, Snapshot, State, Statement};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use biplane_api::query::{
    ChunkInfo, ExternalLink, ResultColumn, ResultData, ResultManifest, ResultSchema, ServiceError,
    StatementProgress, StatementResponse, StatementStatus,
};
use biplane_platform::{ApiError, Ctx, Result};
use biplane_proto::v1;
use bytes::Bytes;
use serde::Serialize;

/// An Arrow result up to this size goes into the answer itself where that is allowed.
const ATTACHMENT_BYTES_MAX: u64 = 4 << 20;

/// How a result is cut for its client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// All rows in the answer as a JSON array.
    Inline,
    /// All rows in the answer as an Arrow stream.
    Attachment,
    Links,
}

fn shape(statement: &Statement, snapshot: &Snapshot) -> Shape {
    let has_columns = snapshot.schema.as_ref().is_some_and(|schema| !schema.columns.is_empty());
    match statement.info.delivery {
        Delivery::Inline => Shape::Inline,
        Delivery::InlineOrExternalLinks
            if has_columns && snapshot.bytes <= ATTACHMENT_BYTES_MAX =>
        {
            Shape::Attachment
        }
        _ => Shape::Links,
    }
}

/// The answer to POST and GET. Somebody else's result is not in it.
pub(super) async fn statement(
    query: &Query,
    ctx: &Ctx,
    statement: &Statement,
    snapshot: &Snapshot,
) -> Result<Response> {
    let mut answer = StatementResponse {
        statement_id: statement.info.id.clone(),
        status: status(snapshot),
        manifest: None,
        result: None,
    };
    let own = statement.info.principal_id == ctx.principal.id;
    let schema = snapshot.schema.as_ref().filter(|_| own && snapshot.state == State::Succeeded);
    let Some(schema) = schema else { return Ok(json(&answer, None)) };
    let shape = shape(statement, snapshot);
    answer.manifest = Some(manifest(statement, snapshot, schema, shape));
    match result(query, ctx, statement, snapshot, shape, 0).await {
        Ok((data, rows)) => {
            answer.result = Some(data);
            Ok(json(&answer, rows.map(|rows| (rows, "}}"))))
        }
        // Its time is over: the state is still told.
        Err(error) if error.code == biplane_platform::ErrorCode::NotFound => {
            answer.manifest = None;
            Ok(json(&answer, None))
        }
        Err(error) => Err(error),
    }
}

/// The answer to GET of one chunk.
pub(super) async fn chunk(
    query: &Query,
    ctx: &Ctx,
    statement: &Statement,
    index: usize,
) -> Result<Response> {
    let snapshot = statement.snapshot();
    let id = &statement.info.id;
    match snapshot.state {
        State::Succeeded if snapshot.schema.is_some() => {}
        State::Succeeded | State::Closed => return Err(result_gone(id)),
        State::Pending | State::Running => {
            return Err(ApiError::new(
                biplane_platform::ErrorCode::InvalidState,
                format!("The statement {id} has not ended yet; it has no result."),
            ));
        }
        State::Failed | State::Canceled => {
            return Err(ApiError::not_found(format!(
                "The statement {id} did not succeed; it has no result."
            )));
        }
    }
    let shape = shape(statement, &snapshot);
    let chunks =
        if shape == Shape::Links { snapshot.chunks } else { usize::from(snapshot.chunks > 0) };
    if index >= chunks.max(1) {
        return Err(ApiError::not_found(format!(
            "The result of statement {id} has {chunks} chunks."
        )));
    }
    let (data, rows) = result(query, ctx, statement, &snapshot, shape, index).await?;
    Ok(json(&data, rows.map(|rows| (rows, "}"))))
}

fn status(snapshot: &Snapshot) -> StatementStatus {
    let error = snapshot.ended.as_ref().and_then(|ended| ended.error.as_ref());
    StatementStatus {
        state: snapshot.state.as_str().into(),
        error: error.map(|error| ServiceError {
            error_code: error.error_code.clone(),
            message: error.message.clone(),
        }),
        sql_state: error.map(|error| error.sql_state.clone()).filter(|state| !state.is_empty()),
        progress: (snapshot.state == State::Running).then(|| StatementProgress {
            fraction: Some(snapshot.progress.fraction)
                .filter(|fraction| *fraction > 0.0)
                .map(|fraction| fraction.min(1.0)),
            rows_read: snapshot.progress.rows_read,
            bytes_read: snapshot.progress.bytes_read,
        }),
    }
}

fn manifest(
    statement: &Statement,
    snapshot: &Snapshot,
    schema: &v1::ResultSchema,
    shape: Shape,
) -> ResultManifest {
    let bytes = shape != Shape::Inline;
    let info = |(index, meta): (usize, crate::results::ChunkMeta)| ChunkInfo {
        chunk_index: index as u64,
        row_offset: meta.row_offset,
        row_count: meta.rows,
        byte_count: bytes.then_some(meta.bytes),
    };
    let chunks: Vec<ChunkInfo> = match shape {
        Shape::Links => statement.chunk_metas().into_iter().enumerate().map(info).collect(),
        Shape::Inline | Shape::Attachment if snapshot.rows == 0 => Vec::new(),
        Shape::Inline | Shape::Attachment => vec![ChunkInfo {
            chunk_index: 0,
            row_offset: 0,
            row_count: snapshot.rows,
            byte_count: bytes.then_some(snapshot.bytes),
        }],
    };
    let (format, compression) = match statement.info.format {
        Format::JsonArray => ("JSON_ARRAY", None),
        Format::Csv => ("CSV", None),
        Format::Arrow { lz4_frame: true, .. } => ("ARROW_STREAM", Some("LZ4_FRAME")),
        Format::Arrow { .. } => ("ARROW_STREAM", Some("NONE")),
    };
    ResultManifest {
        format: format.into(),
        schema: ResultSchema {
            column_count: schema.columns.len() as u64,
            columns: schema.columns.iter().zip(0..).map(column).collect(),
        },
        total_chunk_count: chunks.len() as u64,
        chunks,
        total_row_count: snapshot.rows,
        total_byte_count: snapshot.bytes,
        truncated: snapshot.ended.as_ref().is_some_and(|ended| ended.truncated),
        result_compression: compression.map(Into::into),
        is_volume_operation: statement.info.staging,
    }
}

fn column((column, position): (&v1::Column, u64)) -> ResultColumn {
    let decimal = column.type_name == "DECIMAL";
    ResultColumn {
        name: column.name.clone(),
        type_text: column.type_text.clone(),
        type_name: column.type_name.clone(),
        position,
        type_precision: decimal.then_some(column.precision),
        type_scale: decimal.then_some(column.scale),
        type_interval_type: Some(column.interval_type.clone()).filter(|text| !text.is_empty()),
    }
}

/// One chunk as the client sees it; JSON rows come beside it as they are.
async fn result(
    query: &Query,
    ctx: &Ctx,
    statement: &Statement,
    snapshot: &Snapshot,
    shape: Shape,
    index: usize,
) -> Result<(ResultData, Option<Bytes>)> {
    let schema = snapshot.schema.as_deref().ok_or_else(|| result_gone(&statement.info.id))?;
    if shape == Shape::Links {
        return Ok((links(query, ctx, statement, snapshot, index)?, None));
    }
    let all = all_chunks(statement, snapshot)?;
    let body = body(statement.info.format, schema, &all).await?;
    let data = ResultData {
        chunk_index: Some(0),
        row_offset: Some(0),
        row_count: Some(snapshot.rows),
        byte_count: (shape == Shape::Attachment).then_some(body.len() as u64),
        ..ResultData::default()
    };
    match shape {
        Shape::Attachment => {
            Ok((ResultData { attachment: Some(STANDARD.encode(&body)), ..data }, None))
        }
        _ => Ok((data, Some(body))),
    }
}

fn all_chunks(statement: &Statement, snapshot: &Snapshot) -> Result<Vec<Chunk>> {
    let chunk = |index| statement.chunk(index).ok_or_else(|| result_gone(&statement.info.id));
    (0..snapshot.chunks).map(chunk).collect()
}

fn links(
    query: &Query,
    ctx: &Ctx,
    statement: &Statement,
    snapshot: &Snapshot,
    index: usize,
) -> Result<ResultData> {
    if index == 0 && snapshot.chunks == 0 {
        return Ok(ResultData::default());
    }
    let id = &statement.info.id;
    let chunk = statement.chunk(index).ok_or_else(|| result_gone(id))?;
    let Link { url, expires_ms } = query.links.sign(&ctx.base_url, id, index, ctx.now_ms());
    let next = (index + 1 < snapshot.chunks).then_some(index as u64 + 1);
    let next_link = next.map(|next| format!("/api/2.0/sql/statements/{id}/result/chunks/{next}"));
    let link = ExternalLink {
        external_link: url,
        expiration: rfc3339(expires_ms),
        chunk_index: index as u64,
        row_offset: chunk.meta.row_offset,
        row_count: chunk.meta.rows,
        byte_count: chunk.meta.bytes,
        next_chunk_index: next,
        next_chunk_internal_link: next_link,
        http_headers: Default::default(),
    };
    Ok(ResultData { external_links: Some(vec![link]), ..ResultData::default() })
}

fn rfc3339(ms: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(ms).unwrap_or_default();
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// JSON, with rows put in as the last field of the innermost object. They are JSON already and are not
/// read again.
fn json<T: Serialize>(answer: &T, rows: Option<(Bytes, &str)>) -> Response {
    let mut text = match serde_json::to_vec(answer) {
        Ok(text) => text,
        Err(error) => return ApiError::internal(error).into_response(),
    };
    if let Some((rows, end)) = rows {
        text.truncate(text.len() - end.len());
        text.reserve(rows.len() + 32);
        text.extend_from_slice(b",\"data_array\":");
        text.extend_from_slice(&rows);
        text.extend_from_slice(end.as_bytes());
    }
    let mut response = Bytes::from(text).into_response();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
