//! Names to addresses, once per connection.

use std::io;
use std::net::IpAddr;
use std::time::Duration;
use tokio::sync::Semaphore;

const TIMEOUT: Duration = Duration::from_secs(5);
/// Each takes a thread while it lasts; the node has other uses for threads.
const CONCURRENT_MAX: usize = 32;
/// More than a connection is tried with.
pub const ADDRESSES_MAX: usize = 16;

#[async_trait::async_trait]
pub trait Resolver: Send + Sync {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The host's own resolver.
#[derive(Debug)]
pub struct SystemResolver {
    slots: Semaphore,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { slots: Semaphore::new(CONCURRENT_MAX) }
    }
}

#[async_trait::async_trait]
impl Resolver for SystemResolver {
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
