//! Getting commits to the disk, several with one flush.
//!
//! SQLite itself runs without flushing at commits (`synchronous = NORMAL` flushes what a checkpoint
//! needs). A commit that must survive a power cut waits here afterwards, when the next writer is at work
//! already, until the write-ahead log was flushed after it; everybody who waits shares the next flush.

use crate::{ApiError, ErrorCode, Result};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

/// The disk, as far as it matters here; tests have a slow one.
pub trait Disk: Send + Sync {
    /// Blocks until the content of `file` is on stable storage.
    fn flush(&self, file: &Path) -> io::Result<()>;
}

pub struct RealDisk;

impl Disk for RealDisk {
    fn flush(&self, file: &Path) -> io::Result<()> {
        // Opened each time: SQLite may have made the file anew. Locks are on other files, so closing this
        // one releases none.
        match std::fs::File::open(file) {
            Ok(file) => file.sync_data(),
            // The last connection moved everything into the database, flushed, and removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

pub struct Flusher {
    log: PathBuf,
    disk: Arc<dyn Disk>,
    /// Commits that are in the file.
    written: AtomicU64,
    flushed: Mutex<Flushed>,
}

#[derive(Default)]
struct Flushed {
    /// Of `written`.
    up_to: u64,
    /// After a failed flush the kernel may have dropped what was to be written: nothing that comes later
    /// can be trusted before a restart reads what is there.
    broken: Option<String>,
}

impl Flusher {
    pub fn new(database: &Path, disk: Arc<dyn Disk>) -> Self {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        Self { log: log.into(), disk, written: AtomicU64::new(0), flushed: Mutex::default() }
    }

    /// Called after a commit; returns when it is on the disk.
    pub async fn flush(&self) -> Result<()> {
        let mine = self.written.fetch_add(1, Ordering::AcqRel) + 1;
        let mut flushed = self.flushed.lock().await;
        if flushed.up_to >= mine {
            return Ok(());
        }
        if let Some(error) = &flushed.broken {
            return Err(lost(error));
        }
        let up_to = self.written.load(Ordering::Acquire);
        let (disk, log) = (self.disk.clone(), self.log.clone());
        let done = tokio::task::spawn_blocking(move || disk.flush(&log)).await;
        match done.map_err(ApiError::internal)? {
            Ok(()) => flushed.up_to = up_to,
            Err(error) => {
                tracing::error!(%error, file = %self.log.display(), "the disk failed to keep what was written; check it and start again");
                flushed.broken = Some(error.to_string());
                return Err(lost(&error.to_string()));
            }
        }
        Ok(())
    }
}

fn lost(error: &str) -> ApiError {
    ApiError {
        internal: Some(format!("flushing the database: {error}")),
        ..ApiError::new(ErrorCode::DataLoss, "The server's disk failed to keep what was written.")
    }
}
