//! What the compute of a workspace may reach: the network policy that identity has for it, and the places
//! that the catalog has for it.

use biplane_api::ids::WorkspaceId;
use biplane_catalog::{Catalog, REACH_TOPIC};
use biplane_compute::{Reach, ReachGrant, ReachStore, Reaches};
use biplane_identity::{EGRESS_TOPIC, Identity};
use biplane_platform::{Result, Secret};
use std::sync::Arc;

/// S3 itself has no endpoint that could be asked for a region.
const REGION: &str = "us-east-1";

pub struct WorkspaceReaches {
    pub identity: Arc<Identity>,
    pub catalog: Arc<Catalog>,
}

#[async_trait::async_trait]
impl Reaches for WorkspaceReaches {
    async fn reach(&self, workspace: WorkspaceId) -> Result<Reach> {
        let egress = self.identity.egress_effective(workspace).await?;
        let stores = match self.catalog.storage_reach(workspace).await? {
            None => Vec::new(),
            Some((s3, places)) => vec![ReachStore {
                endpoint: s3.endpoint,
                region: s3.region.unwrap_or_else(|| REGION.to_owned()),
                access_key_id: s3.access_key_id,
                secret_access_key: Secret::new(s3.secret_access_key.expose().to_owned()),
                session_token: s3.session_token,
                grants: places
                    .into_iter()
                    .map(|place| ReachGrant {
                        bucket: place.bucket,
                        prefix: place.prefix,
                        write: place.write,
                    })
                    .collect(),
            }],
        };
        Ok(Reach { egress, stores })
    }

    fn topics(&self) -> &'static [&'static str] {
        &[EGRESS_TOPIC, REACH_TOPIC]
    }
}
