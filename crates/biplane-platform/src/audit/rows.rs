//! Rows of `system.access.audit`.

use crate::Result;
use crate::db::{Db, Row, args};
use crate::system::{SystemRow, SystemWanted, micros};
use serde_json::json;

/// Calls that belong to no workspace are the account's and are there for all of it.
const SQL: &str =
    "SELECT event_time, event_id, workspace_id, principal_name, operation, method, path, status,
       error_code, source_ip, user_agent
     FROM audit_events
     WHERE (workspace_id IS NULL OR $1 LIKE '%,' || CAST(workspace_id AS TEXT) || ',%')
       AND event_time >= $2 AND event_time <= $3
       AND (event_time < $4 OR (event_time = $4 AND event_id < $5))
     ORDER BY event_time DESC, event_id DESC LIMIT $6";

pub async fn system_rows(db: &Db, wanted: &SystemWanted) -> Result<Vec<SystemRow>> {
    let (before, before_id) = wanted.position();
    let args = args![
        wanted.workspaces.as_str(),
        wanted.since_ms,
        wanted.until_ms,
        before,
        before_id,
        wanted.limit()
    ];
    let rows = db.read().await?.fetch_all(SQL, args).await?;
    rows.iter().map(row).collect()
}

fn row(row: &Row) -> Result<SystemRow> {
    let (time_ms, id, workspace) = (row.int(0)?, row.text(1)?, row.opt_int(2)?);
    let (name, path) = (row.opt_text(3)?, row.text(6)?);
    let date = chrono::DateTime::from_timestamp_millis(time_ms).map(|at| at.date_naive());
    let values = json!({
        // The account's own have the workspace 0.
        "workspace_id": workspace.unwrap_or(0),
        "version": "2.0",
        "event_time": micros(time_ms),
        "event_date": date.map(|date| date.to_string()),
        "source_ip_address": row.opt_text(9)?,
        "user_agent": row.opt_text(10)?,
        "user_identity": { "email": name, "subject_name": null },
        "service_name": service(&path),
        "action_name": row.text(4)?,
        "request_id": id,
        "request_params": { "http_method": row.text(5)?, "http_path": path },
        "response": { "status_code": row.int(7)?, "error_message": row.opt_text(8)?, "result": null },
        "audit_level": if workspace.is_some() { "WORKSPACE_LEVEL" } else { "ACCOUNT_LEVEL" },
        "event_id": id,
        "identity_metadata": { "run_by": name, "run_as": name, "acting_resource": null },
    });
    Ok(SystemRow { time_ms, id, values })
}

/// The word that Databricks has for this part of the API.
fn service(path: &str) -> &'static str {
    let api =
        path.strip_prefix("/api/").and_then(|rest| rest.split_once('/')).map(|(_, rest)| rest);
    match api.map(|rest| rest.split('/').next().unwrap_or_default()) {
        Some("unity-catalog") => "unityCatalog",
        Some("sql") => "databrickssql",
        Some("accounts") => "accounts",
        Some("preview" | "token" | "token-management" | "permissions") => "accounts",
        Some("fs" | "files" | "dbfs") => "filesystem",
        Some("secrets") => "secrets",
        Some("ip-access-lists" | "workspace-conf") => "workspace",
        Some("contexts" | "commands") => "clusters",
        Some(_) => "biplane",
        None if path.starts_with("/sql/") => "databrickssql",
        None if path.starts_with("/oidc") || path.starts_with("/login") => "accounts",
        None => "biplane",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{AuditEvent, AuditSink};
    use crate::testing::TestDb;
    use biplane_api::ids::{RequestId, WorkspaceId};

    #[tokio::test]
    async fn rows_are_of_the_workspaces_asked_for_and_of_the_account() {
        let db = TestDb::new(&[crate::MIGRATIONS]).await.unwrap();
        let (sink, task) = AuditSink::start(db.db.clone());
        for (at, workspace) in [(1, Some(7)), (2, Some(8)), (3, None), (4, Some(77))] {
            let event = AuditEvent {
                request_id: RequestId::random(),
                event_time: at,
                workspace_id: workspace.map(WorkspaceId),
                principal_id: None,
                principal_name: Some("ada@example.com".into()),
                operation: "warehouse_create".into(),
                method: "POST".into(),
                path: "/api/2.0/sql/warehouses".into(),
                status: 200,
                error_code: None,
                source_ip: None,
                user_agent: None,
                duration_us: 1,
            };
            sink.record(event).await;
        }
        drop(sink);
        task.await.unwrap();
        let mut wanted = SystemWanted {
            workspaces: SystemWanted::workspaces_text([7]),
            since_ms: 0,
            until_ms: i64::MAX,
            after: None,
            limit: 1,
        };
        let first = system_rows(&db.db, &wanted).await.unwrap();
        assert_eq!(first[0].values["workspace_id"], 0);
        assert_eq!(first[0].values["event_date"], "1970-01-01");
        wanted.after = Some((first[0].time_ms, first[0].id.clone()));
        let second = system_rows(&db.db, &wanted).await.unwrap();
        assert_eq!(second[0].values["workspace_id"], 7);
        assert_eq!(second[0].values["service_name"], "databrickssql");
        wanted.until_ms = 0;
        wanted.after = None;
        assert!(system_rows(&db.db, &wanted).await.unwrap().is_empty());
    }
}
