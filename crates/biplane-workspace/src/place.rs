//! One place in an object store: a store and a key in it.

use biplane_api::internal::Storage;
use biplane_platform::{ApiError, ErrorCode, Result};
use futures::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

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
                let mut builder = AmazonS3Builder::new().with_bucket_name(bucket);
                for (name, value) in &storage.options {
                    let key = object_store::aws::AmazonS3ConfigKey::from_str(name)
                        .map_err(ApiError::internal)?;
                    builder = builder.with_config(key, value);
                }
                let store = builder.build().map_err(ApiError::internal)?;
                let text = percent_encoding::percent_decode_str(url.path())
                    .decode_utf8()
                    .map_err(ApiError::internal)?;
                let key = Path::parse(text.trim_matches('/')).map_err(bad_name)?;
                Ok(Self { store: Arc::new(store), key, local: None })
            }
            scheme => Err(ApiError::unsupported(format!("Storage with the scheme {scheme}"))),
        }
    }
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
        | object_store::Error::Unauthenticated { .. } => ApiError {
            internal: Some(error.to_string()),
            ..ApiError::denied("The storage refused the server's credential for this path.")
        },
        other => ApiError::internal(other),
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
    let objects: Vec<_> =
        place.store.list(Some(&place.key)).try_collect().await.map_err(store_error)?;
    for object in objects {
        place.store.delete(&object.location).await.map_err(store_error)?;
    }
    Ok(())
}
