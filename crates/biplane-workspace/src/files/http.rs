//! `/api/2.0/fs/files…` and `/api/2.0/fs/directories…`.

use super::{VolumePath, ops};
use crate::Workspace;
use crate::place::store_error;
use crate::uploads;
use axum::Json;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use biplane_api::error::ErrorBody;
use biplane_api::files::ListDirectoryResponse;
use biplane_platform::{ApiError, ApiPath, ApiQuery, Ctx, ErrorCode, Result};
use futures::StreamExt;
use object_store::{GetOptions, GetRange, ObjectMeta};
use serde::Deserialize;
use std::ops::Range;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Workspace>>;

pub fn routes(service: &Arc<Workspace>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(file_put, file_get, file_head, file_delete, uploads::http::file_post))
        .routes(routes!(directory_create, directory_list, directory_head, directory_delete))
        // A file is streamed; its own limit is in ops.
        .layer(DefaultBodyLimit::disable())
        .with_state(service.clone())
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct PutQuery {
    #[serde(default)]
    overwrite: bool,
}

#[utoipa::path(put, path = "/api/2.0/fs/files/{*file_path}", operation_id = "file_put", tag = "files",
    params(("file_path" = String, Path), PutQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 204), (status = 409, body = ErrorBody)))]
async fn file_put(
    State(service): Service,
    ctx: Ctx,
    ApiPath(path): ApiPath<String>,
    ApiQuery(query): ApiQuery<PutQuery>,
    request: Request,
) -> Result<StatusCode> {
    let path = VolumePath::parse(&path)?;
    let body = request.into_body().into_data_stream();
    ops::file_put(&service, &ctx, &path, query.overwrite, body.boxed()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/api/2.0/fs/files/{*file_path}", operation_id = "file_get", tag = "files",
    params(("file_path" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = ErrorBody)))]
async fn file_get(
    State(service): Service,
    ctx: Ctx,
    ApiPath(path): ApiPath<String>,
    headers: HeaderMap,
) -> Result<Response> {
    download(&service, &ctx, &VolumePath::parse(&path)?, &headers).await
}

/// The file, or the part of it that `headers` ask for.
pub(crate) async fn download(
    service: &Workspace,
    ctx: &Ctx,
    path: &VolumePath,
    headers: &HeaderMap,
) -> Result<Response> {
    let range = range(headers)?;
    let partial = range.is_some();
    let options = GetOptions {
        range,
        if_unmodified_since: http_date(headers, header::IF_UNMODIFIED_SINCE),
        ..GetOptions::default()
    };
    let found = ops::file_get(service, ctx, path, options).await?;
    let (meta, served) = (found.meta.clone(), found.range.clone());
    let body = Body::from_stream(found.into_stream().map(|bytes| bytes.map_err(store_error)));
    let status = if partial { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut response = (status, meta_headers(&meta, &served), body).into_response();
    if partial {
        let text = format!("bytes {}-{}/{}", served.start, served.end.saturating_sub(1), meta.size);
        insert(response.headers_mut(), header::CONTENT_RANGE, text);
    }
    Ok(response)
}

fn http_date(
    headers: &HeaderMap,
    name: header::HeaderName,
) -> Option<chrono::DateTime<chrono::Utc>> {
    let time = httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()?;
    Some(time.into())
}

/// One range of `Range: bytes=…`; several are answered with the whole file, as the standard allows.
fn range(headers: &HeaderMap) -> Result<Option<GetRange>> {
    let Some(text) = headers.get(header::RANGE).and_then(|value| value.to_str().ok()) else {
        return Ok(None);
    };
    let Some(spec) = text.strip_prefix("bytes=").filter(|spec| !spec.contains(',')) else {
        return Ok(None);
    };
    let wrong =
        || ApiError::new(ErrorCode::RangeNotSatisfiable, "The Range header cannot be satisfied.");
    let (from, to) = spec.split_once('-').ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
    Ok(Some(match (from.trim(), to.trim()) {
        ("", suffix) => GetRange::Suffix(number(suffix)?),
        (from, "") => GetRange::Offset(number(from)?),
        (from, to) => {
            let (from, to) = (number(from)?, number(to)?);
            if to < from {
                return Err(wrong());
            }
            GetRange::Bounded(from..to.saturating_add(1))
        }
    }))
}

fn meta_headers(meta: &ObjectMeta, served: &Range<u64>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_LENGTH, (served.end - served.start).into());
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    insert(&mut headers, header::LAST_MODIFIED, httpdate::fmt_http_date(meta.last_modified.into()));
    if let Some(tag) = &meta.e_tag {
        insert(&mut headers, header::ETAG, tag.clone());
    }
    headers
}

fn insert(headers: &mut HeaderMap, name: header::HeaderName, text: String) {
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(name, value);
    }
}

#[utoipa::path(head, path = "/api/2.0/fs/files/{*file_path}", operation_id = "file_head", tag = "files",
    params(("file_path" = String, Path)), responses((status = 200), (status = 404)))]
async fn file_head(
    State(service): Service,
    ctx: Ctx,
    ApiPath(path): ApiPath<String>,
) -> Result<HeaderMap> {
    described(&service, &ctx, &VolumePath::parse(&path)?).await
}

pub(crate) async fn described(
    service: &Workspace,
    ctx: &Ctx,
    path: &VolumePath,
) -> Result<HeaderMap> {
    let meta = ops::file_head(service, ctx, path).await?;
    Ok(meta_headers(&meta, &(0..meta.size)))
}

#[utoipa::path(delete, path = "/api/2.0/fs/files/{*file_path}", operation_id = "file_delete", tag = "files",
    params(("file_path" = String, Path)), responses((status = 204), (status = 404, body = ErrorBody)))]
async fn file_delete(
    State(service): Service,
    ctx: Ctx,
    ApiPath(path): ApiPath<String>,
) -> Result<StatusCode> {
    ops::file_delete(&service, &ctx, &VolumePath::parse(&path)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(put, path = "/api/2.0/fs/directories/{*directory_path}", operation_id = "directory_create", tag = "files",
    params(("directory_path" = String, Path)), responses((status = 204), (status = 409, body = ErrorBody)))]
async fn directory_create(
    State(service): Service,
    ctx: Ctx,
    ApiPath(path): ApiPath<String>,
) -> Result<StatusCode> {
    ops::directory_create(&service, &ctx, &VolumePath::parse(&path)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    page_size: Option<i64>,
    page_token: Option<String>,
}

#[utoipa::path(get, path = "/api/2.0/fs/directories/{*directory_path}", operation_id = "directory_list", tag = "files",
    params(("directory_path" = String, Path), ListQuery),
    responses((status = 200, body = ListDirectoryResponse), (status = 404, body = ErrorBody)))]
async fn directory_list(
    State(service): Service,
    ctx: Ctx,
    ApiPath(path): ApiPath<String>,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Json<ListDirectoryResponse>> {
    let path = VolumePath::parse(&path)?;
    ops::directory_list(&service, &ctx, &path, query.page_size, query.page_token.as_deref())
        .await
        .map(Json)
}

#[utoipa::path(head, path = "/api/2.0/fs/directories/{*directory_path}", operation_id = "directory_head", tag = "files",
    params(("directory_path" = String, Path)), responses((status = 200), (status = 404)))]
async fn directory_head(
    State(service): Service,
    ctx: Ctx,
    ApiPath(path): ApiPath<String>,
) -> Result<StatusCode> {
    ops::directory_head(&service, &ctx, &VolumePath::parse(&path)?).await?;
    Ok(StatusCode::OK)
}

#[utoipa::path(delete, path = "/api/2.0/fs/directories/{*directory_path}", operation_id = "directory_delete", tag = "files",
    params(("directory_path" = String, Path)), responses((status = 204), (status = 400, body = ErrorBody)))]
async fn directory_delete(
    State(service): Service,
    ctx: Ctx,
    ApiPath(path): ApiPath<String>,
) -> Result<StatusCode> {
    ops::directory_delete(&service, &ctx, &VolumePath::parse(&path)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
