//! Writes values of the binary protocol as a chain of buffers: large binary values are passed on as
//! they are, so that a batch of rows goes from the spool to the socket without a copy.

use super::kind;
use bytes::{BufMut, Bytes, BytesMut};

/// Below this a copy is cheaper than a buffer of its own.
const COPY_BYTES_MAX: usize = 4096;

#[derive(Default)]
pub struct Writer {
    done: Vec<Bytes>,
    open: BytesMut,
}

impl Writer {
    pub fn byte(&mut self, value: u8) {
        self.open.put_u8(value);
    }

    pub fn i16(&mut self, value: i16) {
        self.open.put_i16(value);
    }

    pub fn i32(&mut self, value: i32) {
        self.open.put_i32(value);
    }

    pub fn i64(&mut self, value: i64) {
        self.open.put_i64(value);
    }

    pub fn double(&mut self, value: f64) {
        self.open.put_f64(value);
    }

    /// A length. What does not fit an i32 would be a response over 2 GiB, which the byte limits of
    /// fetching rule out.
    pub fn length(&mut self, value: usize) {
        self.i32(i32::try_from(value).unwrap_or(i32::MAX));
    }

    pub fn string(&mut self, value: &str) {
        self.length(value.len());
        self.open.put_slice(value.as_bytes());
    }

    pub fn binary(&mut self, value: &Bytes) {
        self.length(value.len());
        if value.len() <= COPY_BYTES_MAX {
            self.open.put_slice(value);
        } else {
            self.seal();
            self.done.push(value.clone());
        }
    }

    pub fn field(&mut self, found: u8, id: i16) {
        self.byte(found);
        self.i16(id);
    }

    pub fn stop(&mut self) {
        self.byte(kind::STOP);
    }

    fn seal(&mut self) {
        if !self.open.is_empty() {
            self.done.push(self.open.split().freeze());
        }
    }

    /// The message as buffers in order.
    pub fn finish(mut self) -> Vec<Bytes> {
        self.seal();
        self.done
    }
}
