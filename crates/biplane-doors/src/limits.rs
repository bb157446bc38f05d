//! How much of a door one sandbox may use, and how much it used.

use biplane_api::ids::{SandboxId, WorkspaceId};
use biplane_api::network::EgressProduct;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Whose door it is.
#[derive(Debug, Clone)]
pub struct Identity {
    pub sandbox_id: SandboxId,
    pub workspace_id: WorkspaceId,
    pub product: EgressProduct,
}

#[derive(Debug, Clone)]
pub struct Limits {
    /// At one time; more are closed at once.
    pub connections_max: usize,
    /// Over the sandbox's life, both directions of a door together.
    pub bytes_max: Option<u64>,
    /// For all of a request's head, and for an idle connection between requests.
    pub head_timeout: Duration,
    /// Until the TLS hello is complete.
    pub hello_timeout: Duration,
    pub dial_timeout: Duration,
    /// A tunnel on which nothing moves.
    pub idle_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 256,
            bytes_max: None,
            head_timeout: Duration::from_secs(10),
            hello_timeout: Duration::from_secs(10),
            dial_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(300),
        }
    }
}

/// What went through a door of one sandbox.
#[derive(Debug, Default)]
pub struct Meter {
    sent: AtomicU64,
    received: AtomicU64,
    connections: AtomicU64,
    denied: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub bytes_sent: u64,
    pub bytes_received: u64,
    /// Opened to the outside, ever.
    pub connections: u64,
    pub denied: u64,
}

impl Meter {
    pub fn usage(&self) -> Usage {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Usage {
            bytes_sent: get(&self.sent),
            bytes_received: get(&self.received),
            connections: get(&self.connections),
            denied: get(&self.denied),
        }
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn denied(&self) {
        self.denied.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn exceeds(&self, bytes_max: Option<u64>) -> bool {
        let usage = || self.sent.load(Ordering::Relaxed) + self.received.load(Ordering::Relaxed);
        bytes_max.is_some_and(|most| usage() >= most)
    }
}
