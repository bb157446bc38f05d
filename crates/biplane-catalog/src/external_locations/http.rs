//! `/api/2.1/unity-catalog/external-locations`

use super::ops;
use crate::Catalog;
use crate::http::{Force, Lists};
use axum::Json;
use axum::extract::State;
use biplane_api::catalog::{
    CreateExternalLocation, Empty, ExternalLocationInfo, ListExternalLocations,
    UpdateExternalLocation,
};
use biplane_platform::{ApiJson, ApiPath, ApiQuery, Ctx, Result};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Arc<Catalog>> {
    OpenApiRouter::new()
        .routes(routes!(external_location_create, external_location_list))
        .routes(routes!(external_location_get, external_location_update, external_location_delete))
}

#[utoipa::path(post, path = "/api/2.1/unity-catalog/external-locations", operation_id = "external_location_create", tag = "external locations",
    request_body = CreateExternalLocation, responses((status = 200, body = ExternalLocationInfo)))]
async fn external_location_create(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<CreateExternalLocation>,
) -> Result<Json<ExternalLocationInfo>> {
    ops::external_location_create(&service, &ctx, request).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/external-locations", operation_id = "external_location_list", tag = "external locations",
    params(Lists), responses((status = 200, body = ListExternalLocations)))]
async fn external_location_list(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiQuery(lists): ApiQuery<Lists>,
) -> Result<Json<ListExternalLocations>> {
    let (browse, unbound) = (lists.include_browse, lists.include_unbound);
    ops::external_location_list(&service, &ctx, browse, unbound, lists.page()).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/external-locations/{name}", operation_id = "external_location_get",
    tag = "external locations", params(("name" = String, Path)), responses((status = 200, body = ExternalLocationInfo)))]
async fn external_location_get(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(name): ApiPath<String>,
) -> Result<Json<ExternalLocationInfo>> {
    ops::external_location_get(&service, &ctx, &name).await.map(Json)
}

#[utoipa::path(patch, path = "/api/2.1/unity-catalog/external-locations/{name}", operation_id = "external_location_update",
    tag = "external locations", params(("name" = String, Path)), request_body = UpdateExternalLocation,
    responses((status = 200, body = ExternalLocationInfo)))]
async fn external_location_update(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(name): ApiPath<String>,
    ApiJson(change): ApiJson<UpdateExternalLocation>,
) -> Result<Json<ExternalLocationInfo>> {
    ops::external_location_update(&service, &ctx, &name, change).await.map(Json)
}

#[utoipa::path(delete, path = "/api/2.1/unity-catalog/external-locations/{name}", operation_id = "external_location_delete",
    tag = "external locations", params(("name" = String, Path), Force),
    responses((status = 200, body = Empty)))]
async fn external_location_delete(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(name): ApiPath<String>,
    ApiQuery(query): ApiQuery<Force>,
) -> Result<Json<Empty>> {
    ops::external_location_delete(&service, &ctx, &name, query.force).await.map(|()| Json(Empty {}))
}
