//! `/api/2.1/unity-catalog/credentials`

use super::ops;
use crate::Catalog;
use crate::http::Force;
use crate::listing::Page;
use axum::Json;
use axum::extract::State;
use biplane_api::catalog::{
    CreateCredential, CredentialInfo, Empty, ListCredentials, UpdateCredential,
};
use biplane_platform::{ApiJson, ApiPath, ApiQuery, Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct CredentialLists {
    /// STORAGE or SERVICE.
    purpose: Option<String>,
    max_results: Option<i64>,
    page_token: Option<String>,
}

impl CredentialLists {
    fn page(&self) -> Page<'_> {
        Page { max_results: self.max_results, page_token: self.page_token.as_deref() }
    }
}

pub(crate) fn routes() -> OpenApiRouter<Arc<Catalog>> {
    OpenApiRouter::new().routes(routes!(credential_create, credential_list)).routes(routes!(
        credential_get,
        credential_update,
        credential_delete
    ))
}

#[utoipa::path(post, path = "/api/2.1/unity-catalog/credentials", operation_id = "credential_create", tag = "credentials",
    request_body = CreateCredential, responses((status = 200, body = CredentialInfo)))]
async fn credential_create(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<CreateCredential>,
) -> Result<Json<CredentialInfo>> {
    ops::credential_create(&service, &ctx, request).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/credentials", operation_id = "credential_list", tag = "credentials",
    params(CredentialLists), responses((status = 200, body = ListCredentials)))]
async fn credential_list(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiQuery(lists): ApiQuery<CredentialLists>,
) -> Result<Json<ListCredentials>> {
    let (credentials, next_page_token) =
        ops::credential_list(&service, &ctx, lists.purpose.as_deref(), lists.page()).await?;
    Ok(Json(ListCredentials { credentials, next_page_token }))
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/credentials/{name}", operation_id = "credential_get",
    tag = "credentials", params(("name" = String, Path)), responses((status = 200, body = CredentialInfo)))]
async fn credential_get(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(name): ApiPath<String>,
) -> Result<Json<CredentialInfo>> {
    ops::credential_get(&service, &ctx, &name).await.map(Json)
}

#[utoipa::path(patch, path = "/api/2.1/unity-catalog/credentials/{name}", operation_id = "credential_update",
    tag = "credentials", params(("name" = String, Path)), request_body = UpdateCredential,
    responses((status = 200, body = CredentialInfo)))]
async fn credential_update(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(name): ApiPath<String>,
    ApiJson(change): ApiJson<UpdateCredential>,
) -> Result<Json<CredentialInfo>> {
    ops::credential_update(&service, &ctx, &name, change).await.map(Json)
}

#[utoipa::path(delete, path = "/api/2.1/unity-catalog/credentials/{name}", operation_id = "credential_delete",
    tag = "credentials", params(("name" = String, Path), Force),
    responses((status = 200, body = Empty)))]
async fn credential_delete(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(name): ApiPath<String>,
    ApiQuery(query): ApiQuery<Force>,
) -> Result<Json<Empty>> {
    ops::credential_delete(&service, &ctx, &name, query.force).await.map(|()| Json(Empty {}))
}
