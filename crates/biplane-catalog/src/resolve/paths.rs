//! Paths to storage: `/Volumes/…` by the volume's rights, URLs by those of the external location.

use crate::Catalog;
use crate::access::{Asker, Need};
use crate::external_locations::ops as external;
use crate::kind::Kind;
use crate::location::Location;
use crate::names;
use crate::privilege::Privilege;
use crate::store;
use biplane_api::internal::{Access, Storage};
use biplane_platform::{ApiError, Ctx, Result};

pub(crate) async fn path_resolve(
    service: &Catalog,
    ctx: &Ctx,
    path: &str,
    access: Access,
) -> Result<Storage> {
    if path.len() > 4096 || path.chars().any(char::is_control) {
        return Err(ApiError::invalid("The path is too long or has control characters."));
    }
    match volume_path(path) {
        Some(rest) => volume_resolve(service, ctx, rest, access).await,
        None => url_resolve(service, ctx, path, access).await,
    }
}

/// What follows `/Volumes/`; also as `dbfs:/Volumes/`.
fn volume_path(path: &str) -> Option<&str> {
    let path = path.strip_prefix("dbfs:").unwrap_or(path);
    let rest = path.strip_prefix('/')?.trim_start_matches('/');
    let (head, rest) = rest.split_once('/').unwrap_or((rest, ""));
    head.eq_ignore_ascii_case("volumes").then_some(rest)
}

async fn volume_resolve(
    service: &Catalog,
    ctx: &Ctx,
    path: &str,
    access: Access,
) -> Result<Storage> {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let (Some(catalog), Some(schema), Some(volume)) =
        (segments.next(), segments.next(), segments.next())
    else {
        return Err(ApiError::invalid("The path must be /Volumes/<catalog>/<schema>/<volume>/… ."));
    };
    let parts = [catalog, schema, volume].map(names::stored);
    let need = match access {
        Access::Metadata => Need::See,
        Access::Read => Need::All(&[Privilege::ReadVolume]),
        Access::Write => Need::All(&[Privilege::WriteVolume]),
        Access::Manage => Need::Manage,
    };
    let chain = service.find(ctx, Kind::Volume, &parts).await?.require(Asker::of(ctx), need)?;
    let root = chain
        .leaf()
        .location
        .as_deref()
        .ok_or_else(|| ApiError::internal("a volume has no location"))?;
    Location::parse(root)?.join(segments)?.storage(&service.config)
}

async fn url_resolve(service: &Catalog, ctx: &Ctx, path: &str, access: Access) -> Result<Storage> {
    let place = match path.strip_prefix("dbfs:") {
        Some(_) => return Err(ApiError::unsupported("The DBFS root (use a volume)")),
        None if path.starts_with('/') => {
            return Err(ApiError::invalid("A path begins with /Volumes/, s3:// or file:/ ."));
        }
        None => Location::parse(path)?,
    };
    let right = match access {
        Access::Metadata | Access::Read => Privilege::ReadFiles,
        Access::Write | Access::Manage => Privilege::WriteFiles,
    };
    check(service, ctx, &place, right).await?;
    place.storage(&service.config)
}

/// The right on the files, and that they are no table's or volume's: those have rights of their own.
pub(crate) async fn check(
    service: &Catalog,
    ctx: &Ctx,
    place: &Location,
    right: Privilege,
) -> Result<()> {
    let metastore = service.metastore(ctx).await?;
    let mut tx = service.db.read().await?;
    external::require(ctx, &mut tx, &metastore, place, right).await?;
    for kind in [Kind::Table, Kind::Volume] {
        if !store::overlapping(&mut tx, &metastore.id, &place.to_string(), kind).await?.is_empty() {
            return Err(ApiError::denied(format!(
                "LOCATION_OVERLAP: '{place}' has the storage of a table or volume; use its name."
            )));
        }
    }
    for kind in [Kind::Catalog, Kind::Schema] {
        if !store::overlapping(&mut tx, &metastore.id, &place.to_string(), kind).await?.is_empty() {
            return Err(ApiError::denied(format!(
                "LOCATION_OVERLAP: '{place}' has managed storage."
            )));
        }
    }
    Ok(())
}
