//! Deletes files nothing refers to: of tables staged and never published, and of managed tables and
//! volumes that were dropped. Takes no input; the database says what is to do.

use crate::Catalog;
use crate::location::Location;
use crate::service::StorageSweep;
use crate::store;
use crate::tables::store as staged;
use biplane_platform::db::args;
use biplane_platform::{Result, Tx};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const BATCH: i64 = 100;
const EVERY: Duration = Duration::from_secs(60);

impl Catalog {
    /// Sweeps now and then until it is told to stop.
    pub async fn sweep_until(
        self: Arc<Self>,
        storage: Arc<dyn StorageSweep>,
        stop: CancellationToken,
    ) {
        while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
            match stop.run_until_cancelled(self.sweep(storage.as_ref())).await {
                Some(Err(error)) => {
                    tracing::warn!(%error, cause = ?error.internal, "dropped files could not be swept")
                }
                Some(Ok(_)) => {}
                None => return,
            }
        }
    }

    /// One round; for the server's timer. Gives how many places were emptied.
    pub async fn sweep(&self, storage: &dyn StorageSweep) -> Result<usize> {
        self.sweep_staged().await?;
        let now = self.clock.now_ms();
        let (mut done, mut after) = (0, String::new());
        loop {
            let due = due(&mut self.db.read().await?, now, &after).await?;
            if due.is_empty() {
                return Ok(done);
            }
            for location in due {
                // What cannot be deleted now is passed over, and tried again in the next round.
                after.clone_from(&location);
                let deleted = match Location::parse(&location)?.storage(&self.config) {
                    Ok(place) => storage.delete_prefix(&place).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = deleted {
                    tracing::warn!(%location, %error, cause = ?error.internal, "dropped files could not be deleted");
                    continue;
                }
                let mut tx = self.db.write().await?;
                tx.execute("DELETE FROM storage_deletions WHERE location = $1", args![&location])
                    .await?;
                tx.commit().await?;
                done += 1;
            }
        }
    }

    /// Staged tables past their deadline can no longer be published; their files go.
    async fn sweep_staged(&self) -> Result<()> {
        let now = self.clock.now_ms();
        loop {
            let mut tx = self.db.write().await?;
            let overdue = staged::overdue(&mut tx, now, BATCH).await?;
            if overdue.is_empty() {
                return Ok(());
            }
            for row in overdue {
                if staged::remove(&mut tx, &row.id).await? && !row.external {
                    store::doom(&mut tx, &row.location, now).await?;
                }
            }
            tx.commit().await?;
        }
    }
}

async fn due(tx: &mut Tx, now: i64, after: &str) -> Result<Vec<String>> {
    let sql = "SELECT location FROM storage_deletions WHERE due_at <= $1 AND location > $2 ORDER BY location LIMIT $3";
    tx.fetch_all(sql, args![now, after, BATCH]).await?.iter().map(|row| row.text(0)).collect()
}
