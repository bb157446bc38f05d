//! How each Rust type stands on the wire.

use super::reader::Reader;
use super::writer::Writer;
use super::{Result, kind};
use bytes::Bytes;
use std::collections::BTreeMap;

pub trait Wire: Sized {
    const KIND: u8;
    fn read(reader: &mut Reader) -> Result<Self>;
    fn write(&self, writer: &mut Writer);
}

macro_rules! scalar {
    ($type:ty, $kind:ident, $read:ident, $write:ident) => {
        impl Wire for $type {
            const KIND: u8 = kind::$kind;

            fn read(reader: &mut Reader) -> Result<Self> {
                reader.$read()
            }

            fn write(&self, writer: &mut Writer) {
                writer.$write(*self);
            }
        }
    };
}

scalar!(i16, I16, i16, i16);
scalar!(i32, I32, i32, i32);
scalar!(i64, I64, i64, i64);
scalar!(f64, DOUBLE, double, double);

impl Wire for bool {
    const KIND: u8 = kind::BOOL;

    fn read(reader: &mut Reader) -> Result<Self> {
        reader.byte().map(|byte| byte != 0)
    }

    fn write(&self, writer: &mut Writer) {
        writer.byte(u8::from(*self));
    }
}

impl Wire for i8 {
    const KIND: u8 = kind::BYTE;

    fn read(reader: &mut Reader) -> Result<Self> {
        reader.byte().map(|byte| byte as i8)
    }

    fn write(&self, writer: &mut Writer) {
        writer.byte(*self as u8);
    }
}

impl Wire for String {
    const KIND: u8 = kind::STRING;

    fn read(reader: &mut Reader) -> Result<Self> {
        reader.string()
    }

    fn write(&self, writer: &mut Writer) {
        writer.string(self);
    }
}

impl Wire for Bytes {
    const KIND: u8 = kind::STRING;

    fn read(reader: &mut Reader) -> Result<Self> {
        reader.binary()
    }

    fn write(&self, writer: &mut Writer) {
        writer.binary(self);
    }
}

impl<T: Wire> Wire for Vec<T> {
    const KIND: u8 = kind::LIST;

    fn read(reader: &mut Reader) -> Result<Self> {
        reader.nested(|reader| {
            let size = reader.list(T::KIND)?;
            (0..size).map(|_| T::read(reader)).collect()
        })
    }

    fn write(&self, writer: &mut Writer) {
        writer.byte(T::KIND);
        writer.length(self.len());
        for element in self {
            element.write(writer);
        }
    }
}

impl<V: Wire> Wire for BTreeMap<String, V> {
    const KIND: u8 = kind::MAP;

    fn read(reader: &mut Reader) -> Result<Self> {
        reader.nested(|reader| {
            let size = reader.map(String::KIND, V::KIND)?;
            (0..size).map(|_| Ok((String::read(reader)?, V::read(reader)?))).collect()
        })
    }

    fn write(&self, writer: &mut Writer) {
        writer.byte(String::KIND);
        writer.byte(V::KIND);
        writer.length(self.len());
        for (key, value) in self {
            writer.string(key);
            value.write(writer);
        }
    }
}
