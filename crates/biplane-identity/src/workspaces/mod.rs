//! Workspaces of the account, where they are found, and who is in them.

pub mod assignments;
mod check;
mod classic;
mod delete;
pub mod http;
pub mod ops;
mod provision;
pub mod store;

use crate::Identity;
use biplane_api::ids::WorkspaceId;
use biplane_platform::Result;
use std::collections::{BTreeMap, HashMap};

/// A workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    pub id: WorkspaceId,
    pub name: String,
    /// Lower case; the first label of its host name.
    pub deployment_name: String,
    pub host_name: Option<String>,
    pub region: String,
    /// `SERVERLESS`, or `HYBRID`: its clusters run in the account's own cloud account.
    pub compute_mode: String,
    pub pricing_tier: String,
    pub custom_tags: BTreeMap<String, String>,
    /// PROVISIONING, RUNNING, FAILED or CANCELLING (it is being deleted).
    pub status: String,
    pub status_message: String,
    /// None: `default-policy`.
    pub network_policy_id: Option<String>,
    pub network_connectivity_config_id: Option<String>,
    pub private_access_settings_id: Option<String>,
    pub credentials_id: Option<String>,
    pub storage_configuration_id: Option<String>,
    pub network_id: Option<String>,
    pub storage_key_id: Option<String>,
    pub created_at: i64,
    /// Never the same twice: what was decided of an older row does not overwrite a newer one.
    pub updated_at: i64,
}

const PROVISIONING: &str = "PROVISIONING";
const RUNNING: &str = "RUNNING";
const FAILED: &str = "FAILED";
const DELETING: &str = "CANCELLING";

impl Workspace {
    /// Its clusters run in the account's own cloud account.
    pub fn is_classic(&self) -> bool {
        self.compute_mode == classic::HYBRID
    }

    /// What its place in the cloud is made of.
    fn place(&self) -> [Option<&String>; 5] {
        [
            Some(&self.region),
            self.credentials_id.as_ref(),
            self.storage_configuration_id.as_ref(),
            self.network_id.as_ref(),
            self.storage_key_id.as_ref(),
        ]
    }
}

/// Host names and what they mean, kept while nothing changes.
#[derive(Debug)]
pub struct Places {
    hosts: HashMap<String, WorkspaceId>,
    deployments: HashMap<String, WorkspaceId>,
    /// The only workspace, if there is but one.
    pub only: Option<WorkspaceId>,
}

impl Identity {
    pub(crate) async fn places(&self) -> Result<std::sync::Arc<Places>> {
        let epoch = self.cache.epoch();
        if let Some(places) = self.cache.places.get(epoch, &()) {
            return Ok(places);
        }
        let mut all = store::all(&mut self.db.read().await?).await?;
        all.retain(|one| one.status != DELETING);
        let places = Places {
            hosts: all.iter().filter_map(|one| Some((one.host_name.clone()?, one.id))).collect(),
            deployments: all.iter().map(|one| (one.deployment_name.clone(), one.id)).collect(),
            only: match all.as_slice() {
                [one] => Some(one.id),
                _ => None,
            },
        };
        Ok(self.cache.places.put(epoch, (), places))
    }

    /// `host` without port.
    pub async fn workspace_by_host(&self, host: &str) -> Result<Option<WorkspaceId>> {
        let places = self.places().await?;
        let lower;
        let host = match host.bytes().any(|b| b.is_ascii_uppercase()) {
            true => {
                lower = host.to_ascii_lowercase();
                &lower
            }
            false => host,
        };
        if let Some(id) = places.hosts.get(host) {
            return Ok(Some(*id));
        }
        let Some((label, domain)) = host.split_once('.') else {
            return Ok(None);
        };
        let ours = domain == "localhost" || self.domain.as_deref() == Some(domain);
        Ok(if ours { places.deployments.get(label).copied() } else { None })
    }

    /// `accounts.<domain>`: the account console.
    pub(crate) fn is_account_host(&self, host: &str) -> bool {
        let Some((label, domain)) = host.split_once('.') else {
            return false;
        };
        label.eq_ignore_ascii_case("accounts")
            && (domain.eq_ignore_ascii_case("localhost")
                || self.domain.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(domain)))
    }

    pub async fn workspace_get(&self, id: WorkspaceId) -> Result<Option<Workspace>> {
        store::by_id(&mut self.db.read().await?, id).await
    }

    pub async fn workspace_list(&self) -> Result<Vec<Workspace>> {
        store::all(&mut self.db.read().await?).await
    }
}
