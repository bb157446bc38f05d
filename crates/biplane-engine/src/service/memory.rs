//! What is counted for one statement: the memory it holds, the files it opens and skips.

use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts for the statement and asks the engine's pool, which is the bound.
#[derive(Debug)]
pub struct StatementPool {
    engine: Arc<dyn MemoryPool>,
    used: AtomicUsize,
    peak: AtomicUsize,
}

impl StatementPool {
    pub fn new(engine: Arc<dyn MemoryPool>) -> Self {
        Self { engine, used: AtomicUsize::new(0), peak: AtomicUsize::new(0) }
    }

    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    fn count(&self, additional: usize) {
        let used = self.used.fetch_add(additional, Ordering::Relaxed) + additional;
        self.peak.fetch_max(used, Ordering::Relaxed);
    }
}

impl fmt::Display for StatementPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "statement({})", self.used.load(Ordering::Relaxed))
    }
}

impl MemoryPool for StatementPool {
    fn name(&self) -> &str {
        "statement"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.engine.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.engine.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.engine.grow(reservation, additional);
        self.count(additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.engine.shrink(reservation, shrink);
        self.used.fetch_sub(shrink, Ordering::Relaxed);
    }

    fn try_grow(
        &self,
        reservation: &MemoryReservation,
        additional: usize,
    ) -> datafusion::common::Result<()> {
        self.engine.try_grow(reservation, additional)?;
        self.count(additional);
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.engine.memory_limit()
    }
}

/// Files that scans of a statement read, and those that the log ruled out.
#[derive(Debug, Default)]
pub struct Pruned {
    kept: AtomicUsize,
    skipped: AtomicUsize,
}

impl Pruned {
    pub fn add(&self, kept: usize, skipped: usize) {
        self.kept.fetch_add(kept, Ordering::Relaxed);
        self.skipped.fetch_add(skipped, Ordering::Relaxed);
    }

    /// Read and skipped.
    pub fn counts(&self) -> (u64, u64) {
        let count = |of: &AtomicUsize| of.load(Ordering::Relaxed) as u64;
        (count(&self.kept), count(&self.skipped))
    }
}
