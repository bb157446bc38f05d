//! What happened to a warehouse: a row for every change of its state and of the number of its engines,
//! written by its reconciler as it sees them.

use super::slot::Slot;
use crate::Compute;
use biplane_api::compute::{WarehouseEvent, WarehouseEventList, WarehouseState};
use biplane_api::ids::WarehouseId;
use biplane_platform::db::{Row, args};
use biplane_platform::{Ctx, Result, page};

const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 1000;
const KEPT_MS: i64 = 30 * 24 * 3_600_000;

/// What was told last.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told(Option<(WarehouseState, usize)>);

/// The events between two looks.
fn events(
    before: Option<(WarehouseState, usize)>,
    now: (WarehouseState, usize),
) -> Vec<&'static str> {
    let (state, engines) = now;
    let Some((state_before, engines_before)) = before else {
        return if state == WarehouseState::Starting { vec!["STARTING"] } else { Vec::new() };
    };
    let mut found = Vec::new();
    if state != state_before {
        found.extend(match state {
            WarehouseState::Starting => Some("STARTING"),
            WarehouseState::Running => Some("RUNNING"),
            WarehouseState::Stopping => Some("STOPPING"),
            WarehouseState::Stopped | WarehouseState::Deleted => Some("STOPPED"),
            WarehouseState::Deleting => None,
        });
    } else if state == WarehouseState::Running && engines != engines_before {
        found.push(if engines > engines_before { "SCALED_UP" } else { "SCALED_DOWN" });
    }
    found
}

/// Writes what changed. An event that cannot be written is lost; nothing depends on it.
pub(super) async fn tell(compute: &Compute, slot: &Slot, told: &mut Told) {
    let (now, adopted) = {
        let live = slot.live.borrow();
        let adopted = live.members.iter().any(|member| member.adopted);
        ((live.state(), live.serving().count()), adopted)
    };
    let before = told.0.replace(now);
    if before.is_none() && adopted {
        // It ran before this server did.
        told.0 = Some((WarehouseState::Running, now.1));
        return;
    }
    for event in events(before, now) {
        if let Err(error) = write(compute, slot, event, now.1).await {
            tracing::warn!(warehouse_id = %slot.id, %error, cause = ?error.internal, "an event of a warehouse could not be written");
        }
    }
}

async fn write(compute: &Compute, slot: &Slot, event: &str, engines: usize) -> Result<()> {
    let now = compute.clock.now_ms();
    let mut tx = compute.db.write_relaxed().await?;
    let engines = i64::try_from(engines).unwrap_or(i64::MAX);
    tx.execute(
        "INSERT INTO warehouse_events (position, warehouse_id, workspace_id, event_type, cluster_count, event_time)
         SELECT COALESCE(MAX(position), 0) + 1, $1, $2, $3, $4, $5 FROM warehouse_events WHERE warehouse_id = $1",
        args![slot.id.as_str(), slot.workspace_id.0, event, engines, now],
    )
    .await?;
    tx.execute("DELETE FROM warehouse_events WHERE event_time < $1", args![now - KEPT_MS]).await?;
    tx.commit().await
}

fn render(row: &Row) -> Result<(i64, WarehouseEvent)> {
    let event = WarehouseEvent {
        warehouse_id: row.parse(1)?,
        event_type: row.text(2)?,
        cluster_count: row.int(3)?,
        event_time: row.int(4)?,
    };
    Ok((row.int(0)?, event))
}

impl Compute {
    /// The newest first.
    pub async fn warehouse_event_list(
        &self,
        ctx: &Ctx,
        id: &WarehouseId,
        size: Option<i64>,
        token: Option<&str>,
    ) -> Result<WarehouseEventList> {
        self.slot_for(ctx, id, "CAN_MONITOR").await?;
        let limit = page::size(size, PAGE_DEFAULT, PAGE_MAX)?;
        let before: i64 = page::decode(token)?.unwrap_or(i64::MAX);
        let rows = self
            .db
            .read()
            .await?
            .fetch_all(
                "SELECT position, warehouse_id, event_type, cluster_count, event_time FROM warehouse_events
                 WHERE warehouse_id = $1 AND position < $2 ORDER BY position DESC LIMIT $3",
                args![id.as_str(), before, i64::try_from(limit).unwrap_or(i64::MAX) + 1],
            )
            .await?;
        let rows = rows.iter().map(render).collect::<Result<Vec<_>>>()?;
        let (rows, next_page_token) = page::cut(rows, limit, |(position, _)| *position);
        let events = rows.into_iter().map(|(_, event)| event).collect();
        Ok(WarehouseEventList { events, next_page_token })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use WarehouseState::*;

    #[test]
    fn changes_are_events() {
        assert_eq!(events(None, (Starting, 0)), ["STARTING"]);
        assert!(events(None, (Stopped, 0)).is_empty());
        assert_eq!(events(Some((Starting, 0)), (Running, 1)), ["RUNNING"]);
        assert_eq!(events(Some((Running, 1)), (Running, 2)), ["SCALED_UP"]);
        assert_eq!(events(Some((Running, 2)), (Running, 1)), ["SCALED_DOWN"]);
        assert_eq!(events(Some((Running, 2)), (Stopping, 0)), ["STOPPING"]);
        assert!(events(Some((Running, 2)), (Running, 2)).is_empty());
    }
}
