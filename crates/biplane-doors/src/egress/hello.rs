//! The TLS hello on a tunnel: it must name the host that the tunnel was opened to.

use super::guard::Guard;
use crate::event::Reason;
use biplane_forwarder::client_hello::{self, HELLO_BYTES_MAX};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// A fatal alert, "access denied".
const ACCESS_DENIED: [u8; 7] = [21, 3, 3, 0, 2, 2, 49];

/// Reads on until the hello is there and checks it. False: the tunnel is over, and the client was told.
pub async fn admits(guard: &Guard, client: &mut UnixStream, early: &mut BytesMut) -> bool {
    let reading = tokio::time::timeout(guard.door.limits.hello_timeout, read(client, early)).await;
    let wrong = match reading {
        Ok(Ok(Some(hello))) => check(guard, &hello),
        Ok(Ok(None)) => Some(Reason::NotTls),
        // It went away or fell silent: nothing was asked for.
        Ok(Err(_)) | Err(_) => return false,
    };
    let Some(reason) = wrong else {
        return true;
    };
    let tls = reason != Reason::NotTls;
    if guard.broken(reason).is_ok() {
        return true;
    }
    if tls {
        let _ = client.write_all(&ACCESS_DENIED).await;
    }
    false
}

/// `None`: this is not TLS.
async fn read(
    client: &mut UnixStream,
    early: &mut BytesMut,
) -> std::io::Result<Option<client_hello::ClientHello>> {
    loop {
        match client_hello::parse(early) {
            Ok(Some(hello)) => return Ok(Some(hello)),
            Ok(None) if early.len() < HELLO_BYTES_MAX => {}
            Ok(None) | Err(client_hello::NotTls) => return Ok(None),
        }
        early.reserve(4096);
        if client.read_buf(early).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn check(guard: &Guard, hello: &client_hello::ClientHello) -> Option<Reason> {
    if hello.encrypted {
        return Some(Reason::EncryptedHello);
    }
    match &hello.server_name {
        None => Some(Reason::NoServerName),
        Some(name) if Some(name.as_str()) != guard.target.host.name() => {
            Some(Reason::ServerName(name.clone()))
        }
        Some(_) => None,
    }
}
