//! Rows of workspace bindings.

use crate::reach::REACH_TOPIC;
use biplane_platform::db::args;
use biplane_platform::{Result, Tx};

pub(crate) async fn put(tx: &mut Tx, id: &str, workspace_id: i64, read_only: bool) -> Result<()> {
    tx.execute(
        "INSERT INTO workspace_bindings (securable_id, workspace_id, read_only) VALUES ($1, $2, $3)
         ON CONFLICT (securable_id, workspace_id) DO UPDATE SET read_only = excluded.read_only",
        args![id, workspace_id, read_only],
    )
    .await?;
    tx.notify(REACH_TOPIC, "*");
    Ok(())
}

pub(crate) async fn remove(tx: &mut Tx, id: &str, workspace_id: i64) -> Result<()> {
    tx.execute(
        "DELETE FROM workspace_bindings WHERE securable_id = $1 AND workspace_id = $2",
        args![id, workspace_id],
    )
    .await?;
    tx.notify(REACH_TOPIC, "*");
    Ok(())
}
