//! gRPC over a connection that is already there: the side that accepted it becomes the client.

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::transport::{Channel, Endpoint};

/// Largest message either side accepts: a chunk and its frame.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Window of one stream and of the connection: two chunks in flight without a round trip.
pub const WINDOW_BYTES: u32 = 8 << 20;

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
            taken.ok_or_else(|| std::io::Error::new(std::io::ErrorKind::NotConnected, "the peer went away"))
        }
    });
    Endpoint::from_static("http://relay")
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES * 2)
        .http2_keep_alive_interval(std::time::Duration::from_secs(10))
        .keep_alive_timeout(std::time::Duration::from_secs(10))
        .keep_alive_while_idle(true)
        .tcp_nodelay(true)
        .connect_with_connector(connector)
        .await
}
