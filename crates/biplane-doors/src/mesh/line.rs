//! What is said before bytes flow: one line each way.
//!
//! A program says to its mesh door one of
//!
//! - `connect <sandbox> <port>`: to be connected with a member of its cluster;
//! - `accept <port>`, `accept *`: to wait for one connection of a member to this port, or to any that
//!   nobody waits for by number. When it comes the door says `from <sandbox> <port>`, and the program
//!   answers;
//! - `resolve <sandbox>`: whether there is such a member. `ok self`, or `ok` and the ports that
//!   programs may find by name.
//!
//! An answer is `ok`, after which the bytes of the connection follow, or `no <reason>`. Between nodes,
//! in TLS, the line is `biplane-mesh/1 <port>`: who calls is in the certificate, and who is called is
//! the server name.

use super::Refusal;
use biplane_api::ids::SandboxId;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const LINE_BYTES_MAX: usize = 256;
const PREFACE: &str = "biplane-mesh/1";
/// Of a refusal that another node or program gives.
const REASON_CHARS_MAX: usize = 120;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    Connect(SandboxId, u16),
    Accept(Option<u16>),
    Resolve(SandboxId),
}

pub async fn request<R: AsyncRead + Unpin>(io: &mut R) -> Result<Request, Refusal> {
    let line = read(io).await?;
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["connect", member, to] => Ok(Request::Connect(id(member)?, port(to)?)),
        ["accept", "*"] => Ok(Request::Accept(None)),
        ["accept", on] => Ok(Request::Accept(Some(port(on)?))),
        ["resolve", member] => Ok(Request::Resolve(id(member)?)),
        _ => Err(Refusal::Malformed),
    }
}

pub async fn preface<R: AsyncRead + Unpin>(io: &mut R) -> Result<u16, Refusal> {
    let line = read(io).await?;
    match line.split_once(' ') {
        Some((PREFACE, to)) => port(to),
        _ => Err(Refusal::Malformed),
    }
}

pub async fn write_preface<W: AsyncWrite + Unpin>(io: &mut W, port: u16) -> Result<(), Refusal> {
    write(io, &format!("{PREFACE} {port}\n")).await
}

pub async fn write<W: AsyncWrite + Unpin>(io: &mut W, line: &str) -> Result<(), Refusal> {
    io.write_all(line.as_bytes()).await?;
    io.flush().await?;
    Ok(())
}

/// `ok`; whatever else is said is the reason why not.
pub async fn answer<R: AsyncRead + Unpin>(io: &mut R) -> Result<(), Refusal> {
    let line = read(io).await?;
    if line == "ok" {
        return Ok(());
    }
    let reason = line.strip_prefix("no ").ok_or(Refusal::Malformed)?;
    let plain = |c: &char| !c.is_control();
    Err(Refusal::There(reason.chars().filter(plain).take(REASON_CHARS_MAX).collect()))
}

fn port(text: &str) -> Result<u16, Refusal> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0).ok_or(Refusal::Malformed)
}

/// An unknown sandbox and what is no sandbox are the same to whoever asks.
fn id(text: &str) -> Result<SandboxId, Refusal> {
    text.parse().map_err(|_| Refusal::NotMember)
}

/// Byte by byte: what follows the line must stay in the stream.
async fn read<R: AsyncRead + Unpin>(io: &mut R) -> Result<String, Refusal> {
    let mut line = Vec::with_capacity(64);
    loop {
        match io.read_u8().await? {
            b'\n' => break,
            byte if line.len() < LINE_BYTES_MAX => line.push(byte),
            _ => return Err(Refusal::Malformed),
        }
    }
    String::from_utf8(line).map_err(|_| Refusal::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_lines_of_the_door_are_read() {
        let id = SandboxId::random();
        let said = |text: String| async move { request(&mut text.as_bytes()).await.ok() };
        let connect = said(format!("connect {id} 7077\nrest")).await;
        assert_eq!(connect, Some(Request::Connect(id.clone(), 7077)));
        assert_eq!(said("accept *\n".into()).await, Some(Request::Accept(None)));
        assert_eq!(said("accept 80\n".into()).await, Some(Request::Accept(Some(80))));
        assert_eq!(said(format!("resolve {id}\n")).await, Some(Request::Resolve(id.clone())));
        for bad in [
            format!("connect {id}\n"),
            format!("connect {id} 0\n"),
            format!("connect {id} +80\n"),
            format!("connect {id} 70777\n"),
            format!("connect {id} 1 2\n"),
            "connect ../x 1\n".into(),
            "GET / HTTP/1.1\r\n".into(),
            "accept *".into(),
            "x".repeat(300),
        ] {
            assert_eq!(said(bad.clone()).await, None, "{bad}");
        }
    }

    #[tokio::test]
    async fn a_reason_is_text_and_short() {
        let said = format!("no \u{1b}[31m{}\n", "x".repeat(200));
        let Err(Refusal::There(reason)) = answer(&mut said.as_bytes()).await else {
            panic!("a reason");
        };
        assert!(reason.starts_with("[31mx") && reason.len() == REASON_CHARS_MAX);
        assert!(answer(&mut &b"ok\n"[..]).await.is_ok());
        assert!(answer(&mut &b"yes\n"[..]).await.is_err());
    }
}
