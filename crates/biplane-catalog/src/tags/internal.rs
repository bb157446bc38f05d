//! `/internal/v1/tags`: for engines, on the relay only.

use super::ops;
use crate::Catalog;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use biplane_api::catalog::Empty;
use biplane_api::internal::{ChangeTags, ListTags, TagRows};
use biplane_platform::{ApiJson, Ctx, Result};
use std::sync::Arc;

pub(crate) fn routes() -> Router<Arc<Catalog>> {
    Router::new()
        .route("/internal/v1/tags", post(tags_change))
        .route("/internal/v1/tag-rows", post(tag_list))
}

async fn tags_change(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<ChangeTags>,
) -> Result<Json<Empty>> {
    ops::tags_change(&service, &ctx, request).await.map(|()| Json(Empty {}))
}

async fn tag_list(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<ListTags>,
) -> Result<Json<TagRows>> {
    ops::tag_list(&service, &ctx, request).await.map(Json)
}
