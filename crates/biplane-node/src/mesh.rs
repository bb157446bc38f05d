//! The mesh of this node: where other nodes reach its sandboxes, and which of them belong to which
//! cluster, as the control plane says it.

use biplane_api::ids::SandboxId;
use biplane_doors::Limits;
use biplane_doors::mesh::{Order, OrderError};
use biplane_proto::v1;
use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const LISTEN_AGAIN: Duration = Duration::from_millis(500);

/// Of other nodes, which are in the same network.
#[derive(Debug, Clone, Default)]
pub struct MeshConfig {
    /// None: sandboxes reach members of their cluster on this node, and on others that listen.
    pub listen: Option<SocketAddr>,
    /// `host:port` at which other nodes reach it. None: the address it listens on.
    pub address: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum MeshError {
    #[error("the mesh cannot listen on {address}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("the mesh listens on all addresses: it must be told the one at which it is reached")]
    Address,
    #[error("TLS is not possible")]
    Tls(#[from] rustls::Error),
}

pub struct Mesh {
    doors: Arc<biplane_doors::mesh::Mesh>,
    address: String,
}

impl Deref for Mesh {
    type Target = Arc<biplane_doors::mesh::Mesh>;

    fn deref(&self) -> &Self::Target {
        &self.doors
    }
}

impl Mesh {
    /// Listens, where it is told to, until `closed`.
    pub async fn start(config: &MeshConfig, closed: CancellationToken) -> Result<Self, MeshError> {
        let doors = biplane_doors::mesh::Mesh::new(Limits::default())?;
        let Some(address) = config.listen else {
            return Ok(Self { doors, address: String::new() });
        };
        let failed = |source| MeshError::Listen { address, source };
        let listener = match TcpListener::bind(address).await {
            Ok(listener) => Some(listener),
            // An agent that this one replaces keeps it until what runs there has ended.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && address.port() != 0 => {
                tracing::warn!(%address, "the mesh waits: another listens where it is to listen");
                None
            }
            Err(source) => return Err(failed(source)),
        };
        let bound = match &listener {
            Some(listener) => listener.local_addr().map_err(failed)?,
            None => address,
        };
        let reached = match &config.address {
            Some(address) => address.clone(),
            None if bound.ip().is_unspecified() => return Err(MeshError::Address),
            None => bound.to_string(),
        };
        tracing::info!(%bound, reached, "the mesh is reached by other nodes");
        let listening = doors.clone();
        tokio::spawn(async move {
            let listener = match listener {
                Some(listener) => Some(listener),
                None => closed.run_until_cancelled(freed(address)).await,
            };
            if let Some(listener) = listener {
                listening.listen(listener, closed).await;
            }
        });
        Ok(Self { doors, address: reached })
    }

    /// At which other nodes reach it; empty: nowhere.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn tell(
        &self,
        sandbox_id: &SandboxId,
        membership: Option<v1::MeshMembership>,
    ) -> Result<(), OrderError> {
        self.doors.set(sandbox_id, membership.map(order))
    }
}

/// Waits until nobody else listens there.
async fn freed(address: SocketAddr) -> TcpListener {
    loop {
        tokio::time::sleep(LISTEN_AGAIN).await;
        if let Ok(listener) = TcpListener::bind(address).await {
            return listener;
        }
    }
}

fn order(membership: v1::MeshMembership) -> Order {
    let v1::MeshMembership { cluster, authority, identity, peers, ports } = membership;
    let peer = |peer: v1::MeshPeer| {
        let address = (!peer.address.is_empty()).then_some(peer.address);
        Some((peer.sandbox_id.parse().ok()?, address))
    };
    let peers = peers.into_iter().filter_map(peer).collect();
    let ports = ports.into_iter().filter_map(|port| u16::try_from(port).ok()).collect();
    Order { cluster, authority, identity, peers, ports }
}
