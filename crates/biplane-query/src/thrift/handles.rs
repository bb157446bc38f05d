//! Handles of sessions and operations: the id as 16 bytes, and a secret that only this server makes.
//!
//! The secret is a MAC of the id, so that no table of handles is kept and any replica can check one.
//! It proves nothing about the caller: every call checks the owner of what the id names, too.

use super::idl::*;
use biplane_platform::ApiError;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// The bytes of an id.
pub fn uuid_of(id: &str) -> Result<Uuid, ApiError> {
    Uuid::parse_str(id).map_err(ApiError::internal)
}

/// What an id names; a handle of one kind is not valid as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Session,
    Statement,
    /// The result of a metadata call.
    Metadata,
}

pub struct Handles {
    key: [u8; 32],
}

impl Handles {
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    pub fn make(&self, kind: Kind, id: Uuid) -> THandleIdentifier {
        THandleIdentifier {
            guid: Bytes::copy_from_slice(id.as_bytes()),
            secret: Bytes::copy_from_slice(&self.secret(kind, id)),
        }
    }

    /// The id of a handle that this server made.
    pub fn open(&self, kind: Kind, handle: &THandleIdentifier) -> Option<Uuid> {
        let id = Uuid::from_slice(&handle.guid).ok()?;
        bool::from(self.secret(kind, id).ct_eq(&handle.secret[..])).then_some(id)
    }

    fn secret(&self, kind: Kind, id: Uuid) -> [u8; 16] {
        // A key is padded to the block of the hash: done here, it cannot have a wrong length.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.key);
        let mut mac = Hmac::<Sha256>::new((&block).into());
        mac.update(&[kind as u8]);
        mac.update(id.as_bytes());
        let full: [u8; 32] = mac.finalize().into_bytes().into();
        let mut secret = [0; 16];
        secret.copy_from_slice(&full[..16]);
        secret
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_untouched_handles_of_the_right_kind_open() {
        let handles = Handles::new([1; 32]);
        let id = Uuid::from_u128(5);
        let handle = handles.make(Kind::Session, id);
        assert_eq!(handles.open(Kind::Session, &handle), Some(id));
        assert_eq!(handles.open(Kind::Statement, &handle), None);
        assert_eq!(Handles::new([2; 32]).open(Kind::Session, &handle), None);
        let other = THandleIdentifier { secret: Bytes::from_static(b"short"), ..handle.clone() };
        assert_eq!(handles.open(Kind::Session, &other), None);
        let other = THandleIdentifier { guid: Bytes::new(), ..handle };
        assert_eq!(handles.open(Kind::Session, &other), None);
    }
}
