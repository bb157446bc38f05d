//! The envelope of a call: method name, sequence number, and the struct of its one argument.

use super::reader::{Limits, Reader};
use super::wire::Wire;
use super::writer::Writer;
use super::{DecodeError, Result, kind};
use bytes::Bytes;

const VERSION_1: u32 = 0x8001_0000;
const VERSION_MASK: u32 = 0xffff_0000;
const CALL: u8 = 1;
const REPLY: u8 = 2;
const EXCEPTION: u8 = 3;
const ONE_WAY: u8 = 4;
const NAME_BYTES_MAX: usize = 128;

/// A call whose argument is not yet read.
pub struct Call {
    pub method: String,
    pub sequence: i32,
    strict: bool,
    reader: Reader,
}

/// Where a reply goes to: the envelope repeats what the call had.
#[derive(Debug, Clone)]
pub struct Envelope {
    pub method: String,
    pub sequence: i32,
    strict: bool,
}

impl Call {
    /// Reads the envelope, with (strict) or without a version in front.
    pub fn read(data: Bytes) -> Result<Self> {
        let mut reader = Reader::new(data, Limits::REQUEST);
        let first = reader.i32()?;
        let (strict, kind, method, sequence) = if first < 0 {
            let word = first as u32;
            if word & VERSION_MASK != VERSION_1 {
                return Err(DecodeError::NotAMessage);
            }
            let length = reader.i32()?;
            let method = name(&mut reader, length)?;
            (true, (word & 0xff) as u8, method, reader.i32()?)
        } else {
            let method = name(&mut reader, first)?;
            let kind = reader.byte()?;
            (false, kind, method, reader.i32()?)
        };
        match kind {
            CALL | ONE_WAY => Ok(Self { method, sequence, strict, reader }),
            _ => Err(DecodeError::NotAMessage),
        }
    }

    pub fn envelope(&self) -> Envelope {
        Envelope { method: self.method.clone(), sequence: self.sequence, strict: self.strict }
    }

    /// The argument: field 1 of the struct that wraps the arguments of every method here.
    pub fn argument<T: Wire>(mut self) -> Result<T> {
        let reader = &mut self.reader;
        let mut argument = None;
        reader.nested(|reader| {
            while let Some((found, id)) = reader.field()? {
                match id {
                    1 if found == T::KIND => argument = Some(T::read(reader)?),
                    _ => reader.skip(found)?,
                }
            }
            Ok(())
        })?;
        reader.end()?;
        argument.ok_or(DecodeError::Missing("call", "argument 1"))
    }
}

fn name(reader: &mut Reader, length: i32) -> Result<String> {
    let length = usize::try_from(length).map_err(|_| DecodeError::NegativeLength)?;
    if length > NAME_BYTES_MAX {
        return Err(DecodeError::NotAMessage);
    }
    let bytes = reader.raw(length)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| DecodeError::NotUtf8)?;
    // The name comes back in replies and goes to logs.
    match text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        true => Ok(text.to_owned()),
        false => Err(DecodeError::NotAMessage),
    }
}

/// The types of TApplicationException.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    UnknownMethod = 1,
    ProtocolError = 7,
}

/// A call that could not be run at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationError {
    pub kind: ErrorKind,
    pub message: String,
}

impl ApplicationError {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The exception message; without a readable call it answers no method in particular.
    pub fn message(&self, envelope: Option<&Envelope>) -> Vec<Bytes> {
        let mut writer = Writer::default();
        match envelope {
            Some(envelope) => envelope.write(&mut writer, EXCEPTION),
            None => Envelope::unknown().write(&mut writer, EXCEPTION),
        }
        writer.field(kind::STRING, 1);
        writer.string(&self.message);
        writer.field(kind::I32, 2);
        writer.i32(self.kind as i32);
        writer.stop();
        writer.finish()
    }
}

impl Envelope {
    fn unknown() -> Self {
        Self { method: String::new(), sequence: 0, strict: true }
    }

    fn write(&self, writer: &mut Writer, kind: u8) {
        if self.strict {
            writer.i32((VERSION_1 | u32::from(kind)) as i32);
            writer.string(&self.method);
        } else {
            writer.string(&self.method);
            writer.byte(kind);
        }
        writer.i32(self.sequence);
    }
}

/// The reply to a call: field 0 of the result struct.
pub fn reply<T: Wire>(envelope: &Envelope, result: &T) -> Vec<Bytes> {
    let mut writer = Writer::default();
    envelope.write(&mut writer, REPLY);
    writer.field(T::KIND, 0);
    result.write(&mut writer);
    writer.stop();
    writer.finish()
}
