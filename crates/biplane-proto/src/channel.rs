//! gRPC over a connection that is already there: the side that accepted it becomes the client, the side
//! that dialled it serves.

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
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
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// Long enough for a host that is busy; a process that died is known at once by its connection.
const PING_TIMEOUT: Duration = Duration::from_secs(30);

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
    hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(hyper_util::rt::TokioTimer::new())
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES * 2)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_send_buf_size(FRAME_BYTES_MAX as usize)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .await
}
