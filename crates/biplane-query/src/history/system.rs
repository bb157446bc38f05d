//! Rows of `system.query.history`: statements that have ended.

use super::store;
use crate::Query;
use crate::statements::State;
use crate::statements::record::Stored;
use biplane_platform::Result;
use biplane_platform::system::{SystemRow, SystemWanted, micros};
use serde_json::{Map, Value, json};

impl Query {
    pub async fn system_rows(&self, wanted: &SystemWanted) -> Result<Vec<SystemRow>> {
        let rows = store::ended(&mut self.db.read().await?, wanted).await?;
        Ok(rows.into_iter().filter_map(row).collect())
    }
}

fn row(stored: Stored) -> Option<SystemRow> {
    let (info, ended) = (stored.info, stored.ended?);
    let status = match stored.state {
        State::Failed => "FAILED",
        State::Canceled => "CANCELED",
        _ => "FINISHED",
    };
    let metrics = ended.metrics;
    let tags: Map<String, Value> = info
        .query_tags
        .into_iter()
        .map(|tag| (tag.key, tag.value.unwrap_or_default().into()))
        .collect();
    let user_id = info.principal_id.0.to_string();
    let values = json!({
        "workspace_id": info.workspace_id.0.to_string(),
        "statement_id": info.id,
        "session_id": info.session_id,
        "execution_status": status,
        "compute": { "type": "WAREHOUSE", "cluster_id": null, "warehouse_id": info.warehouse_id },
        "executed_by_user_id": user_id,
        "executed_by": info.principal_name,
        "statement_text": &*info.text,
        "statement_type": Some(ended.statement_type).filter(|text| !text.is_empty()),
        "error_message": ended.error.map(|error| error.message),
        "client_application": info.client_application,
        "total_duration_ms": (ended.ended_at - info.started_at).max(0),
        "waiting_for_compute_duration_ms": metrics.provisioning_ms,
        "waiting_at_capacity_duration_ms": metrics.queued_ms,
        "execution_duration_ms": metrics.execute_ms,
        "compilation_duration_ms": metrics.compile_ms,
        "start_time": micros(info.started_at),
        "end_time": micros(ended.ended_at),
        "update_time": micros(ended.ended_at),
        "pruned_files": metrics.files_pruned,
        "read_files": metrics.files_read,
        "read_rows": metrics.rows_read,
        "produced_rows": metrics.rows_produced,
        "read_bytes": metrics.bytes_read,
        "from_result_cache": metrics.from_cache,
        "spilled_local_bytes": metrics.spilled_bytes,
        "executed_as_user_id": user_id,
        "executed_as": info.principal_name,
        "query_tags": tags,
    });
    Some(SystemRow { time_ms: info.started_at, id: info.id.to_string(), values })
}
