//! What can be done with schemas.

use crate::Catalog;
use crate::access::{Asker, Need};
use crate::catalogs::ops::{Details as CatalogDetails, predictive_optimization};
use crate::edit::{self, Common, json};
use crate::external_locations::ops::managed_root;
use crate::kind::Kind;
use crate::listing::{Listing, Page};
use crate::names;
use crate::node::Chain;
use crate::privilege::Privilege;
use crate::rights::{self, Sight};
use crate::store;
use biplane_api::catalog::{CreateSchema, ListSchemas, SchemaInfo, UpdateSchema};
use biplane_platform::{Ctx, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Details {
    pub properties: BTreeMap<String, String>,
    pub storage_root: Option<String>,
    pub enable_predictive_optimization: Option<String>,
}

pub(crate) fn info(chain: &Chain, browse_only: bool) -> Result<SchemaInfo> {
    let node = chain.leaf();
    let details: Details = node.details()?;
    let catalog_type = match chain.catalog() {
        Some(catalog) => catalog.details::<CatalogDetails>()?.catalog_type,
        None => String::new(),
    };
    Ok(SchemaInfo {
        name: node.name.clone(),
        catalog_name: chain.catalog_name().to_owned(),
        full_name: chain.full_name(),
        schema_id: node.id.clone(),
        owner: node.owner.clone(),
        comment: node.comment.clone(),
        properties: details.properties,
        catalog_type,
        storage_root: details.storage_root,
        storage_location: node.location.clone(),
        enable_predictive_optimization: details.enable_predictive_optimization,
        metastore_id: node.metastore_id.clone(),
        created_at: node.created_at,
        created_by: node.created_by.clone(),
        updated_at: node.updated_at,
        updated_by: node.updated_by.clone(),
        browse_only,
    })
}

pub(crate) async fn schema_create(
    service: &Catalog,
    ctx: &Ctx,
    request: CreateSchema,
) -> Result<SchemaInfo> {
    let name = names::checked(Kind::Schema, &request.name)?;
    let mut details =
        Details { properties: request.properties.unwrap_or_default(), ..Details::default() };
    names::properties(&details.properties)?;
    let mut write = service.write(ctx).await?;
    let parent = write.find(Kind::Catalog, &[names::stored(&request.catalog_name)]).await?;
    let parent = parent.require(Asker::of(ctx), Need::Use)?;
    let found = crate::access::Found { chain: parent.clone(), missing: None };
    found.require(Asker::of(ctx), Need::All(&[Privilege::CreateSchema]))?;
    let mut schema = edit::fresh(ctx, parent.leaf(), Kind::Schema, &name);
    schema.comment = names::comment(request.comment.as_deref())?;
    if let Some(root) = request.storage_root.as_deref().filter(|root| !root.is_empty()) {
        let root = managed_root(ctx, &mut write, root).await?;
        schema.location =
            Some(root.clone().join(["__unitystorage", "schemas", schema.id.as_str()])?.to_string());
        details.storage_root = Some(root.to_string());
    }
    schema.details = json(&details)?;
    let chain = parent.with(schema.into());
    store::insert(&mut write.tx, chain.leaf(), &chain.full_name()).await?;
    service.commit(write.tx).await?;
    info(&chain, false)
}

pub(crate) async fn schema_list(
    service: &Catalog,
    ctx: &Ctx,
    catalog_name: &str,
    include_browse: bool,
    page: Page<'_>,
) -> Result<ListSchemas> {
    let need = if include_browse { Need::See } else { Need::Use };
    let parent = service.get(ctx, Kind::Catalog, catalog_name, need).await?;
    let listing = Listing { include_browse, ..Listing::of(Kind::Schema) };
    let (rows, next_page_token) = service.list(ctx, &parent, &listing, page).await?;
    let schemas = rows.iter().map(|(chain, browse)| info(chain, *browse)).collect::<Result<_>>()?;
    Ok(ListSchemas { schemas, next_page_token })
}

pub(crate) async fn schema_get(
    service: &Catalog,
    ctx: &Ctx,
    full_name: &str,
) -> Result<SchemaInfo> {
    let chain = service.get(ctx, Kind::Schema, full_name, Need::See).await?;
    info(&chain, rights::sight(chain.nodes(), Asker::of(ctx).who) == Sight::Browse)
}

pub(crate) async fn schema_update(
    service: &Catalog,
    ctx: &Ctx,
    full_name: &str,
    change: UpdateSchema,
) -> Result<SchemaInfo> {
    let mut write = service.write(ctx).await?;
    let (chain, mut node) = write.get(ctx, Kind::Schema, full_name, Need::Manage).await?;
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
    if let Some(mode) = change.enable_predictive_optimization {
        details.enable_predictive_optimization = Some(predictive_optimization(mode)?);
    }
    node.details = json(&details)?;
    store::update(&mut write.tx, &node, &edit::renamed(&chain, &node)).await?;
    service.commit(write.tx).await?;
    info(&edit::replaced(&chain, node), false)
}

pub(crate) async fn schema_delete(
    service: &Catalog,
    ctx: &Ctx,
    full_name: &str,
    force: bool,
) -> Result<()> {
    let mut write = service.write(ctx).await?;
    let (chain, node) = write.get(ctx, Kind::Schema, full_name, Need::Manage).await?;
    if !force {
        let holds = store::count_below(&mut write.tx, &node.id).await?;
        if let Some((kind, count)) = holds.first() {
            let holds = format!("{count} {}(s)", kind.title().to_lowercase());
            return Err(edit::not_empty(Kind::Schema, &chain.full_name(), &holds));
        }
    }
    store::delete_below(&mut write.tx, &node, service.doom_at(ctx)).await?;
    store::delete(&mut write.tx, &node.id).await?;
    service.commit(write.tx).await
}
