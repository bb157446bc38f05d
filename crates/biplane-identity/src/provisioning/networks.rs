//! Networks of the account's own cloud account. A workspace has one of its own; what was found when it
//! was looked over stays with it until it is taken off.

use super::check;
use super::place::PlaceFinding;
use super::store::{self, NetworkRow};
use crate::Identity;
use crate::network::private_access::store as endpoints;
use crate::network::{check_label, in_use, quota, taken};
use biplane_api::provisioning::{Network, NetworkError, NetworkVpcEndpoints, NetworkWarning};
use biplane_platform::{ApiError, Ctx, Result, Tx};

const NETWORKS_MAX: usize = 500;
const SUBNETS_MAX: usize = 20;
/// As many as an interface of a host may have.
const SECURITY_GROUPS_MAX: usize = 5;
const ENDPOINTS_MAX: usize = 50;

pub fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("Network {id:.64} does not exist."))
}

fn shown(identity: &Identity, (row, workspace): (NetworkRow, Option<i64>)) -> Network {
    let endpoints = NetworkVpcEndpoints {
        rest_api: Some(row.rest_endpoint_ids),
        dataplane_relay: Some(row.relay_endpoint_ids),
    };
    let named = |ids: &Option<Vec<String>>| ids.as_ref().is_some_and(|ids| !ids.is_empty());
    let (errors, warnings): (Vec<PlaceFinding>, Vec<_>) =
        row.findings.into_iter().partition(|finding| finding.broken);
    let errors = errors
        .into_iter()
        .map(|one| NetworkError { error_type: Some(one.what), error_message: Some(one.message) });
    let warnings = warnings.into_iter().map(|one| NetworkWarning {
        warning_type: Some(one.what),
        warning_message: Some(one.message),
    });
    let status = row.status.filter(|_| workspace.is_some());
    Network {
        network_id: Some(row.id),
        account_id: Some(identity.account_id.to_string()),
        network_name: Some(row.name),
        vpc_id: Some(row.vpc_id),
        subnet_ids: Some(row.subnet_ids),
        security_group_ids: Some(row.security_group_ids),
        vpc_endpoints: Some(endpoints)
            .filter(|both| named(&both.rest_api) || named(&both.dataplane_relay)),
        workspace_id: workspace,
        vpc_status: Some(status.unwrap_or_else(|| "UNATTACHED".into())),
        error_messages: Some(errors.collect::<Vec<_>>()).filter(|all| !all.is_empty()),
        warning_messages: Some(warnings.collect::<Vec<_>>()).filter(|all| !all.is_empty()),
        creation_time: Some(row.created_at),
        gcp_network_info: None,
    }
}

/// Registered endpoints alone.
async fn endpoint_ids(tx: &mut Tx, ids: Option<&Vec<String>>) -> Result<Vec<String>> {
    let ids = ids.cloned().unwrap_or_default();
    if ids.len() > ENDPOINTS_MAX {
        return Err(quota(format!("A network has at most {ENDPOINTS_MAX} VPC endpoints.")));
    }
    let known = endpoints::endpoints(tx).await?;
    match ids.iter().find(|id| !known.iter().any(|one| one.id == **id)) {
        Some(id) => Err(ApiError::invalid(format!("There is no VPC endpoint with id {id:.64}."))),
        None => Ok(ids),
    }
}

pub async fn network_create(identity: &Identity, ctx: &Ctx, request: &Network) -> Result<Network> {
    ctx.require_account_admin()?;
    if request.gcp_network_info.is_some() {
        return Err(ApiError::unsupported("A network in another cloud than AWS"));
    }
    let name = check_label("network_name", request.network_name.as_deref())?;
    let vpc_id = request.vpc_id.as_deref().unwrap_or_default();
    let groups = request.security_group_ids.as_deref();
    let wanted = request.vpc_endpoints.clone().unwrap_or_default();
    let mut row = NetworkRow {
        id: uuid::Uuid::now_v7().to_string(),
        name: name.to_owned(),
        vpc_id: check::cloud_id("vpc_id", "vpc-", vpc_id)?.to_owned(),
        subnet_ids: check::cloud_ids(
            "subnet_ids",
            "subnet-",
            request.subnet_ids.as_deref(),
            SUBNETS_MAX,
        )?,
        security_group_ids: check::cloud_ids(
            "security_group_ids",
            "sg-",
            groups,
            SECURITY_GROUPS_MAX,
        )?,
        rest_endpoint_ids: Vec::new(),
        relay_endpoint_ids: Vec::new(),
        status: None,
        findings: Vec::new(),
        created_at: ctx.now_ms(),
    };
    let mut tx = identity.db.write().await?;
    row.rest_endpoint_ids = endpoint_ids(&mut tx, wanted.rest_api.as_ref()).await?;
    row.relay_endpoint_ids = endpoint_ids(&mut tx, wanted.dataplane_relay.as_ref()).await?;
    if store::networks(&mut tx).await?.len() >= NETWORKS_MAX {
        return Err(quota(format!("An account has at most {NETWORKS_MAX} networks.")));
    }
    store::network_insert(&mut tx, &row).await.map_err(taken("A network", name))?;
    tx.commit().await?;
    Ok(shown(identity, (row, None)))
}

pub async fn network_list(identity: &Identity, ctx: &Ctx) -> Result<Vec<Network>> {
    ctx.require_account_admin()?;
    let all = store::networks(&mut identity.db.read().await?).await?;
    Ok(all.into_iter().map(|one| shown(identity, one)).collect())
}

async fn find(tx: &mut Tx, id: &str) -> Result<(NetworkRow, Option<i64>)> {
    let all = store::networks(tx).await?;
    all.into_iter().find(|(row, _)| row.id == id).ok_or_else(|| missing(id))
}

pub async fn network_get(identity: &Identity, ctx: &Ctx, id: &str) -> Result<Network> {
    ctx.require_account_admin()?;
    let found = find(&mut identity.db.read().await?, id).await?;
    Ok(shown(identity, found))
}

pub async fn network_delete(identity: &Identity, ctx: &Ctx, id: &str) -> Result<Network> {
    ctx.require_account_admin()?;
    let mut tx = identity.db.write().await?;
    let found = find(&mut tx, id).await?;
    if let Some(workspace) = found.1 {
        return Err(in_use(format!("The network is used by workspace {workspace}.")));
    }
    store::network_delete(&mut tx, id).await?;
    tx.commit().await?;
    Ok(shown(identity, found))
}

/// Before a workspace gets it: every workspace has one of its own.
pub async fn check_attach(tx: &mut Tx, id: &str, workspace: i64) -> Result<()> {
    match find(tx, id).await? {
        (_, Some(other)) if other != workspace => Err(in_use(format!(
            "The network is used by workspace {other}; every workspace needs a network of its own."
        ))),
        _ => Ok(()),
    }
}
