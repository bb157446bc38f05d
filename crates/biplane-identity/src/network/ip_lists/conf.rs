//! The switches of the lists: of a workspace in its configuration, of the account in its settings.

use super::Scope;
use super::ops::check_may_count;
use super::store::{self, ENABLED};
use crate::Identity;
use biplane_api::network_config::{
    AccountIpAccessEnable, AccountIpAccessEnableUpdate, BooleanMessage, Etag,
};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result, Tx};
use std::collections::BTreeMap;

const KEYS_MAX: usize = 100;

fn known(key: &str) -> Result<()> {
    match key == ENABLED {
        true => Ok(()),
        false => Err(ApiError::unsupported(format!("The workspace configuration {key:.100}"))),
    }
}

/// Values are texts; null was never set.
pub async fn workspace_conf_get(
    identity: &Identity,
    ctx: &Ctx,
    keys: Option<&str>,
) -> Result<BTreeMap<String, Option<String>>> {
    let scope = Scope::here(ctx)?;
    scope.require_admin(ctx)?;
    let keys: Vec<&str> =
        keys.unwrap_or_default().split(',').map(str::trim).filter(|key| !key.is_empty()).collect();
    if keys.is_empty() || keys.len() > KEYS_MAX {
        return Err(ApiError::invalid(format!("keys must name 1 to {KEYS_MAX} configurations.")));
    }
    let mut tx = identity.db.read().await?;
    let mut found = BTreeMap::new();
    for key in keys {
        known(key)?;
        let value = store::switch(&mut tx, scope, key).await?;
        found.insert(key.to_owned(), value.map(|(value, _)| value));
    }
    Ok(found)
}

pub async fn workspace_conf_update(
    identity: &Identity,
    ctx: &Ctx,
    asked: &BTreeMap<String, serde_json::Value>,
) -> Result<()> {
    let scope = Scope::here(ctx)?;
    scope.require_admin(ctx)?;
    let mut tx = identity.db.write().await?;
    for (key, value) in asked {
        known(key)?;
        let value = match value {
            serde_json::Value::Bool(true) => "true",
            serde_json::Value::Bool(false) => "false",
            serde_json::Value::String(text) if text.eq_ignore_ascii_case("true") => "true",
            serde_json::Value::String(text) if text.eq_ignore_ascii_case("false") => "false",
            _ => return Err(ApiError::invalid(format!("{key} must be \"true\" or \"false\"."))),
        };
        if value == "true" {
            check_may_count(&mut tx, ctx, scope).await?;
        }
        store::switch_set(&mut tx, scope, key, value).await?;
    }
    identity.changed(tx).await
}

async fn current(tx: &mut Tx) -> Result<AccountIpAccessEnable> {
    let version = store::switch(tx, Scope::Account, ENABLED).await?.map_or(0, |set| set.1);
    Ok(AccountIpAccessEnable {
        acct_ip_acl_enable: Some(BooleanMessage {
            value: Some(store::enabled(tx, Scope::Account).await?),
        }),
        etag: Some(version.to_string()),
        setting_name: Some("default".into()),
    })
}

fn check_etag(current: &AccountIpAccessEnable, sent: Option<&str>) -> Result<()> {
    match sent.filter(|sent| !sent.is_empty()) {
        Some(sent) if Some(sent) != current.etag.as_deref() => Err(ApiError::new(
            ErrorCode::ResourceConflict,
            "The setting was changed by somebody else. Read it again.",
        )),
        _ => Ok(()),
    }
}

pub async fn account_ip_access_get(
    identity: &Identity,
    ctx: &Ctx,
) -> Result<AccountIpAccessEnable> {
    ctx.require_account_admin()?;
    current(&mut identity.db.read().await?).await
}

pub async fn account_ip_access_update(
    identity: &Identity,
    ctx: &Ctx,
    request: &AccountIpAccessEnableUpdate,
) -> Result<AccountIpAccessEnable> {
    ctx.require_account_admin()?;
    let setting = request.setting.clone().unwrap_or_default();
    let value = setting.acct_ip_acl_enable.and_then(|message| message.value);
    let value =
        value.ok_or_else(|| ApiError::invalid("setting.acct_ip_acl_enable.value is missing."))?;
    set(identity, ctx, setting.etag.as_deref(), value).await
}

/// Back to what it is at first: on.
pub async fn account_ip_access_delete(
    identity: &Identity,
    ctx: &Ctx,
    etag: Option<&str>,
) -> Result<Etag> {
    ctx.require_account_admin()?;
    let set = set(identity, ctx, etag, Scope::Account.enabled_at_first()).await?;
    Ok(Etag { etag: set.etag })
}

async fn set(
    identity: &Identity,
    ctx: &Ctx,
    etag: Option<&str>,
    value: bool,
) -> Result<AccountIpAccessEnable> {
    let mut tx = identity.db.write().await?;
    check_etag(&current(&mut tx).await?, etag)?;
    if value {
        check_may_count(&mut tx, ctx, Scope::Account).await?;
    }
    store::switch_set(&mut tx, Scope::Account, ENABLED, if value { "true" } else { "false" })
        .await?;
    let answer = current(&mut tx).await?;
    identity.changed(tx).await?;
    Ok(answer)
}
