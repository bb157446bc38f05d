//! The warehouses API under the name it had when warehouses were called endpoints.

use super::http::{PageParams, Service, id};
use crate::Compute;
use axum::Json;
use axum::extract::State;
use biplane_api::compute::{
    Empty, EndpointList, WarehouseCreated, WarehouseInfo, WarehouseRequest,
};
use biplane_api::error::ErrorBody;
use biplane_platform::{ApiJson, ApiPath, ApiQuery, Ctx, Result};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Arc<Compute>> {
    OpenApiRouter::new()
        .routes(routes!(endpoint_create, endpoint_list))
        .routes(routes!(endpoint_get, endpoint_delete))
        .routes(routes!(endpoint_edit))
        .routes(routes!(endpoint_start))
        .routes(routes!(endpoint_stop))
}

/// Creates a warehouse and starts it.
#[utoipa::path(post, path = "/api/2.0/sql/endpoints", operation_id = "endpoint_create", tag = "warehouses", request_body = WarehouseRequest,
    responses((status = 200, body = WarehouseCreated), (status = "4XX", body = ErrorBody)))]
async fn endpoint_create(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<WarehouseRequest>,
) -> Result<Json<WarehouseCreated>> {
    Ok(Json(WarehouseCreated { id: compute.warehouse_create(&ctx, &request).await? }))
}

/// The warehouses the caller may see.
#[utoipa::path(get, path = "/api/2.0/sql/endpoints", operation_id = "endpoint_list", tag = "warehouses", params(PageParams),
    responses((status = 200, body = EndpointList), (status = "4XX", body = ErrorBody)))]
async fn endpoint_list(
    State(compute): Service,
    ctx: Ctx,
    ApiQuery(page): ApiQuery<PageParams>,
) -> Result<Json<EndpointList>> {
    let list = compute.warehouse_list(&ctx, page.page_size, page.page_token.as_deref()).await?;
    Ok(Json(EndpointList {
        endpoints: list.warehouses.clone(),
        warehouses: list.warehouses,
        next_page_token: list.next_page_token,
    }))
}

/// One warehouse.
#[utoipa::path(get, path = "/api/2.0/sql/endpoints/{id}", operation_id = "endpoint_get", tag = "warehouses", params(("id" = String, Path)),
    responses((status = 200, body = WarehouseInfo), (status = "4XX", body = ErrorBody)))]
async fn endpoint_get(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
) -> Result<Json<WarehouseInfo>> {
    Ok(Json(compute.warehouse_get(&ctx, &id(&text)?).await?))
}

/// Deletes a warehouse; what runs on it ends.
#[utoipa::path(delete, path = "/api/2.0/sql/endpoints/{id}", operation_id = "endpoint_delete", tag = "warehouses", params(("id" = String, Path)),
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn endpoint_delete(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
) -> Result<Json<Empty>> {
    compute.warehouse_delete(&ctx, &id(&text)?).await?;
    Ok(Json(Empty {}))
}

/// Starts a warehouse that is stopped.
#[utoipa::path(post, path = "/api/2.0/sql/endpoints/{id}/start", operation_id = "endpoint_start", tag = "warehouses", params(("id" = String, Path)),
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn endpoint_start(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
) -> Result<Json<Empty>> {
    compute.warehouse_start(&ctx, &id(&text)?).await?;
    Ok(Json(Empty {}))
}

/// Stops a warehouse; what runs on it ends.
#[utoipa::path(post, path = "/api/2.0/sql/endpoints/{id}/stop", operation_id = "endpoint_stop", tag = "warehouses", params(("id" = String, Path)),
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn endpoint_stop(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
) -> Result<Json<Empty>> {
    compute.warehouse_stop(&ctx, &id(&text)?).await?;
    Ok(Json(Empty {}))
}

/// Changes a warehouse; fields that are absent stay.
#[utoipa::path(post, path = "/api/2.0/sql/endpoints/{id}/edit", operation_id = "endpoint_edit", tag = "warehouses", params(("id" = String, Path)), request_body = WarehouseRequest,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn endpoint_edit(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
    ApiJson(request): ApiJson<WarehouseRequest>,
) -> Result<Json<Empty>> {
    compute.warehouse_edit(&ctx, &id(&text)?, &request).await?;
    Ok(Json(Empty {}))
}
