//! What can be done with an upload.

use super::token::{Claims, open, seal};
use crate::Workspace;
use crate::files::{VolumePath, file_put};
use biplane_api::files::{CompleteUpload, CreateUploadPartUrls, UploadPartUrl};
use biplane_api::internal::Access;
use biplane_platform::{ApiError, Ctx, ErrorCode, Result};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;

/// How long an upload may take, first byte to last.
const SESSION_MS: i64 = 24 * 3_600_000;
const PARTS_MAX: u32 = 10_000;
const URLS_MAX: u32 = 1_000;
const PART_BYTES_MAX: u64 = 5 << 30;

fn dir(service: &Workspace, claims: &Claims) -> PathBuf {
    service.uploads_dir.join(claims.upload_id.to_string())
}

pub async fn initiate(
    service: &Workspace,
    ctx: &Ctx,
    path: &VolumePath,
    overwrite: bool,
) -> Result<String> {
    // Says no now, not after the last part.
    service.volumes.resolve(ctx, path.as_str(), Access::Write).await?;
    let claims = Claims {
        upload_id: uuid::Uuid::new_v4(),
        path: path.as_str().to_owned(),
        principal: ctx.principal.name.clone(),
        overwrite,
        expires_ms: ctx.now_ms() + SESSION_MS,
        part: None,
    };
    tokio::fs::create_dir_all(dir(service, &claims)).await.map_err(ApiError::internal)?;
    seal(&service.key, &claims)
}

/// The session of `token` if it belongs to this caller and path.
fn session(service: &Workspace, ctx: &Ctx, path: &VolumePath, token: &str) -> Result<Claims> {
    let claims: Claims = open(&service.key, token, ctx.now_ms())?;
    if claims.part.is_some()
        || claims.path != path.as_str()
        || claims.principal != ctx.principal.name
    {
        return Err(ApiError::denied("The upload session belongs to another file or user."));
    }
    Ok(claims)
}

pub fn part_urls(
    service: &Workspace,
    ctx: &Ctx,
    request: &CreateUploadPartUrls,
) -> Result<Vec<UploadPartUrl>> {
    let claims = session(service, ctx, &VolumePath::parse(&request.path)?, &request.session_token)?;
    if request.start_part_number == 0 || request.count == 0 || request.count > URLS_MAX {
        return Err(ApiError::invalid(format!(
            "Parts are numbered from 1; at most {URLS_MAX} links a call."
        )));
    }
    let end = request.start_part_number.saturating_add(request.count);
    if end > PARTS_MAX + 1 {
        return Err(ApiError::invalid(format!("An upload has at most {PARTS_MAX} parts.")));
    }
    let url = |part_number| {
        let token = seal(&service.key, &Claims { part: Some(part_number), ..claims.clone() })?;
        let url = format!("{}/api/2.0/biplane/uploads/{token}", ctx.base_url);
        Ok(UploadPartUrl { url, part_number, headers: Vec::new() })
    };
    (request.start_part_number..end).map(url).collect()
}

pub fn abort_url(service: &Workspace, ctx: &Ctx, path: &VolumePath, token: &str) -> Result<String> {
    let claims = session(service, ctx, path, token)?;
    let token = seal(&service.key, &Claims { part: Some(0), ..claims })?;
    Ok(format!("{}/api/2.0/biplane/uploads/{token}", ctx.base_url))
}

/// Stores one part under the name of its number; returns its ETag. The link is the right to do so.
pub async fn part_put<S, E>(service: &Workspace, token: &str, mut body: S) -> Result<String>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    let claims: Claims = open(&service.key, token, service.clock.now_ms())?;
    let part = claims
        .part
        .filter(|part| *part > 0)
        .ok_or_else(|| ApiError::denied("This link is not for a part."))?;
    let dir = dir(service, &claims);
    let partial = dir.join(format!("{part}.{}.partial", uuid::Uuid::new_v4()));
    let gone = |_| ApiError::not_found("The upload was completed or aborted.");
    let mut file = tokio::fs::File::create(&partial).await.map_err(gone)?;
    let mut digest = Sha256::new();
    let mut size = 0u64;
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(|error| ApiError {
            internal: Some(error.to_string()),
            ..ApiError::new(ErrorCode::BadRequest, "The part ended before all of it had arrived.")
        })?;
        size += bytes.len() as u64;
        if size > PART_BYTES_MAX {
            let _ = tokio::fs::remove_file(&partial).await;
            return Err(ApiError::new(ErrorCode::PayloadTooLarge, "A part has at most 5 GiB."));
        }
        digest.update(&bytes);
        file.write_all(&bytes).await.map_err(ApiError::internal)?;
    }
    file.sync_all().await.map_err(ApiError::internal)?;
    let etag = hex::encode(digest.finalize());
    // The ETag is part of the name: a part sent twice with other bytes is told apart at completion.
    tokio::fs::rename(&partial, dir.join(format!("{part}-{etag}")))
        .await
        .map_err(ApiError::internal)?;
    Ok(format!("\"{etag}\""))
}

pub async fn complete(
    service: &Workspace,
    ctx: &Ctx,
    path: &VolumePath,
    token: &str,
    request: CompleteUpload,
) -> Result<()> {
    let claims = session(service, ctx, path, token)?;
    let dir = dir(service, &claims);
    let mut parts = request.parts;
    parts.sort_by_key(|part| part.part_number);
    if parts.is_empty() || parts.windows(2).any(|pair| pair[0].part_number == pair[1].part_number) {
        return Err(ApiError::invalid("Name every part of the upload once."));
    }
    let mut files = Vec::with_capacity(parts.len());
    for part in &parts {
        let etag = part.etag.trim_matches('"');
        let file = dir.join(format!("{}-{etag}", part.part_number));
        let known = etag.len() == 64 && etag.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !known || !tokio::fs::try_exists(&file).await.unwrap_or(false) {
            return Err(ApiError::invalid(format!(
                "Part {} was not uploaded with this ETag.",
                part.part_number
            )));
        }
        files.push(file);
    }
    let opened = futures::stream::iter(files).then(tokio::fs::File::open);
    let body = opened.map_ok(|file| ReaderStream::with_capacity(file, 1 << 20)).try_flatten();
    file_put(service, ctx, path, claims.overwrite, body.boxed()).await?;
    remove(&dir).await
}

/// The link is the right to do so.
pub async fn abort(service: &Workspace, token: &str) -> Result<()> {
    let claims: Claims = open(&service.key, token, service.clock.now_ms())?;
    if claims.part != Some(0) {
        return Err(ApiError::denied("This link does not abort an upload."));
    }
    remove(&dir(service, &claims)).await
}

async fn remove(dir: &std::path::Path) -> Result<()> {
    match tokio::fs::remove_dir_all(dir).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(ApiError::internal(error))
        }
        _ => Ok(()),
    }
}

/// Removes what no session can reach any more.
pub async fn sweep(service: &Workspace) {
    let Ok(mut entries) = tokio::fs::read_dir(&service.uploads_dir).await else {
        return;
    };
    while let Ok(Some(entry)) = entries.next_entry().await {
        let made = entry.metadata().await.ok().and_then(|meta| meta.modified().ok());
        let age_ms = made.and_then(|made| made.elapsed().ok()).map_or(0, |age| age.as_millis());
        if age_ms > SESSION_MS as u128 * 2
            && let Err(error) = remove(&entry.path()).await
        {
            tracing::warn!(cause = ?error.internal, "an abandoned upload could not be removed");
        }
    }
}
