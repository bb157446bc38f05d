//! Frames to and from an interpreter: four bytes of length, and that much JSON.

use serde_json::Value;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The sandbox says no more at one time; user code may be who speaks.
const FRAME_BYTES_MAX: usize = 16 << 20;

pub async fn read<R: AsyncRead + Unpin>(io: &mut R) -> io::Result<Value> {
    let length = io.read_u32().await? as usize;
    if length > FRAME_BYTES_MAX {
        return Err(io::Error::other("a frame is too long"));
    }
    // Grows with what comes: a length alone costs nothing.
    let mut body = Vec::new();
    (&mut *io).take(length as u64).read_to_end(&mut body).await?;
    if body.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    serde_json::from_slice(&body).map_err(io::Error::from)
}

pub async fn write<W: AsyncWrite + Unpin>(io: &mut W, frame: &Value) -> io::Result<()> {
    let body = serde_json::to_vec(frame)?;
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    io.write_u32(length).await?;
    io.write_all(&body).await?;
    io.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_survive_the_wire_and_nonsense_is_refused() {
        let mut bytes = Vec::new();
        let frame = serde_json::json!({ "op": "create" });
        write(&mut bytes, &frame).await.unwrap();
        assert_eq!(read(&mut bytes.as_slice()).await.unwrap(), frame);
        for bad in [&b"\xff\xff\xff\xff{}"[..], b"\0\0\0\x02{", b"\0\0\0\x01x", b"\0\0"] {
            assert!(read(&mut &bad[..]).await.is_err());
        }
    }
}
