//! How a host becomes a node and stays one: one message each way, before and beside gRPC.
//!
//! A token lets one key in, once. A certificate names the node and the admission it belongs to; it is
//! short-lived, and whoever has it asks for the next one in time.

use prost::Message;
use std::fmt::{self, Write};
use std::io;
use std::str::FromStr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The relay under this name lets in without a certificate, for this conversation alone.
pub const JOIN_NAME: &str = "join.biplane.internal";

const MESSAGE_BYTES_MAX: usize = 16 << 10;
const TOKEN_PREFIX: &str = "bpn1_";
const ID_CHARS: usize = 16;
const SECRET_BYTES: usize = 32;
const PIN_BYTES: usize = 32;

/// What a node asks.
#[derive(Clone, PartialEq, Message)]
pub struct AdmissionRequest {
    /// PKCS #10 in DER: the key that the certificate is to be for. Empty where none is asked for.
    #[prost(bytes = "vec", tag = "1")]
    pub signing_request: Vec<u8>,
    #[prost(oneof = "Wish", tags = "2, 3, 4, 5")]
    pub wish: Option<Wish>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Wish {
    /// To be let in, with a token and no certificate.
    #[prost(message, tag = "2")]
    Join(Join),
    /// The next certificate.
    #[prost(message, tag = "3")]
    Renew(Nothing),
    /// To be a second node on this host, which takes over from the one that asks.
    #[prost(message, tag = "4")]
    Succeed(Nothing),
    /// That another node of this host is no more.
    #[prost(message, tag = "5")]
    Retire(Retire),
}

#[derive(Clone, PartialEq, Message)]
pub struct Join {
    #[prost(string, tag = "1")]
    pub token_id: String,
    #[prost(bytes = "vec", tag = "2")]
    pub secret: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Nothing {}

#[derive(Clone, PartialEq, Message)]
pub struct Retire {
    #[prost(string, tag = "1")]
    pub node_id: String,
}

/// What it is answered.
#[derive(Clone, PartialEq, Message)]
pub struct AdmissionResponse {
    #[prost(oneof = "Answer", tags = "1, 2, 3")]
    pub answer: Option<Answer>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Answer {
    #[prost(message, tag = "1")]
    Admitted(Admitted),
    #[prost(message, tag = "2")]
    Done(Nothing),
    /// For the operator to read.
    #[prost(string, tag = "3")]
    Refused(String),
}

#[derive(Clone, PartialEq, Message)]
pub struct Admitted {
    #[prost(string, tag = "1")]
    pub node_id: String,
    /// DER.
    #[prost(bytes = "vec", tag = "2")]
    pub certificate: Vec<u8>,
    /// Of the control plane; DER.
    #[prost(bytes = "vec", tag = "3")]
    pub authority: Vec<u8>,
    /// How long the certificate is good for.
    #[prost(uint64, tag = "4")]
    pub life_ms: u64,
}

/// Sends one message, its length first.
pub async fn send<W: AsyncWrite + Unpin, M: Message>(io: &mut W, message: &M) -> io::Result<()> {
    let bytes = message.encode_to_vec();
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    io.write_u32(length).await?;
    io.write_all(&bytes).await?;
    io.flush().await
}

pub async fn receive<R: AsyncRead + Unpin, M: Message + Default>(io: &mut R) -> io::Result<M> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let length = usize::try_from(io.read_u32().await?).unwrap_or(usize::MAX);
    if length > MESSAGE_BYTES_MAX {
        return Err(invalid("the message is too long"));
    }
    let mut bytes = vec![0; length];
    io.read_exact(&mut bytes).await?;
    M::decode(bytes.as_slice()).map_err(|_| invalid("the message cannot be read"))
}

/// Lets one host in. It carries the pin of the control plane's authority, so that the first connection
/// is to nobody else.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    pub id: String,
    pub secret: [u8; SECRET_BYTES],
    /// SHA-256 of the authority's certificate in DER.
    pub pin: [u8; PIN_BYTES],
}

#[derive(Debug, thiserror::Error)]
#[error("this is no join token of a node")]
pub struct TokenError;

impl JoinToken {
    /// The whole of it, secret.
    pub fn expose(&self) -> String {
        let mut text = format!("{TOKEN_PREFIX}{}", self.id);
        for byte in self.secret.iter().chain(&self.pin) {
            // Writing to a String does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinToken({}, …)", self.id)
    }
}

impl FromStr for JoinToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let text = text.trim().strip_prefix(TOKEN_PREFIX).ok_or(TokenError)?;
        let hex = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if !hex || text.len() != ID_CHARS + 2 * (SECRET_BYTES + PIN_BYTES) {
            return Err(TokenError);
        }
        let (id, rest) = text.split_at(ID_CHARS);
        let (secret, pin) = rest.split_at(2 * SECRET_BYTES);
        Ok(Self { id: id.to_owned(), secret: bytes(secret)?, pin: bytes(pin)? })
    }
}

fn bytes<const N: usize>(hex: &str) -> Result<[u8; N], TokenError> {
    let mut found = [0; N];
    for (index, byte) in found.iter_mut().enumerate() {
        let digits = hex.get(2 * index..2 * index + 2).ok_or(TokenError)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| TokenError)?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_being_written_and_hides_in_logs() {
        let id = "0123456789abcdef".to_owned();
        let token = JoinToken { id, secret: [0xa1; 32], pin: [0x0f; 32] };
        let text = token.expose();
        assert_eq!(format!(" {text}\n").parse::<JoinToken>().unwrap(), token);
        assert!(!format!("{token:?}").contains("a1a1"));
        for wrong in ["", "bpn1_", "dapi0123", &text[..text.len() - 1], &text.replace('f', "é")] {
            assert!(wrong.parse::<JoinToken>().is_err());
        }
    }

    #[tokio::test]
    async fn a_message_has_an_end() {
        let mut wire = Vec::new();
        let wish = Some(Wish::Retire(Retire { node_id: "n".into() }));
        let asked = AdmissionRequest { signing_request: vec![1, 2], wish };
        send(&mut wire, &asked).await.unwrap();
        assert_eq!(receive::<_, AdmissionRequest>(&mut wire.as_slice()).await.unwrap(), asked);
        let long = [&u32::MAX.to_be_bytes()[..], &[0; 64]].concat();
        assert!(receive::<_, AdmissionRequest>(&mut long.as_slice()).await.is_err());
        wire.pop();
        assert!(receive::<_, AdmissionRequest>(&mut wire.as_slice()).await.is_err());
    }
}
