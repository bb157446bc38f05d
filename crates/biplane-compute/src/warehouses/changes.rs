//! Every warehouse as it was after each change of what it is to be; starts and stops are events, not changes.

use biplane_api::ids::WarehouseId;
use biplane_platform::Result;
use biplane_platform::Tx;
use biplane_platform::db::args;

/// What was replaced or deleted before that is forgotten.
const KEPT_MS: i64 = 365 * 24 * 3_600_000;

/// The row as it is now.
pub(super) async fn note(tx: &mut Tx, id: &WarehouseId, now: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO warehouse_changes (warehouse_id, version, workspace_id, name, spec, change_time)
         SELECT id, version, workspace_id, name, spec, $2 FROM warehouses WHERE id = $1
         ON CONFLICT (warehouse_id, version) DO NOTHING",
        args![id.as_str(), now],
    )
    .await?;
    forget(tx, now).await
}

/// The row is about to be deleted.
pub(super) async fn note_deleted(tx: &mut Tx, id: &WarehouseId, now: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO warehouse_changes (warehouse_id, version, workspace_id, name, spec, change_time, delete_time)
         SELECT id, $3, workspace_id, name, spec, $2, $2 FROM warehouses WHERE id = $1
         ON CONFLICT (warehouse_id, version) DO NOTHING",
        args![id.as_str(), now, i64::MAX],
    )
    .await?;
    forget(tx, now).await
}

async fn forget(tx: &mut Tx, now: i64) -> Result<()> {
    tx.execute(
        "DELETE FROM warehouse_changes WHERE change_time < $1 AND (delete_time IS NOT NULL OR EXISTS (
           SELECT 1 FROM warehouse_changes later WHERE later.warehouse_id = warehouse_changes.warehouse_id
             AND later.version > warehouse_changes.version))",
        args![now - KEPT_MS],
    )
    .await?;
    Ok(())
}
