//! `/api/2.1/unity-catalog/schemas`

use super::ops;
use crate::Catalog;
use crate::http::{Force, InCatalog};
use axum::Json;
use axum::extract::State;
use biplane_api::catalog::{CreateSchema, Empty, ListSchemas, SchemaInfo, UpdateSchema};
use biplane_platform::{ApiJson, ApiPath, ApiQuery, Ctx, Result};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Arc<Catalog>> {
    OpenApiRouter::new().routes(routes!(schema_create, schema_list)).routes(routes!(
        schema_get,
        schema_update,
        schema_delete
    ))
}

#[utoipa::path(post, path = "/api/2.1/unity-catalog/schemas", operation_id = "schema_create", tag = "schemas",
    request_body = CreateSchema, responses((status = 200, body = SchemaInfo)))]
async fn schema_create(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<CreateSchema>,
) -> Result<Json<SchemaInfo>> {
    ops::schema_create(&service, &ctx, request).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/schemas", operation_id = "schema_list", tag = "schemas",
    params(InCatalog), responses((status = 200, body = ListSchemas)))]
async fn schema_list(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiQuery(lists): ApiQuery<InCatalog>,
) -> Result<Json<ListSchemas>> {
    ops::schema_list(&service, &ctx, &lists.catalog_name, lists.include_browse, lists.page())
        .await
        .map(Json)
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/schemas/{full_name}", operation_id = "schema_get", tag = "schemas",
    params(("full_name" = String, Path)), responses((status = 200, body = SchemaInfo)))]
async fn schema_get(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(full_name): ApiPath<String>,
) -> Result<Json<SchemaInfo>> {
    ops::schema_get(&service, &ctx, &full_name).await.map(Json)
}

#[utoipa::path(patch, path = "/api/2.1/unity-catalog/schemas/{full_name}", operation_id = "schema_update",
    tag = "schemas", params(("full_name" = String, Path)), request_body = UpdateSchema,
    responses((status = 200, body = SchemaInfo)))]
async fn schema_update(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(full_name): ApiPath<String>,
    ApiJson(change): ApiJson<UpdateSchema>,
) -> Result<Json<SchemaInfo>> {
    ops::schema_update(&service, &ctx, &full_name, change).await.map(Json)
}

#[utoipa::path(delete, path = "/api/2.1/unity-catalog/schemas/{full_name}", operation_id = "schema_delete",
    tag = "schemas", params(("full_name" = String, Path), Force), responses((status = 200, body = Empty)))]
async fn schema_delete(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(full_name): ApiPath<String>,
    ApiQuery(query): ApiQuery<Force>,
) -> Result<Json<Empty>> {
    ops::schema_delete(&service, &ctx, &full_name, query.force).await.map(|()| Json(Empty {}))
}
