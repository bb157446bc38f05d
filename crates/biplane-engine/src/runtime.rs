//! What all statements of an engine share: memory, spill space, caches, functions.

use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use crate::commands::Turns;
use crate::config::EngineConfig;
use crate::control::ControlClient;
use crate::error::SqlError;
use crate::footers::{self, Footers};
use crate::plan::delta::Snapshots;
use crate::plan::state::{self, Settings};
use crate::results::Results;
use crate::service::StatementPool;
use crate::session::Sessions;
use crate::storage::Stores;

/// One per engine process.
pub struct Engine {
    pub config: EngineConfig,
    pub control: ControlClient,
    pub sessions: Sessions,
    pub stores: Stores,
    pub snapshots: Snapshots,
    pub footers: Footers,
    pub results: Results,
    /// Of statements that change tables.
    pub turns: Turns,
    pub memory: Arc<dyn MemoryPool>,
    /// Statements that run now.
    pub running: AtomicU32,
    runtime: RuntimeEnv,
    template: SessionState,
    ready: Mutex<Vec<(SessionState, Arc<StatementPool>)>>,
}

/// Session states made ahead of their statements.
const READY_MAX: usize = 4;

impl Engine {
    pub fn new(config: EngineConfig) -> Result<Self, SqlError> {
        // What a killed predecessor left.
        let _ = std::fs::remove_dir_all(&config.spill_dir);
        std::fs::create_dir_all(&config.spill_dir).map_err(SqlError::internal)?;
        // A quarter is left to what no operator accounts for: decoded batches, footers, results.
        let bound = usize::try_from(config.memory_limit_bytes / 4 * 3).unwrap_or(usize::MAX);
        let memory: Arc<dyn MemoryPool> = Arc::new(FairSpillPool::new(bound));
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![config.spill_dir.clone()]))
            .with_max_temp_directory_size(config.spill_limit_bytes);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(memory.clone())
            .with_disk_manager_builder(disk)
            .with_cache_manager(footers::no_caches())
            .build()?;
        let template = state::template(&config, Arc::new(runtime.clone()));
        let control = ControlClient::new(config.door.clone());
        Ok(Self {
            control,
            sessions: Sessions::default(),
            stores: Stores::new(config.storage_door.clone()),
            snapshots: Snapshots::default(),
            footers: Footers::default(),
            turns: Turns::default(),
            results: Results::new(config.memory_limit_bytes),
            memory,
            running: AtomicU32::new(0),
            runtime,
            template,
            ready: Mutex::default(),
            config,
        })
    }

    /// A session state for one statement: its own registry of stores and its own count of memory,
    /// everything else shared. One for the next statement is made ahead of time.
    pub fn statement_state(
        self: &Arc<Self>,
        settings: &Settings,
    ) -> (SessionState, Arc<StatementPool>) {
        if settings != &Settings::default() {
            return self.make_state(settings);
        }
        let ready = self.ready.lock().pop();
        let engine = self.clone();
        tokio::task::spawn_blocking(move || {
            while engine.ready.lock().len() < READY_MAX {
                let made = engine.make_state(&Settings::default());
                engine.ready.lock().push(made);
            }
        });
        ready.unwrap_or_else(|| self.make_state(settings))
    }

    fn make_state(&self, settings: &Settings) -> (SessionState, Arc<StatementPool>) {
        let memory = Arc::new(StatementPool::new(self.memory.clone()));
        let runtime = RuntimeEnv {
            memory_pool: memory.clone(),
            object_store_registry: Arc::new(state::StatementStores::default()),
            ..self.runtime.clone()
        };
        let config = settings.apply(self.template.config().clone());
        let state = SessionStateBuilder::new_from_existing(self.template.clone())
            .with_config(config)
            .with_runtime_env(Arc::new(runtime))
            .build();
        (state, memory)
    }

    pub fn spilled_bytes(&self) -> u64 {
        self.runtime.disk_manager.used_disk_space()
    }
}
