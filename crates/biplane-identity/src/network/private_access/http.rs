//! `/api/2.0/accounts/{account_id}/private-access-settings…` and `…/vpc-endpoints…`. Lists are bare arrays,
//! a deletion answers what was deleted: clients read nothing else.

use super::{endpoints, ops};
use crate::Identity;
use axum::Json;
use axum::extract::State;
use biplane_api::error::ErrorBody;
use biplane_api::ids::AccountId;
use biplane_api::network_config::{PrivateAccessSettings, VpcEndpoint};
use biplane_platform::{ApiJson, ApiPath, Ctx, Result};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Identity>>;

pub fn routes(identity: &Arc<Identity>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(private_access_create, private_access_list))
        .routes(routes!(private_access_get, private_access_replace, private_access_delete))
        .routes(routes!(vpc_endpoint_create, vpc_endpoint_list))
        .routes(routes!(vpc_endpoint_get, vpc_endpoint_delete))
        .with_state(identity.clone())
}

#[utoipa::path(post, path = "/api/2.0/accounts/{account_id}/private-access-settings",
    operation_id = "private_access_create", tag = "network",
    params(("account_id" = String, Path)), request_body = PrivateAccessSettings,

    responses((status = 200, body = PrivateAccessSettings), (status = 404, body = ErrorBody)))]
async fn private_access_create(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
    ApiJson(request): ApiJson<PrivateAccessSettings>,
) -> Result<Json<PrivateAccessSettings>> {
    identity.check_account(&account_id)?;
    ops::private_access_create(&identity, &ctx, &request).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/private-access-settings",
    operation_id = "private_access_list", tag = "network",
    params(("account_id" = String, Path)),
    responses((status = 200, body = Vec<PrivateAccessSettings>), (status = 404, body = ErrorBody)))]
async fn private_access_list(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
) -> Result<Json<Vec<PrivateAccessSettings>>> {
    identity.check_account(&account_id)?;
    ops::private_access_list(&identity, &ctx).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/private-access-settings/{private_access_settings_id}",
    operation_id = "private_access_get", tag = "network",
    params(("account_id" = String, Path), ("private_access_settings_id" = String, Path)),
    responses((status = 200, body = PrivateAccessSettings), (status = 404, body = ErrorBody)))]
async fn private_access_get(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<PrivateAccessSettings>> {
    identity.check_account(&account_id)?;
    ops::private_access_get(&identity, &ctx, &id).await.map(Json)
}

#[utoipa::path(put, path = "/api/2.0/accounts/{account_id}/private-access-settings/{private_access_settings_id}",
    operation_id = "private_access_replace", tag = "network",
    params(("account_id" = String, Path), ("private_access_settings_id" = String, Path)), request_body = PrivateAccessSettings,

    responses((status = 200, body = PrivateAccessSettings), (status = 404, body = ErrorBody)))]
async fn private_access_replace(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
    ApiJson(request): ApiJson<PrivateAccessSettings>,
) -> Result<Json<PrivateAccessSettings>> {
    identity.check_account(&account_id)?;
    ops::private_access_replace(&identity, &ctx, &id, &request).await.map(Json)
}

#[utoipa::path(delete, path = "/api/2.0/accounts/{account_id}/private-access-settings/{private_access_settings_id}",
    operation_id = "private_access_delete", tag = "network",
    params(("account_id" = String, Path), ("private_access_settings_id" = String, Path)),
    responses((status = 200, body = PrivateAccessSettings), (status = 404, body = ErrorBody)))]
async fn private_access_delete(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<PrivateAccessSettings>> {
    identity.check_account(&account_id)?;
    ops::private_access_delete(&identity, &ctx, &id).await.map(Json)
}

#[utoipa::path(post, path = "/api/2.0/accounts/{account_id}/vpc-endpoints",
    operation_id = "vpc_endpoint_create", tag = "network",
    params(("account_id" = String, Path)), request_body = VpcEndpoint,

    responses((status = 200, body = VpcEndpoint), (status = 404, body = ErrorBody)))]
async fn vpc_endpoint_create(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
    ApiJson(request): ApiJson<VpcEndpoint>,
) -> Result<Json<VpcEndpoint>> {
    identity.check_account(&account_id)?;
    endpoints::vpc_endpoint_create(&identity, &ctx, &request).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/vpc-endpoints",
    operation_id = "vpc_endpoint_list", tag = "network",
    params(("account_id" = String, Path)),
    responses((status = 200, body = Vec<VpcEndpoint>), (status = 404, body = ErrorBody)))]
async fn vpc_endpoint_list(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
) -> Result<Json<Vec<VpcEndpoint>>> {
    identity.check_account(&account_id)?;
    endpoints::vpc_endpoint_list(&identity, &ctx).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/vpc-endpoints/{vpc_endpoint_id}",
    operation_id = "vpc_endpoint_get", tag = "network",
    params(("account_id" = String, Path), ("vpc_endpoint_id" = String, Path)),
    responses((status = 200, body = VpcEndpoint), (status = 404, body = ErrorBody)))]
async fn vpc_endpoint_get(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<VpcEndpoint>> {
    identity.check_account(&account_id)?;
    endpoints::vpc_endpoint_get(&identity, &ctx, &id).await.map(Json)
}

#[utoipa::path(delete, path = "/api/2.0/accounts/{account_id}/vpc-endpoints/{vpc_endpoint_id}",
    operation_id = "vpc_endpoint_delete", tag = "network",
    params(("account_id" = String, Path), ("vpc_endpoint_id" = String, Path)),
    responses((status = 200, body = VpcEndpoint), (status = 404, body = ErrorBody)))]
async fn vpc_endpoint_delete(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<VpcEndpoint>> {
    identity.check_account(&account_id)?;
    endpoints::vpc_endpoint_delete(&identity, &ctx, &id).await.map(Json)
}
