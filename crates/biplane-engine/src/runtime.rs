//! What all statements of an engine share: memory, spill space, caches, functions.

use datafusion::execution::cache::cache_manager::CacheManagerConfig;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use crate::config::EngineConfig;
use crate::control::ControlClient;
use crate::error::SqlError;
use crate::plan::delta::Snapshots;
use crate::plan::state;
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
    pub memory: Arc<dyn MemoryPool>,
    /// Statements that run now.
    pub running: AtomicU32,
    runtime: RuntimeEnv,
    template: SessionState,
}

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
            .with_cache_manager(CacheManagerConfig::default())
            .build()?;
        let template = state::template(&config, Arc::new(runtime.clone()));
        let control = ControlClient::new(config.door.clone());
        Ok(Self {
            control,
            sessions: Sessions::default(),
            stores: Stores::default(),
            snapshots: Snapshots::default(),
            memory,
            running: AtomicU32::new(0),
            runtime,
            template,
            config,
        })
    }

    /// A session state for one statement: its own registry of stores, everything else shared.
    pub fn statement_state(
        &self,
        settings: &state::Settings,
        memory: Arc<StatementPool>,
    ) -> SessionState {
        let runtime = RuntimeEnv {
            memory_pool: memory,
            object_store_registry: Arc::new(state::StatementStores::default()),
            ..self.runtime.clone()
        };
        let config = settings.apply(self.template.config().clone());
        SessionStateBuilder::new_from_existing(self.template.clone())
            .with_config(config)
            .with_runtime_env(Arc::new(runtime))
            .build()
    }

    pub fn spilled_bytes(&self) -> u64 {
        self.runtime.disk_manager.used_disk_space()
    }
}
