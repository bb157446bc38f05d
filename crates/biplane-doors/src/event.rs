//! What happened at the doors: kept for a while, and told on, in bounded amounts.

use crate::limits::Identity;
use biplane_api::network::EgressVerdict;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::Notify;

/// Of one sandbox, for whoever asks.
const RECENT_MAX: usize = 256;
/// Of all sandboxes of a node, waiting to be told on.
const QUEUE_MAX: usize = 4096;
/// Denials of one sandbox: so many at once, then so many a second. The rest is counted.
const BURST: f64 = 50.0;
const PER_SECOND: f64 = 20.0;
/// The same allowed destination is told once in this time.
const ALLOWED_EVERY: Duration = Duration::from_secs(60);
const ALLOWED_NAMES_MAX: usize = 512;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    Name { host: String, port: u16 },
    Address { address: IpAddr, port: u16 },
    Storage { bucket: String, path: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Allowed,
    /// Let through; would have been denied.
    DryRun,
    Denied,
}

/// Why. The text completes "egress to x denied: ".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    Listed,
    /// A name of a private endpoint, on a port that it has.
    PrivateEndpoint,
    PrivatePort,
    NotListed,
    BareAddress,
    Port,
    /// The name leads to an address that nobody may reach from a sandbox.
    Inside(IpAddr),
    NotTls,
    NoServerName,
    ServerName(String),
    EncryptedHello,
    HostHeader,
    PolicyChanged,
    Connections,
    Bytes,
    Bucket,
    BucketPath,
    BucketReadOnly,
    /// Of a runtime, which only adds.
    AddsOnly,
    /// Of a runtime: a commit that would change the table itself.
    TableChange,
    /// Of its own cluster only.
    NotMember,
    NoCluster,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Inside(address) => {
                return write!(
                    f,
                    "it resolves to {address}, which is not an address of the internet"
                );
            }
            Self::ServerName(name) => return write!(f, "the TLS hello names {name}"),
            Self::Listed => "in the workspace's network policy",
            Self::PrivateEndpoint => "a private endpoint of the workspace",
            Self::PrivatePort => "the private endpoint of this name is not open on this port",
            Self::NotListed => "not in the workspace's network policy",
            Self::BareAddress => {
                "an address without a name is not in the workspace's network policy"
            }
            Self::Port => "only the ports 443 and 80 are open",
            Self::NotTls => "only TLS is spoken on this port",
            Self::NoServerName => "the TLS hello names no server",
            Self::EncryptedHello => "the TLS hello hides the server's name (ECH)",
            Self::HostHeader => "the Host header names another host",
            Self::PolicyChanged => "the workspace's network policy changed",
            Self::Connections => "too many connections of this sandbox",
            Self::Bytes => "this sandbox has used up its share of traffic",
            Self::Bucket => "the bucket does not belong to the workspace",
            Self::BucketPath => "the path does not belong to the workspace",
            Self::BucketReadOnly => "the path is read-only for the workspace",
            Self::AddsOnly => "a Spark runtime adds files and commits; it changes and deletes none",
            Self::TableChange => {
                "this commit names files outside the table, or changes more than rows: columns, properties and features are changed in SQL"
            }
            Self::NotMember => "there is no such member in its cluster",
            Self::NoCluster => "this sandbox belongs to no cluster",
        };
        f.write_str(text)
    }
}

impl Reason {
    /// As machines know it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::PrivateEndpoint => "private-endpoint",
            Self::PrivatePort => "private-endpoint-port",
            Self::NotListed => "not-in-policy",
            Self::BareAddress => "address-not-in-policy",
            Self::Port => "port-denied",
            Self::Inside(_) => "address-not-public",
            Self::NotTls => "not-tls",
            Self::NoServerName => "no-server-name",
            Self::ServerName(_) => "server-name-mismatch",
            Self::EncryptedHello => "encrypted-client-hello",
            Self::HostHeader => "host-header-mismatch",
            Self::PolicyChanged => "policy-changed",
            Self::Connections => "connection-limit",
            Self::Bytes => "byte-limit",
            Self::Bucket => "storage-bucket-denied",
            Self::BucketPath => "storage-bucket-path-denied",
            Self::BucketReadOnly => "storage-write-denied",
            Self::AddsOnly => "storage-adds-only",
            Self::TableChange => "storage-table-change",
            Self::NotMember => "not-a-member",
            Self::NoCluster => "no-cluster",
        }
    }
}

impl From<EgressVerdict> for Outcome {
    fn from(verdict: EgressVerdict) -> Self {
        match verdict {
            EgressVerdict::Allowed => Self::Allowed,
            EgressVerdict::DryRun => Self::DryRun,
            EgressVerdict::Denied => Self::Denied,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Event {
    pub identity: Identity,
    pub at_ms: i64,
    pub destination: Destination,
    pub outcome: Outcome,
    pub reason: Reason,
    /// Events like this that were not told since the one before.
    pub suppressed: u64,
}

/// Events of all sandboxes of a node, on their way to the control plane. What nobody fetches in time
/// pushes out the oldest.
#[derive(Debug, Default)]
pub struct EventLog {
    queue: Mutex<VecDeque<Event>>,
    there: Notify,
}

impl EventLog {
    /// Waits for some, takes at most `max`.
    pub async fn take(&self, max: usize) -> Vec<Event> {
        loop {
            {
                let mut queue = self.queue.lock();
                if !queue.is_empty() {
                    let count = queue.len().min(max);
                    return queue.drain(..count).collect();
                }
            }
            self.there.notified().await;
        }
    }

    fn push(&self, event: Event) {
        let mut queue = self.queue.lock();
        if queue.len() >= QUEUE_MAX {
            queue.pop_front();
        }
        queue.push_back(event);
        self.there.notify_one();
    }
}

/// The events of one sandbox.
#[derive(Debug)]
pub struct Recorder {
    identity: Identity,
    log: Arc<EventLog>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    recent: VecDeque<Event>,
    tokens: f64,
    refilled: Instant,
    suppressed: u64,
    allowed: HashMap<String, Instant>,
}

impl Recorder {
    pub fn new(identity: Identity, log: Arc<EventLog>) -> Self {
        let state = State {
            recent: VecDeque::new(),
            tokens: BURST,
            refilled: Instant::now(),
            suppressed: 0,
            allowed: HashMap::new(),
        };
        Self { identity, log, state: Mutex::new(state) }
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The last ones, oldest first.
    pub fn recent(&self) -> Vec<Event> {
        self.state.lock().recent.iter().cloned().collect()
    }

    pub fn record(&self, destination: Destination, outcome: Outcome, reason: Reason) {
        let mut state = self.state.lock();
        let now = Instant::now();
        let told = match outcome {
            Outcome::Allowed => state.first_in_a_while(&destination, &reason, now),
            Outcome::DryRun | Outcome::Denied => state.token(now),
        };
        if !told {
            return;
        }
        let at_ms =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let event = Event {
            identity: self.identity.clone(),
            at_ms: i64::try_from(at_ms).unwrap_or(i64::MAX),
            destination,
            outcome,
            reason,
            suppressed: std::mem::take(&mut state.suppressed),
        };
        if state.recent.len() >= RECENT_MAX {
            state.recent.pop_front();
        }
        state.recent.push_back(event.clone());
        drop(state);
        self.log.push(event);
    }
}

impl State {
    fn token(&mut self, now: Instant) -> bool {
        let since = now.duration_since(self.refilled).as_secs_f64();
        self.tokens = (self.tokens + since * PER_SECOND).min(BURST);
        self.refilled = now;
        let told = self.tokens >= 1.0;
        if told {
            self.tokens -= 1.0;
        } else {
            self.suppressed += 1;
        }
        told
    }

    /// The same name by another way is another thing.
    fn first_in_a_while(
        &mut self,
        destination: &Destination,
        reason: &Reason,
        now: Instant,
    ) -> bool {
        let name = match destination {
            Destination::Name { host, port } => format!("{host}:{port}"),
            Destination::Address { address, port } => format!("{address}:{port}"),
            Destination::Storage { bucket, .. } => format!("s3:{bucket}"),
        };
        let name = format!("{name} {}", reason.code());
        self.allowed.retain(|_, last| now.duration_since(*last) < ALLOWED_EVERY);
        if self.allowed.contains_key(&name) || self.allowed.len() >= ALLOWED_NAMES_MAX {
            return false;
        }
        self.allowed.insert(name, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use biplane_api::ids::{SandboxId, WorkspaceId};
    use biplane_api::network::EgressProduct;

    #[tokio::test]
    async fn a_flood_is_counted_and_the_rest_is_told() {
        let log = Arc::new(EventLog::default());
        let identity = Identity {
            sandbox_id: SandboxId::random(),
            workspace_id: WorkspaceId(7),
            product: EgressProduct::Other,
        };
        let recorder = Recorder::new(identity, log.clone());
        let name = |n: u16| Destination::Name { host: "evil.example".into(), port: n };
        for n in 0..1000 {
            recorder.record(name(n), Outcome::Denied, Reason::NotListed);
        }
        let told = log.take(10_000).await.len();
        assert!((50..100).contains(&told), "{told}");
        assert_eq!(recorder.recent().len(), told);
        assert!(recorder.state.lock().suppressed >= 900);
        for _ in 0..5 {
            recorder.record(name(1), Outcome::Allowed, Reason::Listed);
        }
        assert_eq!(log.take(10).await.len(), 1);
    }
}
