//! The mesh: connections between the sandboxes of one cluster, on one node or on several.
//!
//! A sandbox says to its mesh door which member it wants (`line`). Members on the same node are joined
//! by their node; between nodes the bytes go through TLS 1.3, in which each side shows the certificate
//! of the member it speaks for (`order`, `wire`).
//!
//! What must hold: both ends are members of one cluster, by their own nodes' orders, at the beginning
//! and for as long as bytes flow; who calls is told to the one called by the nodes, never by the caller;
//! no key comes near a sandbox; a sandbox without an order reaches nobody.

mod acceptors;
mod door;
mod line;
mod order;
mod wire;

pub use order::{Order, OrderError};

use crate::event::{Reason, Recorder};
use crate::limits::{Limits, Meter};
use biplane_api::ids::SandboxId;
use door::Door;
use order::Membership;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;

/// The mesh doors of one node.
pub struct Mesh {
    limits: Limits,
    doors: RwLock<HashMap<SandboxId, Arc<Door>>>,
    /// Answers those who ask for nobody here.
    refusing: Arc<rustls::ServerConfig>,
}

/// Why a connection does not come about. The text is told to whoever asked.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the first line is not one of the mesh")]
    Malformed,
    #[error("nothing was said in time")]
    Silent,
    #[error("this sandbox belongs to no cluster")]
    NoCluster,
    #[error("the certificate of this member has expired")]
    Expired,
    #[error("there is no such member in this cluster")]
    NotMember,
    #[error("the node of that member takes no connections")]
    NoAddress,
    #[error("the node of that member cannot be reached")]
    Dial(#[source] io::Error),
    #[error("TLS with the other node failed")]
    Tls(#[source] io::Error),
    #[error("nobody accepts there")]
    Nobody,
    #[error("too many connections of this sandbox")]
    TooMany,
    #[error("too many connections to that member")]
    Busy,
    #[error("{0}")]
    There(String),
    #[error("the connection broke")]
    Io(#[from] io::Error),
}

impl Refusal {
    /// A denial, and not merely something that did not work.
    fn denial(&self) -> Option<Reason> {
        match self {
            Self::NoCluster | Self::Expired => Some(Reason::NoCluster),
            Self::NotMember => Some(Reason::NotMember),
            Self::TooMany => Some(Reason::Connections),
            _ => None,
        }
    }
}

impl Mesh {
    pub fn new(limits: Limits) -> Result<Arc<Self>, rustls::Error> {
        let refusing = Arc::new(wire::refusing()?);
        Ok(Arc::new(Self { limits, doors: RwLock::default(), refusing }))
    }

    /// Accepts at the door of a sandbox until `closed`, which also ends what was accepted. It leads
    /// nowhere before [`Mesh::set`].
    pub fn keep(
        self: &Arc<Self>,
        recorder: Arc<Recorder>,
        listener: UnixListener,
        meter: Arc<Meter>,
        closed: CancellationToken,
    ) {
        let door = Arc::new(Door::new(recorder, self.limits.clone(), meter, closed));
        self.doors.write().insert(door.id.clone(), door.clone());
        let mesh = self.clone();
        tokio::spawn(async move {
            door.clone().keep(&mesh, listener).await;
            mesh.doors.write().remove(&door.id);
        });
    }

    /// Makes a sandbox of this node a member, or no longer one: at once, also for what is connected.
    pub fn set(&self, sandbox_id: &SandboxId, order: Option<Order>) -> Result<(), OrderError> {
        let Some(door) = self.door(sandbox_id) else {
            return if order.is_none() { Ok(()) } else { Err(OrderError::Gone) };
        };
        let member = match order {
            Some(order) => Some(Membership::new(order, door.workspace_id, sandbox_id)?),
            None => None,
        };
        door.member.send_replace(member.map(Arc::new));
        Ok(())
    }

    /// Takes connections of other nodes until `closed`, which also ends what was accepted.
    pub async fn listen(self: Arc<Self>, listener: TcpListener, closed: CancellationToken) {
        wire::listen(self, listener, closed).await;
    }

    fn door(&self, sandbox_id: &SandboxId) -> Option<Arc<Door>> {
        self.doors.read().get(sandbox_id).cloned()
    }
}
