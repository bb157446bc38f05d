//! Configurations, and which workspaces have them.

use super::rules;
use super::store::{self, Config};
use crate::Identity;
use crate::network::{check_region, in_use, quota, taken};
use biplane_api::network_config::{
    EgressConfig, EgressDefaultRules, EgressTargetRules, NetworkConnectivityConfig,
    NetworkConnectivityConfigs, StableIpRule,
};
use biplane_platform::{ApiError, Ctx, Result, Tx, page};

const CONFIGS_PER_REGION_MAX: i64 = 10;
const WORKSPACES_PER_CONFIG_MAX: i64 = 50;
pub const PAGE: usize = 50;

pub fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("Network connectivity configuration {id:.64} does not exist."))
}

pub fn fetch_limit() -> i64 {
    i64::try_from(PAGE + 1).unwrap_or(i64::MAX)
}

async fn shown(identity: &Identity, tx: &mut Tx, row: Config) -> Result<NetworkConnectivityConfig> {
    let addresses: Vec<String> =
        identity.network.egress_addresses.iter().map(ToString::to_string).collect();
    let default_rules = EgressDefaultRules {
        aws_stable_ip_rule: (!addresses.is_empty())
            .then_some(StableIpRule { cidr_blocks: Some(addresses) }),
    };
    let endpoint_rules = rules::all(identity, tx, &row.id).await?;
    let target_rules = EgressTargetRules {
        aws_private_endpoint_rules: Some(endpoint_rules).filter(|rules| !rules.is_empty()),
    };
    Ok(NetworkConnectivityConfig {
        account_id: Some(identity.account_id.to_string()),
        network_connectivity_config_id: Some(row.id),
        name: Some(row.name),
        region: Some(row.region),
        egress_config: Some(EgressConfig {
            default_rules: Some(default_rules),
            target_rules: Some(target_rules),
        }),
        creation_time: Some(row.created_at),
        updated_time: Some(row.updated_at),
    })
}

pub async fn connectivity_config_create(
    identity: &Identity,
    ctx: &Ctx,
    request: &NetworkConnectivityConfig,
) -> Result<NetworkConnectivityConfig> {
    ctx.require_account_admin()?;
    let name = request.name.as_deref().unwrap_or_default();
    let shaped = (3..=30).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !shaped {
        return Err(ApiError::invalid(
            "name must have 3 to 30 letters, digits, hyphens and underscores.",
        ));
    }
    let region = check_region(request.region.as_deref())?;
    let mut tx = identity.db.write().await?;
    if store::count_in(&mut tx, region).await? >= CONFIGS_PER_REGION_MAX {
        return Err(quota(format!(
            "A region has at most {CONFIGS_PER_REGION_MAX} network connectivity configurations."
        )));
    }
    let row = Config {
        id: uuid::Uuid::now_v7().to_string(),
        name: name.to_owned(),
        region: region.to_owned(),
        created_at: ctx.now_ms(),
        updated_at: ctx.now_ms(),
    };
    store::insert(&mut tx, &row)
        .await
        .map_err(taken("A network connectivity configuration", name))?;
    let answer = shown(identity, &mut tx, row).await?;
    tx.commit().await?;
    Ok(answer)
}

pub async fn connectivity_config_get(
    identity: &Identity,
    ctx: &Ctx,
    id: &str,
) -> Result<NetworkConnectivityConfig> {
    ctx.require_account_admin()?;
    let found = find(identity, &mut identity.db.read().await?, id).await?;
    found.ok_or_else(|| missing(id))
}

pub async fn find(
    identity: &Identity,
    tx: &mut Tx,
    id: &str,
) -> Result<Option<NetworkConnectivityConfig>> {
    match store::get(tx, id).await? {
        Some(row) => shown(identity, tx, row).await.map(Some),
        None => Ok(None),
    }
}

pub async fn connectivity_config_list(
    identity: &Identity,
    ctx: &Ctx,
    token: Option<&str>,
) -> Result<NetworkConnectivityConfigs> {
    ctx.require_account_admin()?;
    let after: String = page::decode(token)?.unwrap_or_default();
    let mut tx = identity.db.read().await?;
    let rows = store::after(&mut tx, &after, fetch_limit()).await?;
    let (rows, next_page_token) = page::cut(rows, PAGE, |row| row.id.clone());
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        items.push(shown(identity, &mut tx, row).await?);
    }
    Ok(NetworkConnectivityConfigs { items, next_page_token })
}

pub async fn connectivity_config_delete(identity: &Identity, ctx: &Ctx, id: &str) -> Result<()> {
    ctx.require_account_admin()?;
    let mut tx = identity.db.write().await?;
    store::get(&mut tx, id).await?.ok_or_else(|| missing(id))?;
    if store::workspaces_of(&mut tx, id).await? > 0 {
        return Err(in_use("The network connectivity configuration is attached to a workspace."));
    }
    store::delete(&mut tx, id).await?;
    tx.commit().await
}

/// Before a workspace of `region` gets it.
pub async fn check_attach(tx: &mut Tx, id: &str, region: &str) -> Result<()> {
    let row = store::get(tx, id).await?.ok_or_else(|| missing(id))?;
    if row.region != region {
        return Err(ApiError::invalid(format!(
            "The network connectivity configuration is of region {}, the workspace of {region}.",
            row.region
        )));
    }
    match store::workspaces_of(tx, id).await? < WORKSPACES_PER_CONFIG_MAX {
        true => Ok(()),
        false => Err(quota(format!(
            "A network connectivity configuration is attached to at most {WORKSPACES_PER_CONFIG_MAX} workspaces."
        ))),
    }
}
