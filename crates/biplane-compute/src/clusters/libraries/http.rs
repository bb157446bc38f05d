//! The libraries API.

use crate::Compute;
use axum::Json;
use axum::extract::State;
use biplane_api::compute::Empty;
use biplane_api::error::ErrorBody;
use biplane_api::libraries::{AllClusterLibraries, ClusterLibraries, LibrariesNamed};
use biplane_platform::{ApiJson, ApiQuery, Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Compute>>;

pub(crate) fn routes() -> OpenApiRouter<Arc<Compute>> {
    OpenApiRouter::new()
        .routes(routes!(library_install))
        .routes(routes!(library_uninstall))
        .routes(routes!(library_status_get))
        .routes(routes!(library_status_list))
}

/// Has libraries installed on a cluster, now and with every start.
#[utoipa::path(post, path = "/api/2.0/libraries/install", operation_id = "library_install", tag = "libraries", request_body = LibrariesNamed,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn library_install(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<LibrariesNamed>,
) -> Result<Json<Empty>> {
    compute.library_install(&ctx, &request).await?;
    Ok(Json(Empty {}))
}

/// Has libraries gone with the next start of a cluster.
#[utoipa::path(post, path = "/api/2.0/libraries/uninstall", operation_id = "library_uninstall", tag = "libraries", request_body = LibrariesNamed,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn library_uninstall(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<LibrariesNamed>,
) -> Result<Json<Empty>> {
    compute.library_uninstall(&ctx, &request).await?;
    Ok(Json(Empty {}))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StatusParams {
    #[serde(default)]
    cluster_id: String,
}

/// The libraries of a cluster and how they are.
#[utoipa::path(get, path = "/api/2.0/libraries/cluster-status", operation_id = "library_status_get", tag = "libraries", params(StatusParams),
    responses((status = 200, body = ClusterLibraries), (status = "4XX", body = ErrorBody)))]
async fn library_status_get(
    State(compute): Service,
    ctx: Ctx,
    ApiQuery(params): ApiQuery<StatusParams>,
) -> Result<Json<ClusterLibraries>> {
    Ok(Json(compute.library_status_get(&ctx, &params.cluster_id).await?))
}

/// The libraries of all clusters.
#[utoipa::path(get, path = "/api/2.0/libraries/all-cluster-statuses", operation_id = "library_status_list", tag = "libraries",
    responses((status = 200, body = AllClusterLibraries), (status = "4XX", body = ErrorBody)))]
async fn library_status_list(
    State(compute): Service,
    ctx: Ctx,
) -> Result<Json<AllClusterLibraries>> {
    Ok(Json(compute.library_status_list(&ctx).await?))
}
