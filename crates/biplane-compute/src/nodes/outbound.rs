//! What sandboxes tried to reach, kept for a while.
//!
//! What must hold: a row says what the node saw; which workspace it was is what this service placed
//! there, not what the node says.

use crate::Compute;
use biplane_api::ids::{NodeId, SandboxId, WorkspaceId};
use biplane_platform::Result;
use biplane_platform::db::{Row, args};
use biplane_proto::v1::outbound_access::{Kind, Outcome};
use biplane_proto::v1::{OutboundAccess, OutboundAccesses};
use serde_json::json;
use std::sync::atomic::Ordering;

/// What a node may tell at one time.
const TOLD_MAX: usize = 1000;
const KEEP_MS: i64 = 30 * 24 * 60 * 60 * 1000;
const SWEEP_EVERY_MS: i64 = 60 * 60 * 1000;
/// A clock of a node may be off; a row's time is not in the future, and not before it ran.
const BEHIND_MS_MAX: i64 = 60 * 60 * 1000;
const TEXT_CHARS_MAX: usize = 1024;

/// A row of `system.access.outbound_network`, and what we know more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundRow {
    pub event_id: String,
    pub workspace_id: WorkspaceId,
    pub event_time_ms: i64,
    pub destination_type: String,
    pub destination: String,
    /// JSON.
    pub dns_event: Option<String>,
    /// JSON.
    pub storage_event: Option<String>,
    pub access_type: String,
    pub network_source_type: String,
    pub resource_id: String,
    pub sandbox_id: String,
    pub port: i64,
    pub reason: String,
    pub suppressed: i64,
    /// A word such as `not-in-policy`.
    pub reason_code: String,
}

impl Compute {
    pub(crate) async fn outbound_tried(&self, node_id: &NodeId, tried: OutboundAccesses) {
        let rows: Vec<OutboundRow> = tried
            .accesses
            .into_iter()
            .take(TOLD_MAX)
            .filter_map(|access| self.outbound_row(node_id, access))
            .collect();
        if let Err(error) = self.outbound_insert(&rows).await {
            tracing::warn!(%node_id, %error, cause = ?error.internal, "what sandboxes tried to reach could not be kept");
        }
    }

    /// None: the sandbox is not one that this node runs for us.
    fn outbound_row(&self, node_id: &NodeId, access: OutboundAccess) -> Option<OutboundRow> {
        let (kind, outcome) = (access.kind(), access.outcome());
        let sandbox_id: SandboxId = access.sandbox_id.parse().ok()?;
        let (workspace_id, resource_id) = match self.code.get(node_id, &sandbox_id) {
            Some(sandbox) => (sandbox.workspace_id, crate::code::CLUSTER.to_owned()),
            None => {
                let slot = self.expected_slot(node_id, &sandbox_id)?;
                (slot.workspace_id, slot.id.to_string())
            }
        };
        let now = self.clock.now_ms();
        let cut = |text: &str| text.chars().take(TEXT_CHARS_MAX).collect::<String>();
        let (destination, reason) = (cut(&access.destination), cut(&access.reason));
        // 3: no such name, which is what a program inside is told.
        let dns_event = (kind == Kind::Dns)
            .then(|| json!({ "domain_name": destination, "rcode": if outcome == Outcome::Denied { 3 } else { 0 } }));
        let storage_event = (kind == Kind::Storage).then(|| {
            json!({
                "hostname": format!("s3://{destination}"),
                "path": format!("/{}", cut(&access.path)),
                "rejection_reason": access.reason_code,
            })
        });
        Some(OutboundRow {
            event_id: uuid::Uuid::now_v7().to_string(),
            workspace_id,
            event_time_ms: access.at_ms.clamp(now - BEHIND_MS_MAX, now),
            destination_type: match kind {
                Kind::Dns => "DNS",
                Kind::Ip => "IP",
                Kind::Storage => "STORAGE",
            }
            .to_owned(),
            destination: match kind {
                Kind::Storage => format!("s3://{destination}"),
                Kind::Dns | Kind::Ip => destination,
            },
            dns_event: dns_event.map(|value| value.to_string()),
            storage_event: storage_event.map(|value| value.to_string()),
            access_type: match outcome {
                Outcome::Denied => "DROP",
                Outcome::DryRun => "DRY_RUN",
                Outcome::Allowed => "ALLOW",
            }
            .to_owned(),
            network_source_type: match access.product.as_str() {
                "DBSQL" => "DBSQL",
                "ML_SERVING" => "MLServing",
                _ => "General Compute",
            }
            .to_owned(),
            resource_id,
            sandbox_id: sandbox_id.to_string(),
            port: access.port.into(),
            reason,
            suppressed: i64::try_from(access.suppressed).unwrap_or(i64::MAX),
            reason_code: cut(&access.reason_code),
        })
    }

    async fn outbound_insert(&self, rows: &[OutboundRow]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.write().await?;
        for row in rows {
            tx.execute(
                "INSERT INTO outbound_accesses (event_id, workspace_id, event_time, destination_type,
                   destination, dns_event, storage_event, access_type, network_source_type, resource_id,
                   sandbox_id, port, reason, suppressed, reason_code)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
                args![
                    &row.event_id,
                    row.workspace_id.0,
                    row.event_time_ms,
                    &row.destination_type,
                    &row.destination,
                    row.dns_event.as_deref(),
                    row.storage_event.as_deref(),
                    &row.access_type,
                    &row.network_source_type,
                    &row.resource_id,
                    &row.sandbox_id,
                    row.port,
                    &row.reason,
                    row.suppressed,
                    &row.reason_code
                ],
            )
            .await?;
        }
        let now = self.clock.now_ms();
        if now - self.outbound_swept.load(Ordering::Relaxed) >= SWEEP_EVERY_MS {
            self.outbound_swept.store(now, Ordering::Relaxed);
            let sql = "DELETE FROM outbound_accesses WHERE event_time < $1";
            tx.execute(sql, args![now - KEEP_MS]).await?;
        }
        tx.commit().await
    }

    /// Of one workspace, newest first. For the system tables: who may see them is decided there.
    pub async fn outbound_accesses(
        &self,
        workspace: WorkspaceId,
        since_ms: i64,
        limit: u32,
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
                 ORDER BY event_time DESC, event_id DESC LIMIT $3",
                args![workspace.0, since_ms, i64::from(limit)],
            )
            .await?;
        rows.iter().map(row).collect()
    }
}

pub(super) fn row(row: &Row) -> Result<OutboundRow> {
    Ok(OutboundRow {
        event_id: row.text(0)?,
        workspace_id: WorkspaceId(row.int(1)?),
        event_time_ms: row.int(2)?,
        destination_type: row.text(3)?,
        destination: row.text(4)?,
        dns_event: row.opt_text(5)?,
        storage_event: row.opt_text(6)?,
        access_type: row.text(7)?,
        network_source_type: row.text(8)?,
        resource_id: row.text(9)?,
        sandbox_id: row.text(10)?,
        port: row.int(11)?,
        reason: row.text(12)?,
        suppressed: row.int(13)?,
        reason_code: row.text(14)?,
    })
}
