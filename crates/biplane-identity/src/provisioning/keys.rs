//! Keys of the account's own. They encrypt the disks of hosts; the control plane keeps nothing under
//! them, so a workspace cannot ask for that.

use super::check;
use super::store::{self, KeyRow};
use crate::Identity;
use crate::network::{in_use, quota};
use biplane_api::provisioning::{AwsKeyInfo, CustomerManagedKey};
use biplane_platform::{ApiError, Ctx, Result, Tx};

const KEYS_MAX: usize = 500;
pub const STORAGE: &str = "STORAGE";
const USE_CASES: &[&str] = &["MANAGED_SERVICES", STORAGE];

pub fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("Customer managed key {id:.64} does not exist."))
}

fn shown(identity: &Identity, row: KeyRow) -> CustomerManagedKey {
    CustomerManagedKey {
        customer_managed_key_id: Some(row.id),
        account_id: Some(identity.account_id.to_string()),
        use_cases: Some(row.use_cases),
        aws_key_info: Some(AwsKeyInfo {
            key_arn: Some(row.key_arn),
            key_alias: row.key_alias,
            key_region: Some(row.key_region),
            reuse_key_for_cluster_volumes: Some(row.disks),
        }),
        creation_time: Some(row.created_at),
        ..CustomerManagedKey::default()
    }
}

fn described(request: &CustomerManagedKey, now_ms: i64) -> Result<KeyRow> {
    if request.azure_key_info.is_some() || request.gcp_key_info.is_some() {
        return Err(ApiError::unsupported("A key in another cloud than AWS"));
    }
    let mut use_cases = request.use_cases.clone().unwrap_or_default();
    use_cases.sort();
    use_cases.dedup();
    if use_cases.is_empty() || use_cases.iter().any(|one| !USE_CASES.contains(&one.as_str())) {
        return Err(ApiError::invalid("use_cases must name MANAGED_SERVICES, STORAGE or both."));
    }
    let key = request.aws_key_info.clone().unwrap_or_default();
    let key_arn = key.key_arn.unwrap_or_default();
    let (region, _, resource) = check::arn("aws_key_info.key_arn", "kms", &key_arn)?;
    if !resource.starts_with("key/") {
        return Err(ApiError::invalid(
            "aws_key_info.key_arn must be the ARN of a key, not of an alias.",
        ));
    }
    if key.key_region.as_deref().is_some_and(|named| !named.is_empty() && named != region) {
        return Err(ApiError::invalid(
            "aws_key_info.key_region is not the region of the key's ARN.",
        ));
    }
    let key_alias = key.key_alias.filter(|alias| !alias.is_empty());
    if key_alias.as_ref().is_some_and(|alias| alias.len() > 256 || !alias.starts_with("alias/")) {
        return Err(ApiError::invalid("aws_key_info.key_alias must begin with alias/."));
    }
    let disks = key.reuse_key_for_cluster_volumes.unwrap_or(true);
    Ok(KeyRow {
        id: uuid::Uuid::now_v7().to_string(),
        disks: disks && use_cases.iter().any(|one| one == STORAGE),
        use_cases,
        key_region: region.to_owned(),
        key_arn,
        key_alias,
        created_at: now_ms,
    })
}

pub async fn managed_key_create(
    identity: &Identity,
    ctx: &Ctx,
    request: &CustomerManagedKey,
) -> Result<CustomerManagedKey> {
    ctx.require_account_admin()?;
    let row = described(request, ctx.now_ms())?;
    let mut tx = identity.db.write().await?;
    if store::keys(&mut tx).await?.len() >= KEYS_MAX {
        return Err(quota(format!("An account has at most {KEYS_MAX} customer managed keys.")));
    }
    store::key_insert(&mut tx, &row).await?;
    tx.commit().await?;
    Ok(shown(identity, row))
}

pub async fn managed_key_list(identity: &Identity, ctx: &Ctx) -> Result<Vec<CustomerManagedKey>> {
    ctx.require_account_admin()?;
    let all = store::keys(&mut identity.db.read().await?).await?;
    Ok(all.into_iter().map(|row| shown(identity, row)).collect())
}

async fn find(tx: &mut Tx, id: &str) -> Result<KeyRow> {
    store::key_get(tx, id).await?.ok_or_else(|| missing(id))
}

pub async fn managed_key_get(
    identity: &Identity,
    ctx: &Ctx,
    id: &str,
) -> Result<CustomerManagedKey> {
    ctx.require_account_admin()?;
    let row = find(&mut identity.db.read().await?, id).await?;
    Ok(shown(identity, row))
}

pub async fn managed_key_delete(
    identity: &Identity,
    ctx: &Ctx,
    id: &str,
) -> Result<CustomerManagedKey> {
    ctx.require_account_admin()?;
    let mut tx = identity.db.write().await?;
    let row = find(&mut tx, id).await?;
    if let Some(workspace) = store::key_user(&mut tx, id).await? {
        return Err(in_use(format!("The key is used by workspace {workspace}.")));
    }
    store::key_delete(&mut tx, id).await?;
    tx.commit().await?;
    Ok(shown(identity, row))
}

/// Before a workspace of `region` gets it.
pub async fn check_attach(tx: &mut Tx, id: &str, region: &str) -> Result<()> {
    let row = find(tx, id).await?;
    if !row.use_cases.iter().any(|one| one == STORAGE) {
        return Err(ApiError::invalid(
            "The key is not meant for storage: its use_cases lack STORAGE.",
        ));
    }
    match row.key_region == region {
        true => Ok(()),
        false => Err(ApiError::invalid(format!(
            "The key is of region {}, the workspace of {region}.",
            row.key_region
        ))),
    }
}
