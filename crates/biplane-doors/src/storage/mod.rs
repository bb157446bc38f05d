//! The storage door of one sandbox: an S3 endpoint that wants no key, has no bucket of its own and lets
//! through what the workspace may read or write.
//!
//! What must hold: a request is read once, strictly, and written anew from what was understood; what
//! was not understood is refused; no key and no part of one ever goes back to the sandbox.

mod aws_chunked;
mod body;
mod delete;
mod files;
mod forward;
mod grants;
mod name;
mod request;
mod runtime;
mod sign;
mod upstream;
mod xml;

use crate::event::{Destination, Outcome, Reason, Recorder};
use crate::limits::{Limits, Meter};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

pub use files::{BUCKET as FILES_BUCKET, Files, Roots};
pub use grants::{Grant, Keys, Store, Stores};
pub use upstream::{Client, ClientError};

/// Names and signatures of several headers; more is answered 431.
const HEAD_BYTES_MAX: usize = 32 << 10;
const HEADERS_MAX: usize = 100;
/// Clients keep connections in pools.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

pub struct Storage {
    pub recorder: Arc<Recorder>,
    /// Changes take effect at once, also on what is being transferred.
    pub stores: watch::Receiver<Arc<Stores>>,
    pub limits: Limits,
    pub meter: Arc<Meter>,
    pub client: Client,
    pub whose: Whose,
}

/// Who is behind the door.
pub enum Whose {
    /// It is trusted with what its workspace has.
    Engine,
    /// Code of users: what was granted to it, local files too, and to what is there it only adds.
    Runtime(Files),
}

impl Storage {
    /// Accepts until `closed`, which also ends what was accepted.
    pub async fn keep(self: Arc<Self>, listener: UnixListener, closed: CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.limits.connections_max));
        loop {
            let accepted = tokio::select! {
                () = closed.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match (accepted, slots.clone().try_acquire_owned()) {
                (Ok((stream, _)), Ok(slot)) => {
                    let (door, closed) = (self.clone(), closed.clone());
                    tokio::spawn(async move {
                        let _slot = slot;
                        tokio::select! {
                            () = closed.cancelled() => {}
                            () = door.serve(stream) => {}
                        }
                    });
                }
                (Ok((stream, _)), Err(_)) => {
                    let _ = stream.try_write(xml::SLOW_DOWN);
                    self.denied("*", "", Reason::Connections);
                }
                (Err(error), _) => {
                    let sandbox_id = &self.recorder.identity().sandbox_id;
                    tracing::warn!(%sandbox_id, %error, "the storage door could not accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    async fn serve(self: Arc<Self>, stream: UnixStream) {
        let mut server = hyper::server::conn::http1::Builder::new();
        server
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE_TIMEOUT)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .auto_date_header(true);
        let service = hyper::service::service_fn(move |request| {
            let door = self.clone();
            async move { Ok::<_, std::convert::Infallible>(door.answer(request).await) }
        });
        // Clients end connections as they like.
        let _ = server.serve_connection(TokioIo::new(stream), service).await;
    }

    fn denied(&self, bucket: &str, path: &str, reason: Reason) {
        self.meter.denied();
        let destination = Destination::Storage { bucket: bucket.to_owned(), path: path.to_owned() };
        let sandbox_id = &self.recorder.identity().sandbox_id;
        tracing::debug!(%sandbox_id, ?destination, %reason, "storage denied");
        self.recorder.record(destination, Outcome::Denied, reason);
    }
}
