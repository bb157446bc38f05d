//! `/api/2.0/biplane/results/…`: chunks behind signed links. No authentication: the link is the right.

use super::{links, range, stream};
use crate::Query;
use crate::statements::ops::result_gone;
use crate::statements::{Format, Statement};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use biplane_api::error::ErrorBody;
use biplane_api::ids::StatementId;
use biplane_platform::{ApiError, ApiPath, ApiQuery, ErrorCode, Result};
use serde::Deserialize;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes(query: &Arc<Query>) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(result_chunk_download)).with_state(query.clone())
}

#[derive(Deserialize)]
struct Signed {
    #[serde(default)]
    expires: i64,
    #[serde(default)]
    signature: String,
}

/// A chunk of a result, as a link that this server gave out says.
#[utoipa::path(get, path = "/api/2.0/biplane/results/{statement_id}/{chunk_index}", operation_id = "result_chunk_download", tag = "Statement Execution",
    params(("statement_id" = String, Path), ("chunk_index" = u64, Path), ("expires" = i64, Query), ("signature" = String, Query)),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>), (status = 206, content_type = "application/octet-stream", body = Vec<u8>), (status = "default", body = ErrorBody)),
    security(()))]
async fn result_chunk_download(
    State(query): State<Arc<Query>>,
    ApiPath((id, index)): ApiPath<(String, String)>,
    ApiQuery(signed): ApiQuery<Signed>,
    headers: HeaderMap,
) -> Result<Response> {
    let malformed = |_| links::refused("This link is not one this server gave out.");
    let id: StatementId = id.parse().map_err(|_| malformed(()))?;
    let index: usize = index.parse().map_err(|_| malformed(()))?;
    query.links.verify(&id, index, signed.expires, &signed.signature, query.clock.now_ms())?;
    let statement = query.statements.linked(&id).ok_or_else(|| result_gone(&id))?;
    let mut span = statement.info.trace.span("result fetch");
    span.set("biplane.chunk_index", || i64::try_from(index).unwrap_or(i64::MAX));
    let schema = statement.snapshot().schema;
    let (Some(schema), Some(chunk)) = (schema, statement.chunk(index)) else {
        return Err(withdrawn(&statement));
    };
    let format = statement.info.format;
    let pieces = stream::pieces(format, &schema, &[chunk]).map_err(|error| gone(error, &id))?;
    let total = stream::total(&pieces);
    let part = match range::of(&headers, total) {
        Ok(part) => part,
        Err(range::Unsatisfiable) => return Ok(unsatisfiable(total)),
    };
    let (status, served) = match &part {
        Some(part) => (StatusCode::PARTIAL_CONTENT, part.clone()),
        None => (StatusCode::OK, 0..total),
    };
    let bytes = served.end - served.start;
    let pieces = stream::cut(pieces, served.clone());
    let mut response = (status, Body::from_stream(stream::stream(pieces))).into_response();
    let kind = match format {
        Format::Arrow { lz4_frame: false, .. } => "application/vnd.apache.arrow.stream",
        Format::Arrow { .. } => "application/octet-stream",
        Format::JsonArray => "application/json",
        Format::Csv => "text/csv; charset=utf-8",
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_LENGTH, bytes.into());
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if part.is_some() {
        let text = format!("bytes {}-{}/{total}", served.start, served.end - 1);
        headers.insert(header::CONTENT_RANGE, range::header_value(&text));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(response)
}

fn unsatisfiable(total: u64) -> Response {
    let text = "The Range header asks for nothing that is there.";
    let mut response = ApiError::new(ErrorCode::RangeNotSatisfiable, text).into_response();
    let value = range::header_value(&format!("bytes */{total}"));
    response.headers_mut().insert(header::CONTENT_RANGE, value);
    response
}

/// Why a chunk that a link promises is not there: its statement failed after that, or the result is gone.
fn withdrawn(statement: &Statement) -> ApiError {
    let ended = statement.snapshot().ended;
    match ended.as_ref().and_then(|ended| ended.error.as_ref()) {
        Some(error) => {
            let code = ErrorCode::parse(&error.error_code).unwrap_or(ErrorCode::BadRequest);
            ApiError::new(code, error.message.clone())
        }
        None => result_gone(&statement.info.id),
    }
}

fn gone(error: ApiError, id: &StatementId) -> ApiError {
    ApiError { internal: error.internal, ..result_gone(id) }
}
