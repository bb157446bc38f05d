//! `/api/2.0/biplane/nodes…`, `…/node-tokens`, `…/sandboxes` and `…/outbound-accesses`

use super::accesses::AccessFilter;
use super::sandboxes::SandboxFilter;
use crate::Compute;
use crate::warehouses::http::PageParams;
use axum::Json;
use axum::extract::State;
use biplane_api::compute::{Empty, NodeInfo, NodeList};
use biplane_api::error::ErrorBody;
use biplane_api::ids::{NodeId, WarehouseId};
use biplane_api::nodes::{NewNodeToken, NodeTokenList, NodeTokenRequest};
use biplane_api::seen::{OutboundAccessList, SandboxList};
use biplane_platform::{ApiError, ApiJson, ApiPath, ApiQuery, Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Compute>>;

pub(crate) fn routes() -> OpenApiRouter<Arc<Compute>> {
    OpenApiRouter::new()
        .routes(routes!(node_list))
        .routes(routes!(node_delete))
        .routes(routes!(node_token_create, node_token_list))
        .routes(routes!(node_token_delete))
        .routes(routes!(node_drain))
        .routes(routes!(node_resume))
        .routes(routes!(sandbox_list))
        .routes(routes!(outbound_access_list))
}

/// What is no id names nothing.
fn id(text: &str) -> Result<NodeId> {
    text.parse().map_err(|_| {
        let text: String = text.chars().take(64).collect();
        ApiError::not_found(format!("Node {text} does not exist."))
    })
}

/// The hosts that run compute, for admins of the account.
#[utoipa::path(get, path = "/api/2.0/biplane/nodes", operation_id = "node_list", tag = "nodes", params(PageParams),
    responses((status = 200, body = NodeList), (status = "4XX", body = ErrorBody)))]
async fn node_list(
    State(compute): Service,
    ctx: Ctx,
    ApiQuery(page): ApiQuery<PageParams>,
) -> Result<Json<NodeList>> {
    Ok(Json(compute.node_list(&ctx, page.page_size, page.page_token.as_deref()).await?))
}

/// Has a host take nothing new. What runs there goes to others, or ends when it has nothing to do.
#[utoipa::path(post, path = "/api/2.0/biplane/nodes/{id}/drain", operation_id = "node_drain", tag = "nodes",
    params(("id" = String, Path)),
    responses((status = 200, body = NodeInfo), (status = "4XX", body = ErrorBody)))]
async fn node_drain(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
) -> Result<Json<NodeInfo>> {
    Ok(Json(compute.node_drain(&ctx, &id(&text)?).await?))
}

/// Has a host that was drained take sandboxes again.
#[utoipa::path(post, path = "/api/2.0/biplane/nodes/{id}/resume", operation_id = "node_resume", tag = "nodes",
    params(("id" = String, Path)),
    responses((status = 200, body = NodeInfo), (status = "4XX", body = ErrorBody)))]
async fn node_resume(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
) -> Result<Json<NodeInfo>> {
    Ok(Json(compute.node_resume(&ctx, &id(&text)?).await?))
}

/// Removes a host: it is refused from now on, and what runs on it ends.
#[utoipa::path(delete, path = "/api/2.0/biplane/nodes/{id}", operation_id = "node_delete", tag = "nodes",
    params(("id" = String, Path)),
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn node_delete(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
) -> Result<Json<Empty>> {
    compute.node_delete(&ctx, &id(&text)?).await?;
    Ok(Json(Empty {}))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SandboxParams {
    /// For admins of the account.
    all_workspaces: Option<bool>,
    node_id: Option<String>,
    warehouse_id: Option<String>,
    page_size: Option<i64>,
    page_token: Option<String>,
}

/// What runs for the workspace: engines of the warehouses that the caller may see, and code of users.
#[utoipa::path(get, path = "/api/2.0/biplane/sandboxes", operation_id = "sandbox_list", tag = "nodes", params(SandboxParams),
    responses((status = 200, body = SandboxList), (status = "4XX", body = ErrorBody)))]
async fn sandbox_list(
    State(compute): Service,
    ctx: Ctx,
    ApiQuery(params): ApiQuery<SandboxParams>,
) -> Result<Json<SandboxList>> {
    let warehouse = |text: String| -> Result<WarehouseId> {
        text.parse().map_err(|_| ApiError::invalid("warehouse_id is not an id."))
    };
    let filter = SandboxFilter {
        all_workspaces: params.all_workspaces.unwrap_or(false),
        node_id: params.node_id.as_deref().map(id).transpose()?,
        warehouse_id: params.warehouse_id.map(warehouse).transpose()?,
    };
    let (size, token) = (params.page_size, params.page_token.as_deref());
    Ok(Json(compute.sandbox_list(&ctx, &filter, size, token).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AccessParams {
    /// DENIED, ALLOWED or DRY_RUN.
    outcome: Option<String>,
    /// Milliseconds since the epoch.
    start_time: Option<i64>,
    sandbox_id: Option<String>,
    page_size: Option<i64>,
    page_token: Option<String>,
}

/// What compute of the workspace tried to reach, the newest first.
#[utoipa::path(get, path = "/api/2.0/biplane/outbound-accesses", operation_id = "outbound_access_list", tag = "nodes",
    params(AccessParams),
    responses((status = 200, body = OutboundAccessList), (status = "4XX", body = ErrorBody)))]
async fn outbound_access_list(
    State(compute): Service,
    ctx: Ctx,
    ApiQuery(params): ApiQuery<AccessParams>,
) -> Result<Json<OutboundAccessList>> {
    let filter = AccessFilter {
        outcome: params.outcome,
        start_ms: params.start_time,
        sandbox_id: params.sandbox_id,
    };
    let (size, token) = (params.page_size, params.page_token.as_deref());
    Ok(Json(compute.outbound_access_list(&ctx, &filter, size, token).await?))
}

/// A token that lets one host in. It is shown in this answer only.
#[utoipa::path(post, path = "/api/2.0/biplane/node-tokens", operation_id = "node_token_create", tag = "nodes",
    request_body = NodeTokenRequest,
    responses((status = 200, body = NewNodeToken), (status = "4XX", body = ErrorBody)))]
async fn node_token_create(
    State(compute): State<Arc<Compute>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<NodeTokenRequest>,
) -> Result<Json<NewNodeToken>> {
    Ok(Json(compute.node_token_create(&ctx, request).await?))
}

/// Tokens that were made in the last weeks, without their secrets.
#[utoipa::path(get, path = "/api/2.0/biplane/node-tokens", operation_id = "node_token_list", tag = "nodes",
    responses((status = 200, body = NodeTokenList), (status = "4XX", body = ErrorBody)))]
async fn node_token_list(
    State(compute): State<Arc<Compute>>,
    ctx: Ctx,
) -> Result<Json<NodeTokenList>> {
    Ok(Json(compute.node_token_list(&ctx).await?))
}

/// Nobody can use it any more; a node that it let in stays.
#[utoipa::path(delete, path = "/api/2.0/biplane/node-tokens/{token_id}", operation_id = "node_token_delete",
    tag = "nodes", params(("token_id" = String, Path)),
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn node_token_delete(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(token_id): ApiPath<String>,
) -> Result<Json<Empty>> {
    compute.node_token_delete(&ctx, &token_id).await?;
    Ok(Json(Empty {}))
}
