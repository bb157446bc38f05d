//! `GET /oidc/v1/authorize`: a browser comes from a client, and goes back with a code.

use super::store::{self, CodeRow};
use super::{PUBLIC_CLIENTS, Refused, scopes};
use crate::authenticate::{Call, Credential};
use crate::{Identity, hash};
use biplane_platform::{ApiError, ErrorCode, PrincipalKind, Result};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use url::{Host, Url};

const CODE_S: i64 = 300;
const FIELD_BYTES_MAX: usize = 2048;

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
pub struct AuthorizeQuery {
    #[serde(default)]
    pub response_type: Option<String>,
    #[serde(default)]
    pub client_id: Option<String>,
    #[serde(default)]
    pub redirect_uri: Option<String>,
    #[serde(default)]
    pub scope: Option<String>,
    #[serde(default)]
    pub state: Option<String>,
    #[serde(default)]
    pub code_challenge: Option<String>,
    #[serde(default)]
    pub code_challenge_method: Option<String>,
    #[serde(default)]
    pub nonce: Option<String>,
}

/// Where the browser goes. An unknown client or redirect is told to the person, never redirected to.
pub async fn authorize(
    identity: &Identity,
    call: &Call<'_>,
    query: &AuthorizeQuery,
) -> Result<String> {
    let client = query.client_id.as_deref().unwrap_or_default();
    if !PUBLIC_CLIENTS.contains(&client) {
        return Err(ApiError::invalid("client_id is not that of a known client."));
    }
    let redirect = redirect_uri(query.redirect_uri.as_deref().unwrap_or_default())?;
    for (name, value) in [("state", &query.state), ("nonce", &query.nonce)] {
        if value.as_ref().is_some_and(|value| value.len() > FIELD_BYTES_MAX) {
            let text = format!("{name} is longer than {FIELD_BYTES_MAX} bytes.");
            return Err(ApiError::invalid(text));
        }
    }
    let (scope, challenge) = match check(query) {
        Ok(checked) => checked,
        Err(refused) => return Ok(back(redirect, query, refused_params(&refused))),
    };
    let person = match identity.authenticate(call).await {
        Ok(found) if found.credential == Credential::WebSession => found.principal,
        Err(error)
            if !matches!(error.code, ErrorCode::Unauthenticated | ErrorCode::PermissionDenied) =>
        {
            return Err(error);
        }
        _ => {
            let here = call.uri.path_and_query().map_or("/", |here| here.as_str());
            return Ok(format!("/login?next={}", utf8_percent_encode(here, NON_ALPHANUMERIC)));
        }
    };
    if person.kind != PrincipalKind::User {
        return Ok(back(redirect, query, vec![("error", "access_denied".into())]));
    }
    let code = hash::opaque()?;
    let now = identity.clock.now_ms();
    let row = CodeRow {
        family_id: hash::opaque()?,
        client_id: client.to_owned(),
        principal_id: person.id,
        redirect_uri: redirect.to_string(),
        code_challenge: challenge,
        scope,
        nonce: query.nonce.clone(),
        expires_at: now + CODE_S * 1000,
        used: false,
    };
    let mut tx = identity.db.write().await?;
    store::code_insert(&mut tx, &hash::hex_digest(&code), &row, now).await?;
    tx.commit().await?;
    Ok(back(redirect, query, vec![("code", code)]))
}

fn refused_params(refused: &Refused) -> Vec<(&'static str, String)> {
    vec![("error", refused.error.into()), ("error_description", refused.description.clone())]
}

fn check(query: &AuthorizeQuery) -> Result<(String, String), Refused> {
    if query.response_type.as_deref() != Some("code") {
        return Err(Refused::new("unsupported_response_type", "response_type must be code."));
    }
    let challenge = query.code_challenge.as_deref().unwrap_or_default();
    // The SHA-256 of the verifier in base64url.
    let shaped = challenge.len() == 43
        && challenge.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if !shaped || query.code_challenge_method.as_deref() != Some("S256") {
        return Err(Refused::new(
            "invalid_request",
            "PKCE is needed: code_challenge with method S256.",
        ));
    }
    Ok((scopes(query.scope.as_deref())?, challenge.to_owned()))
}

/// Clients on people's machines listen on the loopback interface, on any port and path.
pub fn redirect_uri(text: &str) -> Result<Url> {
    let wrong =
        || ApiError::invalid("redirect_uri must be http:// on localhost, 127.0.0.1 or [::1].");
    if text.len() > FIELD_BYTES_MAX || text.contains('\\') {
        return Err(wrong());
    }
    let url = Url::parse(text).map_err(|_| wrong())?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    match url.scheme() == "http" && loopback && plain {
        true => Ok(url),
        false => Err(wrong()),
    }
}

fn back(mut redirect: Url, query: &AuthorizeQuery, params: Vec<(&'static str, String)>) -> String {
    let mut pairs = redirect.query_pairs_mut();
    for (name, value) in params {
        pairs.append_pair(name, &value);
    }
    if let Some(state) = &query.state {
        pairs.append_pair("state", state);
    }
    drop(pairs);
    redirect.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_loopback_is_redirected_to() {
        for good in ["http://localhost:8020", "http://127.0.0.1:5000/cb?x=1", "http://[::1]:9/"] {
            redirect_uri(good).unwrap();
        }
        for bad in [
            "",
            "https://evil.example",
            "http://localhost.evil.example",
            "http://localhost@evil.example",
            "http://user@localhost",
            "http://localhost#f",
            "javascript:alert(1)",
            "http:\\\\localhost",
            "//localhost",
            "http://10.0.0.1",
        ] {
            assert!(redirect_uri(bad).is_err(), "{bad}");
        }
    }
}
