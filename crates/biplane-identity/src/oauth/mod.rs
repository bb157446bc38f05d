//! OAuth 2.0 for people (authorization code with PKCE) and service principals (client credentials).
//!
//! Access tokens are JWTs signed with the server's own key; refresh tokens and codes are random and
//! stored hashed. A refresh token or code that comes a second time ends the whole sign-in.

mod authorize;
mod discovery;
pub mod http;
mod jwt;
mod store;
mod token;

pub use jwt::{Signer, access_token_check};

/// Where tokens say they come from: the place of the discovery document.
pub const ROOT: &str = "/oidc";

/// Clients that run on people's machines and can keep no secret.
const PUBLIC_CLIENTS: &[&str] =
    &["databricks-cli", "dbt-databricks", "databricks-sql-python", "databricks-sql-connector"];
const SCOPE_ALL: &str = "all-apis";
const SCOPE_SQL: &str = "sql";
const SCOPE_OFFLINE: &str = "offline_access";
const SCOPE_OPENID: &str = "openid";
const SCOPE_EMAIL: &str = "email";
const SCOPE_PROFILE: &str = "profile";
const SCOPES: &[&str] =
    &[SCOPE_ALL, SCOPE_SQL, SCOPE_OFFLINE, SCOPE_OPENID, SCOPE_EMAIL, SCOPE_PROFILE];
/// They say something about a person or a sign-in; a token that is only of these opens nothing.
const SCOPES_OF_PEOPLE: &[&str] = &[SCOPE_OFFLINE, SCOPE_OPENID, SCOPE_EMAIL, SCOPE_PROFILE];

/// An answer of the token endpoint that is not a token: code of RFC 6749 and what is wrong.
#[derive(Debug)]
struct Refused {
    error: &'static str,
    description: String,
    /// What went wrong inside, if that is the reason.
    cause: Option<Box<biplane_platform::ApiError>>,
}

impl Refused {
    fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self { error, description: description.into(), cause: None }
    }
}

impl From<biplane_platform::ApiError> for Refused {
    fn from(cause: biplane_platform::ApiError) -> Self {
        Self {
            error: "server_error",
            description: cause.message.clone(),
            cause: Some(Box::new(cause)),
        }
    }
}

fn has(scopes: &str, scope: &str) -> bool {
    scopes.split(' ').any(|one| one == scope)
}

/// The scopes asked for, known and in order; `all-apis` when none is named.
fn scopes(asked: Option<&str>) -> Result<String, Refused> {
    let asked: Vec<&str> = asked.unwrap_or_default().split_ascii_whitespace().collect();
    if let Some(unknown) = asked.iter().find(|scope| !SCOPES.contains(scope)) {
        return Err(Refused::new(
            "invalid_scope",
            format!("The scope {unknown:.64} is not known."),
        ));
    }
    let mut granted: Vec<&str> =
        SCOPES.iter().copied().filter(|scope| asked.contains(scope)).collect();
    if granted.iter().all(|scope| *scope == SCOPE_OFFLINE) {
        granted.insert(0, SCOPE_ALL);
    }
    Ok(granted.join(" "))
}
