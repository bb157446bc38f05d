//! Making and ending workspaces: account admins only.

use super::{DELETING, FAILED, PROVISIONING, Workspace, check, classic, provision, store};
use crate::Identity;
use crate::network::{EGRESS_TOPIC, check_region, connectivity, private_access};
use biplane_api::identity::{WorkspaceInfo, WorkspaceNetworkId, WorkspaceRequest};
use biplane_api::ids::WorkspaceId;
use biplane_platform::{ApiError, Ctx, ErrorCode, Result, Tx};

pub fn info(identity: &Identity, row: Workspace) -> WorkspaceInfo {
    WorkspaceInfo {
        account_id: identity.account_id.to_string(),
        workspace_id: row.id.0,
        workspace_name: row.name,
        deployment_name: row.deployment_name,
        aws_region: row.region,
        cloud: "aws".into(),
        pricing_tier: row.pricing_tier,
        compute_mode: row.compute_mode,
        storage_mode: match row.storage_configuration_id {
            Some(_) => "CUSTOMER_HOSTED".into(),
            None => "DEFAULT_STORAGE".into(),
        },
        custom_tags: row.custom_tags,
        expected_workspace_status: (row.status == PROVISIONING).then(|| "RUNNING".into()),
        workspace_status: row.status,
        workspace_status_message: row.status_message,
        network_connectivity_config_id: row.network_connectivity_config_id,
        private_access_settings_id: row.private_access_settings_id,
        credentials_id: row.credentials_id,
        storage_configuration_id: row.storage_configuration_id,
        network: row.network_id.clone().map(|network_id| WorkspaceNetworkId { network_id }),
        network_id: row.network_id,
        storage_customer_managed_key_id: row.storage_key_id,
        is_no_public_ip_enabled: true,
        creation_time: row.created_at,
    }
}

pub async fn workspace_create(
    identity: &Identity,
    ctx: &Ctx,
    request: &WorkspaceRequest,
) -> Result<Workspace> {
    ctx.require_account_admin()?;
    let compute_mode = classic::mode(request)?;
    let name = check::name(request.workspace_name.as_deref().unwrap_or_default())?;
    check::tags(request)?;
    let id = WorkspaceId::random();
    let deployment_name = match request.deployment_name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => check::label(name)?,
        None => format!("ws-{id}"),
    };
    let mut tx = identity.db.write().await?;
    let all = store::all(&mut tx).await?;
    if all.iter().any(|one| one.name == name) {
        return Err(taken(format!("A workspace with the name {name} exists already.")));
    }
    if all.iter().any(|one| one.deployment_name == deployment_name) {
        return Err(taken(format!(
            "A workspace with the deployment name {deployment_name} exists already."
        )));
    }
    let region = request
        .aws_region
        .as_ref()
        .or(request.location.as_ref())
        .filter(|region| !region.is_empty());
    let region = region.cloned().or_else(|| all.first().map(|one| one.region.clone()));
    let mut row = Workspace {
        id,
        name: name.to_owned(),
        deployment_name,
        host_name: None,
        region: check_region(Some(region.as_deref().unwrap_or("us-east-1")))?.to_owned(),
        compute_mode: compute_mode.into(),
        pricing_tier: check::tier(request.pricing_tier.as_deref())?
            .unwrap_or("ENTERPRISE")
            .to_owned(),
        custom_tags: request.custom_tags.clone().unwrap_or_default(),
        status: PROVISIONING.into(),
        status_message: "Workspace is being made.".into(),
        network_policy_id: None,
        network_connectivity_config_id: None,
        private_access_settings_id: None,
        credentials_id: None,
        storage_configuration_id: None,
        network_id: None,
        storage_key_id: None,
        created_at: ctx.now_ms(),
        updated_at: ctx.now_ms(),
    };
    attach(&mut tx, &mut row, request).await?;
    classic::attach(identity, &mut tx, &mut row, request).await?;
    store::insert(&mut tx, &row, Some(ctx.principal.id)).await?;
    store::permission_set(&mut tx, row.id, ctx.principal.id, "ADMIN").await?;
    tx.notify(provision::TOPIC, &row.id.to_string());
    identity.changed(tx).await?;
    match row.is_classic() {
        true => Ok(row),
        false => provision::finish(identity, row).await,
    }
}

/// What of the network's configuration the request names; an empty text takes it off.
async fn attach(tx: &mut Tx, row: &mut Workspace, request: &WorkspaceRequest) -> Result<()> {
    if let Some(id) = &request.network_connectivity_config_id {
        let id = Some(id.clone()).filter(|id| !id.is_empty());
        if let Some(id) = id.as_ref().filter(|_| id != row.network_connectivity_config_id) {
            connectivity::ops::check_attach(tx, id, &row.region).await?;
        }
        row.network_connectivity_config_id = id;
    }
    if let Some(id) = &request.private_access_settings_id {
        let id = Some(id.clone()).filter(|id| !id.is_empty());
        if let Some(id) = &id {
            private_access::ops::check_attach(tx, id, &row.region).await?;
        }
        row.private_access_settings_id = id;
    }
    Ok(())
}

fn taken(message: String) -> ApiError {
    ApiError::new(ErrorCode::ResourceAlreadyExists, message)
}

pub async fn workspace_list(identity: &Identity, ctx: &Ctx) -> Result<Vec<Workspace>> {
    ctx.require_account_admin()?;
    identity.workspace_list().await
}

pub async fn workspace_get(identity: &Identity, ctx: &Ctx, id: WorkspaceId) -> Result<Workspace> {
    ctx.require_account_admin()?;
    identity.workspace_get(id).await?.ok_or_else(|| missing(id))
}

/// One that is not being deleted.
pub async fn live(tx: &mut Tx, id: WorkspaceId) -> Result<Workspace> {
    let row = store::by_id(tx, id).await?.ok_or_else(|| missing(id))?;
    match row.status == DELETING {
        true => {
            Err(ApiError::new(ErrorCode::InvalidState, format!("Workspace {id} is being deleted.")))
        }
        false => Ok(row),
    }
}

pub fn missing(id: WorkspaceId) -> ApiError {
    ApiError::not_found(format!("Workspace {id} does not exist."))
}

pub async fn workspace_update(
    identity: &Identity,
    ctx: &Ctx,
    id: WorkspaceId,
    request: &WorkspaceRequest,
) -> Result<Workspace> {
    ctx.require_account_admin()?;
    check::tags(request)?;
    let mut tx = identity.db.write().await?;
    let mut row = live(&mut tx, id).await?;
    let before = row.clone();
    let failed = row.status == FAILED;
    if request.deployment_name.as_ref().is_some_and(|name| *name != row.deployment_name) {
        return Err(ApiError::unsupported("Changing the deployment name of a workspace"));
    }
    if let Some(region) = request.aws_region.as_ref().filter(|region| **region != row.region) {
        if !failed || !row.is_classic() {
            return Err(ApiError::unsupported("Moving a workspace to another region"));
        }
        row.region = check_region(Some(region))?.to_owned();
    }
    if request.compute_mode.as_ref().is_some_and(|mode| *mode != row.compute_mode) {
        return Err(ApiError::unsupported("Changing the compute mode of a workspace"));
    }
    if let Some(name) = request.workspace_name.as_deref() {
        row.name = check::name(name)?.to_owned();
        if store::all(&mut tx).await?.iter().any(|one| one.id != id && one.name == row.name) {
            return Err(taken(format!("A workspace with the name {} exists already.", row.name)));
        }
    }
    if let Some(tags) = &request.custom_tags {
        row.custom_tags = tags.clone();
    }
    if let Some(tier) = check::tier(request.pricing_tier.as_deref())? {
        row.pricing_tier = tier.to_owned();
    }
    attach(&mut tx, &mut row, request).await?;
    classic::attach(identity, &mut tx, &mut row, request).await?;
    // An update is how a failed workspace is tried again.
    if failed || row.place() != before.place() {
        row.status = PROVISIONING.into();
        row.status_message = "Workspace is being updated.".into();
    }
    row.updated_at = ctx.now_ms().max(before.updated_at + 1);
    store::update(&mut tx, &row).await?;
    tx.notify(provision::TOPIC, &row.id.to_string());
    if row.network_connectivity_config_id != before.network_connectivity_config_id {
        tx.notify(EGRESS_TOPIC, &row.id.to_string());
    }
    identity.changed(tx).await?;
    match row.status == PROVISIONING && !row.is_classic() {
        true => provision::finish(identity, row).await,
        false => Ok(row),
    }
}
