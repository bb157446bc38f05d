//! Who called what, and how it ended. Every API call makes one event.
//!
//! Events are written in batches by one task; the queue is bounded and a full queue makes the callers
//! wait, so an event is never dropped. Shutdown drains it. Events are kept for a year.

mod rows;

pub use rows::system_rows;

use crate::Result;
use crate::db::{Arg, Db, args};
use biplane_api::ids::{PrincipalId, RequestId, WorkspaceId};
use std::sync::LazyLock;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

const QUEUE_EVENTS_MAX: usize = 8192;
const BATCH_EVENTS_MAX: usize = 512;
/// An event may be this late in the table; a batch then carries many.
const LINGER_MS: u64 = 50;
const KEPT_MS: i64 = 365 * 24 * 3_600_000;
const FORGET_EVERY_MS: i64 = 60_000;
/// At one time: a transaction is short.
const FORGET_MAX: i64 = 5000;

#[derive(Debug)]
pub struct AuditEvent {
    pub request_id: RequestId,
    pub event_time: i64,
    pub workspace_id: Option<WorkspaceId>,
    pub principal_id: Option<PrincipalId>,
    pub principal_name: Option<String>,
    /// The operation id of the API description: `warehouse_create`.
    pub operation: String,
    pub method: String,
    /// Without the query string: it may hold secrets.
    pub path: String,
    pub status: u16,
    pub error_code: Option<&'static str>,
    pub source_ip: Option<String>,
    pub user_agent: Option<String>,
    pub duration_us: i64,
}

/// In the extensions of a response: what was done, where method and path do not tell.
#[derive(Debug, Clone)]
pub struct OperationName(pub String);

#[derive(Debug, Clone)]
pub struct AuditSink(mpsc::Sender<AuditEvent>);

impl AuditSink {
    /// The task ends when the last sink is dropped and the queue is written.
    pub fn start(db: Db) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(QUEUE_EVENTS_MAX);
        (Self(sender), tokio::spawn(write_batches(db, receiver)))
    }

    pub async fn record(&self, event: AuditEvent) {
        if self.0.send(event).await.is_err() {
            tracing::error!("the audit task is gone; an event was lost");
        }
    }
}

async fn write_batches(db: Db, mut receiver: mpsc::Receiver<AuditEvent>) {
    let mut batch = Vec::with_capacity(BATCH_EVENTS_MAX);
    let mut forgot_at = 0;
    while receiver.recv_many(&mut batch, BATCH_EVENTS_MAX).await > 0 {
        if batch.len() < BATCH_EVENTS_MAX {
            tokio::time::sleep(std::time::Duration::from_millis(LINGER_MS)).await;
        }
        if let Err(error) = write(&db, &batch).await {
            tracing::error!(%error, cause = ?error.internal, events = batch.len(), "audit events could not be written");
        }
        let now = batch.iter().map(|event| event.event_time).max().unwrap_or(0);
        if now - forgot_at >= FORGET_EVERY_MS {
            forgot_at = now;
            if let Err(error) = forget(&db, now - KEPT_MS).await {
                tracing::warn!(%error, cause = ?error.internal, "old audit events could not be deleted");
            }
        }
        batch.clear();
    }
}

async fn forget(db: &Db, before: i64) -> Result<()> {
    let oldest = db.read().await?.fetch_opt(OLDEST, args![before]).await?;
    if oldest.is_none() {
        return Ok(());
    }
    let mut tx = db.write_relaxed().await?;
    let sql = "DELETE FROM audit_events WHERE event_id IN (
           SELECT event_id FROM audit_events WHERE event_time < $1 ORDER BY event_time LIMIT $2)";
    tx.execute(sql, args![before, FORGET_MAX]).await?;
    tx.commit().await
}

const OLDEST: &str = "SELECT event_id FROM audit_events WHERE event_time < $1 LIMIT 1";

/// Rows of one INSERT: each costs a round trip to the database.
const ROWS_MAX: usize = 32;
const COLUMNS: usize = 13;

async fn write(db: &Db, batch: &[AuditEvent]) -> Result<()> {
    let mut tx = db.write_relaxed().await?;
    let mut whole = batch.chunks_exact(ROWS_MAX);
    for events in &mut whole {
        tx.execute(INSERT_MANY.as_str(), events.iter().flat_map(values).collect()).await?;
    }
    for event in whole.remainder() {
        tx.execute(INSERT_ONE.as_str(), values(event)).await?;
    }
    tx.commit().await
}

static INSERT_ONE: LazyLock<String> = LazyLock::new(|| insert(1));
static INSERT_MANY: LazyLock<String> = LazyLock::new(|| insert(ROWS_MAX));

fn insert(rows: usize) -> String {
    let row = |row: usize| {
        let numbers: Vec<_> =
            (1..=COLUMNS).map(|column| format!("${}", row * COLUMNS + column)).collect();
        format!("({})", numbers.join(", "))
    };
    let rows: Vec<_> = (0..rows).map(row).collect();
    format!(
        "INSERT INTO audit_events (event_id, event_time, workspace_id, principal_id, principal_name,
           operation, method, path, status, error_code, source_ip, user_agent, duration_us)
         VALUES {} ON CONFLICT (event_id) DO NOTHING",
        rows.join(", ")
    )
}

fn values(event: &AuditEvent) -> Vec<Arg> {
    args![
        event.request_id.as_str(),
        event.event_time,
        event.workspace_id.map(|id| id.0),
        event.principal_id.map(|id| id.0),
        event.principal_name.as_deref(),
        event.operation.as_str(),
        event.method.as_str(),
        event.path.as_str(),
        i64::from(event.status),
        event.error_code,
        event.source_ip.as_deref(),
        event.user_agent.as_deref(),
        event.duration_us
    ]
}
