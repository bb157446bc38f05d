//! The API of instance profiles.

use crate::Compute;
use axum::Json;
use axum::extract::State;
use biplane_api::compute::Empty;
use biplane_api::error::ErrorBody;
use biplane_api::instance_profiles::{InstanceProfileNamed, InstanceProfilePut, InstanceProfiles};
use biplane_platform::{ApiJson, Ctx, Result};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Compute>>;

pub(crate) fn routes() -> OpenApiRouter<Arc<Compute>> {
    OpenApiRouter::new()
        .routes(routes!(instance_profile_add))
        .routes(routes!(instance_profile_edit))
        .routes(routes!(instance_profile_list))
        .routes(routes!(instance_profile_remove))
}

/// Lets hosts of this workspace be started with a profile of its AWS account.
#[utoipa::path(post, path = "/api/2.0/instance-profiles/add", operation_id = "instance_profile_add", tag = "instance profiles",
    request_body = InstanceProfilePut, responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn instance_profile_add(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<InstanceProfilePut>,
) -> Result<Json<Empty>> {
    compute.instance_profile_add(&ctx, &request).await?;
    Ok(Json(Empty {}))
}

/// Says which role a profile has.
#[utoipa::path(post, path = "/api/2.0/instance-profiles/edit", operation_id = "instance_profile_edit", tag = "instance profiles",
    request_body = InstanceProfilePut, responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn instance_profile_edit(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<InstanceProfilePut>,
) -> Result<Json<Empty>> {
    compute.instance_profile_edit(&ctx, &request).await?;
    Ok(Json(Empty {}))
}

/// Those that clusters of this workspace may name.
#[utoipa::path(get, path = "/api/2.0/instance-profiles/list", operation_id = "instance_profile_list", tag = "instance profiles",
    responses((status = 200, body = InstanceProfiles), (status = "4XX", body = ErrorBody)))]
async fn instance_profile_list(
    State(compute): Service,
    ctx: Ctx,
) -> Result<Json<InstanceProfiles>> {
    compute.instance_profile_list(&ctx).await.map(Json)
}

/// Takes one away from clusters that do not have it yet.
#[utoipa::path(post, path = "/api/2.0/instance-profiles/remove", operation_id = "instance_profile_remove", tag = "instance profiles",
    request_body = InstanceProfileNamed, responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn instance_profile_remove(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<InstanceProfileNamed>,
) -> Result<Json<Empty>> {
    compute.instance_profile_remove(&ctx, &request.instance_profile_arn).await?;
    Ok(Json(Empty {}))
}
