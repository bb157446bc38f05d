//! Secrets, by the account's path and by the workspace's.

use super::ops;
use crate::{Identity, principal_id};
use axum::Json;
use axum::extract::State;
use axum::routing::any;
use biplane_api::error::ErrorBody;
use biplane_api::identity::{CreateSecret, ListSecretsResponse, SecretInfo};
use biplane_api::ids::AccountId;
use biplane_platform::{ApiError, ApiJson, ApiPath, Ctx, Result};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Identity>>;

pub fn routes(identity: &Arc<Identity>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(account_secret_create, account_secret_list))
        .routes(routes!(account_secret_delete))
        .routes(routes!(secret_create, secret_list))
        .routes(routes!(secret_delete))
        .route("/api/2.0/accounts/{account_id}/federationPolicies", any(federation))
        .route("/api/2.0/accounts/{account_id}/federationPolicies/{policy_id}", any(federation))
        .route(
            "/api/2.0/accounts/{account_id}/servicePrincipals/{id}/federationPolicies",
            any(federation),
        )
        .route(
            "/api/2.0/accounts/{account_id}/servicePrincipals/{id}/federationPolicies/{policy_id}",
            any(federation),
        )
        .with_state(identity.clone())
}

/// Said clearly, as the token endpoint says it of the tokens.
async fn federation(ctx: Ctx) -> Result<Json<Value>> {
    ctx.require_account_admin()?;
    Err(ApiError::unsupported("Token federation"))
}

#[utoipa::path(post, path = "/api/2.0/accounts/{account_id}/servicePrincipals/{id}/credentials/secrets",
    operation_id = "account_secret_create", tag = "service-principal-secrets",
    params(("account_id" = String, Path), ("id" = String, Path)), request_body = CreateSecret,
    responses((status = 200, body = SecretInfo), (status = 404, body = ErrorBody)))]
async fn account_secret_create(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
    ApiJson(request): ApiJson<CreateSecret>,
) -> Result<Json<SecretInfo>> {
    identity.check_account(&account_id)?;
    ops::secret_create(&identity, &ctx, principal_id(&id)?, &request).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/servicePrincipals/{id}/credentials/secrets",
    operation_id = "account_secret_list", tag = "service-principal-secrets",
    params(("account_id" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = ListSecretsResponse), (status = 404, body = ErrorBody)))]
async fn account_secret_list(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<ListSecretsResponse>> {
    identity.check_account(&account_id)?;
    let secrets = ops::secret_list(&identity, &ctx, principal_id(&id)?).await?;
    Ok(Json(ListSecretsResponse { secrets, next_page_token: None }))
}

#[utoipa::path(delete, path = "/api/2.0/accounts/{account_id}/servicePrincipals/{id}/credentials/secrets/{secret_id}",
    operation_id = "account_secret_delete", tag = "service-principal-secrets",
    params(("account_id" = String, Path), ("id" = String, Path), ("secret_id" = String, Path)),
    responses((status = 200), (status = 404, body = ErrorBody)))]
async fn account_secret_delete(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id, secret_id)): ApiPath<(AccountId, String, String)>,
) -> Result<Json<Value>> {
    identity.check_account(&account_id)?;
    ops::secret_delete(&identity, &ctx, principal_id(&id)?, &secret_id).await?;
    Ok(Json(json!({})))
}

#[utoipa::path(post, path = "/api/2.0/accounts/servicePrincipals/{id}/credentials/secrets",
    operation_id = "secret_create", tag = "service-principal-secrets", params(("id" = String, Path)),
    request_body = CreateSecret, responses((status = 200, body = SecretInfo), (status = 404, body = ErrorBody)))]
async fn secret_create(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(id): ApiPath<String>,
    ApiJson(request): ApiJson<CreateSecret>,
) -> Result<Json<SecretInfo>> {
    ops::secret_create(&identity, &ctx, principal_id(&id)?, &request).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.0/accounts/servicePrincipals/{id}/credentials/secrets",
    operation_id = "secret_list", tag = "service-principal-secrets", params(("id" = String, Path)),
    responses((status = 200, body = ListSecretsResponse), (status = 404, body = ErrorBody)))]
async fn secret_list(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(id): ApiPath<String>,
) -> Result<Json<ListSecretsResponse>> {
    let secrets = ops::secret_list(&identity, &ctx, principal_id(&id)?).await?;
    Ok(Json(ListSecretsResponse { secrets, next_page_token: None }))
}

#[utoipa::path(delete, path = "/api/2.0/accounts/servicePrincipals/{id}/credentials/secrets/{secret_id}",
    operation_id = "secret_delete", tag = "service-principal-secrets",
    params(("id" = String, Path), ("secret_id" = String, Path)),
    responses((status = 200), (status = 404, body = ErrorBody)))]
async fn secret_delete(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((id, secret_id)): ApiPath<(String, String)>,
) -> Result<Json<Value>> {
    ops::secret_delete(&identity, &ctx, principal_id(&id)?, &secret_id).await?;
    Ok(Json(json!({})))
}
