//! gRPC over a connection that is already there: the side that accepted it becomes the client, the side
//! that dialled it serves.

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use nix::sys::socket::{setsockopt, sockopt};
use std::os::fd::AsFd;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::transport::{Channel, Endpoint};

/// Largest message either side accepts: a chunk and its frame.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Window of one stream and of the connection: two chunks in flight without a round trip.
pub const WINDOW_BYTES: u32 = 8 << 20;

/// Fewer, larger frames: a chunk is megabytes and every frame costs a header and a copy decision.
const FRAME_BYTES_MAX: u32 = 1 << 20;

/// A peer that answers no ping for the sum of these is gone.
pub const PING_INTERVAL: Duration = Duration::from_secs(10);
/// Long enough for a host that is busy; a process that died is known at once by its connection.
pub const PING_TIMEOUT: Duration = Duration::from_secs(30);

/// Makes the one given connection a channel. When the connection ends the channel is dead: a second
/// attempt to connect fails, it never dials.
pub async fn over<S>(stream: S) -> Result<Channel, tonic::transport::Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut stream = Some(TokioIo::new(stream));
    let connector = tower::service_fn(move |_: http::Uri| {
        let taken = stream.take();
        async move {
            taken.ok_or_else(|| {
                std::io::Error::new(std::io::ErrorKind::NotConnected, "the peer went away")
            })
        }
    });
    Endpoint::from_static("http://relay")
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES * 2)
        .max_frame_size(FRAME_BYTES_MAX)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true)
        .tcp_nodelay(true)
        .connect_with_connector(connector)
        .await
}

/// TCP gives up by itself after a quarter of an hour; who relays bytes that nobody acknowledges knows after
/// this, and so does who waits on a connection whose other end is gone.
const SILENCE_MAX: Duration = Duration::from_secs(40);

/// Ends the connection when its other end no longer answers, or takes nothing any more.
pub fn bound_silence(tcp: &impl AsFd) -> std::io::Result<()> {
    setsockopt(tcp, sockopt::KeepAlive, &true)?;
    setsockopt(tcp, sockopt::TcpKeepIdle, &10)?;
    setsockopt(tcp, sockopt::TcpKeepInterval, &10)?;
    let millis = u32::try_from(SILENCE_MAX.as_millis()).unwrap_or(u32::MAX);
    setsockopt(tcp, sockopt::TcpUserTimeout, &millis)?;
    Ok(())
}

/// Serves one gRPC service on the given connection until it ends.
pub async fn serve<S, Svc>(stream: S, service: Svc) -> Result<(), hyper::Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    Svc: tower::Service<
            http::Request<hyper::body::Incoming>,
            Response = http::Response<tonic::body::Body>,
            Error = std::convert::Infallible,
        > + Clone
        + Send
        + 'static,
    Svc::Future: Send + 'static,
{
    serve_until(stream, service, std::future::pending()).await
}

/// The same until `stop`: what was asked before is still answered.
pub async fn serve_until<S, Svc>(
    stream: S,
    service: Svc,
    stop: impl Future<Output = ()>,
) -> Result<(), hyper::Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    Svc: tower::Service<
            http::Request<hyper::body::Incoming>,
            Response = http::Response<tonic::body::Body>,
            Error = std::convert::Infallible,
        > + Clone
        + Send
        + 'static,
    Svc::Future: Send + 'static,
{
    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(hyper_util::rt::TokioTimer::new())
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES * 2)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_send_buf_size(FRAME_BYTES_MAX as usize)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = &mut connection => return ended,
        () = stop => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}
