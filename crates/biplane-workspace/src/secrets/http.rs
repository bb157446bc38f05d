//! The secrets API.

use super::Secrets;
use axum::Json;
use axum::extract::State;
use biplane_api::compute::Empty;
use biplane_api::error::ErrorBody;
use biplane_api::secrets::{
    SecretAcl, SecretAclNamed, SecretAclPut, SecretAcls, SecretList, SecretNamed, SecretPut,
    SecretScopeCreate, SecretScopeNamed, SecretScopes, SecretValue,
};
use biplane_platform::{ApiJson, ApiQuery, Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Secrets>>;

pub fn routes(secrets: &Arc<Secrets>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(secret_scope_create))
        .routes(routes!(secret_scope_delete))
        .routes(routes!(secret_scope_list))
        .routes(routes!(scope_secret_put))
        .routes(routes!(scope_secret_delete))
        .routes(routes!(scope_secret_get))
        .routes(routes!(scope_secret_list))
        .routes(routes!(secret_acl_put))
        .routes(routes!(secret_acl_delete))
        .routes(routes!(secret_acl_get))
        .routes(routes!(secret_acl_list))
        .with_state(secrets.clone())
}

/// What the queries name.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Named {
    scope: Option<String>,
    key: Option<String>,
    principal: Option<String>,
}

/// Makes a scope.
#[utoipa::path(post, path = "/api/2.0/secrets/scopes/create", operation_id = "secret_scope_create", tag = "secrets", request_body = SecretScopeCreate,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn secret_scope_create(
    State(secrets): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<SecretScopeCreate>,
) -> Result<Json<Empty>> {
    secrets.secret_scope_create(&ctx, &request).await?;
    Ok(Json(Empty {}))
}

/// Deletes a scope and what is in it.
#[utoipa::path(post, path = "/api/2.0/secrets/scopes/delete", operation_id = "secret_scope_delete", tag = "secrets", request_body = SecretScopeNamed,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn secret_scope_delete(
    State(secrets): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<SecretScopeNamed>,
) -> Result<Json<Empty>> {
    secrets.secret_scope_delete(&ctx, request.scope.as_deref()).await?;
    Ok(Json(Empty {}))
}

/// The scopes that the caller may read.
#[utoipa::path(get, path = "/api/2.0/secrets/scopes/list", operation_id = "secret_scope_list", tag = "secrets",
    responses((status = 200, body = SecretScopes), (status = "4XX", body = ErrorBody)))]
async fn secret_scope_list(State(secrets): Service, ctx: Ctx) -> Result<Json<SecretScopes>> {
    secrets.secret_scope_list(&ctx).await.map(Json)
}

/// Writes a secret.
#[utoipa::path(post, path = "/api/2.0/secrets/put", operation_id = "scope_secret_put", tag = "secrets", request_body = SecretPut,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn scope_secret_put(
    State(secrets): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<SecretPut>,
) -> Result<Json<Empty>> {
    secrets.scope_secret_put(&ctx, &request).await?;
    Ok(Json(Empty {}))
}

/// Deletes a secret.
#[utoipa::path(post, path = "/api/2.0/secrets/delete", operation_id = "scope_secret_delete", tag = "secrets", request_body = SecretNamed,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn scope_secret_delete(
    State(secrets): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<SecretNamed>,
) -> Result<Json<Empty>> {
    secrets.scope_secret_delete(&ctx, request.scope.as_deref(), request.key.as_deref()).await?;
    Ok(Json(Empty {}))
}

/// The value of a secret.
#[utoipa::path(get, path = "/api/2.0/secrets/get", operation_id = "scope_secret_get", tag = "secrets", params(Named),
    responses((status = 200, body = SecretValue), (status = "4XX", body = ErrorBody)))]
async fn scope_secret_get(
    State(secrets): Service,
    ctx: Ctx,
    ApiQuery(query): ApiQuery<Named>,
) -> Result<Json<SecretValue>> {
    secrets.scope_secret_get(&ctx, query.scope.as_deref(), query.key.as_deref()).await.map(Json)
}

/// The names of the secrets of a scope.
#[utoipa::path(get, path = "/api/2.0/secrets/list", operation_id = "scope_secret_list", tag = "secrets", params(Named),
    responses((status = 200, body = SecretList), (status = "4XX", body = ErrorBody)))]
async fn scope_secret_list(
    State(secrets): Service,
    ctx: Ctx,
    ApiQuery(query): ApiQuery<Named>,
) -> Result<Json<SecretList>> {
    secrets.scope_secret_list(&ctx, query.scope.as_deref()).await.map(Json)
}

/// Gives somebody a permission on a scope.
#[utoipa::path(post, path = "/api/2.0/secrets/acls/put", operation_id = "secret_acl_put", tag = "secrets", request_body = SecretAclPut,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn secret_acl_put(
    State(secrets): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<SecretAclPut>,
) -> Result<Json<Empty>> {
    secrets.secret_acl_put(&ctx, &request).await?;
    Ok(Json(Empty {}))
}

/// Takes somebody's permission on a scope.
#[utoipa::path(post, path = "/api/2.0/secrets/acls/delete", operation_id = "secret_acl_delete", tag = "secrets", request_body = SecretAclNamed,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn secret_acl_delete(
    State(secrets): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<SecretAclNamed>,
) -> Result<Json<Empty>> {
    secrets.secret_acl_delete(&ctx, request.scope.as_deref(), request.principal.as_deref()).await?;
    Ok(Json(Empty {}))
}

/// Somebody's permission on a scope.
#[utoipa::path(get, path = "/api/2.0/secrets/acls/get", operation_id = "secret_acl_get", tag = "secrets", params(Named),
    responses((status = 200, body = SecretAcl), (status = "4XX", body = ErrorBody)))]
async fn secret_acl_get(
    State(secrets): Service,
    ctx: Ctx,
    ApiQuery(query): ApiQuery<Named>,
) -> Result<Json<SecretAcl>> {
    secrets.secret_acl_get(&ctx, query.scope.as_deref(), query.principal.as_deref()).await.map(Json)
}

/// All permissions on a scope.
#[utoipa::path(get, path = "/api/2.0/secrets/acls/list", operation_id = "secret_acl_list", tag = "secrets", params(Named),
    responses((status = 200, body = SecretAcls), (status = "4XX", body = ErrorBody)))]
async fn secret_acl_list(
    State(secrets): Service,
    ctx: Ctx,
    ApiQuery(query): ApiQuery<Named>,
) -> Result<Json<SecretAcls>> {
    secrets.secret_acl_list(&ctx, query.scope.as_deref()).await.map(Json)
}
