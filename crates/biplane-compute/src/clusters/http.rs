//! The clusters API, at 2.1 and under its older number.

use super::view::ClusterFilter;
use crate::Compute;
use axum::Json;
use axum::extract::State;
use axum::routing::{get, post};
use biplane_api::clusters::{
    ClusterCreate, ClusterCreated, ClusterEdit, ClusterEvents, ClusterEventsRequest, ClusterInfo,
    ClusterList, ClusterLogPiece, ClusterNamed, ClusterOwner, ClusterResize, ClusterUpdate,
    NodeTypeList, SparkVersionList, ZoneList,
};
use biplane_api::compute::Empty;
use biplane_api::error::ErrorBody;
use biplane_platform::{ApiJson, ApiPath, ApiQuery, Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Compute>>;

pub(crate) fn routes() -> OpenApiRouter<Arc<Compute>> {
    OpenApiRouter::new()
        .routes(routes!(cluster_create))
        .routes(routes!(cluster_edit))
        .routes(routes!(cluster_update))
        .routes(routes!(cluster_get))
        .routes(routes!(cluster_list))
        .routes(routes!(cluster_start))
        .routes(routes!(cluster_restart))
        .routes(routes!(cluster_resize))
        .routes(routes!(cluster_delete))
        .routes(routes!(cluster_permanent_delete))
        .routes(routes!(cluster_pin))
        .routes(routes!(cluster_unpin))
        .routes(routes!(cluster_owner_change))
        .routes(routes!(cluster_event_list))
        .routes(routes!(node_type_list))
        .routes(routes!(zone_list))
        .routes(routes!(spark_version_list))
        .routes(routes!(cluster_log_get))
        .merge(super::libraries::http::routes())
        .merge(super::scripts::http::routes())
        .merge(super::profiles::http::routes())
        .route("/api/2.0/clusters/create", post(cluster_create))
        .route("/api/2.0/clusters/edit", post(cluster_edit))
        .route("/api/2.0/clusters/update", post(cluster_update))
        .route("/api/2.0/clusters/get", get(cluster_get))
        .route("/api/2.0/clusters/list", get(cluster_list))
        .route("/api/2.0/clusters/start", post(cluster_start))
        .route("/api/2.0/clusters/restart", post(cluster_restart))
        .route("/api/2.0/clusters/resize", post(cluster_resize))
        .route("/api/2.0/clusters/delete", post(cluster_delete))
        .route("/api/2.0/clusters/permanent-delete", post(cluster_permanent_delete))
        .route("/api/2.0/clusters/pin", post(cluster_pin))
        .route("/api/2.0/clusters/unpin", post(cluster_unpin))
        .route("/api/2.0/clusters/change-owner", post(cluster_owner_change))
        .route("/api/2.0/clusters/events", post(cluster_event_list))
        .route("/api/2.0/clusters/list-node-types", get(node_type_list))
        .route("/api/2.0/clusters/list-zones", get(zone_list))
        .route("/api/2.0/clusters/spark-versions", get(spark_version_list))
}

/// Makes a cluster and starts it.
#[utoipa::path(post, path = "/api/2.1/clusters/create", operation_id = "cluster_create", tag = "clusters", request_body = ClusterCreate,
    responses((status = 200, body = ClusterCreated), (status = "4XX", body = ErrorBody)))]
async fn cluster_create(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<ClusterCreate>,
) -> Result<Json<ClusterCreated>> {
    let cluster_id = compute.cluster_create(&ctx, &request).await?;
    Ok(Json(ClusterCreated { cluster_id }))
}

/// Replaces what a cluster is; one that runs is restarted.
#[utoipa::path(post, path = "/api/2.1/clusters/edit", operation_id = "cluster_edit", tag = "clusters", request_body = ClusterEdit,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn cluster_edit(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<ClusterEdit>,
) -> Result<Json<Empty>> {
    compute.cluster_edit(&ctx, &request).await?;
    Ok(Json(Empty {}))
}

/// Changes the fields that the mask names; a cluster that runs is restarted.
#[utoipa::path(post, path = "/api/2.1/clusters/update", operation_id = "cluster_update", tag = "clusters", request_body = ClusterUpdate,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn cluster_update(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<ClusterUpdate>,
) -> Result<Json<Empty>> {
    compute.cluster_update(&ctx, &request).await?;
    Ok(Json(Empty {}))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct GetParams {
    #[serde(default)]
    cluster_id: String,
}

/// One cluster.
#[utoipa::path(get, path = "/api/2.1/clusters/get", operation_id = "cluster_get", tag = "clusters", params(GetParams),
    responses((status = 200, body = ClusterInfo), (status = "4XX", body = ErrorBody)))]
async fn cluster_get(
    State(compute): Service,
    ctx: Ctx,
    ApiQuery(params): ApiQuery<GetParams>,
) -> Result<Json<ClusterInfo>> {
    Ok(Json(compute.cluster_get(&ctx, &params.cluster_id).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct LogParams {
    /// stdout, stderr or log4j
    #[serde(default)]
    stream: String,
    /// Of the piece before; 0 at first.
    #[serde(default)]
    cursor: i64,
}

/// What the driver of a cluster wrote, piece by piece.
#[utoipa::path(get, path = "/api/2.0/biplane/clusters/{cluster_id}/log", operation_id = "cluster_log_get", tag = "clusters",
    params(("cluster_id" = String, Path), LogParams),
    responses((status = 200, body = ClusterLogPiece), (status = "4XX", body = ErrorBody)))]
async fn cluster_log_get(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(id): ApiPath<String>,
    ApiQuery(params): ApiQuery<LogParams>,
) -> Result<Json<ClusterLogPiece>> {
    compute.cluster_log_get(&ctx, &id, &params.stream, params.cursor).await.map(Json)
}

/// For the description: lists repeat their key, which a structure cannot say.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read as pairs")]
struct ListParams {
    page_size: Option<i64>,
    page_token: Option<String>,
    #[param(rename = "filter_by.cluster_states")]
    states: Option<Vec<String>>,
    /// UI, API or JOB
    #[param(rename = "filter_by.cluster_sources")]
    sources: Option<Vec<String>>,
    #[param(rename = "filter_by.is_pinned")]
    is_pinned: Option<bool>,
    #[param(rename = "filter_by.policy_id")]
    policy_id: Option<String>,
    /// DEFAULT or CLUSTER_NAME
    #[param(rename = "sort_by.field")]
    field: Option<String>,
    /// ASC or DESC
    #[param(rename = "sort_by.direction")]
    direction: Option<String>,
}

/// The clusters that the caller may attach to.
#[utoipa::path(get, path = "/api/2.1/clusters/list", operation_id = "cluster_list", tag = "clusters", params(ListParams),
    responses((status = 200, body = ClusterList), (status = "4XX", body = ErrorBody)))]
async fn cluster_list(
    State(compute): Service,
    ctx: Ctx,
    ApiQuery(query): ApiQuery<Vec<(String, String)>>,
) -> Result<Json<ClusterList>> {
    Ok(Json(compute.cluster_list(&ctx, &ClusterFilter::of(&query)?).await?))
}

/// Starts a cluster that is terminated.
#[utoipa::path(post, path = "/api/2.1/clusters/start", operation_id = "cluster_start", tag = "clusters", request_body = ClusterNamed,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn cluster_start(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<ClusterNamed>,
) -> Result<Json<Empty>> {
    compute.cluster_start(&ctx, &request.cluster_id).await?;
    Ok(Json(Empty {}))
}

/// Restarts a cluster that runs, on fresh hosts.
#[utoipa::path(post, path = "/api/2.1/clusters/restart", operation_id = "cluster_restart", tag = "clusters", request_body = ClusterNamed,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn cluster_restart(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<ClusterNamed>,
) -> Result<Json<Empty>> {
    compute.cluster_restart(&ctx, &request.cluster_id).await?;
    Ok(Json(Empty {}))
}

/// Changes the number of workers of a cluster that runs.
#[utoipa::path(post, path = "/api/2.1/clusters/resize", operation_id = "cluster_resize", tag = "clusters", request_body = ClusterResize,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn cluster_resize(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<ClusterResize>,
) -> Result<Json<Empty>> {
    compute.cluster_resize(&ctx, &request).await?;
    Ok(Json(Empty {}))
}

/// Terminates a cluster. It can be started again.
#[utoipa::path(post, path = "/api/2.1/clusters/delete", operation_id = "cluster_delete", tag = "clusters", request_body = ClusterNamed,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn cluster_delete(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<ClusterNamed>,
) -> Result<Json<Empty>> {
    compute.cluster_delete(&ctx, &request.cluster_id).await?;
    Ok(Json(Empty {}))
}

/// Terminates a cluster and forgets it.
#[utoipa::path(post, path = "/api/2.1/clusters/permanent-delete", operation_id = "cluster_permanent_delete", tag = "clusters", request_body = ClusterNamed,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn cluster_permanent_delete(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<ClusterNamed>,
) -> Result<Json<Empty>> {
    compute.cluster_permanent_delete(&ctx, &request.cluster_id).await?;
    Ok(Json(Empty {}))
}

/// Keeps a terminated cluster in the list for good, for admins.
#[utoipa::path(post, path = "/api/2.1/clusters/pin", operation_id = "cluster_pin", tag = "clusters", request_body = ClusterNamed,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn cluster_pin(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<ClusterNamed>,
) -> Result<Json<Empty>> {
    compute.cluster_pin(&ctx, &request.cluster_id).await?;
    Ok(Json(Empty {}))
}

/// Lets a terminated cluster be forgotten after thirty days.
#[utoipa::path(post, path = "/api/2.1/clusters/unpin", operation_id = "cluster_unpin", tag = "clusters", request_body = ClusterNamed,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn cluster_unpin(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<ClusterNamed>,
) -> Result<Json<Empty>> {
    compute.cluster_unpin(&ctx, &request.cluster_id).await?;
    Ok(Json(Empty {}))
}

/// Names another creator of a terminated cluster, for admins.
#[utoipa::path(post, path = "/api/2.1/clusters/change-owner", operation_id = "cluster_owner_change", tag = "clusters", request_body = ClusterOwner,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn cluster_owner_change(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<ClusterOwner>,
) -> Result<Json<Empty>> {
    compute.cluster_owner_change(&ctx, &request.cluster_id, &request.owner_username).await?;
    Ok(Json(Empty {}))
}

/// What happened to a cluster.
#[utoipa::path(post, path = "/api/2.1/clusters/events", operation_id = "cluster_event_list", tag = "clusters", request_body = ClusterEventsRequest,
    responses((status = 200, body = ClusterEvents), (status = "4XX", body = ErrorBody)))]
async fn cluster_event_list(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<ClusterEventsRequest>,
) -> Result<Json<ClusterEvents>> {
    Ok(Json(compute.cluster_event_list(&ctx, &request).await?))
}

/// Kinds of hosts that clusters of this workspace can have.
#[utoipa::path(get, path = "/api/2.1/clusters/list-node-types", operation_id = "node_type_list", tag = "clusters",
    responses((status = 200, body = NodeTypeList), (status = "4XX", body = ErrorBody)))]
async fn node_type_list(State(compute): Service, ctx: Ctx) -> Result<Json<NodeTypeList>> {
    Ok(Json(compute.node_type_list(&ctx).await?))
}

/// Zones that hosts can be in.
#[utoipa::path(get, path = "/api/2.1/clusters/list-zones", operation_id = "zone_list", tag = "clusters",
    responses((status = 200, body = ZoneList), (status = "4XX", body = ErrorBody)))]
async fn zone_list(State(compute): Service, ctx: Ctx) -> Result<Json<ZoneList>> {
    Ok(Json(compute.zone_list(&ctx).await?))
}

/// Runtime versions.
#[utoipa::path(get, path = "/api/2.1/clusters/spark-versions", operation_id = "spark_version_list", tag = "clusters",
    responses((status = 200, body = SparkVersionList), (status = "4XX", body = ErrorBody)))]
async fn spark_version_list(State(compute): Service, ctx: Ctx) -> Result<Json<SparkVersionList>> {
    Ok(Json(compute.spark_version_list(&ctx)?))
}
