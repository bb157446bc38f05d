//! What can be done with external locations, and how other things are put into them.
//!
//! No two overlap, and none overlaps what is managed: so a path has one location at most, and a right on
//! files never reaches the files of managed tables.

use crate::Catalog;
use crate::access::{Asker, Found, Need};
use crate::credentials::ops as credentials;
use crate::edit::{self, Common, json};
use crate::kind::Kind;
use crate::listing::{Listing, Page};
use crate::location::{Location, Scheme};
use crate::names;
use crate::node::{Chain, Node};
use crate::privilege::Privilege;
use crate::reach::REACH_TOPIC;
use crate::rights::{self, Sight};
use crate::service::Write;
use crate::store;
use biplane_api::catalog::{
    CreateExternalLocation, ExternalLocationInfo, ListExternalLocations, UpdateExternalLocation,
};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result, Tx};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Details {
    pub credential_name: String,
    pub credential_id: Option<String>,
    pub read_only: bool,
    pub fallback: bool,
}

fn info(chain: &Chain, browse_only: bool) -> Result<ExternalLocationInfo> {
    let node = chain.leaf();
    let details: Details = node.details()?;
    Ok(ExternalLocationInfo {
        name: node.name.clone(),
        full_name: node.name.clone(),
        url: node.location.clone().unwrap_or_default(),
        credential_name: details.credential_name,
        credential_id: details.credential_id,
        read_only: details.read_only,
        fallback: details.fallback,
        isolation_mode: crate::credentials::ops::isolation_mode(node),
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

/// The external location a place lies in.
pub(crate) async fn covering(
    tx: &mut Tx,
    metastore: &std::sync::Arc<Node>,
    place: &Location,
) -> Result<Option<Chain>> {
    let rows =
        store::overlapping(tx, &metastore.id, &place.to_string(), Kind::ExternalLocation).await?;
    for row in rows {
        let location = row.location.as_deref().map(Location::parse).transpose()?;
        if location.is_some_and(|location| place.is_in(&location)) {
            let node = store::by_id(tx, &row.id).await?;
            return Ok(node.map(|node| Chain::new(metastore.clone()).with(node.into())));
        }
    }
    Ok(None)
}

/// The location of a place, if `ctx` has this right on it.
pub(crate) async fn require(
    ctx: &Ctx,
    tx: &mut Tx,
    metastore: &std::sync::Arc<Node>,
    place: &Location,
    right: Privilege,
) -> Result<Chain> {
    let Some(chain) = covering(tx, metastore, place).await? else {
        // The same whether there is none or the asker may not know of it.
        return Err(ApiError::denied(format!(
            "User does not have {} on an External Location that has '{place}'.",
            right.title()
        )));
    };
    let chain = Found { chain, missing: None }.require(Asker::of(ctx), Need::All(&[right]))?;
    let details: Details = chain.leaf().details()?;
    if details.read_only && right.writes() {
        return Err(ApiError::denied(format!(
            "External Location '{}' is read-only.",
            chain.leaf().name
        )));
    }
    credentials::usable(tx, metastore, place, &details).await?;
    Ok(chain)
}

/// A place for an external table or volume: in a location where `ctx` may make one, with nothing else there.
pub(crate) async fn claim(
    ctx: &Ctx,
    write: &mut Write,
    url: &str,
    right: Privilege,
) -> Result<Location> {
    let place = Location::parse(url)?;
    let metastore = write.metastore.clone();
    require(ctx, &mut write.tx, &metastore, &place, right).await?;
    for kind in [Kind::Table, Kind::Volume] {
        if !store::overlapping(&mut write.tx, &metastore.id, &place.to_string(), kind)
            .await?
            .is_empty()
        {
            return Err(ApiError::invalid(format!(
                "LOCATION_OVERLAP: '{place}' overlaps with the storage of another table or volume."
            )));
        }
    }
    Ok(place)
}

/// A storage root for a catalog or schema.
pub(crate) async fn managed_root(ctx: &Ctx, write: &mut Write, url: &str) -> Result<Location> {
    claim(ctx, write, url, Privilege::CreateManagedStorage).await
}

/// What no external location may touch: managed storage, other locations, the server's own files.
async fn check_place(
    service: &Catalog,
    write: &mut Write,
    place: &Location,
    own_id: Option<&str>,
) -> Result<()> {
    if place.scheme == Scheme::File {
        let allowed = service
            .config
            .local_roots
            .iter()
            .map(|root| Location::parse(root))
            .collect::<Result<Vec<_>>>()?;
        if !allowed.iter().any(|root| place.is_in(root)) {
            return Err(ApiError::denied(
                "The server's configuration does not allow external locations in this directory of the server's host.",
            ));
        }
    }
    let protected = service.config.protected.iter().chain([&service.config.default_root]);
    for root in protected.filter(|root| !root.is_empty()) {
        if place.overlaps(&Location::parse(root)?) {
            return Err(ApiError::denied(
                "An external location must not touch the server's own storage.",
            ));
        }
    }
    let url = place.to_string();
    let metastores = store::metastore_overlaps(&mut write.tx, &url).await?;
    if metastores {
        return Err(ApiError::denied(
            "An external location must not touch the storage of a metastore.",
        ));
    }
    for kind in [Kind::ExternalLocation, Kind::Catalog, Kind::Schema] {
        for other in store::overlapping(&mut write.tx, &write.metastore.id, &url, kind).await? {
            // Managed roots lie inside their location; only a location around them is new to them.
            if own_id != Some(other.id.as_str())
                && (kind == Kind::ExternalLocation || own_id.is_none())
            {
                return Err(ApiError::invalid(format!(
                    "LOCATION_OVERLAP: '{url}' overlaps with another external location or with managed storage."
                )));
            }
        }
    }
    Ok(())
}

pub(crate) async fn external_location_create(
    service: &Catalog,
    ctx: &Ctx,
    request: CreateExternalLocation,
) -> Result<ExternalLocationInfo> {
    let name = names::checked(Kind::ExternalLocation, &request.name)?;
    let place = Location::parse(&request.url)?;
    let mut write = service.write(ctx).await?;
    let metastore = Found { chain: Chain::new(write.metastore.clone()), missing: None };
    let metastore =
        metastore.require(Asker::of(ctx), Need::All(&[Privilege::CreateExternalLocation]))?;
    check_place(service, &mut write, &place, None).await?;
    let credential =
        credentials::for_location(ctx, &mut write, &place, request.credential_name.as_deref())
            .await?;
    let details = Details {
        credential_name: credential.as_ref().map(|node| node.name.clone()).unwrap_or_default(),
        credential_id: credential.map(|node| node.id.clone()),
        read_only: request.read_only.unwrap_or(false),
        fallback: request.fallback.unwrap_or(false),
    };
    if !request.skip_validation.unwrap_or(false) {
        credentials::usable(&mut write.tx, &write.metastore, &place, &details).await?;
        place.storage(&service.config)?;
    }
    let mut node = edit::fresh(ctx, metastore.leaf(), Kind::ExternalLocation, &name);
    node.comment = names::comment(request.comment.as_deref())?;
    node.location = Some(place.to_string());
    node.details = json(&details)?;
    store::insert(&mut write.tx, &node, &name).await?;
    service.commit(write.tx).await?;
    info(&metastore.with(node.into()), false)
}

pub(crate) async fn external_location_list(
    service: &Catalog,
    ctx: &Ctx,
    include_browse: bool,
    include_unbound: bool,
    page: Page<'_>,
) -> Result<ListExternalLocations> {
    let metastore = Chain::new(service.metastore(ctx).await?);
    let listing =
        Listing { include_browse, include_unbound, ..Listing::of(Kind::ExternalLocation) };
    let (rows, next_page_token) = service.list(ctx, &metastore, &listing, page).await?;
    let external_locations =
        rows.iter().map(|(chain, browse)| info(chain, *browse)).collect::<Result<_>>()?;
    Ok(ListExternalLocations { external_locations, next_page_token })
}

pub(crate) async fn external_location_get(
    service: &Catalog,
    ctx: &Ctx,
    name: &str,
) -> Result<ExternalLocationInfo> {
    let chain = service.get(ctx, Kind::ExternalLocation, name, Need::See).await?;
    info(&chain, rights::sight(chain.nodes(), Asker::of(ctx).who) == Sight::Browse)
}

/// Tables and volumes of users in this place.
async fn in_use(tx: &mut Tx, metastore_id: &str, url: &str) -> Result<usize> {
    let mut count = 0;
    for kind in [Kind::Table, Kind::Volume, Kind::Schema, Kind::Catalog] {
        count += store::overlapping(tx, metastore_id, url, kind).await?.len();
    }
    Ok(count)
}

fn used(name: &str, count: usize) -> ApiError {
    ApiError::new(
        ErrorCode::InvalidState,
        format!(
            "External Location '{name}' is used by {count} table(s), volume(s), schema(s) or catalog(s). Use force."
        ),
    )
}

pub(crate) async fn external_location_update(
    service: &Catalog,
    ctx: &Ctx,
    name: &str,
    change: UpdateExternalLocation,
) -> Result<ExternalLocationInfo> {
    let mut write = service.write(ctx).await?;
    let (chain, mut node) = write.get(ctx, Kind::ExternalLocation, name, Need::Manage).await?;
    let common = Common {
        new_name: change.new_name.as_deref(),
        owner: change.owner.as_deref(),
        comment: change.comment.as_deref(),
    };
    service.edit(ctx, &mut node, common).await?;
    let mut details: Details = node.details()?;
    let old_url = node.location.clone().unwrap_or_default();
    let place = Location::parse(change.url.as_deref().unwrap_or(&old_url))?;
    if place.to_string() != old_url {
        let count = in_use(&mut write.tx, &write.metastore.id, &old_url).await?;
        if count > 0 && !change.force.unwrap_or(false) {
            return Err(used(name, count));
        }
        check_place(service, &mut write, &place, Some(&node.id)).await?;
        node.location = Some(place.to_string());
    }
    if let Some(credential) = &change.credential_name {
        let credential =
            credentials::for_location(ctx, &mut write, &place, Some(credential)).await?;
        details.credential_name =
            credential.as_ref().map(|node| node.name.clone()).unwrap_or_default();
        details.credential_id = credential.map(|node| node.id.clone());
    }
    details.read_only = change.read_only.unwrap_or(details.read_only);
    details.fallback = change.fallback.unwrap_or(details.fallback);
    node.details = json(&details)?;
    credentials::isolate(ctx, &mut write.tx, &mut node, change.isolation_mode.as_deref()).await?;
    store::update(&mut write.tx, &node, &node.name).await?;
    service.commit(write.tx).await?;
    info(&edit::replaced(&chain, node), false)
}

pub(crate) async fn external_location_delete(
    service: &Catalog,
    ctx: &Ctx,
    name: &str,
    force: bool,
) -> Result<()> {
    let mut write = service.write(ctx).await?;
    let (_, node) = write.get(ctx, Kind::ExternalLocation, name, Need::Manage).await?;
    let url = node.location.as_deref().unwrap_or_default();
    let count = in_use(&mut write.tx, &write.metastore.id, url).await?;
    if count > 0 && !force {
        return Err(used(name, count));
    }
    store::delete(&mut write.tx, &node.id).await?;
    write.tx.notify(REACH_TOPIC, "*");
    service.commit(write.tx).await
}
