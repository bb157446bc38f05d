//! One place in an object store: a store and a key in it.

use biplane_api::internal::Storage;
use biplane_platform::{ApiError, ErrorCode, Result};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, GetOptions, GetRange, ObjectStore, ObjectStoreExt, RetryConfig};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const BUCKETS_MAX: usize = 64;
/// Somebody waits for the answer to a request.
const RETRY_MAX: Duration = Duration::from_secs(10);

pub struct Place {
    pub store: Arc<dyn ObjectStore>,
    pub key: Path,
    /// Set when the place is on this machine's disk, where directories are real.
    pub local: Option<PathBuf>,
}

impl Place {
    pub fn open(storage: &Storage) -> Result<Self> {
        let url = url::Url::parse(&storage.url).map_err(ApiError::internal)?;
        match url.scheme() {
            "file" => {
                let file =
                    url.to_file_path().map_err(|()| ApiError::internal("not a local path"))?;
                let key = Path::from_absolute_path(&file).map_err(bad_name)?;
                Ok(Self { store: Arc::new(LocalFileSystem::new()), key, local: Some(file) })
            }
            "s3" => {
                let bucket = url
                    .host_str()
                    .ok_or_else(|| ApiError::internal("an s3 url without a bucket"))?;
                let store = s3(bucket, &storage.options)?;
                let text = percent_encoding::percent_decode_str(url.path())
                    .decode_utf8()
                    .map_err(ApiError::internal)?;
                let key = Path::parse(text.trim_matches('/')).map_err(bad_name)?;
                Ok(Self { store, key, local: None })
            }
            scheme => Err(ApiError::unsupported(format!("Storage with the scheme {scheme}"))),
        }
    }
}

/// What the object there holds, up to so many bytes; None = there is none.
pub async fn object_read(storage: &Storage, bytes_max: usize) -> Result<Option<Bytes>> {
    let place = Place::open(storage)?;
    let range = GetRange::Bounded(0..u64::try_from(bytes_max).unwrap_or(u64::MAX));
    let options = GetOptions { range: Some(range), ..GetOptions::default() };
    // An empty one has no such range.
    match place.store.head(&place.key).await {
        Ok(known) if known.size == 0 => return Ok(Some(Bytes::new())),
        Ok(_) => {}
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(store_error(error)),
    }
    let found = place.store.get_opts(&place.key, options).await.map_err(store_error)?;
    found.bytes().await.map(Some).map_err(store_error)
}

/// Writes the object there, whether there is one or not.
pub async fn object_write(storage: &Storage, bytes: Bytes) -> Result<()> {
    let place = Place::open(storage)?;
    place.store.put(&place.key, bytes.into()).await.map(drop).map_err(store_error)
}

type Key = (String, BTreeMap<String, String>);

/// Open buckets, the latest last. A store keeps its connections, which cost far more than a request.
static BUCKETS: Mutex<Vec<(Key, Arc<dyn ObjectStore>)>> = Mutex::new(Vec::new());

fn s3(bucket: &str, options: &BTreeMap<String, String>) -> Result<Arc<dyn ObjectStore>> {
    let wanted = (bucket.to_owned(), options.clone());
    let mut buckets = BUCKETS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, store)) = buckets.iter().find(|(key, _)| *key == wanted) {
        return Ok(store.clone());
    }
    let backoff = BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() };
    let retry = RetryConfig { backoff, max_retries: 5, retry_timeout: RETRY_MAX };
    let mut builder = AmazonS3Builder::new().with_bucket_name(bucket).with_retry(retry);
    for (name, value) in options {
        // The text of these errors may carry an option's value.
        let key = AmazonS3ConfigKey::from_str(name)
            .map_err(|_| ApiError::internal("an option of a store is not known"))?;
        builder = builder.with_config(key, value);
    }
    let store: Arc<dyn ObjectStore> =
        Arc::new(builder.build().map_err(|_| ApiError::internal("a store cannot be opened"))?);
    if buckets.len() >= BUCKETS_MAX {
        buckets.remove(0);
    }
    buckets.push((wanted, store.clone()));
    Ok(store)
}

fn bad_name(_: object_store::path::Error) -> ApiError {
    ApiError::invalid("The path has a name in it that no file can have.")
}

/// What went wrong in the store, in public words; its own words may hold addresses and keys.
pub fn store_error(error: object_store::Error) -> ApiError {
    match error {
        object_store::Error::NotFound { .. } => {
            ApiError::new(ErrorCode::NotFound, "The file does not exist.")
        }
        object_store::Error::AlreadyExists { .. } => {
            ApiError::new(ErrorCode::AlreadyExists, "The file exists already.")
        }
        object_store::Error::Precondition { .. } => {
            ApiError::new(ErrorCode::PreconditionFailed, "The file was changed meanwhile.")
        }
        object_store::Error::PermissionDenied { .. }
        | object_store::Error::Unauthenticated { .. } => refused(error),
        // Listings have no error of their own for it.
        object_store::Error::Generic { .. } if error.to_string().contains("403 Forbidden") => {
            refused(error)
        }
        other => ApiError {
            internal: Some(other.to_string()),
            ..ApiError::new(
                ErrorCode::TemporarilyUnavailable,
                "The storage of this path cannot be reached or failed.",
            )
        },
    }
}

fn refused(error: object_store::Error) -> ApiError {
    ApiError {
        internal: Some(error.to_string()),
        ..ApiError::denied("The storage refused the server's credential for this path.")
    }
}

/// Deletes everything under a place: a dropped table or volume.
pub async fn delete_prefix(storage: &Storage) -> Result<()> {
    let place = Place::open(storage)?;
    if let Some(dir) = place.local {
        return match tokio::fs::remove_dir_all(&dir).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(ApiError::internal(error))
            }
            _ => Ok(()),
        };
    }
    let found = place.store.list(Some(&place.key)).map_ok(|object| object.location);
    let deleted = place.store.delete_stream(found.boxed()).map(|gone| match gone {
        // Somebody else was faster.
        Err(object_store::Error::NotFound { .. }) | Ok(_) => Ok(()),
        Err(error) => Err(error),
    });
    deleted.try_collect().await.map_err(store_error)
}
