//! Connections of other members to programs in here: the mesh door is told that somebody waits, and
//! says who comes and for which port.

use crate::connection::{Connection, Interest, dial};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

const LINE_BYTES_MAX: usize = 256;
/// For a program that listens to take a connection.
const TAKE_TIMEOUT: Duration = Duration::from_secs(5);
const REFUSED: &[u8] = b"no connection refused\n";

/// One that waits, or is about to be joined with a program.
pub struct Inbound {
    door: UnixStream,
    line: Vec<u8>,
    client: Option<TcpStream>,
    deadline: Option<Instant>,
}

pub enum Next {
    Wait(Inbound),
    /// Both sides are there.
    Joined(Connection),
    /// Somebody came, and nobody took it.
    Refused,
    /// The door is shut.
    Shut,
}

impl Inbound {
    pub fn wait(path: &Path) -> io::Result<Self> {
        let mut door = dial(path)?;
        door.write_all(b"accept *\n")?;
        Ok(Self { door, line: Vec::new(), client: None, deadline: None })
    }

    /// Nobody has come yet.
    pub fn waits(&self) -> bool {
        self.client.is_none()
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub fn interest(&self) -> Interest {
        match &self.client {
            Some(client) => Interest { fd: client.as_raw_fd(), events: libc::POLLOUT },
            None => Interest { fd: self.door.as_raw_fd(), events: libc::POLLIN },
        }
    }

    /// Does what can be done now.
    pub fn advance(mut self) -> Next {
        match self.step() {
            Ok(false) => Next::Wait(self),
            Ok(true) => match self.client {
                Some(client) => Next::Joined(Connection::flowing(client, self.door)),
                None => Next::Shut,
            },
            Err(_) if self.line.ends_with(b"\n") => {
                // There is nobody to tell when even this fails.
                let _ = self.door.write(REFUSED);
                Next::Refused
            }
            Err(_) => Next::Shut,
        }
    }

    fn step(&mut self) -> io::Result<bool> {
        if let Some(client) = &self.client {
            if let Some(error) = client.take_error()? {
                return Err(error);
            }
            client.set_nodelay(true)?;
            self.door.write_all(b"ok\n")?;
            return Ok(true);
        }
        // The door says no more than the line before it is answered.
        let mut bytes = [0; 128];
        match self.door.read(&mut bytes) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => self.line.extend_from_slice(&bytes[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if self.line.ends_with(b"\n") {
            self.client = Some(connect(port(&self.line).ok_or(ErrorKind::InvalidData)?)?);
            self.deadline = Some(Instant::now() + TAKE_TIMEOUT);
        } else if self.line.len() > LINE_BYTES_MAX {
            return Err(ErrorKind::InvalidData.into());
        }
        Ok(false)
    }
}

/// Of `from <sandbox> <port>\n`.
fn port(line: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(line).ok()?.trim_end();
    line.strip_prefix("from ")?.split_once(' ')?.1.parse().ok()
}

/// Begins to connect to a program on loopback; it is there, or not, when the socket can be written to.
#[expect(unsafe_code, reason = "the standard library's connect waits")]
fn connect(port: u16) -> io::Result<TcpStream> {
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: plain system call; the result is checked before it is owned.
    let socket = unsafe {
        let fd = libc::socket(libc::AF_INET, kind, 0);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        OwnedFd::from_raw_fd(fd)
    };
    // SAFETY: all zeroes is a valid sockaddr_in.
    let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    address.sin_family = libc::sa_family_t::try_from(libc::AF_INET).map_err(io::Error::other)?;
    address.sin_port = port.to_be();
    address.sin_addr.s_addr = u32::from_ne_bytes([127, 0, 0, 1]);
    let length = u32::try_from(size_of::<libc::sockaddr_in>()).map_err(io::Error::other)?;
    // SAFETY: the address is a whole sockaddr_in that outlives the call.
    let result = unsafe { libc::connect(socket.as_raw_fd(), (&raw const address).cast(), length) };
    let error = io::Error::last_os_error();
    if result < 0 && error.raw_os_error() != Some(libc::EINPROGRESS) {
        return Err(error);
    }
    Ok(TcpStream::from(socket))
}

#[cfg(test)]
mod tests {
    use super::port;

    #[test]
    fn the_port_is_the_last_word() {
        assert_eq!(port(b"from x 7077\n"), Some(7077));
        for bad in [&b"from x\n"[..], b"from x 70000\n", b"x y 1\n", b"from x 1 2\n", b"\xff\n"] {
            assert_eq!(port(bad), None);
        }
    }
}
