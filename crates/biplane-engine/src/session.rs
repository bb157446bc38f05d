//! Sessions: what lives in the engine between two statements of one session, bounded.

use moka::sync::Cache;
use parking_lot::Mutex;
use std::collections::BTreeMap;
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

/// Temporary objects of one session. Names are in lower case.
#[derive(Debug, Default)]
pub struct SessionObjects {
    temp_views: Mutex<BTreeMap<String, TempView>>,
    routines: Mutex<Routines>,
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
