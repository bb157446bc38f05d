//! What one agent of a host says to another: `drain`. The connection then stays until the other has ended.

use crate::host;
use std::io;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

const NAME: &str = "control.sock";
const DRAIN: &[u8; 6] = b"drain\n";

/// In the agent's own directory, which is its user's alone.
pub fn open(dir: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(dir.join(NAME)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    host::bind(dir, NAME)
}

/// Cancels `drain` when it is asked to. Never returns.
pub async fn serve(listener: &UnixListener, drain: &CancellationToken) {
    let mut waiting = Vec::new();
    loop {
        let mut asked = [0; DRAIN.len()];
        match listener.accept().await {
            Ok((mut stream, _)) => {
                if stream.read_exact(&mut asked).await.is_ok() && asked == *DRAIN {
                    tracing::info!("another agent takes over");
                    drain.cancel();
                    waiting.push(stream);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the control socket could not accept");
                return std::future::pending().await;
            }
        }
    }
}

/// Asks the agent of that directory to drain. Returns when it has ended, or is not there.
pub async fn drain(dir: &Path) -> io::Result<()> {
    let mut stream: UnixStream = host::connect(dir, NAME).await?;
    stream.write_all(DRAIN).await?;
    let mut end = [0];
    // Nothing is ever said.
    let _ = stream.read(&mut end).await;
    Ok(())
}
