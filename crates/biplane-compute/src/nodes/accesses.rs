//! What sandboxes tried to reach, for the people of a workspace: admins see all of it, others what the
//! warehouses they may monitor and their own code tried.

use super::outbound::OutboundRow;
use crate::Compute;
use crate::code::CLUSTER;
use biplane_api::ids::WorkspaceId;
use biplane_api::seen::{OutboundAccessInfo, OutboundAccessList};
use biplane_platform::db::args;
use biplane_platform::{ApiError, Ctx, Result, page};
use serde_json::Value;
use std::collections::HashSet;

const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 1000;
const BATCH: usize = 1000;
/// Rows looked at for one page, of which the caller may see some; then there is another page.
const BATCHES_MAX: usize = 10;

/// Which ones.
#[derive(Debug, Clone, Default)]
pub struct AccessFilter {
    /// DENIED, ALLOWED or DRY_RUN.
    pub outcome: Option<String>,
    pub start_ms: Option<i64>,
    pub sandbox_id: Option<String>,
}

type Position = (i64, String);

/// What a caller may see.
enum Seen {
    All,
    Some { resources: HashSet<String>, sandboxes: HashSet<String> },
}

impl Seen {
    fn holds(&self, row: &OutboundRow) -> bool {
        match self {
            Seen::All => true,
            Seen::Some { resources, sandboxes } => {
                resources.contains(&row.resource_id) || sandboxes.contains(&row.sandbox_id)
            }
        }
    }
}

fn access_type(outcome: Option<&str>) -> Result<Option<&'static str>> {
    match outcome.filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some("DENIED") => Ok(Some("DROP")),
        Some("ALLOWED") => Ok(Some("ALLOW")),
        Some("DRY_RUN") => Ok(Some("DRY_RUN")),
        Some(_) => Err(ApiError::invalid("outcome must be DENIED, ALLOWED or DRY_RUN.")),
    }
}

fn info(row: OutboundRow) -> OutboundAccessInfo {
    let storage: Option<Value> =
        row.storage_event.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let path = storage.as_ref().and_then(|event| event.get("path")).and_then(Value::as_str);
    OutboundAccessInfo {
        outcome: match row.access_type.as_str() {
            "DROP" => "DENIED",
            "ALLOW" => "ALLOWED",
            _ => "DRY_RUN",
        }
        .to_owned(),
        path: path.map(str::to_owned),
        event_id: row.event_id,
        event_time: row.event_time_ms,
        destination_type: row.destination_type,
        destination: row.destination,
        port: row.port,
        reason_code: row.reason_code,
        reason: row.reason,
        suppressed: row.suppressed,
        warehouse_id: Some(row.resource_id).filter(|id| id != CLUSTER),
        sandbox_id: row.sandbox_id,
    }
}

impl Compute {
    /// The newest first.
    pub async fn outbound_access_list(
        &self,
        ctx: &Ctx,
        filter: &AccessFilter,
        size: Option<i64>,
        token: Option<&str>,
    ) -> Result<OutboundAccessList> {
        let workspace = ctx.workspace()?;
        let limit = page::size(size, PAGE_DEFAULT, PAGE_MAX)?;
        let kind = access_type(filter.outcome.as_deref())?;
        let mut before: Position = page::decode(token)?.unwrap_or((i64::MAX, String::new()));
        let seen = self.accesses_seen(ctx).await?;
        let mut found: Vec<OutboundRow> = Vec::new();
        let mut more = true;
        for _ in 0..BATCHES_MAX {
            let rows = self.accesses(workspace, kind, filter, &before).await?;
            more = rows.len() == BATCH;
            if let Some(last) = rows.last() {
                before = (last.event_time_ms, last.event_id.clone());
            }
            found.extend(rows.into_iter().filter(|row| seen.holds(row)));
            if !more || found.len() > limit {
                break;
            }
        }
        let position = |row: &OutboundRow| (row.event_time_ms, row.event_id.clone());
        let (rows, cut) = page::cut(found, limit, position);
        let next_page_token = cut.or_else(|| more.then(|| page::encode(&before)));
        Ok(OutboundAccessList { accesses: rows.into_iter().map(info).collect(), next_page_token })
    }

    async fn accesses_seen(&self, ctx: &Ctx) -> Result<Seen> {
        if ctx.principal.workspace_admin {
            return Ok(Seen::All);
        }
        let own = |id| id == ctx.principal.id;
        let monitored = self.warehouses_monitored(ctx).await?;
        Ok(Seen::Some {
            resources: monitored.iter().map(ToString::to_string).collect(),
            sandboxes: self
                .code
                .all()
                .iter()
                .filter(|sandbox| {
                    own(sandbox.principal_id) && Some(sandbox.workspace_id) == ctx.workspace
                })
                .map(|sandbox| sandbox.id.to_string())
                .collect(),
        })
    }

    async fn accesses(
        &self,
        workspace: WorkspaceId,
        kind: Option<&str>,
        filter: &AccessFilter,
        before: &Position,
    ) -> Result<Vec<OutboundRow>> {
        let rows = self
            .db
            .read()
            .await?
            .fetch_all(
                "SELECT event_id, workspace_id, event_time, destination_type, destination, dns_event,
                   storage_event, access_type, network_source_type, resource_id, sandbox_id, port,
                   reason, suppressed, reason_code
                 FROM outbound_accesses WHERE workspace_id = $1 AND event_time >= $2
                   AND (event_time < $3 OR (event_time = $3 AND event_id < $4))
                   AND access_type = COALESCE($5, access_type) AND sandbox_id = COALESCE($6, sandbox_id)
                 ORDER BY event_time DESC, event_id DESC LIMIT $7",
                args![
                    workspace.0,
                    filter.start_ms.unwrap_or(0),
                    before.0,
                    before.1.as_str(),
                    kind,
                    filter.sandbox_id.as_deref(),
                    i64::try_from(BATCH).unwrap_or(i64::MAX)
                ],
            )
            .await?;
        rows.iter().map(super::outbound::row).collect()
    }
}
