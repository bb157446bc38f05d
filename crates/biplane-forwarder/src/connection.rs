//! One carried connection: its stages and its two buffers. Nothing here blocks.

use crate::Route;
use crate::client_hello::{self, HELLO_BYTES_MAX};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// In each direction; a connection that fills its buffer gets a larger one.
const BUFFER_BYTES_MIN: usize = 16 << 10;
const BUFFER_BYTES_MAX: usize = 256 << 10;
/// Rounds before other connections get their turn.
const ROUNDS_MAX: usize = 8;
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// The door's own limits are shorter.
const ASK_TIMEOUT: Duration = Duration::from_secs(60);
const ANSWER_HEAD_BYTES_MAX: usize = 8 << 10;
/// A fatal alert, "access denied": a client says that instead of "connection reset".
const TLS_ACCESS_DENIED: [u8; 7] = [21, 3, 3, 0, 2, 2, 49];

/// How a door says yes.
#[derive(Clone, Copy)]
enum Answer {
    /// The head of an HTTP answer; a client of TLS is told a no in TLS.
    Tls,
    /// The head of an HTTP answer.
    Http,
    /// A line.
    Line,
}

enum Stage {
    /// The client has yet to say whom it wants.
    Hello,
    /// The door has yet to answer what it was asked.
    Ask(Answer),
    Flow,
}

pub struct Connection {
    client: TcpStream,
    door: Option<UnixStream>,
    path: PathBuf,
    port: u16,
    stage: Stage,
    up: Half,
    down: Half,
    deadline: Option<Instant>,
}

/// What a connection waits for at one of its descriptors.
#[derive(Debug, Clone, Copy)]
pub struct Interest {
    pub fd: i32,
    pub events: i16,
}

impl Connection {
    pub fn new(client: TcpStream, route: &Route, path: &Path) -> io::Result<Self> {
        client.set_nonblocking(true)?;
        client.set_nodelay(true)?;
        let (door, stage, port, deadline) = match route {
            Route::Plain => (Some(dial(path)?), Stage::Flow, 0, None),
            Route::Tls(port) => (None, Stage::Hello, *port, Some(Instant::now() + HELLO_TIMEOUT)),
            Route::Named(name, port) => {
                let mut door = dial(path)?;
                ask(&mut door, name, *port)?;
                let deadline = Instant::now() + ASK_TIMEOUT;
                (Some(door), Stage::Ask(Answer::Http), *port, Some(deadline))
            }
            Route::Member(member, port) => {
                let mut door = dial(path)?;
                door.write_all(format!("connect {member} {port}\n").as_bytes())?;
                let deadline = Instant::now() + ASK_TIMEOUT;
                (Some(door), Stage::Ask(Answer::Line), *port, Some(deadline))
            }
        };
        let (up, down) = Default::default();
        Ok(Self { client, door, path: path.to_owned(), port, stage, up, down, deadline })
    }

    /// One that both sides have agreed on. Both sockets do not block.
    pub fn flowing(client: TcpStream, door: UnixStream) -> Self {
        let (path, up, down) = Default::default();
        let (door, port, deadline) = (Some(door), 0, None);
        Self { client, door, path, port, stage: Stage::Flow, up, down, deadline }
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Of the client and of the door.
    pub fn interests(&self) -> [Interest; 2] {
        let flows = matches!(self.stage, Stage::Flow);
        let asks = matches!(self.stage, Stage::Ask(_));
        let reads_client = !asks && self.up.wants(flows);
        let client = events(reads_client, flows && self.down.pending());
        let door = events(
            !matches!(self.stage, Stage::Hello) && self.down.wants(flows),
            flows && self.up.pending(),
        );
        let fd = |fd: i32, events: i16| Interest { fd: if events == 0 { -1 } else { fd }, events };
        [
            fd(self.client.as_raw_fd(), client),
            fd(self.door.as_ref().map_or(-1, AsRawFd::as_raw_fd), door),
        ]
    }

    /// Does what can be done now. False: it is over.
    pub fn advance(&mut self) -> bool {
        match self.step() {
            Ok(goes_on) => goes_on,
            Err(_) => {
                if matches!(self.stage, Stage::Hello | Stage::Ask(Answer::Tls)) {
                    // There is nobody to tell when even this fails.
                    let _ = self.client.write(&TLS_ACCESS_DENIED);
                }
                false
            }
        }
    }

    fn step(&mut self) -> io::Result<bool> {
        if let Stage::Hello = self.stage {
            self.up.fill(&mut self.client)?;
            let bytes = self.up.bytes();
            let hello = client_hello::parse(bytes).map_err(|_| refused())?;
            let Some(hello) = hello else {
                return if self.up.eof || bytes.len() >= HELLO_BYTES_MAX {
                    Err(refused())
                } else {
                    Ok(true)
                };
            };
            let name = hello.server_name.ok_or_else(refused)?;
            let mut door = dial(&self.path)?;
            ask(&mut door, &name, self.port)?;
            self.door = Some(door);
            self.stage = Stage::Ask(Answer::Tls);
            self.deadline = Some(Instant::now() + ASK_TIMEOUT);
        }
        let Some(door) = &mut self.door else {
            return Err(refused());
        };
        if let Stage::Ask(how) = self.stage {
            self.down.fill(door)?;
            match answer(how, self.down.bytes())? {
                Some(length) => self.down.start += length,
                None if self.down.eof => return Err(refused()),
                None => return Ok(true),
            }
            self.stage = Stage::Flow;
            self.deadline = None;
        }
        for _ in 0..ROUNDS_MAX {
            let up =
                self.up.carry(&mut self.client, door, |door| door.shutdown(Shutdown::Write))?;
            let down = self
                .down
                .carry(door, &mut self.client, |client| client.shutdown(Shutdown::Write))?;
            if !up && !down {
                break;
            }
        }
        Ok(!(self.up.shut && self.down.shut))
    }
}

fn events(read: bool, write: bool) -> i16 {
    (if read { libc::POLLIN } else { 0 }) | (if write { libc::POLLOUT } else { 0 })
}

/// A socket that was just made has room for one line.
fn ask(door: &mut UnixStream, name: &str, port: u16) -> io::Result<()> {
    let line = format!("CONNECT {name}:{port} HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n");
    door.write_all(line.as_bytes())
}

fn refused() -> io::Error {
    ErrorKind::ConnectionRefused.into()
}

/// The length of the head when it says yes.
fn answer(how: Answer, bytes: &[u8]) -> io::Result<Option<usize>> {
    if let Answer::Line = how {
        return match bytes {
            [b'o', b'k', b'\n', ..] => Ok(Some(3)),
            _ if b"ok\n".starts_with(bytes) => Ok(None),
            _ => Err(refused()),
        };
    }
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    match end {
        Some(_) if !bytes.starts_with(b"HTTP/1.1 200") => Err(refused()),
        Some(end) => Ok(Some(end + 4)),
        None if bytes.len() > ANSWER_HEAD_BYTES_MAX => Err(refused()),
        None => Ok(None),
    }
}

/// One direction.
#[derive(Default)]
struct Half {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    eof: bool,
    shut: bool,
}

impl Half {
    fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    fn pending(&self) -> bool {
        self.start < self.end
    }

    /// While bytes flow, the buffer is emptied before it is filled again.
    fn wants(&self, flows: bool) -> bool {
        !self.eof && (!flows || !self.pending())
    }

    fn fill(&mut self, from: &mut impl Read) -> io::Result<bool> {
        if self.eof {
            return Ok(false);
        }
        if !self.pending() {
            let length = self.buffer.len();
            if self.end == length && length < BUFFER_BYTES_MAX {
                self.buffer = vec![0; (length * 4).max(BUFFER_BYTES_MIN)].into();
            }
            (self.start, self.end) = (0, 0);
        }
        match from.read(&mut self.buffer[self.end..]) {
            Ok(0) => self.eof = true,
            Ok(read) => self.end += read,
            Err(error) if waits(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// True when something moved.
    fn carry<R: Read, W: Write>(
        &mut self,
        from: &mut R,
        to: &mut W,
        shut: impl Fn(&W) -> io::Result<()>,
    ) -> io::Result<bool> {
        let mut moved = false;
        if !self.pending() {
            moved |= self.fill(from)?;
        }
        if self.pending() {
            match to.write(&self.buffer[self.start..self.end]) {
                Ok(written) => {
                    self.start += written;
                    moved |= written > 0;
                }
                Err(error) if waits(&error) => {}
                Err(error) => return Err(error),
            }
        }
        if self.eof && !self.pending() && !self.shut {
            self.shut = true;
            // The other side may have gone altogether.
            let _ = shut(to);
        }
        Ok(moved)
    }
}

fn waits(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Connects without ever waiting: a door whose queue is full is a door that is not there.
#[expect(unsafe_code, reason = "the standard library's connect waits when the queue is full")]
pub fn dial(path: &Path) -> io::Result<UnixStream> {
    // SAFETY: all zeroes is a valid sockaddr_un.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    let bytes = path.as_os_str().as_bytes();
    if bytes.len() >= address.sun_path.len() {
        return Err(ErrorKind::InvalidInput.into());
    }
    address.sun_family = libc::sa_family_t::try_from(libc::AF_UNIX).map_err(io::Error::other)?;
    for (to, from) in address.sun_path.iter_mut().zip(bytes) {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: plain system call; the result is checked before it is owned.
    let socket = unsafe {
        let fd = libc::socket(libc::AF_UNIX, kind, 0);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        OwnedFd::from_raw_fd(fd)
    };
    let length = u32::try_from(size_of::<libc::sockaddr_un>()).map_err(io::Error::other)?;
    // SAFETY: the address is a whole sockaddr_un that outlives the call.
    let result = unsafe { libc::connect(socket.as_raw_fd(), (&raw const address).cast(), length) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(UnixStream::from(socket))
}
