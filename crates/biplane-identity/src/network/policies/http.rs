//! `/api/2.0/accounts/{account_id}/network-policies` and `…/workspaces/{workspace_id}/network`.

use super::ops;
use crate::{Identity, workspace_id};
use axum::Json;
use axum::extract::State;
use biplane_api::error::ErrorBody;
use biplane_api::ids::AccountId;
use biplane_api::network_config::{NetworkPolicies, NetworkPolicy, WorkspaceNetworkOption};
use biplane_platform::{ApiJson, ApiPath, ApiQuery, Ctx, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Identity>>;

/// Lists of the account that are paged.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    pub page_token: Option<String>,
}

pub fn routes(identity: &Arc<Identity>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(network_policy_create, network_policy_list))
        .routes(routes!(network_policy_get, network_policy_update, network_policy_delete))
        .routes(routes!(workspace_network_get, workspace_network_update))
        .with_state(identity.clone())
}

#[utoipa::path(post, path = "/api/2.0/accounts/{account_id}/network-policies",
    operation_id = "network_policy_create", tag = "network", params(("account_id" = String, Path)),
    request_body = NetworkPolicy,
    responses((status = 200, body = NetworkPolicy), (status = 409, body = ErrorBody)))]
async fn network_policy_create(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
    ApiJson(request): ApiJson<NetworkPolicy>,
) -> Result<Json<NetworkPolicy>> {
    identity.check_account(&account_id)?;
    ops::network_policy_create(&identity, &ctx, &request).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/network-policies",
    operation_id = "network_policy_list", tag = "network",
    params(("account_id" = String, Path), PageQuery), responses((status = 200, body = NetworkPolicies)))]
async fn network_policy_list(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Json<NetworkPolicies>> {
    identity.check_account(&account_id)?;
    ops::network_policy_list(&identity, &ctx, query.page_token.as_deref()).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/network-policies/{network_policy_id}",
    operation_id = "network_policy_get", tag = "network",
    params(("account_id" = String, Path), ("network_policy_id" = String, Path)),
    responses((status = 200, body = NetworkPolicy), (status = 404, body = ErrorBody)))]
async fn network_policy_get(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<NetworkPolicy>> {
    identity.check_account(&account_id)?;
    ops::network_policy_get(&identity, &ctx, &id).await.map(Json)
}

/// Replaces it. What runs under it follows within a second.
#[utoipa::path(put, path = "/api/2.0/accounts/{account_id}/network-policies/{network_policy_id}",
    operation_id = "network_policy_update", tag = "network",
    params(("account_id" = String, Path), ("network_policy_id" = String, Path)), request_body = NetworkPolicy,
    responses((status = 200, body = NetworkPolicy), (status = 404, body = ErrorBody)))]
async fn network_policy_update(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
    ApiJson(request): ApiJson<NetworkPolicy>,
) -> Result<Json<NetworkPolicy>> {
    identity.check_account(&account_id)?;
    ops::network_policy_update(&identity, &ctx, &id, &request).await.map(Json)
}

#[utoipa::path(delete, path = "/api/2.0/accounts/{account_id}/network-policies/{network_policy_id}",
    operation_id = "network_policy_delete", tag = "network",
    params(("account_id" = String, Path), ("network_policy_id" = String, Path)),
    responses((status = 200), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
async fn network_policy_delete(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<Value>> {
    identity.check_account(&account_id)?;
    ops::network_policy_delete(&identity, &ctx, &id).await?;
    Ok(Json(json!({})))
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/workspaces/{workspace_id}/network",
    operation_id = "workspace_network_get", tag = "network",
    params(("account_id" = String, Path), ("workspace_id" = String, Path)),
    responses((status = 200, body = WorkspaceNetworkOption), (status = 404, body = ErrorBody)))]
async fn workspace_network_get(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<WorkspaceNetworkOption>> {
    identity.check_account(&account_id)?;
    ops::workspace_network_get(&identity, &ctx, workspace_id(&id)?).await.map(Json)
}

#[utoipa::path(put, path = "/api/2.0/accounts/{account_id}/workspaces/{workspace_id}/network",
    operation_id = "workspace_network_update", tag = "network",
    params(("account_id" = String, Path), ("workspace_id" = String, Path)), request_body = WorkspaceNetworkOption,
    responses((status = 200, body = WorkspaceNetworkOption), (status = 404, body = ErrorBody)))]
async fn workspace_network_update(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
    ApiJson(request): ApiJson<WorkspaceNetworkOption>,
) -> Result<Json<WorkspaceNetworkOption>> {
    identity.check_account(&account_id)?;
    ops::workspace_network_update(&identity, &ctx, workspace_id(&id)?, &request).await.map(Json)
}
