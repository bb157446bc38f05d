//! The place of a workspace in the account's own cloud, as those who start hosts there need it, and who
//! looks it over: another crate, which knows the cloud.

use super::store;
use crate::Identity;
use crate::workspaces::{Workspace, store as workspaces};
use biplane_api::ids::WorkspaceId;
use biplane_platform::{ApiError, Result, Tx};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudPlace {
    pub account_id: String,
    pub workspace_id: WorkspaceId,
    pub region: String,
    /// The role that is assumed there, with `external_id`.
    pub role_arn: String,
    pub external_id: String,
    pub network: CloudNetwork,
    /// Encrypts the disks of hosts; None = the cloud's own key.
    pub disk_key_arn: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudNetwork {
    pub vpc_id: String,
    pub subnet_ids: Vec<String>,
    pub security_group_ids: Vec<String>,
}

/// What is wrong with a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceFinding {
    /// `credentials`, `vpc`, `subnet`, `securityGroup`, `networkAcl`
    pub what: String,
    pub message: String,
    /// False: it may work all the same.
    pub broken: bool,
}

/// The cloud could not be asked; why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TryAgain(pub String);

/// Who starts hosts in the account's own cloud.
#[async_trait::async_trait]
pub trait Cloud: Send + Sync {
    /// Where that can be; empty = everywhere.
    fn regions(&self) -> Vec<String>;

    /// Looks the place over. No findings: all is well.
    async fn check(&self, place: &CloudPlace) -> std::result::Result<Vec<PlaceFinding>, TryAgain>;
}

/// None: the workspace has no place of its own.
pub async fn of(tx: &mut Tx, identity: &Identity, row: &Workspace) -> Result<Option<CloudPlace>> {
    let (Some(credentials), Some(network)) = (&row.credentials_id, &row.network_id) else {
        return Ok(None);
    };
    let gone = |what: &str| ApiError::internal(format!("workspace {} has no {what}", row.id));
    let role = store::credentials_get(tx, credentials).await?;
    let network = store::network_get(tx, network).await?.ok_or_else(|| gone("network"))?;
    let key = match &row.storage_key_id {
        Some(id) => store::key_get(tx, id).await?,
        None => None,
    };
    Ok(Some(CloudPlace {
        account_id: identity.account_id.to_string(),
        workspace_id: row.id,
        region: row.region.clone(),
        role_arn: role.ok_or_else(|| gone("credentials"))?.role_arn,
        external_id: identity.account_id.to_string(),
        network: CloudNetwork {
            vpc_id: network.vpc_id,
            subnet_ids: network.subnet_ids,
            security_group_ids: network.security_group_ids,
        },
        disk_key_arn: key.filter(|key| key.disks).map(|key| key.key_arn),
    }))
}

impl Identity {
    /// Where hosts of this workspace are started; None: it has no place in a cloud account.
    pub async fn cloud_place(&self, id: WorkspaceId) -> Result<Option<CloudPlace>> {
        let mut tx = self.db.read().await?;
        match workspaces::by_id(&mut tx, id).await? {
            Some(row) => of(&mut tx, self, &row).await,
            None => Ok(None),
        }
    }
}
