//! `/api/2.0/token/…` and `/api/2.0/token-management/…`.

use super::ops;
use crate::Identity;
use axum::Json;
use axum::extract::State;
use biplane_api::error::ErrorBody;
use biplane_api::identity::{
    CreateToken, CreateTokenResponse, DeleteToken, GetTokenResponse, ListTokensResponse, TokenInfo,
    UpdateToken,
};
use biplane_platform::{ApiJson, ApiPath, ApiQuery, Ctx, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Identity>>;

pub fn routes(identity: &Arc<Identity>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(token_create))
        .routes(routes!(token_delete))
        .routes(routes!(token_list))
        .routes(routes!(token_update))
        .routes(routes!(token_management_list))
        .routes(routes!(token_management_get, token_management_delete, token_management_update))
        .routes(routes!(token_create_on_behalf))
        .with_state(identity.clone())
}

#[utoipa::path(post, path = "/api/2.0/token/create", operation_id = "token_create", tag = "tokens",
    request_body = CreateToken, responses((status = 200, body = CreateTokenResponse), (status = 400, body = ErrorBody)))]
async fn token_create(
    State(identity): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<CreateToken>,
) -> Result<Json<CreateTokenResponse>> {
    ops::token_create(&identity, &ctx, &request).await.map(Json)
}

#[utoipa::path(post, path = "/api/2.0/token/delete", operation_id = "token_delete", tag = "tokens",
    request_body = DeleteToken, responses((status = 200), (status = 404, body = ErrorBody)))]
async fn token_delete(
    State(identity): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<DeleteToken>,
) -> Result<Json<Value>> {
    ops::token_delete(&identity, &ctx, &request.token_id).await?;
    Ok(Json(json!({})))
}

#[utoipa::path(get, path = "/api/2.0/token/list", operation_id = "token_list", tag = "tokens",
    responses((status = 200, body = ListTokensResponse)))]
async fn token_list(State(identity): Service, ctx: Ctx) -> Result<Json<ListTokensResponse>> {
    let token_infos = ops::token_list(&identity, &ctx).await?;
    Ok(Json(ListTokensResponse { token_infos }))
}

#[utoipa::path(patch, path = "/api/2.0/token/{token_id}", operation_id = "token_update", tag = "tokens",
    params(("token_id" = String, Path)), request_body = UpdateToken,
    responses((status = 200), (status = 404, body = ErrorBody)))]
async fn token_update(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(token_id): ApiPath<String>,
    ApiJson(request): ApiJson<UpdateToken>,
) -> Result<Json<Value>> {
    ops::token_update(&identity, &ctx, &token_id, &request.token, request.update_mask.as_deref())
        .await?;
    Ok(Json(json!({})))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ManagementQuery {
    created_by_id: Option<i64>,
    created_by_username: Option<String>,
}

#[utoipa::path(get, path = "/api/2.0/token-management/tokens", operation_id = "token_management_list",
    tag = "tokens", params(ManagementQuery), responses((status = 200, body = ListTokensResponse)))]
async fn token_management_list(
    State(identity): Service,
    ctx: Ctx,
    ApiQuery(query): ApiQuery<ManagementQuery>,
) -> Result<Json<ListTokensResponse>> {
    let name = query.created_by_username.as_deref();
    let token_infos =
        ops::token_management_list(&identity, &ctx, query.created_by_id, name).await?;
    Ok(Json(ListTokensResponse { token_infos }))
}

#[utoipa::path(get, path = "/api/2.0/token-management/tokens/{token_id}", operation_id = "token_management_get",
    tag = "tokens", params(("token_id" = String, Path)),
    responses((status = 200, body = GetTokenResponse), (status = 404, body = ErrorBody)))]
async fn token_management_get(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(token_id): ApiPath<String>,
) -> Result<Json<GetTokenResponse>> {
    let token_info = ops::token_management_get(&identity, &ctx, &token_id).await?;
    Ok(Json(GetTokenResponse { token_info }))
}

#[utoipa::path(delete, path = "/api/2.0/token-management/tokens/{token_id}",
    operation_id = "token_management_delete", tag = "tokens", params(("token_id" = String, Path)),
    responses((status = 200), (status = 404, body = ErrorBody)))]
async fn token_management_delete(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(token_id): ApiPath<String>,
) -> Result<Json<Value>> {
    ops::token_management_delete(&identity, &ctx, &token_id).await?;
    Ok(Json(json!({})))
}

#[utoipa::path(patch, path = "/api/2.0/token-management/tokens/{token_id}",
    operation_id = "token_management_update", tag = "tokens", params(("token_id" = String, Path)),
    request_body = UpdateToken, responses((status = 200, body = TokenInfo), (status = 404, body = ErrorBody)))]
async fn token_management_update(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(token_id): ApiPath<String>,
    ApiJson(request): ApiJson<UpdateToken>,
) -> Result<Json<TokenInfo>> {
    let mask = request.update_mask.as_deref();
    ops::token_management_update(&identity, &ctx, &token_id, &request.token, mask).await.map(Json)
}

#[utoipa::path(post, path = "/api/2.0/token-management/on-behalf-of/tokens", operation_id = "token_create_on_behalf",
    tag = "tokens", request_body = CreateToken,
    responses((status = 200, body = CreateTokenResponse), (status = 404, body = ErrorBody)))]
async fn token_create_on_behalf(
    State(identity): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<CreateToken>,
) -> Result<Json<CreateTokenResponse>> {
    ops::token_create_on_behalf(&identity, &ctx, &request).await.map(Json)
}
