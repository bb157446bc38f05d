//! Hosts of classic clusters in the customer's own AWS account: started in the workspace's subnets by a
//! role of that account, which is assumed with the account's id as external id.
//!
//! Must hold: a host has no public address; its disks are encrypted; it carries the tags by which it is
//! found again (`tags`); the same order twice makes one host. Nothing here connects to a host.

mod check;
mod errors;
mod hosts;
mod http;
mod images;
mod launch;
mod session;
mod tags;
mod types;
mod user_data;

use biplane_compute::provider::{
    Finding, Host, HostOrder, NodeType, Place, Provider, ProviderResult,
};
use session::Sessions;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Clone, Default)]
pub struct AwsConfig {
    /// A service that speaks EC2 and STS and is not AWS; None = what the environment says, or AWS.
    pub endpoint: Option<String>,
    /// The operator's own key; None = as AWS's tools find one: environment, profile, role of the machine.
    pub key: Option<AwsKey>,
    /// The image of hosts by region, `eu-central-1`, or `eu-central-1/arm64`; where none is named, the newest
    /// Amazon Linux 2023.
    pub images: BTreeMap<String, String>,
    /// `eu-central-1/m5.large`: US dollars per hour on demand.
    pub prices: BTreeMap<String, f64>,
}

#[derive(Clone)]
pub struct AwsKey {
    pub access_key_id: String,
    pub secret_access_key: String,
}

impl std::fmt::Debug for AwsKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsKey").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

pub struct Aws {
    sessions: Sessions,
    images: images::Images,
    types: types::Types,
}

impl Aws {
    /// Finds the operator's own credentials when they are first needed.
    pub async fn new(config: AwsConfig) -> Result<Arc<Self>, rustls::Error> {
        Ok(Arc::new(Self {
            images: images::Images::new(config.images.clone()),
            types: types::Types::new(config.prices.clone()),
            sessions: Sessions::new(&config).await?,
        }))
    }
}

#[async_trait::async_trait]
impl Provider for Aws {
    fn name(&self) -> &'static str {
        "aws"
    }

    async fn node_types(&self, place: &Place) -> ProviderResult<Vec<NodeType>> {
        let known = self.types.of(&self.sessions.open(place).await?).await?;
        Ok(known.iter().map(|one| one.node_type.clone()).collect())
    }

    async fn zones(&self, place: &Place) -> ProviderResult<(Vec<String>, String)> {
        launch::zones(&self.sessions.open(place).await?, place).await
    }

    async fn create(&self, place: &Place, order: &HostOrder) -> ProviderResult<Host> {
        launch::launch(self, place, order).await
    }

    async fn describe(&self, place: &Place, host_ids: &[String]) -> ProviderResult<Vec<Host>> {
        hosts::describe(&self.sessions.open(place).await?, place, host_ids).await
    }

    async fn terminate(&self, place: &Place, host_ids: &[String]) -> ProviderResult<()> {
        hosts::terminate(&self.sessions.open(place).await?, place, host_ids).await
    }

    async fn hosts(&self, place: &Place) -> ProviderResult<Vec<Host>> {
        hosts::of_place(&self.sessions.open(place).await?, place).await
    }

    fn has_profiles(&self) -> bool {
        true
    }

    async fn profile_check(&self, place: &Place, arn: &str) -> ProviderResult<()> {
        launch::rehearse(self, place, arn).await
    }

    async fn check(&self, place: &Place) -> ProviderResult<Vec<Finding>> {
        check::check(self, place).await
    }
}
