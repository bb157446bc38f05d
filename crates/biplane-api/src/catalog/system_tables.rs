//! The tables of the catalog `system` beside its information schema: names, columns and types as Databricks
//! documents them. What no part of Biplane knows is NULL, never a guess.

use super::ColumnInfo;

#[derive(Debug)]
pub struct SystemTable {
    pub schema: &'static str,
    pub name: &'static str,
    pub comment: &'static str,
    /// Name, and SQL type in lower case.
    pub columns: &'static [(&'static str, &'static str)],
    /// The column that rows are ordered by, newest first, and that conditions narrow down.
    pub time: &'static str,
}

/// What such tables are in listings: Databricks shares them with its accounts in this format.
pub const SYSTEM_FORMAT: &str = "DELTASHARING";

pub const SYSTEM_TABLES: &[SystemTable] = &[
    SystemTable {
        schema: "access",
        name: "audit",
        comment: "Every call of the API and how it ended, kept for a year",
        columns: &[
            ("account_id", "string"),
            ("workspace_id", "bigint"),
            ("version", "string"),
            ("event_time", "timestamp"),
            ("event_date", "date"),
            ("source_ip_address", "string"),
            ("user_agent", "string"),
            ("session_id", "string"),
            ("user_identity", "struct<email:string,subject_name:string>"),
            ("service_name", "string"),
            ("action_name", "string"),
            ("request_id", "string"),
            ("request_params", "map<string,string>"),
            ("response", "struct<status_code:int,error_message:string,result:string>"),
            ("audit_level", "string"),
            ("event_id", "string"),
            ("identity_metadata", "struct<run_by:string,run_as:string,acting_resource:string>"),
        ],
        time: "event_time",
    },
    SystemTable {
        schema: "access",
        name: "outbound_network",
        comment: "What sandboxes tried to reach outside, kept for 30 days",
        columns: &[
            ("account_id", "string"),
            ("workspace_id", "string"),
            ("event_id", "string"),
            ("destination_type", "string"),
            ("destination", "string"),
            ("dns_event", "struct<domain_name:string,rcode:int>"),
            ("storage_event", "struct<hostname:string,path:string,rejection_reason:string>"),
            ("event_time", "timestamp"),
            ("access_type", "string"),
            ("network_source_type", "string"),
        ],
        time: "event_time",
    },
    SystemTable {
        schema: "compute",
        name: "warehouse_events",
        comment: "Starts, stops and changes of the number of clusters of SQL warehouses, kept for 30 days",
        columns: &[
            ("account_id", "string"),
            ("workspace_id", "string"),
            ("warehouse_id", "string"),
            ("event_type", "string"),
            ("cluster_count", "int"),
            ("event_time", "timestamp"),
        ],
        time: "event_time",
    },
    SystemTable {
        schema: "compute",
        name: "warehouses",
        comment: "SQL warehouses as they were made and changed; all but the last of each kept for a year",
        columns: &[
            ("warehouse_id", "string"),
            ("workspace_id", "string"),
            ("account_id", "string"),
            ("warehouse_name", "string"),
            ("warehouse_type", "string"),
            ("warehouse_channel", "string"),
            ("warehouse_size", "string"),
            ("min_clusters", "int"),
            ("max_clusters", "int"),
            ("auto_stop_minutes", "int"),
            ("tags", "map<string,string>"),
            ("change_time", "timestamp"),
            ("delete_time", "timestamp"),
        ],
        time: "change_time",
    },
    SystemTable {
        schema: "query",
        name: "history",
        comment: "Statements that have ended, kept for 30 days",
        columns: &[
            ("account_id", "string"),
            ("workspace_id", "string"),
            ("statement_id", "string"),
            ("session_id", "string"),
            ("execution_status", "string"),
            ("compute", "struct<type:string,cluster_id:string,warehouse_id:string>"),
            ("executed_by_user_id", "string"),
            ("executed_by", "string"),
            ("statement_text", "string"),
            ("statement_type", "string"),
            ("error_message", "string"),
            ("client_application", "string"),
            ("client_driver", "string"),
            ("cache_origin_statement_id", "string"),
            ("total_duration_ms", "bigint"),
            ("waiting_for_compute_duration_ms", "bigint"),
            ("waiting_at_capacity_duration_ms", "bigint"),
            ("execution_duration_ms", "bigint"),
            ("compilation_duration_ms", "bigint"),
            ("total_task_duration_ms", "bigint"),
            ("result_fetch_duration_ms", "bigint"),
            ("start_time", "timestamp"),
            ("end_time", "timestamp"),
            ("update_time", "timestamp"),
            ("read_partitions", "bigint"),
            ("pruned_files", "bigint"),
            ("read_files", "bigint"),
            ("read_rows", "bigint"),
            ("produced_rows", "bigint"),
            ("read_bytes", "bigint"),
            ("read_io_cache_percent", "int"),
            ("from_result_cache", "boolean"),
            ("spilled_local_bytes", "bigint"),
            ("written_bytes", "bigint"),
            ("written_rows", "bigint"),
            ("written_files", "bigint"),
            ("shuffle_read_bytes", "bigint"),
            ("executed_as_user_id", "string"),
            ("executed_as", "string"),
            ("query_tags", "map<string,string>"),
        ],
        time: "start_time",
    },
];

/// Schemas and what they are about.
pub const SYSTEM_SCHEMAS: &[(&str, &str)] = &[
    ("access", "Who called what, and what sandboxes tried to reach"),
    ("compute", "SQL warehouses and what happened to them"),
    ("query", "Statements"),
];

impl SystemTable {
    pub fn find(schema: &str, name: &str) -> Option<&'static Self> {
        SYSTEM_TABLES.iter().find(|table| table.schema == schema && table.name == name)
    }

    pub fn column_infos(&self) -> Vec<ColumnInfo> {
        let column = |(position, (name, type_text)): (i32, &(&str, &str))| ColumnInfo {
            name: (*name).to_owned(),
            position,
            type_name: type_name(type_text).to_owned(),
            type_text: (*type_text).to_owned(),
            nullable: true,
            ..Default::default()
        };
        (0..).zip(self.columns).map(column).collect()
    }
}

fn type_name(type_text: &str) -> &'static str {
    match type_text.split('<').next() {
        Some("int") => "INT",
        Some("bigint") => "LONG",
        Some("boolean") => "BOOLEAN",
        Some("date") => "DATE",
        Some("timestamp") => "TIMESTAMP",
        Some("struct") => "STRUCT",
        Some("map") => "MAP",
        _ => "STRING",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_lie_in_schemas_and_have_their_time() {
        for table in SYSTEM_TABLES {
            assert!(SYSTEM_SCHEMAS.iter().any(|(schema, _)| *schema == table.schema));
            let time = table.columns.iter().find(|(name, _)| *name == table.time);
            assert_eq!(time.map(|(_, kind)| *kind), Some("timestamp"), "{}", table.name);
            assert!(table.column_infos().iter().all(|column| !column.type_name.is_empty()));
        }
    }
}
