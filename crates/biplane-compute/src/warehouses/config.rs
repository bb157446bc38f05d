//! Rules for all warehouses of a workspace.

use crate::Compute;
use biplane_api::compute::WarehouseConfig;
use biplane_api::ids::WorkspaceId;
use biplane_platform::db::args;
use biplane_platform::{ApiError, Ctx, Result, Tx};

pub(crate) async fn read(tx: &mut Tx, workspace: WorkspaceId) -> Result<WarehouseConfig> {
    let row = tx
        .fetch_opt(
            "SELECT config FROM warehouse_configs WHERE workspace_id = $1",
            args![workspace.0],
        )
        .await?;
    row.map_or_else(|| Ok(WarehouseConfig::default()), |row| row.json(0))
}

impl Compute {
    pub async fn warehouse_config_get(&self, ctx: &Ctx) -> Result<WarehouseConfig> {
        read(&mut self.db.read().await?, ctx.workspace()?).await
    }

    pub async fn warehouse_config_set(&self, ctx: &Ctx, config: &WarehouseConfig) -> Result<()> {
        ctx.require_workspace_admin()?;
        check(config)?;
        let text = serde_json::to_string(config).map_err(ApiError::internal)?;
        let mut tx = self.db.write().await?;
        tx.execute(
            "INSERT INTO warehouse_configs (workspace_id, config, updated_at) VALUES ($1, $2, $3)
             ON CONFLICT (workspace_id) DO UPDATE SET config = excluded.config, updated_at = excluded.updated_at",
            args![ctx.workspace()?.0, text, ctx.now_ms()],
        )
        .await?;
        tx.commit().await
    }
}

/// What would change nothing here is refused: a setting that is kept but not followed is a trap.
fn check(config: &WarehouseConfig) -> Result<()> {
    if config.security_policy != "DATA_ACCESS_CONTROL" {
        return Err(ApiError::unsupported("A security_policy other than DATA_ACCESS_CONTROL"));
    }
    if !config.data_access_config.is_empty() {
        return Err(ApiError::unsupported(
            "data_access_config: access to data goes through the catalog, and it",
        ));
    }
    if !config.sql_configuration_parameters.configuration_pairs.is_empty() {
        return Err(ApiError::unsupported("sql_configuration_parameters"));
    }
    if config.instance_profile_arn.is_some() || config.google_service_account.is_some() {
        return Err(ApiError::unsupported("A cloud identity for all warehouses"));
    }
    if !config.enable_serverless_compute {
        return Err(ApiError::invalid("enable_serverless_compute can only be true."));
    }
    match config
        .enabled_warehouse_types
        .iter()
        .find(|kind| !["CLASSIC", "PRO"].contains(&kind.warehouse_type.as_str()))
    {
        Some(kind) if kind.enabled => Err(ApiError::unsupported(format!(
            "warehouse type {:?}",
            kind.warehouse_type.chars().take(64).collect::<String>()
        ))),
        _ => Ok(()),
    }
}
