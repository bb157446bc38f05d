//! `/internal/v1/resolve` and `resolve-path`: for engines, on the relay only.

use super::{names, paths};
use crate::Catalog;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use biplane_api::internal::{
    ResolvePathRequest, ResolveRequest, ResolveResponse, Resolved, Storage,
};
use biplane_platform::{ApiJson, Ctx, Result};
use std::sync::Arc;

pub(crate) fn routes() -> Router<Arc<Catalog>> {
    Router::new()
        .route("/internal/v1/resolve", post(table_resolve))
        .route("/internal/v1/resolve-path", post(path_resolve))
}

async fn table_resolve(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<ResolveRequest>,
) -> Result<Json<ResolveResponse>> {
    let mut found = names::table_resolve(&service, &ctx, request).await?;
    for resolved in &mut found.tables {
        if let Resolved::Table(table) = resolved {
            table.storage = table.storage.take().map(Storage::without_keys);
        }
    }
    Ok(Json(found))
}

async fn path_resolve(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<ResolvePathRequest>,
) -> Result<Json<Storage>> {
    let storage = paths::path_resolve(&service, &ctx, &request.path, request.access).await?;
    Ok(Json(storage.without_keys()))
}
