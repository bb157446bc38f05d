//! `/api/2.1/unity-catalog/volumes`

use super::ops;
use crate::Catalog;
use crate::http::InSchema;
use axum::Json;
use axum::extract::State;
use biplane_api::catalog::{CreateVolume, Empty, ListVolumes, UpdateVolume, VolumeInfo};
use biplane_platform::{ApiJson, ApiPath, ApiQuery, Ctx, Result};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Arc<Catalog>> {
    OpenApiRouter::new().routes(routes!(volume_create, volume_list)).routes(routes!(
        volume_get,
        volume_update,
        volume_delete
    ))
}

#[utoipa::path(post, path = "/api/2.1/unity-catalog/volumes", operation_id = "volume_create", tag = "volumes",
    request_body = CreateVolume, responses((status = 200, body = VolumeInfo)))]
async fn volume_create(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<CreateVolume>,
) -> Result<Json<VolumeInfo>> {
    ops::volume_create(&service, &ctx, request).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/volumes", operation_id = "volume_list", tag = "volumes",
    params(InSchema), responses((status = 200, body = ListVolumes)))]
async fn volume_list(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiQuery(lists): ApiQuery<InSchema>,
) -> Result<Json<ListVolumes>> {
    let schema = [lists.catalog_name.as_str(), lists.schema_name.as_str()];
    ops::volume_list(&service, &ctx, schema, lists.include_browse, lists.page()).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/volumes/{name}", operation_id = "volume_get",
    tag = "volumes", params(("name" = String, Path)), responses((status = 200, body = VolumeInfo)))]
async fn volume_get(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(name): ApiPath<String>,
) -> Result<Json<VolumeInfo>> {
    ops::volume_get(&service, &ctx, &name).await.map(Json)
}

#[utoipa::path(patch, path = "/api/2.1/unity-catalog/volumes/{name}", operation_id = "volume_update",
    tag = "volumes", params(("name" = String, Path)), request_body = UpdateVolume,
    responses((status = 200, body = VolumeInfo)))]
async fn volume_update(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(name): ApiPath<String>,
    ApiJson(change): ApiJson<UpdateVolume>,
) -> Result<Json<VolumeInfo>> {
    ops::volume_update(&service, &ctx, &name, change).await.map(Json)
}

#[utoipa::path(delete, path = "/api/2.1/unity-catalog/volumes/{name}", operation_id = "volume_delete",
    tag = "volumes", params(("name" = String, Path)),
    responses((status = 200, body = Empty)))]
async fn volume_delete(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(name): ApiPath<String>,
) -> Result<Json<Empty>> {
    ops::volume_delete(&service, &ctx, &name).await.map(|()| Json(Empty {}))
}
