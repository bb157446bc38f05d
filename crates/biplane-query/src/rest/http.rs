//! Routes of the statement API.

use super::{request, response};
use crate::Query;
use crate::statements::{Access, StatementService, Target};
use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::{get, post};
use biplane_api::compute::Empty;
use biplane_api::error::ErrorBody;
use biplane_api::ids::StatementId;
use biplane_api::query::{ExecuteStatementRequest, ResultData, StatementResponse};
use biplane_platform::{ApiError, ApiJson, ApiPath, Ctx, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Query>>;

/// The text of a statement and its parameters, in JSON.
const BODY_BYTES_MAX: usize = 40 << 20;
/// A cancelled statement ends at once; an engine is not waited for.
const CANCEL_WAIT: Duration = Duration::from_secs(5);

pub(crate) fn routes(query: &Arc<Query>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(statement_execute))
        .routes(routes!(statement_get, statement_close))
        .routes(routes!(statement_cancel))
        .routes(routes!(statement_result_chunk_get))
        .route("/api/2.0/sql/statements/", post(statement_execute))
        .route(
            "/api/2.0/sql/statements/{statement_id}/",
            get(statement_get).delete(statement_close),
        )
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(query.clone())
}

/// Runs a statement. A failed one answers 200 with `status.state` FAILED.
#[utoipa::path(post, path = "/api/2.0/sql/statements", operation_id = "statement_execute", tag = "Statement Execution",
    request_body = ExecuteStatementRequest,
    responses((status = 200, body = StatementResponse), (status = "default", body = ErrorBody)))]
async fn statement_execute(
    State(query): Service,
    ctx: Ctx,
    ApiJson(body): ApiJson<ExecuteStatementRequest>,
) -> Result<Response> {
    let wait = request::wait(&body)?;
    let form = request::form(&body)?;
    let target = target(&query, &ctx, &body).await?;
    let submit = request::submit(body, target, form)?;
    let statement = query.statements.submit(&ctx, submit).await?;
    let service: &StatementService = &query.statements;
    let mut snapshot = service.wait(&statement, Instant::now() + wait.timeout, |_| false).await?;
    if wait.cancel && !snapshot.complete() {
        statement.cancel();
        snapshot = service.wait(&statement, Instant::now() + CANCEL_WAIT, |_| false).await?;
    }
    response::statement(&query, &ctx, &statement, &snapshot).await
}

async fn target(query: &Query, ctx: &Ctx, body: &ExecuteStatementRequest) -> Result<Target> {
    let Some(session_id) = body.session_id.as_deref().filter(|id| !id.is_empty()) else {
        return request::warehouse_id(body.warehouse_id.as_deref()).map(Target::Warehouse);
    };
    let id = session_id.parse().map_err(|_| ApiError::invalid("session_id is not valid."))?;
    let session = query.sessions.get(ctx, &id).await?;
    let other = body.warehouse_id.as_deref().filter(|id| !id.is_empty());
    match other.is_none_or(|id| id == session.warehouse_id.as_str()) {
        true => Ok(Target::Session(session)),
        false => Err(ApiError::invalid("The session is one of another warehouse.")),
    }
}

/// A malformed id is one that does not exist.
fn id(text: &str) -> Result<StatementId> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(64).collect();
        ApiError::not_found(format!("The statement {shown} was not found."))
    })
}

/// State of a statement, and the first chunk of its result.
#[utoipa::path(get, path = "/api/2.0/sql/statements/{statement_id}", operation_id = "statement_get", tag = "Statement Execution",
    params(("statement_id" = String, Path)),
    responses((status = 200, body = StatementResponse), (status = "default", body = ErrorBody)))]
async fn statement_get(
    State(query): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
) -> Result<Response> {
    let statement = query.statements.find(&ctx, &id(&text)?, Access::Status).await?;
    let snapshot = statement.snapshot();
    response::statement(&query, &ctx, &statement, &snapshot).await
}

/// Ends the statement if it runs and gives its result back.
#[utoipa::path(delete, path = "/api/2.0/sql/statements/{statement_id}", operation_id = "statement_close", tag = "Statement Execution",
    params(("statement_id" = String, Path)),
    responses((status = 200, body = Empty), (status = "default", body = ErrorBody)))]
async fn statement_close(
    State(query): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
) -> Result<Json<Empty>> {
    query.statements.close(&ctx, &id(&text)?).await?;
    Ok(Json(Empty {}))
}

/// Asks a statement to end; poll its state to see it CANCELED.
#[utoipa::path(post, path = "/api/2.0/sql/statements/{statement_id}/cancel", operation_id = "statement_cancel", tag = "Statement Execution",
    params(("statement_id" = String, Path)),
    responses((status = 200, body = Empty), (status = "default", body = ErrorBody)))]
async fn statement_cancel(
    State(query): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
) -> Result<Json<Empty>> {
    query.statements.cancel(&ctx, &id(&text)?).await?;
    Ok(Json(Empty {}))
}

/// One chunk of the result, or a link to it.
#[utoipa::path(get, path = "/api/2.0/sql/statements/{statement_id}/result/chunks/{chunk_index}", operation_id = "statement_result_chunk_get", tag = "Statement Execution",
    params(("statement_id" = String, Path), ("chunk_index" = u64, Path)),
    responses((status = 200, body = ResultData), (status = "default", body = ErrorBody)))]
async fn statement_result_chunk_get(
    State(query): Service,
    ctx: Ctx,
    ApiPath((text, index)): ApiPath<(String, String)>,
) -> Result<Response> {
    let id = id(&text)?;
    let index = index
        .parse::<usize>()
        .map_err(|_| ApiError::invalid("chunk_index must be a number from 0."))?;
    let statement = query.statements.find(&ctx, &id, Access::Result).await?;
    response::chunk(&query, &ctx, &statement, index).await
}
