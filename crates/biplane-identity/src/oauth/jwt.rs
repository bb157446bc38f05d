//! Access tokens: ES256, one key for all replicas, public half at `/oidc/jwks.json`.

use super::{SCOPE_ALL, SCOPE_SQL};
use crate::Identity;
use crate::authenticate::{Credential, Token};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use biplane_api::ids::PrincipalId;
use biplane_platform::{ApiError, Clock, Db, Result, keys};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

#[derive(Debug, Serialize, Deserialize)]
pub struct Claims {
    /// The host the client used: some clients compare it.
    pub iss: String,
    /// The workspace the token is good for, or the account for all of them.
    pub aud: String,
    /// User name or application id.
    pub sub: String,
    pub client_id: String,
    pub scope: String,
    pub iat: i64,
    pub exp: i64,
    pub jti: String,
    pub principal_id: PrincipalId,
}

/// An ID token: it lacks what makes an access token, so it opens nothing.
#[derive(Debug, Serialize)]
pub struct IdClaims {
    pub iss: String,
    /// The client it is for.
    pub aud: String,
    pub sub: String,
    pub iat: i64,
    pub exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_username: Option<String>,
}

pub struct Signer {
    key_id: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    x: String,
    y: String,
}

impl Signer {
    pub async fn load(db: &Db, clock: &Clock) -> Result<Self> {
        let fresh = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)
            .map_err(ApiError::internal)?;
        let text =
            keys::stored(db, clock, "oauth_es256", || STANDARD.encode(fresh.serialized_der()))
                .await?;
        let pkcs8 = STANDARD.decode(text).map_err(ApiError::internal)?;
        let pair = rcgen::KeyPair::try_from(pkcs8.as_slice()).map_err(ApiError::internal)?;
        // 4, x and y of 32 bytes each.
        let (x, y) = match pair.public_key_raw() {
            [4, point @ ..] if point.len() == 64 => point.split_at(32),
            _ => return Err(ApiError::internal("the OAuth key is not a P-256 key")),
        };
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        Ok(Self {
            key_id: URL_SAFE_NO_PAD.encode(&Sha256::digest(pair.public_key_raw())[..12]),
            encoding: EncodingKey::from_ec_der(&pkcs8),
            decoding: DecodingKey::from_ec_components(&x, &y).map_err(ApiError::internal)?,
            x,
            y,
        })
    }

    pub fn sign(&self, claims: &impl Serialize) -> Result<String> {
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, claims, &self.encoding).map_err(ApiError::internal)
    }

    /// Signature and algorithm only: audience and time are the caller's, with its own clock.
    fn verify(&self, token: &str) -> Option<Claims> {
        let mut validation = Validation::new(Algorithm::ES256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation)
            .ok()
            .map(|data| data.claims)
    }

    pub fn key_set(&self) -> Value {
        json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256",
            "kid": self.key_id, "x": self.x, "y": self.y
        }] })
    }
}

/// For authentication: what a bearer token is worth if it is an access token of ours.
pub fn access_token_check(identity: &Identity, token: &str) -> Option<Token> {
    let claims = identity.signer.verify(token)?;
    let workspace = match claims.aud == identity.account_id.as_str() {
        true => None,
        false => Some(claims.aud.parse().ok()?),
    };
    let scopes: Vec<&str> = claims.scope.split(' ').collect();
    let all = scopes.contains(&SCOPE_ALL);
    if !all && !scopes.contains(&SCOPE_SQL) {
        return None;
    }
    Some(Token {
        principal_id: claims.principal_id,
        workspace,
        preferred: None,
        expires_ms: claims.exp.checked_mul(1000)?,
        credential: Credential::OAuth,
        sql_only: !all,
    })
}
