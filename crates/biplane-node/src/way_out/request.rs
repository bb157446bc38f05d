//! What is asked of the broker, and what it says: a line each.

use std::fmt;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

/// A bucket's name and its host, or sixteen addresses.
pub const LINE_BYTES_MAX: usize = 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    Relay,
    Resolve(String),
    Connect(SocketAddr),
    Store(String, u16),
    /// To be built, if it is not there.
    Image(String),
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relay => writeln!(f, "relay"),
            Self::Resolve(name) => writeln!(f, "resolve {name}"),
            Self::Connect(address) => writeln!(f, "connect {address}"),
            Self::Store(host, port) => writeln!(f, "store {host} {port}"),
            Self::Image(name) => writeln!(f, "image {name}"),
        }
    }
}

impl Request {
    pub fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.strip_suffix('\n')?.split(' ').collect();
        Some(match words[..] {
            ["relay"] => Self::Relay,
            ["resolve", name] => Self::Resolve(name.to_owned()),
            ["connect", address] => Self::Connect(address.parse().ok()?),
            ["store", host, port] => Self::Store(host.to_owned(), port.parse().ok()?),
            ["image", name] => Self::Image(name.to_owned()),
            _ => return None,
        })
    }
}

/// Kinds that those who asked tell apart.
const KINDS: [(ErrorKind, &str); 6] = [
    (ErrorKind::PermissionDenied, "denied"),
    (ErrorKind::ConnectionRefused, "refused"),
    (ErrorKind::TimedOut, "late"),
    (ErrorKind::HostUnreachable, "host-unreachable"),
    (ErrorKind::NetworkUnreachable, "network-unreachable"),
    (ErrorKind::Other, "other"),
];

#[derive(Debug)]
pub struct Answer(pub Result<String>);

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Ok(text) => writeln!(f, "ok {text}"),
            Err(error) => {
                let known = KINDS.iter().find(|(kind, _)| *kind == error.kind());
                let text: String = error.to_string().chars().take(500).collect();
                let text = text.replace(|c: char| c.is_control(), " ");
                writeln!(f, "no {} {text}", known.map_or("other", |(_, word)| word))
            }
        }
    }
}

impl Answer {
    pub fn read(line: &str) -> Result<Self> {
        let line = line.strip_suffix('\n').ok_or(ErrorKind::UnexpectedEof)?;
        if let Some(text) = line.strip_prefix("ok ") {
            return Ok(Self(Ok(text.to_owned())));
        }
        let (word, text) = line
            .strip_prefix("no ")
            .and_then(|rest| rest.split_once(' '))
            .ok_or(ErrorKind::InvalidData)?;
        let known = KINDS.iter().find(|(_, known)| *known == word);
        Ok(Self(Err(Error::new(known.map_or(ErrorKind::Other, |(kind, _)| *kind), text))))
    }

    pub fn ok(self) -> Result<String> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_read_as_it_was_meant() {
        for request in [
            Request::Relay,
            Request::Resolve("pypi.org".into()),
            Request::Connect("[::1]:443".parse().unwrap()),
            Request::Store("127.0.0.1".into(), 9000),
            Request::Image("spark".into()),
        ] {
            assert_eq!(Request::parse(&request.to_string()), Some(request));
        }
        for line in
            ["relay", "relay \n", "connect pypi.org:443\n", "store a\n", "resolve a b\n", "\n"]
        {
            assert_eq!(Request::parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn an_answer_keeps_its_kind() {
        let denied = Error::new(ErrorKind::PermissionDenied, "not\nlisted");
        let told = Answer(Err(denied)).to_string();
        assert_eq!(told, "no denied not listed\n");
        let error = Answer::read(&told).unwrap().ok().unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::PermissionDenied, "not listed")
        );
        assert_eq!(Answer::read("ok \n").unwrap().ok().unwrap(), "");
        assert!(Answer::read("ok").is_err() && Answer::read("yes \n").is_err());
    }
}
