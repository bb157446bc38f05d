//! Who is outside: connects for the hosts of one workspace, to what these may reach and nothing else.
//!
//! What must hold: nothing is looked up or connected to that was not decided here, by what holds now; an
//! address belongs to a name only when it was found for it here.

use super::request::{Answer, LINE_BYTES_MAX, Request};
use crate::python::{self, PythonConfig};
use biplane_doors::{HostNetwork, HostReach, Outside};
use biplane_sandbox::pass;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Interest};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

const REQUESTS_MAX: usize = 256;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
const DIAL_TIMEOUT: Duration = Duration::from_secs(30);
/// For a connection to follow the look-up of its name.
const FOUND_LIFE: Duration = Duration::from_secs(60);
const FOUND_MAX: usize = 4096;

/// What the hosts may reach, as it is now.
#[async_trait::async_trait]
pub trait Reachable: Send + Sync {
    async fn now(&self) -> io::Result<HostReach>;
}

pub struct Broker {
    /// `host:port`.
    relay: String,
    reachable: Arc<dyn Reachable>,
    /// Images are this machine's: they are built out here, from what is pinned.
    python: PythonConfig,
    network: HostNetwork,
    found: Mutex<Found>,
}

/// The names that addresses were found for, and when.
#[derive(Default)]
struct Found(HashMap<IpAddr, HashMap<String, Instant>>);

impl Found {
    fn note(&mut self, name: &str, addresses: &[IpAddr]) {
        self.0.retain(|_, names| {
            names.retain(|_, at| at.elapsed() < FOUND_LIFE);
            !names.is_empty()
        });
        for address in addresses {
            if self.0.len() < FOUND_MAX || self.0.contains_key(address) {
                let names = self.0.entry(*address).or_default();
                names.insert(name.to_ascii_lowercase(), Instant::now());
            }
        }
    }

    fn names(&self, address: IpAddr) -> Vec<String> {
        let names = self.0.get(&address).into_iter().flatten();
        names.filter(|(_, at)| at.elapsed() < FOUND_LIFE).map(|(name, _)| name.clone()).collect()
    }
}

enum Done {
    Connected(TcpStream),
    Told(String),
}

impl Broker {
    pub fn new(relay: String, reachable: Arc<dyn Reachable>, python: PythonConfig) -> Self {
        let (network, found) = (HostNetwork::default(), Mutex::default());
        Self { relay, reachable, python, network, found }
    }

    async fn answer(&self, mut stream: UnixStream) -> io::Result<()> {
        let mut line = String::new();
        let mut reader = BufReader::new((&mut stream).take(LINE_BYTES_MAX as u64));
        tokio::time::timeout(REQUEST_TIMEOUT, reader.read_line(&mut line)).await??;
        let request = Request::parse(&line).ok_or(ErrorKind::InvalidData)?;
        let done = match self.act(&request).await {
            Ok(done) => done,
            Err(error) => {
                if error.kind() == ErrorKind::PermissionDenied {
                    tracing::warn!(?request, "a local host asked for what it may not reach");
                }
                return stream.write_all(Answer(Err(error)).to_string().as_bytes()).await;
            }
        };
        let (text, connection) = match done {
            Done::Connected(connection) => (String::new(), Some(connection)),
            Done::Told(text) => (text, None),
        };
        stream.write_all(Answer(Ok(text)).to_string().as_bytes()).await?;
        if let Some(connection) = connection {
            let pass = || pass(stream.as_fd(), connection.as_fd());
            stream.async_io(Interest::WRITABLE, pass).await?;
        }
        Ok(())
    }

    async fn act(&self, request: &Request) -> io::Result<Done> {
        if let Request::Image(name) = request {
            return self.image(name).await.map(|()| Done::Told(String::new()));
        }
        tokio::time::timeout(DIAL_TIMEOUT, self.reach(request)).await?
    }

    async fn reach(&self, request: &Request) -> io::Result<Done> {
        let denied = || {
            Err(io::Error::new(
                ErrorKind::PermissionDenied,
                "hosts of this workspace may not reach it",
            ))
        };
        match request {
            Request::Relay => TcpStream::connect(&self.relay).await.map(Done::Connected),
            Request::Resolve(name) => {
                if !self.reachable.now().await?.resolves(name) {
                    return denied();
                }
                let addresses = self.network.resolve(name).await?;
                self.found.lock().note(name, &addresses);
                let words: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                Ok(Done::Told(words.join(" ")))
            }
            Request::Connect(address) => self.connect(*address).await,
            Request::Store(host, port) => {
                if !self.reachable.now().await?.stores(host, *port) {
                    return denied();
                }
                self.network.store(host, *port).await.map(Done::Connected)
            }
            Request::Image(_) => denied(),
        }
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Done> {
        let names = self.found.lock().names(address.ip());
        if !self.reachable.now().await?.connects(&names, address) {
            let text = "hosts of this workspace may not reach this address";
            return Err(io::Error::new(ErrorKind::PermissionDenied, text));
        }
        self.network.connect(address).await.map(Done::Connected)
    }

    async fn image(&self, name: &str) -> io::Result<()> {
        let (told, done) = oneshot::channel();
        let (python, name) = (self.python.clone(), name.to_owned());
        // Not one of the runtime's threads: those are waited for when it ends.
        std::thread::Builder::new().name("image".into()).spawn(move || {
            let _ = told.send(python::build(&python, &name));
        })?;
        done.await.map_err(io::Error::other)?
    }
}

/// Answers until `closed`.
pub async fn serve(broker: Arc<Broker>, listener: UnixListener, closed: CancellationToken) {
    let slots = Arc::new(Semaphore::new(REQUESTS_MAX));
    let accepting = async {
        loop {
            let Ok(slot) = slots.clone().acquire_owned().await else {
                return;
            };
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a broker could not accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let (broker, closed) = (broker.clone(), closed.clone());
            tokio::spawn(async move {
                let _slot = slot;
                let answered = closed.run_until_cancelled(broker.answer(stream)).await;
                if let Some(Err(error)) = answered {
                    tracing::debug!(%error, "a request to a broker came to nothing");
                }
            });
        }
    };
    closed.run_until_cancelled(accepting).await;
}

#[cfg(test)]
mod tests {
    use super::super::{WayOut, listen};
    use super::*;
    use biplane_api::network::{EgressMode, EgressPolicy, HostPattern};
    use biplane_doors::{Operator, StorePlace};
    use tokio::net::TcpListener;

    struct Fixed(HostReach);

    #[async_trait::async_trait]
    impl Reachable for Fixed {
        async fn now(&self) -> io::Result<HostReach> {
            Ok(self.0.clone())
        }
    }

    /// A service on this machine that says who it is.
    async fn service(word: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(word.as_bytes()).await;
            }
        });
        address
    }

    async fn heard(stream: io::Result<TcpStream>) -> String {
        let mut text = String::new();
        stream.unwrap().read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn what_may_be_reached_is_and_nothing_else() {
        let (relay, store, listed) =
            (service("relay").await, service("store").await, service("listed").await);
        let egress = EgressPolicy {
            mode: EgressMode::RestrictedAccess,
            internet: vec![HostPattern("localhost".into())],
            ..EgressPolicy::full_access("p")
        };
        let operator =
            Operator { ranges: vec!["127.0.0.0/8".parse().unwrap()], ports: vec![listed.port()] };
        let stores = vec![StorePlace {
            endpoint: Some(format!("http://{store}")),
            region: "r".into(),
            buckets: vec!["lake".into()],
        }];
        let fixed = Arc::new(Fixed(HostReach::new(Some(&egress), &operator, stores)));
        let dir = tempfile::tempdir().unwrap();
        let listener = listen(dir.path()).unwrap();
        let broker = Arc::new(Broker::new(relay.to_string(), fixed, PythonConfig::default()));
        let closed = CancellationToken::new();
        let serving = tokio::spawn(serve(broker, listener, closed.clone()));
        let out = WayOut::new(dir.path().to_owned());

        assert_eq!(heard(out.relay().await).await, "relay");
        assert_eq!(heard(out.store("127.0.0.1", store.port()).await).await, "store");
        let denied = |result: io::Result<TcpStream>| {
            result.unwrap_err().kind() == ErrorKind::PermissionDenied
        };
        // Not before its name was looked up.
        assert!(denied(out.connect(listed).await));
        assert!(out.resolve("localhost").await.unwrap().contains(&listed.ip()));
        assert_eq!(heard(out.connect(listed).await).await, "listed");
        for other in [relay, store] {
            assert!(denied(out.connect(other).await), "{other}");
        }
        assert!(denied(out.store("127.0.0.1", relay.port()).await));
        assert!(out.resolve("other.example").await.is_err());
        let image = tokio::task::spawn_blocking(move || out.image("other")).await.unwrap();
        assert!(image.is_err());
        closed.cancel();
        serving.await.unwrap();
    }

    #[test]
    fn addresses_keep_the_names_they_were_found_for() {
        let mut found = Found::default();
        let address: IpAddr = "1.1.1.1".parse().unwrap();
        found.note("A.example", &[address]);
        found.note("b.example", &[address]);
        let mut names = found.names(address);
        names.sort();
        assert_eq!(names, ["a.example", "b.example"]);
        assert!(found.names("1.1.1.2".parse().unwrap()).is_empty());
    }
}
