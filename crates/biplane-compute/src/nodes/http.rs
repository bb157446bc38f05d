//! `GET /api/2.0/biplane/nodes`

use crate::Compute;
use axum::Json;
use axum::extract::State;
use biplane_api::compute::NodeList;
use biplane_api::error::ErrorBody;
use biplane_platform::{Ctx, Result};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Arc<Compute>> {
    OpenApiRouter::new().routes(routes!(node_list))
}

/// The hosts that run compute.
#[utoipa::path(get, path = "/api/2.0/biplane/nodes", operation_id = "node_list", tag = "nodes",
    responses((status = 200, body = NodeList), (status = "4XX", body = ErrorBody)))]
async fn node_list(State(compute): State<Arc<Compute>>, ctx: Ctx) -> Result<Json<NodeList>> {
    Ok(Json(compute.node_list(&ctx).await?))
}
