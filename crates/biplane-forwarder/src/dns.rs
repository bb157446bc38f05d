//! A name server of one answer each: enough of RFC 1035 for the resolvers of libc, musl, Go and Java.

use crate::client_hello::is_host;
use std::net::Ipv4Addr;

const HEADER_BYTES: usize = 12;
const TYPE_A: u16 = 1;
const TYPE_ANY: u16 = 255;
const CLASS_IN: u16 = 1;
/// Short: policies change under a running program.
const TTL_S: u32 = 5;

const NO_ERROR: u8 = 0;
const NAME_ERROR: u8 = 3;
const NOT_IMPLEMENTED: u8 = 4;

/// A question worth asking the door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub name: String,
    kind: u16,
    /// Header and question, as they came.
    bytes: Vec<u8>,
}

pub enum Parsed {
    Ask(Question),
    /// Can be answered at once.
    Answer(Vec<u8>),
    /// Not worth an answer.
    Nothing,
}

pub fn parse(packet: &[u8]) -> Parsed {
    let Some(header) = packet.get(..HEADER_BYTES) else {
        return Parsed::Nothing;
    };
    // An answer, not a question.
    if header[2] & 0x80 != 0 {
        return Parsed::Nothing;
    }
    let Some(question) = question(packet) else {
        return Parsed::Answer(answer(header, 0, NOT_IMPLEMENTED, None));
    };
    let opcode = header[2] >> 3 & 0x0f;
    if opcode != 0 {
        return Parsed::Answer(answer(&question.bytes, 1, NOT_IMPLEMENTED, None));
    }
    Parsed::Ask(question)
}

fn question(packet: &[u8]) -> Option<Question> {
    if u16::from_be_bytes([packet[4], packet[5]]) != 1 {
        return None;
    }
    let mut name = Vec::new();
    let mut at = HEADER_BYTES;
    loop {
        let length = usize::from(*packet.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        // Compression has nothing to point at in a question.
        if length > 63 {
            return None;
        }
        if !name.is_empty() {
            name.push(b'.');
        }
        name.extend_from_slice(packet.get(at..at + length)?);
        at += length;
    }
    let tail = packet.get(at..at + 4)?;
    if !is_host(&name) || u16::from_be_bytes([tail[2], tail[3]]) != CLASS_IN {
        return None;
    }
    Some(Question {
        name: String::from_utf8_lossy(&name).to_ascii_lowercase(),
        kind: u16::from_be_bytes([tail[0], tail[1]]),
        bytes: packet[..at + 4].to_vec(),
    })
}

impl Question {
    /// None: there is no such name.
    pub fn answer(&self, address: Option<Ipv4Addr>) -> Vec<u8> {
        if address.is_none() {
            return answer(&self.bytes, 1, NAME_ERROR, None);
        }
        // No other address exists here: IPv6 and the rest have no records, which is no error.
        let asked = matches!(self.kind, TYPE_A | TYPE_ANY);
        answer(&self.bytes, 1, NO_ERROR, address.filter(|_| asked))
    }
}

fn answer(question: &[u8], questions: u16, code: u8, address: Option<Ipv4Addr>) -> Vec<u8> {
    let mut bytes = question.to_vec();
    // An authoritative answer; recursion as asked, and available.
    bytes[2] = bytes[2] & 0x01 | 0x84;
    bytes[3] = 0x80 | code;
    bytes[4..6].copy_from_slice(&questions.to_be_bytes());
    bytes[6..8].copy_from_slice(&u16::from(address.is_some()).to_be_bytes());
    bytes[8..12].fill(0);
    if let Some(address) = address {
        // The name is the one at offset 12.
        bytes.extend([0xc0, 12]);
        bytes.extend(TYPE_A.to_be_bytes());
        bytes.extend(CLASS_IN.to_be_bytes());
        bytes.extend(TTL_S.to_be_bytes());
        bytes.extend(4_u16.to_be_bytes());
        bytes.extend(address.octets());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NAMES_ADDRESS;
    use proptest::prelude::*;

    fn packet(kind: u8) -> Vec<u8> {
        let mut packet = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        packet.extend(b"\x04PyPI\x03org\x00");
        packet.extend([0, kind, 0, 1]);
        // What clients add about themselves (EDNS).
        packet.extend([0, 0, 41, 4, 176, 0, 0, 0, 0, 0, 0]);
        packet
    }

    fn asked(kind: u8) -> Question {
        match parse(&packet(kind)) {
            Parsed::Ask(question) => question,
            _ => panic!("a question"),
        }
    }

    #[test]
    fn answers_with_its_one_address() {
        let question = asked(1);
        assert_eq!(question.name, "pypi.org");
        let answer = question.answer(Some(NAMES_ADDRESS));
        assert_eq!(&answer[..12], &[0xab, 0xcd, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        assert_eq!(answer[answer.len() - 4..], NAMES_ADDRESS.octets());
        let six = asked(28).answer(Some(NAMES_ADDRESS));
        assert_eq!((six[3] & 15, six[7]), (0, 0));
        assert_eq!(question.answer(None)[3] & 15, 3);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            match parse(&bytes) {
                Parsed::Ask(question) => prop_assert!(question.answer(Some(NAMES_ADDRESS)).len() > bytes.len().min(12)),
                Parsed::Answer(answer) => prop_assert!(answer.len() >= 12),
                Parsed::Nothing => {}
            }
        }
    }
}
