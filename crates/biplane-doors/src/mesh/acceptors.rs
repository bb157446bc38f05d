//! Programs of one sandbox that wait for a connection of another member.

use super::Refusal;
use biplane_api::ids::SandboxId;
use parking_lot::Mutex;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot};

/// At one time; whoever is called comes back for the next.
const WAITING_MAX: usize = 64;
/// For somebody to come back.
const WAIT: Duration = Duration::from_secs(5);

/// A connection that comes in.
pub struct Call {
    pub from: SandboxId,
    pub port: u16,
    pub taken: oneshot::Sender<Result<Accepted, Refusal>>,
}

/// The stream of a program that took a call, and what it holds of its door.
pub struct Accepted {
    pub stream: UnixStream,
    pub slot: OwnedSemaphorePermit,
}

struct Waiting {
    port: Option<u16>,
    call: oneshot::Sender<Call>,
}

#[derive(Default)]
pub struct Acceptors {
    waiting: Mutex<Vec<Waiting>>,
    came: Notify,
}

impl Acceptors {
    /// Waits for a call to this port; none: to any port. Dropping what is returned ends the wait.
    pub fn wait(&self, port: Option<u16>) -> Result<oneshot::Receiver<Call>, Refusal> {
        let (call, called) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        waiting.retain(|one| !one.call.is_closed());
        if waiting.len() >= WAITING_MAX {
            return Err(Refusal::TooMany);
        }
        waiting.push(Waiting { port, call });
        drop(waiting);
        self.came.notify_waiters();
        Ok(called)
    }

    /// The one who waits for this port longest; else for any.
    fn next(&self, port: u16) -> Option<oneshot::Sender<Call>> {
        let mut waiting = self.waiting.lock();
        waiting.retain(|one| !one.call.is_closed());
        let by_number = waiting.iter().position(|one| one.port == Some(port));
        let index = by_number.or_else(|| waiting.iter().position(|one| one.port.is_none()))?;
        Some(waiting.remove(index).call)
    }

    pub async fn call(&self, from: &SandboxId, port: u16) -> Result<Accepted, Refusal> {
        let calling = async {
            loop {
                let came = self.came.notified();
                tokio::pin!(came);
                came.as_mut().enable();
                while let Some(acceptor) = self.next(port) {
                    let (taken, took) = oneshot::channel();
                    // Gone at the same moment: another will do.
                    if acceptor.send(Call { from: from.clone(), port, taken }).is_ok()
                        && let Ok(answer) = took.await
                    {
                        return answer;
                    }
                }
                came.await;
            }
        };
        tokio::time::timeout(WAIT, calling).await.map_err(|_| Refusal::Nobody)?
    }
}
