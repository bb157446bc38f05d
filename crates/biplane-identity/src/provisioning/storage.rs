//! The root bucket of workspaces. Nothing is kept in it yet: managed tables are the metastore's.

use super::check;
use super::store::{self, Storage};
use crate::Identity;
use crate::network::{check_label, in_use, quota, taken};
use biplane_api::provisioning::{RootBucketInfo, StorageConfiguration};
use biplane_platform::{ApiError, Ctx, Result, Tx};

const CONFIGURATIONS_MAX: usize = 500;

pub fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("Storage configuration {id:.64} does not exist."))
}

fn shown(identity: &Identity, row: Storage) -> StorageConfiguration {
    StorageConfiguration {
        storage_configuration_id: Some(row.id),
        account_id: Some(identity.account_id.to_string()),
        storage_configuration_name: Some(row.name),
        root_bucket_info: Some(RootBucketInfo { bucket_name: Some(row.bucket) }),
        role_arn: row.role_arn,
        creation_time: Some(row.created_at),
    }
}

pub async fn storage_configuration_create(
    identity: &Identity,
    ctx: &Ctx,
    request: &StorageConfiguration,
) -> Result<StorageConfiguration> {
    ctx.require_account_admin()?;
    let name = request.storage_configuration_name.as_deref();
    let name = check_label("storage_configuration_name", name)?;
    let bucket = request.root_bucket_info.as_ref().and_then(|info| info.bucket_name.as_deref());
    let role = request.role_arn.as_deref().filter(|role| !role.is_empty());
    let row = Storage {
        id: uuid::Uuid::now_v7().to_string(),
        name: name.to_owned(),
        bucket: check::bucket(bucket)?.to_owned(),
        role_arn: role.map(|role| check::role_arn("role_arn", Some(role))).transpose()?,
        created_at: ctx.now_ms(),
    };
    let mut tx = identity.db.write().await?;
    if store::storages(&mut tx).await?.len() >= CONFIGURATIONS_MAX {
        return Err(quota(format!(
            "An account has at most {CONFIGURATIONS_MAX} storage configurations."
        )));
    }
    store::storage_insert(&mut tx, &row).await.map_err(taken("A storage configuration", name))?;
    tx.commit().await?;
    Ok(shown(identity, row))
}

pub async fn storage_configuration_list(
    identity: &Identity,
    ctx: &Ctx,
) -> Result<Vec<StorageConfiguration>> {
    ctx.require_account_admin()?;
    let all = store::storages(&mut identity.db.read().await?).await?;
    Ok(all.into_iter().map(|row| shown(identity, row)).collect())
}

async fn find(tx: &mut Tx, id: &str) -> Result<Storage> {
    store::storage_get(tx, id).await?.ok_or_else(|| missing(id))
}

pub async fn storage_configuration_get(
    identity: &Identity,
    ctx: &Ctx,
    id: &str,
) -> Result<StorageConfiguration> {
    ctx.require_account_admin()?;
    let row = find(&mut identity.db.read().await?, id).await?;
    Ok(shown(identity, row))
}

pub async fn storage_configuration_delete(
    identity: &Identity,
    ctx: &Ctx,
    id: &str,
) -> Result<StorageConfiguration> {
    ctx.require_account_admin()?;
    let mut tx = identity.db.write().await?;
    let row = find(&mut tx, id).await?;
    if let Some(workspace) = store::storage_user(&mut tx, id).await? {
        return Err(in_use(format!("The storage configuration is used by workspace {workspace}.")));
    }
    store::storage_delete(&mut tx, id).await?;
    tx.commit().await?;
    Ok(shown(identity, row))
}
