//! Hosts in the cloud accounts of customers: identity says where, a provider of compute starts them there.

use biplane_compute::provider::{Network, Place, Provider};
use biplane_identity::{Cloud, CloudPlace, PlaceFinding, TryAgain};
use std::fmt;
use std::sync::Arc;

/// Who starts hosts in cloud accounts, and in which regions.
#[derive(Clone)]
pub struct CloudConfig {
    pub provider: Arc<dyn Provider>,
    pub regions: Vec<String>,
}

impl fmt::Debug for CloudConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudConfig")
            .field("provider", &self.provider.name())
            .field("regions", &self.regions)
            .finish()
    }
}

pub fn place(of: CloudPlace) -> Place {
    Place {
        account_id: of.account_id,
        workspace_id: of.workspace_id.0,
        region: of.region,
        role_arn: Some(of.role_arn),
        external_id: of.external_id,
        network: Some(Network {
            vpc_id: of.network.vpc_id,
            subnet_ids: of.network.subnet_ids,
            security_group_ids: of.network.security_group_ids,
        }),
        storage_key_arn: of.disk_key_arn,
    }
}

/// Identity asks the provider whether a workspace can be in a place.
pub struct ProviderCloud(pub CloudConfig);

#[async_trait::async_trait]
impl Cloud for ProviderCloud {
    fn regions(&self) -> Vec<String> {
        self.0.regions.clone()
    }

    async fn check(&self, of: &CloudPlace) -> Result<Vec<PlaceFinding>, TryAgain> {
        match self.0.provider.check(&place(of.clone())).await {
            Ok(found) => Ok(found
                .into_iter()
                .map(|one| PlaceFinding {
                    what: one.what,
                    message: one.message,
                    broken: one.broken,
                })
                .collect()),
            Err(error) if error.kind.retryable() => Err(TryAgain(error.message)),
            Err(error) => {
                let what = "credentials".into();
                Ok(vec![PlaceFinding { what, message: error.message, broken: true }])
            }
        }
    }
}
