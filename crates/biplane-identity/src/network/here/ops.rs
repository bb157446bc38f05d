//! Everybody in a workspace may know what holds in it: a refused connection names the policy anyway.

use crate::network::ip_lists::{self, Scope};
use crate::network::{connectivity, policies, private_access};
use crate::{Identity, workspaces};
use biplane_api::network_config::{NetworkConnectivityConfig, WorkspaceNetwork};
use biplane_platform::{Ctx, Result};

pub async fn network_here_get(identity: &Identity, ctx: &Ctx) -> Result<WorkspaceNetwork> {
    let workspace = ctx.workspace()?;
    let mut tx = identity.db.read().await?;
    let row = workspaces::store::by_id(&mut tx, workspace).await?;
    let row = row.ok_or_else(|| workspaces::ops::missing(workspace))?;
    let policy = policies::ops::holds(&mut tx, row.network_policy_id.as_deref()).await?;
    let connectivity = match &row.network_connectivity_config_id {
        Some(id) => connectivity::ops::find(identity, &mut tx, id).await?,
        None => None,
    };
    let settings = private_access::store::all(&mut tx).await?;
    let settings =
        settings.into_iter().find(|one| Some(&one.id) == row.private_access_settings_id.as_ref());
    let enabled = ip_lists::store::enabled(&mut tx, Scope::Workspace(workspace)).await?;
    Ok(WorkspaceNetwork {
        workspace_id: Some(workspace.0),
        region: Some(row.region),
        network_policy: Some(policy),
        network_connectivity_config: connectivity.map(without_rules),
        ip_access_lists_enabled: Some(enabled),
        public_access_enabled: Some(settings.is_none_or(|settings| settings.public_access)),
        source_ip: ctx.source_ip.map(|address| address.to_string()),
    })
}

/// The private endpoints are the account's matter.
fn without_rules(mut config: NetworkConnectivityConfig) -> NetworkConnectivityConfig {
    if let Some(egress) = &mut config.egress_config {
        egress.target_rules = None;
    }
    config
}
