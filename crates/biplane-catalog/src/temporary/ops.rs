//! Who gets a credential for which data.
//!
//! Only with EXTERNAL USE SCHEMA (or LOCATION), the data's own privilege, and external access switched on
//! for the metastore. Local files need no key: the answer names the place. The operator's static S3 key
//! is never handed out, and without a token service there is no other: S3 is refused.

use crate::Catalog;
use crate::access::{Asker, Found, Need};
use crate::kind::Kind;
use crate::location::{Location, Scheme};
use crate::metastores::ops::Details as MetastoreDetails;
use crate::node::Chain;
use crate::privilege::Privilege;
use crate::resolve::paths;
use crate::rights;
use crate::store;
use crate::tables::store as staged;
use biplane_api::catalog::{
    TemporaryCredentials, TemporaryPathCredentialRequest, TemporaryTableCredentialRequest,
    TemporaryVolumeCredentialRequest,
};
use biplane_platform::{ApiError, Ctx, Result};

const LIFETIME_MS: i64 = 60 * 60 * 1000;

fn vend(ctx: &Ctx, place: &Location) -> Result<TemporaryCredentials> {
    match place.scheme {
        Scheme::File => Ok(TemporaryCredentials {
            url: place.to_string(),
            expiration_time: Some(ctx.now_ms().saturating_add(LIFETIME_MS)),
        }),
        Scheme::S3 => Err(ApiError::unsupported("Vending credentials for S3 from a static key")),
    }
}

fn require_external_access(metastore: &crate::node::Node) -> Result<()> {
    match metastore.details::<MetastoreDetails>()?.external_access_enabled {
        true => Ok(()),
        false => Err(ApiError::denied(
            "External data access is not enabled for this metastore (external_access_enabled).",
        )),
    }
}

/// The securable of an id, as if named; a wrong id and an unknown one are the same.
async fn by_id(service: &Catalog, ctx: &Ctx, kind: Kind, id: &str) -> Result<Chain> {
    let metastore = service.metastore(ctx).await?;
    let chain = store::chain_of(&mut service.db.read().await?, id).await?;
    let chain =
        chain.filter(|chain| chain.leaf().kind == kind && chain.metastore().id == metastore.id);
    let chain = chain
        .filter(|chain| rights::sight(chain.nodes(), Asker::of(ctx).who) != rights::Sight::None);
    chain.ok_or_else(|| kind.missing(id))
}

fn require_external_use(ctx: &Ctx, chain: &Chain) -> Result<()> {
    let schema = &chain.nodes()[..chain.nodes().len() - 1];
    match rights::has(schema, Asker::of(ctx).who, Privilege::ExternalUseSchema) {
        true => Ok(()),
        false => Err(ApiError::denied(format!(
            "User does not have EXTERNAL USE SCHEMA on Schema '{}.{}'.",
            chain.catalog_name(),
            chain.schema_name()
        ))),
    }
}

pub(crate) async fn temporary_table_credential_create(
    service: &Catalog,
    ctx: &Ctx,
    request: TemporaryTableCredentialRequest,
) -> Result<TemporaryCredentials> {
    let rights: &[Privilege] = match request.operation.as_str() {
        "READ" => &[Privilege::Select],
        "READ_WRITE" => &[Privilege::Select, Privilege::Modify],
        _ => return Err(ApiError::invalid("operation must be READ or READ_WRITE.")),
    };
    require_external_access(service.metastore(ctx).await?.as_ref())?;
    // A table still being made belongs to who makes it.
    let staged = staged::by_id(&mut service.db.read().await?, &request.table_id).await?;
    if let Some(staged) = staged.filter(|staged| staged.created_by == ctx.principal.name) {
        let schema = store::chain_of(&mut service.db.read().await?, &staged.schema_id).await?;
        let schema = schema.ok_or_else(|| Kind::Table.missing(&request.table_id))?;
        require_external_use(ctx, &schema.with(schema.leaf().clone()))?;
        return vend(ctx, &Location::parse(&staged.location)?);
    }
    let chain = by_id(service, ctx, Kind::Table, &request.table_id).await?;
    let chain = Found { chain, missing: None }.require(Asker::of(ctx), Need::All(rights))?;
    require_external_use(ctx, &chain)?;
    let location = chain.leaf().location.as_deref();
    vend(
        ctx,
        &Location::parse(location.ok_or_else(|| ApiError::invalid("A view has no storage."))?)?,
    )
}

pub(crate) async fn temporary_volume_credential_create(
    service: &Catalog,
    ctx: &Ctx,
    request: TemporaryVolumeCredentialRequest,
) -> Result<TemporaryCredentials> {
    let right = match request.operation.as_str() {
        "READ_VOLUME" => Privilege::ReadVolume,
        "WRITE_VOLUME" => Privilege::WriteVolume,
        _ => return Err(ApiError::invalid("operation must be READ_VOLUME or WRITE_VOLUME.")),
    };
    require_external_access(service.metastore(ctx).await?.as_ref())?;
    let chain = by_id(service, ctx, Kind::Volume, &request.volume_id).await?;
    let chain = Found { chain, missing: None }.require(Asker::of(ctx), Need::All(&[right]))?;
    require_external_use(ctx, &chain)?;
    vend(ctx, &Location::parse(chain.leaf().location.as_deref().unwrap_or_default())?)
}

pub(crate) async fn temporary_path_credential_create(
    service: &Catalog,
    ctx: &Ctx,
    request: TemporaryPathCredentialRequest,
) -> Result<TemporaryCredentials> {
    let right = match request.operation.as_str() {
        "PATH_READ" => Privilege::ReadFiles,
        "PATH_READ_WRITE" => Privilege::WriteFiles,
        "PATH_CREATE_TABLE" => Privilege::CreateExternalTable,
        _ => {
            return Err(ApiError::invalid(
                "operation must be PATH_READ, PATH_READ_WRITE or PATH_CREATE_TABLE.",
            ));
        }
    };
    require_external_access(service.metastore(ctx).await?.as_ref())?;
    let place = Location::parse(&request.url)?;
    paths::check(service, ctx, &place, right).await?;
    paths::check(service, ctx, &place, Privilege::ExternalUseLocation).await?;
    vend(ctx, &place)
}
