//! Plain `http://`: each request is read, decided and written anew, so that nothing hides between two.

use super::guard::{Counted, Guard};
use super::{Visit, dial};
use crate::event::Reason;
use crate::http_text::{self, Body, BoxError};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::sync::Arc;

const RESPONSE_HEAD_BYTES_MAX: usize = 64 << 10;

/// Of one connection, not of the message.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

pub async fn forward(
    visit: Visit,
    guard: Arc<Guard>,
    request: Request<Incoming>,
) -> Response<Body> {
    if let Err(reason) = guard.decide() {
        return http_text::text(StatusCode::FORBIDDEN, &guard.text(&reason));
    }
    // Another port speaks what this door cannot look into.
    if guard.target.port != 80 && guard.private().is_none() {
        let reason = guard.deny(Reason::Port);
        return http_text::text(StatusCode::FORBIDDEN, &guard.text(&reason));
    }
    let stream = match dial::dial(&guard).await {
        Ok(stream) => stream,
        Err(failed) => return failed.answer(&guard),
    };
    guard.allowed();
    match exchange(visit, guard.clone(), Counted { inner: stream, guard: guard.clone() }, request)
        .await
    {
        Ok(response) => response,
        Err(error) => {
            tracing::debug!(target = %guard.target, %error, "a request failed");
            let text = format!("egress to {} failed: the server did not answer", guard.target);
            http_text::text(StatusCode::BAD_GATEWAY, &text)
        }
    }
}

async fn exchange(
    visit: Visit,
    guard: Arc<Guard>,
    stream: Counted<tokio::net::TcpStream>,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, BoxError> {
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(RESPONSE_HEAD_BYTES_MAX)
        .handshake::<_, Incoming>(TokioIo::new(stream))
        .await?;
    let watched = guard.clone();
    tokio::spawn(async move {
        let _slot = visit.slot;
        tokio::select! {
            () = watched.ends() => {}
            _ = connection => {}
        }
    });
    rewrite(&mut request, &guard)?;
    let mut response = sender.send_request(request).await?;
    strip(response.headers_mut());
    // What was asked for as a message stays one.
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err("the server changed the protocol".into());
    }
    Ok(response.map(|body| body.map_err(Into::into).boxed()))
}

/// From the form for a proxy to the form for a server.
fn rewrite(request: &mut Request<Incoming>, guard: &Guard) -> Result<(), BoxError> {
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    *request.version_mut() = http::Version::HTTP_11;
    strip(request.headers_mut());
    let host = match guard.target.port {
        80 => HeaderValue::from_str(&guard.target.host.to_string())?,
        _ => HeaderValue::from_str(&guard.target.to_string())?,
    };
    request.headers_mut().insert(header::HOST, host);
    Ok(())
}

fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // Which bytes are the body is not for a connection option to say.
        .filter(|name| name != header::CONTENT_LENGTH && name != header::HOST)
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
    headers.remove("proxy-connection");
}
