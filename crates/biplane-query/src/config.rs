//! Bounds and times of this service.

use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Clone)]
pub struct QueryConfig {
    /// Result chunks that do not stay in memory. Owned by this server alone.
    pub results_dir: PathBuf,
    /// Result bytes in memory, all statements together; then files.
    pub memory_bytes_max: u64,
    /// The same of one statement.
    pub statement_memory_bytes_max: u64,
    /// Result bytes in files, all statements together. At the limit engines are made to wait.
    pub disk_bytes_max: u64,
    /// One result is cut here and says so (`truncated`).
    pub result_bytes_max: u64,
    /// How long a statement may wait for room in the result store.
    pub room_wait: Duration,
    /// Results are kept this long after the end of the statement.
    pub retention: Duration,
    /// Finished statements kept; beyond that the oldest go early.
    pub finished_max: usize,
    /// Rows of the query history.
    pub history_retention: Duration,
    pub link_lifetime: Duration,
    /// Statements of one warehouse in progress here, and that wait to be. A bound for this server: how
    /// many run at once is the warehouse's to say.
    pub running_max: usize,
    pub queued_max: usize,
    /// For a stopped warehouse to start.
    pub start_wait: Duration,
    /// For an engine of a running warehouse to have room.
    pub queue_wait: Duration,
    /// The longest any statement may run.
    pub statement_timeout: Duration,
    pub session_idle: Duration,
    pub sessions_max: usize,
    /// A statement that runs longer than this is in the history while it runs.
    pub record_after: Duration,
}

impl QueryConfig {
    pub fn new(results_dir: PathBuf) -> Self {
        Self {
            results_dir,
            memory_bytes_max: 256 << 20,
            statement_memory_bytes_max: 32 << 20,
            disk_bytes_max: 64 << 30,
            result_bytes_max: 100 << 30,
            room_wait: Duration::from_secs(300),
            retention: Duration::from_secs(3600),
            finished_max: 20_000,
            history_retention: Duration::from_secs(30 * 24 * 3600),
            link_lifetime: Duration::from_secs(15 * 60),
            running_max: 2600,
            queued_max: 1000,
            start_wait: Duration::from_secs(600),
            queue_wait: Duration::from_secs(3600),
            statement_timeout: Duration::from_secs(172_800),
            session_idle: Duration::from_secs(8 * 3600),
            sessions_max: 10_000,
            record_after: Duration::from_millis(25),
        }
    }
}
