//! `/api/2.1/unity-catalog/catalogs`

use super::ops;
use crate::Catalog;
use crate::http::{Force, Lists};
use axum::Json;
use axum::extract::State;
use biplane_api::catalog::{CatalogInfo, CreateCatalog, Empty, ListCatalogs, UpdateCatalog};
use biplane_platform::{ApiJson, ApiPath, ApiQuery, Ctx, Result};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Arc<Catalog>> {
    OpenApiRouter::new().routes(routes!(catalog_create, catalog_list)).routes(routes!(
        catalog_get,
        catalog_update,
        catalog_delete
    ))
}

#[utoipa::path(post, path = "/api/2.1/unity-catalog/catalogs", operation_id = "catalog_create", tag = "catalogs",
    request_body = CreateCatalog, responses((status = 200, body = CatalogInfo)))]
async fn catalog_create(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<CreateCatalog>,
) -> Result<Json<CatalogInfo>> {
    ops::catalog_create(&service, &ctx, request).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/catalogs", operation_id = "catalog_list", tag = "catalogs",
    params(Lists), responses((status = 200, body = ListCatalogs)))]
async fn catalog_list(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiQuery(lists): ApiQuery<Lists>,
) -> Result<Json<ListCatalogs>> {
    let (browse, unbound) = (lists.include_browse, lists.include_unbound);
    ops::catalog_list(&service, &ctx, browse, unbound, lists.page()).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/catalogs/{name}", operation_id = "catalog_get", tag = "catalogs",
    params(("name" = String, Path)), responses((status = 200, body = CatalogInfo)))]
async fn catalog_get(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(name): ApiPath<String>,
) -> Result<Json<CatalogInfo>> {
    ops::catalog_get(&service, &ctx, &name).await.map(Json)
}

#[utoipa::path(patch, path = "/api/2.1/unity-catalog/catalogs/{name}", operation_id = "catalog_update",
    tag = "catalogs", params(("name" = String, Path)), request_body = UpdateCatalog,
    responses((status = 200, body = CatalogInfo)))]
async fn catalog_update(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(name): ApiPath<String>,
    ApiJson(change): ApiJson<UpdateCatalog>,
) -> Result<Json<CatalogInfo>> {
    ops::catalog_update(&service, &ctx, &name, change).await.map(Json)
}

#[utoipa::path(delete, path = "/api/2.1/unity-catalog/catalogs/{name}", operation_id = "catalog_delete",
    tag = "catalogs", params(("name" = String, Path), Force), responses((status = 200, body = Empty)))]
async fn catalog_delete(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(name): ApiPath<String>,
    ApiQuery(query): ApiQuery<Force>,
) -> Result<Json<Empty>> {
    ops::catalog_delete(&service, &ctx, &name, query.force).await.map(|()| Json(Empty {}))
}
