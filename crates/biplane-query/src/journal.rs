//! Writes of many statements in one transaction. Each caller waits for the commit of its own, so what is
//! answered is written; under load one flush to disk serves all who wait for it.

use biplane_platform::db::{Arg, Db};
use biplane_platform::{ApiError, Result};
use tokio::sync::{mpsc, oneshot};

const QUEUE_MAX: usize = 1024;
const GROUP_MAX: usize = 256;

/// SQL statements that belong together.
pub type Write = Vec<(&'static str, Vec<Arg>)>;

struct Entry {
    write: Write,
    done: oneshot::Sender<Result<()>>,
}

#[derive(Debug, Clone)]
pub struct Journal(mpsc::Sender<Entry>);

impl Journal {
    /// The task ends when the last journal is dropped and everything is written.
    pub fn start(db: Db) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(run(db, receiver));
        Self(sender)
    }

    /// Returns when it is committed.
    pub async fn write(&self, write: Write) -> Result<()> {
        let (done, committed) = oneshot::channel();
        let gone = |_| ApiError::internal("the journal has ended");
        self.0.send(Entry { write, done }).await.map_err(|_| gone(()))?;
        committed.await.map_err(|_| gone(()))?
    }
}

async fn run(db: Db, mut receiver: mpsc::Receiver<Entry>) {
    let mut group = Vec::with_capacity(GROUP_MAX);
    while receiver.recv_many(&mut group, GROUP_MAX).await > 0 {
        let result = commit(&db, &group).await;
        if result.is_ok() || group.len() == 1 {
            for entry in group.drain(..) {
                let _ = entry.done.send(result.clone());
            }
            continue;
        }
        // One of them is at fault; the others must not pay for it.
        for entry in group.drain(..) {
            let result = commit(&db, std::slice::from_ref(&entry)).await;
            let _ = entry.done.send(result);
        }
    }
}

async fn commit(db: &Db, group: &[Entry]) -> Result<()> {
    let mut tx = db.write().await?;
    for (sql, args) in group.iter().flat_map(|entry| &entry.write) {
        tx.execute(*sql, args.clone()).await?;
    }
    tx.commit().await
}
