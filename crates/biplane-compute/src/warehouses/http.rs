//! The warehouses API.

use crate::Compute;
use axum::Json;
use axum::extract::State;
use biplane_api::compute::{
    DataSource, DefaultWarehouseOverride, DefaultWarehouseOverrideList, Empty, WarehouseConfig,
    WarehouseCreated, WarehouseEventList, WarehouseInfo, WarehouseList, WarehouseRequest,
};
use biplane_api::error::ErrorBody;
use biplane_api::ids::WarehouseId;
use biplane_api::seen::WarehouseSamples;
use biplane_platform::{ApiError, ApiJson, ApiPath, ApiQuery, Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) type Service = State<Arc<Compute>>;

pub(crate) fn routes() -> OpenApiRouter<Arc<Compute>> {
    OpenApiRouter::new()
        .routes(routes!(warehouse_create, warehouse_list))
        .routes(routes!(warehouse_get, warehouse_delete))
        .routes(routes!(warehouse_edit))
        .routes(routes!(warehouse_start))
        .routes(routes!(warehouse_stop))
        .routes(routes!(warehouse_config_get, warehouse_config_set))
        .routes(routes!(warehouse_override_create, warehouse_override_list))
        .routes(routes!(
            warehouse_override_get,
            warehouse_override_update,
            warehouse_override_delete
        ))
        .routes(routes!(warehouse_event_list))
        .routes(routes!(warehouse_sample_list))
        .routes(routes!(data_source_list))
}

/// What is no id names nothing.
pub(super) fn id(text: &str) -> Result<WarehouseId> {
    text.parse().map_err(|_| {
        let text: String = text.chars().take(64).collect();
        ApiError::not_found(format!("SQL warehouse {text} does not exist."))
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    pub page_size: Option<i64>,
    pub page_token: Option<String>,
}

/// Creates a warehouse and starts it.
#[utoipa::path(post, path = "/api/2.0/sql/warehouses", operation_id = "warehouse_create", tag = "warehouses", request_body = WarehouseRequest,
    responses((status = 200, body = WarehouseCreated), (status = "4XX", body = ErrorBody)))]
async fn warehouse_create(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<WarehouseRequest>,
) -> Result<Json<WarehouseCreated>> {
    Ok(Json(WarehouseCreated { id: compute.warehouse_create(&ctx, &request).await? }))
}

/// The warehouses the caller may see.
#[utoipa::path(get, path = "/api/2.0/sql/warehouses", operation_id = "warehouse_list", tag = "warehouses", params(PageParams),
    responses((status = 200, body = WarehouseList), (status = "4XX", body = ErrorBody)))]
async fn warehouse_list(
    State(compute): Service,
    ctx: Ctx,
    ApiQuery(page): ApiQuery<PageParams>,
) -> Result<Json<WarehouseList>> {
    Ok(Json(compute.warehouse_list(&ctx, page.page_size, page.page_token.as_deref()).await?))
}

/// What happened to a warehouse, the newest first: starts, stops, engines that came and went.
#[utoipa::path(get, path = "/api/2.0/biplane/warehouses/{id}/events", operation_id = "warehouse_event_list", tag = "warehouses",
    params(("id" = String, Path), PageParams),
    responses((status = 200, body = WarehouseEventList), (status = "4XX", body = ErrorBody)))]
async fn warehouse_event_list(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
    ApiQuery(page): ApiQuery<PageParams>,
) -> Result<Json<WarehouseEventList>> {
    let (size, token) = (page.page_size, page.page_token.as_deref());
    Ok(Json(compute.warehouse_event_list(&ctx, &id(&text)?, size, token).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SampleParams {
    /// Milliseconds since the epoch; without it an hour ago.
    start_time: Option<i64>,
    end_time: Option<i64>,
}

/// What a warehouse did and used over time, up to a day back.
#[utoipa::path(get, path = "/api/2.0/biplane/warehouses/{id}/samples", operation_id = "warehouse_sample_list", tag = "warehouses",
    params(("id" = String, Path), SampleParams),
    responses((status = 200, body = WarehouseSamples), (status = "4XX", body = ErrorBody)))]
async fn warehouse_sample_list(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
    ApiQuery(params): ApiQuery<SampleParams>,
) -> Result<Json<WarehouseSamples>> {
    let (start, end) = (params.start_time, params.end_time);
    Ok(Json(compute.warehouse_sample_list(&ctx, &id(&text)?, start, end).await?))
}

/// One warehouse.
#[utoipa::path(get, path = "/api/2.0/sql/warehouses/{id}", operation_id = "warehouse_get", tag = "warehouses", params(("id" = String, Path)),
    responses((status = 200, body = WarehouseInfo), (status = "4XX", body = ErrorBody)))]
async fn warehouse_get(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
) -> Result<Json<WarehouseInfo>> {
    Ok(Json(compute.warehouse_get(&ctx, &id(&text)?).await?))
}

/// Deletes a warehouse; what runs on it ends.
#[utoipa::path(delete, path = "/api/2.0/sql/warehouses/{id}", operation_id = "warehouse_delete", tag = "warehouses", params(("id" = String, Path)),
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn warehouse_delete(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
) -> Result<Json<Empty>> {
    compute.warehouse_delete(&ctx, &id(&text)?).await?;
    Ok(Json(Empty {}))
}

/// Starts a warehouse that is stopped.
#[utoipa::path(post, path = "/api/2.0/sql/warehouses/{id}/start", operation_id = "warehouse_start", tag = "warehouses", params(("id" = String, Path)),
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn warehouse_start(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
) -> Result<Json<Empty>> {
    compute.warehouse_start(&ctx, &id(&text)?).await?;
    Ok(Json(Empty {}))
}

/// Stops a warehouse; what runs on it ends.
#[utoipa::path(post, path = "/api/2.0/sql/warehouses/{id}/stop", operation_id = "warehouse_stop", tag = "warehouses", params(("id" = String, Path)),
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn warehouse_stop(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
) -> Result<Json<Empty>> {
    compute.warehouse_stop(&ctx, &id(&text)?).await?;
    Ok(Json(Empty {}))
}

/// Changes a warehouse; fields that are absent stay.
#[utoipa::path(post, path = "/api/2.0/sql/warehouses/{id}/edit", operation_id = "warehouse_edit", tag = "warehouses", params(("id" = String, Path)), request_body = WarehouseRequest,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn warehouse_edit(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
    ApiJson(request): ApiJson<WarehouseRequest>,
) -> Result<Json<Empty>> {
    compute.warehouse_edit(&ctx, &id(&text)?, &request).await?;
    Ok(Json(Empty {}))
}

/// Rules for all warehouses of the workspace.
#[utoipa::path(get, path = "/api/2.0/sql/config/warehouses", operation_id = "warehouse_config_get", tag = "warehouses",
    responses((status = 200, body = WarehouseConfig), (status = "4XX", body = ErrorBody)))]
async fn warehouse_config_get(State(compute): Service, ctx: Ctx) -> Result<Json<WarehouseConfig>> {
    Ok(Json(compute.warehouse_config_get(&ctx).await?))
}

/// Sets the rules for all warehouses of the workspace.
#[utoipa::path(put, path = "/api/2.0/sql/config/warehouses", operation_id = "warehouse_config_set", tag = "warehouses", request_body = WarehouseConfig,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn warehouse_config_set(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(config): ApiJson<WarehouseConfig>,
) -> Result<Json<Empty>> {
    compute.warehouse_config_set(&ctx, &config).await?;
    Ok(Json(Empty {}))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OverrideCreateParams {
    /// A user's id, or `me`.
    default_warehouse_override_id: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OverrideUpdateParams {
    update_mask: Option<String>,
    allow_missing: Option<bool>,
}

/// Sets a user's default warehouse.
#[utoipa::path(post, path = "/api/warehouses/v1/default-warehouse-overrides", operation_id = "warehouse_override_create", tag = "warehouses", params(OverrideCreateParams), request_body = DefaultWarehouseOverride,
    responses((status = 200, body = DefaultWarehouseOverride), (status = "4XX", body = ErrorBody)))]
async fn warehouse_override_create(
    State(compute): Service,
    ctx: Ctx,
    ApiQuery(params): ApiQuery<OverrideCreateParams>,
    ApiJson(body): ApiJson<DefaultWarehouseOverride>,
) -> Result<Json<DefaultWarehouseOverride>> {
    let id = params.default_warehouse_override_id;
    Ok(Json(compute.warehouse_override_create(&ctx, id.as_deref(), &body).await?))
}

/// All users' default warehouses, for admins.
#[utoipa::path(get, path = "/api/warehouses/v1/default-warehouse-overrides", operation_id = "warehouse_override_list", tag = "warehouses", params(PageParams),
    responses((status = 200, body = DefaultWarehouseOverrideList), (status = "4XX", body = ErrorBody)))]
async fn warehouse_override_list(
    State(compute): Service,
    ctx: Ctx,
    ApiQuery(page): ApiQuery<PageParams>,
) -> Result<Json<DefaultWarehouseOverrideList>> {
    Ok(Json(
        compute.warehouse_override_list(&ctx, page.page_size, page.page_token.as_deref()).await?,
    ))
}

/// A user's default warehouse.
#[utoipa::path(get, path = "/api/warehouses/v1/default-warehouse-overrides/{id}", operation_id = "warehouse_override_get", tag = "warehouses", params(("id" = String, Path)),
    responses((status = 200, body = DefaultWarehouseOverride), (status = "4XX", body = ErrorBody)))]
async fn warehouse_override_get(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(id): ApiPath<String>,
) -> Result<Json<DefaultWarehouseOverride>> {
    Ok(Json(compute.warehouse_override_get(&ctx, &id).await?))
}

/// Changes a user's default warehouse.
#[utoipa::path(patch, path = "/api/warehouses/v1/default-warehouse-overrides/{id}", operation_id = "warehouse_override_update", tag = "warehouses", params(("id" = String, Path), OverrideUpdateParams), request_body = DefaultWarehouseOverride,
    responses((status = 200, body = DefaultWarehouseOverride), (status = "4XX", body = ErrorBody)))]
async fn warehouse_override_update(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(id): ApiPath<String>,
    ApiQuery(params): ApiQuery<OverrideUpdateParams>,
    ApiJson(body): ApiJson<DefaultWarehouseOverride>,
) -> Result<Json<DefaultWarehouseOverride>> {
    let mask = params.update_mask.unwrap_or_default();
    let missing = params.allow_missing.unwrap_or(false);
    Ok(Json(compute.warehouse_override_update(&ctx, &id, &mask, missing, &body).await?))
}

/// Forgets a user's default warehouse.
#[utoipa::path(delete, path = "/api/warehouses/v1/default-warehouse-overrides/{id}", operation_id = "warehouse_override_delete", tag = "warehouses", params(("id" = String, Path)),
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn warehouse_override_delete(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(id): ApiPath<String>,
) -> Result<Json<Empty>> {
    compute.warehouse_override_delete(&ctx, &id).await?;
    Ok(Json(Empty {}))
}

/// Warehouses as older BI tools see them.
#[utoipa::path(get, path = "/api/2.0/preview/sql/data_sources", operation_id = "data_source_list", tag = "warehouses",
    responses((status = 200, body = Vec<DataSource>), (status = "4XX", body = ErrorBody)))]
async fn data_source_list(State(compute): Service, ctx: Ctx) -> Result<Json<Vec<DataSource>>> {
    Ok(Json(compute.data_source_list(&ctx).await?))
}
