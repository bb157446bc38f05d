//! The routes of multipart uploads. The links to parts carry their own right and need no token.

use super::ops;
use crate::Workspace;
use crate::files::VolumePath;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, RequestExt};
use biplane_api::files::{
    CompleteUpload, CreateAbortUploadUrl, CreateAbortUploadUrlResponse, CreateUploadPartUrls,
    CreateUploadPartUrlsResponse, InitiateUploadResponse, MultipartUpload, PresignedUrl,
};
use biplane_platform::{ApiError, ApiJson, ApiPath, ApiQuery, Ctx, Result};
use futures::StreamExt;
use serde::Deserialize;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Workspace>>;

pub fn routes(service: &Arc<Workspace>) -> OpenApiRouter {
    let links = OpenApiRouter::new()
        .routes(routes!(upload_part_put, upload_abort))
        .layer(DefaultBodyLimit::disable());
    OpenApiRouter::new()
        .routes(routes!(upload_part_urls_create))
        .routes(routes!(upload_abort_url_create))
        .merge(links)
        .with_state(service.clone())
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PostQuery {
    action: String,
    #[serde(default)]
    overwrite: bool,
    #[serde(default)]
    session_token: String,
    #[serde(default)]
    upload_type: Option<String>,
}

#[utoipa::path(post, path = "/api/2.0/fs/files/{*file_path}", operation_id = "upload_initiate_or_complete", tag = "files",
    params(("file_path" = String, Path), PostQuery),
    responses((status = 200, body = InitiateUploadResponse)))]
pub async fn file_post(
    State(service): Service,
    ctx: Ctx,
    ApiPath(path): ApiPath<String>,
    ApiQuery(query): ApiQuery<PostQuery>,
    request: Request,
) -> Result<Response> {
    let path = VolumePath::parse(&path)?;
    match query.action.as_str() {
        "initiate-upload" => {
            let session_token = ops::initiate(&service, &ctx, &path, query.overwrite).await?;
            Ok(Json(InitiateUploadResponse { multipart_upload: MultipartUpload { session_token } })
                .into_response())
        }
        "complete-upload" if query.upload_type.as_deref().unwrap_or("multipart") == "multipart" => {
            let ApiJson(body) = request.extract::<ApiJson<CompleteUpload>, _>().await?;
            ops::complete(&service, &ctx, &path, &query.session_token, body).await?;
            Ok(Json(serde_json::json!({})).into_response())
        }
        other => Err(ApiError::invalid(format!("{other} is not an action on a file."))),
    }
}

#[utoipa::path(post, path = "/api/2.0/fs/create-upload-part-urls", operation_id = "upload_part_urls_create", tag = "files",
    request_body = CreateUploadPartUrls, responses((status = 200, body = CreateUploadPartUrlsResponse)))]
async fn upload_part_urls_create(
    State(service): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<CreateUploadPartUrls>,
) -> Result<Json<CreateUploadPartUrlsResponse>> {
    let upload_part_urls = ops::part_urls(&service, &ctx, &request)?;
    Ok(Json(CreateUploadPartUrlsResponse { upload_part_urls }))
}

#[utoipa::path(post, path = "/api/2.0/fs/create-abort-upload-url", operation_id = "upload_abort_url_create", tag = "files",
    request_body = CreateAbortUploadUrl, responses((status = 200, body = CreateAbortUploadUrlResponse)))]
async fn upload_abort_url_create(
    State(service): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<CreateAbortUploadUrl>,
) -> Result<Json<CreateAbortUploadUrlResponse>> {
    let url =
        ops::abort_url(&service, &ctx, &VolumePath::parse(&request.path)?, &request.session_token)?;
    Ok(Json(CreateAbortUploadUrlResponse {
        abort_upload_url: PresignedUrl { url, headers: Vec::new() },
    }))
}

#[utoipa::path(put, path = "/api/2.0/biplane/uploads/{token}", operation_id = "upload_part_put", tag = "files",
    params(("token" = String, Path)), request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200)), security(()))]
async fn upload_part_put(
    State(service): Service,
    ApiPath(token): ApiPath<String>,
    request: Request,
) -> Result<Response> {
    let body = request.into_body().into_data_stream();
    let etag = ops::part_put(&service, &token, body.boxed()).await?;
    Ok((StatusCode::OK, [(header::ETAG, etag)]).into_response())
}

#[utoipa::path(delete, path = "/api/2.0/biplane/uploads/{token}", operation_id = "upload_abort", tag = "files",
    params(("token" = String, Path)), responses((status = 204)), security(()))]
async fn upload_abort(
    State(service): Service,
    ApiPath(token): ApiPath<String>,
) -> Result<StatusCode> {
    ops::abort(&service, &token).await?;
    Ok(StatusCode::NO_CONTENT)
}
