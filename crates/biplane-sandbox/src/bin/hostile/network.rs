//! Ways out by sockets.

use crate::Outcome;
use crate::call::{any, errno, is_refusal, raw, text};
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixStream};
use std::time::Duration;

fn outcome<T>(result: io::Result<T>, gain: &str) -> Outcome {
    match result {
        Ok(_) => Ok(gain.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Any of these addresses.
pub fn connect(addresses: &[String]) -> Outcome {
    let mut refusals = Vec::new();
    for address in addresses {
        let parsed: SocketAddr = address.parse().map_err(|_| format!("{address}?"))?;
        match TcpStream::connect_timeout(&parsed, Duration::from_secs(1)) {
            Ok(_) => return Ok(format!("connected to {address}")),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Ok(format!("packets to {address} left"));
            }
            Err(error) => refusals.push(format!("{address} {error}")),
        }
    }
    Err(refusals.join(", "))
}

/// A datagram to any of these addresses.
pub fn datagram(addresses: &[String]) -> Outcome {
    let mut refusals = Vec::new();
    for address in addresses {
        let any = if address.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
        match UdpSocket::bind(any).and_then(|socket| socket.send_to(b"x", address)) {
            Ok(_) => return Ok(format!("a datagram to {address} left")),
            Err(error) => refusals.push(format!("{address} {error}")),
        }
    }
    Err(refusals.join(", "))
}

pub fn icmp(_: &[String]) -> Outcome {
    let dgram = |domain: i32, protocol: i32| {
        let name = format!("{domain}/{protocol}");
        (
            name,
            raw(
                libc::SYS_socket,
                [domain.into(), libc::SOCK_DGRAM.into(), protocol.into(), 0, 0, 0],
            ),
        )
    };
    let plain = |domain: i32, protocol: i32| {
        let name = format!("raw {domain}/{protocol}");
        (
            name,
            raw(libc::SYS_socket, [domain.into(), libc::SOCK_RAW.into(), protocol.into(), 0, 0, 0]),
        )
    };
    any([
        dgram(libc::AF_INET, libc::IPPROTO_ICMP),
        dgram(libc::AF_INET6, libc::IPPROTO_ICMPV6),
        plain(libc::AF_INET, libc::IPPROTO_ICMP),
        plain(libc::AF_INET, libc::IPPROTO_RAW),
    ])
}

pub fn resolve(names: &[String]) -> Outcome {
    let name = names.first().ok_or("a name?")?;
    match (name.as_str(), 443).to_socket_addrs() {
        Ok(mut found) => found.next().map(|address| address.to_string()).ok_or("nothing".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// More than loopback.
pub fn interfaces(_: &[String]) -> Outcome {
    // SAFETY: the array ends with an entry without a name, and is given back.
    let names = unsafe {
        let list = libc::if_nameindex();
        if list.is_null() {
            return Err(text(errno()));
        }
        let (mut names, mut place) = (Vec::new(), list);
        while !(*place).if_name.is_null() {
            names.push(std::ffi::CStr::from_ptr((*place).if_name).to_string_lossy().into_owned());
            place = place.add(1);
        }
        libc::if_freenameindex(list);
        names
    };
    if names == ["lo"] { Err("only lo".into()) } else { Ok(names.join(", ")) }
}

pub fn unix_abstract(names: &[String]) -> Outcome {
    let name = names.first().ok_or("a name?")?;
    let address = UnixAddress::from_abstract_name(name).map_err(|error| error.to_string())?;
    outcome(UnixStream::connect_addr(&address), "connected")
}

pub fn unix_path(paths: &[String]) -> Outcome {
    outcome(UnixStream::connect(paths.first().ok_or("a path?")?), "connected")
}

/// Every family but those that stay in the sandbox; protocols that hide in them.
pub fn families(_: &[String]) -> Outcome {
    let usual = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];
    let kinds = [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW, libc::SOCK_SEQPACKET];
    let socket = |family: i32, kind: i32, protocol: i32| {
        let arguments = [family.into(), kind.into(), protocol.into(), 0, 0, 0];
        match raw(libc::SYS_socket, arguments) {
            // The kernel has no such thing: nothing was reached.
            Err(libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT | libc::ESOCKTNOSUPPORT) => {
                Err(libc::ENOSYS)
            }
            other => other,
        }
    };
    let mut tries = Vec::new();
    for family in (0..64).filter(|family| !usual.contains(family)) {
        for kind in kinds {
            for protocol in 0..32 {
                if family == libc::AF_NETLINK && protocol == libc::NETLINK_ROUTE {
                    continue;
                }
                let name = format!("family {family} kind {kind} protocol {protocol}");
                tries.push((name, socket(family, kind, protocol)));
            }
        }
    }
    for (name, protocol) in [("SMC", 256), ("MPTCP", 262), ("SCTP", 132), ("DCCP", 33)] {
        tries.push((name.to_owned(), socket(libc::AF_INET, libc::SOCK_STREAM, protocol)));
    }
    any(tries)
}

pub fn vsock(_: &[String]) -> Outcome {
    let arguments = [libc::AF_VSOCK.into(), libc::SOCK_STREAM.into(), 0, 0, 0, 0];
    raw(libc::SYS_socket, arguments).map(|_| "a socket to the hypervisor".into()).map_err(text)
}

/// Sets loopback down and adds a route, through the socket that is allowed. With an argument in a
/// network of its own, for the control.
pub fn netlink(arguments: &[String]) -> Outcome {
    if !arguments.is_empty() {
        raw(libc::SYS_unshare, [libc::CLONE_NEWNET.into(), 0, 0, 0, 0, 0]).map_err(text)?;
    }
    let kinds =
        [libc::AF_NETLINK.into(), libc::SOCK_RAW.into(), libc::NETLINK_ROUTE.into(), 0, 0, 0];
    let socket = raw(libc::SYS_socket, kinds).map_err(text)?;
    // Header (length, type, flags, sequence, port), then `struct ifinfomsg`: index 1, change IFF_UP.
    let mut message = Vec::new();
    message.extend(32_u32.to_ne_bytes());
    message.extend(libc::RTM_NEWLINK.to_ne_bytes());
    message.extend((libc::NLM_F_REQUEST as u16 | libc::NLM_F_ACK as u16).to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    message.extend(0_u32.to_ne_bytes());
    message.extend([0; 4]);
    message.extend(1_i32.to_ne_bytes());
    message.extend(0_u32.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    let at = message.as_ptr() as i64;
    raw(libc::SYS_sendto, [socket, at, message.len() as i64, 0, 0, 0]).map_err(text)?;
    let mut answer = [0_u8; 512];
    let at = answer.as_mut_ptr() as i64;
    raw(libc::SYS_recvfrom, [socket, at, 512, 0, 0, 0]).map_err(text)?;
    let error = i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]);
    match -error {
        0 => Ok("changed an interface".into()),
        error if is_refusal(error) => Err(text(error)),
        error => Ok(format!("reached the interface: {}", text(error))),
    }
}
