//! The budgets of all results together, held as shares that give themselves back.

use crate::config::QueryConfig;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

#[derive(Debug)]
pub struct Spool {
    pub(crate) config: QueryConfig,
    memory: AtomicU64,
    disk: AtomicU64,
    /// Disk space came back.
    room: Notify,
    /// Memory is nearly full: time to move finished results to files.
    pub(crate) pressure: Notify,
}

#[derive(Debug)]
pub(crate) struct MemoryShare(Arc<Spool>, u64);

#[derive(Debug)]
pub(crate) struct DiskShare(Arc<Spool>, u64);

impl Drop for MemoryShare {
    fn drop(&mut self) {
        self.0.memory.fetch_sub(self.1, Ordering::AcqRel);
    }
}

impl Drop for DiskShare {
    fn drop(&mut self) {
        self.0.disk.fetch_sub(self.1, Ordering::AcqRel);
        self.0.room.notify_waiters();
    }
}

fn take(used: &AtomicU64, bytes: u64, max: u64) -> bool {
    let fits = |now: u64| now.checked_add(bytes).filter(|sum| *sum <= max);
    used.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).is_ok()
}

impl Spool {
    pub(crate) fn new(config: QueryConfig) -> Arc<Self> {
        Arc::new(Self {
            config,
            memory: AtomicU64::new(0),
            disk: AtomicU64::new(0),
            room: Notify::new(),
            pressure: Notify::new(),
        })
    }

    /// Result bytes held in memory now.
    pub fn memory_bytes(&self) -> u64 {
        self.memory.load(Ordering::Acquire)
    }

    /// Result bytes in files now.
    pub fn disk_bytes(&self) -> u64 {
        self.disk.load(Ordering::Acquire)
    }

    /// Three quarters of the memory are in use.
    pub(crate) fn memory_is_tight(&self) -> bool {
        self.memory_bytes() > self.config.memory_bytes_max / 4 * 3
    }

    pub(crate) fn memory(self: &Arc<Self>, bytes: u64) -> Option<Arc<MemoryShare>> {
        let fits = take(&self.memory, bytes, self.config.memory_bytes_max);
        if !fits || self.memory_is_tight() {
            self.pressure.notify_one();
        }
        fits.then(|| Arc::new(MemoryShare(self.clone(), bytes)))
    }

    pub(crate) fn disk_now(self: &Arc<Self>, bytes: u64) -> Option<Arc<DiskShare>> {
        take(&self.disk, bytes, self.config.disk_bytes_max)
            .then(|| Arc::new(DiskShare(self.clone(), bytes)))
    }

    /// Waits for others to give back what they have; None when nobody did in time.
    pub(crate) async fn disk(
        self: &Arc<Self>,
        bytes: u64,
        wait: Duration,
    ) -> Option<Arc<DiskShare>> {
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            let mut room = std::pin::pin!(self.room.notified());
            room.as_mut().enable();
            if let Some(share) = self.disk_now(bytes) {
                return Some(share);
            }
            if tokio::time::timeout_at(deadline, room).await.is_err() {
                return self.disk_now(bytes);
            }
        }
    }
}
