//! The way to the relay: straight, or through a proxy of the operator's network by CONNECT. What passes
//! is TLS with the control plane; the proxy sees where it goes and nothing else. A host without any network
//! has somebody outside to connect for it, to this and to all else.

use crate::way_out::WayOut;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use biplane_doors::{HostNetwork, Outside, Range};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ANSWER_BYTES_MAX: usize = 16 << 10;

#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    #[error("the proxy is written http://host:port or http://user:password@host:port")]
    Url,
    #[error("a proxy that is itself reached by TLS is not supported; write it http://host:port")]
    Tls,
    #[error("the proxy {0} could not be reached")]
    Unreachable(String, #[source] io::Error),
    #[error("the proxy {0} hung up")]
    Closed(String, #[source] io::Error),
    #[error("the proxy {0} asks for a user name and a password, and none was given (407)")]
    Asks(String),
    #[error("the proxy {0} refuses the user name and the password given (407)")]
    Credentials(String),
    #[error("the proxy {0} refuses to connect to the relay (status {1})")]
    Refused(String, u16),
    #[error("what answers at {0} is no HTTP proxy")]
    Malformed(String),
    #[error("the relay could not be reached")]
    Relay(#[source] io::Error),
}

#[derive(Clone)]
struct Proxy {
    host: String,
    port: u16,
    /// The value of the header.
    authorization: Option<String>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name())
    }
}

/// Of all connections to the relay.
#[derive(Debug, Clone, Default)]
pub struct Route {
    proxy: Option<Proxy>,
    /// Hosts reached without it.
    direct: Vec<String>,
    /// Instead of this host's own network.
    way_out: Option<WayOut>,
}

impl Route {
    /// `proxy` as in `HTTPS_PROXY`, empty = none; `direct` as in `NO_PROXY`.
    pub fn new(proxy: &str, direct: &str) -> Result<Self, ProxyError> {
        let proxy = match proxy.trim() {
            "" => None,
            url => Some(Proxy::parse(url)?),
        };
        let direct = direct.split([',', ' ']).map(str::trim).filter(|one| !one.is_empty());
        let direct = direct.map(str::to_ascii_lowercase).collect();
        Ok(Self { proxy, direct, way_out: None })
    }

    /// Of a host in a network with nothing but loopback.
    pub fn through(way_out: WayOut) -> Self {
        Self { way_out: Some(way_out), ..Self::default() }
    }

    pub(crate) fn way_out(&self) -> Option<&WayOut> {
        self.way_out.as_ref()
    }

    /// What the doors of sandboxes lead to.
    pub(crate) fn outside(&self) -> Arc<dyn Outside> {
        match &self.way_out {
            Some(way_out) => Arc::new(way_out.clone()),
            None => Arc::new(HostNetwork::default()),
        }
    }

    /// To `relay`, which is `host:port`.
    pub async fn connect(&self, relay: &str) -> Result<TcpStream, ProxyError> {
        let stream = match (&self.way_out, &self.proxy) {
            (Some(way_out), _) => way_out.relay().await.map_err(ProxyError::Relay)?,
            (None, Some(proxy)) if !self.is_direct(relay) => proxy.connect(relay).await?,
            _ => TcpStream::connect(relay).await.map_err(ProxyError::Relay)?,
        };
        stream.set_nodelay(true).map_err(ProxyError::Relay)?;
        Ok(stream)
    }

    fn is_direct(&self, relay: &str) -> bool {
        let relay = relay.to_ascii_lowercase();
        let (host, port) = relay.rsplit_once(':').unwrap_or((&relay, ""));
        let host = host.trim_matches(['[', ']']).trim_end_matches('.');
        let address = host.parse::<IpAddr>().ok();
        self.direct.iter().any(|entry| {
            if entry == "*" {
                return true;
            }
            if let (Some(address), Ok(range)) = (address, entry.parse::<Range>()) {
                return range.contains(address);
            }
            let (name, wanted) = match entry.rsplit_once(':') {
                Some((name, wanted)) if wanted.bytes().all(|b| b.is_ascii_digit()) => {
                    (name, wanted)
                }
                _ => (entry.as_str(), port),
            };
            let name =
                name.trim_start_matches("*.").trim_start_matches('.').trim_matches(['[', ']']);
            let below = || host.strip_suffix(name).is_some_and(|above| above.ends_with('.'));
            wanted == port && !name.is_empty() && (host == name || (address.is_none() && below()))
        })
    }
}

impl Proxy {
    fn parse(url: &str) -> Result<Self, ProxyError> {
        let rest = match url.split_once("://") {
            None => url,
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => {
                return Err(ProxyError::Tls);
            }
            Some(_) => return Err(ProxyError::Url),
        };
        let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let (host, port) = match place.rsplit_once(':') {
            // The colons of a bare IPv6 address are no port.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.parse().map_err(|_| ProxyError::Url)?)
            }
            _ => (place, 80),
        };
        let host = host.trim_matches(['[', ']']);
        let odd = |c: char| c.is_whitespace() || c.is_control();
        if host.is_empty() || host.contains(odd) {
            return Err(ProxyError::Url);
        }
        let authorization = match user {
            None => None,
            Some(user) => {
                let (name, password) = user.split_once(':').unwrap_or((user, ""));
                let pair = [unescape(name)?, b":".to_vec(), unescape(password)?].concat();
                Some(format!("Basic {}", STANDARD.encode(pair)))
            }
        };
        Ok(Self { host: host.to_owned(), port, authorization })
    }

    fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    async fn connect(&self, relay: &str) -> Result<TcpStream, ProxyError> {
        let closed = |error| ProxyError::Closed(self.name(), error);
        let address = (self.host.as_str(), self.port);
        let mut stream = TcpStream::connect(address)
            .await
            .map_err(|error| ProxyError::Unreachable(self.name(), error))?;
        let mut request = format!("CONNECT {relay} HTTP/1.1\r\nHost: {relay}\r\n");
        if let Some(value) = &self.authorization {
            request += &format!("Proxy-Authorization: {value}\r\n");
        }
        request += "\r\n";
        stream.write_all(request.as_bytes()).await.map_err(closed)?;
        let mut answer = Vec::with_capacity(256);
        // What follows belongs to TLS and stays in the stream.
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() >= ANSWER_BYTES_MAX {
                return Err(ProxyError::Malformed(self.name()));
            }
            answer.push(stream.read_u8().await.map_err(closed)?);
        }
        match status(&answer) {
            Some(200..=299) => Ok(stream),
            Some(407) if self.authorization.is_none() => Err(ProxyError::Asks(self.name())),
            Some(407) => Err(ProxyError::Credentials(self.name())),
            Some(status) => Err(ProxyError::Refused(self.name(), status)),
            None => Err(ProxyError::Malformed(self.name())),
        }
    }
}

fn status(answer: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(answer.split(|byte| *byte == b'\r').next()?).ok()?;
    let (version, rest) = line.split_once(' ')?;
    let code = rest.split(' ').next()?;
    version.starts_with("HTTP/1.").then(|| code.parse().ok())?
}

/// `%41` is `A`.
fn unescape(text: &str) -> Result<Vec<u8>, ProxyError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next(), rest.next()].map(|digit| digit.unwrap_or(b'?'));
        let digits = std::str::from_utf8(&digits).ok().filter(|text| !text.contains('+'));
        let code = digits.and_then(|text| u8::from_str_radix(text, 16).ok());
        bytes.push(code.ok_or(ProxyError::Url)?);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_read_and_its_password_never_written() {
        let read = |url: &str| Proxy::parse(url).unwrap();
        let plain = read("http://proxy.example:3128");
        assert_eq!((plain.name().as_str(), &plain.authorization), ("proxy.example:3128", &None));
        assert_eq!(read("proxy").name(), "proxy:80");
        assert_eq!(read("http://[::1]:8080/").host, "::1");
        let secret = read("http://me%40corp:p%3Aw%25@proxy:1/");
        let value = format!("Basic {}", STANDARD.encode("me@corp:p:w%"));
        assert_eq!(secret.authorization.as_ref(), Some(&value));
        let route = Route::new("http://me:hush@proxy:1", "").unwrap();
        assert!(!format!("{route:?}").contains("hush"));
        for wrong in ["http://", "http://a:b", "socks5://a:1", "http://%zz@a:1", "http://a b:1"] {
            let error = Proxy::parse(wrong).unwrap_err();
            assert!(matches!(error, ProxyError::Url), "{wrong}");
        }
        assert!(matches!(Proxy::parse("https://a:1"), Err(ProxyError::Tls)));
    }

    #[test]
    fn some_hosts_are_reached_straight() {
        let route = |direct: &str| Route::new("http://proxy:1", direct).unwrap();
        for (direct, relay, expected) in [
            ("", "relay.example.com:443", false),
            ("*", "relay.example.com:443", true),
            ("other.com, EXAMPLE.com", "relay.example.com:443", true),
            (".example.com", "relay.example.com:443", true),
            ("*.example.com", "relay.example.com:443", true),
            ("ample.com", "relay.example.com:443", false),
            ("relay.example.com:443", "relay.example.com:443", true),
            ("relay.example.com:444", "relay.example.com:443", false),
            ("10.0.0.0/8", "10.1.2.3:443", true),
            ("10.0.0.0/8", "11.1.2.3:443", false),
            ("2.3", "10.1.2.3:443", false),
            ("::1", "[::1]:443", true),
            ("127.0.0.1", "127.0.0.1:443", true),
            ("127.0.0.1:443", "127.0.0.1:443", true),
        ] {
            assert_eq!(route(direct).is_direct(relay), expected, "{direct} {relay}");
        }
    }

    #[test]
    fn an_answer_has_a_status() {
        assert_eq!(status(b"HTTP/1.1 200 Connection established\r\n\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 407\r\nA: b\r\n\r\n"), Some(407));
        assert_eq!(status(b"SSH-2.0 200\r\n\r\n"), None);
    }
}
