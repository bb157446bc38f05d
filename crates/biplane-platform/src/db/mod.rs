//! One database behind every service: SQLite (embedded, default) or PostgreSQL (with a standby).
//!
//! One SQL text serves both: `$1` parameters, TEXT ids, BIGINT milliseconds and booleans, JSON as text,
//! `ON CONFLICT`, `RETURNING`. SQLite has one writer connection and several readers (WAL): writers take
//! turns (`turn`) and share flushes to the disk (`flush`). A write transaction names what changed
//! (`notify`); subscribers of that topic hear of it after the commit. Waiting for the
//! database has an end: 503 with `Retry-After`.
//!
//! Turns and connections are given to who waits first. A future that waits for one must go on being
//! polled: an arm of `select!` that awaits the database beside such a future stops the world.

mod flush;
mod migrate;
mod row;
mod seat;
mod signal;
mod turn;
mod tx;

pub use crate::db_args as args;
pub use flush::Disk;
pub use migrate::Migration;
pub use row::{Arg, Row};
pub use seat::{KeptSeat, Seat};
pub use signal::{Change, Changes};
pub use tx::Tx;

use crate::keys::MasterKeys;
use crate::{ApiError, ErrorCode, Result};
use flush::{Flusher, RealDisk};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection, SqlSafeStr};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use turn::Turns;
use tx::Conn;

const READERS: u32 = 8;
const RETRY_AFTER_S: u32 = 2;

/// Patience.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For a connection, or the turn to write. Less than what clients give a request.
    pub wait: Duration,
    /// A write transaction may keep others waiting for this long; flushing is not counted.
    pub hold: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { wait: Duration::from_secs(30), hold: Duration::from_secs(10) }
    }
}

#[derive(Clone)]
enum Pools {
    Sqlite {
        file: Arc<Path>,
        read: SqlitePool,
        write: SqlitePool,
        turns: Arc<Turns>,
        flusher: Arc<Flusher>,
    },
    Postgres(PgPool),
}

#[derive(Clone)]
pub struct Db {
    pools: Pools,
    changes: Changes,
    master_keys: MasterKeys,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_postgres() { "Db(PostgreSQL)" } else { "Db(SQLite)" })
    }
}

impl Db {
    /// The SQLite database in this file; made when missing.
    pub async fn sqlite(file: &Path) -> Result<Self> {
        Self::sqlite_with(file, Limits::default(), Arc::new(RealDisk)).await
    }

    /// The same on a disk of the caller's, with another patience.
    pub async fn sqlite_with(file: &Path, limits: Limits, disk: Arc<dyn Disk>) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Commits are flushed by `flush`, where they must be.
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(limits.wait)
            .pragma("mmap_size", "268435456")
            .statement_cache_capacity(512);
        let pool = |size: u32| {
            SqlitePoolOptions::new()
                .max_connections(size)
                .acquire_timeout(limits.wait)
                .test_before_acquire(false)
        };
        // SQLite itself ends a transaction that finds the disk full; the connection then believes to be in
        // one for ever, and another takes its place.
        let write = pool(1).before_acquire(|conn, _| {
            let stuck = conn.is_in_transaction();
            Box::pin(async move { Ok(!stuck) })
        });
        let write = write.connect_with(options.clone()).await.map_err(ApiError::internal)?;
        let read = pool(READERS)
            .min_connections(1)
            .connect_with(options.pragma("query_only", "on"))
            .await
            .map_err(ApiError::internal)?;
        let turns = Arc::new(Turns::new(limits));
        let flusher = Arc::new(Flusher::new(file, disk));
        let pools = Pools::Sqlite { file: file.into(), read, write, turns, flusher };
        Ok(Self { pools, changes: Changes::local(), master_keys: MasterKeys::default() })
    }

    /// A PostgreSQL database by URL.
    pub async fn postgres(url: &str) -> Result<Self> {
        let limits = Limits::default();
        let options = PgConnectOptions::from_str(url).map_err(ApiError::internal)?;
        // A transaction that is kept open gives its locks back, as with SQLite.
        let hold = limits.hold.as_millis().to_string();
        let options = options.options([("idle_in_transaction_session_timeout", hold)]);
        let pool = PgPoolOptions::new()
            .max_connections(16)
            .acquire_timeout(limits.wait)
            .connect_with(options)
            .await
            .map_err(ApiError::internal)?;
        let changes = Changes::postgres(pool.clone());
        Ok(Self { pools: Pools::Postgres(pool), changes, master_keys: MasterKeys::default() })
    }

    /// Keys of the server are sealed with it (`keys`).
    pub fn with_master_keys(self, master_keys: MasterKeys) -> Self {
        Self { master_keys, ..self }
    }

    pub(crate) fn master_keys(&self) -> &MasterKeys {
        &self.master_keys
    }

    /// For reading: sees what is committed, cannot write.
    pub async fn read(&self) -> Result<Tx> {
        let conn = match &self.pools {
            Pools::Sqlite { read, .. } => Conn::SqliteRead(read.acquire().await.map_err(broken)?),
            Pools::Postgres(pool) => Conn::PostgresRead(pool.acquire().await.map_err(broken)?),
        };
        Ok(Tx::reading(conn))
    }

    /// A transaction that can write. Dropped without `commit` it is rolled back. Nothing slow belongs
    /// inside: who keeps others waiting for too long loses it.
    pub async fn write(&self) -> Result<Tx> {
        self.begin(true).await
    }

    /// The same, but its commit does not wait for the disk: it survives the kill of this server, a power
    /// cut may take the last ones. For rows that only tell what happened, where a flush costs too much.
    pub async fn write_relaxed(&self) -> Result<Tx> {
        self.begin(false).await
    }

    /// One statement, a transaction by itself, kept like those of `write_relaxed`: one round trip to the
    /// embedded database instead of three.
    pub async fn execute_relaxed(&self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<u64> {
        let Pools::Sqlite { write, turns, .. } = &self.pools else {
            let mut tx = self.begin(false).await?;
            let rows = tx.execute(sql, args).await?;
            return tx.commit().await.map(|()| rows);
        };
        let _turn = turns.take().await?;
        let conn = write.acquire().await.map_err(broken)?;
        Tx::reading(Conn::SqliteRead(conn)).execute(sql, args).await
    }

    async fn begin(&self, flushed: bool) -> Result<Tx> {
        let changes = self.changes.clone();
        match &self.pools {
            Pools::Sqlite { write, turns, flusher, .. } => {
                let turn = turns.take().await?;
                let tx = write.begin_with("BEGIN IMMEDIATE").await.map_err(broken)?;
                let flusher = flushed.then(|| flusher.clone());
                let tx = Tx::writing(Conn::SqliteWrite(tx, turn), changes, flusher);
                turns.held_by(tx.slot());
                Ok(tx)
            }
            Pools::Postgres(pool) => {
                let mut tx = pool.begin().await.map_err(broken)?;
                if !flushed {
                    sqlx::query("SET LOCAL synchronous_commit = off")
                        .execute(&mut *tx)
                        .await
                        .map_err(broken)?;
                }
                Ok(Tx::writing(Conn::PostgresWrite(tx), changes, None))
            }
        }
    }

    /// Changes of a topic from now on.
    pub fn subscribe(&self) -> tokio::sync::broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    pub async fn migrate(&self, migrations: &[&'static [Migration]]) -> Result<()> {
        migrate::run(self, migrations).await
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self.pools, Pools::Postgres(_))
    }

    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { read, write, .. } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

/// The database did not get to it; nothing happened, and asking again may help.
fn busy(cause: impl std::fmt::Display) -> ApiError {
    ApiError {
        retry_after_s: Some(RETRY_AFTER_S),
        internal: Some(cause.to_string()),
        ..ApiError::new(
            ErrorCode::TemporarilyUnavailable,
            "The server is too busy to do this now. Try again.",
        )
    }
}

/// Nothing happened, and nothing will before somebody makes room.
fn full(cause: impl std::fmt::Display) -> ApiError {
    ApiError {
        retry_after_s: Some(RETRY_AFTER_S),
        internal: Some(cause.to_string()),
        ..ApiError::new(
            ErrorCode::TemporarilyUnavailable,
            "The disk of the server's database is full: nothing can be written before there is room.",
        )
    }
}

/// Whether the database refused for lack of time (locks, connections) or for another reason.
fn broken(error: sqlx::Error) -> ApiError {
    // SQLite: busy, locked. PostgreSQL: serialization failure, deadlock, lock or idle timeout, too many
    // connections, shutting down or starting.
    const TRANSIENT: &[&str] =
        &["5", "6", "261", "517", "40001", "40P01", "55P03", "25P03", "53300", "57P01", "57P03"];
    // SQLite: full, and what came of writing, syncing or growing a file. PostgreSQL: disk full.
    const FULL: &[&str] = &["13", "778", "1034", "1546", "4874", "53100"];
    let code = error.as_database_error().and_then(|error| error.code());
    match (&error, code) {
        (sqlx::Error::PoolTimedOut, _) => busy(error),
        (_, Some(code)) if TRANSIENT.contains(&&*code) => busy(error),
        (_, Some(code)) if FULL.contains(&&*code) => full(error),
        _ => ApiError::internal(error),
    }
}
