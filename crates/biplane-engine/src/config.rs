//! What an engine is started with.

use std::path::PathBuf;

/// Bounds and places of one engine process.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The Unix socket of the relay door.
    pub door: PathBuf,
    /// The Unix socket of the storage door. None: S3 is reached directly, with the keys of a statement.
    pub storage_door: Option<PathBuf>,
    /// Bound of the memory that statements may hold together.
    pub memory_limit_bytes: u64,
    /// Where statements spill. Emptied at start; nothing in it outlives the process.
    pub spill_dir: PathBuf,
    pub spill_limit_bytes: u64,
    /// Partitions of a plan. 0 = one per processor.
    pub cpu_threads: usize,
}

impl EngineConfig {
    pub fn new(door: impl Into<PathBuf>) -> Self {
        Self {
            door: door.into(),
            storage_door: None,
            memory_limit_bytes: default_memory_bytes(),
            spill_dir: std::env::temp_dir().join(format!("biplane-spill-{}", std::process::id())),
            spill_limit_bytes: 100 << 30,
            cpu_threads: 0,
        }
    }

    pub(crate) fn partitions(&self) -> usize {
        match self.cpu_threads {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            n => n,
        }
    }
}

/// Half of what the machine has: the other half is for Arrow buffers that no operator accounts for,
/// for the page cache and for whoever shares the host.
fn default_memory_bytes() -> u64 {
    let total_kib = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    total_kib.map_or(2 << 30, |kib| (kib * 1024) / 2)
}
