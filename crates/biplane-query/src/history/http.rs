//! `/api/2.0/sql/history/queries` and the profile of a query.

use super::filter;
use super::ops::QueryHistory;
use crate::Query;
use axum::Json;
use axum::extract::{RawQuery, State};
use biplane_api::error::ErrorBody;
use biplane_api::ids::StatementId;
use biplane_api::query::{QueryHistoryResponse, QueryProfile};
use biplane_platform::{ApiError, ApiJson, ApiPath, Ctx, Result};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Query>>;

pub(crate) fn routes(query: &Arc<Query>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(query_history_list))
        .routes(routes!(query_profile_get))
        .with_state(query.clone())
}

/// Statements, newest first: one's own, and those on warehouses one may monitor. Lists repeat the key.
#[utoipa::path(get, path = "/api/2.0/sql/history/queries", operation_id = "query_history_list", tag = "Query History",
    params(
        ("filter_by.query_start_time_range.start_time_ms" = Option<i64>, Query),
        ("filter_by.query_start_time_range.end_time_ms" = Option<i64>, Query),
        ("filter_by.statuses" = Option<Vec<String>>, Query),
        ("filter_by.user_ids" = Option<Vec<i64>>, Query),
        ("filter_by.warehouse_ids" = Option<Vec<String>>, Query),
        ("filter_by.statement_ids" = Option<Vec<String>>, Query),
        ("include_metrics" = Option<bool>, Query),
        ("max_results" = Option<i64>, Query),
        ("page_token" = Option<String>, Query)),
    responses((status = 200, body = QueryHistoryResponse), (status = "default", body = ErrorBody)))]
async fn query_history_list(
    State(query): Service,
    ctx: Ctx,
    RawQuery(text): RawQuery,
    ApiJson(body): ApiJson<serde_json::Value>,
) -> Result<Json<QueryHistoryResponse>> {
    let asked = QueryHistory(filter::parse(text.as_deref().unwrap_or(""), body)?);
    Ok(Json(query.query_history_list(&ctx, &asked).await?))
}

/// The plan of a statement that has ended, with what each part of it did.
#[utoipa::path(get, path = "/api/2.0/biplane/queries/{query_id}/profile", operation_id = "query_profile_get", tag = "Query History",
    params(("query_id" = String, Path)),
    responses((status = 200, body = QueryProfile), (status = "default", body = ErrorBody)))]
async fn query_profile_get(
    State(query): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
) -> Result<Json<QueryProfile>> {
    let id: StatementId =
        text.parse().map_err(|_| ApiError::not_found("The query was not found."))?;
    Ok(Json(query.query_profile_get(&ctx, &id).await?))
}
