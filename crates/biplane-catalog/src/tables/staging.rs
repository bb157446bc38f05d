//! Places for tables that are being made.

use super::store::{self, Staged};
use crate::Catalog;
use crate::access::{Asker, Found, Need};
use crate::external_locations::ops::claim;
use crate::kind::Kind;
use crate::location::Location;
use crate::names;
use crate::node::Chain;
use crate::privilege::Privilege;
use crate::service::Write;
use biplane_api::catalog::{CreateStagingTable, StagingTableInfo};
use biplane_api::ids::SecurableId;
use biplane_api::internal::{StagingTable, StagingTableRequest};
use biplane_platform::{ApiError, Ctx, Result};

/// The longest a statement may take from staging to publishing.
const DEADLINE_MS: i64 = 24 * 60 * 60 * 1000;

/// The schema of a table to be made, if `ctx` may make it.
pub(crate) async fn schema_for(
    ctx: &Ctx,
    write: &mut Write,
    catalog: &str,
    schema: &str,
    rights: &[Privilege],
) -> Result<Chain> {
    let path = [names::stored(catalog), names::stored(schema)];
    let chain = write.find(Kind::Schema, &path).await?.require(Asker::of(ctx), Need::Use)?;
    Found { chain, missing: None }.require(Asker::of(ctx), Need::Any(rights))
}

/// Where managed things of a schema lie.
pub(crate) fn managed_place(schema: &Chain, directory: &str, id: &str) -> Result<Location> {
    let metastore = schema.metastore();
    let catalog = schema.catalog().unwrap_or(metastore);
    let root = store::place_of(schema.leaf(), catalog, metastore);
    let root = root.ok_or_else(|| {
        ApiError::invalid("The metastore has no storage root for managed tables and volumes.")
    })?;
    Location::parse(root)?.join([directory, id])
}

async fn stage(
    service: &Catalog,
    ctx: &Ctx,
    request: &StagingTableRequest,
) -> Result<(Staged, Location)> {
    let name = names::checked(Kind::Table, &request.name)?;
    let mut write = service.write(ctx).await?;
    let rights = [Privilege::CreateTable];
    let schema =
        schema_for(ctx, &mut write, &request.catalog_name, &request.schema_name, &rights).await?;
    let id = SecurableId::random().to_string();
    let location = match &request.location {
        Some(location) => claim(ctx, &mut write, location, Privilege::CreateExternalTable).await?,
        None => managed_place(&schema, "tables", &id)?,
    };
    let staged = Staged {
        id,
        metastore_id: write.metastore.id.clone(),
        schema_id: schema.leaf().id.clone(),
        name,
        location: location.to_string(),
        external: request.location.is_some(),
        created_by: ctx.principal.name.clone(),
        deadline: ctx.now_ms().saturating_add(DEADLINE_MS),
    };
    store::insert(&mut write.tx, &staged).await?;
    // Nothing visible changed.
    write.tx.commit().await?;
    Ok((staged, location))
}

/// For an engine: with what it needs to write there.
pub(crate) async fn staging_table_open(
    service: &Catalog,
    ctx: &Ctx,
    request: StagingTableRequest,
) -> Result<StagingTable> {
    let (staged, location) = stage(service, ctx, &request).await?;
    Ok(StagingTable { table_id: staged.id, storage: location.storage(&service.config)? })
}

/// The public form, for clients that write the files themselves.
pub(crate) async fn staging_table_create(
    service: &Catalog,
    ctx: &Ctx,
    request: CreateStagingTable,
) -> Result<StagingTableInfo> {
    let request = StagingTableRequest {
        catalog_name: request.catalog_name,
        schema_name: request.schema_name,
        name: request.name,
        location: None,
    };
    let (staged, location) = stage(service, ctx, &request).await?;
    Ok(StagingTableInfo {
        id: staged.id,
        name: staged.name,
        catalog_name: names::stored(&request.catalog_name),
        schema_name: names::stored(&request.schema_name),
        staging_location: location.to_string(),
    })
}
