//! What runs on a cluster: commands of those who may attach to it, on its driver.

use super::environment::Environment;
use super::scale;
use super::spec::SINGLE_USER;
use super::store::{self, Cluster};
use super::versions::{self, Engine};
use crate::Compute;
use crate::nodes::place::Given;
use biplane_api::clusters::ClusterState as State;
use biplane_api::ids::{ClusterId, NodeId};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result};

/// A cluster that runs, as one of its users has it.
#[derive(Debug, Clone)]
pub(crate) struct Attached {
    pub id: ClusterId,
    pub generation: i64,
    pub driver: NodeId,
    /// What its machine has.
    pub size: Given,
    pub engine: Engine,
    /// It has workers, or may get some.
    pub has_workers: bool,
    /// For the programs there.
    pub environment: Environment,
}

/// The workers of a cluster now.
pub(crate) struct Workers {
    pub any: bool,
    /// Those that are there.
    pub ready: Vec<(NodeId, Given)>,
}

impl Compute {
    /// None: it is another generation by now, or gone.
    pub(crate) async fn cluster_workers(&self, on: &Attached) -> Result<Option<Workers>> {
        let mut tx = self.db.read().await?;
        let row = store::get(&mut tx, &on.id).await?;
        let Some(row) = row.filter(|row| row.generation == on.generation) else {
            return Ok(None);
        };
        let mut hosts = store::hosts(&mut tx, &on.id).await?;
        hosts.retain(|host| host.ordinal > 0 && host.ready && host.generation == row.generation);
        let ready = hosts.into_iter().map(|host| (host.node_id, host.size)).collect();
        Ok(Some(Workers { any: scale::has_workers(&row), ready }))
    }

    /// Refuses unless the caller may run commands there now.
    pub(crate) async fn cluster_attach(&self, ctx: &Ctx, id: &str) -> Result<Attached> {
        let row = self.cluster_for(ctx, id, "CAN_ATTACH_TO").await?;
        may_use(ctx, &row)?;
        let hosts = store::hosts(&mut self.db.read().await?, &row.id).await?;
        let driver = hosts
            .into_iter()
            .find(|host| host.ordinal == 0 && host.ready && host.generation == row.generation);
        let driver = match (row.state, driver) {
            (State::Running | State::Resizing, Some(driver)) => driver,
            (State::Terminated | State::Terminating, _) => {
                let state = row.state.as_str();
                return Err(ApiError::new(
                    ErrorCode::InvalidState,
                    format!("Cluster {id} is {state}: start it first."),
                ));
            }
            // Clients that see this name try again for a while.
            (state, _) => {
                let text = format!("ClusterNotReadyException: Cluster {id} is {}.", state.as_str());
                return Err(ApiError::new(ErrorCode::InvalidState, text));
            }
        };
        self.clusters.used(&row.id);
        let environment = self.cluster_environment(&row).await?;
        let has_workers = scale::has_workers(&row);
        Ok(Attached {
            id: row.id,
            generation: row.generation,
            driver: driver.node_id,
            size: driver.size,
            engine: versions::engine(row.spec.spark_version.as_deref()),
            has_workers,
            environment,
        })
    }
}

fn may_use(ctx: &Ctx, row: &Cluster) -> Result<()> {
    let single = row.spec.data_security_mode.as_deref() == Some(SINGLE_USER);
    match (single, &row.spec.single_user_name) {
        // A group may have it, too.
        (true, Some(name)) if !ctx.principal.is(name) => Err(ApiError::denied(format!(
            "Cluster {} is for {name} alone (access mode SINGLE_USER).",
            row.id
        ))),
        _ => Ok(()),
    }
}
