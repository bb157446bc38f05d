//! Metastores as account admins manage them.

use super::ops::{self, Details};
use super::store;
use crate::Catalog;
use crate::edit::json;
use crate::kind::Kind;
use crate::location::Location;
use crate::names;
use crate::node::Node;
use biplane_api::catalog::{
    CreateMetastore, ListMetastores, MetastoreInfo, MetastoreWorkspaces, UpdateMetastore,
};
use biplane_api::ids::MetastoreId;
use biplane_platform::{ApiError, Ctx, Result, Tx};

const METASTORES_MAX: usize = 1000;

pub(crate) async fn metastore_list(service: &Catalog, ctx: &Ctx) -> Result<ListMetastores> {
    ctx.require_account_admin()?;
    let mut tx = service.db.read().await?;
    let mut metastores = Vec::new();
    for (id, _) in store::ids(&mut tx, "", METASTORES_MAX).await? {
        if let Some(node) = crate::store::by_id(&mut tx, &id).await? {
            metastores.push(ops::info(&node)?);
        }
    }
    Ok(ListMetastores { metastores, next_page_token: None })
}

async fn load(tx: &mut Tx, id: &str) -> Result<Node> {
    let node = crate::store::by_id(tx, id).await?.filter(|node| node.kind == Kind::Metastore);
    node.ok_or_else(|| Kind::Metastore.missing(id))
}

pub(crate) async fn metastore_get(service: &Catalog, ctx: &Ctx, id: &str) -> Result<MetastoreInfo> {
    ctx.require_account_admin()?;
    ops::info(&load(&mut service.db.read().await?, id).await?)
}

pub(crate) async fn metastore_create(
    service: &Catalog,
    ctx: &Ctx,
    request: CreateMetastore,
) -> Result<MetastoreInfo> {
    ctx.require_account_admin()?;
    let mut tx = service.db.write().await?;
    let owner = ctx.principal.name.clone();
    let node = insert(service, &mut tx, &request, &owner, ctx.now_ms()).await?;
    service.commit(tx).await?;
    ops::info(&node)
}

/// A new metastore with its `system` catalog.
pub(crate) async fn insert(
    service: &Catalog,
    tx: &mut Tx,
    request: &CreateMetastore,
    owner: &str,
    now: i64,
) -> Result<Node> {
    let name = names::checked(Kind::Metastore, &request.name)?;
    let id = MetastoreId::random().to_string();
    let root = match &request.storage_root {
        Some(root) => Location::parse(root)?.to_string(),
        None => Location::parse(&service.config.default_root)?.join([id.as_str()])?.to_string(),
    };
    let details = Details {
        region: request.region.clone().unwrap_or_else(|| "local".to_owned()),
        storage_root: Some(root.clone()),
        external_access_enabled: request.external_access_enabled.unwrap_or(false),
    };
    let node = Node {
        metastore_id: id.clone(),
        id,
        parent_id: None,
        kind: Kind::Metastore,
        name: name.clone(),
        owner: owner.to_owned(),
        comment: None,
        details: json(&details)?,
        columns: None,
        location: Some(root),
        managed: false,
        isolated: false,
        system: false,
        created_at: now,
        created_by: owner.to_owned(),
        updated_at: now,
        updated_by: owner.to_owned(),
        grants: Vec::new(),
        bindings: Vec::new(),
    };
    crate::store::insert(tx, &node, &name).await?;
    crate::bootstrap::system_catalog(tx, &node, now).await?;
    if service.config.s3.is_some() {
        crate::credentials::ops::server_storage(tx, &node, now).await?;
    }
    Ok(node)
}

pub(crate) async fn metastore_update(
    service: &Catalog,
    ctx: &Ctx,
    id: &str,
    change: UpdateMetastore,
) -> Result<MetastoreInfo> {
    ctx.require_account_admin()?;
    let mut tx = service.db.write().await?;
    crate::store::lock(&mut tx, id).await?;
    let mut node = load(&mut tx, id).await?;
    ops::edit(service, ctx, &mut node, &change).await?;
    crate::store::update(&mut tx, &node, &node.name).await?;
    service.commit(tx).await?;
    ops::info(&node)
}

pub(crate) async fn metastore_delete(
    service: &Catalog,
    ctx: &Ctx,
    id: &str,
    force: bool,
) -> Result<()> {
    ctx.require_account_admin()?;
    let mut tx = service.db.write().await?;
    crate::store::lock(&mut tx, id).await?;
    load(&mut tx, id).await?;
    if !store::workspaces(&mut tx, id).await?.is_empty() {
        return Err(ApiError::new(
            biplane_platform::ErrorCode::InvalidState,
            "The metastore is assigned to workspaces. Take it from them first.",
        ));
    }
    let holds: i64 =
        crate::store::count_below(&mut tx, id).await?.iter().map(|(_, count)| count).sum();
    if holds > 0 && !force {
        return Err(crate::edit::not_empty(Kind::Metastore, id, &format!("{holds} securable(s)")));
    }
    let due_at = service.doom_at(ctx);
    for kind in [Kind::Catalog, Kind::ExternalLocation, Kind::Credential] {
        loop {
            let nodes = crate::store::children(&mut tx, id, kind, "", 500, false).await?;
            if nodes.is_empty() {
                break;
            }
            for node in nodes {
                crate::store::delete_below(&mut tx, &node, due_at).await?;
                crate::store::delete(&mut tx, &node.id).await?;
            }
        }
    }
    crate::store::delete(&mut tx, id).await?;
    service.commit(tx).await
}

pub(crate) async fn workspaces(
    service: &Catalog,
    ctx: &Ctx,
    id: &str,
) -> Result<MetastoreWorkspaces> {
    ctx.require_account_admin()?;
    let mut tx = service.db.read().await?;
    load(&mut tx, id).await?;
    Ok(MetastoreWorkspaces { workspace_ids: store::workspaces(&mut tx, id).await? })
}
