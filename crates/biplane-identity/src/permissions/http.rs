//! `/api/2.0/permissions/{type}/{id}`, and `sql/…` as a type of two words.

use super::ops::{self, Mode};
use crate::Identity;
use axum::Json;
use axum::extract::State;
use axum::routing::get;
use biplane_api::error::ErrorBody;
use biplane_api::identity::{ObjectPermissions, PermissionLevels, SetPermissions};
use biplane_platform::{ApiJson, ApiPath, Ctx, Result};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Identity>>;

pub fn routes(identity: &Arc<Identity>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(permissions_get, permissions_set, permissions_update))
        .routes(routes!(permission_levels_get))
        .route(
            "/api/2.0/permissions/sql/{object_type}/{object_id}",
            get(permissions_get).put(permissions_set).patch(permissions_update),
        )
        .route(
            "/api/2.0/permissions/sql/{object_type}/{object_id}/permissionLevels",
            get(permission_levels_get),
        )
        .with_state(identity.clone())
}

#[utoipa::path(get, path = "/api/2.0/permissions/{object_type}/{object_id}", operation_id = "permissions_get",
    tag = "permissions", params(("object_type" = String, Path), ("object_id" = String, Path)),
    responses((status = 200, body = ObjectPermissions), (status = 404, body = ErrorBody)))]
async fn permissions_get(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((kind, id)): ApiPath<(String, String)>,
) -> Result<Json<ObjectPermissions>> {
    ops::permissions_get(&identity, &ctx, &kind, &id).await.map(Json)
}

#[utoipa::path(put, path = "/api/2.0/permissions/{object_type}/{object_id}", operation_id = "permissions_set",
    tag = "permissions", params(("object_type" = String, Path), ("object_id" = String, Path)),
    request_body = SetPermissions,
    responses((status = 200, body = ObjectPermissions), (status = 404, body = ErrorBody)))]
async fn permissions_set(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((kind, id)): ApiPath<(String, String)>,
    ApiJson(request): ApiJson<SetPermissions>,
) -> Result<Json<ObjectPermissions>> {
    let list = &request.access_control_list;
    ops::permissions_update(&identity, &ctx, &kind, &id, list, Mode::Replace).await.map(Json)
}

#[utoipa::path(patch, path = "/api/2.0/permissions/{object_type}/{object_id}", operation_id = "permissions_update",
    tag = "permissions", params(("object_type" = String, Path), ("object_id" = String, Path)),
    request_body = SetPermissions,
    responses((status = 200, body = ObjectPermissions), (status = 404, body = ErrorBody)))]
async fn permissions_update(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((kind, id)): ApiPath<(String, String)>,
    ApiJson(request): ApiJson<SetPermissions>,
) -> Result<Json<ObjectPermissions>> {
    let list = &request.access_control_list;
    ops::permissions_update(&identity, &ctx, &kind, &id, list, Mode::Merge).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.0/permissions/{object_type}/{object_id}/permissionLevels",
    operation_id = "permission_levels_get", tag = "permissions",
    params(("object_type" = String, Path), ("object_id" = String, Path)),
    responses((status = 200, body = PermissionLevels), (status = 404, body = ErrorBody)))]
async fn permission_levels_get(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((kind, id)): ApiPath<(String, String)>,
) -> Result<Json<PermissionLevels>> {
    let permission_levels = ops::permission_levels_get(&identity, &ctx, &kind, &id).await?;
    Ok(Json(PermissionLevels { permission_levels }))
}
