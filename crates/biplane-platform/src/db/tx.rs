//! A connection in use: for reading, or a write transaction.

use super::flush::Flusher;
use super::row::{Arg, Row};
use super::signal::{Change, Changes};
use super::turn::Turn;
use super::{broken, busy};
use crate::{ApiError, ErrorCode, Result};
use sqlx::pool::PoolConnection;
use sqlx::{Postgres, SqlSafeStr, Sqlite, Transaction};
use std::sync::Arc;
use tokio::sync::Mutex;

/// The connection, while the transaction lasts: it is taken away from a writer who keeps others waiting.
pub(super) type Slot = Mutex<Option<Conn>>;

pub(super) enum Conn {
    SqliteRead(PoolConnection<Sqlite>),
    /// The turn is behind the transaction: it goes when that is over.
    SqliteWrite(Transaction<'static, Sqlite>, Turn),
    PostgresRead(PoolConnection<Postgres>),
    PostgresWrite(Transaction<'static, Postgres>),
}

pub struct Tx {
    conn: Arc<Slot>,
    pending: Vec<Change>,
    changes: Option<Changes>,
    /// Makes the commit survive a power cut, where the database does not do it itself.
    flusher: Option<Arc<Flusher>>,
}

/// Runs `$body` with a query of the right database bound to its arguments.
macro_rules! run {
    ($self:expr, $sql:expr, $args:expr, |$query:ident, $conn:ident, $wrap:ident| $body:expr) => {{
        let sql = $sql.into_sql_str();
        macro_rules! bound {
            () => {{
                let mut query = sqlx::query(sql);
                for arg in $args {
                    query = match arg {
                        Arg::Text(value) => query.bind(value),
                        Arg::Int(value) => query.bind(value),
                    };
                }
                query
            }};
        }
        let mut slot = $self.conn.lock().await;
        match slot.as_mut().ok_or_else(taken_away)? {
            Conn::SqliteRead(connection) => {
                let ($query, $conn, $wrap) = (bound!(), &mut **connection, Row::Sqlite);
                $body
            }
            Conn::SqliteWrite(connection, _) => {
                let ($query, $conn, $wrap) = (bound!(), &mut **connection, Row::Sqlite);
                $body
            }
            Conn::PostgresRead(connection) => {
                let ($query, $conn, $wrap) = (bound!(), &mut **connection, Row::Postgres);
                $body
            }
            Conn::PostgresWrite(connection) => {
                let ($query, $conn, $wrap) = (bound!(), &mut **connection, Row::Postgres);
                $body
            }
        }
    }};
}

impl Tx {
    pub(super) fn reading(conn: Conn) -> Self {
        Self { conn: slot(conn), pending: Vec::new(), changes: None, flusher: None }
    }

    pub(super) fn writing(conn: Conn, changes: Changes, flusher: Option<Arc<Flusher>>) -> Self {
        Self { conn: slot(conn), pending: Vec::new(), changes: Some(changes), flusher }
    }

    pub(super) fn slot(&self) -> &Arc<Slot> {
        &self.conn
    }

    /// Rows affected.
    pub async fn execute(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<u64> {
        run!(self, sql, args, |query, conn, _wrap| {
            let _ = _wrap;
            query.execute(conn).await.map(|done| done.rows_affected()).map_err(failed)
        })
    }

    pub async fn fetch_all(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Vec<Row>> {
        run!(self, sql, args, |query, conn, wrap| {
            query
                .fetch_all(conn)
                .await
                .map(|rows| rows.into_iter().map(wrap).collect())
                .map_err(failed)
        })
    }

    pub async fn fetch_opt(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Option<Row>> {
        run!(self, sql, args, |query, conn, wrap| {
            query.fetch_optional(conn).await.map(|row| row.map(wrap)).map_err(failed)
        })
    }

    /// For statements that always have a row (`RETURNING`, aggregates).
    pub async fn fetch_one(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Row> {
        self.fetch_opt(sql, args).await?.ok_or_else(|| ApiError::internal("a row was expected"))
    }

    /// Tells the subscribers of `topic`, after the commit, that `key` changed.
    pub fn notify(&mut self, topic: &'static str, key: &str) {
        self.pending.push(Change { topic: topic.into(), key: key.into() });
    }

    /// Goes on when the caller goes away in the middle: what is committed is also told.
    pub async fn commit(mut self) -> Result<()> {
        let conn = self.conn.lock().await.take().ok_or_else(taken_away)?;
        let Some(changes) = self.changes.take() else {
            return Ok(());
        };
        let (pending, flusher) = (std::mem::take(&mut self.pending), self.flusher.take());
        tokio::spawn(commit(conn, pending, changes, flusher)).await.map_err(ApiError::internal)?
    }
}

fn slot(conn: Conn) -> Arc<Slot> {
    Arc::new(Mutex::new(Some(conn)))
}

fn taken_away() -> ApiError {
    busy("the transaction was open for too long")
}

async fn commit(
    conn: Conn,
    pending: Vec<Change>,
    changes: Changes,
    flusher: Option<Arc<Flusher>>,
) -> Result<()> {
    let kept = match conn {
        Conn::SqliteWrite(tx, turn) => {
            tx.commit().await.map_err(failed)?;
            // The next writer works while this one's commit goes to the disk.
            drop(turn);
            match flusher {
                Some(flusher) => flusher.flush().await,
                None => Ok(()),
            }
        }
        Conn::PostgresWrite(mut tx) => {
            for change in &pending {
                let payload = serde_json::to_string(change).map_err(ApiError::internal)?;
                sqlx::query("SELECT pg_notify('biplane', $1)")
                    .bind(payload)
                    .execute(&mut *tx)
                    .await
                    .map_err(failed)?;
            }
            tx.commit().await.map_err(failed)?;
            Ok(())
        }
        Conn::SqliteRead(_) | Conn::PostgresRead(_) => return Ok(()),
    };
    // With PostgreSQL this replica hears twice, at once and through its listener; that does no harm.
    changes.publish(pending);
    kept
}

/// A broken uniqueness is the caller's to explain; it can match on the code.
fn failed(error: sqlx::Error) -> ApiError {
    match error.as_database_error() {
        Some(database) if database.is_unique_violation() => ApiError {
            internal: Some(error.to_string()),
            ..ApiError::new(
                ErrorCode::ResourceAlreadyExists,
                "An object with this name exists already.",
            )
        },
        Some(database) if database.is_foreign_key_violation() => ApiError {
            internal: Some(error.to_string()),
            ..ApiError::new(ErrorCode::ResourceConflict, "Another object refers to this one.")
        },
        _ => broken(error),
    }
}
