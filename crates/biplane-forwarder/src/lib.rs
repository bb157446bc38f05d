//! What runs inside a sandbox, in its init: loopback listeners whose connections are carried to the
//! doors, and a name server that knows one address. The doors decide; nothing here is a boundary.
//!
//! One thread, no allocation per byte, no dependency but libc: it lives beside whatever the sandbox
//! runs, in the sandbox's own budget.
//!
//! - `127.0.0.1:3128` → the egress door: what `HTTPS_PROXY` and `HTTP_PROXY` say.
//! - `127.0.1.1:443` → `CONNECT <name in the TLS hello>:443` at the egress door, for programs that know
//!   no proxy. `127.0.1.1:80` → the egress door, which reads the Host header.
//! - `127.0.0.1:53/udp` answers `127.0.1.1` for names that the egress door knows as reachable.
//! - A name of a private endpoint has a loopback address of its own, on which the endpoint's ports from 1024
//!   on lead to it through the egress door, whatever they speak.
//! - `127.0.0.1:9000` → the storage door: an S3 endpoint that wants no key.
//! - `<sandbox>.cluster.internal` is a member of the same cluster: a loopback address of its own, on which
//!   the cluster's ports lead to it through the mesh door. What other members connect to comes from the
//!   mesh door to `127.0.0.1`; a program that shall be found listens there, or on its own name.

pub mod client_hello;
mod connection;
mod dns;
mod inbound;
mod members;
mod names;
mod run;

use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

pub use run::run;

/// The names of the doors in the directory of doors.
pub const EGRESS_DOOR: &str = "egress.sock";
pub const STORAGE_DOOR: &str = "storage.sock";
pub const MESH_DOOR: &str = "mesh.sock";

pub const PROXY_PORT: u16 = 3128;
pub const STORAGE_PORT: u16 = 9000;
/// Where every reachable name points to.
pub const NAMES_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 1);
/// Reserved: the door answers for it itself. `GET http://biplane.internal/resolve/<name>` is 204 for a
/// name that may be reached and exists.
pub const DOOR_HOST: &str = "biplane.internal";

/// In that answer: the ports of a private endpoint, with blanks between them.
pub const PORTS_HEADER: &str = "biplane-ports";

/// What the names of members end with.
pub const CLUSTER_SUFFIX: &str = ".cluster.internal";

/// What a sandbox's environment needs so that usual programs use the doors. Both cases: programs differ.
pub const ENVIRONMENT: &[(&str, &str)] = &[
    ("HTTP_PROXY", "http://127.0.0.1:3128"),
    ("HTTPS_PROXY", "http://127.0.0.1:3128"),
    ("NO_PROXY", "localhost,127.0.0.1,::1,.cluster.internal"),
    ("http_proxy", "http://127.0.0.1:3128"),
    ("https_proxy", "http://127.0.0.1:3128"),
    ("no_proxy", "localhost,127.0.0.1,::1,.cluster.internal"),
];

/// `/etc/resolv.conf` of a sandbox.
pub const RESOLV_CONF: &str = "nameserver 127.0.0.1\noptions timeout:5 attempts:1\n";

/// How the bytes of a connection begin at the door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// As they are.
    Plain,
    /// After a CONNECT to the name in the TLS hello, on this port.
    Tls(u16),
    /// After a CONNECT to this name, on this port.
    Named(String, u16),
    /// After the mesh door's yes to a connection to this member, on this port.
    Member(String, u16),
}

#[derive(Debug)]
pub struct Entry {
    pub listener: TcpListener,
    pub route: Route,
    pub door: PathBuf,
}

/// What is listened on. Bind it while that is still allowed (ports below 1024), run it later.
#[derive(Debug)]
pub struct Listeners {
    pub entries: Vec<Entry>,
    /// With the egress door that knows the names.
    pub names: Option<(UdpSocket, PathBuf)>,
    /// The mesh door. Without a socket there, there is no mesh.
    pub mesh: Option<PathBuf>,
}

impl Listeners {
    /// All of the above, with the doors in `doors`. Ports below 1024 must be allowed.
    pub fn bind(doors: &Path) -> io::Result<Self> {
        let (egress, storage) = (doors.join(EGRESS_DOOR), doors.join(STORAGE_DOOR));
        let local = Ipv4Addr::LOCALHOST;
        let entry = |address: Ipv4Addr, port, route, door: &Path| {
            let listener = TcpListener::bind((address, port))?;
            Ok::<_, io::Error>(Entry { listener, route, door: door.to_owned() })
        };
        Ok(Self {
            entries: vec![
                entry(local, PROXY_PORT, Route::Plain, &egress)?,
                entry(local, STORAGE_PORT, Route::Plain, &storage)?,
                entry(NAMES_ADDRESS, 443, Route::Tls(443), &egress)?,
                entry(NAMES_ADDRESS, 80, Route::Plain, &egress)?,
            ],
            names: Some((UdpSocket::bind((local, 53))?, egress)),
            mesh: Some(doors.join(MESH_DOOR)),
        })
    }

    /// Without what needs low ports: for programs that know proxies.
    pub fn bind_proxy(doors: &Path) -> io::Result<Self> {
        let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let plain =
            |listener, name| Entry { listener, route: Route::Plain, door: doors.join(name) };
        Ok(Self {
            entries: vec![
                plain(bind(PROXY_PORT)?, EGRESS_DOOR),
                plain(bind(STORAGE_PORT)?, STORAGE_DOOR),
            ],
            names: None,
            mesh: Some(doors.join(MESH_DOOR)),
        })
    }
}
