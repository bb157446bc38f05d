//! `/.well-known/…` and `/oidc/…`: for anybody.

use super::authorize::{self, AuthorizeQuery};
use super::token::{self, Place, TokenRequest};
use super::{ROOT, Refused, discovery};
use crate::Identity;
use crate::authenticate::Call;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, OriginalUri, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use biplane_api::error::ErrorBody;
use biplane_api::identity::{AuthorizationServer, HostMetadata, OAuthError, OAuthToken};
use biplane_api::ids::AccountId;
use biplane_platform::{ApiPath, ApiQuery, Origin, Result};
use serde_json::Value;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Identity>>;

const TOKEN_BODY_MAX: usize = 64 * 1024;

pub fn routes(identity: &Arc<Identity>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(host_metadata_get))
        .routes(routes!(authorization_server_get))
        .routes(routes!(account_authorization_server_get))
        .routes(routes!(key_set_get))
        .routes(routes!(oauth_authorize))
        .routes(routes!(oauth_token))
        .routes(routes!(account_oauth_token))
        .route("/oidc/.well-known/openid-configuration", get(authorization_server_get))
        .route(
            "/oidc/accounts/{account_id}/.well-known/openid-configuration",
            get(account_authorization_server_get),
        )
        .route("/oidc/accounts/{account_id}/v1/authorize", get(oauth_authorize))
        .route("/oidc/oauth2/v2.0/authorize", get(oauth_authorize))
        .route("/.well-known/oauth-authorization-server", get(authorization_server_get))
        .route("/.well-known/openid-configuration", get(authorization_server_get))
        .layer(DefaultBodyLimit::max(TOKEN_BODY_MAX))
        .with_state(identity.clone())
}

#[utoipa::path(get, path = "/.well-known/databricks-config", operation_id = "host_metadata_get", tag = "oauth",
    security(()), responses((status = 200, body = HostMetadata)))]
async fn host_metadata_get(State(identity): Service, origin: Origin) -> Result<Json<HostMetadata>> {
    discovery::host_metadata(&identity, &origin).await.map(Json)
}

#[utoipa::path(get, path = "/oidc/.well-known/oauth-authorization-server", operation_id = "authorization_server_get",
    tag = "oauth", security(()), responses((status = 200, body = AuthorizationServer)))]
async fn authorization_server_get(origin: Origin) -> Json<AuthorizationServer> {
    Json(discovery::authorization_server(&origin, ROOT))
}

#[utoipa::path(get, path = "/oidc/accounts/{account_id}/.well-known/oauth-authorization-server",
    operation_id = "account_authorization_server_get", tag = "oauth", security(()),
    params(("account_id" = String, Path)),
    responses((status = 200, body = AuthorizationServer), (status = 404, body = ErrorBody)))]
async fn account_authorization_server_get(
    State(identity): Service,
    origin: Origin,
    ApiPath(account_id): ApiPath<AccountId>,
) -> Result<Json<AuthorizationServer>> {
    identity.check_account(&account_id)?;
    Ok(Json(discovery::authorization_server(&origin, &format!("{ROOT}/accounts/{account_id}"))))
}

#[utoipa::path(get, path = "/oidc/jwks.json", operation_id = "key_set_get", tag = "oauth", security(()),
    responses((status = 200, body = Object)))]
async fn key_set_get(State(identity): Service) -> Json<Value> {
    Json(identity.signer.key_set())
}

#[utoipa::path(get, path = "/oidc/v1/authorize", operation_id = "oauth_authorize", tag = "oauth", security(()),
    params(AuthorizeQuery), responses((status = 302), (status = 400, body = ErrorBody)))]
async fn oauth_authorize(
    State(identity): Service,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    ApiQuery(query): ApiQuery<AuthorizeQuery>,
) -> Result<Response> {
    // A browser's session counts, nothing a script could add.
    let mut cookies = headers.clone();
    cookies.remove(header::AUTHORIZATION);
    let call = Call { method: &Method::GET, uri: &uri, headers: &cookies, relay: None };
    let to = authorize::authorize(&identity, &call, &query).await?;
    let location = HeaderValue::try_from(to).map_err(biplane_platform::ApiError::internal)?;
    Ok((StatusCode::FOUND, [(header::LOCATION, location), NO_STORE]).into_response())
}

const NO_STORE: (header::HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

#[utoipa::path(post, path = "/oidc/v1/token", operation_id = "oauth_token", tag = "oauth", security(()),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = OAuthToken), (status = 400, body = OAuthError), (status = 401, body = OAuthError)))]
async fn oauth_token(
    State(identity): Service,
    origin: Origin,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    answer(&identity, &origin, ROOT, &headers, &body).await
}

#[utoipa::path(post, path = "/oidc/accounts/{account_id}/v1/token", operation_id = "account_oauth_token", tag = "oauth",
    security(()), params(("account_id" = String, Path)),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = OAuthToken), (status = 400, body = OAuthError), (status = 401, body = OAuthError)))]
async fn account_oauth_token(
    State(identity): Service,
    origin: Origin,
    ApiPath(account_id): ApiPath<AccountId>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match identity.check_account(&account_id) {
        Ok(()) => {
            let root = format!("{ROOT}/accounts/{account_id}");
            answer(&identity, &origin, &root, &headers, &body).await
        }
        Err(error) => refusal(Refused::new("invalid_request", error.message)),
    }
}

async fn answer(
    identity: &Identity,
    origin: &Origin,
    root: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Response {
    let place = Place { origin, root };
    let Ok(request) = serde_urlencoded::from_bytes::<TokenRequest>(body) else {
        return refusal(Refused::new(
            "invalid_request",
            "The body must be form-encoded, each field once.",
        ));
    };
    match token::token(identity, place, headers, &request).await {
        Ok(token) => ([NO_STORE], Json(token)).into_response(),
        Err(refused) => refusal(refused),
    }
}

fn refusal(refused: Refused) -> Response {
    let status = match (&refused.cause, refused.error) {
        (Some(cause), _) => cause.code.http_status(),
        (None, "invalid_client") => StatusCode::UNAUTHORIZED,
        (None, _) => StatusCode::BAD_REQUEST,
    };
    let body = OAuthError { error: refused.error.into(), error_description: refused.description };
    let mut response = (status, [NO_STORE], Json(body)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        let basic = HeaderValue::from_static("Basic realm=\"biplane\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
    }
    if let Some(cause) = refused.cause {
        // The edge logs it.
        response.extensions_mut().insert(*cause);
    }
    response
}
