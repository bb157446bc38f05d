//! Random secrets and what is stored of them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use biplane_platform::{ApiError, Result, Secret};
use sha2::{Digest, Sha256};

/// SHA-256: enough for secrets of 128 random bits and more; passwords go through argon2.
pub fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

pub fn hex_digest(secret: &str) -> String {
    hex::encode(digest(secret))
}

pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(ApiError::internal)?;
    Ok(bytes)
}

/// `dapi` and the like with 128 random bits in hex.
pub fn prefixed(prefix: &str) -> Result<Secret> {
    Ok(Secret::new(format!("{prefix}{}", hex::encode(random::<16>()?))))
}

/// 256 random bits, fit for URLs and cookies.
pub fn opaque() -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(random::<32>()?))
}

/// Constant time in the content.
pub fn same(a: &str, b: &str) -> bool {
    subtle::ConstantTimeEq::ct_eq(a.as_bytes(), b.as_bytes()).into()
}
