//! The lease: how long this node may run sandboxes without hearing from the control plane.
//!
//! A control plane that lost a node starts its warehouses elsewhere; the lease bounds the time in
//! which both run.

use parking_lot::Mutex;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// Longer leases are cut to this: a lease is there to end.
const LEASE_MAX: Duration = Duration::from_secs(600);

/// Until the control plane has said how long a lease is.
const FIRST: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct Lease {
    ends: Mutex<Option<Instant>>,
    /// When the control plane was heard last, and for how long that holds.
    heard: watch::Sender<Option<(Instant, Duration)>>,
    changed: Notify,
}

impl Lease {
    pub fn new() -> Self {
        Self { ends: Mutex::default(), heard: watch::Sender::new(None), changed: Notify::new() }
    }

    /// The control plane was heard. 0 leaves the lease as it is.
    pub fn renew(&self, lease_ms: u32) {
        if lease_ms == 0 {
            return;
        }
        let lease = Duration::from_millis(lease_ms.into()).min(LEASE_MAX);
        let now = Instant::now();
        *self.ends.lock() = Some(now + lease);
        self.heard.send_replace(Some((now, lease)));
        self.changed.notify_one();
    }

    /// Returns when a connection that began at `since` has been silent for two thirds of the lease. The
    /// control plane speaks three times within it, and what is left of it is for connecting anew.
    pub async fn silent(&self, since: Instant) {
        let mut told = self.heard.subscribe();
        loop {
            let (heard, lease) = told.borrow_and_update().unwrap_or((since, FIRST));
            tokio::select! {
                () = tokio::time::sleep_until(heard.max(since) + lease * 2 / 3) => return,
                _ = told.changed() => {}
            }
        }
    }

    /// Calls `expired` once for every lease that ends. Never returns.
    pub async fn enforce(&self, expired: impl Fn()) {
        loop {
            let ends = *self.ends.lock();
            let Some(ends) = ends else {
                self.changed.notified().await;
                continue;
            };
            tokio::select! {
                () = self.changed.notified() => continue,
                () = tokio::time::sleep_until(ends) => {}
            }
            let mut now = self.ends.lock();
            if *now == Some(ends) {
                *now = None;
                drop(now);
                tracing::warn!(
                    "the control plane has been silent for the whole lease: ending all sandboxes"
                );
                expired();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn ends_once_and_not_before_its_time() {
        let lease = Arc::new(Lease::new());
        let (tell, mut told) = mpsc::unbounded_channel();
        let enforcing = lease.clone();
        tokio::spawn(async move { enforcing.enforce(|| tell.send(Instant::now()).unwrap()).await });
        lease.renew(60_000);
        tokio::task::yield_now().await;
        let start = Instant::now();
        lease.renew(30);
        assert!(told.recv().await.unwrap() - start >= Duration::from_millis(30));
        tokio::time::timeout(Duration::from_millis(50), told.recv()).await.unwrap_err();
        lease.renew(1);
        assert!(told.recv().await.is_some());
    }

    #[tokio::test]
    async fn silence_is_noticed_before_the_lease_ends() {
        let lease = Lease::new();
        lease.renew(60);
        let since = Instant::now();
        tokio::time::timeout(Duration::from_secs(30), lease.silent(since)).await.unwrap();
        assert!(since.elapsed() >= Duration::from_millis(40));
        // A new connection has a time of its own, whatever was heard before.
        lease.renew(60_000);
        let later = Instant::now();
        tokio::time::timeout(Duration::from_millis(20), lease.silent(later)).await.unwrap_err();
    }
}
