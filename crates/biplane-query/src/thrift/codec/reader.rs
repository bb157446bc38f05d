//! Reads values of the binary protocol from one message in memory.

use super::{DecodeError, Result, kind};
use bytes::Bytes;

/// How much one message may make us hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Structs inside structs, containers counted too.
    pub depth: usize,
    /// Elements of all containers of the message together, those of skipped fields not counted: an
    /// element can be one byte on the wire and hundreds in memory.
    pub elements: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self::REQUEST
    }
}

impl Limits {
    /// What a client may send.
    pub const REQUEST: Self = Self { depth: 32, elements: 100_000 };
}

pub struct Reader {
    data: Bytes,
    position: usize,
    depth: usize,
    elements: usize,
    limits: Limits,
}

impl Reader {
    pub fn new(data: Bytes, limits: Limits) -> Self {
        Self { data, position: 0, depth: 0, elements: 0, limits }
    }

    pub fn remaining(&self) -> usize {
        self.data.len() - self.position
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let rest = self.data.get(self.position..).unwrap_or_default();
        let bytes = rest.first_chunk::<N>().ok_or(DecodeError::Truncated)?;
        self.position += N;
        Ok(*bytes)
    }

    pub fn byte(&mut self) -> Result<u8> {
        Ok(self.take::<1>()?[0])
    }

    pub fn i16(&mut self) -> Result<i16> {
        self.take().map(i16::from_be_bytes)
    }

    pub fn i32(&mut self) -> Result<i32> {
        self.take().map(i32::from_be_bytes)
    }

    pub fn i64(&mut self) -> Result<i64> {
        self.take().map(i64::from_be_bytes)
    }

    pub fn double(&mut self) -> Result<f64> {
        self.take().map(f64::from_be_bytes)
    }

    fn length(&mut self) -> Result<usize> {
        usize::try_from(self.i32()?).map_err(|_| DecodeError::NegativeLength)
    }

    /// A slice of the message; nothing is copied.
    pub fn binary(&mut self) -> Result<Bytes> {
        let length = self.length()?;
        self.raw(length)
    }

    /// The next `length` bytes.
    pub fn raw(&mut self, length: usize) -> Result<Bytes> {
        if length > self.remaining() {
            return Err(DecodeError::Truncated);
        }
        let bytes = self.data.slice(self.position..self.position + length);
        self.position += length;
        Ok(bytes)
    }

    pub fn string(&mut self) -> Result<String> {
        let bytes = self.binary()?;
        std::str::from_utf8(&bytes).map(str::to_owned).map_err(|_| DecodeError::NotUtf8)
    }

    /// The header of the next field, or `None` at the end of the struct.
    pub fn field(&mut self) -> Result<Option<(u8, i16)>> {
        match self.byte()? {
            kind::STOP => Ok(None),
            found => Ok(Some((found, self.i16()?))),
        }
    }

    /// Runs `read` one level deeper.
    pub fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= self.limits.depth {
            return Err(DecodeError::TooDeep(self.limits.depth));
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    /// The size of a list or set whose elements have the type `expected`.
    pub fn list(&mut self, expected: u8) -> Result<usize> {
        let found = self.byte()?;
        let size = self.length()?;
        self.container(size, &[(expected, found)])?;
        Ok(size)
    }

    /// The size of a map of these types.
    pub fn map(&mut self, key: u8, value: u8) -> Result<usize> {
        let (found_key, found_value) = (self.byte()?, self.byte()?);
        let size = self.length()?;
        self.container(size, &[(key, found_key), (value, found_value)])?;
        Ok(size)
    }

    /// The types of an empty container mean nothing: some writers leave them zero.
    fn container(&mut self, size: usize, types: &[(u8, u8)]) -> Result<()> {
        if size == 0 {
            return Ok(());
        }
        for &(expected, found) in types {
            if expected != found {
                return Err(DecodeError::WrongElement { expected, found });
            }
        }
        self.elements = self.elements.saturating_add(size);
        if self.elements > self.limits.elements {
            return Err(DecodeError::TooManyElements(self.limits.elements));
        }
        let smallest: usize = types.iter().map(|(kind, _)| size_min(*kind)).sum();
        match size.checked_mul(smallest) {
            Some(bytes) if bytes <= self.remaining() => Ok(()),
            _ => Err(DecodeError::Truncated),
        }
    }

    /// Passes over a value that nobody asked for.
    pub fn skip(&mut self, found: u8) -> Result<()> {
        match found {
            kind::BOOL | kind::BYTE => self.byte().map(drop),
            kind::I16 => self.i16().map(drop),
            kind::I32 => self.i32().map(drop),
            kind::I64 | kind::DOUBLE => self.i64().map(drop),
            kind::UUID => self.raw(16).map(drop),
            kind::STRING => self.binary().map(drop),
            kind::STRUCT => self.nested(|reader| {
                while let Some((field, _)) = reader.field()? {
                    reader.skip(field)?;
                }
                Ok(())
            }),
            kind::LIST | kind::SET => self.nested(|reader| {
                let element = reader.byte()?;
                let size = reader.length()?;
                reader.skip_elements(size, &[element])
            }),
            kind::MAP => self.nested(|reader| {
                let (key, value) = (reader.byte()?, reader.byte()?);
                let size = reader.length()?;
                reader.skip_elements(size, &[key, value])
            }),
            other => Err(DecodeError::UnknownType(other)),
        }
    }

    /// Every element takes at least a byte, so this ends with the message at the latest.
    fn skip_elements(&mut self, size: usize, types: &[u8]) -> Result<()> {
        for _ in 0..size {
            for &found in types {
                self.skip(found)?;
            }
        }
        Ok(())
    }

    /// Everything was read.
    pub fn end(&self) -> Result<()> {
        match self.remaining() {
            0 => Ok(()),
            _ => Err(DecodeError::Trailing),
        }
    }
}

/// The fewest bytes that a value of this type takes.
fn size_min(found: u8) -> usize {
    match found {
        kind::I16 => 2,
        kind::I32 | kind::STRING => 4,
        kind::I64 | kind::DOUBLE => 8,
        kind::LIST | kind::SET => 5,
        kind::MAP => 6,
        _ => 1,
    }
}
