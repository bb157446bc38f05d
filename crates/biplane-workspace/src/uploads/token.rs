//! Signed text: upload sessions, links to parts and to files. Whoever has one may do what it says until
//! it ends.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use biplane_platform::{ApiError, Result};
use hmac::{Hmac, Mac};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// What a text says. One made for another purpose does not open.
pub trait Expiring: Serialize + DeserializeOwned {
    const PURPOSE: &'static str;
    fn expires_ms(&self) -> i64;
}

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Claims {
    pub upload_id: uuid::Uuid,
    pub path: String,
    pub principal: String,
    pub overwrite: bool,
    pub expires_ms: i64,
    /// None = the session; Some(0) = abort; Some(n) = part n.
    pub part: Option<u32>,
}

impl Expiring for Claims {
    const PURPOSE: &'static str = "";

    fn expires_ms(&self) -> i64 {
        self.expires_ms
    }
}

fn mac(key: &[u8; 32], purpose: &str) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any size")]
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("any key size");
    mac.chain_update(purpose)
}

pub fn seal<T: Expiring>(key: &[u8; 32], claims: &T) -> Result<String> {
    let payload = serde_json::to_vec(claims).map_err(ApiError::internal)?;
    let tag = mac(key, T::PURPOSE).chain_update(&payload).finalize().into_bytes();
    Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(payload), URL_SAFE_NO_PAD.encode(tag)))
}

pub fn open<T: Expiring>(key: &[u8; 32], text: &str, now_ms: i64) -> Result<T> {
    let invalid = || {
        ApiError::denied("The upload session is not valid or has ended. Start the upload again.")
    };
    if text.len() > 16_384 {
        return Err(invalid());
    }
    let (payload, tag) = text.split_once('.').ok_or_else(invalid)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| invalid())?;
    let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| invalid())?;
    mac(key, T::PURPOSE).chain_update(&payload).verify_slice(&tag).map_err(|_| invalid())?;
    let claims: T = serde_json::from_slice(&payload).map_err(|_| invalid())?;
    if claims.expires_ms() <= now_ms {
        return Err(invalid());
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_was_sealed_or_nothing() {
        let claims = Claims {
            upload_id: uuid::Uuid::new_v4(),
            path: "/Volumes/c/s/v/f".into(),
            principal: "u".into(),
            overwrite: true,
            expires_ms: 100,
            part: Some(3),
        };
        let text = seal(&[1; 32], &claims).unwrap();
        assert_eq!(open::<Claims>(&[1; 32], &text, 99).unwrap(), claims);
        assert!(open::<Claims>(&[1; 32], &text, 100).is_err());
        assert!(open::<Claims>(&[2; 32], &text, 99).is_err());
        let (payload, tag) = text.split_once('.').unwrap();
        assert!(open::<Claims>(&[1; 32], &format!("{}x.{tag}", &payload[1..]), 99).is_err());
        assert!(open::<Claims>(&[1; 32], "", 0).is_err());
    }
}
