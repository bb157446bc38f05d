//! One database behind every service: SQLite (embedded, default) or PostgreSQL (several replicas).
//!
//! One SQL text serves both: `$1` parameters, TEXT ids, BIGINT milliseconds and booleans, JSON as text,
//! `ON CONFLICT`, `RETURNING`. SQLite has one writer connection and several readers (WAL): writers queue
//! here instead of failing with "busy". A write transaction names what changed (`notify`); subscribers
//! of that topic, on every replica, hear of it after the commit.

mod migrate;
mod row;
mod signal;
mod tx;

pub use crate::db_args as args;
pub use migrate::Migration;
pub use row::{Arg, Row};
pub use signal::{Change, Changes};
pub use tx::Tx;

use crate::{ApiError, Result};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

const READERS: u32 = 8;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
enum Pools {
    Sqlite {
        read: SqlitePool,
        write: SqlitePool,
        /// A second writer, whose commits are not flushed to the disk.
        relaxed: SqlitePool,
        /// Writers take turns: waiting here is fair and wakes at once, SQLite's own waiting does neither.
        turn: Arc<Mutex<()>>,
    },
    Postgres(PgPool),
}

#[derive(Debug, Clone)]
pub struct Db {
    pools: Pools,
    changes: Changes,
}

impl Db {
    /// The SQLite database in this file; made when missing.
    pub async fn sqlite(file: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged write survives the power cut, not only the kill.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(ACQUIRE_TIMEOUT)
            .pragma("mmap_size", "268435456")
            .statement_cache_capacity(512);
        let pool = |size: u32| {
            SqlitePoolOptions::new().max_connections(size).acquire_timeout(ACQUIRE_TIMEOUT)
        };
        let write = pool(1)
            .test_before_acquire(false)
            .connect_with(options.clone())
            .await
            .map_err(ApiError::internal)?;
        let relaxed = pool(1)
            .test_before_acquire(false)
            .connect_lazy_with(options.clone().synchronous(SqliteSynchronous::Normal));
        let read = pool(READERS)
            .min_connections(1)
            .test_before_acquire(false)
            .connect_with(options.pragma("query_only", "on"))
            .await
            .map_err(ApiError::internal)?;
        Ok(Self {
            pools: Pools::Sqlite { read, write, relaxed, turn: Arc::default() },
            changes: Changes::local(),
        })
    }

    /// A PostgreSQL database by URL.
    pub async fn postgres(url: &str) -> Result<Self> {
        let options = PgConnectOptions::from_str(url).map_err(ApiError::internal)?;
        let pool = PgPoolOptions::new()
            .max_connections(16)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options)
            .await
            .map_err(ApiError::internal)?;
        let changes = Changes::postgres(pool.clone());
        Ok(Self { pools: Pools::Postgres(pool), changes })
    }

    /// For reading: sees what is committed, cannot write.
    pub async fn read(&self) -> Result<Tx> {
        Ok(match &self.pools {
            Pools::Sqlite { read, .. } => {
                Tx::sqlite_read(read.acquire().await.map_err(ApiError::internal)?)
            }
            Pools::Postgres(pool) => {
                Tx::postgres_read(pool.acquire().await.map_err(ApiError::internal)?)
            }
        })
    }

    /// A transaction that can write. Dropped without `commit` it is rolled back.
    pub async fn write(&self) -> Result<Tx> {
        self.begin(true).await
    }

    /// The same, but its commit is not flushed to the disk: it survives the kill of this server, a power
    /// cut may take the last ones. For rows that only tell what happened, where a flush costs too much.
    pub async fn write_relaxed(&self) -> Result<Tx> {
        self.begin(false).await
    }

    async fn begin(&self, flushed: bool) -> Result<Tx> {
        let changes = self.changes.clone();
        Ok(match &self.pools {
            Pools::Sqlite { write, relaxed, turn, .. } => {
                let turn = tokio::time::timeout(ACQUIRE_TIMEOUT, turn.clone().lock_owned());
                let turn = turn.await.map_err(ApiError::internal)?;
                let pool = if flushed { write } else { relaxed };
                let tx = pool.begin_with("BEGIN IMMEDIATE").await.map_err(ApiError::internal)?;
                Tx::sqlite_write(tx, changes, turn)
            }
            Pools::Postgres(pool) => {
                let mut tx = pool.begin().await.map_err(ApiError::internal)?;
                if !flushed {
                    sqlx::query("SET LOCAL synchronous_commit = off")
                        .execute(&mut *tx)
                        .await
                        .map_err(ApiError::internal)?;
                }
                Tx::postgres_write(tx, changes)
            }
        })
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
            Pools::Sqlite { read, write, relaxed, .. } => {
                read.close().await;
                relaxed.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}
