//! Writes of many statements in one transaction. Each caller waits for the commit of its own, so what is
//! answered is written; under load one commit serves all who wait for it.
//!
//! What only tells that something was read survives the kill of the server and is not flushed to the
//! disk: a flush costs more than many a statement. What changed something is flushed.

use biplane_platform::db::{Arg, Db};
use biplane_platform::{ApiError, Result};
use tokio::sync::{mpsc, oneshot};

const QUEUE_MAX: usize = 1024;
const GROUP_MAX: usize = 256;

/// SQL statements that belong together.
pub type Write = Vec<(&'static str, Vec<Arg>)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The kill of the server.
    Kill,
    /// The power cut too.
    PowerCut,
}

struct Entry {
    write: Write,
    keep: Keep,
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
    pub async fn write(&self, write: Write, keep: Keep) -> Result<()> {
        let (done, committed) = oneshot::channel();
        let gone = |_| ApiError::internal("the journal has ended");
        let entry = Entry { write, keep, done };
        self.0.send(entry).await.map_err(|_| gone(()))?;
        committed.await.map_err(|_| gone(()))?
    }
}

async fn run(db: Db, mut receiver: mpsc::Receiver<Entry>) {
    let mut group = Vec::with_capacity(GROUP_MAX);
    while receiver.recv_many(&mut group, GROUP_MAX).await > 0 {
        let (quick, flushed) = group.drain(..).partition(|entry| entry.keep == Keep::Kill);
        // Those that are quick do not wait for the disk.
        commit_all(&db, quick, Keep::Kill).await;
        commit_all(&db, flushed, Keep::PowerCut).await;
    }
}

async fn commit_all(db: &Db, group: Vec<Entry>, keep: Keep) {
    if group.len() > 1 {
        let copies = group.iter().flat_map(|entry| entry.write.clone()).collect();
        if commit(db, copies, keep).await.is_ok() {
            group.into_iter().for_each(|entry| _ = entry.done.send(Ok(())));
            return;
        }
        // One of them is at fault; the others must not pay for it.
    }
    for entry in group {
        let result = commit(db, entry.write, keep).await;
        let _ = entry.done.send(result);
    }
}

async fn commit(db: &Db, mut write: Write, keep: Keep) -> Result<()> {
    if keep == Keep::Kill
        && write.len() == 1
        && let Some((sql, args)) = write.pop()
    {
        return db.execute_relaxed(sql, args).await.map(drop);
    }
    let mut tx = match keep {
        Keep::Kill => db.write_relaxed().await?,
        Keep::PowerCut => db.write().await?,
    };
    for (sql, args) in write {
        tx.execute(sql, args).await?;
    }
    tx.commit().await
}
