//! Changes, told to whoever listens: in this process, and with PostgreSQL to every replica.

use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgListener, PgPool};
use std::sync::Arc;
use tokio::sync::broadcast;

/// Lagging listeners are told that they lost some and then re-read everything.
const BACKLOG: usize = 1024;

/// `key` of `topic` changed. Topics are the names of tables or other things a service owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub topic: Arc<str>,
    pub key: Arc<str>,
}

#[derive(Debug, Clone)]
pub struct Changes(broadcast::Sender<Change>);

impl Changes {
    pub fn local() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }

    /// Also hears the other replicas, and listens again when the connection was lost. What was missed
    /// meanwhile is told as a change of everything: topic `*`.
    pub fn postgres(pool: PgPool) -> Self {
        let changes = Self::local();
        let sender = changes.0.downgrade();
        tokio::spawn(async move {
            while !pool.is_closed() {
                if let Err(error) = listen(&pool, &sender).await {
                    tracing::warn!(%error, "lost the database's notifications; listening again");
                }
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
        });
        changes
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.0.subscribe()
    }

    pub fn publish(&self, changes: Vec<Change>) {
        for change in changes {
            // Nobody listening is fine.
            let _ = self.0.send(change);
        }
    }
}

async fn listen(pool: &PgPool, sender: &broadcast::WeakSender<Change>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen("biplane").await?;
    if let Some(sender) = sender.upgrade() {
        let _ = sender.send(Change { topic: "*".into(), key: "*".into() });
    }
    loop {
        let notification = listener.recv().await?;
        let Some(sender) = sender.upgrade() else {
            return Ok(());
        };
        if let Ok(change) = serde_json::from_str::<Change>(notification.payload()) {
            let _ = sender.send(change);
        }
    }
}
