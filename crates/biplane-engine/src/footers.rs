//! Footers of Parquet files, kept between statements.
//!
//! DataFusion knows a file by its path in a store alone. Two buckets may have files of one path, one size
//! and one time: here the store is a part of the key.

use datafusion::common::{HashMap, Result, TableReference};
use datafusion::execution::cache::cache_manager::{
    CacheManager, CacheManagerConfig, CachedFileMetadataEntry, FileMetadataCache,
};
use datafusion::execution::cache::default_cache::DefaultCache;
use datafusion::execution::cache::{Cache, CacheEntryInfo};
use datafusion::execution::runtime_env::RuntimeEnv;
use object_store::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::storage::Location;

const BYTES_MAX: usize = 64 << 20;

/// Of all stores.
#[derive(Clone)]
pub struct Footers(Arc<FileMetadataCache>);

impl Default for Footers {
    fn default() -> Self {
        Self(Arc::new(DefaultCache::new(BYTES_MAX).with_name("footers")))
    }
}

impl Footers {
    /// Those of one store.
    pub fn of(&self, location: &Location) -> Arc<FileMetadataCache> {
        Arc::new(OfStore { all: self.0.clone(), store: location.store.clone() })
    }

    /// A runtime whose readers find the footers of one store.
    pub fn runtime(&self, location: &Location, runtime: &RuntimeEnv) -> Result<Arc<RuntimeEnv>> {
        let config = no_caches().with_file_metadata_cache(Some(self.of(location)));
        let cache_manager = CacheManager::try_new(&config)?;
        Ok(Arc::new(RuntimeEnv { cache_manager, ..runtime.clone() }))
    }
}

/// DataFusion's own caches are off: none of them knows stores apart.
pub fn no_caches() -> CacheManagerConfig {
    CacheManagerConfig::default()
        .with_file_statistics_cache_limit(0)
        .with_list_files_cache_limit(0)
        .with_metadata_cache_limit(0)
}

struct OfStore {
    all: Arc<FileMetadataCache>,
    store: Arc<str>,
}

impl OfStore {
    fn key(&self, path: &Path) -> Path {
        Path::from_iter([self.store.as_ref(), path.as_ref()])
    }
}

impl Cache<Path, CachedFileMetadataEntry> for OfStore {
    fn get(&self, path: &Path) -> Option<CachedFileMetadataEntry> {
        self.all.get(&self.key(path))
    }

    fn put(&self, path: &Path, entry: CachedFileMetadataEntry) -> Option<CachedFileMetadataEntry> {
        self.all.put(&self.key(path), entry)
    }

    fn remove(&self, path: &Path) -> Option<CachedFileMetadataEntry> {
        self.all.remove(&self.key(path))
    }

    fn contains_key(&self, path: &Path) -> bool {
        self.all.contains_key(&self.key(path))
    }

    fn len(&self) -> usize {
        self.all.len()
    }

    // What is for all stores is not for one statement to change or to see.
    fn clear(&self) {}

    fn name(&self) -> String {
        self.all.name()
    }

    fn cache_limit(&self) -> usize {
        self.all.cache_limit()
    }

    fn update_cache_limit(&self, _limit: usize) {}

    fn cache_ttl(&self) -> Option<Duration> {
        self.all.cache_ttl()
    }

    fn update_cache_ttl(&self, _ttl: Option<Duration>) {}

    fn drop_table_entries(&self, _table: &TableReference) -> Result<()> {
        Ok(())
    }

    fn list_entries(&self) -> HashMap<Path, CacheEntryInfo<CachedFileMetadataEntry>> {
        HashMap::new()
    }
}
