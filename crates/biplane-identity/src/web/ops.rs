//! Sign in, sign out, change the password.

use super::store::{self, SessionRow};
use crate::authenticate::{Credential, Token};
use crate::principals::{Kind, store as principals};
use crate::{Identity, hash};
use biplane_api::identity::{ChangePassword, LoginRequest, SessionInfo};
use biplane_api::ids::WorkspaceId;
use biplane_platform::{ApiError, Ctx, ErrorCode, Origin, PrincipalKind, Result, Secret};

pub const SESSION_S: i64 = 12 * 3600;

/// For authentication: the session of a cookie.
pub async fn session_find(identity: &Identity, session: &str) -> Result<Option<Token>> {
    let row = store::by_hash(&mut identity.db.read().await?, &hash::hex_digest(session)).await?;
    Ok(row.map(|row| Token {
        principal_id: row.principal_id,
        workspace: None,
        preferred: row.workspace_id,
        expires_ms: row.expires_at,
        credential: Credential::WebSession,
        sql_only: false,
    }))
}

/// The session's secret and who it is. One message for all that can be wrong.
pub async fn session_create(
    identity: &Identity,
    origin: &Origin,
    host: Option<&str>,
    request: &LoginRequest,
) -> Result<(String, SessionInfo)> {
    let user_key = request.user_name.trim().to_lowercase();
    let attempt = identity.passwords.limits.attempt(&user_key, origin.source_ip)?;
    let mut tx = identity.db.read().await?;
    let user = match user_key.len() <= 255 {
        true => principals::by_name(&mut tx, &user_key)
            .await?
            .filter(|row| row.kind == Kind::User && row.active),
        false => None,
    };
    let password_hash = match &user {
        Some(user) => principals::password_hash(&mut tx, user.id).await?,
        None => None,
    };
    drop(tx);
    let right = identity.passwords.verify(&Secret::new(&request.password), password_hash).await?;
    let Some(user) = user.filter(|_| right) else {
        return Err(ApiError::new(
            ErrorCode::Unauthenticated,
            "The user name or the password is wrong.",
        ));
    };
    attempt.succeeded();
    let here = match host {
        Some(host) => identity.workspace_by_host(host).await?,
        None => None,
    };
    let workspace = match here {
        Some(here) => Some(here),
        None => {
            identity.principal(user.id, None).await?.and_then(|resolved| resolved.default_workspace)
        }
    };
    let info = session_info(identity, user.id, workspace).await?;
    let session = hash::opaque()?;
    let now = identity.clock.now_ms();
    let row = SessionRow {
        principal_id: user.id,
        workspace_id: workspace,
        expires_at: now + SESSION_S * 1000,
    };
    let mut tx = identity.db.write().await?;
    store::insert(&mut tx, &hash::hex_digest(&session), &row, now).await?;
    tx.commit().await?;
    Ok((session, info))
}

async fn session_info(
    identity: &Identity,
    id: biplane_api::ids::PrincipalId,
    workspace: Option<WorkspaceId>,
) -> Result<SessionInfo> {
    let resolved = identity
        .principal(id, workspace)
        .await?
        .ok_or_else(crate::authenticate::unauthenticated)?;
    if !resolved.member {
        return Err(ApiError::denied("You are not a member of this workspace."));
    }
    Ok(info(identity, &resolved.principal, workspace))
}

fn info(
    identity: &Identity,
    principal: &biplane_platform::Principal,
    workspace: Option<WorkspaceId>,
) -> SessionInfo {
    SessionInfo {
        user_name: principal.name.clone(),
        display_name: principal.display_name.clone(),
        workspace_id: workspace.map(|id| id.to_string()),
        account_id: identity.account_id.to_string(),
        workspace_admin: principal.workspace_admin,
        account_admin: principal.account_admin,
    }
}

pub fn session_get(identity: &Identity, ctx: &Ctx) -> SessionInfo {
    info(identity, &ctx.principal, ctx.workspace)
}

/// Does nothing without a session.
pub async fn session_delete(identity: &Identity, session: Option<&str>) -> Result<()> {
    let Some(session) = session else {
        return Ok(());
    };
    let mut tx = identity.db.write().await?;
    store::delete(&mut tx, &hash::hex_digest(session)).await?;
    identity.changed(tx).await
}

/// Ends all sessions and OAuth sign-ins of the user but the one asking.
pub async fn password_change(
    identity: &Identity,
    ctx: &Ctx,
    session: Option<&str>,
    request: &ChangePassword,
) -> Result<()> {
    if ctx.principal.kind != PrincipalKind::User {
        return Err(ApiError::denied("Only users have a password."));
    }
    let id = ctx.principal.id;
    let attempt = identity.passwords.limits.attempt(&ctx.principal.name, ctx.source_ip)?;
    let old_hash = principals::password_hash(&mut identity.db.read().await?, id).await?;
    if !identity.passwords.verify(&Secret::new(&request.current_password), old_hash).await? {
        return Err(ApiError::denied("The current password is wrong."));
    }
    attempt.succeeded();
    let new_hash = identity.passwords.hash(&Secret::new(&request.new_password)).await?;
    let mut tx = identity.db.write().await?;
    let kept = match session {
        Some(session) => {
            let hash = hash::hex_digest(session);
            store::by_hash(&mut tx, &hash)
                .await?
                .filter(|row| row.principal_id == id)
                .map(|row| (hash, row))
        }
        None => None,
    };
    principals::set_password_hash(&mut tx, id, Some(&new_hash)).await?;
    principals::sign_out(&mut tx, id).await?;
    if let Some((hash, row)) = kept {
        store::insert(&mut tx, &hash, &row, ctx.now_ms()).await?;
    }
    identity.changed(tx).await
}
