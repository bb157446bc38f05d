//! Whom a client asks for: read strictly, because what is read in two ways is decided in one of them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// In lower case, at most 253 characters, no dot at its end.
    Name(String),
    Address(IpAddr),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    pub host: Host,
    pub port: u16,
}

impl Target {
    /// `host:port`; without a port only where there is a default.
    pub fn parse(authority: &str, default_port: Option<u16>) -> Option<Self> {
        let (host, port) = match authority.rsplit_once(':') {
            // The last colon of `[::1]` is inside the brackets.
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let port = match port {
            Some(port) => parse_port(port)?,
            None => default_port?,
        };
        Some(Self { host: Host::parse(host)?, port })
    }
}

/// Digits alone: `u16::from_str` would take a sign.
fn parse_port(text: &str) -> Option<u16> {
    let digits = text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0)
}

impl Host {
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
            return Some(Self::Address(IpAddr::V6(address).to_canonical()));
        }
        if let Ok(address) = text.parse() {
            // IPv6 belongs into brackets.
            return matches!(address, IpAddr::V4(_)).then_some(Self::Address(address));
        }
        let labels_fit = text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        });
        // What ends in a number is an address to some resolvers: 127.1, 0x7f.1, 2130706433.
        let last = text.rsplit('.').next().unwrap_or_default();
        let number = last.bytes().all(|b| b.is_ascii_digit())
            || last.starts_with("0x")
            || last.starts_with("0X");
        (labels_fit && !number && text.len() <= 253).then(|| Self::Name(text.to_ascii_lowercase()))
    }

    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Address(_) => None,
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_names_and_addresses() {
        let text =
            |authority: &str| Target::parse(authority, None).map(|target| target.to_string());
        assert_eq!(text("PyPI.org:443").as_deref(), Some("pypi.org:443"));
        assert_eq!(text("1.2.3.4:80").as_deref(), Some("1.2.3.4:80"));
        assert_eq!(text("[2606:4700::1]:80").as_deref(), Some("[2606:4700::1]:80"));
        assert_eq!(text("[::ffff:1.2.3.4]:80").as_deref(), Some("1.2.3.4:80"));
        assert_eq!(Target::parse("a.example", Some(80)).unwrap().port, 80);
    }

    #[test]
    fn refuses_what_others_may_read_differently() {
        for authority in [
            "",
            ":443",
            "a.example",
            "a.example:",
            "a.example:0",
            "a.example:65536",
            "a.example:+443",
            "a.example:443:443",
            "a.example.:443",
            ".a.example:443",
            "a..example:443",
            "*.a.example:443",
            "2130706433:443",
            "0x7f.1:443",
            "127.1:443",
            "0x7f000001:443",
            "017700000001:443",
            "a.example@evil.example:443",
            "a.example:443@evil.example:443",
            "a.example%00.evil:443",
            "a.example\r\n:443",
            "a example:443",
            "::1:443",
            "[::1:443",
            "[a.example]:443",
            "[fe80::1%25eth0]:443",
            "пример.рф:443",
            "-a.example:443",
            "a.example/x:443",
            "1.2.3.4.5:443",
        ] {
            assert_eq!(Target::parse(authority, None), None, "{authority:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same(authority in "\\PC{0,40}") {
            if let Some(target) = Target::parse(&authority, Some(443)) {
                prop_assert_eq!(Target::parse(&target.to_string(), None), Some(target));
            }
        }
    }
}
