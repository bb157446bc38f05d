//! Making and ending workspaces: account admins only.

use super::{DELETING, Workspace, delete, store};
use crate::Identity;
use crate::network::{connectivity, private_access};
use biplane_api::identity::{WorkspaceInfo, WorkspaceRequest};
use biplane_api::ids::WorkspaceId;
use biplane_platform::{ApiError, Ctx, ErrorCode, Result, Tx};

const NAME_CHARS_MAX: usize = 100;
const TAGS_MAX: usize = 45;
const TIERS: &[&str] =
    &["COMMUNITY_EDITION", "DEDICATED", "ENTERPRISE", "PREMIUM", "STANDARD", "UNKNOWN"];
/// What a workspace in a cloud account would need.
const CLASSIC_FIELDS: &[&str] = &[
    "credentials_id",
    "storage_configuration_id",
    "network_id",
    "managed_services_customer_managed_key_id",
    "storage_customer_managed_key_id",
    "gcp_managed_network_config",
    "gke_config",
    "cloud_resource_container",
];

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
        storage_mode: "DEFAULT_STORAGE".into(),
        custom_tags: row.custom_tags,
        workspace_status: row.status,
        workspace_status_message: row.status_message,
        network_connectivity_config_id: row.network_connectivity_config_id,
        private_access_settings_id: row.private_access_settings_id,
        creation_time: row.created_at,
    }
}

pub async fn workspace_create(
    identity: &Identity,
    ctx: &Ctx,
    request: &WorkspaceRequest,
) -> Result<Workspace> {
    ctx.require_account_admin()?;
    check_serverless(request)?;
    let name = check_name(request.workspace_name.as_deref().unwrap_or_default())?;
    check_tags(request)?;
    let id = WorkspaceId::random();
    let deployment_name = match request.deployment_name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => check_label(name)?,
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
        region: region.unwrap_or_else(|| "us-east-1".into()),
        compute_mode: "SERVERLESS".into(),
        pricing_tier: check_tier(request.pricing_tier.as_deref())?
            .unwrap_or("ENTERPRISE")
            .to_owned(),
        custom_tags: request.custom_tags.clone().unwrap_or_default(),
        status: "PROVISIONING".into(),
        status_message: "Workspace is being made.".into(),
        network_policy_id: None,
        network_connectivity_config_id: None,
        private_access_settings_id: None,
        created_at: ctx.now_ms(),
    };
    attach(&mut tx, &mut row, request).await?;
    store::insert(&mut tx, &row, Some(ctx.principal.id)).await?;
    store::permission_set(&mut tx, row.id, ctx.principal.id, "ADMIN").await?;
    identity.changed(tx).await?;
    finish(identity, ctx, row).await
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

/// What comes after the row: the other services' part.
async fn finish(identity: &Identity, ctx: &Ctx, mut row: Workspace) -> Result<Workspace> {
    let outcome = match identity.workspace_created.get() {
        Some(hook) => hook.workspace_created(ctx, &row).await,
        None => Ok(()),
    };
    (row.status, row.status_message) = match outcome {
        Ok(()) => ("RUNNING".into(), "Workspace is running.".into()),
        Err(error) => ("FAILED".into(), error.message),
    };
    let mut tx = identity.db.write().await?;
    store::update(&mut tx, &row, ctx.now_ms()).await?;
    identity.changed(tx).await?;
    Ok(row)
}

impl Identity {
    /// At the start of the server: ends what a crash left half made.
    pub async fn workspaces_resume(&self) -> Result<()> {
        for row in self.workspace_list().await? {
            let ctx = self.admin_ctx(row.id).await?;
            match row.status.as_str() {
                "PROVISIONING" => drop(finish(self, &ctx, row).await?),
                DELETING => delete::finish(self, &ctx, &row).await?,
                _ => {}
            }
        }
        Ok(())
    }
}

fn check_serverless(request: &WorkspaceRequest) -> Result<()> {
    let classic = request
        .other
        .iter()
        .find(|(name, value)| CLASSIC_FIELDS.contains(&name.as_str()) && !value.is_null());
    if let Some((name, _)) = classic {
        return Err(ApiError::unsupported(format!("{name}: a workspace in a cloud account")));
    }
    match request.compute_mode.as_deref() {
        None | Some("" | "SERVERLESS") => Ok(()),
        Some("HYBRID") => {
            Err(ApiError::unsupported("compute_mode HYBRID: a workspace in a cloud account"))
        }
        Some(_) => Err(ApiError::invalid("compute_mode must be SERVERLESS.")),
    }
}

fn check_name(name: &str) -> Result<&str> {
    let name = name.trim();
    let good = !name.is_empty()
        && name.chars().count() <= NAME_CHARS_MAX
        && !name.chars().any(char::is_control);
    match good {
        true => Ok(name),
        false => Err(ApiError::invalid(format!(
            "workspace_name must have 1 to {NAME_CHARS_MAX} characters."
        ))),
    }
}

/// A label of a host name.
fn check_label(name: &str) -> Result<String> {
    let name = name.to_ascii_lowercase();
    let shaped = name.len() <= 63
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    match shaped && name != "accounts" && name != "www" {
        true => Ok(name),
        false => Err(ApiError::invalid(
            "deployment_name must be usable in a host name: letters, digits and hyphens, and not reserved.",
        )),
    }
}

fn check_tier(tier: Option<&str>) -> Result<Option<&str>> {
    match tier.filter(|tier| !tier.is_empty()) {
        Some(tier) if !TIERS.contains(&tier) => {
            Err(ApiError::invalid("pricing_tier is not a known one."))
        }
        tier => Ok(tier),
    }
}

fn check_tags(request: &WorkspaceRequest) -> Result<()> {
    let tags = request.custom_tags.iter().flatten();
    let good = tags.clone().count() <= TAGS_MAX
        && tags.clone().all(|(key, value)| key.len() <= 127 && value.len() <= 255);
    match good {
        true => Ok(()),
        false => Err(ApiError::invalid(format!(
            "There may be {TAGS_MAX} custom tags of 127 and 255 bytes."
        ))),
    }
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
    check_serverless(request)?;
    check_tags(request)?;
    let mut tx = identity.db.write().await?;
    let mut row = live(&mut tx, id).await?;
    if request.deployment_name.as_ref().is_some_and(|name| *name != row.deployment_name) {
        return Err(ApiError::unsupported("Changing the deployment name of a workspace"));
    }
    if request.aws_region.as_ref().is_some_and(|region| *region != row.region) {
        return Err(ApiError::unsupported("Moving a workspace to another region"));
    }
    if let Some(name) = request.workspace_name.as_deref() {
        row.name = check_name(name)?.to_owned();
        if store::all(&mut tx).await?.iter().any(|one| one.id != id && one.name == row.name) {
            return Err(taken(format!("A workspace with the name {} exists already.", row.name)));
        }
    }
    if let Some(tags) = &request.custom_tags {
        row.custom_tags = tags.clone();
    }
    if let Some(tier) = check_tier(request.pricing_tier.as_deref())? {
        row.pricing_tier = tier.to_owned();
    }
    attach(&mut tx, &mut row, request).await?;
    store::update(&mut tx, &row, ctx.now_ms()).await?;
    identity.changed(tx).await?;
    match row.status.as_str() {
        // An update is how a failed workspace is tried again.
        "FAILED" => finish(identity, ctx, row).await,
        _ => Ok(row),
    }
}
