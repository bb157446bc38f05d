//! The tables of the catalog `samples`, made once by an engine while the server already serves.

use biplane_api::ids::WarehouseId;
use biplane_platform::{Ctx, Db, Result, keys};
use biplane_query::Query;
use biplane_query::statements::{Format, State, SubmitRequest, Target};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Set when they were made: somebody who drops them does not get them back.
const DONE: &str = "samples_tpch";
const RETRY: Duration = Duration::from_secs(5);
const ATTEMPTS: u32 = 20;
const PATIENCE: Duration = Duration::from_secs(3600);

pub struct Samples {
    pub db: Db,
    pub query: Arc<Query>,
    pub system: Ctx,
    pub warehouse: WarehouseId,
    /// `0` = none.
    pub scale: String,
}

impl Samples {
    pub async fn make(self, stop: CancellationToken) {
        if self.scale.parse::<f64>().is_ok_and(|scale| scale <= 0.0) {
            return;
        }
        for _ in 0..ATTEMPTS {
            match stop.run_until_cancelled(self.try_make()).await {
                None | Some(Ok(())) => return,
                Some(Err(error)) => {
                    tracing::warn!(%error, cause = ?error.internal, "samples.tpch is not complete yet")
                }
            }
            if stop.run_until_cancelled(tokio::time::sleep(RETRY)).await.is_none() {
                return;
            }
        }
        tracing::error!("samples.tpch could not be made; it is tried again at the next start");
    }

    async fn try_make(&self) -> Result<()> {
        if keys::find(&self.db, DONE).await?.is_some() {
            return Ok(());
        }
        let text = format!("CALL biplane.generate_tpch('{}')", self.scale.replace('\'', ""));
        let request =
            SubmitRequest::new(Target::Warehouse(self.warehouse.clone()), text, Format::JsonArray);
        let statement = self.query.statements.submit(&self.system, request).await?;
        let deadline = Instant::now() + PATIENCE;
        let end =
            self.query.statements.wait(&statement, deadline, |now| now.state.is_final()).await?;
        if end.state != State::Succeeded {
            let told = end
                .ended
                .and_then(|ended| ended.error.clone())
                .map(|error| error.message)
                .unwrap_or_default();
            return Err(biplane_platform::ApiError::internal(format!("generate_tpch: {told}")));
        }
        keys::stored(&self.db, &self.system.clock, DONE, || self.scale.clone()).await.map(drop)
    }
}
