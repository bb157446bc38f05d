//! Bytes from one side to the other.

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const BUFFER_BYTES_MIN: usize = 16 << 10;
/// A tunnel that fills its buffers gets larger ones.
const BUFFER_BYTES_MAX: usize = 256 << 10;

/// Until the end of `from`, which then is the end of `to`. `count` may end it before.
pub async fn copy<R, W>(
    from: &mut R,
    to: &mut W,
    count: impl Fn(usize) -> io::Result<()>,
) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = vec![0; BUFFER_BYTES_MIN];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..read]).await?;
        // A TLS stream keeps what the socket had no room for.
        to.flush().await?;
        count(read)?;
        if read == buffer.len() && read < BUFFER_BYTES_MAX {
            buffer = vec![0; read * 4];
        }
    }
}
