//! What a new installation begins with: account, admin, metastore, workspace, warehouse, samples. Every
//! step bears repetition, so a start that was cut off is completed by the next.

use crate::profile::{self, Profile};
use crate::{Server, wiring};
use anyhow::Context;
use biplane_api::ids::WarehouseId;
use biplane_identity::BootstrapOptions;
use biplane_platform::{ApiError, Ctx};

const REGION: &str = "us-east-1";

/// Gives who the system itself acts as, and the warehouse it uses.
pub async fn run(server: &Server) -> anyhow::Result<(Ctx, WarehouseId)> {
    let (services, config) = (&server.services, &server.config);
    let done = services
        .identity
        .bootstrap(&BootstrapOptions {
            admin_user_name: config.admin_user.clone(),
            admin_password: config.admin_password.clone(),
            workspace_name: "main".into(),
            deployment_name: "main".into(),
            host_name: None,
            region: REGION.into(),
        })
        .await
        .map_err(told)?;
    if let Some(password) = &done.admin_password {
        profile::write_login(&config.data_dir, &done.admin_user_name, password)?;
    }
    let system = services.identity.admin_ctx(done.workspace_id).await.map_err(told)?;
    wiring::bootstrap_catalog(services, &system, REGION).await.map_err(told)?;
    let warehouse =
        wiring::starter_warehouse(&server.db, &services.compute, &system).await.map_err(told)?;
    let token = match done.admin_pat.or_else(|| profile::token(&config.data_dir)) {
        Some(token) => token,
        None => services.identity.admin_pat_issue(done.workspace_id).await.map_err(told)?,
    };
    let warehouse_id: WarehouseId = warehouse.parse().context("the id of the starter warehouse")?;
    profile::write(
        server,
        &Profile {
            account_id: &done.account_id,
            workspace_id: done.workspace_id,
            warehouse_id: Some(&warehouse_id),
            token: &token,
        },
    )?;
    Ok((system, warehouse_id))
}

fn told(error: ApiError) -> anyhow::Error {
    let ApiError { message, internal, .. } = error;
    anyhow::anyhow!("first start: {message} {}", internal.unwrap_or_default())
}
