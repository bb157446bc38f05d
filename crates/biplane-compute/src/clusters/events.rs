//! What happened to a cluster, written with what made it happen.

use super::store::Cluster;
use crate::Compute;
use biplane_api::clusters::{ClusterEvent, ClusterEvents, ClusterEventsRequest};
use biplane_api::ids::ClusterId;
use biplane_platform::db::args;
use biplane_platform::{ApiError, Ctx, Result, Tx, page};
use serde_json::{Value, json};

const PAGE_DEFAULT: usize = 50;
const PAGE_MAX: usize = 500;
const KEPT_MS: i64 = 60 * 24 * 3_600_000;
/// Of one cluster; older ones are forgotten.
const EVENTS_MAX: i64 = 10_000;
const TYPES_MAX: usize = 64;

pub(super) async fn write(
    tx: &mut Tx,
    id: &ClusterId,
    kind: &str,
    details: Value,
    now: i64,
) -> Result<()> {
    tx.execute(
        "INSERT INTO cluster_events (position, cluster_id, event_type, event_time, details)
         SELECT COALESCE(MAX(position), 0) + 1, $1, $2, $3, $4 FROM cluster_events WHERE cluster_id = $1",
        args![id.as_str(), kind, now, details.to_string()],
    )
    .await?;
    tx.execute(
        "DELETE FROM cluster_events WHERE event_time < $1 OR (cluster_id = $2 AND position <=
           (SELECT MAX(position) FROM cluster_events WHERE cluster_id = $2) - $3)",
        args![now - KEPT_MS, id.as_str(), EVENTS_MAX],
    )
    .await?;
    Ok(())
}

/// `cluster_size` of an event.
pub(super) fn size(row: &Cluster) -> Value {
    match &row.spec.autoscale {
        Some(autoscale) => json!({ "autoscale": autoscale }),
        None => json!({ "num_workers": row.workers }),
    }
}

pub(super) fn by(ctx: &Ctx) -> Value {
    json!({ "user": ctx.principal.name })
}

struct Wanted {
    since: i64,
    until: i64,
    ascending: bool,
    offset: usize,
    limit: usize,
}

impl Wanted {
    fn of(request: &ClusterEventsRequest) -> Result<Self> {
        let ascending = match request.order.as_deref() {
            None | Some("" | "DESC") => false,
            Some("ASC") => true,
            Some(_) => return Err(ApiError::invalid("order is ASC or DESC.")),
        };
        if request.event_types.len() > TYPES_MAX {
            return Err(ApiError::invalid("There are too many event_types."));
        }
        let offset: usize = match page::decode(request.page_token.as_deref())? {
            Some(offset) => offset,
            None => usize::try_from(request.offset.unwrap_or(0))
                .map_err(|_| ApiError::invalid("offset must not be negative."))?,
        };
        Ok(Self {
            since: request.start_time.unwrap_or(0),
            until: request.end_time.unwrap_or(i64::MAX),
            ascending,
            offset,
            limit: page::size(request.limit.or(request.page_size), PAGE_DEFAULT, PAGE_MAX)?,
        })
    }
}

impl Compute {
    pub async fn cluster_event_list(
        &self,
        ctx: &Ctx,
        request: &ClusterEventsRequest,
    ) -> Result<ClusterEvents> {
        let row = self.cluster_for(ctx, &request.cluster_id, "CAN_ATTACH_TO").await?;
        let wanted = Wanted::of(request)?;
        let sql = match wanted.ascending {
            true => {
                "SELECT event_type, event_time, details FROM cluster_events
                 WHERE cluster_id = $1 AND event_time >= $2 AND event_time <= $3 ORDER BY position"
            }
            false => {
                "SELECT event_type, event_time, details FROM cluster_events
                 WHERE cluster_id = $1 AND event_time >= $2 AND event_time <= $3 ORDER BY position DESC"
            }
        };
        let args = args![row.id.as_str(), wanted.since, wanted.until];
        let found = self.db.read().await?.fetch_all(sql, args).await?;
        let mut events = Vec::new();
        for found in found {
            let kind = found.text(0)?;
            if request.event_types.is_empty() || request.event_types.contains(&kind) {
                events.push(ClusterEvent {
                    cluster_id: row.id.clone(),
                    timestamp: found.int(1)?,
                    kind,
                    details: found.json(2)?,
                });
            }
        }
        let total_count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let end = wanted.offset.saturating_add(wanted.limit);
        let more = events.len() > end;
        let next_page = more.then(|| ClusterEventsRequest {
            cluster_id: row.id.to_string(),
            offset: i64::try_from(end).ok(),
            limit: i64::try_from(wanted.limit).ok(),
            page_token: None,
            page_size: None,
            ..request.clone()
        });
        let events = events.into_iter().skip(wanted.offset).take(wanted.limit).collect();
        let next_page_token = more.then(|| page::encode(&end));
        Ok(ClusterEvents { events, next_page, next_page_token, total_count })
    }
}
