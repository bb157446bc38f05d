//! `/internal/v1/staging-tables` and `tables`: for engines, on the relay only.

use super::{publish, staging};
use crate::Catalog;
use axum::extract::State;
use axum::routing::{patch, post};
use axum::{Json, Router};
use biplane_api::catalog::TableInfo;
use biplane_api::internal::{PatchTable, PublishTable, StagingTable, StagingTableRequest};
use biplane_platform::{ApiJson, ApiPath, Ctx, Result};
use std::sync::Arc;

pub(crate) fn routes() -> Router<Arc<Catalog>> {
    Router::new()
        .route("/internal/v1/staging-tables", post(staging_table_open))
        .route("/internal/v1/tables", post(table_publish))
        .route("/internal/v1/tables/{full_name}", patch(table_patch))
}

async fn staging_table_open(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<StagingTableRequest>,
) -> Result<Json<StagingTable>> {
    let StagingTable { table_id, storage } =
        staging::staging_table_open(&service, &ctx, request).await?;
    Ok(Json(StagingTable { table_id, storage: storage.without_keys() }))
}

async fn table_publish(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<PublishTable>,
) -> Result<Json<TableInfo>> {
    publish::table_publish(&service, &ctx, request).await.map(Json)
}

async fn table_patch(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(full_name): ApiPath<String>,
    ApiJson(change): ApiJson<PatchTable>,
) -> Result<Json<TableInfo>> {
    publish::table_patch(&service, &ctx, &full_name, change).await.map(Json)
}
