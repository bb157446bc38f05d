//! The lease: how long this node may run sandboxes without hearing from the control plane.
//!
//! A control plane that lost a node starts its warehouses elsewhere; the lease bounds the time in
//! which both run.

use parking_lot::Mutex;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Longer leases are cut to this: a lease is there to end.
const LEASE_MAX: Duration = Duration::from_secs(600);

#[derive(Debug)]
pub struct Lease {
    ends: Mutex<Option<Instant>>,
    changed: Notify,
}

impl Lease {
    pub fn new() -> Self {
        Self { ends: Mutex::new(None), changed: Notify::new() }
    }

    /// The control plane was heard. 0 leaves the lease as it is.
    pub fn renew(&self, lease_ms: u32) {
        if lease_ms == 0 {
            return;
        }
        let lease = Duration::from_millis(lease_ms.into()).min(LEASE_MAX);
        *self.ends.lock() = Some(Instant::now() + lease);
        self.changed.notify_one();
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
}
