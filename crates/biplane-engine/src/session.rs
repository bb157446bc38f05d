//! Sessions: what lives in the engine between two statements of one session, bounded.

use biplane_api::catalog::{ColumnInfo, TableInfo};
use biplane_api::internal::Storage;
use moka::sync::Cache;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::error::SqlError;
use crate::plan::routines::{Routine, Routines};
use crate::variables::Variables;

/// Sessions idle for longer are forgotten; the gateway closes its own far earlier.
const IDLE_MAX: Duration = Duration::from_secs(24 * 3600);
const SESSIONS_MAX: u64 = 50_000;
const TEMP_VIEWS_MAX: usize = 1_000;
const ROUTINES_MAX: usize = 1_000;
const TEMP_TABLES_MAX: usize = 200;

/// A temporary view: its query, planned anew wherever it is named.
#[derive(Debug, Clone)]
pub struct TempView {
    pub query: String,
    /// Names given in `CREATE TEMPORARY VIEW v (a, b)`.
    pub columns: Vec<String>,
    pub comment: Option<String>,
    /// Where its unqualified names are looked up.
    pub catalog: String,
    pub schema: String,
}

/// Catalog and schema of the temporary tables of a session. The control plane never hears of it.
pub const SESSION: &str = "$session";

/// A directory that goes with who has it.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn temporary_name(name: &str) -> [String; 3] {
    [SESSION.to_owned(), SESSION.to_owned(), name.to_lowercase()]
}

/// A temporary table: its files are the engine's own.
#[derive(Debug, Clone)]
pub struct TempTable {
    pub info: TableInfo,
    pub storage: Storage,
    /// Goes with the last who has it.
    pub scratch: Arc<Scratch>,
}

/// Temporary objects of one session. Names are in lower case.
#[derive(Debug, Default)]
pub struct SessionObjects {
    temp_views: Mutex<BTreeMap<String, TempView>>,
    routines: Mutex<Routines>,
    temp_tables: Mutex<BTreeMap<String, TempTable>>,
    pub variables: Mutex<Variables>,
}

impl SessionObjects {
    pub fn temp_view(&self, name: &str) -> Option<TempView> {
        self.temp_views.lock().get(&name.to_lowercase()).cloned()
    }

    pub fn temp_views(&self) -> Vec<(String, TempView)> {
        self.temp_views.lock().iter().map(|(name, view)| (name.clone(), view.clone())).collect()
    }

    pub fn put_temp_view(&self, name: &str, view: TempView) -> Result<(), SqlError> {
        let mut views = self.temp_views.lock();
        if views.len() >= TEMP_VIEWS_MAX {
            return Err(SqlError::exhausted("too many temporary views in this session"));
        }
        views.insert(name.to_lowercase(), view);
        Ok(())
    }

    /// Temporary functions.
    pub fn routines(&self) -> Routines {
        self.routines.lock().clone()
    }

    /// False: there is one, and it was not to be replaced.
    pub fn put_routine(&self, routine: Routine, replaces: bool) -> Result<bool, SqlError> {
        let mut routines = self.routines.lock();
        let name = routine.name.to_lowercase();
        if routines.contains_key(&name) && !replaces {
            return Ok(false);
        }
        if routines.len() >= ROUTINES_MAX {
            return Err(SqlError::exhausted("too many temporary functions in this session"));
        }
        routines.insert(name, routine);
        Ok(true)
    }

    /// Whether there was one.
    pub fn drop_routine(&self, name: &str) -> bool {
        self.routines.lock().remove(&name.to_lowercase()).is_some()
    }

    pub fn temp_table(&self, name: &str) -> Option<TempTable> {
        self.temp_tables.lock().get(&name.to_lowercase()).cloned()
    }

    pub fn temp_table_names(&self) -> Vec<String> {
        self.temp_tables.lock().keys().cloned().collect()
    }

    pub fn put_temp_table(&self, name: &str, table: TempTable) -> Result<(), SqlError> {
        let mut tables = self.temp_tables.lock();
        if tables.len() >= TEMP_TABLES_MAX {
            return Err(SqlError::exhausted("too many temporary tables in this session"));
        }
        tables.insert(name.to_lowercase(), table);
        Ok(())
    }

    pub fn set_temp_columns(&self, name: &str, columns: Vec<ColumnInfo>) {
        if let Some(table) = self.temp_tables.lock().get_mut(&name.to_lowercase()) {
            table.info.columns = columns;
        }
    }

    /// Whether there was one.
    pub fn drop_temp_table(&self, name: &str) -> bool {
        self.temp_tables.lock().remove(&name.to_lowercase()).is_some()
    }

    /// Whether there was one.
    pub fn drop_temp_view(&self, name: &str) -> bool {
        self.temp_views.lock().remove(&name.to_lowercase()).is_some()
    }
}

/// All sessions of an engine.
pub struct Sessions(Cache<String, Arc<SessionObjects>>);

impl Default for Sessions {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(SESSIONS_MAX).time_to_idle(IDLE_MAX).build())
    }
}

impl Sessions {
    /// The objects of a session; of a statement alone where the id is empty.
    pub fn objects(&self, session_id: &str) -> Arc<SessionObjects> {
        if session_id.is_empty() {
            return Arc::default();
        }
        self.0.get_with_by_ref(session_id, Arc::default)
    }

    pub fn close(&self, session_id: &str) {
        self.0.invalidate(session_id);
    }
}
