//! Private-endpoint rules of a configuration.

use super::ops::{PAGE, fetch_limit, missing as config_missing};
use super::store::{self, Rule};
use crate::Identity;
use crate::network::quota;
use biplane_api::network_config::{PrivateEndpointRule, PrivateEndpointRules};
use biplane_platform::{ApiError, Ctx, Result, Tx, page};

const RULES_MAX: usize = 30;
const NAMES_MAX: usize = 100;
/// The truth about this deployment, in the place where clients look for it.
const STATE: &str = "CREATE_FAILED";
const WHY: &str =
    "This deployment cannot make private endpoints: its nodes reach destinations directly.";

fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("Private endpoint rule {id:.64} does not exist."))
}

fn shown(identity: &Identity, row: Rule) -> PrivateEndpointRule {
    PrivateEndpointRule {
        rule_id: Some(row.id),
        network_connectivity_config_id: Some(row.config_id),
        account_id: Some(identity.account_id.to_string()),
        endpoint_service: Some(row.endpoint_service),
        domain_names: row.domain_names,
        resource_names: row.resource_names,
        enabled: Some(row.enabled),
        connection_state: Some(STATE.into()),
        error_message: Some(WHY.into()),
        deactivated: Some(false),
        creation_time: Some(row.created_at),
        updated_time: Some(row.updated_at),
        ..PrivateEndpointRule::default()
    }
}

/// There is a bounded number.
pub async fn all(
    identity: &Identity,
    tx: &mut Tx,
    config_id: &str,
) -> Result<Vec<PrivateEndpointRule>> {
    let rows = store::rules_after(tx, config_id, "", i64::MAX).await?;
    Ok(rows.into_iter().map(|row| shown(identity, row)).collect())
}

/// Amazon's own service for buckets takes buckets, every other service takes names.
fn is_s3(service: &str) -> bool {
    service.starts_with("com.amazonaws.") && service.ends_with(".s3")
}

fn check(row: &Rule) -> Result<()> {
    let service = &row.endpoint_service;
    let shaped = service.len() <= 255
        && service.starts_with("com.amazonaws.")
        && service.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
    if !shaped {
        return Err(ApiError::invalid(
            "endpoint_service must be the full name of an endpoint service: com.amazonaws.….",
        ));
    }
    let (wanted, other, what) = match is_s3(service) {
        true => (&row.resource_names, &row.domain_names, "resource_names"),
        false => (&row.domain_names, &row.resource_names, "domain_names"),
    };
    if other.as_ref().is_some_and(|names| !names.is_empty()) {
        return Err(ApiError::invalid(format!("Only {what} may be given for this service.")));
    }
    let good = |name: &String| {
        (3..=253).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_*".contains(&b))
    };
    match wanted.as_deref() {
        Some(names) if !names.is_empty() && names.len() <= NAMES_MAX && names.iter().all(good) => {
            Ok(())
        }
        _ => Err(ApiError::invalid(format!(
            "{what} must hold 1 to {NAMES_MAX} names for this service."
        ))),
    }
}

pub async fn private_endpoint_rule_create(
    identity: &Identity,
    ctx: &Ctx,
    config_id: &str,
    request: &PrivateEndpointRule,
) -> Result<PrivateEndpointRule> {
    ctx.require_account_admin()?;
    if request.resource_id.is_some() || request.group_id.is_some() || request.gcp_endpoint.is_some()
    {
        return Err(ApiError::unsupported("A private endpoint in another cloud than AWS"));
    }
    let row = Rule {
        id: uuid::Uuid::now_v7().to_string(),
        config_id: config_id.to_owned(),
        endpoint_service: request.endpoint_service.clone().unwrap_or_default(),
        domain_names: request.domain_names.clone(),
        resource_names: request.resource_names.clone(),
        enabled: request.enabled.unwrap_or(true),
        created_at: ctx.now_ms(),
        updated_at: ctx.now_ms(),
    };
    check(&row)?;
    let mut tx = identity.db.write().await?;
    store::get(&mut tx, config_id).await?.ok_or_else(|| config_missing(config_id))?;
    if store::rules_after(&mut tx, config_id, "", i64::MAX).await?.len() >= RULES_MAX {
        return Err(quota(format!(
            "A configuration has at most {RULES_MAX} private endpoint rules."
        )));
    }
    store::rule_insert(&mut tx, &row).await?;
    tx.commit().await?;
    Ok(shown(identity, row))
}

pub async fn private_endpoint_rule_get(
    identity: &Identity,
    ctx: &Ctx,
    config_id: &str,
    id: &str,
) -> Result<PrivateEndpointRule> {
    ctx.require_account_admin()?;
    let row = store::rule_get(&mut identity.db.read().await?, config_id, id).await?;
    row.map(|row| shown(identity, row)).ok_or_else(|| missing(id))
}

pub async fn private_endpoint_rule_list(
    identity: &Identity,
    ctx: &Ctx,
    config_id: &str,
    token: Option<&str>,
) -> Result<PrivateEndpointRules> {
    ctx.require_account_admin()?;
    let after: String = page::decode(token)?.unwrap_or_default();
    let mut tx = identity.db.read().await?;
    store::get(&mut tx, config_id).await?.ok_or_else(|| config_missing(config_id))?;
    let rows = store::rules_after(&mut tx, config_id, &after, fetch_limit()).await?;
    let (rows, next_page_token) = page::cut(rows, PAGE, |row| row.id.clone());
    let items = rows.into_iter().map(|row| shown(identity, row)).collect();
    Ok(PrivateEndpointRules { items, next_page_token })
}

pub async fn private_endpoint_rule_update(
    identity: &Identity,
    ctx: &Ctx,
    (config_id, id): (&str, &str),
    mask: Option<&str>,
    request: &PrivateEndpointRule,
) -> Result<PrivateEndpointRule> {
    ctx.require_account_admin()?;
    let fields: Vec<&str> =
        mask.unwrap_or_default().split(',').map(str::trim).filter(|one| !one.is_empty()).collect();
    if fields.is_empty() {
        return Err(ApiError::invalid("update_mask must name the fields to change."));
    }
    let mut tx = identity.db.write().await?;
    let row = store::rule_get(&mut tx, config_id, id).await?;
    let mut row = row.ok_or_else(|| missing(id))?;
    for field in fields {
        match field {
            "domain_names" => row.domain_names = request.domain_names.clone(),
            "resource_names" => row.resource_names = request.resource_names.clone(),
            "enabled" => {
                row.enabled = request.enabled.ok_or_else(|| {
                    ApiError::invalid("update_mask names enabled, and the body does not have it.")
                })?;
            }
            other => {
                return Err(ApiError::invalid(format!("{other:.64} cannot be changed.")));
            }
        }
    }
    check(&row)?;
    row.updated_at = ctx.now_ms();
    store::rule_update(&mut tx, &row).await?;
    tx.commit().await?;
    Ok(shown(identity, row))
}

/// Nothing was made for it, so it is gone at once.
pub async fn private_endpoint_rule_delete(
    identity: &Identity,
    ctx: &Ctx,
    config_id: &str,
    id: &str,
) -> Result<PrivateEndpointRule> {
    ctx.require_account_admin()?;
    let mut tx = identity.db.write().await?;
    let row = store::rule_get(&mut tx, config_id, id).await?;
    let row = row.ok_or_else(|| missing(id))?;
    store::rule_delete(&mut tx, id).await?;
    tx.commit().await?;
    Ok(shown(identity, row))
}
