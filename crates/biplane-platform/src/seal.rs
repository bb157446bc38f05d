//! How values are sealed: AES-256-GCM, each with a random nonce and bound to the place where it is kept, so
//! that one that is moved to another place opens no more.

use crate::{ApiError, Result};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

#[derive(Debug)]
pub struct Seal(RandomizedNonceKey);

/// Says nothing: what went wrong might be part of a value.
fn broken<E>(_: E) -> ApiError {
    ApiError::internal("a sealed value cannot be made or opened")
}

impl Seal {
    pub fn new(key: &[u8; 32]) -> Result<Self> {
        Ok(Self(RandomizedNonceKey::new(&AES_256_GCM, key).map_err(broken)?))
    }

    pub fn close(&self, place: &str, value: &[u8]) -> Result<String> {
        let mut sealed = value.to_vec();
        let place = Aad::from(place.as_bytes());
        let nonce = self.0.seal_in_place_append_tag(place, &mut sealed).map_err(broken)?;
        let mut whole = nonce.as_ref().to_vec();
        whole.append(&mut sealed);
        Ok(STANDARD.encode(whole))
    }

    pub fn open(&self, place: &str, sealed: &str) -> Result<Vec<u8>> {
        let mut whole = STANDARD.decode(sealed).map_err(broken)?;
        let (nonce, rest) = whole.split_at_mut_checked(NONCE_LEN).ok_or_else(|| broken(()))?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(broken)?;
        let place = Aad::from(place.as_bytes());
        Ok(self.0.open_in_place(nonce, place, rest).map_err(broken)?.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_with_its_key_at_its_place_alone() {
        let (seal, other) = (Seal::new(&[1; 32]).unwrap(), Seal::new(&[2; 32]).unwrap());
        let sealed = seal.close("1/a/b", b"word").unwrap();
        assert_ne!(sealed, seal.close("1/a/b", b"word").unwrap());
        assert_eq!(seal.open("1/a/b", &sealed).unwrap(), b"word");
        assert!(seal.open("1/a/c", &sealed).is_err());
        assert!(other.open("1/a/b", &sealed).is_err());
        assert!(seal.open("1/a/b", "AAAA").is_err());
    }
}
