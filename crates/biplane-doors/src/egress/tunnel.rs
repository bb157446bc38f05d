//! CONNECT: a tunnel of bytes, once it is clear that it leads where it says.

use super::guard::{Early, Guard};
use super::{Visit, dial, hello};
use crate::carry::copy;
use crate::http_text::{self, Body};
use bytes::BytesMut;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream};

pub async fn connect(
    visit: Visit,
    guard: Arc<Guard>,
    request: Request<Incoming>,
) -> Response<Body> {
    if let Err(reason) = guard.decide() {
        return http_text::text(StatusCode::FORBIDDEN, &guard.text(&reason));
    }
    let inspects = guard.policy().inspects(&guard.target);
    // Requests on port 80 are checked one by one, like those in absolute form.
    let upstream = if inspects && guard.target.port == 80 {
        None
    } else {
        match dial::dial(&guard).await {
            Ok(stream) => Some(stream),
            Err(failed) => return failed.answer(&guard),
        }
    };
    tokio::spawn(async move {
        let closed = visit.closed.clone();
        let carrying = async {
            // Refused by the client, or by what it does: there is nobody to tell.
            let Ok(upgraded) = hyper::upgrade::on(request).await else {
                return;
            };
            let Some((client, early)) = raw(upgraded) else {
                return;
            };
            match upstream {
                Some(upstream) => carry(&guard, client, early, upstream, inspects).await,
                None => {
                    let fixed = Some(guard.target.clone());
                    Visit { fixed, ..visit }.serve_within(client, early.freeze()).await;
                }
            }
        };
        tokio::select! {
            () = closed.cancelled() => {}
            () = carrying => {}
        }
    });
    Response::new(http_text::empty())
}

/// The socket itself, and what was read of it beyond the request.
fn raw(upgraded: Upgraded) -> Option<(UnixStream, BytesMut)> {
    let parts = upgraded.downcast::<TokioIo<Early<UnixStream>>>().ok()?;
    let Early { inner, early } = parts.io.into_inner();
    let mut bytes = BytesMut::from(&parts.read_buf[..]);
    bytes.extend_from_slice(&early);
    Some((inner, bytes))
}

async fn carry(
    guard: &Guard,
    mut client: UnixStream,
    mut early: BytesMut,
    mut upstream: TcpStream,
    inspects: bool,
) {
    if inspects && !hello::admits(guard, &mut client, &mut early).await {
        return;
    }
    guard.allowed();
    let copying = async {
        upstream.write_all(&early).await?;
        guard.sent(early.len())?;
        drop(early);
        let (mut from_client, mut to_client) = client.split();
        let (mut from_upstream, mut to_upstream) = upstream.split();
        // Each direction ends by itself: a half-closed connection drains before it goes.
        tokio::try_join!(
            copy(&mut from_client, &mut to_upstream, |bytes| guard.sent(bytes)),
            copy(&mut from_upstream, &mut to_client, |bytes| guard.received(bytes)),
        )
    };
    tokio::select! {
        () = guard.ends() => {}
        result = copying => if let Err(error) = result {
            tracing::debug!(target = %guard.target, %error, "a tunnel broke");
        }
    }
}
