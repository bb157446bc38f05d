//! `/internal/v1/system-rows`: for engines, on the relay only.

use super::ops;
use crate::Catalog;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use biplane_api::internal::{SystemRows, SystemRowsRequest};
use biplane_platform::{ApiJson, Ctx, Result};
use std::sync::Arc;

pub(crate) fn routes() -> Router<Arc<Catalog>> {
    Router::new().route("/internal/v1/system-rows", post(system_row_list))
}

async fn system_row_list(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<SystemRowsRequest>,
) -> Result<Json<SystemRows>> {
    Ok(Json(ops::system_row_list(&service, &ctx, request).await?))
}
