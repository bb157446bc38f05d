//! What ends a connection to the outside before its two ends do: the policy, silence, too many bytes.

use super::{Egress, Visit};
use crate::event::{Outcome, Reason};
use crate::policy::{Decision, Policy};
use crate::target::Target;
use biplane_api::network::{EgressVerdict, PrivateEndpoint};
use bytes::{Buf, Bytes};
use parking_lot::Mutex;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Watches over one connection from before it is decided until it ends.
pub struct Guard {
    pub door: Arc<Egress>,
    pub target: Target,
    policy: Mutex<watch::Receiver<Arc<Policy>>>,
    /// Of the moment it was decided.
    private: Mutex<Option<PrivateEndpoint>>,
    closed: CancellationToken,
    start: Instant,
    /// Milliseconds after `start`.
    moved: AtomicU64,
}

impl Guard {
    pub fn new(visit: &Visit, target: Target) -> Self {
        Self {
            door: visit.door.clone(),
            target,
            policy: Mutex::new(visit.door.policy.clone()),
            private: Mutex::new(None),
            closed: visit.closed.clone(),
            start: Instant::now(),
            moved: AtomicU64::new(0),
        }
    }

    /// The policy of now; a later change is noticed by [`Guard::ends`].
    pub fn policy(&self) -> Arc<Policy> {
        self.policy.lock().borrow_and_update().clone()
    }

    /// Decides by the policy of now and records a denial or a dry run.
    pub fn decide(&self) -> Result<(), Reason> {
        let policy = self.policy();
        let Decision { verdict, reason } = policy.decide(&self.target);
        *self.private.lock() = policy.private(&self.target).cloned();
        self.take(verdict, reason)
    }

    /// Where it leads when that is not the internet.
    pub fn private(&self) -> Option<PrivateEndpoint> {
        self.private.lock().clone()
    }

    /// It is connected and nothing is against it.
    pub fn allowed(&self) {
        let private = self.private.lock().is_some();
        let reason = if private { Reason::PrivateEndpoint } else { Reason::Listed };
        self.door.recorder.record((&self.target).into(), Outcome::Allowed, reason);
    }

    /// A rule beside the list was broken: denied, or noted only.
    pub fn broken(&self, reason: Reason) -> Result<(), Reason> {
        let private = self.private.lock().is_some();
        self.take(if private { EgressVerdict::Denied } else { self.policy().unlisted() }, reason)
    }

    fn take(&self, verdict: EgressVerdict, reason: Reason) -> Result<(), Reason> {
        match verdict {
            EgressVerdict::Allowed => Ok(()),
            EgressVerdict::DryRun => {
                self.door.recorder.record((&self.target).into(), Outcome::DryRun, reason);
                Ok(())
            }
            EgressVerdict::Denied => Err(self.deny(reason)),
        }
    }

    pub fn deny(&self, reason: Reason) -> Reason {
        self.door.denied((&self.target).into(), reason.clone());
        reason
    }

    /// As it is told to whom it is denied.
    pub fn text(&self, reason: &Reason) -> String {
        format!("egress to {} denied: {reason}", self.target)
    }

    pub fn sent(&self, bytes: usize) -> io::Result<()> {
        self.door.meter.sent(bytes);
        self.touch()
    }

    pub fn received(&self, bytes: usize) -> io::Result<()> {
        self.door.meter.received(bytes);
        self.touch()
    }

    fn touch(&self) -> io::Result<()> {
        let moved = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(moved, Ordering::Relaxed);
        if self.exhausted() {
            self.deny(Reason::Bytes);
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        Ok(())
    }

    pub fn exhausted(&self) -> bool {
        self.door.meter.exceeds(self.door.limits.bytes_max)
    }

    /// Returns when the connection must end.
    pub async fn ends(&self) {
        let mut policy = self.policy.lock().clone();
        // It may have changed since it was decided.
        policy.mark_changed();
        loop {
            let idle_at = self.start
                + Duration::from_millis(self.moved.load(Ordering::Relaxed))
                + self.door.limits.idle_timeout;
            tokio::select! {
                () = self.closed.cancelled() => return,
                changed = policy.changed() => {
                    // Nobody is left to set it: the sandbox is ending.
                    if changed.is_err() {
                        return;
                    }
                    let policy = policy.borrow_and_update().clone();
                    let denied = policy.decide(&self.target).verdict == EgressVerdict::Denied;
                    if denied || policy.private(&self.target) != self.private.lock().as_ref() {
                        self.deny(Reason::PolicyChanged);
                        return;
                    }
                }
                () = tokio::time::sleep_until(idle_at) => {
                    let moved = self.start + Duration::from_millis(self.moved.load(Ordering::Relaxed));
                    if moved.elapsed() >= self.door.limits.idle_timeout {
                        return;
                    }
                }
            }
        }
    }
}

/// A stream to the outside whose bytes are counted.
pub struct Counted<T> {
    pub inner: T,
    pub guard: Arc<Guard>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        Poll::Ready(self.guard.received(buffer.filled().len() - before))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = std::task::ready!(Pin::new(&mut self.inner).poll_write(context, bytes))?;
        Poll::Ready(self.guard.sent(written).map(|()| written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// A stream of which some bytes were read already.
pub struct Early<T> {
    pub inner: T,
    pub early: Bytes,
}

impl<T> Early<T> {
    pub fn new(inner: T, early: Bytes) -> Self {
        Self { inner, early }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Early<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.inner).poll_read(context, buffer);
        }
        let count = self.early.len().min(buffer.remaining());
        buffer.put_slice(&self.early[..count]);
        self.early.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Early<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
