//! What a workspace may know and change of its metastore.

use super::store;
use crate::Catalog;
use crate::access::{Asker, Found, Need};
use crate::edit::{Common, json};
use crate::kind::Kind;
use crate::location::{Location, Scheme};
use crate::node::{Chain, Node};
use biplane_api::catalog::{
    AssignMetastore, ListMetastores, MetastoreAssignment, MetastoreInfo, UpdateMetastore,
};
use biplane_api::ids::WorkspaceId;
use biplane_platform::{ApiError, Ctx, Result};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Details {
    pub region: String,
    pub storage_root: Option<String>,
    /// Whether engines outside the platform may be given credentials for data.
    pub external_access_enabled: bool,
}

pub(crate) fn info(node: &Node) -> Result<MetastoreInfo> {
    let details: Details = node.details()?;
    let cloud = cloud(&details);
    Ok(MetastoreInfo {
        metastore_id: node.id.clone(),
        global_metastore_id: format!("{cloud}:{}:{}", details.region, node.id),
        name: node.name.clone(),
        cloud: cloud.to_owned(),
        region: details.region,
        owner: node.owner.clone(),
        storage_root: details.storage_root,
        delta_sharing_scope: "INTERNAL".to_owned(),
        external_access_enabled: details.external_access_enabled,
        privilege_model_version: "1.0".to_owned(),
        created_at: node.created_at,
        created_by: node.created_by.clone(),
        updated_at: node.updated_at,
        updated_by: node.updated_by.clone(),
    })
}

/// Clients know three clouds; storage on S3 makes it the first of them.
fn cloud(details: &Details) -> &'static str {
    let root = details.storage_root.as_deref().and_then(|root| Location::parse(root).ok());
    match root.map(|root| root.scheme) {
        Some(Scheme::S3) => "aws",
        _ => "local",
    }
}

pub(crate) async fn metastore_summary(service: &Catalog, ctx: &Ctx) -> Result<MetastoreInfo> {
    info(service.metastore(ctx).await?.as_ref())
}

/// Account admins see all; everybody else the metastore of the workspace.
pub(crate) async fn metastore_list(service: &Catalog, ctx: &Ctx) -> Result<ListMetastores> {
    if ctx.principal.account_admin {
        return super::account::metastore_list(service, ctx).await;
    }
    let metastores = vec![info(service.metastore(ctx).await?.as_ref())?];
    Ok(ListMetastores { metastores, next_page_token: None })
}

pub(crate) async fn metastore_get(service: &Catalog, ctx: &Ctx, id: &str) -> Result<MetastoreInfo> {
    if ctx.principal.account_admin {
        return super::account::metastore_get(service, ctx, id).await;
    }
    let metastore = service.metastore(ctx).await?;
    match metastore.id == id {
        true => info(&metastore),
        false => Err(Kind::Metastore.missing(id)),
    }
}

pub(crate) async fn metastore_update(
    service: &Catalog,
    ctx: &Ctx,
    id: &str,
    change: UpdateMetastore,
) -> Result<MetastoreInfo> {
    if ctx.principal.account_admin {
        return super::account::metastore_update(service, ctx, id, change).await;
    }
    let mut write = service.write(ctx).await?;
    if write.metastore.id != id {
        return Err(Kind::Metastore.missing(id));
    }
    crate::store::lock(&mut write.tx, id).await?;
    let found = Found { chain: Chain::new(write.metastore.clone()), missing: None };
    found.require(Asker::of(ctx), Need::Manage)?;
    let mut node =
        crate::store::by_id(&mut write.tx, id).await?.ok_or_else(|| Kind::Metastore.missing(id))?;
    edit(service, ctx, &mut node, &change).await?;
    crate::store::update(&mut write.tx, &node, &node.name).await?;
    service.commit(write.tx).await?;
    info(&node)
}

pub(crate) async fn edit(
    service: &Catalog,
    ctx: &Ctx,
    node: &mut Node,
    change: &UpdateMetastore,
) -> Result<()> {
    if !matches!(change.delta_sharing_scope.as_deref(), None | Some("" | "INTERNAL")) {
        return Err(ApiError::unsupported("Delta Sharing outside the account"));
    }
    let common = Common {
        new_name: change.new_name.as_deref(),
        owner: change.owner.as_deref(),
        comment: None,
    };
    service.edit(ctx, node, common).await?;
    if let Some(enabled) = change.external_access_enabled {
        let details = Details { external_access_enabled: enabled, ..node.details()? };
        node.details = json(&details)?;
    }
    Ok(())
}

pub(crate) async fn current_assignment(
    service: &Catalog,
    ctx: &Ctx,
) -> Result<MetastoreAssignment> {
    assignment(service, ctx.workspace()?).await
}

pub(crate) async fn assignment(
    service: &Catalog,
    workspace: WorkspaceId,
) -> Result<MetastoreAssignment> {
    let found = store::assignment(&mut service.db.read().await?, workspace).await?;
    let (metastore_id, default_catalog_name) = found.ok_or_else(|| {
        ApiError::not_found(format!("No metastore is assigned to workspace {workspace}."))
    })?;
    Ok(MetastoreAssignment { workspace_id: workspace.0, metastore_id, default_catalog_name })
}

/// `PUT` and `PATCH …/workspaces/{id}/metastore`. Another metastore is the account admin's to choose; the
/// default catalog also the workspace admin's.
pub(crate) async fn assignment_update(
    service: &Catalog,
    ctx: &Ctx,
    workspace: WorkspaceId,
    change: AssignMetastore,
) -> Result<()> {
    let own = ctx.workspace == Some(workspace)
        && ctx.principal.workspace_admin
        && change.metastore_id.is_none();
    if !own {
        ctx.require_account_admin()?;
    }
    let mut tx = service.db.write().await?;
    let old = store::assignment(&mut tx, workspace).await?;
    let metastore_id = change.metastore_id.or_else(|| old.as_ref().map(|(id, _)| id.clone()));
    let metastore_id = metastore_id.ok_or_else(|| ApiError::invalid("metastore_id is missing."))?;
    let node = crate::store::by_id(&mut tx, &metastore_id).await?;
    let metastore = node.filter(|node| node.kind == Kind::Metastore);
    let metastore = Arc::new(metastore.ok_or_else(|| Kind::Metastore.missing(&metastore_id))?);
    let kept = old.filter(|(id, _)| *id == metastore_id).and_then(|(_, default)| default);
    let default = change.default_catalog_name.map(|name| name.to_lowercase()).or(kept);
    if let Some(name) = default.as_deref().filter(|name| *name != "hive_metastore") {
        let found = crate::store::by_name(&mut tx, &metastore.id, Kind::Catalog, name).await?;
        found.ok_or_else(|| Kind::Catalog.missing(name))?;
    }
    store::assign(&mut tx, workspace, &metastore_id, default.as_deref()).await?;
    service.commit(tx).await
}

pub(crate) async fn assignment_delete(
    service: &Catalog,
    ctx: &Ctx,
    workspace: WorkspaceId,
    metastore_id: &str,
) -> Result<()> {
    ctx.require_account_admin()?;
    let mut tx = service.db.write().await?;
    match store::assignment(&mut tx, workspace).await? {
        Some((id, _)) if id == metastore_id => {}
        _ => {
            return Err(ApiError::not_found(format!(
                "That metastore is not assigned to workspace {workspace}."
            )));
        }
    }
    store::unassign(&mut tx, workspace).await?;
    service.commit(tx).await
}
