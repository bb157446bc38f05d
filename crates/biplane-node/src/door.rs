//! The relay door of a sandbox: a Unix socket in its directory. Who a connection belongs to is which
//! socket accepted it, never what it says.

use crate::tls::Dialer;
use biplane_proto::preface::{DoorRequest, Role};
use std::fs::File;
use std::os::fd::AsRawFd;
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

/// Opens the door. The path is reached through a descriptor so that its length does not matter.
pub fn open(dir: &Path) -> std::io::Result<UnixListener> {
    let handle = File::open(dir)?;
    UnixListener::bind(format!("/proc/self/fd/{}/{NAME}", handle.as_raw_fd()))
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
    };
    let mut outer = dialer.dial(&role).await?;
    // Ends each direction by itself, so a half-closed connection drains before it goes.
    copy_bidirectional_with_sizes(&mut inner, &mut outer, COPY_BUFFER_BYTES, COPY_BUFFER_BYTES)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_deep_directory_still_has_a_door() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("d".repeat(120)).join("e".repeat(120));
        std::fs::create_dir_all(&deep).unwrap();
        let listener = open(&deep).unwrap();
        let handle = File::open(&deep).unwrap();
        let path = format!("/proc/self/fd/{}/{NAME}", handle.as_raw_fd());
        let (connected, accepted) = tokio::join!(UnixStream::connect(path), listener.accept());
        connected.unwrap();
        accepted.unwrap();
    }
}
