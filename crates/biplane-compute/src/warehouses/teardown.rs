//! The end of a workspace: nothing of its warehouses and clusters stays.

use super::store;
use crate::Compute;
use biplane_api::ids::WorkspaceId;
use biplane_platform::acl::{self, WAREHOUSES};
use biplane_platform::db::args;
use biplane_platform::{ApiError, ErrorCode, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// More than a sandbox gets to end, and than a node that is away gets to come back.
const WAIT: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Compute {
    /// Deletes every warehouse and cluster of the workspace and returns when nothing of them runs. May be repeated.
    pub async fn workspace_forget(self: &Arc<Self>, workspace_id: WorkspaceId) -> Result<()> {
        self.code_forget(workspace_id);
        let slots = self.slots_of(workspace_id);
        let mut tx = self.db.write().await?;
        for row in store::all(&mut tx).await? {
            if row.workspace_id == workspace_id {
                store::delete(&mut tx, &row.id, self.clock.now_ms()).await?;
                acl::clear(&mut tx, workspace_id, &WAREHOUSES, row.id.as_str()).await?;
            }
        }
        for sql in [
            "DELETE FROM warehouse_configs WHERE workspace_id = $1",
            "DELETE FROM warehouse_overrides WHERE workspace_id = $1",
        ] {
            tx.execute(sql, args![workspace_id.0]).await?;
        }
        crate::policies::forget(&mut tx, workspace_id).await?;
        tx.commit().await?;
        for slot in &slots {
            self.release(slot);
        }
        let deadline = Instant::now() + WAIT;
        while !(self.clusters_forget(workspace_id).await? & self.pools_forget(workspace_id).await?)
        {
            if Instant::now() > deadline {
                return Err(ApiError::new(
                    ErrorCode::TemporarilyUnavailable,
                    "A cluster of the workspace still ends. Try again.",
                ));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        for slot in &slots {
            while self.runs_anywhere(slot.id.as_str()).await? {
                if Instant::now() > deadline {
                    return Err(ApiError::new(
                        ErrorCode::TemporarilyUnavailable,
                        "A SQL warehouse of the workspace still stops. Try again.",
                    ));
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        Ok(())
    }

    /// On whichever replica its sandbox is placed.
    async fn runs_anywhere(&self, warehouse: &str) -> Result<bool> {
        let mut tx = self.db.read().await?;
        let sql = "SELECT 1 FROM sandboxes WHERE warehouse_id = $1 LIMIT 1";
        Ok(tx.fetch_opt(sql, args![warehouse]).await?.is_some())
    }
}
