//! Reading and changing workspace bindings.

use super::store;
use crate::Catalog;
use crate::access::{Asker, Found, Need};
use crate::kind::Kind;
use crate::names;
use crate::node::{Binding, Chain};
use crate::rights;
use crate::store as rows;
use biplane_api::catalog::{UpdateWorkspaceBindings, WorkspaceBinding, WorkspaceBindings};
use biplane_platform::{ApiError, Ctx, Result};

const READ_ONLY: &str = "BINDING_TYPE_READ_ONLY";
const READ_WRITE: &str = "BINDING_TYPE_READ_WRITE";

fn bindable(kind: Kind) -> Result<()> {
    match kind {
        Kind::Catalog | Kind::ExternalLocation | Kind::Credential => Ok(()),
        _ => Err(ApiError::invalid(
            "Only catalogs, external locations and credentials are bound to workspaces.",
        )),
    }
}

/// Whoever manages it may do this from any workspace, else nobody could undo a mistake.
fn require(found: Found, ctx: &Ctx) -> Result<Chain> {
    if let Some((kind, name)) = &found.missing {
        return Err(kind.missing(name));
    }
    match rights::manages(found.chain.nodes(), Asker::of(ctx).who) {
        true => Ok(found.chain),
        false => found.require(Asker::of(ctx), Need::Grant),
    }
}

fn answer(bindings: Vec<Binding>) -> WorkspaceBindings {
    let bindings = bindings.into_iter().map(|binding| WorkspaceBinding {
        workspace_id: binding.workspace_id,
        binding_type: Some(if binding.read_only { READ_ONLY } else { READ_WRITE }.to_owned()),
    });
    WorkspaceBindings { bindings: bindings.collect(), next_page_token: None }
}

pub(crate) async fn binding_list(
    service: &Catalog,
    ctx: &Ctx,
    kind: Kind,
    name: &str,
) -> Result<WorkspaceBindings> {
    bindable(kind)?;
    let chain = require(service.find(ctx, kind, &names::parts(kind, name)?).await?, ctx)?;
    let bindings = rows::bindings(&mut service.db.read().await?, &chain.leaf().id).await?;
    Ok(answer(bindings))
}

pub(crate) async fn binding_update(
    service: &Catalog,
    ctx: &Ctx,
    kind: Kind,
    name: &str,
    change: UpdateWorkspaceBindings,
) -> Result<WorkspaceBindings> {
    bindable(kind)?;
    if change.add.len() + change.remove.len() > 1000 {
        return Err(ApiError::invalid("At most 1000 changes are taken at once."));
    }
    let mut write = service.write(ctx).await?;
    let chain = require(write.find(kind, &names::parts(kind, name)?).await?, ctx)?;
    let id = chain.leaf().id.clone();
    for binding in &change.remove {
        store::remove(&mut write.tx, &id, binding.workspace_id).await?;
    }
    for binding in &change.add {
        let read_only = match binding.binding_type.as_deref() {
            Some(READ_ONLY) => true,
            None | Some("" | READ_WRITE) => false,
            Some(_) => {
                return Err(ApiError::invalid(format!(
                    "binding_type must be {READ_WRITE} or {READ_ONLY}."
                )));
            }
        };
        store::put(&mut write.tx, &id, binding.workspace_id, read_only).await?;
    }
    let bindings = rows::bindings(&mut write.tx, &id).await?;
    service.commit(write.tx).await?;
    Ok(answer(bindings))
}
