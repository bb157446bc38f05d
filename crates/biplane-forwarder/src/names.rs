//! Names that programs asked for and doors were asked about.

use crate::connection::dial;
use crate::dns::Question;
use crate::members::{self, Members};
use crate::{DOOR_HOST, NAMES_ADDRESS};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(10);
const LINE_BYTES_MAX: usize = 256;

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
            // The first line is enough.
            None if self.head.len() >= 12 => {
                Some(self.head.starts_with(b"HTTP/1.1 204").then_some(NAMES_ADDRESS))
            }
            None => self.eof.then_some(None),
        }
    }
}
