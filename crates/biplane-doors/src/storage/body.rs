//! A body on its way: counted, watched, and given up when nothing moves.

use super::Storage;
use crate::event::Reason;
use crate::http_text::{Body, BoxError};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};

use super::grants::Stores;

#[derive(Debug, Clone, Copy)]
pub enum Way {
    Up,
    Down,
}

/// What a transfer touches, to be asked again when the grants change.
#[derive(Debug, Clone)]
pub struct Touched {
    pub bucket: String,
    pub key: String,
    pub write: bool,
}

pub struct Watched<B> {
    inner: B,
    door: Arc<Storage>,
    stores: watch::Receiver<Arc<Stores>>,
    touched: Touched,
    way: Way,
    idle: Pin<Box<Sleep>>,
}

/// `stores`: as it was when the request was decided.
pub fn watched<B>(
    inner: B,
    door: &Arc<Storage>,
    stores: &watch::Receiver<Arc<Stores>>,
    touched: &Touched,
    way: Way,
) -> Body
where
    B: http_body::Body<Data = Bytes> + Send + Sync + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let idle = Box::pin(tokio::time::sleep(door.limits.idle_timeout));
    let (door, stores, touched) = (door.clone(), stores.clone(), touched.clone());
    Watched { inner, door, stores, touched, way, idle }.boxed()
}

impl<B> Watched<B> {
    fn check(&mut self, bytes: usize) -> Result<(), BoxError> {
        match self.way {
            Way::Up => self.door.meter.sent(bytes),
            Way::Down => self.door.meter.received(bytes),
        }
        let reason = if self.door.meter.exceeds(self.door.limits.bytes_max) {
            Some(Reason::Bytes)
        } else if self.stores.has_changed().unwrap_or(true) {
            let Touched { bucket, key, write } = &self.touched;
            self.stores.borrow_and_update().find(bucket, key, *write).err()
        } else {
            None
        };
        match reason {
            Some(reason) => {
                let text = reason.to_string();
                self.door.denied(&self.touched.bucket, &self.touched.key, reason);
                Err(text.into())
            }
            None => Ok(()),
        }
    }
}

impl<B> http_body::Body for Watched<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                let next = Instant::now() + self.door.limits.idle_timeout;
                self.idle.as_mut().reset(next);
                Poll::Ready(Some(self.check(bytes).map(|()| frame)))
            }
            Poll::Ready(other) => Poll::Ready(other.map(|result| result.map_err(Into::into))),
            Poll::Pending => match self.idle.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Some(Err("nothing moved for too long".into()))),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
