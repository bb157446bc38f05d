//! An engine for a statement: at once when the warehouse runs, else after starting it.

use super::slot::{EngineLink, Live, Slot};
use super::store::{self, Desired};
use crate::Compute;
use biplane_api::ids::{SandboxId, WarehouseId};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result};
use biplane_proto::v1::engine_client::EngineClient;
use std::sync::Arc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

/// The right to run one statement on an engine. As long as it lives the warehouse is not idle.
pub struct EngineLease {
    slot: Arc<Slot>,
    link: EngineLink,
}

impl EngineLease {
    /// A client on the engine's one connection; as cheap as a few counters.
    pub fn engine(&self) -> EngineClient<Channel> {
        self.link.client.clone()
    }

    pub fn sandbox_id(&self) -> &SandboxId {
        &self.link.sandbox_id
    }

    pub fn warehouse_id(&self) -> &WarehouseId {
        &self.slot.id
    }

    /// Cancelled when the engine is gone, for whatever reason. What ran on it is lost.
    pub fn lost(&self) -> &CancellationToken {
        &self.link.lost
    }
}

impl Drop for EngineLease {
    fn drop(&mut self) {
        let mut last_of_an_old_engine = false;
        self.slot.live.send_if_modified(|live| {
            live.active = live.active.saturating_sub(1);
            live.idle_since = Instant::now();
            last_of_an_old_engine = live.active == 0 && live.ready().is_none();
            false
        });
        if last_of_an_old_engine {
            self.slot.wake.notify_one();
        }
    }
}

/// What somebody who waits for an engine finds.
enum Found {
    Ready,
    Wait,
    Stopped,
    StoppedByHand,
    GivenUp(String),
    Deleted,
}

impl Compute {
    /// The engine of a warehouse that `ctx` may use. A stopped warehouse is started and waited for.
    pub async fn acquire(
        self: &Arc<Self>,
        ctx: &Ctx,
        id: &WarehouseId,
        deadline: Instant,
    ) -> Result<EngineLease> {
        let slot = self.slot_for(ctx, id, "CAN_USE").await?;
        match lease(&slot) {
            Some(lease) => Ok(lease),
            None => self.acquire_later(slot, deadline).await,
        }
    }

    async fn acquire_later(
        self: &Arc<Self>,
        slot: Arc<Slot>,
        deadline: Instant,
    ) -> Result<EngineLease> {
        let mut changes = slot.live.subscribe();
        let (stops, give_ups) = {
            let live = changes.borrow_and_update();
            (live.stops, live.give_ups)
        };
        loop {
            let found = look(&changes.borrow_and_update(), stops, give_ups);
            match found {
                Found::Ready => {
                    if let Some(lease) = lease(&slot) {
                        return Ok(lease);
                    }
                }
                Found::Wait => {}
                Found::Stopped => self.want_running(&slot).await?,
                Found::StoppedByHand => {
                    return Err(ApiError::new(
                        ErrorCode::InvalidState,
                        format!("SQL warehouse {} was stopped.", slot.id),
                    ));
                }
                Found::GivenUp(summary) => {
                    return Err(ApiError::new(
                        ErrorCode::TemporarilyUnavailable,
                        format!("SQL warehouse {} could not be started: {summary}", slot.id),
                    ));
                }
                Found::Deleted => return Err(super::ops::missing(&slot.id)),
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = tokio::time::sleep_until(deadline) => {
                    return Err(ApiError::new(
                        ErrorCode::DeadlineExceeded,
                        format!("SQL warehouse {} did not start in time.", slot.id),
                    ));
                }
            }
        }
    }

    /// Writes the intent to run and takes it in. Nothing happens when it was there already.
    pub(crate) async fn want_running(self: &Arc<Self>, slot: &Slot) -> Result<()> {
        let mut tx = self.db.write().await?;
        let row = store::want_running(&mut tx, &slot.id, self.clock.now_ms()).await?;
        tx.commit().await?;
        match row {
            Some(row) => slot.apply(row),
            None => self.reload(&slot.id).await?,
        }
        Ok(())
    }
}

fn lease(slot: &Arc<Slot>) -> Option<EngineLease> {
    let mut link = None;
    slot.live.send_if_modified(|live| {
        link = live.ready().cloned();
        live.active += u32::from(link.is_some());
        false
    });
    link.map(|link| EngineLease { slot: slot.clone(), link })
}

fn look(live: &Live, stops: u64, give_ups: u64) -> Found {
    if live.deleted {
        Found::Deleted
    } else if live.ready().is_some() {
        Found::Ready
    } else if live.stops != stops {
        Found::StoppedByHand
    } else if live.give_ups != give_ups {
        let failure = live.row.failure.as_ref();
        Found::GivenUp(
            failure.map_or_else(|| "the start failed".into(), |failure| failure.summary.clone()),
        )
    } else if live.row.desired == Desired::Stopped {
        Found::Stopped
    } else {
        Found::Wait
    }
}
