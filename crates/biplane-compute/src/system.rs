//! Rows of `system.compute` and `system.access.outbound_network`.

use crate::Compute;
use crate::warehouses::spec::Spec;
use biplane_platform::db::{Row, args};
use biplane_platform::system::{SystemRow, SystemWanted, micros};
use biplane_platform::{ApiError, Result};
use serde_json::{Map, Value, json};

impl Compute {
    /// None: these tables are not of this service.
    pub async fn system_rows(
        &self,
        schema: &str,
        table: &str,
        wanted: &SystemWanted,
    ) -> Result<Option<Vec<SystemRow>>> {
        let (sql, row): (_, fn(&Row) -> Result<SystemRow>) = match (schema, table) {
            ("compute", "warehouse_events") => (EVENTS, event),
            ("compute", "warehouses") => (WAREHOUSES, warehouse),
            ("access", "outbound_network") => (OUTBOUND, outbound),
            _ => return Ok(None),
        };
        let (before, before_id) = wanted.position();
        let args = args![
            wanted.workspaces.as_str(),
            wanted.since_ms,
            wanted.until_ms,
            before,
            before_id,
            wanted.limit()
        ];
        let rows = self.db.read().await?.fetch_all(sql, args).await?;
        rows.iter().map(row).collect::<Result<_>>().map(Some)
    }
}

const EVENTS: &str = "SELECT event_time, warehouse_id || ':' || CAST(position AS TEXT) AS id, workspace_id,
       warehouse_id, event_type, cluster_count
     FROM warehouse_events
     WHERE $1 LIKE '%,' || CAST(workspace_id AS TEXT) || ',%' AND event_time >= $2 AND event_time <= $3
       AND (event_time < $4 OR (event_time = $4 AND warehouse_id || ':' || CAST(position AS TEXT) < $5))
     ORDER BY event_time DESC, id DESC LIMIT $6";

fn event(row: &Row) -> Result<SystemRow> {
    let time_ms = row.int(0)?;
    let values = json!({
        "workspace_id": row.int(2)?.to_string(),
        "warehouse_id": row.text(3)?,
        "event_type": row.text(4)?,
        "cluster_count": row.int(5)?,
        "event_time": micros(time_ms),
    });
    Ok(SystemRow { time_ms, id: row.text(1)?, values })
}

const WAREHOUSES: &str = "SELECT change_time, warehouse_id || ':' || CAST(version AS TEXT) AS id, workspace_id,
       warehouse_id, name, spec, delete_time
     FROM warehouse_changes
     WHERE $1 LIKE '%,' || CAST(workspace_id AS TEXT) || ',%' AND change_time >= $2 AND change_time <= $3
       AND (change_time < $4 OR (change_time = $4 AND warehouse_id || ':' || CAST(version AS TEXT) < $5))
     ORDER BY change_time DESC, id DESC LIMIT $6";

fn warehouse(row: &Row) -> Result<SystemRow> {
    let (time_ms, spec) = (row.int(0)?, row.json::<Spec>(5)?);
    let kind = match spec.enable_serverless_compute {
        true => "SERVERLESS".to_owned(),
        false => spec.warehouse_type,
    };
    let channel = spec.channel.name.unwrap_or_default();
    let channel = match channel.strip_prefix("CHANNEL_NAME_").unwrap_or_default() {
        "" | "UNSPECIFIED" => "CURRENT",
        channel => channel,
    };
    let tags: Map<String, Value> =
        spec.tags.custom_tags.into_iter().map(|tag| (tag.key, tag.value.into())).collect();
    let values = json!({
        "workspace_id": row.int(2)?.to_string(),
        "warehouse_id": row.text(3)?,
        "warehouse_name": row.text(4)?,
        "warehouse_type": kind,
        "warehouse_channel": channel,
        "warehouse_size": spec.cluster_size.to_uppercase().replace('-', "_"),
        "min_clusters": spec.min_num_clusters,
        "max_clusters": spec.max_num_clusters,
        "auto_stop_minutes": spec.auto_stop_mins,
        "tags": tags,
        "change_time": micros(time_ms),
        "delete_time": row.opt_int(6)?.map(micros),
    });
    Ok(SystemRow { time_ms, id: row.text(1)?, values })
}

const OUTBOUND: &str = "SELECT event_time, event_id, workspace_id, destination_type, destination, dns_event,
       storage_event, access_type, network_source_type
     FROM outbound_accesses
     WHERE $1 LIKE '%,' || CAST(workspace_id AS TEXT) || ',%' AND event_time >= $2 AND event_time <= $3
       AND (event_time < $4 OR (event_time = $4 AND event_id < $5))
     ORDER BY event_time DESC, event_id DESC LIMIT $6";

fn outbound(row: &Row) -> Result<SystemRow> {
    let (time_ms, id) = (row.int(0)?, row.text(1)?);
    let details = |column| -> Result<Value> {
        let text = row.opt_text(column)?;
        let value = text.map(|text| serde_json::from_str(&text)).transpose();
        Ok(value.map_err(ApiError::internal)?.unwrap_or_default())
    };
    let values = json!({
        "workspace_id": row.int(2)?.to_string(),
        "event_id": id,
        "destination_type": row.text(3)?,
        "destination": row.text(4)?,
        "dns_event": details(5)?,
        "storage_event": details(6)?,
        "event_time": micros(time_ms),
        "access_type": row.text(7)?,
        "network_source_type": row.text(8)?,
    });
    Ok(SystemRow { time_ms, id, values })
}
