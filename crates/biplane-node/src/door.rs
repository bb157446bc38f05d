//! The relay door of a sandbox: a Unix socket in its directory. Who a connection belongs to is which
//! socket accepted it, never what it says.

use crate::host;
use crate::tls::Dialer;
use biplane_proto::preface::{DoorRequest, Role};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// The socket's name in the sandbox's directory.
pub const NAME: &str = "relay.sock";

const CONNECTIONS_MAX: usize = 64;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Two of these are all that stands between an engine and the relay.
const COPY_BUFFER_BYTES: usize = 128 << 10;

pub fn open(dir: &Path) -> std::io::Result<UnixListener> {
    host::bind(dir, NAME)
}

/// Accepts until `closed`, which also ends what was accepted.
pub async fn keep(
    listener: UnixListener,
    sandbox_id: String,
    dialer: Arc<Dialer>,
    closed: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let accepting = async {
        loop {
            let Ok(slot) = slots.clone().acquire_owned().await else {
                return;
            };
            let inner = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%sandbox_id, %error, "the door could not accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let (sandbox_id, dialer, closed) = (sandbox_id.clone(), dialer.clone(), closed.clone());
            tokio::spawn(async move {
                let _slot = slot;
                tokio::select! {
                    () = closed.cancelled() => {}
                    result = carry(inner, sandbox_id.clone(), &dialer) => if let Err(error) = result {
                        tracing::debug!(%sandbox_id, %error, "a door connection ended");
                    }
                }
            });
        }
    };
    tokio::select! {
        () = closed.cancelled() => {}
        () = accepting => {}
    }
}

#[derive(Debug, thiserror::Error)]
enum CarryError {
    #[error("it did not say what it wants in time")]
    Silent,
    #[error(transparent)]
    Preface(#[from] biplane_proto::preface::PrefaceError),
    #[error(transparent)]
    Dial(#[from] crate::tls::DialError),
    #[error("its line is dead")]
    DeadLine,
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

async fn carry(
    mut inner: UnixStream,
    sandbox_id: String,
    dialer: &Dialer,
) -> Result<(), CarryError> {
    let request = tokio::time::timeout(REQUEST_TIMEOUT, DoorRequest::read(&mut inner))
        .await
        .map_err(|_| CarryError::Silent)??;
    let role = match request {
        DoorRequest::Serve => Role::Engine { sandbox_id },
        DoorRequest::Call => Role::Call { sandbox_id },
        DoorRequest::Code => Role::Code { sandbox_id },
        DoorRequest::Spark => Role::Spark { sandbox_id },
        DoorRequest::Catalog => Role::Catalog { sandbox_id },
    };
    let line = dialer.line();
    let mut outer = dialer.dial(&role).await?;
    // Ends each direction by itself, so a half-closed connection drains before it goes.
    let carrying =
        copy_bidirectional_with_sizes(&mut inner, &mut outer, COPY_BUFFER_BYTES, COPY_BUFFER_BYTES);
    tokio::select! {
        () = line.cancelled() => Err(CarryError::DeadLine),
        carried = carrying => Ok(carried.map(|_| ())?),
    }
}
