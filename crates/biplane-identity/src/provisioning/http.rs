//! `/api/2.0/accounts/{account_id}/credentials…`, `…/storage-configurations…`, `…/networks…` and
//! `…/customer-managed-keys…`. Lists are bare arrays, a deletion answers what was deleted: clients read
//! nothing else.

use super::{credentials, keys, networks, storage};
use crate::Identity;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use biplane_api::error::ErrorBody;
use biplane_api::ids::AccountId;
use biplane_api::provisioning::{Credentials, CustomerManagedKey, Network, StorageConfiguration};
use biplane_platform::{ApiJson, ApiPath, Ctx, Result};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Identity>>;

pub fn routes(identity: &Arc<Identity>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(credentials_create, credentials_list))
        .routes(routes!(credentials_get, credentials_delete))
        .routes(routes!(storage_configuration_create, storage_configuration_list))
        .routes(routes!(storage_configuration_get, storage_configuration_delete))
        .routes(routes!(network_create, network_list))
        .routes(routes!(network_get, network_delete))
        .routes(routes!(managed_key_create, managed_key_list))
        .routes(routes!(managed_key_get, managed_key_delete))
        .with_state(identity.clone())
}

#[utoipa::path(post, path = "/api/2.0/accounts/{account_id}/credentials", operation_id = "credentials_create",
    tag = "provisioning", params(("account_id" = String, Path)), request_body = Credentials,
    responses((status = 201, body = Credentials), (status = 409, body = ErrorBody)))]
async fn credentials_create(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
    ApiJson(request): ApiJson<Credentials>,
) -> Result<(StatusCode, Json<Credentials>)> {
    identity.check_account(&account_id)?;
    let made = credentials::credentials_create(&identity, &ctx, &request).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/credentials", operation_id = "credentials_list",
    tag = "provisioning", params(("account_id" = String, Path)),
    responses((status = 200, body = Vec<Credentials>), (status = 404, body = ErrorBody)))]
async fn credentials_list(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
) -> Result<Json<Vec<Credentials>>> {
    identity.check_account(&account_id)?;
    credentials::credentials_list(&identity, &ctx).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/credentials/{credentials_id}",
    operation_id = "credentials_get", tag = "provisioning",
    params(("account_id" = String, Path), ("credentials_id" = String, Path)),
    responses((status = 200, body = Credentials), (status = 404, body = ErrorBody)))]
async fn credentials_get(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<Credentials>> {
    identity.check_account(&account_id)?;
    credentials::credentials_get(&identity, &ctx, &id).await.map(Json)
}

#[utoipa::path(delete, path = "/api/2.0/accounts/{account_id}/credentials/{credentials_id}",
    operation_id = "credentials_delete", tag = "provisioning",
    params(("account_id" = String, Path), ("credentials_id" = String, Path)),
    responses((status = 200, body = Credentials), (status = 409, body = ErrorBody)))]
async fn credentials_delete(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<Credentials>> {
    identity.check_account(&account_id)?;
    credentials::credentials_delete(&identity, &ctx, &id).await.map(Json)
}

#[utoipa::path(post, path = "/api/2.0/accounts/{account_id}/storage-configurations", operation_id = "storage_configuration_create",
    tag = "provisioning", params(("account_id" = String, Path)), request_body = StorageConfiguration,
    responses((status = 201, body = StorageConfiguration), (status = 409, body = ErrorBody)))]
async fn storage_configuration_create(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
    ApiJson(request): ApiJson<StorageConfiguration>,
) -> Result<(StatusCode, Json<StorageConfiguration>)> {
    identity.check_account(&account_id)?;
    let made = storage::storage_configuration_create(&identity, &ctx, &request).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/storage-configurations", operation_id = "storage_configuration_list",
    tag = "provisioning", params(("account_id" = String, Path)),
    responses((status = 200, body = Vec<StorageConfiguration>), (status = 404, body = ErrorBody)))]
async fn storage_configuration_list(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
) -> Result<Json<Vec<StorageConfiguration>>> {
    identity.check_account(&account_id)?;
    storage::storage_configuration_list(&identity, &ctx).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/storage-configurations/{storage_configuration_id}",
    operation_id = "storage_configuration_get", tag = "provisioning",
    params(("account_id" = String, Path), ("storage_configuration_id" = String, Path)),
    responses((status = 200, body = StorageConfiguration), (status = 404, body = ErrorBody)))]
async fn storage_configuration_get(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<StorageConfiguration>> {
    identity.check_account(&account_id)?;
    storage::storage_configuration_get(&identity, &ctx, &id).await.map(Json)
}

#[utoipa::path(delete, path = "/api/2.0/accounts/{account_id}/storage-configurations/{storage_configuration_id}",
    operation_id = "storage_configuration_delete", tag = "provisioning",
    params(("account_id" = String, Path), ("storage_configuration_id" = String, Path)),
    responses((status = 200, body = StorageConfiguration), (status = 409, body = ErrorBody)))]
async fn storage_configuration_delete(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<StorageConfiguration>> {
    identity.check_account(&account_id)?;
    storage::storage_configuration_delete(&identity, &ctx, &id).await.map(Json)
}

#[utoipa::path(post, path = "/api/2.0/accounts/{account_id}/networks", operation_id = "network_create",
    tag = "provisioning", params(("account_id" = String, Path)), request_body = Network,
    responses((status = 201, body = Network), (status = 409, body = ErrorBody)))]
async fn network_create(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
    ApiJson(request): ApiJson<Network>,
) -> Result<(StatusCode, Json<Network>)> {
    identity.check_account(&account_id)?;
    let made = networks::network_create(&identity, &ctx, &request).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/networks", operation_id = "network_list",
    tag = "provisioning", params(("account_id" = String, Path)),
    responses((status = 200, body = Vec<Network>), (status = 404, body = ErrorBody)))]
async fn network_list(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
) -> Result<Json<Vec<Network>>> {
    identity.check_account(&account_id)?;
    networks::network_list(&identity, &ctx).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/networks/{network_id}",
    operation_id = "network_get", tag = "provisioning",
    params(("account_id" = String, Path), ("network_id" = String, Path)),
    responses((status = 200, body = Network), (status = 404, body = ErrorBody)))]
async fn network_get(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<Network>> {
    identity.check_account(&account_id)?;
    networks::network_get(&identity, &ctx, &id).await.map(Json)
}

#[utoipa::path(delete, path = "/api/2.0/accounts/{account_id}/networks/{network_id}",
    operation_id = "network_delete", tag = "provisioning",
    params(("account_id" = String, Path), ("network_id" = String, Path)),
    responses((status = 200, body = Network), (status = 409, body = ErrorBody)))]
async fn network_delete(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<Network>> {
    identity.check_account(&account_id)?;
    networks::network_delete(&identity, &ctx, &id).await.map(Json)
}

#[utoipa::path(post, path = "/api/2.0/accounts/{account_id}/customer-managed-keys", operation_id = "managed_key_create",
    tag = "provisioning", params(("account_id" = String, Path)), request_body = CustomerManagedKey,
    responses((status = 201, body = CustomerManagedKey), (status = 409, body = ErrorBody)))]
async fn managed_key_create(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
    ApiJson(request): ApiJson<CustomerManagedKey>,
) -> Result<(StatusCode, Json<CustomerManagedKey>)> {
    identity.check_account(&account_id)?;
    let made = keys::managed_key_create(&identity, &ctx, &request).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/customer-managed-keys", operation_id = "managed_key_list",
    tag = "provisioning", params(("account_id" = String, Path)),
    responses((status = 200, body = Vec<CustomerManagedKey>), (status = 404, body = ErrorBody)))]
async fn managed_key_list(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
) -> Result<Json<Vec<CustomerManagedKey>>> {
    identity.check_account(&account_id)?;
    keys::managed_key_list(&identity, &ctx).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/customer-managed-keys/{customer_managed_key_id}",
    operation_id = "managed_key_get", tag = "provisioning",
    params(("account_id" = String, Path), ("customer_managed_key_id" = String, Path)),
    responses((status = 200, body = CustomerManagedKey), (status = 404, body = ErrorBody)))]
async fn managed_key_get(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<CustomerManagedKey>> {
    identity.check_account(&account_id)?;
    keys::managed_key_get(&identity, &ctx, &id).await.map(Json)
}

#[utoipa::path(delete, path = "/api/2.0/accounts/{account_id}/customer-managed-keys/{customer_managed_key_id}",
    operation_id = "managed_key_delete", tag = "provisioning",
    params(("account_id" = String, Path), ("customer_managed_key_id" = String, Path)),
    responses((status = 200, body = CustomerManagedKey), (status = 409, body = ErrorBody)))]
async fn managed_key_delete(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<CustomerManagedKey>> {
    identity.check_account(&account_id)?;
    keys::managed_key_delete(&identity, &ctx, &id).await.map(Json)
}
