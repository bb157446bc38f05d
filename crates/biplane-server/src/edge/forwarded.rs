//! Who is at the other end when proxies stand between. Only proxies the operator named are believed, and
//! only what they themselves added: `X-Forwarded-For` is read from its end.

use super::Conn;
use axum::http::HeaderMap;
use biplane_platform::IpNet;
use std::net::{IpAddr, SocketAddr};

const FOR: &str = "x-forwarded-for";
const PROTO: &str = "x-forwarded-proto";
const HOPS_MAX: usize = 32;

/// The connection as the first proxy that is not ours, or the client itself, made it.
pub fn resolve(conn: Conn, headers: &HeaderMap, trusted: &[IpNet]) -> Conn {
    let ours = |address: IpAddr| trusted.iter().any(|net| net.contains(address));
    if !ours(conn.peer.ip()) {
        return conn;
    }
    let mut client = conn.peer.ip();
    let hops: Vec<&str> = headers
        .get_all(FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for hop in hops.iter().rev().take(HOPS_MAX) {
        // What is no address is not believed, and nothing before it.
        let Some(address) = address(hop.trim()) else { break };
        client = address;
        if !ours(address) {
            break;
        }
    }
    let scheme = match headers.get(PROTO).map(|value| value.as_bytes()) {
        Some(b"https") => "https",
        Some(b"http") => "http",
        _ => conn.scheme,
    };
    Conn { peer: SocketAddr::new(client, 0), scheme }
}

/// With or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let address = text
        .parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok());
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, trusted: &[&str], hops: &[&str]) -> String {
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for hop in hops {
            headers.append(FOR, hop.parse().unwrap());
        }
        let conn = Conn { peer: SocketAddr::new(peer.parse().unwrap(), 9), scheme: "http" };
        resolve(conn, &headers, &trusted).peer.ip().to_string()
    }

    #[test]
    fn only_named_proxies_are_believed() {
        assert_eq!(client("192.0.2.1", &[], &["198.51.100.1"]), "192.0.2.1");
        assert_eq!(client("192.0.2.1", &["10.0.0.0/8"], &["198.51.100.1"]), "192.0.2.1");
        let ours = &["10.0.0.0/8"];
        assert_eq!(client("10.0.0.1", ours, &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", ours, &["198.51.100.1"]), "198.51.100.1");
        // What the client wrote itself stands in front.
        assert_eq!(client("10.0.0.1", ours, &["127.0.0.1, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(
            client("10.0.0.1", ours, &["127.0.0.1", "198.51.100.1, 10.0.0.2"]),
            "198.51.100.1"
        );
        assert_eq!(client("10.0.0.1", ours, &["198.51.100.1:443"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1", ours, &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(client("10.0.0.1", ours, &["::ffff:198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1", ours, &["198.51.100.1, nonsense"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", ours, &["198.51.100.1, nonsense, 10.0.0.3"]), "10.0.0.3");
    }
}
