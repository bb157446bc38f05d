//! The end of a workspace: first nobody can use it any more, then all services let go of it, then it is
//! gone. A crash in between is ended by the next start, a failure by asking again.

use super::{DELETING, Workspace, ops, store};
use crate::Identity;
use crate::principals::ops as rules;
use biplane_api::ids::WorkspaceId;
use biplane_platform::{ApiError, Ctx, ErrorCode, Result, acl};
use std::sync::Arc;

pub async fn workspace_delete(
    identity: &Arc<Identity>,
    ctx: &Ctx,
    id: WorkspaceId,
) -> Result<Workspace> {
    ctx.require_account_admin()?;
    let mut tx = identity.db.write().await?;
    let mut row = store::by_id(&mut tx, id).await?.ok_or_else(|| ops::missing(id))?;
    if row.status != DELETING {
        let others = store::all(&mut tx).await?;
        if !others.iter().any(|other| other.id != id && other.status != DELETING) {
            return Err(ApiError::new(
                ErrorCode::InvalidState,
                "The only workspace of the account cannot be deleted.",
            ));
        }
        row.status = DELETING.into();
        row.status_message = "Workspace is being deleted.".into();
        store::close(&mut tx, id).await?;
        row.updated_at = ctx.now_ms().max(row.updated_at + 1);
        store::update(&mut tx, &row).await?;
    }
    identity.changed(tx).await?;
    // To its end, also when the caller does not wait.
    let (identity, ctx) = (identity.clone(), ctx.clone());
    let ended = tokio::spawn(async move {
        let done = finish(&identity, &ctx, &row).await;
        if let Err(error) = &done {
            tracing::warn!(workspace_id = %row.id, %error, cause = error.internal, "a workspace could not be deleted wholly");
        }
        done.map(|()| row)
    });
    ended.await.map_err(ApiError::internal)?
}

pub async fn finish(identity: &Identity, ctx: &Ctx, row: &Workspace) -> Result<()> {
    let groups = store::groups(&mut identity.db.read().await?, row.id).await?;
    if let Some(hook) = identity.workspace_deleting.get() {
        hook.workspace_deleting(row.id).await?;
    }
    if let Some(hook) = identity.principal_deleting.get() {
        for group in &groups {
            hook.principal_deleting(ctx, group.id, &group.name).await?;
        }
    }
    let mut tx = identity.db.write().await?;
    for group in &groups {
        let (kind, name) = rules::heir(&mut tx, ctx, group).await?;
        acl::forget_principal(&mut tx, &group.name, (kind, &name)).await?;
    }
    acl::forget_workspace(&mut tx, row.id).await?;
    store::delete(&mut tx, row.id).await?;
    tx.notify("workspaces", &row.id.to_string());
    identity.changed(tx).await
}
