//! Making, changing and attaching private access settings.

use super::store::{self, Settings};
use crate::Identity;
use crate::network::{check_label, check_region, in_use, quota};
use biplane_api::network_config::PrivateAccessSettings;
use biplane_platform::{ApiError, Ctx, ErrorCode, Result, Tx};

const SETTINGS_MAX: usize = 500;
const ENDPOINTS_MAX: usize = 500;

pub fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("Private access settings {id:.64} do not exist."))
}

fn shown(identity: &Identity, row: Settings) -> PrivateAccessSettings {
    PrivateAccessSettings {
        private_access_settings_id: Some(row.id),
        account_id: Some(identity.account_id.to_string()),
        private_access_settings_name: Some(row.name),
        region: Some(row.region),
        public_access_enabled: Some(row.public_access),
        private_access_level: Some(row.level),
        allowed_vpc_endpoint_ids: Some(row.endpoint_ids).filter(|ids| !ids.is_empty()),
    }
}

async fn described(tx: &mut Tx, id: String, request: &PrivateAccessSettings) -> Result<Settings> {
    let name = check_label(
        "private_access_settings_name",
        request.private_access_settings_name.as_deref(),
    )?;
    let level = match request.private_access_level.as_deref() {
        None | Some("" | "ACCOUNT") => "ACCOUNT",
        Some("ENDPOINT") => "ENDPOINT",
        Some(_) => {
            return Err(ApiError::invalid("private_access_level must be ACCOUNT or ENDPOINT."));
        }
    };
    let endpoint_ids = request.allowed_vpc_endpoint_ids.clone().unwrap_or_default();
    if endpoint_ids.len() > ENDPOINTS_MAX {
        return Err(quota(format!("At most {ENDPOINTS_MAX} VPC endpoints may be named.")));
    }
    let known = store::endpoints(tx).await?;
    if let Some(unknown) = endpoint_ids.iter().find(|id| !known.iter().any(|one| one.id == **id)) {
        return Err(ApiError::invalid(format!("There is no VPC endpoint with id {unknown:.64}.")));
    }
    let all = store::all(tx).await?;
    if all.iter().any(|other| other.id != id && other.name == name) {
        return Err(ApiError::new(
            ErrorCode::ResourceAlreadyExists,
            format!("Private access settings with the name {name} exist already."),
        ));
    }
    Ok(Settings {
        id,
        name: name.to_owned(),
        region: check_region(request.region.as_deref())?.to_owned(),
        public_access: request.public_access_enabled.unwrap_or(false),
        level: level.to_owned(),
        endpoint_ids,
    })
}

pub async fn private_access_create(
    identity: &Identity,
    ctx: &Ctx,
    request: &PrivateAccessSettings,
) -> Result<PrivateAccessSettings> {
    ctx.require_account_admin()?;
    let mut tx = identity.db.write().await?;
    if store::all(&mut tx).await?.len() >= SETTINGS_MAX {
        return Err(quota(format!(
            "An account has at most {SETTINGS_MAX} private access settings."
        )));
    }
    let row = described(&mut tx, uuid::Uuid::now_v7().to_string(), request).await?;
    store::put(&mut tx, &row, ctx.now_ms()).await?;
    identity.changed(tx).await?;
    Ok(shown(identity, row))
}

pub async fn private_access_list(
    identity: &Identity,
    ctx: &Ctx,
) -> Result<Vec<PrivateAccessSettings>> {
    ctx.require_account_admin()?;
    let all = store::all(&mut identity.db.read().await?).await?;
    Ok(all.into_iter().map(|row| shown(identity, row)).collect())
}

pub async fn private_access_get(
    identity: &Identity,
    ctx: &Ctx,
    id: &str,
) -> Result<PrivateAccessSettings> {
    ctx.require_account_admin()?;
    let row = store::get(&mut identity.db.read().await?, id).await?;
    row.map(|row| shown(identity, row)).ok_or_else(|| missing(id))
}

/// Holds at once for the workspaces that have it.
pub async fn private_access_replace(
    identity: &Identity,
    ctx: &Ctx,
    id: &str,
    request: &PrivateAccessSettings,
) -> Result<PrivateAccessSettings> {
    ctx.require_account_admin()?;
    let mut tx = identity.db.write().await?;
    store::get(&mut tx, id).await?.ok_or_else(|| missing(id))?;
    let row = described(&mut tx, id.to_owned(), request).await?;
    if store::workspaces_of(&mut tx, id, &row.region).await?.1 > 0 {
        return Err(ApiError::invalid("A workspace that has these settings is of another region."));
    }
    store::put(&mut tx, &row, ctx.now_ms()).await?;
    identity.changed(tx).await?;
    Ok(shown(identity, row))
}

pub async fn private_access_delete(
    identity: &Identity,
    ctx: &Ctx,
    id: &str,
) -> Result<PrivateAccessSettings> {
    ctx.require_account_admin()?;
    let mut tx = identity.db.write().await?;
    let row = store::get(&mut tx, id).await?.ok_or_else(|| missing(id))?;
    if store::workspaces_of(&mut tx, id, &row.region).await?.0 > 0 {
        return Err(in_use("The private access settings are attached to a workspace."));
    }
    store::delete(&mut tx, id).await?;
    identity.changed(tx).await?;
    Ok(shown(identity, row))
}

/// Before a workspace of `region` gets them.
pub async fn check_attach(tx: &mut Tx, id: &str, region: &str) -> Result<()> {
    let row = store::get(tx, id).await?.ok_or_else(|| missing(id))?;
    match row.region == region {
        true => Ok(()),
        false => Err(ApiError::invalid(format!(
            "The private access settings are of region {}, the workspace of {region}.",
            row.region
        ))),
    }
}
