//! The token endpoint.

use super::jwt::{Claims, IdClaims};
use super::store::{self, RefreshRow};
use super::{
    PUBLIC_CLIENTS, Refused, SCOPE_EMAIL, SCOPE_OFFLINE, SCOPE_OPENID, SCOPE_PROFILE,
    SCOPES_OF_PEOPLE, authorize, discovery, has, scopes,
};
use crate::{Identity, hash, secrets};
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use biplane_api::identity::OAuthToken;
use biplane_api::ids::PrincipalId;
use biplane_platform::{Origin, Principal};
use serde::Deserialize;
use sha2::{Digest, Sha256};

pub const ACCESS_S: i64 = 3600;
const REFRESH_S: i64 = 90 * 24 * 3600;

#[derive(Debug, Default, Deserialize)]
pub struct TokenRequest {
    #[serde(default)]
    grant_type: Option<String>,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    client_secret: Option<String>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    redirect_uri: Option<String>,
    #[serde(default)]
    code_verifier: Option<String>,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    authorization_details: Option<String>,
    #[serde(default)]
    assume_group: Option<String>,
}

type Answer = Result<OAuthToken, Refused>;

/// Where the client asked.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub origin: &'a Origin,
    /// `/oidc` or `/oidc/accounts/<id>`
    pub root: &'a str,
}

/// What is to be given out.
struct Grant {
    principal_id: PrincipalId,
    client_id: String,
    scope: String,
    refresh_token: Option<String>,
    nonce: Option<String>,
}

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

pub async fn token(
    identity: &Identity,
    place: Place<'_>,
    headers: &HeaderMap,
    request: &TokenRequest,
) -> Answer {
    for (name, value) in [
        ("authorization_details", &request.authorization_details),
        ("assume_group", &request.assume_group),
    ] {
        if value.as_ref().is_some_and(|value| !value.is_empty()) {
            return Err(Refused::new(
                "invalid_request",
                format!("{name} is not supported by this server."),
            ));
        }
    }
    match request.grant_type.as_deref() {
        Some("client_credentials") => client_credentials(identity, place, headers, request).await,
        Some("authorization_code") => authorization_code(identity, place, request).await,
        Some("refresh_token") => refresh_token(identity, place, request).await,
        Some(TOKEN_EXCHANGE) => Err(Refused::new(
            "unsupported_grant_type",
            "Token federation is not supported by this server: sign in with a client secret or as a person.",
        )),
        Some(other) => Err(Refused::new(
            "unsupported_grant_type",
            format!("The grant type {other:.80} is not supported by this server."),
        )),
        None => Err(Refused::new("invalid_request", "grant_type is missing.")),
    }
}

/// From the Authorization header, or from the form.
fn client(headers: &HeaderMap, request: &TokenRequest) -> Option<(String, String)> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Some((request.client_id.clone()?, request.client_secret.clone()?));
    };
    let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    // Both are form-encoded in the header (RFC 6749 §2.3.1); ours have nothing to encode.
    Some((id.to_owned(), secret.to_owned()))
}

async fn client_credentials(
    identity: &Identity,
    place: Place<'_>,
    headers: &HeaderMap,
    request: &TokenRequest,
) -> Answer {
    let refused = || Refused::new("invalid_client", "The client id or the secret is wrong.");
    let (id, secret) = client(headers, request).ok_or_else(refused)?;
    let principal_id =
        secrets::ops::secret_check(identity, &id, &secret).await?.ok_or_else(refused)?;
    let scope = scopes(request.scope.as_deref())?;
    // Who has the secret can always ask again.
    let scope: Vec<_> =
        scope.split(' ').filter(|scope| !SCOPES_OF_PEOPLE.contains(scope)).collect();
    let scope = scope.join(" ");
    let grant = Grant { principal_id, client_id: id, scope, refresh_token: None, nonce: None };
    access_token(identity, place, grant).await
}

async fn authorization_code(
    identity: &Identity,
    place: Place<'_>,
    request: &TokenRequest,
) -> Answer {
    let refused = |why: &str| Refused::new("invalid_grant", why);
    let client_id = public_client(request)?;
    let code = request
        .code
        .as_deref()
        .ok_or_else(|| Refused::new("invalid_request", "code is missing."))?;
    let code_hash = hash::hex_digest(code);
    let now = identity.clock.now_ms();
    let mut tx = identity.db.write().await?;
    let row = store::code_by_hash(&mut tx, &code_hash).await?;
    let row = row.ok_or_else(|| refused("The code is not known."))?;
    if row.used || !store::code_use(&mut tx, &code_hash, now).await? {
        // Somebody else has it too: end what came of it.
        store::family_delete(&mut tx, &row.family_id).await?;
        tx.commit().await?;
        return Err(refused("The code was used before."));
    }
    // A code counts once, also when something is wrong with the rest.
    let wrong = if row.expires_at <= now {
        Some("The code has expired.")
    } else if row.client_id != client_id {
        Some("The code was given to another client.")
    } else if !same_redirect(&row.redirect_uri, request.redirect_uri.as_deref()) {
        Some("redirect_uri is not the one the code was asked for with.")
    } else if !verified(&row.code_challenge, request.code_verifier.as_deref()) {
        Some("code_verifier does not fit.")
    } else {
        None
    };
    if let Some(why) = wrong {
        tx.commit().await?;
        return Err(refused(why));
    }
    let refresh = match has(&row.scope, SCOPE_OFFLINE) {
        true => Some(
            refresh_issue(
                &mut tx,
                identity,
                &row.family_id,
                client_id,
                row.principal_id,
                &row.scope,
            )
            .await?,
        ),
        false => None,
    };
    tx.commit().await?;
    let grant = Grant {
        principal_id: row.principal_id,
        client_id: client_id.to_owned(),
        scope: row.scope,
        refresh_token: refresh,
        nonce: row.nonce,
    };
    access_token(identity, place, grant).await
}

fn public_client(request: &TokenRequest) -> Result<&str, Refused> {
    let id = request.client_id.as_deref().unwrap_or_default();
    match PUBLIC_CLIENTS.contains(&id) {
        true => Ok(id),
        false => Err(Refused::new("invalid_client", "client_id is not that of a known client.")),
    }
}

fn same_redirect(asked: &str, sent: Option<&str>) -> bool {
    sent.and_then(|sent| authorize::redirect_uri(sent).ok())
        .is_some_and(|sent| sent.as_str() == asked)
}

fn verified(challenge: &str, verifier: Option<&str>) -> bool {
    let verifier = verifier.unwrap_or_default();
    (43..=128).contains(&verifier.len())
        && hash::same(&URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())), challenge)
}

async fn refresh_token(identity: &Identity, place: Place<'_>, request: &TokenRequest) -> Answer {
    let refused =
        || Refused::new("invalid_grant", "The refresh token is not valid. Sign in again.");
    let client_id = public_client(request)?;
    let sent = request.refresh_token.as_deref();
    let sent = sent.ok_or_else(|| Refused::new("invalid_request", "refresh_token is missing."))?;
    let token_hash = hash::hex_digest(sent);
    let now = identity.clock.now_ms();
    let mut tx = identity.db.write().await?;
    let row = store::refresh_by_hash(&mut tx, &token_hash).await?.ok_or_else(refused)?;
    if row.client_id != client_id || row.expires_at <= now {
        return Err(refused());
    }
    if row.used || !store::refresh_use(&mut tx, &token_hash, now).await? {
        store::family_delete(&mut tx, &row.family_id).await?;
        tx.commit().await?;
        return Err(refused());
    }
    let scope = narrowed(&row.scope, request.scope.as_deref())?;
    let fresh =
        refresh_issue(&mut tx, identity, &row.family_id, client_id, row.principal_id, &row.scope)
            .await?;
    tx.commit().await?;
    let grant = Grant {
        principal_id: row.principal_id,
        client_id: client_id.to_owned(),
        scope,
        refresh_token: Some(fresh),
        nonce: None,
    };
    access_token(identity, place, grant).await
}

/// A refresh may ask for less, not for more.
fn narrowed(granted: &str, asked: Option<&str>) -> Result<String, Refused> {
    let Some(asked) = asked.filter(|asked| !asked.trim().is_empty()) else {
        return Ok(granted.to_owned());
    };
    let asked = scopes(Some(asked))?;
    match asked.split(' ').all(|scope| granted.split(' ').any(|have| have == scope)) {
        true => Ok(asked),
        false => Err(Refused::new("invalid_scope", "The sign-in does not cover this scope.")),
    }
}

async fn refresh_issue(
    tx: &mut biplane_platform::Tx,
    identity: &Identity,
    family_id: &str,
    client_id: &str,
    principal_id: PrincipalId,
    scope: &str,
) -> Result<String, Refused> {
    let token = hash::opaque()?;
    let row = RefreshRow {
        family_id: family_id.to_owned(),
        client_id: client_id.to_owned(),
        principal_id,
        scope: scope.to_owned(),
        expires_at: identity.clock.now_ms() + REFRESH_S * 1000,
        used: false,
    };
    store::refresh_insert(tx, &hash::hex_digest(&token), &row).await?;
    Ok(token)
}

async fn access_token(identity: &Identity, place: Place<'_>, grant: Grant) -> Answer {
    let workspace = discovery::bound_workspace(identity, place.origin).await?;
    let resolved = identity.principal(grant.principal_id, workspace).await?;
    let resolved = resolved.filter(|resolved| resolved.member).ok_or_else(|| {
        Refused::new(
            "access_denied",
            "The principal is not active, or not a member of this workspace.",
        )
    })?;
    let now_s = identity.clock.now_ms() / 1000;
    let iss = format!("{}{}", place.origin.base_url, place.root);
    let id_token = match has(&grant.scope, SCOPE_OPENID) {
        true => {
            let claims = id_claims(&grant, &resolved.principal, iss.clone(), now_s);
            Some(identity.signer.sign(&claims)?)
        }
        false => None,
    };
    let claims = Claims {
        iss,
        aud: workspace.map_or_else(|| identity.account_id.to_string(), |id| id.to_string()),
        sub: resolved.principal.name.clone(),
        client_id: grant.client_id,
        scope: grant.scope.clone(),
        iat: now_s,
        exp: now_s + ACCESS_S,
        jti: hash::opaque()?,
        principal_id: grant.principal_id,
    };
    Ok(OAuthToken {
        access_token: identity.signer.sign(&claims)?,
        token_type: "Bearer".into(),
        expires_in: ACCESS_S,
        scope: grant.scope,
        refresh_token: grant.refresh_token,
        id_token,
    })
}

fn id_claims(grant: &Grant, person: &Principal, iss: String, now_s: i64) -> IdClaims {
    let profile = has(&grant.scope, SCOPE_PROFILE);
    IdClaims {
        iss,
        aud: grant.client_id.clone(),
        sub: person.name.clone(),
        iat: now_s,
        exp: now_s + ACCESS_S,
        nonce: grant.nonce.clone(),
        email: has(&grant.scope, SCOPE_EMAIL).then(|| person.name.clone()),
        name: profile.then(|| person.display_name.clone()),
        preferred_username: profile.then(|| person.name.clone()),
    }
}
