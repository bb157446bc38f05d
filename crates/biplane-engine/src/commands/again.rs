//! Statements that change rows, run again when another writer came first: they read what is there now and
//! commit on top of it. Nothing of an attempt that met another commit is in the table.

use futures::future::BoxFuture;
use moka::sync::Cache;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::context::StatementContext;
use crate::error::{CONCURRENT_WRITE, SqlError, SqlResult};
use crate::output::Output;
use crate::parser::Name;

/// With the writers of other engines. Those of this one take turns.
const ATTEMPTS_MAX: u32 = 40;
const PAUSE: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_millis(400);
const TABLES_MAX: u64 = 10_000;
const IDLE_MAX: Duration = Duration::from_secs(3_600);

/// Whose turn it is with a table, among the statements that met others there.
pub struct Turns(Cache<[String; 3], Arc<Semaphore>>);

impl Default for Turns {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(TABLES_MAX).time_to_idle(IDLE_MAX).build())
    }
}

impl Turns {
    fn of(&self, table: [String; 3]) -> Arc<Semaphore> {
        self.0.get_with(table, || Arc::new(Semaphore::new(1)))
    }
}

async fn turn(turns: &Arc<Semaphore>) -> SqlResult<OwnedSemaphorePermit> {
    turns.clone().acquire_owned().await.map_err(SqlError::internal)
}

/// `polite`: it waits while others have their turn. What only adds rows rarely meets anybody.
pub async fn until_committed<'a>(
    cx: &'a StatementContext,
    table: &Name,
    polite: bool,
    run: impl Fn() -> BoxFuture<'a, SqlResult<Output>>,
) -> SqlResult<Output> {
    let turns = cx.engine.turns.of(cx.table_parts(&table.0)?);
    let mut own = None;
    if polite && turns.available_permits() == 0 {
        own = Some(turn(&turns).await?);
    }
    let mut attempt = 1;
    loop {
        let ran = run().await;
        match &ran {
            Err(error) if error.class == CONCURRENT_WRITE && attempt < ATTEMPTS_MAX => {}
            _ => return ran,
        }
        tracing::debug!(attempt, "another writer came first");
        attempt += 1;
        match own {
            None => own = Some(turn(&turns).await?),
            Some(_) => tokio::time::sleep(pause(attempt)).await,
        }
    }
}

/// Longer each time, and of no two the same.
fn pause(attempt: u32) -> Duration {
    let most = PAUSE.saturating_mul(1 << attempt.min(10)).min(PAUSE_MAX);
    let part = getrandom::u32().unwrap_or(u32::MAX);
    most.mul_f64(f64::from(part) / f64::from(u32::MAX))
}
