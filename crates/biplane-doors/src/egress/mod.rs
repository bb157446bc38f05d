//! The egress door of one sandbox: an HTTP proxy (CONNECT, and `http://` in absolute form) that decides
//! by the workspace's network policy of this moment.

mod dial;
mod forward;
mod guard;
mod hello;
mod request;
mod tunnel;

use crate::event::{Destination, Outcome, Reason, Recorder};
use crate::limits::{Limits, Meter};
use crate::outside::Outside;
use crate::policy::Policy;
use crate::target::{Host, Target};
use guard::Guard;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

/// A request's head; more is answered 431.
const HEAD_BYTES_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 100;
const TOO_MANY: &[u8] = b"HTTP/1.1 503 too many connections of this sandbox\r\n\
    Content-Length: 0\r\nConnection: close\r\n\r\n";

pub struct Egress {
    pub recorder: Arc<Recorder>,
    /// Changes take effect at once, also on what runs.
    pub policy: watch::Receiver<Arc<Policy>>,
    pub limits: Limits,
    pub meter: Arc<Meter>,
    pub outside: Arc<dyn Outside>,
}

/// One accepted connection and everything that comes of it.
#[derive(Clone)]
struct Visit {
    door: Arc<Egress>,
    /// Held as long as anything of the connection lives.
    slot: Arc<OwnedSemaphorePermit>,
    closed: CancellationToken,
    /// The host that this connection was opened to by a CONNECT to port 80.
    fixed: Option<Target>,
}

impl Egress {
    /// Accepts until `closed`, which also ends what was accepted.
    pub async fn keep(self: Arc<Self>, listener: UnixListener, closed: CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.limits.connections_max));
        loop {
            let accepted = tokio::select! {
                () = closed.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    let sandbox_id = &self.recorder.identity().sandbox_id;
                    tracing::warn!(%sandbox_id, %error, "the egress door could not accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let Ok(slot) = slots.clone().try_acquire_owned() else {
                self.refuse(&stream);
                continue;
            };
            let visit = Visit {
                door: self.clone(),
                slot: Arc::new(slot),
                closed: closed.clone(),
                fixed: None,
            };
            tokio::spawn(visit.serve(stream, bytes::Bytes::new()));
        }
    }

    fn refuse(&self, stream: &UnixStream) {
        // Whoever has too many connections is not waited for.
        let _ = stream.try_write(TOO_MANY);
        let any = Destination::Name { host: "*".into(), port: 0 };
        self.denied(any, Reason::Connections);
    }

    fn denied(&self, destination: Destination, reason: Reason) {
        self.meter.denied();
        let sandbox_id = &self.recorder.identity().sandbox_id;
        tracing::debug!(%sandbox_id, ?destination, %reason, "egress denied");
        self.recorder.record(destination, Outcome::Denied, reason);
    }
}

impl Visit {
    /// `early`: what was read of the stream already.
    async fn serve(self, stream: UnixStream, early: bytes::Bytes) {
        let closed = self.closed.clone();
        let limits = &self.door.limits;
        let mut server = hyper::server::conn::http1::Builder::new();
        server
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_timeout)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .auto_date_header(false);
        let visit = self.clone();
        let service = hyper::service::service_fn(move |request| {
            let visit = visit.clone();
            async move { Ok::<_, std::convert::Infallible>(visit.answer(request).await) }
        });
        let io = TokioIo::new(guard::Early::new(stream, early));
        let serving = server.serve_connection(io, service).with_upgrades();
        tokio::select! {
            () = closed.cancelled() => {}
            // Clients end connections as they like.
            _ = serving => {}
        }
    }

    /// A server within a server.
    fn serve_within(
        self,
        stream: UnixStream,
        early: bytes::Bytes,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.serve(stream, early))
    }

    fn guard(&self, target: &Target) -> Arc<Guard> {
        Arc::new(Guard::new(self, target.clone()))
    }
}

impl From<&Target> for Destination {
    fn from(target: &Target) -> Self {
        let port = target.port;
        match &target.host {
            Host::Name(host) => Self::Name { host: host.clone(), port },
            Host::Address(address) => Self::Address { address: *address, port },
        }
    }
}
