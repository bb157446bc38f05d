//! The API of global init scripts.

use crate::Compute;
use axum::Json;
use axum::extract::State;
use biplane_api::compute::Empty;
use biplane_api::error::ErrorBody;
use biplane_api::init_scripts::{
    GlobalInitScript, GlobalInitScriptCreated, GlobalInitScriptPut, GlobalInitScripts,
};
use biplane_platform::{ApiJson, ApiPath, Ctx, Result};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Compute>>;

pub(crate) fn routes() -> OpenApiRouter<Arc<Compute>> {
    OpenApiRouter::new().routes(routes!(global_init_script_create, global_init_script_list)).routes(
        routes!(global_init_script_get, global_init_script_update, global_init_script_delete),
    )
}

/// Adds a script for all clusters that start from now on.
#[utoipa::path(post, path = "/api/2.0/global-init-scripts", operation_id = "global_init_script_create", tag = "init scripts",
    request_body = GlobalInitScriptPut, responses((status = 200, body = GlobalInitScriptCreated), (status = "4XX", body = ErrorBody)))]
async fn global_init_script_create(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<GlobalInitScriptPut>,
) -> Result<Json<GlobalInitScriptCreated>> {
    let script_id = compute.global_init_script_create(&ctx, &request).await?;
    Ok(Json(GlobalInitScriptCreated { script_id }))
}

/// All of them, in the order that they run.
#[utoipa::path(get, path = "/api/2.0/global-init-scripts", operation_id = "global_init_script_list", tag = "init scripts",
    responses((status = 200, body = GlobalInitScripts), (status = "4XX", body = ErrorBody)))]
async fn global_init_script_list(
    State(compute): Service,
    ctx: Ctx,
) -> Result<Json<GlobalInitScripts>> {
    compute.global_init_script_list(&ctx).await.map(Json)
}

/// One, with its text.
#[utoipa::path(get, path = "/api/2.0/global-init-scripts/{script_id}", operation_id = "global_init_script_get", tag = "init scripts",
    params(("script_id" = String, Path)), responses((status = 200, body = GlobalInitScript), (status = "4XX", body = ErrorBody)))]
async fn global_init_script_get(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(id): ApiPath<String>,
) -> Result<Json<GlobalInitScript>> {
    compute.global_init_script_get(&ctx, &id).await.map(Json)
}

/// Replaces one.
#[utoipa::path(patch, path = "/api/2.0/global-init-scripts/{script_id}", operation_id = "global_init_script_update", tag = "init scripts",
    params(("script_id" = String, Path)), request_body = GlobalInitScriptPut,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn global_init_script_update(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(id): ApiPath<String>,
    ApiJson(request): ApiJson<GlobalInitScriptPut>,
) -> Result<Json<Empty>> {
    compute.global_init_script_update(&ctx, &id, &request).await?;
    Ok(Json(Empty {}))
}

/// Removes one.
#[utoipa::path(delete, path = "/api/2.0/global-init-scripts/{script_id}", operation_id = "global_init_script_delete", tag = "init scripts",
    params(("script_id" = String, Path)), responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn global_init_script_delete(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(id): ApiPath<String>,
) -> Result<Json<Empty>> {
    compute.global_init_script_delete(&ctx, &id).await?;
    Ok(Json(Empty {}))
}
