//! LZ4 frames that can be joined without decompressing them.
//!
//! Every frame is written with independent blocks, no checksums and no content size, so its header is
//! always the same seven bytes and its blocks mean the same behind any other block. A gateway that has
//! the frame of a schema and the frame of some batches makes the frame of both by copying blocks.

use bytes::{Bytes, BytesMut};
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
use std::io::Write;
use std::sync::LazyLock;

/// Of every frame of ours, always the same bytes.
pub const HEADER_BYTES: usize = 7;
pub const END_BYTES: usize = 4;
const END_MARK: [u8; END_BYTES] = [0; END_BYTES];

#[derive(Debug, thiserror::Error)]
#[error("not an LZ4 frame of ours")]
pub struct NotOurs;

/// Compresses `parts`, one behind the other, into one frame.
pub fn compress(parts: &[&[u8]]) -> std::io::Result<Vec<u8>> {
    let info = FrameInfo::new().block_mode(BlockMode::Independent).block_size(BlockSize::Max256KB);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    for part in parts {
        encoder.write_all(part)?;
    }
    encoder.finish().map_err(std::io::Error::other)
}

/// Joins frames into one whose content is theirs, one behind the other.
pub fn join(frames: &[&[u8]]) -> Result<Bytes, NotOurs> {
    let total: usize = frames.iter().map(|frame| frame.len()).sum();
    let mut out = BytesMut::with_capacity(total);
    for (index, frame) in frames.iter().enumerate() {
        let blocks = frame
            .get(HEADER_BYTES..)
            .and_then(|rest| rest.strip_suffix(&END_MARK))
            .ok_or(NotOurs)?;
        if index == 0 {
            out.extend_from_slice(&frame[..HEADER_BYTES]);
        } else if frame[..HEADER_BYTES] != out[..HEADER_BYTES] {
            return Err(NotOurs);
        }
        out.extend_from_slice(blocks);
    }
    out.extend_from_slice(&END_MARK);
    Ok(out.freeze())
}

/// Whether blocks of this frame may be put behind blocks of another.
pub fn check(frame: &[u8]) -> Result<(), NotOurs> {
    static EMPTY: LazyLock<Vec<u8>> = LazyLock::new(|| compress(&[]).unwrap_or_default());
    let same_header = frame.get(..HEADER_BYTES) == EMPTY.get(..HEADER_BYTES);
    let ended = frame.get(HEADER_BYTES..).is_some_and(|rest| rest.ends_with(&END_MARK));
    if same_header && ended { Ok(()) } else { Err(NotOurs) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn decompress(frame: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        lz4_flex::frame::FrameDecoder::new(frame).read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn joined_frames_decompress_to_joined_content() {
        let big: Vec<u8> = (0..3_000_000u32).map(|n| (n / 7) as u8).collect();
        let frames = [
            compress(&[b"schema"]).unwrap(),
            compress(&[&big, b"x"]).unwrap(),
            compress(&[]).unwrap(),
        ];
        let joined = join(&frames.each_ref().map(Vec::as_slice)).unwrap();
        assert_eq!(decompress(&joined), [b"schema", big.as_slice(), b"x"].concat());
    }

    #[test]
    fn foreign_bytes_are_refused() {
        assert!(join(&[b"short"]).is_err());
        let ours = compress(&[b"a"]).unwrap();
        assert!(join(&[&ours, b"0123456789abcdef"]).is_err());
        assert!(check(&ours).is_ok());
        for bad in [&b"short"[..], b"0123456789abcdef", &ours[..7]] {
            assert!(check(bad).is_err());
        }
    }
}
