//! What can be done with catalogs. Each has the schemas `default` and `information_schema` from the start.

use crate::Catalog;
use crate::access::{self, Asker, Need};
use crate::bootstrap::ACCOUNT_USERS;
use crate::edit::{self, Common, json};
use crate::external_locations::ops::managed_root;
use crate::kind::Kind;
use crate::listing::{Listing, Page};
use crate::names;
use crate::node::{Chain, Node};
use crate::privilege::Privilege;
use crate::store;
use biplane_api::catalog::{
    CatalogInfo, CreateCatalog, ListCatalogs, ProvisioningInfo, UpdateCatalog,
};
use biplane_api::ids::SecurableId;
use biplane_platform::{ApiError, Ctx, Result, Tx};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(crate) const SYSTEM_USER: &str = "System user";
pub(crate) const INFORMATION_SCHEMA: &str = "information_schema";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Details {
    pub catalog_type: String,
    pub properties: BTreeMap<String, String>,
    pub options: BTreeMap<String, String>,
    /// As given; managed data lies below it, in a directory of the catalog's own.
    pub storage_root: Option<String>,
    pub enable_predictive_optimization: Option<String>,
}

impl Default for Details {
    fn default() -> Self {
        Self {
            catalog_type: "MANAGED_CATALOG".to_owned(),
            properties: BTreeMap::new(),
            options: BTreeMap::new(),
            storage_root: None,
            enable_predictive_optimization: None,
        }
    }
}

pub(crate) fn info(ctx: &Ctx, chain: &Chain, browse_only: bool) -> Result<CatalogInfo> {
    let node = chain.leaf();
    let details: Details = node.details()?;
    let workspace = ctx.workspace.map(|id| id.0);
    Ok(CatalogInfo {
        name: node.name.clone(),
        full_name: node.name.clone(),
        id: node.id.clone(),
        owner: node.owner.clone(),
        comment: node.comment.clone(),
        properties: details.properties,
        options: details.options,
        securable_kind: format!("CATALOG_{}", details.catalog_type.trim_end_matches("_CATALOG")),
        catalog_type: details.catalog_type,
        storage_root: details.storage_root,
        storage_location: node.location.clone(),
        isolation_mode: if node.isolated { "ISOLATED" } else { "OPEN" }.to_owned(),
        accessible_in_current_workspace: access::is_bound(node, workspace),
        enable_predictive_optimization: details.enable_predictive_optimization,
        provisioning_info: ProvisioningInfo { state: "ACTIVE".to_owned() },
        securable_type: Kind::Catalog.as_str().to_owned(),
        metastore_id: node.metastore_id.clone(),
        created_at: node.created_at,
        created_by: node.created_by.clone(),
        updated_at: node.updated_at,
        updated_by: node.updated_by.clone(),
        browse_only,
    })
}

/// A row that is not stored yet, in somebody's name.
pub(crate) fn row(parent: &Node, kind: Kind, name: &str, owner: &str, now: i64) -> Node {
    Node {
        id: SecurableId::random().to_string(),
        metastore_id: parent.metastore_id.clone(),
        parent_id: Some(parent.id.clone()),
        kind,
        name: name.to_owned(),
        owner: owner.to_owned(),
        comment: None,
        details: "{}".to_owned(),
        columns: None,
        location: None,
        managed: false,
        isolated: false,
        system: false,
        created_at: now,
        created_by: owner.to_owned(),
        updated_at: now,
        updated_by: owner.to_owned(),
        grants: Vec::new(),
        bindings: Vec::new(),
    }
}

/// A plain catalog with its two schemas; also gives the schema `default`.
pub(crate) async fn insert(
    tx: &mut Tx,
    metastore: &Node,
    name: &str,
    owner: &str,
    now: i64,
) -> Result<(Node, Node)> {
    let mut catalog = row(metastore, Kind::Catalog, name, owner, now);
    catalog.details = json(&Details::default())?;
    store::insert(tx, &catalog, name).await?;
    let default = insert_schemas(tx, &catalog, now).await?;
    Ok((catalog, default))
}

async fn insert_schemas(tx: &mut Tx, catalog: &Node, now: i64) -> Result<Node> {
    let mut default = row(catalog, Kind::Schema, "default", &catalog.owner, now);
    default.comment = Some("Default schema (auto-created)".to_owned());
    store::insert(tx, &default, "default").await?;
    insert_information_schema(tx, catalog, now).await?;
    Ok(default)
}

/// Its tables are views of the catalog that the engine makes; each user finds there what the user may see.
pub(crate) async fn insert_information_schema(tx: &mut Tx, catalog: &Node, now: i64) -> Result<()> {
    let mut schema = row(catalog, Kind::Schema, INFORMATION_SCHEMA, SYSTEM_USER, now);
    schema.comment = Some("Information schema (auto-created)".to_owned());
    schema.system = true;
    store::insert(tx, &schema, INFORMATION_SCHEMA).await?;
    for privilege in [Privilege::UseSchema, Privilege::Select] {
        store::grant_add(tx, &schema.id, ACCOUNT_USERS, privilege).await?;
    }
    Ok(())
}

pub(crate) async fn catalog_create(
    service: &Catalog,
    ctx: &Ctx,
    request: CreateCatalog,
) -> Result<CatalogInfo> {
    if request.connection_name.is_some() {
        return Err(ApiError::unsupported("A foreign catalog (connection_name)"));
    }
    if request.provider_name.is_some() || request.share_name.is_some() {
        return Err(ApiError::unsupported("A catalog from a share (provider_name, share_name)"));
    }
    let name = names::checked(Kind::Catalog, &request.name)?;
    let details = Details {
        properties: request.properties.unwrap_or_default(),
        options: request.options.unwrap_or_default(),
        ..Details::default()
    };
    names::properties(&details.properties)?;
    names::properties(&details.options)?;
    let mut write = service.write(ctx).await?;
    let metastore = write.find(Kind::Metastore, &[]).await?;
    let metastore = metastore.require(Asker::of(ctx), Need::All(&[Privilege::CreateCatalog]))?;
    let mut catalog = edit::fresh(ctx, metastore.leaf(), Kind::Catalog, &name);
    catalog.comment = names::comment(request.comment.as_deref())?;
    catalog.isolated = isolation(request.isolation_mode.as_deref())?.unwrap_or(false);
    catalog.details = json(
        &set_root(ctx, &mut write, &mut catalog, details, request.storage_root.as_deref()).await?,
    )?;
    store::insert(&mut write.tx, &catalog, &name).await?;
    insert_schemas(&mut write.tx, &catalog, ctx.now_ms()).await?;
    if let (true, Some(workspace)) = (catalog.isolated, ctx.workspace) {
        crate::bindings::store::put(&mut write.tx, &catalog.id, workspace.0, false).await?;
        catalog.bindings = store::bindings(&mut write.tx, &catalog.id).await?;
    }
    service.commit(write.tx).await?;
    info(ctx, &metastore.with(catalog.into()), false)
}

async fn set_root(
    ctx: &Ctx,
    write: &mut crate::service::Write,
    catalog: &mut Node,
    details: Details,
    root: Option<&str>,
) -> Result<Details> {
    let Some(root) = root.filter(|root| !root.is_empty()) else { return Ok(details) };
    let root = managed_root(ctx, write, root).await?;
    let own = root.clone().join(["__unitystorage", "catalogs", catalog.id.as_str()])?;
    catalog.location = Some(own.to_string());
    Ok(Details { storage_root: Some(root.to_string()), ..details })
}

pub(crate) fn isolation(mode: Option<&str>) -> Result<Option<bool>> {
    match mode {
        None | Some("") => Ok(None),
        Some("OPEN" | "ISOLATION_MODE_OPEN") => Ok(Some(false)),
        Some("ISOLATED" | "ISOLATION_MODE_ISOLATED") => Ok(Some(true)),
        Some(_) => Err(ApiError::invalid("isolation_mode must be OPEN or ISOLATED.")),
    }
}

pub(crate) async fn catalog_list(
    service: &Catalog,
    ctx: &Ctx,
    include_browse: bool,
    include_unbound: bool,
    page: Page<'_>,
) -> Result<ListCatalogs> {
    let metastore = Chain::new(service.metastore(ctx).await?);
    let listing = Listing { include_browse, include_unbound, ..Listing::of(Kind::Catalog) };
    let (rows, next_page_token) = service.list(ctx, &metastore, &listing, page).await?;
    let catalogs =
        rows.iter().map(|(chain, browse)| info(ctx, chain, *browse)).collect::<Result<_>>()?;
    Ok(ListCatalogs { catalogs, next_page_token })
}

pub(crate) async fn catalog_get(service: &Catalog, ctx: &Ctx, name: &str) -> Result<CatalogInfo> {
    let chain = service.get(ctx, Kind::Catalog, name, Need::See).await?;
    let browse =
        crate::rights::sight(chain.nodes(), Asker::of(ctx).who) == crate::rights::Sight::Browse;
    info(ctx, &chain, browse)
}

pub(crate) async fn catalog_update(
    service: &Catalog,
    ctx: &Ctx,
    name: &str,
    change: UpdateCatalog,
) -> Result<CatalogInfo> {
    let mut write = service.write(ctx).await?;
    let (chain, mut node) = write.get(ctx, Kind::Catalog, name, Need::Manage).await?;
    let common = Common {
        new_name: change.new_name.as_deref(),
        owner: change.owner.as_deref(),
        comment: change.comment.as_deref(),
    };
    service.edit(ctx, &mut node, common).await?;
    let mut details: Details = node.details()?;
    if let Some(properties) = change.properties {
        names::properties(&properties)?;
        details.properties = properties;
    }
    if let Some(options) = change.options {
        names::properties(&options)?;
        details.options = options;
    }
    if let Some(mode) = change.enable_predictive_optimization {
        details.enable_predictive_optimization = Some(predictive_optimization(mode)?);
    }
    node.details = json(&details)?;
    if let Some(isolated) = isolation(change.isolation_mode.as_deref())? {
        // Whoever isolates a catalog goes on using it from where that was done.
        if let (true, false, Some(workspace)) = (isolated, node.isolated, ctx.workspace) {
            crate::bindings::store::put(&mut write.tx, &node.id, workspace.0, false).await?;
        }
        node.isolated = isolated;
    }
    store::update(&mut write.tx, &node, &node.name).await?;
    node.bindings = store::bindings(&mut write.tx, &node.id).await?;
    service.commit(write.tx).await?;
    info(ctx, &Chain::new(chain.metastore().clone()).with(node.into()), false)
}

pub(crate) fn predictive_optimization(mode: String) -> Result<String> {
    match mode.as_str() {
        "DISABLE" | "INHERIT" => Ok(mode),
        "ENABLE" => Err(ApiError::unsupported("Predictive optimization")),
        _ => Err(ApiError::invalid(
            "enable_predictive_optimization must be ENABLE, DISABLE or INHERIT.",
        )),
    }
}

pub(crate) async fn catalog_delete(
    service: &Catalog,
    ctx: &Ctx,
    name: &str,
    force: bool,
) -> Result<()> {
    let mut write = service.write(ctx).await?;
    let (_, node) = write.get(ctx, Kind::Catalog, name, Need::Manage).await?;
    if !force {
        for schema in store::children(&mut write.tx, &node.id, Kind::Schema, "", 10, false).await? {
            let fixed = schema.system || schema.name == "default";
            if !fixed || !store::count_below(&mut write.tx, &schema.id).await?.is_empty() {
                return Err(edit::not_empty(
                    Kind::Catalog,
                    &node.name,
                    &format!("the schema '{}'", schema.name),
                ));
            }
        }
    }
    store::delete_below(&mut write.tx, &node, service.doom_at(ctx)).await?;
    store::delete(&mut write.tx, &node.id).await?;
    service.commit(write.tx).await
}
