//! A connection in use: for reading, or a write transaction.

use super::row::{Arg, Row};
use super::signal::{Change, Changes};
use crate::{ApiError, ErrorCode, Result};
use sqlx::pool::PoolConnection;
use sqlx::{Postgres, SqlSafeStr, Sqlite, Transaction};
use tokio::sync::OwnedMutexGuard;

enum Conn {
    SqliteRead(PoolConnection<Sqlite>),
    SqliteWrite(Transaction<'static, Sqlite>),
    PostgresRead(PoolConnection<Postgres>),
    PostgresWrite(Transaction<'static, Postgres>),
}

pub struct Tx {
    conn: Conn,
    pending: Vec<Change>,
    changes: Option<Changes>,
    /// SQLite's next writer waits for it. Behind `conn`: it goes when the transaction is over.
    _turn: Option<OwnedMutexGuard<()>>,
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
        match &mut $self.conn {
            Conn::SqliteRead(connection) => {
                let ($query, $conn, $wrap) = (bound!(), &mut **connection, Row::Sqlite);
                $body
            }
            Conn::SqliteWrite(connection) => {
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
    pub(super) fn sqlite_read(conn: PoolConnection<Sqlite>) -> Self {
        Self { conn: Conn::SqliteRead(conn), pending: Vec::new(), changes: None, _turn: None }
    }
    pub(super) fn sqlite_write(
        tx: Transaction<'static, Sqlite>,
        changes: Changes,
        turn: OwnedMutexGuard<()>,
    ) -> Self {
        Self {
            conn: Conn::SqliteWrite(tx),
            pending: Vec::new(),
            changes: Some(changes),
            _turn: Some(turn),
        }
    }
    pub(super) fn postgres_read(conn: PoolConnection<Postgres>) -> Self {
        Self { conn: Conn::PostgresRead(conn), pending: Vec::new(), changes: None, _turn: None }
    }
    pub(super) fn postgres_write(tx: Transaction<'static, Postgres>, changes: Changes) -> Self {
        Self {
            conn: Conn::PostgresWrite(tx),
            pending: Vec::new(),
            changes: Some(changes),
            _turn: None,
        }
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

    pub async fn commit(mut self) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        let changes = self.changes.take();
        match self.conn {
            Conn::SqliteWrite(tx) => {
                tx.commit().await.map_err(failed)?;
                if let Some(changes) = changes {
                    changes.publish(pending);
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
                // This replica hears at once; its own echo through the listener does no harm.
                if let Some(changes) = changes {
                    changes.publish(pending);
                }
            }
            Conn::SqliteRead(_) | Conn::PostgresRead(_) => {}
        }
        Ok(())
    }
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
        _ => ApiError::internal(error),
    }
}
