//! The mesh door of one sandbox.

use super::acceptors::{Accepted, Acceptors, Call};
use super::line::{self, Request};
use super::order::Membership;
use super::{Mesh, Refusal, wire};
use crate::carry::copy;
use crate::event::{Destination, Outcome, Recorder};
use crate::limits::{Limits, Meter};
use biplane_api::ids::{SandboxId, WorkspaceId};
use biplane_forwarder::CLUSTER_SUFFIX;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

pub struct Door {
    pub id: SandboxId,
    pub workspace_id: WorkspaceId,
    /// None: it reaches nobody.
    pub member: watch::Sender<Option<Arc<Membership>>>,
    pub limits: Limits,
    acceptors: Acceptors,
    /// Connections of programs to the door.
    slots: Arc<Semaphore>,
    /// Connections of other members.
    calls: Arc<Semaphore>,
    meter: Arc<Meter>,
    recorder: Arc<Recorder>,
    closed: CancellationToken,
}

/// A connection of another member that a program of this sandbox took.
pub struct Taken {
    pub accepted: Accepted,
    _call: OwnedSemaphorePermit,
}

impl Door {
    pub fn new(
        recorder: Arc<Recorder>,
        limits: Limits,
        meter: Arc<Meter>,
        closed: CancellationToken,
    ) -> Self {
        Self {
            id: recorder.identity().sandbox_id.clone(),
            workspace_id: recorder.identity().workspace_id,
            member: watch::Sender::new(None),
            acceptors: Acceptors::default(),
            slots: Arc::new(Semaphore::new(limits.connections_max)),
            calls: Arc::new(Semaphore::new(limits.connections_max)),
            limits,
            meter,
            recorder,
            closed,
        }
    }

    pub async fn keep(self: Arc<Self>, mesh: &Arc<Mesh>, listener: UnixListener) {
        loop {
            let accepted = tokio::select! {
                () = self.closed.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(sandbox_id = %self.id, %error, "the mesh door could not accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let Ok(slot) = self.slots.clone().try_acquire_owned() else {
                // Whoever has too many connections is not waited for.
                let _ = stream.try_write(format!("no {}\n", Refusal::TooMany).as_bytes());
                self.meter.denied();
                self.record("*", 0, &Refusal::TooMany);
                continue;
            };
            let (door, mesh) = (self.clone(), mesh.clone());
            tokio::spawn(async move {
                let closed = door.closed.clone();
                closed.run_until_cancelled(door.visit(&mesh, stream, slot)).await;
            });
        }
    }

    async fn visit(&self, mesh: &Mesh, mut stream: UnixStream, slot: OwnedSemaphorePermit) {
        let request = tokio::time::timeout(self.limits.head_timeout, line::request(&mut stream));
        let request = request.await.map_err(|_| Refusal::Silent).and_then(|request| request);
        let (refusal, stream) = match request {
            Ok(Request::Accept(port)) => match self.accept(stream, slot, port).await {
                Ok(()) => return,
                Err(refused) => refused,
            },
            Ok(Request::Resolve(id)) => {
                let refused = self.resolve(&mut stream, &id).await.err();
                if let Some(refusal) = &refused {
                    self.record(id.as_str(), 0, refusal);
                }
                (refused, stream)
            }
            Ok(Request::Connect(to, port)) => {
                match self.connect(mesh, &mut stream, &to, port).await {
                    Ok(joined) => return joined.carry(self, stream).await,
                    Err(refusal) => {
                        self.record(to.as_str(), port, &refusal);
                        tracing::info!(sandbox_id = %self.id, %to, port, error = &refusal as &dyn std::error::Error, "a mesh connection was refused");
                        (Some(refusal), stream)
                    }
                }
            }
            Err(refusal) => (Some(refusal), stream),
        };
        if let Some(refusal) = refusal {
            self.refuse(stream, &refusal).await;
        }
    }

    /// For those who look at what sandboxes tried to reach.
    fn record(&self, to: &str, port: u16, refusal: &Refusal) {
        if let Some(reason) = refusal.denial() {
            let host = format!("{to}{CLUSTER_SUFFIX}");
            self.recorder.record(Destination::Name { host, port }, Outcome::Denied, reason);
        }
    }

    /// Tells the reason to whoever asked, if there is still somebody.
    async fn refuse(&self, mut stream: UnixStream, refusal: &Refusal) {
        self.meter.denied();
        let told = format!("no {refusal}\n");
        let _ =
            tokio::time::timeout(self.limits.head_timeout, line::write(&mut stream, &told)).await;
    }

    /// What it is now, if anything.
    pub fn membership(&self) -> Result<Arc<Membership>, Refusal> {
        let member = self.member.borrow().clone().ok_or(Refusal::NoCluster)?;
        if member.valid() { Ok(member) } else { Err(Refusal::Expired) }
    }

    async fn resolve(&self, stream: &mut UnixStream, id: &SandboxId) -> Result<(), Refusal> {
        let member = self.membership()?;
        let mut told = "ok".to_owned();
        if *id == self.id {
            told.push_str(" self");
        } else if member.peers.contains_key(id) {
            member.ports.iter().for_each(|port| told.push_str(&format!(" {port}")));
        } else {
            return Err(Refusal::NotMember);
        }
        line::write(stream, &(told + "\n")).await
    }

    async fn connect(
        &self,
        mesh: &Mesh,
        stream: &mut UnixStream,
        to: &SandboxId,
        port: u16,
    ) -> Result<Joined, Refusal> {
        let member = self.membership()?;
        let address = member.peers.get(to).ok_or(Refusal::NotMember)?;
        let far = match mesh.door(to) {
            Some(there) => {
                let theirs = there.membership().map_err(|_| Refusal::NotMember)?;
                if !theirs.joins(&member) || !theirs.peers.contains_key(&self.id) {
                    return Err(Refusal::NotMember);
                }
                let taken = there.take(&self.id, port).await?;
                Far::Here(there, taken)
            }
            None => {
                let address = address.as_deref().ok_or(Refusal::NoAddress)?;
                let far = wire::dial(&member, to, address, port, &self.limits).await?;
                Far::There(Box::new(far))
            }
        };
        line::write(stream, "ok\n").await?;
        self.meter.connected();
        Ok(Joined { cluster: member.cluster.clone(), peer: to.clone(), far })
    }

    /// Has a program of this sandbox take a connection of `from`, which is a member.
    pub async fn take(&self, from: &SandboxId, port: u16) -> Result<Taken, Refusal> {
        let call = self.calls.clone().try_acquire_owned().map_err(|_| Refusal::Busy)?;
        let accepted = self.acceptors.call(from, port).await?;
        Ok(Taken { accepted, _call: call })
    }

    /// Keeps a program waiting for a call, then hands its stream over. An error comes with the stream
    /// to tell it on.
    async fn accept(
        &self,
        mut stream: UnixStream,
        slot: OwnedSemaphorePermit,
        port: Option<u16>,
    ) -> Result<(), (Option<Refusal>, UnixStream)> {
        let called = match self.acceptors.wait(port) {
            Ok(called) => called,
            Err(refusal) => return Err((Some(refusal), stream)),
        };
        let mut early = [0];
        let call = tokio::select! {
            call = called => call,
            // It went away, or speaks before it is spoken to.
            _ = stream.read(&mut early) => return Ok(()),
        };
        let Ok(Call { from, port, taken }) = call else {
            return Ok(());
        };
        let asking = async {
            line::write(&mut stream, &format!("from {from} {port}\n")).await?;
            line::answer(&mut stream).await
        };
        let answer = tokio::time::timeout(self.limits.head_timeout, asking).await;
        let answer = answer.unwrap_or(Err(Refusal::Nobody)).map_err(|refusal| match refusal {
            Refusal::Io(_) => Refusal::Nobody,
            other => other,
        });
        // Whoever called may have given up.
        let _ = taken.send(answer.map(|()| Accepted { stream, slot }));
        Ok(())
    }

    /// Carries a connection of `peer` that came from another node.
    pub async fn carry_from<S>(&self, cluster: &str, peer: &SandboxId, far: S, taken: Taken)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Taken { accepted: Accepted { stream, slot }, _call } = taken;
        self.meter.connected();
        self.carry(cluster, peer, stream, far, |_| Ok(()), |_| Ok(())).await;
        drop(slot);
    }

    /// Until one of both ends it, or it may no longer be.
    async fn carry<S>(
        &self,
        cluster: &str,
        peer: &SandboxId,
        near: UnixStream,
        far: S,
        there: impl Fn(usize) -> io::Result<()>,
        back: impl Fn(usize) -> io::Result<()>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (mut near_read, mut near_write) = near.into_split();
        let (mut far_read, mut far_write) = tokio::io::split(far);
        let copying = async {
            // Each direction ends by itself: a half-closed connection drains before it goes.
            tokio::try_join!(
                copy(&mut near_read, &mut far_write, |bytes| {
                    self.sent(bytes)?;
                    there(bytes)
                }),
                copy(&mut far_read, &mut near_write, |bytes| {
                    self.received(bytes)?;
                    back(bytes)
                }),
            )
        };
        tokio::select! {
            () = self.severed(cluster, peer) => {
                tracing::debug!(sandbox_id = %self.id, %peer, "a mesh connection was ended");
            }
            result = copying => if let Err(error) = result {
                tracing::debug!(sandbox_id = %self.id, %peer, %error, "a mesh connection broke");
            }
        }
    }

    fn sent(&self, bytes: usize) -> io::Result<()> {
        self.meter.sent(bytes);
        self.within()
    }

    fn received(&self, bytes: usize) -> io::Result<()> {
        self.meter.received(bytes);
        self.within()
    }

    fn within(&self) -> io::Result<()> {
        match self.meter.exceeds(self.limits.bytes_max) {
            true => Err(io::ErrorKind::QuotaExceeded.into()),
            false => Ok(()),
        }
    }

    /// Returns when the two are no longer members of this cluster together.
    async fn severed(&self, cluster: &str, peer: &SandboxId) {
        let mut member = self.member.subscribe();
        loop {
            let still = |member: &Arc<Membership>| {
                let joined = member.cluster == cluster && member.peers.contains_key(peer);
                (joined && member.valid()).then_some(member.expires)
            };
            let Some(expires) = member.borrow_and_update().as_ref().and_then(still) else {
                return;
            };
            tokio::select! {
                () = self.closed.cancelled() => return,
                () = tokio::time::sleep_until(expires) => {}
                changed = member.changed() => if changed.is_err() {
                    return;
                }
            }
        }
    }
}

/// A connection that came about, not yet carried.
struct Joined {
    cluster: String,
    peer: SandboxId,
    far: Far,
}

enum Far {
    /// On this node.
    Here(Arc<Door>, Taken),
    There(Box<wire::Stream>),
}

impl Joined {
    async fn carry(self, door: &Door, near: UnixStream) {
        let Self { cluster, peer, far } = self;
        match far {
            Far::There(far) => {
                door.carry(&cluster, &peer, near, far, |_| Ok(()), |_| Ok(())).await;
            }
            Far::Here(there, Taken { accepted, _call }) => {
                let Accepted { stream, slot } = accepted;
                there.meter.connected();
                let (received, sent) = (|n| there.received(n), |n| there.sent(n));
                tokio::select! {
                    () = door.carry(&cluster, &peer, near, stream, received, sent) => {}
                    () = there.severed(&cluster, &door.id) => {}
                }
                drop(slot);
            }
        }
    }
}
