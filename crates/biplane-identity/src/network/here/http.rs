//! `GET /api/2.0/biplane/network`

use super::ops;
use crate::Identity;
use axum::Json;
use axum::extract::State;
use biplane_api::error::ErrorBody;
use biplane_api::network_config::WorkspaceNetwork;
use biplane_platform::{Ctx, Result};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes(identity: &Arc<Identity>) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(network_here_get)).with_state(identity.clone())
}

/// What compute of this workspace may reach, where it comes from, and who may come.
#[utoipa::path(get, path = "/api/2.0/biplane/network", operation_id = "network_here_get", tag = "network",
    responses((status = 200, body = WorkspaceNetwork), (status = "4XX", body = ErrorBody)))]
async fn network_here_get(
    State(identity): State<Arc<Identity>>,
    ctx: Ctx,
) -> Result<Json<WorkspaceNetwork>> {
    ops::network_here_get(&identity, &ctx).await.map(Json)
}
