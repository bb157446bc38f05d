//! The API of instance pools.

use crate::Compute;
use axum::Json;
use axum::extract::State;
use biplane_api::compute::Empty;
use biplane_api::error::ErrorBody;
use biplane_api::pools::{
    InstancePool, InstancePoolCreated, InstancePoolEdit, InstancePoolList, InstancePoolNamed,
    InstancePoolSpec,
};
use biplane_platform::{ApiJson, ApiQuery, Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Compute>>;

pub(crate) fn routes() -> OpenApiRouter<Arc<Compute>> {
    OpenApiRouter::new()
        .routes(routes!(instance_pool_create))
        .routes(routes!(instance_pool_edit))
        .routes(routes!(instance_pool_delete))
        .routes(routes!(instance_pool_get))
        .routes(routes!(instance_pool_list))
}

/// Makes a pool; its idle hosts start at once.
#[utoipa::path(post, path = "/api/2.0/instance-pools/create", operation_id = "instance_pool_create", tag = "instance-pools", request_body = InstancePoolSpec,
    responses((status = 200, body = InstancePoolCreated), (status = "4XX", body = ErrorBody)))]
async fn instance_pool_create(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<InstancePoolSpec>,
) -> Result<Json<InstancePoolCreated>> {
    let instance_pool_id = compute.pool_create(&ctx, &request).await?;
    Ok(Json(InstancePoolCreated { instance_pool_id }))
}

/// Changes name, tags and how many hosts there are. What the hosts are stays.
#[utoipa::path(post, path = "/api/2.0/instance-pools/edit", operation_id = "instance_pool_edit", tag = "instance-pools", request_body = InstancePoolEdit,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn instance_pool_edit(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<InstancePoolEdit>,
) -> Result<Json<Empty>> {
    compute.pool_edit(&ctx, &request).await?;
    Ok(Json(Empty {}))
}

/// Deletes a pool and ends its idle hosts. Clusters keep theirs until they end.
#[utoipa::path(post, path = "/api/2.0/instance-pools/delete", operation_id = "instance_pool_delete", tag = "instance-pools", request_body = InstancePoolNamed,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn instance_pool_delete(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<InstancePoolNamed>,
) -> Result<Json<Empty>> {
    compute.pool_delete(&ctx, &request.instance_pool_id).await?;
    Ok(Json(Empty {}))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct GetParams {
    #[serde(default)]
    instance_pool_id: String,
}

/// One pool, and how many hosts it has.
#[utoipa::path(get, path = "/api/2.0/instance-pools/get", operation_id = "instance_pool_get", tag = "instance-pools", params(GetParams),
    responses((status = 200, body = InstancePool), (status = "4XX", body = ErrorBody)))]
async fn instance_pool_get(
    State(compute): Service,
    ctx: Ctx,
    ApiQuery(params): ApiQuery<GetParams>,
) -> Result<Json<InstancePool>> {
    Ok(Json(compute.pool_get(&ctx, &params.instance_pool_id).await?))
}

/// The pools that the caller may attach clusters to.
#[utoipa::path(get, path = "/api/2.0/instance-pools/list", operation_id = "instance_pool_list", tag = "instance-pools",
    responses((status = 200, body = InstancePoolList), (status = "4XX", body = ErrorBody)))]
async fn instance_pool_list(State(compute): Service, ctx: Ctx) -> Result<Json<InstancePoolList>> {
    Ok(Json(InstancePoolList { instance_pools: compute.pool_list(&ctx).await? }))
}
