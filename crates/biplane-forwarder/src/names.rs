//! Names that programs asked for and doors were asked about.

use crate::connection::dial;
use crate::dns::Question;
use crate::members::{self, Members};
use crate::{DOOR_HOST, NAMES_ADDRESS, PORTS_HEADER};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(10);
const LINE_BYTES_MAX: usize = 256;
const HEAD_BYTES_MAX: usize = 4 << 10;

pub struct Name {
    pub question: Question,
    pub peer: SocketAddr,
    pub door: UnixStream,
    pub deadline: Instant,
    path: PathBuf,
    head: Vec<u8>,
    eof: bool,
}

impl Name {
    /// Names of members are the mesh door's, all others the egress door's.
    pub fn ask(
        question: Question,
        peer: SocketAddr,
        egress: &Path,
        mesh: Option<&Path>,
    ) -> io::Result<Self> {
        let member = members::member(&question.name);
        let path = match member {
            Some(_) => mesh.ok_or(ErrorKind::NotFound)?,
            None => egress,
        };
        let mut door = dial(path)?;
        match member {
            Some(member) => writeln!(door, "resolve {member}")?,
            None => write!(
                door,
                "GET http://{DOOR_HOST}/resolve/{} HTTP/1.1\r\nHost: {DOOR_HOST}\r\nConnection: close\r\n\r\n",
                question.name
            )?,
        }
        let deadline = Instant::now() + TIMEOUT;
        let (path, head, eof) = (path.to_owned(), Vec::new(), false);
        Ok(Self { question, peer, door, deadline, path, head, eof })
    }

    /// None: the door has yet to say it.
    pub fn told(&mut self, members: &mut Members) -> Option<Option<Ipv4Addr>> {
        let mut bytes = [0; 128];
        match self.door.read(&mut bytes) {
            Ok(0) => self.eof = true,
            Ok(read) => self.head.extend_from_slice(&bytes[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return Some(None),
        }
        match members::member(&self.question.name) {
            Some(member) => match self.head.strip_suffix(b"\n") {
                Some(line) => {
                    let told = String::from_utf8_lossy(line);
                    Some(members.address(member, &told, &self.path))
                }
                None => (self.eof || self.head.len() > LINE_BYTES_MAX).then_some(None),
            },
            // The first line is enough for a no.
            None if self.head.len() >= 12 && !self.head.starts_with(b"HTTP/1.1 204") => Some(None),
            None if self.head.ends_with(b"\r\n\r\n") => Some(match ports(&self.head) {
                Some(ports) => members.endpoint(&self.question.name, &ports, &self.path),
                None => Some(NAMES_ADDRESS),
            }),
            None => (self.eof || self.head.len() > HEAD_BYTES_MAX).then_some(None),
        }
    }
}

/// Of a private endpoint.
fn ports(head: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(PORTS_HEADER).then(|| value.trim().to_owned())
    })
}
