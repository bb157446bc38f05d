//! The two cookies.

use crate::hash;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use biplane_platform::{ApiError, Result};

const SESSION: &str = "biplane_session";
const CSRF: &str = "biplane_csrf";
const CSRF_HEADER: &str = "x-csrf-token";

pub fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(SESSION)?.strip_prefix('='))
        .filter(|session| !session.is_empty())
}

/// What the header must say for this session.
pub fn csrf_token(session: &str) -> String {
    URL_SAFE_NO_PAD.encode(hash::digest(&format!("csrf {session}")))
}

pub fn check_csrf(headers: &HeaderMap, session: &str) -> Result<()> {
    let sent = headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match hash::same(sent, &csrf_token(session)) {
        true => Ok(()),
        false => Err(ApiError::denied(
            "The X-CSRF-Token header is missing or does not belong to this session.",
        )),
    }
}

/// `secure` when the client came over https.
pub fn set(headers: &mut HeaderMap, session: &str, max_age_s: i64, secure: bool) -> Result<()> {
    let csrf = match session {
        "" => String::new(),
        session => csrf_token(session),
    };
    let secure = if secure { "; Secure" } else { "" };
    for text in [
        format!("{SESSION}={session}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}"),
        format!("{CSRF}={csrf}; Path=/; Max-Age={max_age_s}; SameSite=Lax{secure}"),
    ] {
        headers.append(SET_COOKIE, HeaderValue::try_from(text).map_err(ApiError::internal)?);
    }
    Ok(())
}

pub fn clear(headers: &mut HeaderMap, secure: bool) -> Result<()> {
    set(headers, "", 0, secure)
}
