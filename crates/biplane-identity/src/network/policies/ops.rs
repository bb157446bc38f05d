//! Making, changing and choosing network policies; what holds in a workspace.

use super::{DEFAULT, check, store};
use crate::network::connectivity::rules;
use crate::network::{EGRESS_TOPIC, in_use, quota};
use crate::{Identity, workspaces};
use biplane_api::ids::WorkspaceId;
use biplane_api::network::{EgressPolicy, WorkspaceEgress};
use biplane_api::network_config::{
    NetworkAccess, NetworkPolicies, NetworkPolicy, NetworkPolicyEgress, WorkspaceNetworkOption,
};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result, Tx, page};
use std::collections::HashMap;

const POLICIES_MAX: i64 = 500;
const PAGE: usize = 100;

/// Before anybody changed it: everything is reachable.
fn initial_default() -> NetworkPolicy {
    let access =
        NetworkAccess { restriction_mode: Some("FULL_ACCESS".into()), ..NetworkAccess::default() };
    NetworkPolicy {
        network_policy_id: Some(DEFAULT.into()),
        egress: Some(NetworkPolicyEgress { network_access: Some(access) }),
        ..NetworkPolicy::default()
    }
}

fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("Network policy {id:.100} does not exist."))
}

async fn find(tx: &mut Tx, id: &str) -> Result<Option<NetworkPolicy>> {
    match store::get(tx, id).await? {
        None if id == DEFAULT => Ok(Some(initial_default())),
        found => Ok(found),
    }
}

/// The policy of a workspace that has chosen `id`, or none. One that is chosen cannot be deleted.
pub async fn holds(tx: &mut Tx, id: Option<&str>) -> Result<NetworkPolicy> {
    let id = id.unwrap_or(DEFAULT);
    find(tx, id).await?.ok_or_else(|| ApiError::internal(missing(id)))
}

fn shown(identity: &Identity, policy: NetworkPolicy) -> NetworkPolicy {
    NetworkPolicy { account_id: Some(identity.account_id.to_string()), ..policy }
}

pub async fn network_policy_create(
    identity: &Identity,
    ctx: &Ctx,
    request: &NetworkPolicy,
) -> Result<NetworkPolicy> {
    ctx.require_account_admin()?;
    let id = check::id(request.network_policy_id.as_deref())?;
    let policy = check::policy(request)?;
    let taken = || {
        let text = format!("A network policy with the id {id} exists already.");
        ApiError::new(ErrorCode::ResourceAlreadyExists, text)
    };
    if id == DEFAULT {
        return Err(taken());
    }
    let mut tx = identity.db.write().await?;
    if store::count(&mut tx).await? >= POLICIES_MAX {
        return Err(quota(format!("An account has at most {POLICIES_MAX} network policies.")));
    }
    store::insert(&mut tx, id, &policy, ctx.now_ms()).await.map_err(|error| match error.code {
        ErrorCode::ResourceAlreadyExists => taken(),
        _ => error,
    })?;
    tx.commit().await?;
    Ok(shown(identity, policy))
}

pub async fn network_policy_get(identity: &Identity, ctx: &Ctx, id: &str) -> Result<NetworkPolicy> {
    ctx.require_account_admin()?;
    let found = find(&mut identity.db.read().await?, id).await?;
    found.map(|policy| shown(identity, policy)).ok_or_else(|| missing(id))
}

/// The default one first.
pub async fn network_policy_list(
    identity: &Identity,
    ctx: &Ctx,
    token: Option<&str>,
) -> Result<NetworkPolicies> {
    ctx.require_account_admin()?;
    let after: Option<String> = page::decode(token)?;
    let mut tx = identity.db.read().await?;
    let mut rows = Vec::new();
    if after.is_none() {
        rows.push((String::new(), find(&mut tx, DEFAULT).await?.unwrap_or_else(initial_default)));
    }
    let stored = store::after(&mut tx, after.as_deref().unwrap_or_default(), PAGE + 2).await?;
    rows.extend(stored.into_iter().filter(|(id, _)| id != DEFAULT));
    let (rows, next_page_token) = page::cut(rows, PAGE, |row| row.0.clone());
    let items = rows.into_iter().map(|(_, policy)| shown(identity, policy)).collect();
    Ok(NetworkPolicies { items, next_page_token })
}

pub async fn network_policy_update(
    identity: &Identity,
    ctx: &Ctx,
    id: &str,
    request: &NetworkPolicy,
) -> Result<NetworkPolicy> {
    ctx.require_account_admin()?;
    if request.network_policy_id.as_deref().is_some_and(|named| named != id) {
        return Err(ApiError::invalid("network_policy_id of the body is not that of the path."));
    }
    let policy = check::policy(request)?;
    let policy = NetworkPolicy { network_policy_id: Some(id.to_owned()), ..policy };
    let mut tx = identity.db.write().await?;
    find(&mut tx, id).await?.ok_or_else(|| missing(id))?;
    store::replace(&mut tx, id, &policy, ctx.now_ms()).await?;
    tx.notify(EGRESS_TOPIC, "*");
    tx.commit().await?;
    Ok(shown(identity, policy))
}

pub async fn network_policy_delete(identity: &Identity, ctx: &Ctx, id: &str) -> Result<()> {
    ctx.require_account_admin()?;
    if id == DEFAULT {
        return Err(ApiError::invalid("default-policy cannot be deleted; change it instead."));
    }
    let mut tx = identity.db.write().await?;
    if let Some(workspace) = store::user(&mut tx, id).await? {
        let text = format!("Network policy {id} is that of workspace {workspace}.");
        return Err(in_use(text));
    }
    match store::delete(&mut tx, id).await? {
        0 => Err(missing(id)),
        _ => tx.commit().await,
    }
}

fn option(workspace: WorkspaceId, chosen: Option<String>) -> WorkspaceNetworkOption {
    WorkspaceNetworkOption {
        workspace_id: Some(workspace.0),
        network_policy_id: Some(chosen.unwrap_or_else(|| DEFAULT.into())),
    }
}

pub async fn workspace_network_get(
    identity: &Identity,
    ctx: &Ctx,
    workspace: WorkspaceId,
) -> Result<WorkspaceNetworkOption> {
    ctx.require_account_admin()?;
    let chosen = store::chosen(&mut identity.db.read().await?, workspace).await?;
    let chosen = chosen.ok_or_else(|| workspaces::ops::missing(workspace))?;
    Ok(option(workspace, chosen.policy))
}

pub async fn workspace_network_update(
    identity: &Identity,
    ctx: &Ctx,
    workspace: WorkspaceId,
    request: &WorkspaceNetworkOption,
) -> Result<WorkspaceNetworkOption> {
    ctx.require_account_admin()?;
    if request.workspace_id.is_some_and(|named| named != workspace.0) {
        return Err(ApiError::invalid("workspace_id of the body is not that of the path."));
    }
    let id = check::id(request.network_policy_id.as_deref())?;
    let mut tx = identity.db.write().await?;
    workspaces::ops::live(&mut tx, workspace).await?;
    find(&mut tx, id).await?.ok_or_else(|| missing(id))?;
    let chosen = Some(id).filter(|id| *id != DEFAULT);
    store::choose(&mut tx, workspace, chosen).await?;
    tx.notify(EGRESS_TOPIC, &workspace.to_string());
    tx.commit().await?;
    Ok(option(workspace, chosen.map(str::to_owned)))
}

impl Identity {
    /// What compute of the workspace may reach, as its nodes enforce it. Changes are told on
    /// `EGRESS_TOPIC`. None: there is no such workspace.
    pub async fn egress_effective(&self, workspace: WorkspaceId) -> Result<Option<EgressPolicy>> {
        let mut tx = self.db.read().await?;
        let Some(chosen) = store::chosen(&mut tx, workspace).await? else {
            return Ok(None);
        };
        let id = chosen.policy.as_deref().unwrap_or(DEFAULT);
        let mut policy = check::compiled(id, &holds(&mut tx, Some(id)).await?);
        if let Some(config) = &chosen.connectivity {
            policy.private = rules::compiled(self, &mut tx, config).await?;
        }
        Ok(Some(policy))
    }

    /// The same of all workspaces: after a change of any.
    pub async fn egress_effective_all(&self) -> Result<Vec<WorkspaceEgress>> {
        let all = self.workspace_list().await?;
        let mut tx = self.db.read().await?;
        let mut compiled: HashMap<String, EgressPolicy> = HashMap::new();
        let mut found = Vec::with_capacity(all.len());
        for workspace in all {
            let id = workspace.network_policy_id.unwrap_or_else(|| DEFAULT.into());
            let mut policy = match compiled.get(&id) {
                Some(policy) => policy.clone(),
                None => {
                    let policy = check::compiled(&id, &holds(&mut tx, Some(&id)).await?);
                    compiled.insert(id, policy.clone());
                    policy
                }
            };
            if let Some(config) = &workspace.network_connectivity_config_id {
                policy.private = rules::compiled(self, &mut tx, config).await?;
            }
            found.push(WorkspaceEgress { workspace_id: workspace.id, policy });
        }
        Ok(found)
    }
}
