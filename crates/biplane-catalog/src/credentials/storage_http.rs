//! `/api/2.1/unity-catalog/storage-credentials`

use crate::Catalog;
use crate::credentials::ops;
use crate::http::{Force, Lists};
use axum::Json;
use axum::extract::State;
use biplane_api::catalog::{
    CreateCredential, CredentialInfo, Empty, ListStorageCredentials, UpdateCredential,
};
use biplane_platform::{ApiJson, ApiPath, ApiQuery, Ctx, Result};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Arc<Catalog>> {
    OpenApiRouter::new().routes(routes!(storage_credential_create, storage_credential_list)).routes(
        routes!(storage_credential_get, storage_credential_update, storage_credential_delete),
    )
}

#[utoipa::path(post, path = "/api/2.1/unity-catalog/storage-credentials", operation_id = "storage_credential_create", tag = "storage credentials",
    request_body = CreateCredential, responses((status = 200, body = CredentialInfo)))]
async fn storage_credential_create(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<CreateCredential>,
) -> Result<Json<CredentialInfo>> {
    ops::credential_create(&service, &ctx, request).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/storage-credentials", operation_id = "storage_credential_list", tag = "storage credentials",
    params(Lists), responses((status = 200, body = ListStorageCredentials)))]
async fn storage_credential_list(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiQuery(lists): ApiQuery<Lists>,
) -> Result<Json<ListStorageCredentials>> {
    let (storage_credentials, next_page_token) =
        ops::credential_list(&service, &ctx, Some("STORAGE"), lists.page()).await?;
    Ok(Json(ListStorageCredentials { storage_credentials, next_page_token }))
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/storage-credentials/{name}", operation_id = "storage_credential_get",
    tag = "storage credentials", params(("name" = String, Path)), responses((status = 200, body = CredentialInfo)))]
async fn storage_credential_get(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(name): ApiPath<String>,
) -> Result<Json<CredentialInfo>> {
    ops::credential_get(&service, &ctx, &name).await.map(Json)
}

#[utoipa::path(patch, path = "/api/2.1/unity-catalog/storage-credentials/{name}", operation_id = "storage_credential_update",
    tag = "storage credentials", params(("name" = String, Path)), request_body = UpdateCredential,
    responses((status = 200, body = CredentialInfo)))]
async fn storage_credential_update(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(name): ApiPath<String>,
    ApiJson(change): ApiJson<UpdateCredential>,
) -> Result<Json<CredentialInfo>> {
    ops::credential_update(&service, &ctx, &name, change).await.map(Json)
}

#[utoipa::path(delete, path = "/api/2.1/unity-catalog/storage-credentials/{name}", operation_id = "storage_credential_delete",
    tag = "storage credentials", params(("name" = String, Path), Force),
    responses((status = 200, body = Empty)))]
async fn storage_credential_delete(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(name): ApiPath<String>,
    ApiQuery(query): ApiQuery<Force>,
) -> Result<Json<Empty>> {
    ops::credential_delete(&service, &ctx, &name, query.force).await.map(|()| Json(Empty {}))
}
