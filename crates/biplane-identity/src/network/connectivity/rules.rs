//! Private-endpoint rules of a configuration.

use super::ops::{PAGE, fetch_limit, missing as config_missing};
use super::store::{self, Rule};
use crate::Identity;
use crate::network::policies::check::{bucket, host};
use crate::network::{EGRESS_TOPIC, in_use, quota};
use biplane_api::network::{HostPattern, PrivateEndpoint};
use biplane_api::network_config::{PrivateEndpointRule, PrivateEndpointRules};
use biplane_platform::{ApiError, Ctx, Result, Tx, page};

const RULES_MAX: usize = 30;
const NAMES_MAX: usize = 100;
const BUCKETS: &str = "Buckets have no private endpoints of their own here: all storage is reached at the \
    address that the operator of this deployment gave for it.";

fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("Private endpoint rule {id:.64} does not exist."))
}

/// Why no endpoint can be made of it: the truth about this deployment, where clients look for it.
fn failure(identity: &Identity, row: &Rule) -> Option<String> {
    let service = &row.endpoint_service;
    if is_s3(service) {
        return Some(BUCKETS.into());
    }
    let known = identity.network.endpoint_services.iter().any(|(name, _)| name == service);
    (!known).then(|| {
        format!(
            "The operator of this deployment has not said where {service} is (--endpoint-service)."
        )
    })
}

/// The endpoints that hold for workspaces of the configuration.
pub async fn compiled(
    identity: &Identity,
    tx: &mut Tx,
    config_id: &str,
) -> Result<Vec<PrivateEndpoint>> {
    let rows = store::rules_after(tx, config_id, "", i64::MAX).await?;
    let good = rows.into_iter().filter(|row| row.enabled && failure(identity, row).is_none());
    let endpoint = |row: Rule| {
        let services = identity.network.endpoint_services.iter();
        let at = services.filter(|(name, _)| *name == row.endpoint_service);
        PrivateEndpoint {
            at: at.map(|(_, at)| at.clone()).collect(),
            hosts: row.domain_names.into_iter().flatten().map(HostPattern).collect(),
            service: row.endpoint_service,
        }
    };
    Ok(good.map(endpoint).collect())
}

fn shown(identity: &Identity, row: Rule) -> PrivateEndpointRule {
    let failure = failure(identity, &row);
    PrivateEndpointRule {
        rule_id: Some(row.id),
        network_connectivity_config_id: Some(row.config_id),
        account_id: Some(identity.account_id.to_string()),
        endpoint_service: Some(row.endpoint_service),
        domain_names: row.domain_names,
        resource_names: row.resource_names,
        enabled: Some(row.enabled),
        connection_state: Some(
            if failure.is_some() { "CREATE_FAILED" } else { "ESTABLISHED" }.into(),
        ),
        error_message: failure,
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

/// Names become normal by it.
fn check(identity: &Identity, row: &mut Rule) -> Result<()> {
    let service = &row.endpoint_service;
    let known = identity.network.endpoint_services.iter().any(|(name, _)| name == service);
    let shaped = service.len() <= 255
        && (known || service.starts_with("com.amazonaws."))
        && service.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if !shaped {
        return Err(ApiError::invalid(
            "endpoint_service must be the full name of an endpoint service, com.amazonaws.…, or one that the \
             operator has named.",
        ));
    }
    let (wanted, other, what) = match is_s3(service) {
        true => (&row.resource_names, &row.domain_names, "resource_names"),
        false => (&row.domain_names, &row.resource_names, "domain_names"),
    };
    if other.as_ref().is_some_and(|names| !names.is_empty()) {
        return Err(ApiError::invalid(format!("Only {what} may be given for this service.")));
    }
    let names = wanted.as_deref().filter(|names| (1..=NAMES_MAX).contains(&names.len()));
    let names = names.ok_or_else(|| {
        ApiError::invalid(format!("{what} must hold 1 to {NAMES_MAX} names for this service."))
    })?;
    if is_s3(service) {
        return names.iter().try_for_each(|name| bucket(name));
    }
    let hosts = names.iter().map(|name| host(name)).collect::<Result<Vec<_>>>()?;
    row.domain_names = Some(hosts);
    Ok(())
}

/// A name leads to one place.
async fn check_free(tx: &mut Tx, row: &Rule) -> Result<()> {
    let others = store::rules_after(tx, &row.config_id, "", i64::MAX).await?;
    let own = row.domain_names.as_deref().unwrap_or_default();
    for other in others.iter().filter(|other| other.id != row.id) {
        let theirs = other.domain_names.as_deref().unwrap_or_default();
        if let Some(name) = own.iter().find(|name| theirs.contains(name)) {
            return Err(in_use(format!("{name} is a name of private endpoint rule {}.", other.id)));
        }
    }
    Ok(())
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
    let mut row = Rule {
        id: uuid::Uuid::now_v7().to_string(),
        config_id: config_id.to_owned(),
        endpoint_service: request.endpoint_service.clone().unwrap_or_default(),
        domain_names: request.domain_names.clone(),
        resource_names: request.resource_names.clone(),
        enabled: request.enabled.unwrap_or(true),
        created_at: ctx.now_ms(),
        updated_at: ctx.now_ms(),
    };
    check(identity, &mut row)?;
    let mut tx = identity.db.write().await?;
    store::get(&mut tx, config_id).await?.ok_or_else(|| config_missing(config_id))?;
    if store::rules_after(&mut tx, config_id, "", i64::MAX).await?.len() >= RULES_MAX {
        return Err(quota(format!(
            "A configuration has at most {RULES_MAX} private endpoint rules."
        )));
    }
    check_free(&mut tx, &row).await?;
    store::rule_insert(&mut tx, &row).await?;
    tx.notify(EGRESS_TOPIC, "*");
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
    check(identity, &mut row)?;
    check_free(&mut tx, &row).await?;
    row.updated_at = ctx.now_ms();
    store::rule_update(&mut tx, &row).await?;
    tx.notify(EGRESS_TOPIC, "*");
    tx.commit().await?;
    Ok(shown(identity, row))
}

/// Gone at once: there is nothing to wait for.
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
    tx.notify(EGRESS_TOPIC, "*");
    tx.commit().await?;
    Ok(shown(identity, row))
}
