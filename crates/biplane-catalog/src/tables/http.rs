//! `/api/2.1/unity-catalog/tables`, `staging-tables`, `table-summaries`, `constraints`

use super::summaries::{self, Query};
use super::{constraints, ops, staging};
use crate::Catalog;
use crate::listing::Page;
use crate::names::Pattern;
use axum::Json;
use axum::extract::State;
use biplane_api::catalog::{
    CreateConstraint, CreateStagingTable, CreateTable, Empty, ListTableSummaries, ListTables,
    StagingTableInfo, TableExists, TableInfo, UpdateTable,
};
use biplane_platform::{ApiJson, ApiPath, ApiQuery, Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Arc<Catalog>> {
    OpenApiRouter::new()
        .routes(routes!(table_create, table_list))
        .routes(routes!(table_get, table_update, table_delete))
        .routes(routes!(table_exists))
        .routes(routes!(table_summary_list))
        .routes(routes!(staging_table_create))
        .routes(routes!(constraint_create))
        .routes(routes!(constraint_delete))
}

#[utoipa::path(post, path = "/api/2.1/unity-catalog/tables", operation_id = "table_create", tag = "tables",
    request_body = CreateTable, responses((status = 200, body = TableInfo)))]
async fn table_create(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<CreateTable>,
) -> Result<Json<TableInfo>> {
    ops::table_create(&service, &ctx, request).await.map(Json)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TableLists {
    catalog_name: String,
    schema_name: String,
    max_results: Option<i64>,
    page_token: Option<String>,
    #[serde(default)]
    include_browse: bool,
    #[serde(default)]
    omit_columns: bool,
    #[serde(default)]
    omit_properties: bool,
    #[serde(default)]
    omit_username: bool,
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/tables", operation_id = "table_list", tag = "tables",
    params(TableLists), responses((status = 200, body = ListTables)))]
async fn table_list(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiQuery(query): ApiQuery<TableLists>,
) -> Result<Json<ListTables>> {
    let omit = ops::Omit {
        columns: query.omit_columns,
        properties: query.omit_properties,
        username: query.omit_username,
    };
    let page = Page { max_results: query.max_results, page_token: query.page_token.as_deref() };
    let schema = [query.catalog_name.as_str(), query.schema_name.as_str()];
    ops::table_list(&service, &ctx, schema, query.include_browse, omit, page).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/tables/{full_name}", operation_id = "table_get", tag = "tables",
    params(("full_name" = String, Path)), responses((status = 200, body = TableInfo)))]
async fn table_get(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(full_name): ApiPath<String>,
) -> Result<Json<TableInfo>> {
    ops::table_get(&service, &ctx, &full_name).await.map(Json)
}

#[utoipa::path(patch, path = "/api/2.1/unity-catalog/tables/{full_name}", operation_id = "table_update",
    tag = "tables", params(("full_name" = String, Path)), request_body = UpdateTable,
    responses((status = 200, body = TableInfo)))]
async fn table_update(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(full_name): ApiPath<String>,
    ApiJson(change): ApiJson<UpdateTable>,
) -> Result<Json<TableInfo>> {
    ops::table_update(&service, &ctx, &full_name, change).await.map(Json)
}

#[utoipa::path(delete, path = "/api/2.1/unity-catalog/tables/{full_name}", operation_id = "table_delete",
    tag = "tables", params(("full_name" = String, Path)), responses((status = 200, body = Empty)))]
async fn table_delete(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(full_name): ApiPath<String>,
) -> Result<Json<Empty>> {
    ops::table_delete(&service, &ctx, &full_name).await.map(|()| Json(Empty {}))
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/tables/{full_name}/exists", operation_id = "table_exists",
    tag = "tables", params(("full_name" = String, Path)), responses((status = 200, body = TableExists)))]
async fn table_exists(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(full_name): ApiPath<String>,
) -> Result<Json<TableExists>> {
    ops::table_exists(&service, &ctx, &full_name).await.map(Json)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Summaries {
    catalog_name: String,
    /// SQL LIKE.
    schema_name_pattern: Option<String>,
    /// SQL LIKE.
    table_name_pattern: Option<String>,
    max_results: Option<i64>,
    page_token: Option<String>,
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/table-summaries", operation_id = "table_summary_list",
    tag = "tables", params(Summaries), responses((status = 200, body = ListTableSummaries)))]
async fn table_summary_list(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiQuery(query): ApiQuery<Summaries>,
) -> Result<Json<ListTableSummaries>> {
    let query = Query {
        catalog_name: &query.catalog_name,
        schemas: Pattern::optional(query.schema_name_pattern.as_deref()),
        tables: Pattern::optional(query.table_name_pattern.as_deref()),
        max_results: query.max_results,
        page_token: query.page_token.as_deref(),
    };
    summaries::table_summary_list(&service, &ctx, query).await.map(Json)
}

#[utoipa::path(post, path = "/api/2.1/unity-catalog/staging-tables", operation_id = "staging_table_create",
    tag = "tables", request_body = CreateStagingTable, responses((status = 200, body = StagingTableInfo)))]
async fn staging_table_create(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<CreateStagingTable>,
) -> Result<Json<StagingTableInfo>> {
    staging::staging_table_create(&service, &ctx, request).await.map(Json)
}

#[utoipa::path(post, path = "/api/2.1/unity-catalog/constraints", operation_id = "constraint_create",
    tag = "tables", request_body = CreateConstraint, responses((status = 200, body = Object)))]
async fn constraint_create(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<CreateConstraint>,
) -> Result<Json<serde_json::Value>> {
    constraints::constraint_create(&service, &ctx, request).await.map(Json)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ConstraintName {
    constraint_name: String,
    /// Foreign keys are not followed; taken for clients that send it.
    #[serde(default, rename = "cascade")]
    _cascade: bool,
}

#[utoipa::path(delete, path = "/api/2.1/unity-catalog/constraints/{full_name}", operation_id = "constraint_delete",
    tag = "tables", params(("full_name" = String, Path), ConstraintName), responses((status = 200, body = Empty)))]
async fn constraint_delete(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(full_name): ApiPath<String>,
    ApiQuery(query): ApiQuery<ConstraintName>,
) -> Result<Json<Empty>> {
    constraints::constraint_delete(&service, &ctx, &full_name, &query.constraint_name)
        .await
        .map(|()| Json(Empty {}))
}
