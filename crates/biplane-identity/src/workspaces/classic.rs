//! What of the account's own cloud account a workspace is made of. A workspace in a cloud account
//! (`HYBRID`) has credentials, a root bucket and a network; a serverless one has none of them.

use super::{FAILED, PROVISIONING, Workspace};
use crate::Identity;
use crate::provisioning::{credentials, keys, networks, storage, store};
use biplane_api::identity::WorkspaceRequest;
use biplane_platform::{ApiError, Result, Tx};

pub const HYBRID: &str = "HYBRID";
const SERVERLESS: &str = "SERVERLESS";
/// Of other clouds.
const FOREIGN_FIELDS: &[&str] =
    &["gcp_managed_network_config", "gke_config", "cloud_resource_container"];

fn named(id: &Option<String>) -> Option<&String> {
    id.as_ref().filter(|id| !id.is_empty())
}

/// The first field that only a workspace in a cloud account has.
fn classic_field(request: &WorkspaceRequest) -> Option<&'static str> {
    let fields = [
        ("credentials_id", &request.credentials_id),
        ("storage_configuration_id", &request.storage_configuration_id),
        ("network_id", &request.network_id),
        ("storage_customer_managed_key_id", &request.storage_customer_managed_key_id),
    ];
    fields.into_iter().find(|(_, id)| named(id).is_some()).map(|(name, _)| name)
}

/// What a new workspace will be.
pub fn mode(request: &WorkspaceRequest) -> Result<&'static str> {
    let foreign = FOREIGN_FIELDS
        .iter()
        .find(|name| request.other.get(**name).is_some_and(|value| !value.is_null()));
    if let Some(name) = foreign {
        return Err(ApiError::unsupported(format!(
            "{name}: a workspace in another cloud than AWS"
        )));
    }
    let cloud = request.other.get("cloud").and_then(|cloud| cloud.as_str()).unwrap_or_default();
    if !cloud.is_empty() && !cloud.eq_ignore_ascii_case("aws") {
        return Err(ApiError::unsupported("cloud: a workspace in another cloud than AWS"));
    }
    match (request.compute_mode.as_deref(), classic_field(request)) {
        (Some("SERVERLESS"), Some(field)) => {
            Err(ApiError::invalid(format!("A serverless workspace has no {field}.")))
        }
        (Some(HYBRID), _) | (None | Some(""), Some(_)) => Ok(HYBRID),
        (Some("SERVERLESS" | "") | None, None) => Ok(SERVERLESS),
        (Some(_), _) => Err(ApiError::invalid("compute_mode must be HYBRID or SERVERLESS.")),
    }
}

/// What the request names, and that all is there; what a workspace runs on is never taken off.
pub async fn attach(
    identity: &Identity,
    tx: &mut Tx,
    row: &mut Workspace,
    request: &WorkspaceRequest,
) -> Result<()> {
    if named(&request.managed_services_customer_managed_key_id).is_some() {
        return Err(ApiError::unsupported(
            "managed_services_customer_managed_key_id: a key of one's own for what the control plane keeps",
        ));
    }
    if !row.is_classic() {
        return match classic_field(request) {
            Some(field) => {
                Err(ApiError::invalid(format!("A serverless workspace has no {field}.")))
            }
            None => Ok(()),
        };
    }
    if request.is_no_public_ip_enabled == Some(false) {
        return Err(ApiError::unsupported(
            "is_no_public_ip_enabled = false: hosts with public addresses",
        ));
    }
    served(identity, &row.region)?;
    if let Some(id) = named(&request.credentials_id) {
        store::credentials_get(tx, id).await?.ok_or_else(|| credentials::missing(id))?;
        row.credentials_id = Some(id.clone());
    }
    if let Some(id) = named(&request.storage_configuration_id) {
        storage_attach(tx, row, id).await?;
    }
    if let Some(id) = named(&request.network_id) {
        networks::check_attach(tx, id, row.id.0).await?;
        if let Some(old) = row.network_id.as_ref().filter(|old| *old != id) {
            store::network_found(tx, old, None, &[]).await?;
        }
        row.network_id = Some(id.clone());
    }
    if let Some(id) = named(&request.storage_customer_managed_key_id) {
        keys::check_attach(tx, id, &row.region).await?;
        row.storage_key_id = Some(id.clone());
    }
    complete(row)
}

/// The bucket of a workspace that works is not changed under it.
async fn storage_attach(tx: &mut Tx, row: &mut Workspace, id: &String) -> Result<()> {
    store::storage_get(tx, id).await?.ok_or_else(|| storage::missing(id))?;
    let other = row.storage_configuration_id.as_ref().is_some_and(|old| old != id);
    if other && row.status != FAILED && row.status != PROVISIONING {
        return Err(ApiError::unsupported(
            "Changing the storage configuration of a running workspace",
        ));
    }
    row.storage_configuration_id = Some(id.clone());
    Ok(())
}

/// Where the operator starts hosts.
fn served(identity: &Identity, region: &str) -> Result<()> {
    let regions = identity.cloud.get().map(|cloud| cloud.regions()).unwrap_or_default();
    match regions.is_empty() || regions.iter().any(|one| one == region) {
        true => Ok(()),
        false => Err(ApiError::invalid(format!(
            "aws_region {region} is not served here. Served: {}.",
            regions.join(", ")
        ))),
    }
}

fn complete(row: &Workspace) -> Result<()> {
    let needed = |name: &str| {
        ApiError::invalid(format!("A workspace with compute_mode HYBRID needs {name}."))
    };
    if row.credentials_id.is_none() {
        return Err(needed("credentials_id"));
    }
    if row.storage_configuration_id.is_none() {
        return Err(needed("storage_configuration_id"));
    }
    match row.network_id {
        Some(_) => Ok(()),
        None => Err(ApiError::unsupported(
            "A workspace without network_id, which needs a network made in the cloud account,",
        )),
    }
}
