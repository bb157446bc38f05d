//! `/api/2.0/accounts/{account_id}/network-connectivity-configs…`.

use super::{ops, rules};
use crate::Identity;
use crate::network::policies::http::PageQuery;
use axum::Json;
use axum::extract::State;
use biplane_api::error::ErrorBody;
use biplane_api::ids::AccountId;
use biplane_api::network_config::{
    NetworkConnectivityConfig, NetworkConnectivityConfigs, PrivateEndpointRule,
    PrivateEndpointRules,
};
use biplane_platform::{ApiJson, ApiPath, ApiQuery, Ctx, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Identity>>;

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct UpdateQuery {
    /// The fields to change, with commas between.
    update_mask: Option<String>,
}

pub fn routes(identity: &Arc<Identity>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(connectivity_config_create, connectivity_config_list))
        .routes(routes!(connectivity_config_get, connectivity_config_delete))
        .routes(routes!(private_endpoint_rule_create, private_endpoint_rule_list))
        .routes(routes!(
            private_endpoint_rule_get,
            private_endpoint_rule_update,
            private_endpoint_rule_delete
        ))
        .with_state(identity.clone())
}

#[utoipa::path(post, path = "/api/2.0/accounts/{account_id}/network-connectivity-configs",
    operation_id = "connectivity_config_create", tag = "network",
    params(("account_id" = String, Path)), request_body = NetworkConnectivityConfig,

    responses((status = 200, body = NetworkConnectivityConfig), (status = 404, body = ErrorBody)))]
async fn connectivity_config_create(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
    ApiJson(request): ApiJson<NetworkConnectivityConfig>,
) -> Result<Json<NetworkConnectivityConfig>> {
    identity.check_account(&account_id)?;
    ops::connectivity_config_create(&identity, &ctx, &request).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/network-connectivity-configs",
    operation_id = "connectivity_config_list", tag = "network",
    params(("account_id" = String, Path), PageQuery),
    responses((status = 200, body = NetworkConnectivityConfigs), (status = 404, body = ErrorBody)))]
async fn connectivity_config_list(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Json<NetworkConnectivityConfigs>> {
    identity.check_account(&account_id)?;
    ops::connectivity_config_list(&identity, &ctx, query.page_token.as_deref()).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/network-connectivity-configs/{network_connectivity_config_id}",
    operation_id = "connectivity_config_get", tag = "network",
    params(("account_id" = String, Path), ("network_connectivity_config_id" = String, Path)),
    responses((status = 200, body = NetworkConnectivityConfig), (status = 404, body = ErrorBody)))]
async fn connectivity_config_get(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<NetworkConnectivityConfig>> {
    identity.check_account(&account_id)?;
    ops::connectivity_config_get(&identity, &ctx, &id).await.map(Json)
}

#[utoipa::path(delete, path = "/api/2.0/accounts/{account_id}/network-connectivity-configs/{network_connectivity_config_id}",
    operation_id = "connectivity_config_delete", tag = "network",
    params(("account_id" = String, Path), ("network_connectivity_config_id" = String, Path)),
    responses((status = 200), (status = 404, body = ErrorBody)))]
async fn connectivity_config_delete(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<Value>> {
    identity.check_account(&account_id)?;
    ops::connectivity_config_delete(&identity, &ctx, &id).await?;
    Ok(Json(json!({})))
}

#[utoipa::path(post, path = "/api/2.0/accounts/{account_id}/network-connectivity-configs/{network_connectivity_config_id}/private-endpoint-rules",
    operation_id = "private_endpoint_rule_create", tag = "network",
    params(("account_id" = String, Path), ("network_connectivity_config_id" = String, Path)), request_body = PrivateEndpointRule,

    responses((status = 200, body = PrivateEndpointRule), (status = 404, body = ErrorBody)))]
async fn private_endpoint_rule_create(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
    ApiJson(request): ApiJson<PrivateEndpointRule>,
) -> Result<Json<PrivateEndpointRule>> {
    identity.check_account(&account_id)?;
    rules::private_endpoint_rule_create(&identity, &ctx, &id, &request).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/network-connectivity-configs/{network_connectivity_config_id}/private-endpoint-rules",
    operation_id = "private_endpoint_rule_list", tag = "network",
    params(("account_id" = String, Path), ("network_connectivity_config_id" = String, Path), PageQuery),
    responses((status = 200, body = PrivateEndpointRules), (status = 404, body = ErrorBody)))]
async fn private_endpoint_rule_list(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Json<PrivateEndpointRules>> {
    identity.check_account(&account_id)?;
    let token = query.page_token.as_deref();
    rules::private_endpoint_rule_list(&identity, &ctx, &id, token).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/network-connectivity-configs/{network_connectivity_config_id}/private-endpoint-rules/{private_endpoint_rule_id}",
    operation_id = "private_endpoint_rule_get", tag = "network",
    params(("account_id" = String, Path), ("network_connectivity_config_id" = String, Path), ("private_endpoint_rule_id" = String, Path)),
    responses((status = 200, body = PrivateEndpointRule), (status = 404, body = ErrorBody)))]
async fn private_endpoint_rule_get(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, config, id)): ApiPath<(AccountId, String, String)>,
) -> Result<Json<PrivateEndpointRule>> {
    identity.check_account(&account_id)?;
    rules::private_endpoint_rule_get(&identity, &ctx, &config, &id).await.map(Json)
}

#[utoipa::path(patch, path = "/api/2.0/accounts/{account_id}/network-connectivity-configs/{network_connectivity_config_id}/private-endpoint-rules/{private_endpoint_rule_id}",
    operation_id = "private_endpoint_rule_update", tag = "network",
    params(("account_id" = String, Path), ("network_connectivity_config_id" = String, Path), ("private_endpoint_rule_id" = String, Path), UpdateQuery), request_body = PrivateEndpointRule,

    responses((status = 200, body = PrivateEndpointRule), (status = 404, body = ErrorBody)))]
async fn private_endpoint_rule_update(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, config, id)): ApiPath<(AccountId, String, String)>,
    ApiQuery(query): ApiQuery<UpdateQuery>,
    ApiJson(request): ApiJson<PrivateEndpointRule>,
) -> Result<Json<PrivateEndpointRule>> {
    identity.check_account(&account_id)?;
    let (at, mask) = ((config.as_str(), id.as_str()), query.update_mask.as_deref());
    rules::private_endpoint_rule_update(&identity, &ctx, at, mask, &request).await.map(Json)
}

#[utoipa::path(delete, path = "/api/2.0/accounts/{account_id}/network-connectivity-configs/{network_connectivity_config_id}/private-endpoint-rules/{private_endpoint_rule_id}",
    operation_id = "private_endpoint_rule_delete", tag = "network",
    params(("account_id" = String, Path), ("network_connectivity_config_id" = String, Path), ("private_endpoint_rule_id" = String, Path)),
    responses((status = 200, body = PrivateEndpointRule), (status = 404, body = ErrorBody)))]
async fn private_endpoint_rule_delete(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, config, id)): ApiPath<(AccountId, String, String)>,
) -> Result<Json<PrivateEndpointRule>> {
    identity.check_account(&account_id)?;
    rules::private_endpoint_rule_delete(&identity, &ctx, &config, &id).await.map(Json)
}
