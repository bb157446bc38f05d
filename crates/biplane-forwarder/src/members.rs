//! The members of the cluster, and private endpoints, as programs see them: each has a loopback address
//! of its own, from the first time that its name is asked for, and listeners there.

use crate::{CLUSTER_SUFFIX, Entry, NAMES_ADDRESS, Route};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

/// Members and endpoints that are found by name; their listeners are what is polled.
const MEMBERS_MAX: usize = 250;
const PORTS_MAX: usize = 16;

#[derive(Default)]
pub struct Members {
    names: Vec<String>,
    pub entries: Vec<Entry>,
}

/// The member that a name means, if it is the name of one.
pub fn member(name: &str) -> Option<&str> {
    let member = name.strip_suffix(CLUSTER_SUFFIX)?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (!member.is_empty() && member.bytes().all(fits)).then_some(member)
}

impl Members {
    /// The address of a member of which the mesh door said this.
    pub fn address(&mut self, member: &str, told: &str, door: &Path) -> Option<Ipv4Addr> {
        let ports = told.strip_prefix("ok")?;
        if ports == " self" {
            return Some(Ipv4Addr::LOCALHOST);
        }
        self.listen(member, ports, door, |port| Route::Member(member.to_owned(), port))
    }

    /// The address of a private endpoint with these ports. Low ports cannot be listened on any more: what
    /// has no others is found where all names are.
    pub fn endpoint(&mut self, name: &str, ports: &str, door: &Path) -> Option<Ipv4Addr> {
        let high = |port: &str| port.parse::<u16>().is_ok_and(|port| port >= 1024);
        if !ports.split(' ').any(high) {
            return Some(NAMES_ADDRESS);
        }
        self.listen(name, ports, door, |port| Route::Named(name.to_owned(), port))
    }

    fn listen(
        &mut self,
        name: &str,
        ports: &str,
        door: &Path,
        route: impl Fn(u16) -> Route,
    ) -> Option<Ipv4Addr> {
        let known = self.names.iter().position(|known| known == name);
        let index = match known {
            Some(index) => index,
            None if self.names.len() >= MEMBERS_MAX => return None,
            None => {
                self.names.push(name.to_owned());
                self.names.len() - 1
            }
        };
        let address = Ipv4Addr::new(127, 64, 0, u8::try_from(index).ok()? + 1);
        for port in ports.split(' ').filter_map(|port| port.parse().ok()).take(PORTS_MAX) {
            let route = route(port);
            if self.entries.iter().any(|entry| entry.route == route) {
                continue;
            }
            // Taken, or not to be had: whoever connects is refused.
            let listener = TcpListener::bind((address, port))
                .and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
            if let Ok(listener) = listener {
                self.entries.push(Entry { listener, route, door: door.to_owned() });
            }
        }
        Some(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_keeps_its_address() {
        assert_eq!(member("a-1.cluster.internal"), Some("a-1"));
        for other in ["cluster.internal", ".cluster.internal", "a.b.cluster.internal", "pypi.org"] {
            assert_eq!(member(other), None);
        }
        let (mut members, door) = (Members::default(), Path::new("/x"));
        let first = members.address("a", "ok", door).unwrap();
        assert!(first.is_loopback() && first != Ipv4Addr::LOCALHOST);
        assert_ne!(members.address("b", "ok", door), Some(first));
        assert_eq!(members.address("a", "ok", door), Some(first));
        assert_eq!(members.address("c", "ok self", door), Some(Ipv4Addr::LOCALHOST));
        assert_eq!(members.address("d", "no there is no such member", door), None);
    }
}
