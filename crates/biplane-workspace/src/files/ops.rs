//! What can be done with files and directories.

use super::path::VolumePath;
use crate::Workspace;
use crate::place::{Place, store_error};
use biplane_api::files::{DirectoryEntry, ListDirectoryResponse};
use biplane_api::internal::Access;
use biplane_platform::{ApiError, Ctx, ErrorCode, Result, page};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    GetOptions, GetResult, ObjectMeta, ObjectStoreExt, PutMode, PutOptions, PutPayload,
    WriteMultipart,
};

/// A file up to this size is written in one go, and can then be refused atomically when it exists.
const ONE_GO_BYTES: usize = 8 << 20;
/// The largest file the Files API takes, as Databricks'.
const FILE_BYTES_MAX: u64 = 5 << 40;
/// Keeps an empty directory alive in stores that have none. Names with a leading dot are not data.
const DIRECTORY_MARKER: &str = ".directory";
const PAGE_SIZE: usize = 1000;

pub async fn open(
    service: &Workspace,
    ctx: &Ctx,
    path: &VolumePath,
    access: Access,
) -> Result<Place> {
    Place::open(&service.volumes.resolve(ctx, path.as_str(), access).await?)
}

pub async fn file_put<S, E>(
    service: &Workspace,
    ctx: &Ctx,
    path: &VolumePath,
    overwrite: bool,
    body: S,
) -> Result<()>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    let place = open(service, ctx, path, Access::Write).await?;
    if path.is_volume() || is_directory(&place).await? {
        return Err(ApiError::conflict(format!("{} is a directory.", path.as_str())));
    }
    write(&place, overwrite, body).await
}

async fn write<S, E>(place: &Place, overwrite: bool, mut body: S) -> Result<()>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    let mut head = Vec::new();
    let mut size = 0;
    while size <= ONE_GO_BYTES {
        let Some(bytes) = body.next().await.transpose().map_err(cut_short)? else {
            let payload: PutPayload = head.into_iter().collect();
            let mode = if overwrite { PutMode::Overwrite } else { PutMode::Create };
            let options = PutOptions { mode, ..PutOptions::default() };
            let put = place.store.put_opts(&place.key, payload, options).await;
            return put.map(drop).map_err(store_error);
        };
        size += bytes.len();
        head.push(bytes);
    }
    if !overwrite && exists(place).await? {
        return Err(ApiError::new(ErrorCode::AlreadyExists, "The file exists already."));
    }
    let upload = place.store.put_multipart(&place.key).await.map_err(store_error)?;
    let mut writer = WriteMultipart::new_with_chunk_size(upload, ONE_GO_BYTES);
    head.into_iter().for_each(|bytes| writer.put(bytes));
    match copy(&mut writer, body, size as u64).await {
        Ok(()) => writer.finish().await.map(drop).map_err(store_error),
        Err(error) => {
            // The error that matters is the first one.
            let _ = writer.abort().await;
            Err(error)
        }
    }
}

async fn copy<S, E>(writer: &mut WriteMultipart, mut body: S, mut size: u64) -> Result<()>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    while let Some(bytes) = body.next().await.transpose().map_err(cut_short)? {
        size += bytes.len() as u64;
        if size > FILE_BYTES_MAX {
            return Err(ApiError::new(
                ErrorCode::PayloadTooLarge,
                "The file is larger than 5 TiB.",
            ));
        }
        writer.wait_for_capacity(4).await.map_err(store_error)?;
        writer.put(bytes);
    }
    Ok(())
}

fn cut_short(error: impl std::fmt::Display) -> ApiError {
    ApiError {
        internal: Some(error.to_string()),
        ..ApiError::new(
            ErrorCode::BadRequest,
            "The upload ended before the whole file had arrived.",
        )
    }
}

pub async fn file_get(
    service: &Workspace,
    ctx: &Ctx,
    path: &VolumePath,
    options: GetOptions,
) -> Result<GetResult> {
    let place = open(service, ctx, path, Access::Read).await?;
    not_a_directory(path, &place).await?;
    place.store.get_opts(&place.key, options).await.map_err(store_error)
}

pub async fn file_head(service: &Workspace, ctx: &Ctx, path: &VolumePath) -> Result<ObjectMeta> {
    let place = open(service, ctx, path, Access::Read).await?;
    not_a_directory(path, &place).await?;
    place.store.head(&place.key).await.map_err(store_error)
}

pub async fn file_delete(service: &Workspace, ctx: &Ctx, path: &VolumePath) -> Result<()> {
    let place = open(service, ctx, path, Access::Write).await?;
    not_a_directory(path, &place).await?;
    // Deleting what is not there would be a silent success.
    place.store.head(&place.key).await.map_err(store_error)?;
    place.store.delete(&place.key).await.map_err(store_error)
}

async fn not_a_directory(path: &VolumePath, place: &Place) -> Result<()> {
    let local_directory = match &place.local {
        Some(file) => tokio::fs::metadata(file).await.is_ok_and(|meta| meta.is_dir()),
        None => false,
    };
    if path.is_volume() || local_directory {
        return Err(ApiError::new(
            ErrorCode::NotFound,
            format!("{} is a directory, not a file.", path.as_str()),
        ));
    }
    Ok(())
}

pub async fn exists(place: &Place) -> Result<bool> {
    match place.store.head(&place.key).await {
        Ok(_) => Ok(true),
        Err(object_store::Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(store_error(error)),
    }
}

async fn is_directory(place: &Place) -> Result<bool> {
    match &place.local {
        Some(file) => Ok(tokio::fs::metadata(file).await.is_ok_and(|meta| meta.is_dir())),
        None => {
            Ok(place.store.list(Some(&place.key)).try_next().await.map_err(store_error)?.is_some())
        }
    }
}

pub async fn directory_create(service: &Workspace, ctx: &Ctx, path: &VolumePath) -> Result<()> {
    let place = open(service, ctx, path, Access::Write).await?;
    if let Some(dir) = &place.local {
        return tokio::fs::create_dir_all(dir).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists | std::io::ErrorKind::NotADirectory => {
                ApiError::conflict(format!("A file stands where {} would be.", path.as_str()))
            }
            _ => ApiError::internal(error),
        });
    }
    if exists(&place).await? {
        return Err(ApiError::conflict(format!("A file stands where {} would be.", path.as_str())));
    }
    let marker = place.key.clone().join(DIRECTORY_MARKER);
    place.store.put(&marker, PutPayload::default()).await.map(drop).map_err(store_error)
}

pub async fn directory_head(service: &Workspace, ctx: &Ctx, path: &VolumePath) -> Result<()> {
    let place = open(service, ctx, path, Access::Read).await?;
    match path.is_volume() || is_directory(&place).await? {
        true => Ok(()),
        false => Err(no_directory(path)),
    }
}

fn no_directory(path: &VolumePath) -> ApiError {
    ApiError::new(ErrorCode::NotFound, format!("The directory {} does not exist.", path.as_str()))
}

pub async fn directory_list(
    service: &Workspace,
    ctx: &Ctx,
    path: &VolumePath,
    page_size: Option<i64>,
    page_token: Option<&str>,
) -> Result<ListDirectoryResponse> {
    let limit = page::size(page_size, PAGE_SIZE, PAGE_SIZE)?;
    let after: Option<String> = page::decode(page_token)?;
    let place = open(service, ctx, path, Access::Read).await?;
    if !path.is_volume() && !is_directory(&place).await? {
        return Err(no_directory(path));
    }
    let mut entries = entries(&place, path).await?;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let start = after.map_or(0, |after| entries.partition_point(|entry| entry.name <= after));
    let (contents, next_page_token) =
        page::cut(entries.split_off(start), limit, |entry| entry.name.clone());
    Ok(ListDirectoryResponse { contents, next_page_token })
}

async fn entries(place: &Place, path: &VolumePath) -> Result<Vec<DirectoryEntry>> {
    let listing = place.store.list_with_delimiter(Some(&place.key)).await.map_err(store_error)?;
    let name = |key: &Path| key.filename().unwrap_or_default().to_owned();
    let directories = listing.common_prefixes.iter().map(|prefix| DirectoryEntry {
        path: path.child(&name(prefix)),
        name: name(prefix),
        is_directory: true,
        file_size: None,
        last_modified: None,
    });
    let files = listing.objects.iter().filter(|object| name(&object.location) != DIRECTORY_MARKER);
    let files = files.map(|object| DirectoryEntry {
        path: path.child(&name(&object.location)),
        name: name(&object.location),
        is_directory: false,
        file_size: Some(object.size),
        last_modified: Some(object.last_modified.timestamp_millis()),
    });
    Ok(directories.chain(files).collect())
}

pub async fn directory_delete(service: &Workspace, ctx: &Ctx, path: &VolumePath) -> Result<()> {
    let place = open(service, ctx, path, Access::Write).await?;
    if path.is_volume() {
        return Err(ApiError::invalid("This is a volume. Drop it with DROP VOLUME."));
    }
    if !is_directory(&place).await? {
        return Err(no_directory(path));
    }
    if !entries(&place, path).await?.is_empty() {
        return Err(ApiError::invalid(format!("The directory {} is not empty.", path.as_str())));
    }
    match &place.local {
        Some(dir) => tokio::fs::remove_dir(dir).await.map_err(ApiError::internal),
        None => {
            place.store.delete(&place.key.clone().join(DIRECTORY_MARKER)).await.map_err(store_error)
        }
    }
}

pub async fn file_open(
    service: &Workspace,
    ctx: &Ctx,
    path: &str,
) -> Result<BoxStream<'static, Result<Bytes>>> {
    let found = file_get(service, ctx, &VolumePath::parse(path)?, GetOptions::default()).await?;
    Ok(found.into_stream().map_err(store_error).boxed())
}
