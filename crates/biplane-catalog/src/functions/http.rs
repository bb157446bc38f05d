//! `/api/2.1/unity-catalog/functions`

use super::ops;
use crate::Catalog;
use crate::http::InSchema;
use axum::Json;
use axum::extract::State;
use biplane_api::catalog::{
    CreateFunctionRequest, Empty, FunctionInfo, ListFunctions, UpdateFunction,
};
use biplane_platform::{ApiJson, ApiPath, ApiQuery, Ctx, Result};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Arc<Catalog>> {
    OpenApiRouter::new().routes(routes!(function_create, function_list)).routes(routes!(
        function_get,
        function_update,
        function_delete
    ))
}

#[utoipa::path(post, path = "/api/2.1/unity-catalog/functions", operation_id = "function_create", tag = "functions",
    request_body = CreateFunctionRequest, responses((status = 200, body = FunctionInfo)))]
async fn function_create(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<CreateFunctionRequest>,
) -> Result<Json<FunctionInfo>> {
    ops::function_create(&service, &ctx, request.function_info).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/functions", operation_id = "function_list", tag = "functions",
    params(InSchema), responses((status = 200, body = ListFunctions)))]
async fn function_list(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiQuery(lists): ApiQuery<InSchema>,
) -> Result<Json<ListFunctions>> {
    let schema = [lists.catalog_name.as_str(), lists.schema_name.as_str()];
    ops::function_list(&service, &ctx, schema, lists.include_browse, lists.page()).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/functions/{name}", operation_id = "function_get",
    tag = "functions", params(("name" = String, Path)), responses((status = 200, body = FunctionInfo)))]
async fn function_get(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(name): ApiPath<String>,
) -> Result<Json<FunctionInfo>> {
    ops::function_get(&service, &ctx, &name).await.map(Json)
}

#[utoipa::path(patch, path = "/api/2.1/unity-catalog/functions/{name}", operation_id = "function_update",
    tag = "functions", params(("name" = String, Path)), request_body = UpdateFunction,
    responses((status = 200, body = FunctionInfo)))]
async fn function_update(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(name): ApiPath<String>,
    ApiJson(change): ApiJson<UpdateFunction>,
) -> Result<Json<FunctionInfo>> {
    ops::function_update(&service, &ctx, &name, change).await.map(Json)
}

#[utoipa::path(delete, path = "/api/2.1/unity-catalog/functions/{name}", operation_id = "function_delete",
    tag = "functions", params(("name" = String, Path)),
    responses((status = 200, body = Empty)))]
async fn function_delete(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(name): ApiPath<String>,
) -> Result<Json<Empty>> {
    ops::function_delete(&service, &ctx, &name).await.map(|()| Json(Empty {}))
}
