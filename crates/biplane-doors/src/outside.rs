//! The world outside as a door reaches it: names to addresses, once per connection, and connections.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

const TIMEOUT: Duration = Duration::from_secs(5);
/// Each takes a thread while it lasts; the node has other uses for threads.
const CONCURRENT_MAX: usize = 32;
/// More than a connection is tried with.
pub const ADDRESSES_MAX: usize = 16;

#[async_trait::async_trait]
pub trait Outside: Send + Sync {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;

    /// Only ever asked for an address that was checked.
    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(address).await
    }

    /// Of a store: it is where the operator says, and no address of it is refused.
    async fn store(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        TcpStream::connect((host, port)).await
    }
}

/// The host's own resolver and network.
#[derive(Debug)]
pub struct HostNetwork {
    slots: Semaphore,
}

impl Default for HostNetwork {
    fn default() -> Self {
        Self { slots: Semaphore::new(CONCURRENT_MAX) }
    }
}

#[async_trait::async_trait]
impl Outside for HostNetwork {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let looking = async {
            let _slot = self.slots.acquire().await.map_err(io::Error::other)?;
            tokio::net::lookup_host((name, 0)).await.map(|found| {
                let mut addresses: Vec<IpAddr> = Vec::new();
                for address in found.map(|address| address.ip()).take(ADDRESSES_MAX) {
                    if !addresses.contains(&address) {
                        addresses.push(address);
                    }
                }
                addresses
            })
        };
        tokio::time::timeout(TIMEOUT, looking).await?
    }
}
