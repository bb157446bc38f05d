//! The loop: one `poll` over everything.

use crate::connection::{Connection, Interest, dial};
use crate::dns::{self, Parsed, Question};
use crate::{DOOR_HOST, Listeners};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// More wait in the listeners' queues.
const CONNECTIONS_MAX: usize = 512;
/// Names asked for at one time; resolvers ask again.
const NAMES_MAX: usize = 64;
const NAME_TIMEOUT: Duration = Duration::from_secs(10);
/// When descriptors ran out: time for others to give some back.
const BREATH: Duration = Duration::from_millis(10);

/// Runs until the kernel refuses to wait; that error is the result.
pub fn run(listeners: &Listeners) -> io::Error {
    match serve(listeners) {
        Ok(()) => io::Error::other("the loop ended"),
        Err(error) => error,
    }
}

fn serve(listeners: &Listeners) -> io::Result<()> {
    for entry in &listeners.entries {
        entry.listener.set_nonblocking(true)?;
    }
    if let Some((socket, _)) = &listeners.names {
        socket.set_nonblocking(true)?;
    }
    let mut connections: Vec<Connection> = Vec::new();
    let mut names: Vec<Name> = Vec::new();
    let mut polled: Vec<libc::pollfd> = Vec::new();
    loop {
        polled.clear();
        let full = connections.len() >= CONNECTIONS_MAX;
        polled.extend(
            listeners
                .entries
                .iter()
                .map(|entry| readable(if full { -1 } else { entry.listener.as_raw_fd() })),
        );
        polled.push(readable(match &listeners.names {
            Some((socket, _)) if names.len() < NAMES_MAX => socket.as_raw_fd(),
            _ => -1,
        }));
        let (first_name, first_connection) = (polled.len(), polled.len() + names.len());
        polled.extend(names.iter().map(|name| readable(name.door.as_raw_fd())));
        for connection in &connections {
            polled.extend(connection.interests().map(pollfd));
        }
        let deadlines = connections.iter().filter_map(Connection::deadline);
        wait(&mut polled, deadlines.chain(names.iter().map(|name| name.deadline)).min())?;

        let now = Instant::now();
        let mut at = first_connection;
        connections.retain_mut(|connection| {
            let woken = polled[at].revents != 0 || polled[at + 1].revents != 0;
            at += 2;
            let late = connection.deadline().is_some_and(|deadline| deadline <= now);
            !late && (!woken || connection.advance())
        });
        let mut at = first_name;
        names.retain_mut(|name| {
            let woken = polled[at].revents != 0;
            at += 1;
            let told = if woken { name.told() } else { None };
            let told = told.or((name.deadline <= now).then_some(false));
            if let (Some(reachable), Some((socket, _))) = (told, &listeners.names) {
                // Lost like any datagram when there is no room.
                let _ = socket.send_to(&name.question.answer(reachable), name.peer);
            }
            told.is_none()
        });
        if let Some((socket, door)) = &listeners.names
            && polled[listeners.entries.len()].revents != 0
        {
            receive(socket, door, &mut names);
        }
        for (entry, polled) in listeners.entries.iter().zip(&polled) {
            if polled.revents != 0 {
                match entry.listener.accept() {
                    // Without a door the client sees a connection that closes at once.
                    Ok((client, _)) => {
                        connections.extend(Connection::new(client, entry.route, &entry.door).ok())
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(_) => std::thread::sleep(BREATH),
                }
            }
        }
    }
}

fn readable(fd: i32) -> libc::pollfd {
    pollfd(Interest { fd, events: libc::POLLIN })
}

fn pollfd(interest: Interest) -> libc::pollfd {
    libc::pollfd { fd: interest.fd, events: interest.events, revents: 0 }
}

#[expect(unsafe_code, reason = "the standard library has no poll")]
fn wait(polled: &mut [libc::pollfd], deadline: Option<Instant>) -> io::Result<()> {
    let timeout = deadline.map_or(-1, |deadline| {
        // Rounded up: to wake too early is to spin.
        let left = deadline.saturating_duration_since(Instant::now()).as_millis() + 1;
        i32::try_from(left).unwrap_or(i32::MAX)
    });
    let count = libc::nfds_t::try_from(polled.len()).map_err(io::Error::other)?;
    // SAFETY: pointer and count are those of one slice, exclusively borrowed for the call.
    let ready = unsafe { libc::poll(polled.as_mut_ptr(), count, timeout) };
    let error = io::Error::last_os_error();
    if ready < 0 && error.kind() != ErrorKind::Interrupted {
        return Err(error);
    }
    Ok(())
}

/// A name that the door is being asked about.
struct Name {
    question: Question,
    peer: SocketAddr,
    door: UnixStream,
    head: Vec<u8>,
    deadline: Instant,
}

impl Name {
    fn ask(question: Question, peer: SocketAddr, path: &Path) -> io::Result<Self> {
        let mut door = dial(path)?;
        write!(
            door,
            "GET http://{DOOR_HOST}/resolve/{} HTTP/1.1\r\nHost: {DOOR_HOST}\r\nConnection: close\r\n\r\n",
            question.name
        )?;
        let deadline = Instant::now() + NAME_TIMEOUT;
        Ok(Self { question, peer, door, head: Vec::new(), deadline })
    }

    /// The first line is enough.
    fn told(&mut self) -> Option<bool> {
        let mut bytes = [0; 64];
        match self.door.read(&mut bytes) {
            Ok(0) => return Some(false),
            Ok(read) => self.head.extend_from_slice(&bytes[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return Some(false),
        }
        (self.head.len() >= 12).then(|| self.head.starts_with(b"HTTP/1.1 204"))
    }
}

fn receive(socket: &UdpSocket, door: &Path, names: &mut Vec<Name>) {
    let mut packet = [0; 1500];
    let Ok((length, peer)) = socket.recv_from(&mut packet) else {
        return;
    };
    let answer = match dns::parse(&packet[..length]) {
        Parsed::Nothing => return,
        Parsed::Answer(answer) => answer,
        Parsed::Ask(question) => match Name::ask(question.clone(), peer, door) {
            Ok(name) => return names.push(name),
            Err(_) => question.answer(false),
        },
    };
    let _ = socket.send_to(&answer, peer);
}
