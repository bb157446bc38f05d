//! `/api/2.0/ip-access-lists…`, the same of the account, and the switches that make them count.

use super::{Scope, conf, ops};
use crate::Identity;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use biplane_api::error::ErrorBody;
use biplane_api::ids::AccountId;
use biplane_api::network_config::{
    AccountIpAccessEnable, AccountIpAccessEnableUpdate, Etag, IpAccessListAnswer,
    IpAccessListRequest, IpAccessLists,
};
use biplane_platform::{ApiJson, ApiPath, ApiQuery, Ctx, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Identity>>;

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ConfQuery {
    /// Names of configurations, with commas between.
    keys: Option<String>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct EtagQuery {
    etag: Option<String>,
}

pub fn routes(identity: &Arc<Identity>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(ip_access_list_create, ip_access_list_list))
        .routes(routes!(
            ip_access_list_get,
            ip_access_list_replace,
            ip_access_list_update,
            ip_access_list_delete
        ))
        .routes(routes!(account_ip_access_list_create, account_ip_access_list_list))
        .routes(routes!(
            account_ip_access_list_get,
            account_ip_access_list_replace,
            account_ip_access_list_update,
            account_ip_access_list_delete
        ))
        .routes(routes!(workspace_conf_get, workspace_conf_update))
        .routes(routes!(account_ip_access_get, account_ip_access_update, account_ip_access_delete))
        .with_state(identity.clone())
}

#[utoipa::path(post, path = "/api/2.0/ip-access-lists",
    operation_id = "ip_access_list_create", tag = "network", request_body = IpAccessListRequest,
    responses((status = 200, body = IpAccessListAnswer), (status = 400, body = ErrorBody)))]
async fn ip_access_list_create(
    State(identity): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<IpAccessListRequest>,
) -> Result<Json<IpAccessListAnswer>> {
    let scope = Scope::here(&ctx)?;
    let ip_access_list = ops::ip_access_list_create(&identity, &ctx, scope, &request).await?;
    Ok(Json(IpAccessListAnswer { ip_access_list }))
}

#[utoipa::path(get, path = "/api/2.0/ip-access-lists",
    operation_id = "ip_access_list_list", tag = "network",
    responses((status = 200, body = IpAccessLists), (status = 400, body = ErrorBody)))]
async fn ip_access_list_list(State(identity): Service, ctx: Ctx) -> Result<Json<IpAccessLists>> {
    let scope = Scope::here(&ctx)?;
    let ip_access_lists = ops::ip_access_list_list(&identity, &ctx, scope).await?;
    Ok(Json(IpAccessLists { ip_access_lists }))
}

#[utoipa::path(get, path = "/api/2.0/ip-access-lists/{ip_access_list_id}",
    operation_id = "ip_access_list_get", tag = "network",
    params(("ip_access_list_id" = String, Path)),
    responses((status = 200, body = IpAccessListAnswer), (status = 400, body = ErrorBody)))]
async fn ip_access_list_get(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(id): ApiPath<String>,
) -> Result<Json<IpAccessListAnswer>> {
    let scope = Scope::here(&ctx)?;
    let ip_access_list = ops::ip_access_list_get(&identity, &ctx, scope, &id).await?;
    Ok(Json(IpAccessListAnswer { ip_access_list }))
}

#[utoipa::path(put, path = "/api/2.0/ip-access-lists/{ip_access_list_id}",
    operation_id = "ip_access_list_replace", tag = "network",
    params(("ip_access_list_id" = String, Path)), request_body = IpAccessListRequest,
    responses((status = 200, body = IpAccessListAnswer), (status = 400, body = ErrorBody)))]
async fn ip_access_list_replace(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(id): ApiPath<String>,
    ApiJson(request): ApiJson<IpAccessListRequest>,
) -> Result<Json<IpAccessListAnswer>> {
    let scope = Scope::here(&ctx)?;
    let ip_access_list =
        ops::ip_access_list_update(&identity, &ctx, scope, &id, &request, true).await?;
    Ok(Json(IpAccessListAnswer { ip_access_list }))
}

#[utoipa::path(patch, path = "/api/2.0/ip-access-lists/{ip_access_list_id}",
    operation_id = "ip_access_list_update", tag = "network",
    params(("ip_access_list_id" = String, Path)), request_body = IpAccessListRequest,
    responses((status = 200, body = IpAccessListAnswer), (status = 400, body = ErrorBody)))]
async fn ip_access_list_update(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(id): ApiPath<String>,
    ApiJson(request): ApiJson<IpAccessListRequest>,
) -> Result<Json<IpAccessListAnswer>> {
    let scope = Scope::here(&ctx)?;
    let ip_access_list =
        ops::ip_access_list_update(&identity, &ctx, scope, &id, &request, false).await?;
    Ok(Json(IpAccessListAnswer { ip_access_list }))
}

#[utoipa::path(delete, path = "/api/2.0/ip-access-lists/{ip_access_list_id}",
    operation_id = "ip_access_list_delete", tag = "network",
    params(("ip_access_list_id" = String, Path)),
    responses((status = 200), (status = 400, body = ErrorBody)))]
async fn ip_access_list_delete(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(id): ApiPath<String>,
) -> Result<Json<Value>> {
    let scope = Scope::here(&ctx)?;
    ops::ip_access_list_delete(&identity, &ctx, scope, &id).await?;
    Ok(Json(json!({})))
}

#[utoipa::path(post, path = "/api/2.0/accounts/{account_id}/ip-access-lists",
    operation_id = "account_ip_access_list_create", tag = "network",
    params(("account_id" = String, Path)), request_body = IpAccessListRequest,
    responses((status = 200, body = IpAccessListAnswer), (status = 400, body = ErrorBody)))]
async fn account_ip_access_list_create(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
    ApiJson(request): ApiJson<IpAccessListRequest>,
) -> Result<Json<IpAccessListAnswer>> {
    identity.check_account(&account_id)?;
    let scope = Scope::Account;
    let ip_access_list = ops::ip_access_list_create(&identity, &ctx, scope, &request).await?;
    Ok(Json(IpAccessListAnswer { ip_access_list }))
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/ip-access-lists",
    operation_id = "account_ip_access_list_list", tag = "network",
    params(("account_id" = String, Path)),
    responses((status = 200, body = IpAccessLists), (status = 400, body = ErrorBody)))]
async fn account_ip_access_list_list(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
) -> Result<Json<IpAccessLists>> {
    identity.check_account(&account_id)?;
    let scope = Scope::Account;
    let ip_access_lists = ops::ip_access_list_list(&identity, &ctx, scope).await?;
    Ok(Json(IpAccessLists { ip_access_lists }))
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/ip-access-lists/{ip_access_list_id}",
    operation_id = "account_ip_access_list_get", tag = "network",
    params(("account_id" = String, Path), ("ip_access_list_id" = String, Path)),
    responses((status = 200, body = IpAccessListAnswer), (status = 400, body = ErrorBody)))]
async fn account_ip_access_list_get(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<IpAccessListAnswer>> {
    identity.check_account(&account_id)?;
    let scope = Scope::Account;
    let ip_access_list = ops::ip_access_list_get(&identity, &ctx, scope, &id).await?;
    Ok(Json(IpAccessListAnswer { ip_access_list }))
}

#[utoipa::path(put, path = "/api/2.0/accounts/{account_id}/ip-access-lists/{ip_access_list_id}",
    operation_id = "account_ip_access_list_replace", tag = "network",
    params(("account_id" = String, Path), ("ip_access_list_id" = String, Path)), request_body = IpAccessListRequest,
    responses((status = 200, body = IpAccessListAnswer), (status = 400, body = ErrorBody)))]
async fn account_ip_access_list_replace(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
    ApiJson(request): ApiJson<IpAccessListRequest>,
) -> Result<Json<IpAccessListAnswer>> {
    identity.check_account(&account_id)?;
    let scope = Scope::Account;
    let ip_access_list =
        ops::ip_access_list_update(&identity, &ctx, scope, &id, &request, true).await?;
    Ok(Json(IpAccessListAnswer { ip_access_list }))
}

#[utoipa::path(patch, path = "/api/2.0/accounts/{account_id}/ip-access-lists/{ip_access_list_id}",
    operation_id = "account_ip_access_list_update", tag = "network",
    params(("account_id" = String, Path), ("ip_access_list_id" = String, Path)), request_body = IpAccessListRequest,
    responses((status = 200, body = IpAccessListAnswer), (status = 400, body = ErrorBody)))]
async fn account_ip_access_list_update(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
    ApiJson(request): ApiJson<IpAccessListRequest>,
) -> Result<Json<IpAccessListAnswer>> {
    identity.check_account(&account_id)?;
    let scope = Scope::Account;
    let ip_access_list =
        ops::ip_access_list_update(&identity, &ctx, scope, &id, &request, false).await?;
    Ok(Json(IpAccessListAnswer { ip_access_list }))
}

#[utoipa::path(delete, path = "/api/2.0/accounts/{account_id}/ip-access-lists/{ip_access_list_id}",
    operation_id = "account_ip_access_list_delete", tag = "network",
    params(("account_id" = String, Path), ("ip_access_list_id" = String, Path)),
    responses((status = 200), (status = 400, body = ErrorBody)))]
async fn account_ip_access_list_delete(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<Value>> {
    identity.check_account(&account_id)?;
    let scope = Scope::Account;
    ops::ip_access_list_delete(&identity, &ctx, scope, &id).await?;
    Ok(Json(json!({})))
}

#[utoipa::path(get, path = "/api/2.0/workspace-conf", operation_id = "workspace_conf_get", tag = "network",
    params(ConfQuery), responses((status = 200, body = Object), (status = 501, body = ErrorBody)))]
async fn workspace_conf_get(
    State(identity): Service,
    ctx: Ctx,
    ApiQuery(query): ApiQuery<ConfQuery>,
) -> Result<Json<BTreeMap<String, Option<String>>>> {
    conf::workspace_conf_get(&identity, &ctx, query.keys.as_deref()).await.map(Json)
}

#[utoipa::path(patch, path = "/api/2.0/workspace-conf", operation_id = "workspace_conf_update", tag = "network",
    request_body = Object, responses((status = 204), (status = 501, body = ErrorBody)))]
async fn workspace_conf_update(
    State(identity): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<BTreeMap<String, Value>>,
) -> Result<StatusCode> {
    conf::workspace_conf_update(&identity, &ctx, &request).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/settings/types/acct_ip_acl_enable/names/default",
    operation_id = "account_ip_access_get", tag = "network",
    params(("account_id" = String, Path)),
    responses((status = 200, body = AccountIpAccessEnable), (status = 400, body = ErrorBody)))]
async fn account_ip_access_get(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
) -> Result<Json<AccountIpAccessEnable>> {
    identity.check_account(&account_id)?;
    conf::account_ip_access_get(&identity, &ctx).await.map(Json)
}

#[utoipa::path(patch, path = "/api/2.0/accounts/{account_id}/settings/types/acct_ip_acl_enable/names/default",
    operation_id = "account_ip_access_update", tag = "network",
    params(("account_id" = String, Path)), request_body = AccountIpAccessEnableUpdate,
    responses((status = 200, body = AccountIpAccessEnable), (status = 400, body = ErrorBody)))]
async fn account_ip_access_update(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
    ApiJson(request): ApiJson<AccountIpAccessEnableUpdate>,
) -> Result<Json<AccountIpAccessEnable>> {
    identity.check_account(&account_id)?;
    conf::account_ip_access_update(&identity, &ctx, &request).await.map(Json)
}

#[utoipa::path(delete, path = "/api/2.0/accounts/{account_id}/settings/types/acct_ip_acl_enable/names/default",
    operation_id = "account_ip_access_delete", tag = "network",
    params(("account_id" = String, Path), EtagQuery),
    responses((status = 200, body = Etag), (status = 400, body = ErrorBody)))]
async fn account_ip_access_delete(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
    ApiQuery(query): ApiQuery<EtagQuery>,
) -> Result<Json<Etag>> {
    identity.check_account(&account_id)?;
    conf::account_ip_access_delete(&identity, &ctx, query.etag.as_deref()).await.map(Json)
}
