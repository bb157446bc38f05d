//! The workspace API: `/api/2.0/workspace/…`.

use super::Objects;
use super::contents::{BYTES_MAX, too_large};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use biplane_api::compute::Empty;
use biplane_api::error::ErrorBody;
use biplane_api::objects::{ObjectExport, ObjectImport, ObjectInfo, ObjectList, ObjectNamed};
use biplane_platform::{ApiError, ApiJson, ApiPath, ApiQuery, Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Objects>>;

/// Base64 is a third longer; the rest is for the other fields.
const BODY_BYTES_MAX: usize = BYTES_MAX / 3 * 4 + (64 << 10);

pub fn routes(objects: &Arc<Objects>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(object_status))
        .routes(routes!(object_list))
        .routes(routes!(object_export))
        .routes(routes!(object_import))
        .routes(routes!(object_write))
        .routes(routes!(object_delete))
        .routes(routes!(directory_make))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(objects.clone())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Named {
    path: Option<String>,
    /// Leaves out notebooks that were changed before (milliseconds).
    notebooks_modified_after: Option<i64>,
}

/// What an object is.
#[utoipa::path(get, path = "/api/2.0/workspace/get-status", operation_id = "object_status", tag = "workspace", params(Named),
    responses((status = 200, body = ObjectInfo), (status = "4XX", body = ErrorBody)))]
async fn object_status(
    State(objects): Service,
    ctx: Ctx,
    ApiQuery(query): ApiQuery<Named>,
) -> Result<Json<ObjectInfo>> {
    objects.object_status(&ctx, query.path.as_deref()).await.map(Json)
}

/// What is in a directory.
#[utoipa::path(get, path = "/api/2.0/workspace/list", operation_id = "object_list", tag = "workspace", params(Named),
    responses((status = 200, body = ObjectList), (status = "4XX", body = ErrorBody)))]
async fn object_list(
    State(objects): Service,
    ctx: Ctx,
    ApiQuery(query): ApiQuery<Named>,
) -> Result<Json<ObjectList>> {
    let after = query.notebooks_modified_after;
    objects.object_list(&ctx, query.path.as_deref(), after).await.map(Json)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Export {
    path: Option<String>,
    /// SOURCE, AUTO, RAW or JUPYTER
    format: Option<String>,
    /// The bytes alone, in place of JSON.
    #[serde(default)]
    direct_download: bool,
}

/// The content of a notebook or a file.
#[utoipa::path(get, path = "/api/2.0/workspace/export", operation_id = "object_export", tag = "workspace", params(Export),
    responses((status = 200, body = ObjectExport), (status = "4XX", body = ErrorBody)))]
async fn object_export(
    State(objects): Service,
    ctx: Ctx,
    ApiQuery(query): ApiQuery<Export>,
) -> Result<Response> {
    let (path, format) = (query.path.as_deref(), query.format.as_deref());
    let (_, bytes, file_type) = objects.object_export(&ctx, path, format).await?;
    if !query.direct_download {
        let content = STANDARD.encode(bytes);
        return Ok(Json(ObjectExport { content, file_type }).into_response());
    }
    let octets = HeaderValue::from_static("application/octet-stream");
    // Never shown as a page of this site.
    let attached = HeaderValue::from_static("attachment");
    let headers = [(header::CONTENT_TYPE, octets), (header::CONTENT_DISPOSITION, attached)];
    Ok((headers, bytes).into_response())
}

/// Writes a notebook or a file: JSON, or a form with the content as a file.
#[utoipa::path(post, path = "/api/2.0/workspace/import", operation_id = "object_import", tag = "workspace", request_body = ObjectImport,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn object_import(State(objects): Service, ctx: Ctx, request: Request) -> Result<Json<Empty>> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    match kind.is_some_and(|kind| kind.starts_with("multipart/form-data")) {
        false => {
            let ApiJson(asked) = ApiJson::<ObjectImport>::from_request(request, &()).await?;
            objects.object_import(&ctx, &asked).await?;
        }
        true => {
            let (asked, content) = form(request).await?;
            objects.object_write(&ctx, &asked, content).await?;
        }
    }
    Ok(Json(Empty {}))
}

async fn bytes(request: Request) -> Result<Bytes> {
    Bytes::from_request(request, &()).await.map_err(|_| too_large())
}

fn bad_form(error: impl std::fmt::Display) -> ApiError {
    ApiError::invalid(format!("The form cannot be read: {error}"))
}

async fn form(request: Request) -> Result<(ObjectImport, Vec<u8>)> {
    let mut form = Multipart::from_request(request, &()).await.map_err(bad_form)?;
    let (mut asked, mut content) = (ObjectImport::default(), None);
    while let Some(field) = form.next_field().await.map_err(bad_form)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "content" {
            content = Some(field.bytes().await.map_err(bad_form)?.to_vec());
            continue;
        }
        let text = field.text().await.map_err(bad_form)?;
        match name.as_str() {
            "path" => asked.path = Some(text),
            "format" => asked.format = Some(text),
            "language" => asked.language = Some(text),
            "overwrite" => asked.overwrite = Some(text.eq_ignore_ascii_case("true")),
            _ => {}
        }
    }
    let content = content.ok_or_else(|| ApiError::invalid("Missing required field: content"))?;
    Ok((asked, content))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Write {
    #[serde(default)]
    overwrite: bool,
}

/// Writes a file; a notebook where its name and its first line say so.
#[utoipa::path(post, path = "/api/2.0/workspace-files/import-file/{*path}", operation_id = "object_write", tag = "workspace",
    params(("path" = String, Path), Write),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn object_write(
    State(objects): Service,
    ctx: Ctx,
    ApiPath(path): ApiPath<String>,
    ApiQuery(query): ApiQuery<Write>,
    request: Request,
) -> Result<Json<Empty>> {
    let asked = ObjectImport {
        path: Some(format!("/{}", path.trim_start_matches('/'))),
        format: Some("AUTO".into()),
        overwrite: Some(query.overwrite),
        ..ObjectImport::default()
    };
    let content = bytes(request).await?.to_vec();
    objects.object_write(&ctx, &asked, content).await?;
    Ok(Json(Empty {}))
}

/// Deletes an object; with `recursive` a directory and what is in it.
#[utoipa::path(post, path = "/api/2.0/workspace/delete", operation_id = "object_delete", tag = "workspace", request_body = ObjectNamed,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn object_delete(
    State(objects): Service,
    ctx: Ctx,
    ApiJson(asked): ApiJson<ObjectNamed>,
) -> Result<Json<Empty>> {
    let recursive = asked.recursive.unwrap_or(false);
    objects.object_delete(&ctx, asked.path.as_deref(), recursive).await?;
    Ok(Json(Empty {}))
}

/// Makes a directory and those above it.
#[utoipa::path(post, path = "/api/2.0/workspace/mkdirs", operation_id = "directory_make", tag = "workspace", request_body = ObjectNamed,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn directory_make(
    State(objects): Service,
    ctx: Ctx,
    ApiJson(asked): ApiJson<ObjectNamed>,
) -> Result<Json<Empty>> {
    objects.directory_make(&ctx, asked.path.as_deref()).await?;
    Ok(Json(Empty {}))
}
