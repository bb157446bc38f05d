//! What can be done with volumes.

use crate::Catalog;
use crate::access::{Asker, Need};
use crate::edit::{self, Common, json};
use crate::external_locations::ops::claim;
use crate::kind::Kind;
use crate::listing::{Listing, Page};
use crate::names;
use crate::node::Chain;
use crate::privilege::Privilege;
use crate::rights::{self, Sight};
use crate::store;
use crate::tables::staging::{managed_place, schema_for};
use biplane_api::catalog::{CreateVolume, ListVolumes, UpdateVolume, VolumeInfo};
use biplane_platform::{ApiError, Ctx, Result};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Details {
    /// MANAGED or EXTERNAL.
    pub volume_type: String,
}

pub(crate) fn info(chain: &Chain, browse_only: bool) -> Result<VolumeInfo> {
    let node = chain.leaf();
    Ok(VolumeInfo {
        name: node.name.clone(),
        catalog_name: chain.catalog_name().to_owned(),
        schema_name: chain.schema_name().to_owned(),
        full_name: chain.full_name(),
        volume_id: node.id.clone(),
        volume_type: node.details::<Details>()?.volume_type,
        storage_location: node.location.clone().unwrap_or_default(),
        owner: node.owner.clone(),
        comment: node.comment.clone(),
        metastore_id: node.metastore_id.clone(),
        created_at: node.created_at,
        created_by: node.created_by.clone(),
        updated_at: node.updated_at,
        updated_by: node.updated_by.clone(),
        browse_only,
    })
}

pub(crate) async fn volume_create(
    service: &Catalog,
    ctx: &Ctx,
    request: CreateVolume,
) -> Result<VolumeInfo> {
    let name = names::checked(Kind::Volume, &request.name)?;
    let location = request.storage_location.as_deref().filter(|location| !location.is_empty());
    let mut write = service.write(ctx).await?;
    let rights = [Privilege::CreateVolume];
    let schema =
        schema_for(ctx, &mut write, &request.catalog_name, &request.schema_name, &rights).await?;
    let mut node = edit::fresh(ctx, schema.leaf(), Kind::Volume, &name);
    node.comment = names::comment(request.comment.as_deref())?;
    let place = match (request.volume_type.as_str(), location) {
        ("MANAGED", None) => {
            node.managed = true;
            managed_place(&schema, "volumes", &node.id)?
        }
        ("MANAGED", Some(_)) => {
            return Err(ApiError::invalid("A managed volume has no storage_location of its own."));
        }
        ("EXTERNAL", Some(location)) => {
            claim(ctx, &mut write, location, Privilege::CreateExternalVolume).await?
        }
        ("EXTERNAL", None) => return Err(ApiError::invalid("storage_location is missing.")),
        _ => return Err(ApiError::invalid("volume_type must be MANAGED or EXTERNAL.")),
    };
    node.location = Some(place.to_string());
    node.details = json(&Details { volume_type: request.volume_type })?;
    let chain = schema.with(node.into());
    store::insert(&mut write.tx, chain.leaf(), &chain.full_name()).await?;
    service.commit(write.tx).await?;
    info(&chain, false)
}

pub(crate) async fn volume_list(
    service: &Catalog,
    ctx: &Ctx,
    schema: [&str; 2],
    include_browse: bool,
    page: Page<'_>,
) -> Result<ListVolumes> {
    let need = if include_browse { Need::See } else { Need::Use };
    let path = schema.map(names::stored);
    let parent = service.find(ctx, Kind::Schema, &path).await?.require(Asker::of(ctx), need)?;
    let listing = Listing { include_browse, ..Listing::of(Kind::Volume) };
    let (rows, next_page_token) = service.list(ctx, &parent, &listing, page).await?;
    let volumes = rows.iter().map(|(chain, browse)| info(chain, *browse)).collect::<Result<_>>()?;
    Ok(ListVolumes { volumes, next_page_token })
}

pub(crate) async fn volume_get(
    service: &Catalog,
    ctx: &Ctx,
    full_name: &str,
) -> Result<VolumeInfo> {
    let chain = service.get(ctx, Kind::Volume, full_name, Need::See).await?;
    info(&chain, rights::sight(chain.nodes(), Asker::of(ctx).who) == Sight::Browse)
}

pub(crate) async fn volume_update(
    service: &Catalog,
    ctx: &Ctx,
    full_name: &str,
    change: UpdateVolume,
) -> Result<VolumeInfo> {
    let mut write = service.write(ctx).await?;
    let (chain, mut node) = write.get(ctx, Kind::Volume, full_name, Need::Manage).await?;
    let common = Common {
        new_name: change.new_name.as_deref(),
        owner: change.owner.as_deref(),
        comment: change.comment.as_deref(),
    };
    service.edit(ctx, &mut node, common).await?;
    store::update(&mut write.tx, &node, &edit::renamed(&chain, &node)).await?;
    service.commit(write.tx).await?;
    info(&edit::replaced(&chain, node), false)
}

pub(crate) async fn volume_delete(service: &Catalog, ctx: &Ctx, full_name: &str) -> Result<()> {
    let mut write = service.write(ctx).await?;
    let (_, node) = write.get(ctx, Kind::Volume, full_name, Need::Manage).await?;
    edit::drop_leaf(&mut write, &node, service.doom_at(ctx)).await?;
    service.commit(write.tx).await
}
