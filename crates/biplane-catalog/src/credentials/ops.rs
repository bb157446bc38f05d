//! What can be done with credentials.

use crate::Catalog;
use crate::access::{Asker, Found, Need};
use crate::catalogs::ops::{SYSTEM_USER, isolation};
use crate::edit::{self, Common, json};
use crate::external_locations::ops::Details as LocationDetails;
use crate::kind::Kind;
use crate::listing::{Listing, Page};
use crate::location::{Location, Scheme};
use crate::names;
use crate::node::{Chain, Node};
use crate::privilege::Privilege;
use crate::service::Write;
use crate::store;
use biplane_api::catalog::{AwsIamRole, CreateCredential, CredentialInfo, UpdateCredential};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result, Tx};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The operator's own access to S3.
pub const SERVER_STORAGE: &str = "server_storage";

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Details {
    /// STORAGE or SERVICE.
    pub purpose: String,
    pub aws_iam_role: Option<AwsIamRole>,
    pub read_only: bool,
}

pub(crate) fn isolation_mode(node: &Node) -> String {
    if node.isolated { "ISOLATION_MODE_ISOLATED" } else { "ISOLATION_MODE_OPEN" }.to_owned()
}

pub(crate) fn info(node: &Node) -> Result<CredentialInfo> {
    let details: Details = node.details()?;
    Ok(CredentialInfo {
        id: node.id.clone(),
        name: node.name.clone(),
        full_name: node.name.clone(),
        owner: node.owner.clone(),
        comment: node.comment.clone(),
        purpose: details.purpose,
        aws_iam_role: details.aws_iam_role,
        read_only: details.read_only,
        used_for_managed_storage: false,
        isolation_mode: isolation_mode(node),
        metastore_id: node.metastore_id.clone(),
        created_at: node.created_at,
        created_by: node.created_by.clone(),
        updated_at: node.updated_at,
        updated_by: node.updated_by.clone(),
    })
}

/// The credential a location names, if `ctx` may make locations with it. Local files need none.
pub(crate) async fn for_location(
    ctx: &Ctx,
    write: &mut Write,
    place: &Location,
    name: Option<&str>,
) -> Result<Option<Arc<Node>>> {
    let name = match (name.filter(|name| !name.is_empty()), place.scheme) {
        (Some(name), _) => name,
        (None, Scheme::File) => return Ok(None),
        (None, Scheme::S3) => return Err(ApiError::invalid("credential_name is missing.")),
    };
    let found = write.find(Kind::Credential, &[names::stored(name)]).await?;
    let chain = found.require(Asker::of(ctx), Need::All(&[Privilege::CreateExternalLocation]))?;
    match chain.leaf().details::<Details>()?.purpose.as_str() {
        "STORAGE" => Ok(Some(chain.leaf().clone())),
        _ => Err(ApiError::invalid(format!("Credential '{name}' is not for storage."))),
    }
}

/// Whether the server can reach a place by the credential of its location.
pub(crate) async fn usable(
    tx: &mut Tx,
    metastore: &Node,
    place: &Location,
    details: &LocationDetails,
) -> Result<()> {
    if place.scheme == Scheme::File {
        return Ok(());
    }
    let credential = match &details.credential_id {
        Some(id) => store::by_id(tx, id).await?,
        None => {
            store::by_name(tx, &metastore.id, Kind::Credential, &details.credential_name).await?
        }
    };
    match credential {
        Some(node) if node.system => Ok(()),
        Some(node) => Err(ApiError::unsupported(format!(
            "Assuming the IAM role of Storage Credential '{}' (use '{SERVER_STORAGE}')",
            node.name
        ))),
        None => Err(ApiError::new(
            ErrorCode::InvalidState,
            format!(
                "The Storage Credential '{}' of this location was deleted.",
                details.credential_name
            ),
        )),
    }
}

/// The credential for the operator's S3, of the metastore's owner. Made when S3 is configured.
pub(crate) async fn server_storage(tx: &mut Tx, metastore: &Node, now: i64) -> Result<()> {
    if store::by_name(tx, &metastore.id, Kind::Credential, SERVER_STORAGE).await?.is_some() {
        return Ok(());
    }
    let mut node =
        crate::catalogs::ops::row(metastore, Kind::Credential, SERVER_STORAGE, SYSTEM_USER, now);
    node.comment = Some("The S3 access of the server's configuration".to_owned());
    node.details = json(&Details { purpose: "STORAGE".to_owned(), ..Details::default() })?;
    node.system = true;
    store::insert(tx, &node, SERVER_STORAGE).await?;
    store::grant_add(tx, &node.id, &metastore.owner, Privilege::CreateExternalLocation).await
}

pub(crate) async fn credential_create(
    service: &Catalog,
    ctx: &Ctx,
    request: CreateCredential,
) -> Result<CredentialInfo> {
    let name = names::checked(Kind::Credential, &request.name)?;
    let purpose = request.purpose.unwrap_or_else(|| "STORAGE".to_owned());
    let right = match purpose.as_str() {
        "STORAGE" => Privilege::CreateStorageCredential,
        "SERVICE" => Privilege::CreateServiceCredential,
        _ => return Err(ApiError::invalid("purpose must be STORAGE or SERVICE.")),
    };
    let role = request
        .aws_iam_role
        .filter(|role| role.role_arn.starts_with("arn:") && role.role_arn.len() <= 2048);
    let role = role
        .ok_or_else(|| ApiError::invalid("aws_iam_role.role_arn is missing or is not an ARN."))?;
    let mut write = service.write(ctx).await?;
    let metastore = Found { chain: Chain::new(write.metastore.clone()), missing: None };
    let metastore = metastore.require(Asker::of(ctx), Need::All(&[right]))?;
    let mut node = edit::fresh(ctx, metastore.leaf(), Kind::Credential, &name);
    node.comment = names::comment(request.comment.as_deref())?;
    node.details = json(&Details {
        purpose,
        aws_iam_role: Some(AwsIamRole {
            external_id: Some(ctx.account_id.to_string()),
            unity_catalog_iam_arn: None,
            ..role
        }),
        read_only: request.read_only.unwrap_or(false),
    })?;
    store::insert(&mut write.tx, &node, &name).await?;
    service.commit(write.tx).await?;
    info(&node)
}

/// `purpose`: only these; nothing: all.
pub(crate) async fn credential_list(
    service: &Catalog,
    ctx: &Ctx,
    purpose: Option<&str>,
    page: Page<'_>,
) -> Result<(Vec<CredentialInfo>, Option<String>)> {
    let metastore = Chain::new(service.metastore(ctx).await?);
    let matching = |node: &Node| match purpose {
        Some(purpose) => node.details::<Details>().is_ok_and(|details| details.purpose == purpose),
        None => true,
    };
    let listing = Listing { filter: &matching, ..Listing::of(Kind::Credential) };
    let (rows, next) = service.list(ctx, &metastore, &listing, page).await?;
    Ok((rows.iter().map(|(chain, _)| info(chain.leaf())).collect::<Result<_>>()?, next))
}

pub(crate) async fn credential_get(
    service: &Catalog,
    ctx: &Ctx,
    name: &str,
) -> Result<CredentialInfo> {
    info(service.get(ctx, Kind::Credential, name, Need::See).await?.leaf())
}

pub(crate) async fn credential_update(
    service: &Catalog,
    ctx: &Ctx,
    name: &str,
    change: UpdateCredential,
) -> Result<CredentialInfo> {
    let mut write = service.write(ctx).await?;
    let (_, mut node) = write.get(ctx, Kind::Credential, name, Need::Manage).await?;
    let common = Common {
        new_name: change.new_name.as_deref(),
        owner: change.owner.as_deref(),
        comment: change.comment.as_deref(),
    };
    service.edit(ctx, &mut node, common).await?;
    let mut details: Details = node.details()?;
    if let Some(role) = change.aws_iam_role {
        if !role.role_arn.starts_with("arn:") || role.role_arn.len() > 2048 {
            return Err(ApiError::invalid("aws_iam_role.role_arn is not an ARN."));
        }
        details.aws_iam_role =
            Some(AwsIamRole { external_id: Some(ctx.account_id.to_string()), ..role });
    }
    details.read_only = change.read_only.unwrap_or(details.read_only);
    node.details = json(&details)?;
    isolate(ctx, &mut write.tx, &mut node, change.isolation_mode.as_deref()).await?;
    store::update(&mut write.tx, &node, &node.name).await?;
    service.commit(write.tx).await?;
    info(&node)
}

/// Whoever isolates something goes on using it from where that was done.
pub(crate) async fn isolate(
    ctx: &Ctx,
    tx: &mut Tx,
    node: &mut Node,
    mode: Option<&str>,
) -> Result<()> {
    if let Some(isolated) = isolation(mode)? {
        if let (true, false, Some(workspace)) = (isolated, node.isolated, ctx.workspace) {
            crate::bindings::store::put(tx, &node.id, workspace.0, false).await?;
        }
        node.isolated = isolated;
    }
    Ok(())
}

pub(crate) async fn credential_delete(
    service: &Catalog,
    ctx: &Ctx,
    name: &str,
    force: bool,
) -> Result<()> {
    let mut write = service.write(ctx).await?;
    let (_, node) = write.get(ctx, Kind::Credential, name, Need::Manage).await?;
    if !force && in_use(&mut write, &node.id).await? {
        return Err(ApiError::new(
            ErrorCode::InvalidState,
            format!(
                "Storage Credential '{}' is used by an external location. Use force.",
                node.name
            ),
        ));
    }
    store::delete(&mut write.tx, &node.id).await?;
    service.commit(write.tx).await
}

/// Whether an external location names it.
async fn in_use(write: &mut Write, id: &str) -> Result<bool> {
    let metastore_id = write.metastore.id.clone();
    let mut after = String::new();
    loop {
        let kind = Kind::ExternalLocation;
        let batch = store::children(&mut write.tx, &metastore_id, kind, &after, 500, false).await?;
        let Some(last) = batch.last() else { return Ok(false) };
        after.clone_from(&last.name);
        for location in &batch {
            if location.details::<LocationDetails>()?.credential_id.as_deref() == Some(id) {
                return Ok(true);
            }
        }
    }
}
