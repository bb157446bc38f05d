//! The Command Execution API 1.2. Bodies are JSON or forms.

use crate::Compute;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::{Form, Json};
use biplane_api::error::ErrorBody;
use biplane_platform::{ApiError, ApiJson, ApiQuery, Ctx, Result};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Compute>>;

pub(crate) fn routes() -> OpenApiRouter<Arc<Compute>> {
    OpenApiRouter::new()
        .routes(routes!(context_create))
        .routes(routes!(context_status))
        .routes(routes!(context_destroy))
        .routes(routes!(command_execute))
        .routes(routes!(command_status))
        .routes(routes!(command_cancel))
}

/// What the calls take; each its part of it.
#[derive(Debug, Default, Deserialize, ToSchema, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct CommandRequest {
    /// `serverless`.
    cluster_id: Option<String>,
    context_id: Option<String>,
    command_id: Option<String>,
    /// `python` or `sql`.
    language: Option<String>,
    command: Option<String>,
}

/// A body of either kind.
struct Body(CommandRequest);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let kind = request.headers().get(CONTENT_TYPE).map(|kind| kind.as_bytes());
        if kind.is_some_and(|kind| kind.starts_with(b"application/x-www-form-urlencoded")) {
            let (parts, body) = request.into_parts();
            let bytes = Bytes::from_request(Request::new(body), state).await;
            let bytes =
                bytes.map_err(|_| ApiError::invalid("The request body could not be read."))?;
            // Some clients send JSON under this name.
            if bytes.first() == Some(&b'{') {
                let request = Request::from_parts(parts, bytes.into());
                return ApiJson::from_request(request, state).await.map(|ApiJson(body)| Self(body));
            }
            let form = Form::from_request(Request::from_parts(parts, bytes.into()), state).await;
            let Form(body) = form.map_err(|_| ApiError::invalid("The form is not valid."))?;
            return Ok(Self(body));
        }
        ApiJson::from_request(request, state).await.map(|ApiJson(body)| Self(body))
    }
}

/// Makes a context. It is Pending until its interpreter runs.
#[utoipa::path(post, path = "/api/1.2/contexts/create", operation_id = "context_create", tag = "commands", request_body = CommandRequest,
    responses((status = 200, body = Object), (status = "4XX", body = ErrorBody)))]
async fn context_create(
    State(compute): Service,
    ctx: Ctx,
    Body(body): Body,
) -> Result<Json<Value>> {
    let made = compute.context_create(&ctx, body.cluster_id.as_deref(), body.language.as_deref());
    made.await.map(Json)
}

/// State of a context.
#[utoipa::path(get, path = "/api/1.2/contexts/status", operation_id = "context_status", tag = "commands", params(CommandRequest),
    responses((status = 200, body = Object), (status = "4XX", body = ErrorBody)))]
async fn context_status(
    State(compute): Service,
    ctx: Ctx,
    ApiQuery(query): ApiQuery<CommandRequest>,
) -> Result<Json<Value>> {
    let (cluster, context) = (query.cluster_id.as_deref(), query.context_id.as_deref());
    compute.context_status(&ctx, cluster, context).map(Json)
}

/// Ends a context and what runs in it.
#[utoipa::path(post, path = "/api/1.2/contexts/destroy", operation_id = "context_destroy", tag = "commands", request_body = CommandRequest,
    responses((status = 200, body = Object), (status = "4XX", body = ErrorBody)))]
async fn context_destroy(
    State(compute): Service,
    ctx: Ctx,
    Body(body): Body,
) -> Result<Json<Value>> {
    let (cluster, context) = (body.cluster_id.as_deref(), body.context_id.as_deref());
    compute.context_destroy(&ctx, cluster, context).map(Json)
}

/// Runs a command after those before it in its context.
#[utoipa::path(post, path = "/api/1.2/commands/execute", operation_id = "command_execute", tag = "commands", request_body = CommandRequest,
    responses((status = 200, body = Object), (status = "4XX", body = ErrorBody)))]
async fn command_execute(
    State(compute): Service,
    ctx: Ctx,
    Body(body): Body,
) -> Result<Json<Value>> {
    let (cluster, context) = (body.cluster_id.as_deref(), body.context_id.as_deref());
    let (language, command) = (body.language.as_deref(), body.command.as_deref());
    compute.command_execute(&ctx, cluster, context, language, command).map(Json)
}

/// State of a command, and its result once it has ended.
#[utoipa::path(get, path = "/api/1.2/commands/status", operation_id = "command_status", tag = "commands", params(CommandRequest),
    responses((status = 200, body = Object), (status = "4XX", body = ErrorBody)))]
async fn command_status(
    State(compute): Service,
    ctx: Ctx,
    ApiQuery(query): ApiQuery<CommandRequest>,
) -> Result<Json<Value>> {
    let (cluster, context) = (query.cluster_id.as_deref(), query.context_id.as_deref());
    compute.command_status(&ctx, cluster, context, query.command_id.as_deref()).map(Json)
}

/// Asks a command to end; poll its state to see it Cancelled.
#[utoipa::path(post, path = "/api/1.2/commands/cancel", operation_id = "command_cancel", tag = "commands", request_body = CommandRequest,
    responses((status = 200, body = Object), (status = "4XX", body = ErrorBody)))]
async fn command_cancel(
    State(compute): Service,
    ctx: Ctx,
    Body(body): Body,
) -> Result<Json<Value>> {
    let (cluster, context) = (body.cluster_id.as_deref(), body.context_id.as_deref());
    compute.command_cancel(&ctx, cluster, context, body.command_id.as_deref()).map(Json)
}
