//! A door on a real Unix socket, an origin server on loopback, and names that lead where a test says.

use biplane_api::ids::{SandboxId, WorkspaceId};
use biplane_api::network::{EgressMode, EgressPolicy, EgressProduct, HostPattern};
use biplane_doors::egress::Egress;
use biplane_doors::{
    Event, EventLog, Identity, Limits, Meter, Operator, Outcome, Outside, Policy, Recorder,
};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Looks like the internet; every connection to it ends at the origin.
pub const PUBLIC: &str = "93.184.215.14";
const PATIENCE: Duration = Duration::from_secs(10);

/// Each name has a list of answers; the last one stays.
#[derive(Default)]
pub struct World {
    names: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    pub resolved: Mutex<Vec<String>>,
    pub dialled: Mutex<Vec<SocketAddr>>,
    origin: Mutex<Option<SocketAddr>>,
}

impl World {
    pub fn name(&self, name: &str, answers: &[&[&str]]) {
        let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
        self.names.lock().insert(name.to_owned(), answers.iter().map(parse).collect());
    }
}

#[async_trait::async_trait]
impl Outside for World {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.resolved.lock().push(name.to_owned());
        let mut names = self.names.lock();
        let answers = names.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() })
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.dialled.lock().push(address);
        let origin = self.origin.lock().ok_or(io::ErrorKind::ConnectionRefused)?;
        TcpStream::connect(origin).await
    }
}

pub struct Bed {
    pub world: Arc<World>,
    pub policy: watch::Sender<Arc<Policy>>,
    pub recorder: Arc<Recorder>,
    pub log: Arc<EventLog>,
    pub meter: Arc<Meter>,
    pub dir: tempfile::TempDir,
    pub identity: Identity,
    closed: CancellationToken,
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

/// Restricted to these names.
pub fn restricted(internet: &[&str]) -> Policy {
    Policy {
        egress: EgressPolicy {
            mode: EgressMode::RestrictedAccess,
            internet: internet.iter().map(|name| HostPattern((*name).to_owned())).collect(),
            ..EgressPolicy::full_access("test")
        },
        product: EgressProduct::Other,
        operator: Operator::default(),
    }
}

pub fn quick() -> Limits {
    Limits {
        head_timeout: Duration::from_millis(300),
        hello_timeout: Duration::from_millis(300),
        ..Limits::default()
    }
}

impl Bed {
    pub fn new(policy: Policy, limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = biplane_doors::open(dir.path(), "egress.sock").unwrap();
        let identity = Identity {
            sandbox_id: SandboxId::random(),
            workspace_id: WorkspaceId(7),
            product: EgressProduct::Other,
        };
        let (policy, watched) = watch::channel(Arc::new(policy));
        let (world, log, meter) = (Arc::<World>::default(), Arc::default(), Arc::default());
        let recorder = Arc::new(Recorder::new(identity.clone(), Arc::clone(&log)));
        let door = Egress {
            recorder: recorder.clone(),
            policy: watched,
            limits,
            meter: Arc::clone(&meter),
            outside: world.clone(),
        };
        let closed = CancellationToken::new();
        tokio::spawn(Arc::new(door).keep(listener, closed.clone()));
        Self { world, policy, recorder, log, meter, dir, identity, closed }
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("egress.sock")
    }

    pub async fn dial(&self) -> UnixStream {
        UnixStream::connect(self.path()).await.unwrap()
    }

    /// The answer's first line and body to a CONNECT, on a connection of its own.
    pub async fn connect(&self, target: &str) -> (UnixStream, String) {
        self.ask(&format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n")).await
    }

    pub async fn ask(&self, request: &str) -> (UnixStream, String) {
        let mut stream = self.dial().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = answer(&mut stream).await;
        (stream, answer)
    }

    /// A server that gives back what it gets, and remembers it.
    pub async fn echo(&self) -> Arc<Mutex<Vec<u8>>> {
        self.origin(|mut stream, seen| async move {
            let mut buffer = vec![0; 65536];
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                seen.lock().extend_from_slice(&buffer[..read]);
                if stream.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
            }
        })
        .await
    }

    /// A server that answers every connection once, `ok`, when its bytes pause.
    pub async fn web(&self) -> Arc<Mutex<Vec<u8>>> {
        self.origin(|mut stream, seen| async move {
            let mut buffer = vec![0; 65536];
            let mut answered = false;
            loop {
                let pause = Duration::from_millis(if answered { 5000 } else { 100 });
                match tokio::time::timeout(pause, stream.read(&mut buffer)).await {
                    Ok(Ok(read @ 1..)) => seen.lock().extend_from_slice(&buffer[..read]),
                    Err(_) if !answered => {
                        answered = true;
                        let text =
                            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: x\r\n\r\nok";
                        stream.write_all(text).await.unwrap();
                    }
                    _ => return,
                }
            }
        })
        .await
    }

    async fn origin<F>(
        &self,
        serve: impl Fn(TcpStream, Arc<Mutex<Vec<u8>>>) -> F + Send + 'static,
    ) -> Arc<Mutex<Vec<u8>>>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        *self.world.origin.lock() = Some(listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<u8>>>::default();
        let shared = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        seen
    }

    pub fn last(&self) -> Event {
        self.recorder.recent().pop().expect("an event")
    }

    pub fn outcomes(&self) -> Vec<(Outcome, &'static str)> {
        self.recorder.recent().iter().map(|event| (event.outcome, event.reason.code())).collect()
    }
}

/// All of an answer that has a length or ends the connection; a 200 to a CONNECT has neither.
pub async fn answer(stream: &mut UnixStream) -> String {
    let reading = async {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_ascii_lowercase();
                let length = head
                    .split("content-length: ")
                    .nth(1)
                    .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
                if body.len() >= length {
                    return text;
                }
            }
            if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return text;
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("an answer in time")
}

/// Reads exactly these bytes.
pub async fn expect(stream: &mut UnixStream, bytes: &[u8]) {
    let mut got = vec![0; bytes.len()];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut got)).await.unwrap().unwrap();
    assert_eq!(got, bytes);
}

/// The rest of what comes, until the end.
pub async fn rest(stream: &mut UnixStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Reset is an end, too.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap();
    bytes
}

pub async fn until(what: impl Fn() -> bool) {
    let waiting = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it happens");
}
