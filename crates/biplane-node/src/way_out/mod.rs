//! The way out of a network with nothing but loopback: somebody outside connects, and passes the
//! connection in. One line is asked for per connection to a Unix socket, and one is answered.

mod broker;
mod request;

pub use broker::{Broker, Reachable, serve};

use crate::host;
use biplane_doors::Outside;
use biplane_sandbox::receive;
use request::{Answer, LINE_BYTES_MAX, Request};
use std::io::{self, BufRead, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpStream, UnixStream};

/// The socket's name in its directory.
const NAME: &str = "out.sock";

/// Asks who is outside.
#[derive(Debug, Clone)]
pub struct WayOut {
    dir: PathBuf,
}

impl WayOut {
    /// `dir` is where the broker listens.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// To the relay, whose address is the broker's to know.
    pub async fn relay(&self) -> io::Result<TcpStream> {
        self.connection(&Request::Relay).await
    }

    /// Blocks until the image is there.
    pub fn image(&self, name: &str) -> io::Result<()> {
        let handle = std::fs::File::open(&self.dir)?;
        let mut stream = BlockingStream::connect(host::socket_in(&handle, NAME))?;
        stream.write_all(Request::Image(name.to_owned()).to_string().as_bytes())?;
        let mut line = String::new();
        io::BufReader::new(stream.take(LINE_BYTES_MAX as u64)).read_line(&mut line)?;
        Answer::read(&line)?.ok().map(drop)
    }

    async fn ask(&self, request: &Request) -> io::Result<(UnixStream, String)> {
        let mut stream = host::connect(&self.dir, NAME).await?;
        stream.write_all(request.to_string().as_bytes()).await?;
        let mut line = Vec::new();
        // What follows the line carries the connection, and is not to be read with it.
        while line.last() != Some(&b'\n') && line.len() < LINE_BYTES_MAX {
            line.push(stream.read_u8().await?);
        }
        let text = Answer::read(&String::from_utf8_lossy(&line))?.ok()?;
        Ok((stream, text))
    }

    async fn connection(&self, request: &Request) -> io::Result<TcpStream> {
        let (stream, _) = self.ask(request).await?;
        let passed = stream.async_io(Interest::READABLE, || receive(stream.as_fd())).await?;
        let passed = std::net::TcpStream::from(passed);
        passed.set_nonblocking(true)?;
        TcpStream::from_std(passed)
    }
}

#[async_trait::async_trait]
impl Outside for WayOut {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let (_, text) = self.ask(&Request::Resolve(name.to_owned())).await?;
        Ok(text.split_whitespace().filter_map(|address| address.parse().ok()).collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.connection(&Request::Connect(address)).await
    }

    async fn store(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        self.connection(&Request::Store(host.to_owned(), port)).await
    }
}

/// Where a broker listens: a directory of this user's alone.
pub fn listen(dir: &Path) -> io::Result<tokio::net::UnixListener> {
    host::private_dir(dir)?;
    host::bind(dir, NAME)
}
