//! Reading a file, or a part of it.

use super::{Failed, Roots};
use crate::http_text::{self, Body, BoxError};
use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH,
    LAST_MODIFIED, RANGE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;
use tokio::task::JoinHandle;

const PIECE_BYTES: u64 = 512 << 10;

pub async fn answer(
    roots: &Arc<Roots>,
    key: &str,
    headers: &HeaderMap,
    method: &Method,
) -> Result<Response<Body>, Failed> {
    let (all, way) = (roots.clone(), key.to_owned());
    let (file, about) = tokio::task::spawn_blocking(move || {
        let file = all.place(&way)?.file()?;
        let about = file.metadata()?;
        Ok::<_, Failed>((file, about))
    })
    .await??;
    if !about.is_file() {
        return Err(Failed::Missing);
    }
    let etag = etag(&about);
    let asked = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let mut answer = Response::new(http_text::empty());
    set(&mut answer, ETAG, &etag);
    set(&mut answer, LAST_MODIFIED, &http_date(&about));
    if asked(IF_MATCH).is_some_and(|wanted| wanted != "*" && wanted != etag) {
        *answer.status_mut() = StatusCode::PRECONDITION_FAILED;
        return Ok(answer);
    }
    if asked(IF_NONE_MATCH).is_some_and(|known| known == "*" || known == etag) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(answer);
    }
    let length = about.len();
    let part = match asked(RANGE) {
        Some(range) => range_of(range, length)?,
        None => None,
    };
    if let Some(part) = &part {
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
        set(&mut answer, CONTENT_RANGE, &format!("bytes {}-{}/{length}", part.start, part.end - 1));
    }
    let part = part.unwrap_or(0..length);
    set(&mut answer, ACCEPT_RANGES, "bytes");
    set(&mut answer, CONTENT_TYPE, "application/octet-stream");
    set(&mut answer, CONTENT_LENGTH, &(part.end - part.start).to_string());
    if method != Method::HEAD {
        *answer.body_mut() = Pieces { file: Arc::new(file), part, reading: None }.boxed();
    }
    Ok(answer)
}

fn set(answer: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

pub(super) fn etag(about: &Metadata) -> String {
    format!(
        "\"{:x}-{:x}-{:x}\"",
        about.ino(),
        about.mtime_nsec() as u64 ^ about.mtime() as u64,
        about.len()
    )
}

fn http_date(about: &Metadata) -> String {
    let modified = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    chrono::DateTime::<chrono::Utc>::from(modified).format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// None: what cannot be read as one range of bytes is no range at all.
fn range_of(text: &str, length: u64) -> Result<Option<Range<u64>>, Failed> {
    let Some((from, to)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return Ok(None);
    };
    let number = |text: &str| text.parse::<u64>().ok();
    let range = match (number(from), number(to)) {
        (Some(from), Some(to)) if from <= to => from..to.saturating_add(1).min(length),
        (Some(from), None) if to.is_empty() => from..length,
        (None, Some(last)) if from.is_empty() => length.saturating_sub(last)..length,
        _ => return Ok(None),
    };
    if range.start >= range.end { Err(Failed::Range(length)) } else { Ok(Some(range)) }
}

/// A file on its way, a piece at a time.
struct Pieces {
    file: Arc<File>,
    part: Range<u64>,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl Pieces {
    fn read(&self) -> JoinHandle<io::Result<Bytes>> {
        let (file, at) = (self.file.clone(), self.part.start);
        let bytes = usize::try_from((self.part.end - at).min(PIECE_BYTES)).unwrap_or(0);
        tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; bytes];
            file.read_exact_at(&mut piece, at)?;
            Ok(piece.into())
        })
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.part.is_empty() {
            return Poll::Ready(None);
        }
        let mut reading = match self.reading.take() {
            Some(reading) => reading,
            None => self.read(),
        };
        let polled = Pin::new(&mut reading).poll(context);
        if polled.is_pending() {
            self.reading = Some(reading);
        }
        let piece = match ready!(polled) {
            Ok(Ok(piece)) => piece,
            Ok(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            Err(error) => return Poll::Ready(Some(Err(error.into()))),
        };
        self.part.start += piece.len() as u64;
        if !self.part.is_empty() {
            self.reading = Some(self.read());
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.part.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.part.end - self.part.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_s3_reads_them() {
        let range =
            |text| range_of(text, 10).map(|range| range.map(|range| (range.start, range.end)));
        for (text, expected) in [
            ("bytes=0-3", Some((0, 4))),
            ("bytes=4-", Some((4, 10))),
            ("bytes=-3", Some((7, 10))),
            ("bytes=-30", Some((0, 10))),
            ("bytes=8-99", Some((8, 10))),
            ("bytes=3-1", None),
            ("bytes=0-1,3-4", None),
            ("lines=0-1", None),
        ] {
            assert_eq!(range(text).unwrap(), expected, "{text}");
        }
        assert!(range("bytes=10-").is_err() && range("bytes=-0").is_err());
    }
}
