//! SQLite's one writer: who has it, who waits, and what becomes of who keeps it.
//!
//! Waiting is fair and has an end. A transaction that is kept open for too long while others wait (its
//! handler waits for something slow) is rolled back under it: what it does next fails, the others go on.

use super::tx::Slot;
use super::{Limits, busy};
use crate::Result;
use parking_lot::Mutex;
use std::pin::pin;
use std::sync::{Arc, Weak};
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout, timeout_at};

pub type Turn = OwnedMutexGuard<()>;

pub struct Turns {
    turn: Arc<tokio::sync::Mutex<()>>,
    holder: Mutex<Option<(Instant, Weak<Slot>)>>,
    limits: Limits,
}

impl Turns {
    pub fn new(limits: Limits) -> Self {
        Self { turn: Arc::default(), holder: Mutex::default(), limits }
    }

    pub async fn take(&self) -> Result<Turn> {
        let deadline = Instant::now() + self.limits.wait;
        // One place in the queue, whatever happens meanwhile.
        let mut turn = pin!(self.turn.clone().lock_owned());
        loop {
            let look = self.holder_due().min(deadline);
            if let Ok(turn) = timeout_at(look, turn.as_mut()).await {
                return Ok(turn);
            }
            if Instant::now() >= deadline {
                return Err(busy("waited too long for the turn to write"));
            }
            self.evict().await;
        }
    }

    /// Who took the turn begins.
    pub fn held_by(&self, slot: &Arc<Slot>) {
        *self.holder.lock() = Some((Instant::now(), Arc::downgrade(slot)));
    }

    fn holder_due(&self) -> Instant {
        let (now, held_since) = (Instant::now(), self.holder.lock().as_ref().map(|held| held.0));
        let due = held_since.unwrap_or(now) + self.limits.hold;
        // Its time was over before and it is still there: it commits, or its last statement still runs.
        if due > now { due } else { now + self.limits.hold }
    }

    async fn evict(&self) {
        let holder = self.holder.lock().clone();
        let Some((since, slot)) = holder.filter(|held| held.0.elapsed() >= self.limits.hold) else {
            return;
        };
        // None: it is over, or ending. A statement that runs right now is let finish.
        let Some(slot) = slot.upgrade() else { return };
        if let Ok(mut conn) = timeout(self.limits.hold, slot.lock()).await
            && conn.take().is_some()
        {
            tracing::error!(held = ?since.elapsed(), "a transaction was kept open for too long and was rolled back");
        }
    }
}
