//! `temporary-{table,volume,path}-credentials`, under `/api/2.0/unity-catalog` and `/api/2.1/unity-catalog`

use super::ops;
use crate::Catalog;
use axum::Json;
use axum::extract::State;
use axum::routing::post;
use biplane_api::catalog::{
    TemporaryCredentials, TemporaryPathCredentialRequest, TemporaryTableCredentialRequest,
    TemporaryVolumeCredentialRequest,
};
use biplane_platform::{ApiJson, Ctx, Result};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Arc<Catalog>> {
    OpenApiRouter::new()
        .routes(routes!(temporary_table_credential_create))
        .routes(routes!(temporary_volume_credential_create))
        .routes(routes!(temporary_path_credential_create))
        // Clients differ in the version they ask.
        .route(
            "/api/2.1/unity-catalog/temporary-table-credentials",
            post(temporary_table_credential_create),
        )
        .route(
            "/api/2.1/unity-catalog/temporary-volume-credentials",
            post(temporary_volume_credential_create),
        )
        .route(
            "/api/2.1/unity-catalog/temporary-path-credentials",
            post(temporary_path_credential_create),
        )
}

#[utoipa::path(post, path = "/api/2.0/unity-catalog/temporary-table-credentials",
    operation_id = "temporary_table_credential_create", tag = "temporary credentials",
    request_body = TemporaryTableCredentialRequest, responses((status = 200, body = TemporaryCredentials)))]
async fn temporary_table_credential_create(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<TemporaryTableCredentialRequest>,
) -> Result<Json<TemporaryCredentials>> {
    ops::temporary_table_credential_create(&service, &ctx, request).await.map(Json)
}

#[utoipa::path(post, path = "/api/2.0/unity-catalog/temporary-volume-credentials",
    operation_id = "temporary_volume_credential_create", tag = "temporary credentials",
    request_body = TemporaryVolumeCredentialRequest, responses((status = 200, body = TemporaryCredentials)))]
async fn temporary_volume_credential_create(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<TemporaryVolumeCredentialRequest>,
) -> Result<Json<TemporaryCredentials>> {
    ops::temporary_volume_credential_create(&service, &ctx, request).await.map(Json)
}

#[utoipa::path(post, path = "/api/2.0/unity-catalog/temporary-path-credentials",
    operation_id = "temporary_path_credential_create", tag = "temporary credentials",
    request_body = TemporaryPathCredentialRequest, responses((status = 200, body = TemporaryCredentials)))]
async fn temporary_path_credential_create(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<TemporaryPathCredentialRequest>,
) -> Result<Json<TemporaryCredentials>> {
    ops::temporary_path_credential_create(&service, &ctx, request).await.map(Json)
}
