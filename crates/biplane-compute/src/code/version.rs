//! What databricks-connect asks for beyond Spark: the version of the server, in a field that Spark's own
//! messages do not have. It is added to the answer that has the version of Spark; nothing else is looked at.

use bytes::{BufMut, Bytes, BytesMut};

/// Of `AnalyzePlanResponse`.
const SPARK_VERSION: u64 = 8;
/// Of that message.
const SERVER_VERSION: u64 = 800;
const LENGTH_DELIMITED: u64 = 2;
/// Of gRPC: a flag and a length.
const PREFIX_BYTES: usize = 5;
/// An answer with a version is far smaller.
const BYTES_MAX: usize = 4096;

/// One frame of an answer to `AnalyzePlan`, with the version where it belongs.
pub fn add(frame: Bytes, version: &str) -> Bytes {
    added(&frame, version).unwrap_or(frame)
}

fn added(frame: &[u8], version: &str) -> Option<Bytes> {
    let (prefix, message) = frame.split_at_checked(PREFIX_BYTES)?;
    let (flag, length) = prefix.split_first()?;
    let length = u32::from_be_bytes(length.try_into().ok()?);
    if frame.len() > BYTES_MAX || *flag != 0 || length as usize != message.len() {
        return None;
    }
    has_version(message)?.then_some(())?;
    let mut inner = BytesMut::new();
    put_field(&mut inner, SERVER_VERSION, version.as_bytes());
    let mut whole = BytesMut::from(message);
    // What comes again of a message is merged into what came before.
    put_field(&mut whole, SPARK_VERSION, &inner);
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + whole.len());
    framed.put_u8(0);
    framed.put_u32(u32::try_from(whole.len()).ok()?);
    framed.put(whole);
    Some(framed.freeze())
}

/// None: it is no message.
fn has_version(mut message: &[u8]) -> Option<bool> {
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        let bytes = match tag & 7 {
            0 => {
                varint(&mut message)?;
                0
            }
            1 => 8,
            LENGTH_DELIMITED => usize::try_from(varint(&mut message)?).ok()?,
            5 => 4,
            _ => return None,
        };
        if tag == SPARK_VERSION << 3 | LENGTH_DELIMITED {
            return Some(true);
        }
        message = message.get(bytes..)?;
    }
    Some(false)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn put_varint(into: &mut BytesMut, mut value: u64) {
    while value >= 0x80 {
        into.put_u8((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    into.put_u8((value & 0x7f) as u8);
}

fn put_field(into: &mut BytesMut, field: u64, bytes: &[u8]) {
    put_varint(into, field << 3 | LENGTH_DELIMITED);
    put_varint(into, bytes.len() as u64);
    into.put(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_added_to_the_answer_that_has_one_and_to_no_other() {
        // session_id "s", spark_version { version: "4" }
        let framed = |message: &[u8]| {
            let mut frame = vec![0, 0, 0, 0, message.len() as u8];
            frame.extend_from_slice(message);
            Bytes::from(frame)
        };
        let answer = framed(b"\x0a\x01s\x42\x03\x0a\x014");
        let wanted = framed(b"\x0a\x01s\x42\x03\x0a\x014\x42\x06\x82\x32\x0317x");
        assert_eq!(add(answer.clone(), "17x"), wanted);
        for other in
            [framed(b"\x0a\x01s\x28\x01"), framed(b"\x0a\xff"), answer.slice(..7), Bytes::new()]
        {
            assert_eq!(add(other.clone(), "17x"), other);
        }
    }
}
