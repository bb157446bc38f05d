//! Signed links to chunks. A link carries all its rights in itself: statement, chunk, end.

use biplane_api::ids::StatementId;
use biplane_platform::{ApiError, Clock, Db, ErrorCode, Result, keys};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;
use std::time::Duration;

pub const PATH: &str = "/api/2.0/biplane/results";

#[derive(Clone)]
pub struct Links {
    key: [u8; 32],
    lifetime: Duration,
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Links(…)")
    }
}

/// A link and its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub url: String,
    /// Milliseconds since the epoch.
    pub expires_ms: i64,
}

impl Links {
    pub(crate) async fn load(db: &Db, clock: &Clock, lifetime: Duration) -> Result<Self> {
        Ok(Self { key: keys::signing_key(db, clock, "result_links").await?, lifetime })
    }

    /// `base_url` is the host the client already talks to.
    pub fn sign(&self, base_url: &str, id: &StatementId, chunk: usize, now_ms: i64) -> Link {
        let lifetime_ms = i64::try_from(self.lifetime.as_millis()).unwrap_or(i64::MAX);
        let expires_ms = now_ms.saturating_add(lifetime_ms);
        let signature = hex::encode(self.mac(id, chunk, expires_ms).finalize().into_bytes());
        let url =
            format!("{base_url}{PATH}/{id}/{chunk}?expires={expires_ms}&signature={signature}");
        Link { url, expires_ms }
    }

    pub fn verify(
        &self,
        id: &StatementId,
        chunk: usize,
        expires_ms: i64,
        signature: &str,
        now_ms: i64,
    ) -> Result<()> {
        let signature = hex::decode(signature).unwrap_or_default();
        // Constant time.
        self.mac(id, chunk, expires_ms)
            .verify_slice(&signature)
            .map_err(|_| refused("This link is not one this server gave out."))?;
        match expires_ms > now_ms {
            true => Ok(()),
            false => Err(refused("This link has expired. Ask for the chunk again.")),
        }
    }

    fn mac(&self, id: &StatementId, chunk: usize, expires_ms: i64) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any length");
        mac.update(format!("{id}/{chunk}/{expires_ms}").as_bytes());
        mac
    }
}

pub(super) fn refused(text: &str) -> ApiError {
    ApiError::new(ErrorCode::PermissionDenied, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_for_its_chunk_until_it_ends() {
        let links = Links { key: [3; 32], lifetime: Duration::from_secs(900) };
        let id = StatementId::random();
        let link = links.sign("http://h:1", &id, 7, 1_000);
        assert!(
            link.url.starts_with(&format!("http://h:1{PATH}/{id}/7?expires=901000&signature="))
        );
        let signature = link.url.rsplit('=').next().unwrap();
        links.verify(&id, 7, link.expires_ms, signature, 900_999).unwrap();
        assert!(links.verify(&id, 7, link.expires_ms, signature, 901_000).is_err());
        assert!(links.verify(&id, 8, link.expires_ms, signature, 0).is_err());
        assert!(links.verify(&id, 7, link.expires_ms + 1, signature, 0).is_err());
        assert!(links.verify(&StatementId::random(), 7, link.expires_ms, signature, 0).is_err());
        for bad in ["", "zz", &signature[..62], "é"] {
            assert!(links.verify(&id, 7, link.expires_ms, bad, 0).is_err());
        }
    }
}
