//! Bodies in which the client signed every piece: the pieces are taken out of their wrapping, whose
//! signatures nobody needs here.

use crate::http_text::BoxError;
use bytes::{Buf, Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A size, an extension with a signature.
const LINE_BYTES_MAX: usize = 1024;
const TRAILER_LINES_MAX: usize = 32;
const PIECE_BYTES_MAX: u64 = 5 << 30;

pub struct Decoded<B> {
    inner: B,
    buffer: BytesMut,
    state: State,
    /// Of the bytes that were announced, those that have yet to come.
    left: u64,
    ended: bool,
}

enum State {
    Size,
    Piece(u64),
    PieceEnd,
    Trailer(usize),
    Done,
}

impl<B> Decoded<B> {
    pub fn new(inner: B, length: u64) -> Self {
        Self { inner, buffer: BytesMut::new(), state: State::Size, left: length, ended: false }
    }

    /// The next bytes of content; None: more must be read.
    fn next(&mut self) -> Result<Option<Bytes>, BoxError> {
        loop {
            match self.state {
                State::Size => {
                    let Some(line) = self.line()? else {
                        return Ok(None);
                    };
                    let size = line[..].split(|byte| *byte == b';').next().unwrap_or_default();
                    let size = std::str::from_utf8(size)?.trim();
                    let digits = !size.is_empty() && size.bytes().all(|b| b.is_ascii_hexdigit());
                    let size = u64::from_str_radix(size, 16)?;
                    if !digits || size > self.left || size > PIECE_BYTES_MAX {
                        return Err("a piece of the body is longer than was announced".into());
                    }
                    self.left -= size;
                    self.state = match size {
                        0 => State::Trailer(0),
                        size => State::Piece(size),
                    };
                }
                State::Piece(_) if self.buffer.is_empty() => return Ok(None),
                State::Piece(size) => {
                    let there = usize::try_from(size).unwrap_or(usize::MAX).min(self.buffer.len());
                    let rest = size - there as u64;
                    self.state = if rest == 0 { State::PieceEnd } else { State::Piece(rest) };
                    return Ok(Some(self.buffer.split_to(there).freeze()));
                }
                State::PieceEnd => match self.line()? {
                    Some(line) if line.is_empty() => self.state = State::Size,
                    Some(_) => {
                        return Err("a piece of the body does not end where it should".into());
                    }
                    None => return Ok(None),
                },
                State::Trailer(lines) => match self.line()? {
                    Some(line) if line.is_empty() => self.state = State::Done,
                    Some(_) if lines < TRAILER_LINES_MAX => self.state = State::Trailer(lines + 1),
                    Some(_) => return Err("the body has too long a trailer".into()),
                    None => return Ok(None),
                },
                State::Done => return Ok(None),
            }
        }
    }

    fn line(&mut self) -> Result<Option<BytesMut>, BoxError> {
        let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") else {
            return match self.buffer.len() <= LINE_BYTES_MAX {
                true => Ok(None),
                false => Err("a line in the body is too long".into()),
            };
        };
        let line = self.buffer.split_to(end);
        self.buffer.advance(2);
        Ok(Some(line))
    }
}

impl<B> Body for Decoded<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            match self.next() {
                Ok(Some(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
            if self.ended {
                let whole = matches!(self.state, State::Done | State::Trailer(_)) && self.left == 0;
                return Poll::Ready(match whole {
                    true => None,
                    false => Some(Err("the body ended too early".into())),
                });
            }
            match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => self.ended = true,
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, StreamBody};

    async fn decode(text: &str, length: u64, piece: usize) -> Option<Vec<u8>> {
        let frames: Vec<_> = text
            .as_bytes()
            .chunks(piece)
            .map(|bytes| Ok::<_, BoxError>(Frame::data(Bytes::copy_from_slice(bytes))))
            .collect();
        let body = StreamBody::new(futures::stream::iter(frames));
        let bytes = Decoded::new(body, length).collect().await.ok()?;
        Some(bytes.to_bytes().to_vec())
    }

    #[tokio::test]
    async fn takes_the_content_out_of_its_wrapping() {
        let text = "5;chunk-signature=ab\r\nhello\r\n6;chunk-signature=cd\r\n world\r\n0;chunk-signature=ef\r\n\
            x-amz-checksum-crc32:AAAA\r\nx-amz-trailer-signature:00\r\n\r\n";
        for piece in [1, 2, 3, 7, 1000] {
            assert_eq!(decode(text, 11, piece).await.unwrap(), b"hello world");
        }
        assert_eq!(decode("0\r\n\r\n", 0, 3).await.unwrap(), b"");
        assert_eq!(decode(text, 12, 5).await, None);
        assert_eq!(decode(text, 10, 5).await, None);
        for wrong in [
            "5\r\nhelloX\r\n0\r\n\r\n",
            "+5\r\nhello\r\n0\r\n\r\n",
            "5\r\nhel",
            "\r\n",
            "ffffffffffffffff\r\n",
        ] {
            assert_eq!(decode(wrong, 5, 4).await, None, "{wrong}");
        }
        assert_eq!(decode(&"5".repeat(5000), 5, 100).await, None);
    }
}
