//! The Thrift binary protocol: bytes to structs and back, with a limit on everything.
//!
//! Nothing here trusts a number from the wire. Lengths are checked against the bytes that are left,
//! containers grow by what was really read, the elements of a message and the depth of its structs are
//! counted. A message that breaks a rule is an error, never a panic.

mod message;
mod reader;
mod structs;
#[cfg(test)]
mod tests;
mod wire;
mod writer;

pub use message::{ApplicationError, Call, ErrorKind, reply};
pub use reader::Reader;
pub(super) use structs::{thrift_enum, thrift_struct};
pub use wire::Wire;
pub use writer::Writer;

/// Type ids of the binary protocol.
pub mod kind {
    pub const STOP: u8 = 0;
    pub const BOOL: u8 = 2;
    pub const BYTE: u8 = 3;
    pub const DOUBLE: u8 = 4;
    pub const I16: u8 = 6;
    pub const I32: u8 = 8;
    pub const I64: u8 = 10;
    pub const STRING: u8 = 11;
    pub const STRUCT: u8 = 12;
    pub const MAP: u8 = 13;
    pub const SET: u8 = 14;
    pub const LIST: u8 = 15;
    pub const UUID: u8 = 16;
}

/// Why bytes are not the message they claim to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("the message ends too early")]
    Truncated,
    #[error("a negative length")]
    NegativeLength,
    #[error("unknown field type {0}")]
    UnknownType(u8),
    #[error("structs are nested deeper than {0}")]
    TooDeep(usize),
    #[error("more than {0} elements in one message")]
    TooManyElements(usize),
    #[error("text that is not UTF-8")]
    NotUtf8,
    #[error("elements of type {found} where {expected} belongs")]
    WrongElement { expected: u8, found: u8 },
    #[error("{0} without its required field {1}")]
    Missing(&'static str, &'static str),
    #[error("not a Thrift binary message")]
    NotAMessage,
    #[error("bytes after the end of the message")]
    Trailing,
}

pub type Result<T> = std::result::Result<T, DecodeError>;
