//! Snapshots of tables kept between statements. What is kept is brought up to date by listing the
//! log, so a statement always sees the latest commit.

use deltalake_core::DeltaTable;
use deltalake_core::table::state::DeltaTableState;
use moka::sync::Cache;
use std::sync::Arc;
use std::time::Duration;

use super::files::Files;
use super::vectors::{Descriptor, Kept};
use crate::error::SqlResult;
use crate::storage::Location;

const TABLES_MAX: u64 = 500;
/// Of all deletion vectors together, 16 bytes each.
const RANGES_MAX: u64 = 4 << 20;
const IDLE_MAX: Duration = Duration::from_secs(1_800);

/// Tables of the catalog only: a path may be another table tomorrow.
pub struct Snapshots {
    states: Cache<String, DeltaTableState>,
    files: Cache<(String, u64), Arc<Files>>,
    vectors: Cache<(String, String), Arc<Kept>>,
}

/// Deletion vectors of one table: they never change, so a new version reads the new ones only.
pub struct Vectors<'a> {
    all: &'a Cache<(String, String), Arc<Kept>>,
    table: Option<String>,
}

impl Vectors<'_> {
    /// `rows`: of the file.
    pub async fn get(
        &self,
        location: &Location,
        vector: &Descriptor,
        rows: u64,
    ) -> SqlResult<Arc<Kept>> {
        let Some(table) = &self.table else {
            return vector.load(location, rows).await.map(Arc::new);
        };
        let key = (table.clone(), format!("{} {rows}", vector.key()));
        if let Some(known) = self.all.get(&key) {
            return Ok(known);
        }
        let kept = Arc::new(vector.load(location, rows).await?);
        self.all.insert(key, kept.clone());
        Ok(kept)
    }
}

impl Default for Snapshots {
    fn default() -> Self {
        Self {
            states: Cache::builder().max_capacity(TABLES_MAX).time_to_idle(IDLE_MAX).build(),
            files: Cache::builder()
                .max_capacity(TABLES_MAX)
                .weigher(|_, files: &Arc<Files>| files.weight())
                .time_to_idle(IDLE_MAX)
                .build(),
            vectors: Cache::builder()
                .max_capacity(RANGES_MAX)
                .weigher(|_, kept: &Arc<Kept>| u32::try_from(kept.ranges + 8).unwrap_or(u32::MAX))
                .time_to_idle(IDLE_MAX)
                .build(),
        }
    }
}

fn key(table_id: Option<&str>, location: &Location) -> Option<String> {
    table_id.filter(|id| !id.is_empty()).map(|id| format!("{id} {}", location.url))
}

impl Snapshots {
    /// The newest version.
    pub async fn latest(
        &self,
        table_id: Option<&str>,
        location: &Location,
    ) -> SqlResult<DeltaTable> {
        let mut table = location.delta();
        let key = key(table_id, location);
        if let Some(known) = key.as_ref().and_then(|key| self.states.get(key)) {
            table.state = Some(known);
            if table.update_state().await.is_ok() {
                self.keep(key, &table);
                return Ok(table);
            }
            table = location.delta();
        }
        table.load().await?;
        self.keep(key, &table);
        Ok(table)
    }

    fn keep(&self, key: Option<String>, table: &DeltaTable) {
        if let (Some(key), Some(state)) = (key, &table.state) {
            self.states.insert(key, state.clone());
        }
    }

    /// After a statement changed the table by other means than this cache.
    pub fn forget(&self, table_id: &str, location: &Location) {
        if let Some(key) = key(Some(table_id), location) {
            self.states.invalidate(&key);
        }
    }

    pub fn vectors(&self, table_id: Option<&str>, location: &Location) -> Vectors<'_> {
        Vectors { all: &self.vectors, table: key(table_id, location) }
    }

    pub fn files(
        &self,
        table_id: Option<&str>,
        location: &Location,
        version: u64,
    ) -> Option<Arc<Files>> {
        self.files.get(&(key(table_id, location)?, version))
    }

    pub fn keep_files(
        &self,
        table_id: Option<&str>,
        location: &Location,
        version: u64,
        files: Arc<Files>,
    ) {
        if let Some(key) = key(table_id, location) {
            self.files.insert((key, version), files);
        }
    }
}
