//! Names to tables and views, as the user of the statement or, inside a view, as the view's owner.

use crate::Catalog;
use crate::access::{Asker, Need};
use crate::catalogs::ops::INFORMATION_SCHEMA;
use crate::kind::Kind;
use crate::location::Location;
use crate::names;
use crate::node::Chain;
use crate::privilege::Privilege;
use crate::rights::{self, Who};
use crate::tables::ops::{Details, info};
use biplane_api::internal::{Access, ResolveRequest, ResolveResponse, Resolved, ResolvedTable};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result};

const NAMES_MAX: usize = 1000;
/// How deep views may lie in views.
const VIA_MAX: usize = 100;

/// Whose rights count; the owner of a view, when names are reached through one.
struct Identity {
    name: String,
    groups: Vec<String>,
}

/// The view at the end of `via`: its owner, and what it reads.
struct Through {
    owner: Identity,
    view: String,
    dependencies: Vec<String>,
}

pub(crate) async fn table_resolve(
    service: &Catalog,
    ctx: &Ctx,
    request: ResolveRequest,
) -> Result<ResolveResponse> {
    if request.names.len() > NAMES_MAX || request.via.len() > VIA_MAX {
        return Err(ApiError::new(
            ErrorCode::ResourceExhausted,
            "The statement names too many tables and views.",
        ));
    }
    let through = walk(service, ctx, &request.via).await?;
    // Names inside a view are always read.
    let access = if through.is_some() { Access::Read } else { request.access };
    let mut tables = Vec::with_capacity(request.names.len());
    for name in &request.names {
        tables.push(match resolve(service, ctx, through.as_ref(), name, access).await {
            Ok(table) => Resolved::Table(Box::new(table)),
            Err(error)
                if error.code.http_status().is_server_error()
                    && error.code != ErrorCode::FeatureDisabled =>
            {
                return Err(error);
            }
            Err(error) => Resolved::Error {
                error_code: error.code.as_str().to_owned(),
                message: error.message,
            },
        });
    }
    Ok(ResolveResponse { tables })
}

/// Goes through the views, each read as the owner of the one before, the first as the user.
async fn walk(service: &Catalog, ctx: &Ctx, via: &[String]) -> Result<Option<Through>> {
    let mut through: Option<Through> = None;
    for name in via {
        let parts: [String; 3] = names::parts(Kind::Table, name)?
            .try_into()
            .map_err(|_| ApiError::invalid("A view has a name of three parts."))?;
        let chain = find(service, ctx, through.as_ref(), &parts, Access::Read).await?;
        let node = chain.leaf();
        let details: Details = node.details()?;
        if details.table_type != "VIEW" {
            return Err(ApiError::invalid(format!("{} is not a view.", chain.full_name())));
        }
        let groups = service.principals.groups_of(&node.owner).await?;
        through = Some(Through {
            owner: Identity { name: node.owner.clone(), groups },
            view: chain.full_name(),
            dependencies: details.view_dependencies.unwrap_or_default(),
        });
    }
    Ok(through)
}

/// The table, if its rows may be read.
pub(crate) async fn readable(
    service: &Catalog,
    ctx: &Ctx,
    name: &[String; 3],
    via: &[String],
) -> Result<Chain> {
    if via.len() > VIA_MAX {
        return Err(ApiError::invalid("Too many views lead there."));
    }
    let through = walk(service, ctx, via).await?;
    find(service, ctx, through.as_ref(), name, Access::Read).await
}

async fn find(
    service: &Catalog,
    ctx: &Ctx,
    through: Option<&Through>,
    name: &[String; 3],
    access: Access,
) -> Result<Chain> {
    let parts = name.each_ref().map(|part| names::stored(part));
    if parts[1] == INFORMATION_SCHEMA {
        return Err(ApiError::invalid(format!(
            "{} is answered by the engine from the lists of the catalog; it has no storage.",
            parts.join(".")
        )));
    }
    let mut asker = Asker::of(ctx);
    if let Some(through) = through {
        let full_name = parts.join(".");
        if !through.dependencies.contains(&full_name) {
            return Err(ApiError::denied(format!(
                "View '{}' does not read '{full_name}'.",
                through.view
            )));
        }
        asker.who = Who { name: &through.owner.name, groups: &through.owner.groups };
    }
    let need = match access {
        Access::Metadata => Need::See,
        Access::Read => Need::All(&[Privilege::Select]),
        Access::Write => Need::All(&[Privilege::Modify, Privilege::Select]),
        Access::Manage => Need::Manage,
    };
    service.find(ctx, Kind::Table, &parts).await?.require(asker, need)
}

async fn resolve(
    service: &Catalog,
    ctx: &Ctx,
    through: Option<&Through>,
    name: &[String; 3],
    access: Access,
) -> Result<ResolvedTable> {
    let chain = find(service, ctx, through, name, access).await?;
    let who = Asker::of(ctx).who;
    let reads = match access {
        Access::Read | Access::Write | Access::Manage => true,
        Access::Metadata => {
            rights::blocked(chain.nodes(), who).is_none()
                && (rights::has(chain.nodes(), who, Privilege::Select)
                    || rights::manages(chain.nodes(), who))
        }
    };
    let browse_only =
        access == Access::Metadata && rights::sight(chain.nodes(), who) == rights::Sight::Browse;
    let storage = match chain.leaf().location.as_deref().filter(|_| reads) {
        Some(location) => Some(Location::parse(location)?.storage(&service.config)?),
        None => None,
    };
    Ok(ResolvedTable { info: info(&chain, browse_only)?, storage })
}
