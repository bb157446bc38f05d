//! Object stores for the time of a statement, made from what the catalog gave for it.
//!
//! A store is shared only between uses with the very same credentials; nothing of it is reachable by
//! a name that a user can write.

use biplane_api::internal::Storage;
use deltalake_core::DeltaTable;
use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use moka::sync::Cache;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

use crate::commit_log::CommitLog;
use crate::confined::{Confined, Places};
use crate::error::SqlError;
use crate::storage_door::{self, StorageDoor};

const STORES_MAX: u64 = 256;
const STORE_IDLE_MAX: Duration = Duration::from_secs(900);
const RETRY_MAX: Duration = Duration::from_secs(20);

type StoreKey = (String, BTreeMap<String, String>);

/// Open stores of the engine, by bucket and credentials.
pub struct Stores {
    remote: Cache<StoreKey, Arc<dyn ObjectStore>>,
    local: Arc<dyn ObjectStore>,
    /// Where it is there, S3 is reached through it alone.
    door: Option<StorageDoor>,
}

impl Default for Stores {
    fn default() -> Self {
        Self::new(None)
    }
}

/// A location that can be read and written with the rights of one statement.
#[derive(Clone)]
pub struct Location {
    /// The place itself, ends with `/`.
    pub url: Url,
    /// With the paths of the whole bucket or file system, of which the places of the statement are open.
    pub root: Arc<dyn ObjectStore>,
    pub prefix: Path,
    /// Tells buckets and file systems apart.
    pub store: Arc<str>,
}

impl Location {
    /// A store whose root is the place.
    pub fn prefixed(&self) -> Arc<dyn ObjectStore> {
        Arc::new(PrefixStore::new(self.root.clone(), self.prefix.clone()))
    }

    pub fn log_store(&self) -> LogStoreRef {
        let (place, root) = (self.prefixed(), self.root.clone());
        let log = default_logstore(place, root, &self.url, &StorageConfig::default());
        Arc::new(CommitLog::new(log))
    }

    /// The same, for a statement that was let into `places`.
    pub fn confined(self, places: Places) -> Self {
        places.write().push(self.prefix.clone());
        Self { root: Arc::new(Confined::new(self.root, places)), ..self }
    }

    /// Whether a path that a log names stays where the log is.
    pub fn holds(&self, path: &str) -> bool {
        // As most writers name their files.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_=.-/".contains(&byte);
        if path.bytes().all(is_plain) && !path.starts_with('/') && !path.contains("..") {
            return true;
        }
        let joined = self.url.join(path);
        joined.is_ok_and(|at| {
            let same = at.scheme() == self.url.scheme() && at.authority() == self.url.authority();
            same && at.path().starts_with(self.url.path())
        })
    }

    /// Not loaded yet.
    pub fn delta(&self) -> DeltaTable {
        DeltaTable::new(self.log_store())
    }
}

impl Stores {
    pub fn new(door: Option<PathBuf>) -> Self {
        Self {
            remote: Cache::builder().max_capacity(STORES_MAX).time_to_idle(STORE_IDLE_MAX).build(),
            local: Arc::new(LocalFileSystem::new()),
            door: door.map(StorageDoor::new),
        }
    }

    pub fn open(&self, storage: &Storage) -> Result<Location, SqlError> {
        let mut url = Url::parse(&storage.url).map_err(SqlError::internal)?;
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let prefix = Path::from_url_path(url.path()).map_err(SqlError::internal)?;
        let root = match url.scheme() {
            "file" => self.local.clone(),
            "s3" | "s3a" => self.s3(&url, storage)?,
            other => return Err(SqlError::unsupported(format!("storage of the kind {other}"))),
        };
        let store = store_name(&url, storage).into();
        Ok(Location { url, root, prefix, store })
    }

    fn s3(&self, url: &Url, storage: &Storage) -> Result<Arc<dyn ObjectStore>, SqlError> {
        let bucket = url.host_str().unwrap_or_default().to_owned();
        let key = (bucket.clone(), storage.options.clone());
        if let Some(store) = self.remote.get(&key) {
            return Ok(store);
        }
        let mut builder = AmazonS3Builder::new().with_bucket_name(bucket).with_retry(retries());
        for (name, value) in &storage.options {
            // What the store does not know may be meant for somebody else.
            if let Ok(option) = name.parse::<AmazonS3ConfigKey>() {
                builder = builder.with_config(option, value);
            }
        }
        let is_plain = |value: &String| value.starts_with("http://");
        if storage.options.iter().any(|(name, value)| name.contains("endpoint") && is_plain(value))
        {
            builder = builder.with_allow_http(true);
        }
        if let Some(door) = &self.door {
            // Whatever was said of an endpoint and of keys is the door's to know.
            builder = builder
                .with_endpoint(storage_door::ENDPOINT)
                .with_virtual_hosted_style_request(false)
                .with_allow_http(true)
                .with_skip_signature(true)
                .with_http_connector(door.clone());
        }
        let store: Arc<dyn ObjectStore> = Arc::new(builder.build().map_err(|error| {
            // The text of the error may carry an option's value.
            drop(error);
            SqlError::internal("the options of a store are not valid")
        })?);
        self.remote.insert(key, store.clone());
        Ok(store)
    }
}

/// A store that fails is tried again for as long as somebody may wait for the answer.
fn retries() -> RetryConfig {
    let backoff = BackoffConfig { max_backoff: Duration::from_secs(4), ..BackoffConfig::default() };
    RetryConfig { backoff, max_retries: 8, retry_timeout: RETRY_MAX }
}

/// A bucket of one endpoint is not that of another.
fn store_name(url: &Url, storage: &Storage) -> String {
    let endpoint = storage.options.iter().find(|(name, _)| name.contains("endpoint"));
    let endpoint = endpoint.map_or("", |(_, value)| value.as_str());
    format!("{}://{}@{endpoint}", url.scheme(), url.authority())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_holds_what_is_below_it() {
        let storage = Storage { url: "s3://b/t".to_owned(), options: BTreeMap::default() };
        let place = Stores::default().open(&storage).unwrap();
        let inside =
            ["a.parquet", "p=1/part-0.c000.snappy.parquet", "p=a%20b/x", "s3://b/t/x", "a../x"];
        assert!(inside.iter().all(|path| place.holds(path)));
        let outside = ["../u/x", "a/../../u", "/u/x", "s3://b/u/x", "s3://c/t/x", "%2E%2E/u"];
        assert!(outside.iter().all(|path| !place.holds(path)));
    }

    #[test]
    fn stores_have_names_of_their_own() {
        let open = |url: &str, endpoint: &str| {
            let options = [("aws_endpoint", endpoint), ("aws_region", "r")];
            let options = options.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
            Stores::default().open(&Storage { url: url.to_owned(), options }).unwrap().store
        };
        let one = open("s3://a/x", "http://localhost:1");
        assert_eq!(one, open("s3://a/y", "http://localhost:1"));
        assert_ne!(one, open("s3://b/x", "http://localhost:1"));
        assert_ne!(one, open("s3://a/x", "http://localhost:2"));
    }
}
