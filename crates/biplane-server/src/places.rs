//! Where the clusters of a workspace run: in the account's own cloud, where identity says that it has a
//! place there; else on this machine.

use crate::cloud::{self, CloudConfig};
use biplane_api::ids::{PrincipalId, WorkspaceId};
use biplane_compute::provider::Place;
use biplane_compute::{LocalProvider, Places};
use biplane_identity::Identity;
use biplane_platform::Result;
use std::sync::Arc;

/// Of a place in a cloud when no provider is configured: nothing starts there, and that is said.
const AWS: &str = "aws";

pub struct WorkspacePlaces {
    pub identity: Arc<Identity>,
    pub cloud: Option<CloudConfig>,
}

#[async_trait::async_trait]
impl Places for WorkspacePlaces {
    async fn place(&self, workspace: WorkspaceId) -> Result<(String, Place)> {
        if let Some(found) = self.identity.cloud_place(workspace).await? {
            let name = self.cloud.as_ref().map_or(AWS, |cloud| cloud.provider.name());
            return Ok((name.to_owned(), cloud::place(found)));
        }
        let place = Place {
            account_id: self.identity.account_id().to_string(),
            workspace_id: workspace.0,
            ..Place::default()
        };
        Ok((LocalProvider::NAME.to_owned(), place))
    }

    async fn places(&self) -> Result<Vec<(String, Place)>> {
        let mut places = Vec::new();
        for workspace in self.identity.workspace_list().await? {
            places.push(self.place(workspace.id).await?);
        }
        Ok(places)
    }

    async fn is_member(&self, workspace: WorkspaceId, name: &str) -> Result<bool> {
        let Some(known) = self.identity.principal_by_name(name).await? else {
            return Ok(false);
        };
        let resolved = self.identity.principal_resolve(known.id, Some(workspace)).await?;
        let member = |groups: &[String]| groups.iter().any(|group| group == "users");
        Ok(resolved.is_some_and(|principal| member(&principal.groups)))
    }

    async fn profiles_of(
        &self,
        workspace: WorkspaceId,
        principal: PrincipalId,
    ) -> Result<Vec<String>> {
        self.identity.instance_profiles_of(workspace, principal).await
    }
}
