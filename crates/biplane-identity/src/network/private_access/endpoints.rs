//! Private endpoints that are registered in the account.

use super::store::{self, Endpoint};
use crate::Identity;
use crate::network::{check_label, check_region, in_use, quota};
use crate::provisioning::store::{NetworkRow, networks};
use biplane_api::network_config::VpcEndpoint;
use biplane_platform::{ApiError, Ctx, ErrorCode, Result};

const ENDPOINTS_MAX: usize = 500;
const WORKSPACE_ACCESS: &str = "WORKSPACE_ACCESS";

fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("VPC endpoint {id:.64} does not exist."))
}

/// By what networks of the account name it for.
fn use_case<T>(networks: &[(NetworkRow, T)], id: &str) -> &'static str {
    let named = |ids: &[String]| ids.iter().any(|own| own == id);
    let relay = networks.iter().any(|(one, _)| named(&one.relay_endpoint_ids));
    let rest = networks.iter().any(|(one, _)| named(&one.rest_endpoint_ids));
    match (relay, rest) {
        (true, true) => "GENERAL_ACCESS",
        (true, false) => "DATAPLANE_RELAY_ACCESS",
        (false, _) => WORKSPACE_ACCESS,
    }
}

fn shown(identity: &Identity, row: Endpoint, use_case: &str) -> VpcEndpoint {
    let known = identity.network.private_endpoints.iter().any(|(name, _)| *name == row.aws_id);
    VpcEndpoint {
        vpc_endpoint_id: Some(row.id),
        account_id: Some(identity.account_id.to_string()),
        vpc_endpoint_name: Some(row.name),
        aws_vpc_endpoint_id: Some(row.aws_id),
        region: Some(row.region),
        use_case: Some(use_case.into()),
        state: Some(if known { "available" } else { "pendingAcceptance" }.into()),
        ..VpcEndpoint::default()
    }
}

pub async fn vpc_endpoint_create(
    identity: &Identity,
    ctx: &Ctx,
    request: &VpcEndpoint,
) -> Result<VpcEndpoint> {
    ctx.require_account_admin()?;
    if request.gcp_vpc_endpoint_info.is_some() {
        return Err(ApiError::unsupported("A private endpoint in another cloud than AWS"));
    }
    let name = check_label("vpc_endpoint_name", request.vpc_endpoint_name.as_deref())?;
    let region = check_region(request.region.as_deref())?;
    let aws_id = request.aws_vpc_endpoint_id.as_deref().unwrap_or_default();
    let shaped = aws_id.strip_prefix("vpce-").is_some_and(|rest| {
        (1..=64).contains(&rest.len())
            && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    });
    if !shaped {
        return Err(ApiError::invalid("aws_vpc_endpoint_id must begin with vpce-."));
    }
    let row = Endpoint {
        id: uuid::Uuid::now_v7().to_string(),
        name: name.to_owned(),
        aws_id: aws_id.to_owned(),
        region: region.to_owned(),
    };
    let mut tx = identity.db.write().await?;
    let all = store::endpoints(&mut tx).await?;
    if all.len() >= ENDPOINTS_MAX {
        return Err(quota(format!("An account has at most {ENDPOINTS_MAX} VPC endpoints.")));
    }
    if all.iter().any(|other| other.name == name || other.aws_id == aws_id) {
        return Err(ApiError::new(
            ErrorCode::ResourceAlreadyExists,
            "A VPC endpoint with this name or this id in the cloud is registered already.",
        ));
    }
    store::endpoint_insert(&mut tx, &row, ctx.now_ms()).await?;
    identity.changed(tx).await?;
    Ok(shown(identity, row, WORKSPACE_ACCESS))
}

pub async fn vpc_endpoint_list(identity: &Identity, ctx: &Ctx) -> Result<Vec<VpcEndpoint>> {
    ctx.require_account_admin()?;
    let mut tx = identity.db.read().await?;
    let networks = networks(&mut tx).await?;
    let all = store::endpoints(&mut tx).await?.into_iter();
    let all = all.map(|row| {
        let used = use_case(&networks, &row.id);
        shown(identity, row, used)
    });
    Ok(all.collect())
}

pub async fn vpc_endpoint_get(identity: &Identity, ctx: &Ctx, id: &str) -> Result<VpcEndpoint> {
    ctx.require_account_admin()?;
    let mut tx = identity.db.read().await?;
    let all = store::endpoints(&mut tx).await?;
    let row = all.into_iter().find(|row| row.id == id).ok_or_else(|| missing(id))?;
    let used = use_case(&networks(&mut tx).await?, id);
    Ok(shown(identity, row, used))
}

pub async fn vpc_endpoint_delete(identity: &Identity, ctx: &Ctx, id: &str) -> Result<VpcEndpoint> {
    ctx.require_account_admin()?;
    let mut tx = identity.db.write().await?;
    let all = store::endpoints(&mut tx).await?;
    let row = all.into_iter().find(|row| row.id == id).ok_or_else(|| missing(id))?;
    if store::all(&mut tx).await?.iter().any(|one| one.endpoint_ids.iter().any(|own| own == id)) {
        return Err(in_use("The VPC endpoint is named in private access settings."));
    }
    let networks = networks(&mut tx).await?;
    let names = |ids: &[String]| ids.iter().any(|own| own == id);
    if networks
        .iter()
        .any(|(one, _)| names(&one.rest_endpoint_ids) || names(&one.relay_endpoint_ids))
    {
        return Err(in_use("The VPC endpoint is named in a network."));
    }
    store::endpoint_delete(&mut tx, id).await?;
    identity.changed(tx).await?;
    Ok(shown(identity, row, WORKSPACE_ACCESS))
}
