//! From the headers of a request to who asks and in which workspace. Called for every request: a known
//! credential costs a hash and three look-ups, no database.

use crate::principals::Resolved;
use crate::{Identity, entitlements, hash, oauth, principals, tokens, web};
use axum::http::{HeaderMap, Method, Uri, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use biplane_api::ids::{AccountId, PrincipalId, WorkspaceId};
use biplane_platform::statement_token::{self, StatementClaims};
use biplane_platform::{ApiError, ErrorCode, Principal, RelayPeer, Result};
use std::sync::Arc;

const CREDENTIAL_BYTES_MAX: usize = 8192;
/// What an engine may call as the user of a statement; never anything that makes a lasting credential.
const STATEMENT_PATHS: &[&str] =
    &["/internal/v1/", "/api/2.1/unity-catalog/", "/api/2.0/unity-catalog/", "/api/2.0/fs/"];
/// What code of a user may call with the token of its sandbox.
const CODE_PATHS: &[&str] = &[
    "/api/2.0/sql/statements",
    "/api/2.0/fs/files/",
    "/api/2.0/fs/directories/",
    "/api/2.0/secrets/get",
    "/api/2.0/secrets/list",
    "/api/2.0/secrets/scopes/list",
    "/api/2.0/workspace/get-status",
    "/api/2.0/workspace/list",
    "/api/2.0/workspace/export",
];
/// What a token with scope `sql` and no more may call.
const SQL_PATHS: &[&str] =
    &["/api/2.0/sql/", "/sql/", "/api/2.0/preview/scim/v2/Me", "/api/2.0/scim/v2/Me"];
const WORKSPACE_HEADERS: &[&str] = &["x-databricks-workspace-id", "x-databricks-org-id"];

/// What the edge knows of a request.
#[derive(Debug)]
pub struct Call<'a> {
    pub method: &'a Method,
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
    /// From the connection, never from the request.
    pub relay: Option<&'a RelayPeer>,
}

#[derive(Debug, Clone)]
pub struct Authenticated {
    pub principal: Arc<Principal>,
    pub account_id: AccountId,
    /// None on account-level paths, and for somebody who is in no workspace.
    pub workspace: Option<WorkspaceId>,
    pub credential: Credential,
    /// Set when an engine asks on behalf of a statement.
    pub statement: Option<StatementClaims>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    PersonalAccessToken,
    OAuth,
    WebSession,
    Statement,
}

/// What a credential is worth, as cached.
#[derive(Debug)]
pub struct Token {
    pub principal_id: PrincipalId,
    /// The only workspace it is good for.
    pub workspace: Option<WorkspaceId>,
    /// Where it is used when nothing else says.
    pub preferred: Option<WorkspaceId>,
    pub expires_ms: i64,
    pub credential: Credential,
    /// Scope `sql` without `all-apis`.
    pub sql_only: bool,
}

enum Presented<'a> {
    Bearer(std::borrow::Cow<'a, str>),
    Cookie(&'a str),
}

pub fn unauthenticated() -> ApiError {
    ApiError::new(ErrorCode::Unauthenticated, "Credential was not sent or is not valid.")
}

impl Identity {
    pub async fn authenticate(&self, call: &Call<'_>) -> Result<Authenticated> {
        let presented = presented(call.headers).ok_or_else(unauthenticated)?;
        if let Some(relay) = call.relay {
            return self.authenticate_statement(call, relay, &presented).await;
        }
        let token = match &presented {
            Presented::Bearer(token) => self.bearer(token).await?,
            Presented::Cookie(session) => {
                let token = self.session(session).await?;
                if !call.method.is_safe() {
                    web::check_csrf(call.headers, session)?;
                }
                token
            }
        };
        let path = call.uri.path();
        if token.sql_only && !SQL_PATHS.iter().any(|prefix| path.starts_with(prefix)) {
            return Err(ApiError::denied("The token's scope does not cover this call."));
        }
        let workspace = match account_path(path) {
            true => None,
            false => self.place(call, &token).await?,
        };
        let known = self.authenticated(&token, workspace).await?;
        if !account_path(path) {
            entitlements::check(&known.principal, workspace.is_some(), call.method, path)?;
        }
        Ok(known)
    }

    async fn authenticated(
        &self,
        token: &Token,
        workspace: Option<WorkspaceId>,
    ) -> Result<Authenticated> {
        let resolved =
            self.principal(token.principal_id, workspace).await?.ok_or_else(unauthenticated)?;
        if !resolved.member {
            return Err(ApiError::denied("You are not a member of this workspace."));
        }
        Ok(Authenticated {
            principal: resolved.principal.clone(),
            account_id: self.account_id.clone(),
            workspace,
            credential: token.credential,
            statement: None,
        })
    }

    /// On the relay only tokens of statements count, and only those of the sandbox at the other end.
    async fn authenticate_statement(
        &self,
        call: &Call<'_>,
        relay: &RelayPeer,
        presented: &Presented<'_>,
    ) -> Result<Authenticated> {
        let Presented::Bearer(token) = presented else {
            return Err(unauthenticated());
        };
        let claims = self.statement_tokens.verify(token, self.clock.now_ms())?;
        if claims.sandbox_id != relay.sandbox_id || claims.workspace_id != relay.workspace_id {
            return Err(unauthenticated());
        }
        let paths = if claims.code { CODE_PATHS } else { STATEMENT_PATHS };
        if !paths.iter().any(|prefix| call.uri.path().starts_with(prefix)) {
            return Err(ApiError::denied("A statement may not make this call."));
        }
        let token = Token {
            principal_id: claims.principal_id,
            workspace: Some(claims.workspace_id),
            preferred: None,
            expires_ms: claims.expires_ms,
            credential: Credential::Statement,
            sql_only: false,
        };
        let authenticated = self.authenticated(&token, Some(claims.workspace_id)).await?;
        Ok(Authenticated { statement: Some(claims), ..authenticated })
    }

    /// The host decides; a token bound to a workspace is good there only; a header may say which, or
    /// must agree.
    async fn place(&self, call: &Call<'_>, token: &Token) -> Result<Option<WorkspaceId>> {
        let host = host(call.uri, call.headers);
        let by_host = match host {
            Some(host) => self.workspace_by_host(host).await?,
            None => None,
        };
        let asked = asked_workspace(call.headers)?;
        if let (Some(here), Some(bound)) = (by_host, token.workspace)
            && here != bound
        {
            return Err(ApiError::denied("The token belongs to another workspace."));
        }
        match (by_host.or(token.workspace), asked) {
            (Some(here), Some(asked)) if here != asked => Err(ApiError::denied(
                "The workspace id sent is not that of the host name or token.",
            )),
            (Some(here), _) => Ok(Some(here)),
            (None, Some(asked)) => Ok(Some(asked)),
            (None, None) if token.preferred.is_some() => Ok(token.preferred),
            (None, None) => {
                let resolved =
                    self.principal(token.principal_id, None).await?.ok_or_else(unauthenticated)?;
                Ok(resolved.default_workspace)
            }
        }
    }

    async fn bearer(&self, text: &str) -> Result<Arc<Token>> {
        if text.len() > CREDENTIAL_BYTES_MAX || text.starts_with(statement_token::PREFIX) {
            return Err(unauthenticated());
        }
        self.cached(text, async || match text.starts_with(tokens::PREFIX) {
            true => tokens::ops::token_find(self, text).await,
            false => Ok(oauth::access_token_check(self, text)),
        })
        .await
    }

    async fn session(&self, text: &str) -> Result<Arc<Token>> {
        if text.len() > CREDENTIAL_BYTES_MAX {
            return Err(unauthenticated());
        }
        self.cached(text, async || web::ops::session_find(self, text).await).await
    }

    async fn cached(
        &self,
        text: &str,
        find: impl AsyncFnOnce() -> Result<Option<Token>>,
    ) -> Result<Arc<Token>> {
        let key = hash::digest(text);
        let epoch = self.cache.epoch();
        let token = match self.cache.tokens.get(epoch, &key) {
            Some(token) => token,
            None => {
                let token = find().await?.ok_or_else(unauthenticated)?;
                self.cache.tokens.put(epoch, key, token)
            }
        };
        match token.expires_ms > self.clock.now_ms() {
            true => Ok(token),
            false => Err(unauthenticated()),
        }
    }

    /// An active user or service principal as it is in `workspace`; None when there is none.
    pub(crate) async fn principal(
        &self,
        id: PrincipalId,
        workspace: Option<WorkspaceId>,
    ) -> Result<Option<Arc<Resolved>>> {
        let epoch = self.cache.epoch();
        if let Some(resolved) = self.cache.principals.get(epoch, &(id, workspace)) {
            return Ok(Some(resolved));
        }
        let found = principals::resolve(&mut self.db.read().await?, id, workspace).await?;
        Ok(found.map(|resolved| self.cache.principals.put(epoch, (id, workspace), resolved)))
    }
}

/// Account-level paths carry the account's id; `/api/2.0/accounts/servicePrincipals/…` is a workspace's.
pub fn account_path(path: &str) -> bool {
    let rest = ["/api/2.0/accounts/", "/api/2.1/accounts/", "/api/2.0/preview/accounts/"]
        .iter()
        .find_map(|prefix| path.strip_prefix(prefix));
    rest.is_some_and(|rest| !rest.starts_with("servicePrincipals/"))
}

/// The host name the client asked for, without the port.
pub fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let host = match headers.get(header::HOST) {
        Some(host) => host.to_str().ok()?,
        None => uri.authority()?.as_str(),
    };
    Some(without_port(host))
}

pub fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

fn asked_workspace(headers: &HeaderMap) -> Result<Option<WorkspaceId>> {
    let Some(value) = WORKSPACE_HEADERS.iter().find_map(|name| headers.get(*name)) else {
        return Ok(None);
    };
    let id = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    id.map(Some).ok_or_else(|| {
        ApiError::invalid("The workspace id in the request's headers is not a number.")
    })
}

fn presented(headers: &HeaderMap) -> Option<Presented<'_>> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return web::session_cookie(headers).map(Presented::Cookie);
    };
    let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Presented::Bearer(rest.trim().into()));
    }
    // `token:<personal access token>`, as curl -u sends it.
    if scheme.eq_ignore_ascii_case("basic") {
        let text = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
        let (user, token) = text.split_once(':')?;
        return (user == "token").then(|| Presented::Bearer(token.to_owned().into()));
    }
    None
}
