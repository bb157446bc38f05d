//! Who may make secrets, and whether one is right.

use super::PREFIX;
use super::store::{self, SecretRow};
use crate::principals::{ACCOUNT_ADMIN, Kind, PrincipalRow, store as principals};
use crate::{Identity, hash};
use biplane_api::identity::{CreateSecret, SecretInfo};
use biplane_api::ids::PrincipalId;
use biplane_platform::{ApiError, Ctx, ErrorCode, Result, Tx};

const SECRETS_MAX: usize = 5;
/// Two years, as the public service has it.
const LIFETIME_S_MAX: i64 = 730 * 24 * 3600;

/// The service principal that this client id and secret belong to. Every secret is compared, in constant
/// time.
pub async fn secret_check(
    identity: &Identity,
    client_id: &str,
    secret: &str,
) -> Result<Option<PrincipalId>> {
    let mut tx = identity.db.read().await?;
    let found = principals::by_name(&mut tx, client_id).await?;
    let Some(found) = found.filter(|row| row.kind == Kind::ServicePrincipal && row.active) else {
        return Ok(None);
    };
    let sent = hash::hex_digest(secret);
    let now = identity.clock.now_ms();
    let mut right = false;
    for row in store::of(&mut tx, found.id).await? {
        right |= hash::same(&row.secret_hash, &sent) & (row.expires_at > now);
    }
    Ok(right.then_some(found.id))
}

/// An account admin; in a workspace also who made the service principal, unless that has become more
/// than its maker.
async fn manageable(
    identity: &Identity,
    tx: &mut Tx,
    ctx: &Ctx,
    id: PrincipalId,
) -> Result<PrincipalRow> {
    let row = principals::by_id(tx, id).await?.filter(|row| row.kind == Kind::ServicePrincipal);
    let row =
        row.ok_or_else(|| ApiError::not_found(format!("Service principal {id} does not exist.")))?;
    if ctx.principal.account_admin {
        return Ok(row);
    }
    let resolved = identity.principal(id, None).await?;
    if resolved.is_some_and(|resolved| resolved.principal.account_admin) {
        return Err(ApiError::denied(format!(
            "The service principal has the role {ACCOUNT_ADMIN}, and you have not."
        )));
    }
    match row.created_by == Some(ctx.principal.id) {
        true => Ok(row),
        false => Err(ApiError::denied(
            "Only account admins and who made a service principal may manage its secrets.",
        )),
    }
}

pub async fn secret_create(
    identity: &Identity,
    ctx: &Ctx,
    id: PrincipalId,
    request: &CreateSecret,
) -> Result<SecretInfo> {
    if request.scopes.as_deref().unwrap_or_default().iter().any(|scope| scope != "all-apis") {
        return Err(ApiError::unsupported("A secret with scopes other than all-apis"));
    }
    let lifetime_s = lifetime(request.lifetime.as_deref())?;
    let mut tx = identity.db.write().await?;
    manageable(identity, &mut tx, ctx, id).await?;
    if store::of(&mut tx, id).await?.len() >= SECRETS_MAX {
        return Err(ApiError::new(
            ErrorCode::InvalidState,
            format!("A service principal has at most {SECRETS_MAX} secrets. Delete one first."),
        ));
    }
    let secret = hash::prefixed(PREFIX)?;
    let now = ctx.now_ms();
    let row = SecretRow {
        secret_id: uuid::Uuid::new_v4().to_string(),
        secret_hash: hash::hex_digest(secret.expose()),
        created_at: now,
        expires_at: now + lifetime_s * 1000,
    };
    store::insert(&mut tx, id, &row).await?;
    identity.changed(tx).await?;
    Ok(SecretInfo { secret: Some(secret.expose().to_owned()), ..info(&row, now)? })
}

/// `31536000s`; two years when absent.
fn lifetime(text: Option<&str>) -> Result<i64> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(LIFETIME_S_MAX);
    };
    let seconds = text.strip_suffix('s').and_then(|seconds| seconds.parse::<i64>().ok());
    seconds.filter(|seconds| (1..=LIFETIME_S_MAX).contains(seconds)).ok_or_else(|| {
        ApiError::invalid(format!(
            "lifetime must be a number of seconds from \"1s\" to \"{LIFETIME_S_MAX}s\"."
        ))
    })
}

pub async fn secret_list(
    identity: &Identity,
    ctx: &Ctx,
    id: PrincipalId,
) -> Result<Vec<SecretInfo>> {
    let mut tx = identity.db.read().await?;
    manageable(identity, &mut tx, ctx, id).await?;
    store::of(&mut tx, id).await?.iter().map(|row| info(row, ctx.now_ms())).collect()
}

pub async fn secret_delete(
    identity: &Identity,
    ctx: &Ctx,
    id: PrincipalId,
    secret_id: &str,
) -> Result<()> {
    let mut tx = identity.db.write().await?;
    manageable(identity, &mut tx, ctx, id).await?;
    if !store::delete(&mut tx, id, secret_id).await? {
        return Err(ApiError::not_found(format!("Secret {secret_id:.64} does not exist.")));
    }
    identity.changed(tx).await
}

fn info(row: &SecretRow, now_ms: i64) -> Result<SecretInfo> {
    let time = |ms: i64| {
        chrono::DateTime::from_timestamp_millis(ms)
            .map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
            .ok_or_else(|| ApiError::internal("a time of a secret is out of range"))
    };
    Ok(SecretInfo {
        id: row.secret_id.clone(),
        secret: None,
        secret_hash: row.secret_hash.clone(),
        status: if row.expires_at > now_ms { "ACTIVE" } else { "EXPIRED" }.into(),
        create_time: time(row.created_at)?,
        update_time: time(row.created_at)?,
        expire_time: time(row.expires_at)?,
    })
}
