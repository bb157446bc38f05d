//! The loop: one `poll` over everything.

use crate::connection::{Connection, Interest};
use crate::dns::{self, Parsed};
use crate::inbound::{Inbound, Next};
use crate::members::Members;
use crate::names::Name;
use crate::{Entry, Listeners};
use std::io::{self, ErrorKind};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// More wait in the listeners' queues.
const CONNECTIONS_MAX: usize = 512;
/// Names asked for at one time; resolvers ask again.
const NAMES_MAX: usize = 64;
/// Waiting at the mesh door for other members; whoever is called is replaced at once.
const WAITING: usize = 2;
/// Before the mesh door is asked again.
const MESH_AGAIN: Duration = Duration::from_secs(1);
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
    let mut carrier = Carrier {
        connections: Vec::new(),
        names: Vec::new(),
        inbound: Vec::new(),
        members: Members::default(),
        mesh: listeners.mesh.as_deref().filter(|path| path.exists()),
        mesh_due: Instant::now(),
    };
    let mut polled = Vec::new();
    loop {
        carrier.wait_at_mesh();
        carrier.poll(listeners, &mut polled)?;
        carrier.advance(listeners, &polled);
    }
}

struct Carrier<'a> {
    connections: Vec<Connection>,
    names: Vec<Name>,
    inbound: Vec<Inbound>,
    members: Members,
    /// None: there is no mesh.
    mesh: Option<&'a Path>,
    mesh_due: Instant,
}

impl Carrier<'_> {
    /// Keeps some waiting at the mesh door.
    fn wait_at_mesh(&mut self) {
        let Some(path) = self.mesh.filter(|_| Instant::now() >= self.mesh_due) else {
            return;
        };
        let waiting = self.inbound.iter().filter(|inbound| inbound.waits()).count();
        if self.inbound.len() + self.connections.len() >= CONNECTIONS_MAX {
            return;
        }
        for _ in waiting..WAITING {
            match Inbound::wait(path) {
                Ok(inbound) => self.inbound.push(inbound),
                Err(_) => self.mesh_due = Instant::now() + MESH_AGAIN,
            }
        }
    }

    /// In this order: listeners, listeners of members, the name server, names, inbound, connections.
    fn poll(&self, listeners: &Listeners, polled: &mut Vec<libc::pollfd>) -> io::Result<()> {
        polled.clear();
        let full = self.connections.len() >= CONNECTIONS_MAX;
        let entries = listeners.entries.iter().chain(&self.members.entries);
        let fd = |entry: &Entry| if full { -1 } else { entry.listener.as_raw_fd() };
        polled.extend(entries.map(|entry| readable(fd(entry))));
        polled.push(readable(match &listeners.names {
            Some((socket, _)) if self.names.len() < NAMES_MAX => socket.as_raw_fd(),
            _ => -1,
        }));
        polled.extend(self.names.iter().map(|name| readable(name.door.as_raw_fd())));
        polled.extend(self.inbound.iter().map(|inbound| pollfd(inbound.interest())));
        for connection in &self.connections {
            polled.extend(connection.interests().map(pollfd));
        }
        let deadlines = self.connections.iter().filter_map(Connection::deadline);
        let deadlines = deadlines.chain(self.names.iter().map(|name| name.deadline));
        let deadlines = deadlines.chain(self.inbound.iter().filter_map(Inbound::deadline));
        let mesh_due = self.mesh.map(|_| self.mesh_due).filter(|due| *due > Instant::now());
        wait(polled, deadlines.chain(mesh_due).min())
    }

    /// From the last to the first: nothing moves what is looked at later.
    fn advance(&mut self, listeners: &Listeners, polled: &[libc::pollfd]) {
        let now = Instant::now();
        let woken = |at: usize| polled[at].revents != 0;
        let first_of_members = listeners.entries.len();
        let name_server = first_of_members + self.members.entries.len();
        let first_name = name_server + 1;
        let first_inbound = first_name + self.names.len();

        let mut at = first_inbound + self.inbound.len();
        self.connections.retain_mut(|connection| {
            let woken = woken(at) || woken(at + 1);
            at += 2;
            let late = connection.deadline().is_some_and(|deadline| deadline <= now);
            !late && (!woken || connection.advance())
        });
        for (index, inbound) in std::mem::take(&mut self.inbound).into_iter().enumerate() {
            if !woken(first_inbound + index) {
                let late = inbound.deadline().is_some_and(|deadline| deadline <= now);
                self.inbound.extend((!late).then_some(inbound));
                continue;
            }
            match inbound.advance() {
                Next::Wait(inbound) => self.inbound.push(inbound),
                Next::Joined(connection) => self.connections.push(connection),
                Next::Refused => {}
                Next::Shut => self.mesh_due = now + MESH_AGAIN,
            }
        }
        for (index, entry) in listeners.entries.iter().chain(&self.members.entries).enumerate() {
            if woken(index) {
                self.connections.extend(accept(entry));
            }
        }
        let mut at = first_name;
        let members = &mut self.members;
        self.names.retain_mut(|name| {
            let told = if woken(at) { name.told(members) } else { None };
            at += 1;
            let told = told.or((name.deadline <= now).then_some(None));
            if let (Some(address), Some((socket, _))) = (told, &listeners.names) {
                // Lost like any datagram when there is no room.
                let _ = socket.send_to(&name.question.answer(address), name.peer);
            }
            told.is_none()
        });
        if let Some((socket, egress)) = &listeners.names
            && woken(name_server)
        {
            receive(socket, egress, self.mesh, &mut self.names);
        }
    }
}

/// Without a door the client sees a connection that closes at once.
fn accept(entry: &Entry) -> Option<Connection> {
    match entry.listener.accept() {
        Ok((client, _)) => Connection::new(client, &entry.route, &entry.door).ok(),
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(_) => {
            std::thread::sleep(BREATH);
            None
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

fn receive(socket: &UdpSocket, egress: &Path, mesh: Option<&Path>, names: &mut Vec<Name>) {
    let mut packet = [0; 1500];
    let Ok((length, peer)) = socket.recv_from(&mut packet) else {
        return;
    };
    let answer = match dns::parse(&packet[..length]) {
        Parsed::Nothing => return,
        Parsed::Answer(answer) => answer,
        Parsed::Ask(question) => match Name::ask(question.clone(), peer, egress, mesh) {
            Ok(name) => return names.push(name),
            Err(_) => question.answer(None),
        },
    };
    let _ = socket.send_to(&answer, peer);
}
