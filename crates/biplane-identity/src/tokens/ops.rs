//! Who may make, see and revoke tokens.

use super::store::{self, TokenRow};
use crate::authenticate::{Credential, Token};
use crate::principals::{ACCOUNT_ADMIN, Kind, store as principals};
use crate::{Identity, hash};
use biplane_api::identity::{CreateToken, CreateTokenResponse, TokenInfo, TokenPatch};
use biplane_api::ids::PrincipalId;
use biplane_platform::{ApiError, Ctx, Result};

/// Two years, as the public service has it.
const LIFETIME_S_MAX: i64 = 730 * 24 * 3600;
const COMMENT_CHARS_MAX: usize = 1024;
const TOKENS_PER_PRINCIPAL_MAX: i64 = 600;
/// How exact "last used" is.
const USED_STEP_MS: i64 = 3_600_000;

/// For authentication: the token as stored, if there is one.
pub async fn token_find(identity: &Identity, text: &str) -> Result<Option<Token>> {
    let Some(row) = store::by_hash(&mut identity.db.read().await?, &hash::hex_digest(text)).await?
    else {
        return Ok(None);
    };
    let now = identity.clock.now_ms();
    if row.last_used_at.is_none_or(|last| now - last > USED_STEP_MS) {
        note_use(identity, row.token_id.clone(), now);
    }
    Ok(Some(Token {
        principal_id: row.owner,
        workspace: Some(row.workspace),
        preferred: None,
        expires_ms: row.expires_at.unwrap_or(i64::MAX),
        credential: Credential::PersonalAccessToken,
        sql_only: false,
    }))
}

/// Not part of the request: nobody waits for it, and losing it costs nothing.
fn note_use(identity: &Identity, token_id: String, now_ms: i64) {
    let db = identity.db.clone();
    tokio::spawn(async move {
        let result = async {
            let mut tx = db.write_relaxed().await?;
            store::used(&mut tx, &token_id, now_ms).await?;
            tx.commit().await
        };
        if let Err(error) = result.await {
            tracing::warn!(%error, "the last use of a token could not be noted");
        }
    });
}

pub async fn token_create(
    identity: &Identity,
    ctx: &Ctx,
    request: &CreateToken,
) -> Result<CreateTokenResponse> {
    issue(identity, ctx, ctx.principal.id, request).await
}

/// A workspace admin makes a token for a service principal of the workspace. One for an account admin
/// would be more than the caller has.
pub async fn token_create_on_behalf(
    identity: &Identity,
    ctx: &Ctx,
    request: &CreateToken,
) -> Result<CreateTokenResponse> {
    ctx.require_workspace_admin()?;
    let name = request.application_id.as_deref().unwrap_or_default();
    let missing = || {
        ApiError::not_found(format!(
            "Service principal {name:.64} does not exist in this workspace."
        ))
    };
    let found = principals::by_name(&mut identity.db.read().await?, name).await?;
    let found = found.filter(|row| row.kind == Kind::ServicePrincipal).ok_or_else(missing)?;
    let resolved = identity
        .principal(found.id, ctx.workspace)
        .await?
        .filter(|one| one.member)
        .ok_or_else(missing)?;
    if resolved.principal.account_admin && !ctx.principal.account_admin {
        return Err(ApiError::denied(format!(
            "The service principal has the role {ACCOUNT_ADMIN}, and you have not."
        )));
    }
    issue(identity, ctx, found.id, request).await
}

async fn issue(
    identity: &Identity,
    ctx: &Ctx,
    owner: PrincipalId,
    request: &CreateToken,
) -> Result<CreateTokenResponse> {
    let workspace = ctx.workspace()?;
    let now = ctx.now_ms();
    check_scopes(request.scopes.as_deref())?;
    let comment = check_comment(request.comment.as_deref().unwrap_or_default())?;
    let expires_at = match request.lifetime_seconds {
        // Several clients send 0 or -1 for "no end".
        None | Some(-1 | 0) => None,
        Some(seconds @ 1..=LIFETIME_S_MAX) => Some(now + seconds * 1000),
        Some(_) => {
            return Err(ApiError::invalid(format!(
                "lifetime_seconds must be from 1 to {LIFETIME_S_MAX}."
            )));
        }
    };
    let mut tx = identity.db.write().await?;
    store::delete_expired(&mut tx, now - LIFETIME_S_MAX * 1000).await?;
    if store::count(&mut tx, owner, now).await? >= TOKENS_PER_PRINCIPAL_MAX {
        return Err(ApiError::new(
            biplane_platform::ErrorCode::InvalidState,
            format!("There are {TOKENS_PER_PRINCIPAL_MAX} tokens already. Delete some first."),
        ));
    }
    let (row, token) =
        TokenRow::fresh(owner, workspace, comment, ctx.principal.id, now, expires_at)?;
    store::insert(&mut tx, &row, &token).await?;
    tx.commit().await?;
    Ok(CreateTokenResponse {
        token_value: token.expose().to_owned(),
        token_info: info(row, Detail::Own),
    })
}

fn check_scopes(scopes: Option<&[String]>) -> Result<()> {
    match scopes.unwrap_or_default().iter().all(|scope| scope == "all-apis") {
        true => Ok(()),
        false => {
            Err(ApiError::unsupported("A personal access token with scopes other than all-apis"))
        }
    }
}

fn check_comment(comment: &str) -> Result<&str> {
    match comment.chars().count() <= COMMENT_CHARS_MAX {
        true => Ok(comment),
        false => Err(ApiError::invalid(format!(
            "The comment is longer than {COMMENT_CHARS_MAX} characters."
        ))),
    }
}

pub async fn token_list(identity: &Identity, ctx: &Ctx) -> Result<Vec<TokenInfo>> {
    let mut tx = identity.db.read().await?;
    let rows = store::of_owner(&mut tx, ctx.workspace()?, ctx.principal.id, ctx.now_ms()).await?;
    Ok(rows.into_iter().map(|row| info(row, Detail::Own)).collect())
}

pub async fn token_delete(identity: &Identity, ctx: &Ctx, token_id: &str) -> Result<()> {
    let mut tx = identity.db.write().await?;
    let row = own(store::by_id(&mut tx, ctx.workspace()?, token_id).await?, ctx, token_id)?;
    store::delete(&mut tx, &row.token_id).await?;
    identity.changed(tx).await
}

pub async fn token_update(
    identity: &Identity,
    ctx: &Ctx,
    token_id: &str,
    patch: &TokenPatch,
    mask: Option<&str>,
) -> Result<()> {
    let mut tx = identity.db.write().await?;
    let row = own(store::by_id(&mut tx, ctx.workspace()?, token_id).await?, ctx, token_id)?;
    store::comment_set(&mut tx, &row.token_id, patched_comment(patch, mask)?).await?;
    tx.commit().await
}

fn patched_comment<'a>(patch: &'a TokenPatch, mask: Option<&str>) -> Result<&'a str> {
    for field in mask.unwrap_or_default().split(',').filter(|field| !field.is_empty()) {
        match field {
            "comment" | "*" => {}
            "scopes" => check_scopes(patch.scopes.as_deref())?,
            _ => return Err(ApiError::invalid("update_mask may name comment and scopes.")),
        }
    }
    check_scopes(patch.scopes.as_deref())?;
    let comment = patch.comment.as_deref();
    check_comment(comment.ok_or_else(|| {
        ApiError::invalid("There is nothing to change: token.comment is missing.")
    })?)
}

fn own(row: Option<TokenRow>, ctx: &Ctx, token_id: &str) -> Result<TokenRow> {
    row.filter(|row| row.owner == ctx.principal.id).ok_or_else(|| missing(token_id))
}

fn missing(token_id: &str) -> ApiError {
    ApiError::not_found(format!(
        "Token {} does not exist.",
        token_id.chars().take(80).collect::<String>()
    ))
}

pub async fn token_management_list(
    identity: &Identity,
    ctx: &Ctx,
    created_by_id: Option<i64>,
    created_by_username: Option<&str>,
) -> Result<Vec<TokenInfo>> {
    ctx.require_workspace_admin()?;
    let mut tx = identity.db.read().await?;
    let mut by = created_by_id.map(PrincipalId);
    if let Some(name) = created_by_username {
        let Some(found) = principals::by_name(&mut tx, name).await? else {
            return Ok(Vec::new());
        };
        if by.is_some_and(|id| id != found.id) {
            return Ok(Vec::new());
        }
        by = Some(found.id);
    }
    let rows = store::of_workspace(&mut tx, ctx.workspace()?, by, ctx.now_ms()).await?;
    Ok(rows.into_iter().map(|row| info(row, Detail::Managed)).collect())
}

pub async fn token_management_get(
    identity: &Identity,
    ctx: &Ctx,
    token_id: &str,
) -> Result<TokenInfo> {
    ctx.require_workspace_admin()?;
    let row = store::by_id(&mut identity.db.read().await?, ctx.workspace()?, token_id).await?;
    row.map(|row| info(row, Detail::Managed)).ok_or_else(|| missing(token_id))
}

pub async fn token_management_delete(identity: &Identity, ctx: &Ctx, token_id: &str) -> Result<()> {
    ctx.require_workspace_admin()?;
    let mut tx = identity.db.write().await?;
    let row = store::by_id(&mut tx, ctx.workspace()?, token_id)
        .await?
        .ok_or_else(|| missing(token_id))?;
    store::delete(&mut tx, &row.token_id).await?;
    identity.changed(tx).await
}

pub async fn token_management_update(
    identity: &Identity,
    ctx: &Ctx,
    token_id: &str,
    patch: &TokenPatch,
    mask: Option<&str>,
) -> Result<TokenInfo> {
    ctx.require_workspace_admin()?;
    let mut tx = identity.db.write().await?;
    let mut row = store::by_id(&mut tx, ctx.workspace()?, token_id)
        .await?
        .ok_or_else(|| missing(token_id))?;
    row.comment = patched_comment(patch, mask)?.to_owned();
    store::comment_set(&mut tx, &row.token_id, &row.comment).await?;
    tx.commit().await?;
    Ok(info(row, Detail::Managed))
}

#[derive(PartialEq)]
enum Detail {
    Own,
    Managed,
}

fn info(row: TokenRow, detail: Detail) -> TokenInfo {
    let managed = detail == Detail::Managed;
    TokenInfo {
        token_id: row.token_id,
        comment: Some(row.comment).filter(|comment| !comment.is_empty()),
        creation_time: row.created_at,
        expiry_time: row.expires_at.unwrap_or(-1),
        last_accessed_time: row.last_used_at,
        created_by_id: managed.then_some(row.created_by.0),
        created_by_username: row.created_by_name.filter(|_| managed),
        owner_id: managed.then_some(row.owner.0),
        workspace_id: managed.then_some(row.workspace.0),
    }
}
