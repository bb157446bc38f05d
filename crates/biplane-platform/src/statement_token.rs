//! Tokens an engine carries for one statement: `stmt_<payload>.<mac>`.
//!
//! A token says as whom, where and for which statement the engine asks; it is worth something only on a
//! connection of the sandbox named in it (`RelayPeer`) and until it expires. Nothing is stored: the key
//! is the server's, shared by all replicas.

use crate::{ApiError, Clock, Db, ErrorCode, Result, Secret, keys};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use biplane_api::ids::{PrincipalId, SandboxId, StatementId, WorkspaceId};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

pub const PREFIX: &str = "stmt_";
const TOKEN_BYTES_MAX: usize = 1024;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementClaims {
    #[serde(rename = "p")]
    pub principal_id: PrincipalId,
    #[serde(rename = "w")]
    pub workspace_id: WorkspaceId,
    #[serde(rename = "s")]
    pub statement_id: StatementId,
    #[serde(rename = "b")]
    pub sandbox_id: SandboxId,
    /// Milliseconds since the epoch.
    #[serde(rename = "e")]
    pub expires_ms: i64,
    /// Code of the user holds it, not an engine: it is good for statements and files alone.
    #[serde(rename = "c", default, skip_serializing_if = "std::ops::Not::not")]
    pub code: bool,
}

#[derive(Clone)]
pub struct StatementTokens {
    key: [u8; 32],
}

impl std::fmt::Debug for StatementTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StatementTokens(…)")
    }
}

impl StatementTokens {
    pub async fn load(db: &Db, clock: &Clock) -> Result<Self> {
        Ok(Self { key: keys::signing_key(db, clock, "statement_tokens").await? })
    }

    pub fn issue(
        &self,
        principal_id: PrincipalId,
        workspace_id: WorkspaceId,
        statement_id: &StatementId,
        sandbox_id: &SandboxId,
        expires_ms: i64,
    ) -> Result<Secret> {
        let claims = StatementClaims {
            principal_id,
            workspace_id,
            statement_id: statement_id.clone(),
            sandbox_id: sandbox_id.clone(),
            expires_ms,
            code: false,
        };
        self.seal(&claims)
    }

    /// For code of a user, which may run statements and reach files, and nothing else.
    pub fn issue_to_code(
        &self,
        principal_id: PrincipalId,
        workspace_id: WorkspaceId,
        sandbox_id: &SandboxId,
        expires_ms: i64,
    ) -> Result<Secret> {
        self.seal(&StatementClaims {
            principal_id,
            workspace_id,
            statement_id: StatementId::random(),
            sandbox_id: sandbox_id.clone(),
            expires_ms,
            code: true,
        })
    }

    fn seal(&self, claims: &StatementClaims) -> Result<Secret> {
        let payload =
            URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).map_err(ApiError::internal)?);
        let mac = URL_SAFE_NO_PAD.encode(self.mac(&payload)?.finalize().into_bytes());
        Ok(Secret::new(format!("{PREFIX}{payload}.{mac}")))
    }

    /// The claims of a token of ours that has not expired. The caller compares the sandbox with the
    /// connection's.
    pub fn verify(&self, token: &str, now_ms: i64) -> Result<StatementClaims> {
        let claims =
            self.claims(token).ok_or_else(|| refused("The statement token is not valid."))?;
        match claims.expires_ms > now_ms {
            true => Ok(claims),
            false => Err(refused("The statement token has expired.")),
        }
    }

    fn claims(&self, token: &str) -> Option<StatementClaims> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let (payload, mac) = token.strip_prefix(PREFIX)?.split_once('.')?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        // Constant time.
        self.mac(payload).ok()?.verify_slice(&mac).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }

    fn mac(&self, payload: &str) -> Result<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).map_err(ApiError::internal)?;
        mac.update(payload.as_bytes());
        Ok(mac)
    }
}

fn refused(message: &str) -> ApiError {
    ApiError::new(ErrorCode::Unauthenticated, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_worth_something_until_it_expires_and_only_unchanged() {
        let tokens = StatementTokens { key: [7; 32] };
        let (statement, sandbox) = (StatementId::random(), SandboxId::random());
        let token =
            tokens.issue(PrincipalId(5), WorkspaceId(6), &statement, &sandbox, 1_000).unwrap();
        let claims = tokens.verify(token.expose(), 999).unwrap();
        assert_eq!((claims.principal_id, claims.workspace_id), (PrincipalId(5), WorkspaceId(6)));
        assert_eq!((claims.statement_id, claims.sandbox_id), (statement, sandbox));
        assert!(tokens.verify(token.expose(), 1_000).is_err());
        assert!(StatementTokens { key: [8; 32] }.verify(token.expose(), 0).is_err());

        let text = token.expose();
        for at in [PREFIX.len(), text.len() / 2, text.len() - 2] {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert!(tokens.verify(&String::from_utf8(bytes).unwrap(), 0).is_err());
        }
        for bad in ["", "stmt_", "stmt_.", "stmt_a.b", "dapi1", &"stmt_".repeat(1000)] {
            assert!(tokens.verify(bad, 0).is_err());
        }
    }
}
