//! One server at a time works with a database: it has the seat.
//!
//! Reconcilers, the placement of sandboxes and what is known of contexts are one server's. Another one that
//! is started with the same PostgreSQL database waits, without a listener, until the seat is free: a standby.
//! Who loses the seat, and learns that somebody else has had it since, must end at once.

use super::{Db, Pools, args};
use crate::{ApiError, Result};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// The lock's name in a PostgreSQL database.
const LOCK: i64 = i64::from_be_bytes(*b"biplane\0");
/// A server that was just killed may still be about to let go of its file.
const FILE_PATIENCE: Duration = Duration::from_secs(5);
/// Only asking shows that a connection is gone when nothing came to tell.
const ASK_EVERY: Duration = Duration::from_secs(3);
const ASK_PATIENCE: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_secs(1);

/// Taken. Free again when this is dropped, or the process dies.
#[derive(Debug)]
pub struct Seat(Held);

#[derive(Debug)]
enum Held {
    File { _lock: File },
    Lock { connection: Box<PgConnection>, options: Box<PgConnectOptions> },
}

/// A seat that is watched.
#[derive(Debug)]
pub struct KeptSeat {
    lost: CancellationToken,
    _file: Option<File>,
    _keeper: Option<AbortOnDropHandle<()>>,
}

impl Db {
    /// Returns when nobody else works with the database. Embedded ones are not waited for: there is no
    /// standby on one directory, only a mistake.
    pub async fn take_seat(&self) -> Result<Seat> {
        match &self.pools {
            Pools::Sqlite { file, .. } => Ok(Seat(Held::File { _lock: lock_file(file).await? })),
            Pools::Postgres(pool) => {
                let options = (*pool.connect_options()).clone();
                // A server whose machine is gone must not keep the seat for hours.
                let options = options.options([
                    ("tcp_keepalives_idle", "10"),
                    ("tcp_keepalives_interval", "5"),
                    ("tcp_keepalives_count", "3"),
                ]);
                let connection = loop {
                    match wait_for_lock(&options).await {
                        Ok(connection) => break connection,
                        Err(error) => {
                            tracing::warn!(%error, "waiting for the database; trying again")
                        }
                    }
                    tokio::time::sleep(AGAIN).await;
                };
                Ok(Seat(Held::Lock {
                    connection: Box::new(connection),
                    options: Box::new(options),
                }))
            }
        }
    }
}

impl Seat {
    /// Writes down that it was taken once more, and watches it from now on. The tables have to be there.
    pub async fn keep(self, db: &Db) -> Result<KeptSeat> {
        let lost = CancellationToken::new();
        let (connection, options) = match self.0 {
            Held::File { _lock } => {
                return Ok(KeptSeat { lost, _file: Some(_lock), _keeper: None });
            }
            Held::Lock { connection, options } => (connection, options),
        };
        let mut tx = db.write().await?;
        let sql = "INSERT INTO seat (id, generation) VALUES (0, 1)
            ON CONFLICT (id) DO UPDATE SET generation = seat.generation + 1 RETURNING generation";
        let generation = tx.fetch_one(sql, args![]).await?.int(0)?;
        tx.commit().await?;
        let (db, told) = (db.clone(), lost.clone());
        let keeper = tokio::spawn(async move {
            watch(*connection, &options, &db, generation).await;
            told.cancel();
        });
        Ok(KeptSeat { lost, _file: None, _keeper: Some(AbortOnDropHandle::new(keeper)) })
    }
}

impl KeptSeat {
    /// Returns when another server works with the database.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

async fn lock_file(database: &Path) -> Result<File> {
    let path = database.with_extension("lock");
    let what = |error: std::io::Error| ApiError::internal(format!("{}: {error}", path.display()));
    let mut file =
        File::options().create(true).truncate(false).write(true).open(&path).map_err(what)?;
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        let other = file.try_clone().map_err(what)?;
        let taken = tokio::task::spawn_blocking(move || other.lock());
        match tokio::time::timeout(FILE_PATIENCE, taken).await {
            Ok(taken) => taken.map_err(ApiError::internal)?.map_err(what)?,
            Err(_) => {
                let holder = std::fs::read_to_string(&path).unwrap_or_default();
                return Err(ApiError::internal(format!(
                    "another server (process {}) uses {}",
                    holder.trim(),
                    database.display()
                )));
            }
        }
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(what)?;
    Ok(file)
}

async fn wait_for_lock(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let mut connection = options.connect().await?;
    let free: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(LOCK)
        .fetch_one(&mut connection)
        .await?;
    if !free {
        tracing::warn!("another server works with this database; standing by until it ends");
        sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut connection).await?;
        tracing::warn!("the other server is gone; taking over");
    }
    Ok(connection)
}

/// Returns when another server has had the seat. A database that is merely away leaves it with who had it.
async fn watch(mut connection: PgConnection, options: &PgConnectOptions, db: &Db, generation: i64) {
    loop {
        tokio::time::sleep(ASK_EVERY).await;
        let asked = tokio::time::timeout(ASK_PATIENCE, connection.ping()).await;
        if matches!(asked, Ok(Ok(()))) {
            continue;
        }
        tracing::warn!("lost the connection that says that this server works with the database");
        connection = loop {
            match again(options, db, generation).await {
                Ok(Some(connection)) => break connection,
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(error = ?error.internal, "the database is away; trying again")
                }
            }
            tokio::time::sleep(AGAIN).await;
        };
    }
}

/// The seat again, if nobody took it meanwhile.
async fn again(options: &PgConnectOptions, db: &Db, mine: i64) -> Result<Option<PgConnection>> {
    let connect = async {
        let mut connection = options.connect().await?;
        let sql = "SELECT pg_try_advisory_lock($1)";
        let free = sqlx::query_scalar(sql).bind(LOCK).fetch_one(&mut connection).await?;
        Ok::<(PgConnection, bool), sqlx::Error>((connection, free))
    };
    let asked = tokio::time::timeout(ASK_PATIENCE, connect).await;
    let (connection, free) = asked.map_err(ApiError::internal)?.map_err(ApiError::internal)?;
    let sql = "SELECT generation FROM seat WHERE id = 0";
    let last = db.read().await?.fetch_one(sql, args![]).await?.int(0)?;
    if last != mine {
        return Ok(None);
    }
    match free {
        true => Ok(Some(connection)),
        // The server of the database has not noticed the end of our old connection, or a standby is about
        // to write that it took over.
        false => Err(ApiError::internal("the seat is taken")),
    }
}
