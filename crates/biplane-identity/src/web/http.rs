//! `/api/2.0/biplane/auth/…`.

use super::{cookies, ops};
use crate::{Identity, authenticate};
use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode};
use biplane_api::error::ErrorBody;
use biplane_api::identity::{ChangePassword, LoginRequest, SessionInfo};
use biplane_platform::{ApiError, ApiJson, Ctx, Origin, Result};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Identity>>;

pub fn routes(identity: &Arc<Identity>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(session_get))
        .routes(routes!(session_delete))
        .routes(routes!(password_change))
        .with_state(identity.clone())
}

pub fn public_routes(identity: &Arc<Identity>) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(session_create)).with_state(identity.clone())
}

/// A form on another site must not sign somebody in as somebody else.
fn check_same_site(headers: &HeaderMap, origin: &Origin) -> Result<()> {
    let authority = |url: &str| url.split_once("://").map(|(_, rest)| rest.to_ascii_lowercase());
    match headers
        .get(axum::http::header::ORIGIN)
        .map(|value| value.to_str().ok().and_then(authority))
    {
        Some(sent) if sent != authority(&origin.base_url) => {
            Err(ApiError::denied("Sign in from the pages of this server only."))
        }
        _ => Ok(()),
    }
}

fn secure(base_url: &str) -> bool {
    base_url.starts_with("https://")
}

#[utoipa::path(post, path = "/api/2.0/biplane/auth/login", operation_id = "session_create", tag = "auth",
    request_body = LoginRequest,
    responses((status = 200, body = SessionInfo), (status = 401, body = ErrorBody), (status = 429, body = ErrorBody)))]
async fn session_create(
    State(identity): Service,
    origin: Origin,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    ApiJson(request): ApiJson<LoginRequest>,
) -> Result<(HeaderMap, Json<SessionInfo>)> {
    check_same_site(&headers, &origin)?;
    let host = authenticate::host(&uri, &headers);
    let (session, info) = ops::session_create(&identity, &origin, host, &request).await?;
    let mut answer = HeaderMap::new();
    cookies::set(&mut answer, &session, ops::SESSION_S, secure(&origin.base_url))?;
    Ok((answer, Json(info)))
}

#[utoipa::path(get, path = "/api/2.0/biplane/auth/session", operation_id = "session_get", tag = "auth",
    responses((status = 200, body = SessionInfo), (status = 401, body = ErrorBody)))]
async fn session_get(State(identity): Service, ctx: Ctx) -> Json<SessionInfo> {
    Json(ops::session_get(&identity, &ctx))
}

#[utoipa::path(post, path = "/api/2.0/biplane/auth/logout", operation_id = "session_delete", tag = "auth",
    responses((status = 204)))]
async fn session_delete(
    State(identity): Service,
    ctx: Ctx,
    headers: HeaderMap,
) -> Result<(StatusCode, HeaderMap)> {
    ops::session_delete(&identity, cookies::session_cookie(&headers)).await?;
    let mut answer = HeaderMap::new();
    cookies::clear(&mut answer, secure(&ctx.base_url))?;
    Ok((StatusCode::NO_CONTENT, answer))
}

#[utoipa::path(post, path = "/api/2.0/biplane/auth/password", operation_id = "password_change", tag = "auth",
    request_body = ChangePassword, responses((status = 200), (status = 403, body = ErrorBody)))]
async fn password_change(
    State(identity): Service,
    ctx: Ctx,
    headers: HeaderMap,
    ApiJson(request): ApiJson<ChangePassword>,
) -> Result<Json<Value>> {
    ops::password_change(&identity, &ctx, cookies::session_cookie(&headers), &request).await?;
    Ok(Json(json!({})))
}
