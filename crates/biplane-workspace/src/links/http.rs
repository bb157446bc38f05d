//! `/api/2.0/biplane/files/{token}`. No authentication: the link is the right.

use super::FileVerb;
use super::ops::not_for_this;
use crate::Workspace;
use crate::files;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use biplane_api::error::ErrorBody;
use biplane_platform::{ApiPath, Result};
use futures::StreamExt;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Workspace>>;

pub fn routes(service: &Arc<Workspace>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(linked_file_get, linked_file_head, linked_file_put, linked_file_delete))
        // A file is streamed; its own limit is in ops.
        .layer(DefaultBodyLimit::disable())
        .with_state(service.clone())
}

/// The file of a link to read.
#[utoipa::path(get, path = "/api/2.0/biplane/files/{token}", operation_id = "linked_file_get", tag = "files",
    params(("token" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = "default", body = ErrorBody)),
    security(()))]
async fn linked_file_get(
    State(service): Service,
    ApiPath(token): ApiPath<String>,
    headers: HeaderMap,
) -> Result<Response> {
    match service.file_link_open(&token).await? {
        (ctx, path, FileVerb::Get) => files::http::download(&service, &ctx, &path, &headers).await,
        _ => Err(not_for_this()),
    }
}

/// Size and time of the file of a link to read.
#[utoipa::path(head, path = "/api/2.0/biplane/files/{token}", operation_id = "linked_file_head", tag = "files",
    params(("token" = String, Path)), responses((status = 200), (status = 404)), security(()))]
async fn linked_file_head(
    State(service): Service,
    ApiPath(token): ApiPath<String>,
) -> Result<HeaderMap> {
    match service.file_link_open(&token).await? {
        (ctx, path, FileVerb::Get) => files::http::described(&service, &ctx, &path).await,
        _ => Err(not_for_this()),
    }
}

/// Writes the file of a link to write.
#[utoipa::path(put, path = "/api/2.0/biplane/files/{token}", operation_id = "linked_file_put", tag = "files",
    params(("token" = String, Path)), request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 204), (status = "default", body = ErrorBody)), security(()))]
async fn linked_file_put(
    State(service): Service,
    ApiPath(token): ApiPath<String>,
    request: Request,
) -> Result<StatusCode> {
    match service.file_link_open(&token).await? {
        (ctx, path, FileVerb::Put { overwrite }) => {
            let body = request.into_body().into_data_stream();
            files::file_put(&service, &ctx, &path, overwrite, body.boxed()).await?;
            Ok(StatusCode::NO_CONTENT)
        }
        _ => Err(not_for_this()),
    }
}

/// Deletes the file of a link to delete.
#[utoipa::path(delete, path = "/api/2.0/biplane/files/{token}", operation_id = "linked_file_delete", tag = "files",
    params(("token" = String, Path)),
    responses((status = 204), (status = "default", body = ErrorBody)), security(()))]
async fn linked_file_delete(
    State(service): Service,
    ApiPath(token): ApiPath<String>,
) -> Result<StatusCode> {
    match service.file_link_open(&token).await? {
        (ctx, path, FileVerb::Remove) => {
            files::file_delete(&service, &ctx, &path).await?;
            Ok(StatusCode::NO_CONTENT)
        }
        _ => Err(not_for_this()),
    }
}
