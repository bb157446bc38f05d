//! Statements that wait for an engine, first come, first served; one that is bound to a busy engine lets
//! the others pass.

use super::acquire::EngineLease;
use super::slot::Slot;
use biplane_api::ids::SandboxId;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Which engine a statement would like to run on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    pub engine: Option<SandboxId>,
    /// Only there, as long as that one is there.
    pub bound: bool,
}

struct Waiter {
    wish: Wish,
    since: Instant,
    turn: oneshot::Sender<EngineLease>,
}

#[derive(Default)]
pub(crate) struct Queue(VecDeque<Waiter>);

impl Queue {
    /// Those who gave up are still there, but wait for nothing.
    fn waiting(&self) -> impl Iterator<Item = &Waiter> {
        self.0.iter().filter(|waiter| !waiter.turn.is_closed())
    }

    pub fn len(&self) -> usize {
        self.waiting().count()
    }

    pub fn is_empty(&self) -> bool {
        self.waiting().next().is_none()
    }

    /// Since when the first one waits.
    pub fn since(&self) -> Option<Instant> {
        self.waiting().next().map(|waiter| waiter.since)
    }
}

impl Slot {
    /// A place in the queue; the turn comes when an engine has room. None when the queue is full.
    pub fn enqueue(
        self: &Arc<Self>,
        wish: Wish,
        queue_max: usize,
    ) -> Option<oneshot::Receiver<EngineLease>> {
        let (turn, comes) = oneshot::channel();
        let mut entered = false;
        self.live.send_if_modified(|live| {
            // Those who gave up leave their place when somebody comes.
            live.queue.0.retain(|waiter| !waiter.turn.is_closed());
            entered = live.queue.0.len() < queue_max;
            if entered {
                live.queue.0.push_back(Waiter { wish, since: Instant::now(), turn });
            }
            false
        });
        self.dispatch();
        self.pulse.queued(self.live.borrow().queue.len());
        entered.then_some(comes)
    }

    /// Gives what room there is to those who wait for it.
    pub fn dispatch(self: &Arc<Self>) {
        // Whoever went away meanwhile gives its turn back, outside of the lock.
        let mut returned = Vec::new();
        self.live.send_if_modified(|live| {
            let mut waiting = std::mem::take(&mut live.queue.0);
            while let Some(waiter) = waiting.pop_front() {
                if waiter.turn.is_closed() {
                    continue;
                }
                match live.pick(&waiter.wish) {
                    Some(index) => {
                        let lease = EngineLease::take(self, &mut live.members[index]);
                        if let Some(lease) = lease
                            && let Err(lease) = waiter.turn.send(lease)
                        {
                            returned.push(lease);
                        }
                    }
                    None => live.queue.0.push_back(waiter),
                }
            }
            false
        });
        drop(returned);
    }
}
