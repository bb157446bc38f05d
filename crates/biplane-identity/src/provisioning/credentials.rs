//! The role that may be assumed in the account's own cloud account.

use super::check;
use super::store::{self, Role};
use crate::Identity;
use crate::network::{check_label, in_use, quota, taken};
use biplane_api::provisioning::{AwsCredentials, Credentials, StsRole};
use biplane_platform::{ApiError, Ctx, Result, Tx};

const CREDENTIALS_MAX: usize = 500;

pub fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("Credentials {id:.64} do not exist."))
}

fn shown(identity: &Identity, row: Role) -> Credentials {
    let external_id = Some(identity.account_id.to_string());
    Credentials {
        credentials_id: Some(row.id),
        account_id: external_id.clone(),
        credentials_name: Some(row.name),
        aws_credentials: Some(AwsCredentials {
            sts_role: Some(StsRole { role_arn: Some(row.role_arn), external_id }),
        }),
        creation_time: Some(row.created_at),
    }
}

pub async fn credentials_create(
    identity: &Identity,
    ctx: &Ctx,
    request: &Credentials,
) -> Result<Credentials> {
    ctx.require_account_admin()?;
    let name = check_label("credentials_name", request.credentials_name.as_deref())?;
    let role = request.aws_credentials.as_ref().and_then(|aws| aws.sts_role.as_ref());
    let role = role.and_then(|role| role.role_arn.as_deref());
    let row = Role {
        id: uuid::Uuid::now_v7().to_string(),
        name: name.to_owned(),
        role_arn: check::role_arn("aws_credentials.sts_role.role_arn", role)?,
        created_at: ctx.now_ms(),
    };
    let mut tx = identity.db.write().await?;
    if store::credentials(&mut tx).await?.len() >= CREDENTIALS_MAX {
        return Err(quota(format!("An account has at most {CREDENTIALS_MAX} credentials.")));
    }
    store::credentials_insert(&mut tx, &row).await.map_err(taken("Credentials", name))?;
    tx.commit().await?;
    Ok(shown(identity, row))
}

pub async fn credentials_list(identity: &Identity, ctx: &Ctx) -> Result<Vec<Credentials>> {
    ctx.require_account_admin()?;
    let all = store::credentials(&mut identity.db.read().await?).await?;
    Ok(all.into_iter().map(|row| shown(identity, row)).collect())
}

async fn find(tx: &mut Tx, id: &str) -> Result<Role> {
    store::credentials_get(tx, id).await?.ok_or_else(|| missing(id))
}

pub async fn credentials_get(identity: &Identity, ctx: &Ctx, id: &str) -> Result<Credentials> {
    ctx.require_account_admin()?;
    let row = find(&mut identity.db.read().await?, id).await?;
    Ok(shown(identity, row))
}

pub async fn credentials_delete(identity: &Identity, ctx: &Ctx, id: &str) -> Result<Credentials> {
    ctx.require_account_admin()?;
    let mut tx = identity.db.write().await?;
    let row = find(&mut tx, id).await?;
    if let Some(workspace) = store::credentials_user(&mut tx, id).await? {
        return Err(in_use(format!("The credentials are used by workspace {workspace}.")));
    }
    store::credentials_delete(&mut tx, id).await?;
    tx.commit().await?;
    Ok(shown(identity, row))
}
