//! CREATE, ALTER, DROP, DESCRIBE, SHOW and what follows from them.

use crate::catalog;
use crate::harness::Harness;
use biplane_api::catalog::TableInfo;
use biplane_api::catalog::system_tables::{SYSTEM_FORMAT, SystemTable};
use biplane_api::internal::ResolvedTable;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_made_described_and_dropped() {
    let harness = catalog::start().await;
    harness
        .sql("CREATE TABLE Orders (Id BIGINT NOT NULL COMMENT 'key', amount DECIMAL(10,2), day DATE, \
              tags ARRAY<STRING>, CONSTRAINT orders_pk PRIMARY KEY (Id)) USING DELTA PARTITIONED BY (day) \
              COMMENT 'all of them' TBLPROPERTIES ('quality' = 'gold')")
        .await;
    let table = harness.fake.table("main.default.orders").unwrap();
    assert_eq!(table.info.table_type, "MANAGED");
    assert_eq!(table.info.columns[1].type_text, "decimal(10,2)");
    assert_eq!(table.info.columns[2].partition_index, Some(0));
    let rows = harness.rows("DESCRIBE TABLE orders").await;
    assert_eq!(rows[..2], ["Id|bigint|key", "amount|decimal(10,2)|null"]);
    assert!(rows.contains(&"# Partition Information||".to_owned()));
    let rows = harness.rows("DESCRIBE TABLE EXTENDED main.default.orders").await;
    for line in [
        "Type|MANAGED|",
        "Provider|delta|",
        "orders_pk|PRIMARY KEY (`Id`)|",
        "Comment|all of them|",
    ] {
        assert!(rows.contains(&line.to_owned()), "{line} in {rows:?}");
    }
    let json = harness.rows("DESCRIBE TABLE EXTENDED orders AS JSON").await;
    let json: serde_json::Value = serde_json::from_str(&json[0]).unwrap();
    assert_eq!(json["columns"][0]["nullable"], false);
    assert_eq!(json["columns"][3]["type"]["element_type"]["name"], "string");
    assert_eq!(json["table_constraints"], "[(orders_pk,PRIMARY KEY (`Id`))]");
    let text = harness.rows("SHOW CREATE TABLE orders").await;
    assert!(text[0].contains("PARTITIONED BY (`day`)"), "{text:?}");
    assert_eq!(
        harness.fails("CREATE TABLE orders (a INT)").await.error_class,
        "TABLE_OR_VIEW_ALREADY_EXISTS"
    );
    harness.sql("CREATE TABLE IF NOT EXISTS orders (a INT)").await;
    let null = harness.fails("INSERT INTO orders (amount) VALUES (1)").await;
    assert_eq!(null.error_class, "DELTA_MISSING_NOT_NULL_COLUMN_VALUE");
    let null = harness.fails("INSERT INTO orders VALUES (NULL, 1, current_date(), NULL)").await;
    assert_eq!(null.sql_state, "23502", "{}", null.message);
    assert_eq!(harness.fails("DROP VIEW orders").await.sql_state, "42809");
    harness.sql("DROP TABLE orders").await;
    harness.sql("DROP TABLE IF EXISTS orders").await;
    let gone = harness.fails("DESCRIBE orders").await;
    assert_eq!(gone.error_class, "TABLE_OR_VIEW_NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_makes_a_table_and_replaces_it() {
    let harness = catalog::start().await;
    let ran =
        harness.sql("CREATE TABLE t AS SELECT 1 AS Id, 'x' AS name UNION ALL SELECT 2, 'y'").await;
    assert_eq!(ran.rows(), [[Some("2".to_owned()), Some("2".to_owned())]]);
    assert_eq!(ran.finished.num_modified_rows, Some(2));
    let columns = harness.fake.table("main.default.t").unwrap().info.columns;
    assert!(columns.iter().all(|column| column.nullable), "{columns:?}");
    assert_eq!(columns[0].name, "Id");
    assert_eq!(harness.rows("SELECT count(*) FROM t VERSION AS OF 0").await, ["2"]);
    harness.sql("CREATE OR REPLACE TABLE t PARTITIONED BY (p) AS SELECT 3 AS p, 4.5 AS v").await;
    assert_eq!(harness.rows("SELECT * FROM t").await, ["3|4.5"]);
    assert_eq!(harness.rows("SELECT name FROM t VERSION AS OF 0 ORDER BY id").await, ["x", "y"]);
    harness.sql("CREATE OR REPLACE TABLE t (a INT, b STRING)").await;
    assert_eq!(harness.rows("SELECT count(*) FROM t").await, ["0"]);
    let history = harness.sql("DESCRIBE HISTORY t").await;
    assert_eq!(history.rows().len(), 3);
    assert_eq!(history.names()[..5], ["version", "timestamp", "userId", "userName", "operation"]);
    assert_eq!(history.rows()[0][3].as_deref(), Some("ada@example.com"));
    let detail = harness.sql("DESCRIBE DETAIL t").await.rows();
    assert_eq!(detail[0][0].as_deref(), Some("delta"));
    harness.sql("CREATE TABLE u LIKE t").await;
    assert_eq!(harness.rows("SHOW COLUMNS IN u").await, ["a", "b"]);
    let bad = harness.fails("CREATE TABLE w AS SELECT 1 AS `a b`").await;
    assert_eq!(bad.error_class, "DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES");
    assert!(harness.fake.table("main.default.w").is_none());
    let bad = harness.fails("CREATE TABLE w AS SELECT 1 / 0 AS a").await;
    assert_eq!(bad.error_class, "DIVIDE_BY_ZERO");
    assert!(harness.fake.table("main.default.w").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_table_keeps_nothing_but_its_history() {
    let harness = catalog::start().await;
    let first = "CREATE OR REPLACE TABLE t (a INT NOT NULL, CONSTRAINT pk PRIMARY KEY (a)) \
                 TBLPROPERTIES ('old' = '1', 'both' = '1')";
    harness.sql(first).await;
    harness.sql(first).await;
    harness.sql("ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0)").await;
    harness.sql("INSERT INTO t VALUES (1)").await;
    harness.sql("CREATE OR REPLACE TABLE t TBLPROPERTIES ('both' = '2') AS SELECT -1 AS b").await;
    harness.sql("INSERT INTO t VALUES (-2)").await;
    assert_eq!(harness.rows("SELECT sum(b) FROM t").await, ["-3"]);
    let info = harness.fake.table("main.default.t").unwrap().info;
    assert!(info.table_constraints.is_empty(), "{:?}", info.table_constraints);
    let shown = harness.rows("SHOW TBLPROPERTIES t").await;
    assert!(shown.contains(&"both|2".to_owned()), "{shown:?}");
    assert!(!shown.iter().any(|line| line.starts_with("old|")), "{shown:?}");
    assert!(harness.rows("DESCRIBE HISTORY t").await.len() > 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_change() {
    let harness = catalog::start().await;
    harness.sql("CREATE TABLE t AS SELECT 1 AS a, 'x' AS b").await;
    harness.sql("ALTER TABLE t ADD COLUMNS (c TIMESTAMP COMMENT 'when', d STRUCT<x: INT>)").await;
    assert_eq!(harness.rows("SELECT * FROM t").await, ["1|x|null|null"]);
    let columns = harness.fake.table("main.default.t").unwrap().info.columns;
    assert_eq!((columns.len(), columns[2].comment.as_deref()), (4, Some("when")));
    harness.sql("COMMENT ON COLUMN t.a IS 'first'").await;
    harness.sql("ALTER TABLE t ALTER COLUMN b COMMENT 'second'").await;
    harness.sql("COMMENT ON TABLE t IS 'of tests'").await;
    let table = harness.fake.table("main.default.t").unwrap();
    assert_eq!(table.info.comment.as_deref(), Some("of tests"));
    assert_eq!(table.info.columns[1].comment.as_deref(), Some("second"));
    harness.sql("ALTER TABLE t SET TBLPROPERTIES ('k' = 'v', 'delta.logRetentionDuration' = 'interval 7 days')").await;
    let shown = harness.rows("SHOW TBLPROPERTIES t").await;
    assert!(shown.contains(&"k|v".to_owned()), "{shown:?}");
    harness.sql("ALTER TABLE t UNSET TBLPROPERTIES ('k')").await;
    assert!(!harness.rows("SHOW TBLPROPERTIES t").await.contains(&"k|v".to_owned()));
    harness.sql("ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0)").await;
    let bad = harness.fails("INSERT INTO t (a) VALUES (-1)").await;
    assert_eq!(bad.error_class, "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES", "{}", bad.message);
    harness.sql("ALTER TABLE t DROP CONSTRAINT positive").await;
    harness.sql("INSERT INTO t (a) VALUES (-1)").await;
    let bad = harness.fails("ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0)").await;
    assert_eq!(bad.error_class, "DELTA_NEW_CHECK_CONSTRAINT_VIOLATION", "{}", bad.message);
    assert_eq!(harness.fails("ALTER TABLE t ALTER COLUMN b SET NOT NULL").await.sql_state, "23512");
    harness.sql("ALTER TABLE t ALTER COLUMN a SET NOT NULL").await;
    assert_eq!(harness.fails("INSERT INTO t (b) VALUES ('z')").await.sql_state, "23502");
    harness.sql("ALTER TABLE t ALTER COLUMN a DROP NOT NULL").await;
    assert_eq!(
        harness.fails("ALTER TABLE t DROP COLUMN a").await.error_class,
        "DELTA_UNSUPPORTED_DROP_COLUMN"
    );
    harness.sql("ALTER TABLE t RENAME TO u").await;
    assert_eq!(harness.rows("SELECT count(*) FROM u").await, ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_have_the_columns_of_drivers() {
    let harness = catalog::start().await;
    harness.sql("CREATE TABLE t (a INT, b DECIMAL(10,2))").await;
    harness.sql("CREATE VIEW v AS SELECT a FROM t").await;
    harness.sql("CREATE OR REPLACE TEMPORARY VIEW tv AS SELECT 1 AS x").await;
    assert_eq!(harness.rows("SHOW CATALOGS").await, ["main"]);
    harness.sql("CREATE SCHEMA IF NOT EXISTS main.other").await;
    harness.sql("CREATE SCHEMA IF NOT EXISTS main.other").await;
    assert_eq!(harness.fails("CREATE SCHEMA other").await.error_class, "SCHEMA_ALREADY_EXISTS");
    assert_eq!(harness.rows("SHOW SCHEMAS IN `main` LIKE 'o*'").await, ["other|main"]);
    assert_eq!(harness.sql("SHOW SCHEMAS").await.names(), ["databaseName", "catalogName"]);
    assert_eq!(
        harness.rows("SHOW TABLES").await,
        ["default|t|false", "default|v|false", "|tv|true"]
    );
    let ran = harness.sql("SHOW TABLES IN CATALOG main SCHEMA LIKE 'def%' LIKE '%'").await;
    let names = [
        "namespace",
        "tableName",
        "isTemporary",
        "information",
        "catalogName",
        "tableType",
        "remarks",
    ];
    assert_eq!(ran.names(), names);
    assert_eq!(ran.rows()[1][5].as_deref(), Some("VIEW"));
    let ran = harness
        .sql("SHOW COLUMNS IN CATALOG main SCHEMA LIKE 'default' TABLE LIKE 't' LIKE '%'")
        .await;
    assert_eq!(
        ran.names()[..5],
        ["catalogName", "namespace", "tableName", "col_name", "columnType"]
    );
    assert_eq!(ran.rows()[1][4].as_deref(), Some("DECIMAL(10,2)"));
    assert_eq!(ran.rows()[1][6].as_deref(), Some("2"));
    assert_eq!(harness.rows("SHOW VIEWS").await[0], "default|v|false|false");
    let sql = "SELECT table_name, lower(table_type) FROM `system`.`information_schema`.`tables` \
               WHERE table_catalog = 'main' AND table_schema = 'default' ORDER BY 1";
    assert_eq!(harness.rows(sql).await, ["t|managed", "v|view"]);
    let sql = "SELECT column_name, full_data_type FROM information_schema.columns \
               WHERE table_schema = 'default' AND table_name = 't' ORDER BY ordinal_position";
    assert_eq!(harness.rows(sql).await, ["a|int", "b|decimal(10,2)"]);
    assert_eq!(harness.rows("SELECT count(*) FROM information_schema.column_masks").await, ["0"]);
    assert_eq!(
        harness.rows("SELECT schema_name FROM information_schema.schemata ORDER BY 1").await,
        ["default", "information_schema", "other"]
    );
    harness.sql("GRANT SELECT, MODIFY ON TABLE t TO `bob@example.com`").await;
    let grants = harness.sql("SHOW GRANTS ON t").await;
    assert_eq!(grants.names(), ["Principal", "ActionType", "ObjectType", "ObjectKey"]);
    assert_eq!(grants.rows()[0][0].as_deref(), Some("bob@example.com"));
    harness.sql("REVOKE SELECT, MODIFY ON t FROM `bob@example.com`").await;
    assert!(harness.rows("SHOW GRANTS ON t").await.is_empty());
    let changed = harness.sql("USE main.other").await.finished.session_change.unwrap();
    assert_eq!(changed.schema.as_deref(), Some("other"));
    assert_eq!(harness.fails("USE nosuch").await.error_class, "SCHEMA_NOT_FOUND");
    assert_eq!(harness.fails("USE CATALOG nosuch").await.error_code, "NOT_FOUND");
    harness.sql("DROP SCHEMA other CASCADE").await;
    let rows = harness.rows("SET spark.databricks.clusterUsageTags.sparkVersion").await;
    assert!(rows[0].contains("x-scala"), "{rows:?}");
    let rows = harness.rows("EXPLAIN EXTENDED SELECT a FROM t WHERE a > 1").await;
    assert!(rows[0].contains("== Physical Plan =="), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn views_keep_their_meaning() {
    let harness = catalog::start().await;
    harness.sql("CREATE TABLE t AS SELECT 1 AS a, 2 AS b").await;
    harness.sql("CREATE VIEW v (x COMMENT 'one', y) COMMENT 'sees' AS SELECT a, b FROM t").await;
    assert_eq!(harness.rows("SELECT y, x FROM v").await, ["2|1"]);
    assert_eq!(harness.rows("DESCRIBE v").await, ["x|int|one", "y|int|null"]);
    harness.sql("ALTER VIEW v AS (SELECT a + 10 AS z FROM t)").await;
    assert_eq!(harness.rows("SELECT z FROM v").await, ["11"]);
    assert_eq!(
        harness.fails("CREATE VIEW v AS SELECT 1 AS q").await.error_class,
        "TABLE_OR_VIEW_ALREADY_EXISTS"
    );
    harness.sql("CREATE OR REPLACE VIEW v AS SELECT 5 AS q").await;
    assert_eq!(harness.rows("SELECT * FROM v").await, ["5"]);
    let wrong = harness.fails("CREATE VIEW w (a, b) AS SELECT 1 AS q").await;
    assert_eq!(wrong.error_class, "CREATE_VIEW_COLUMN_ARITY_MISMATCH");
    harness.sql("CREATE TEMP VIEW tv AS SELECT a FROM t").await;
    assert_eq!(harness.rows("SELECT * FROM tv").await, ["1"]);
    let wrong = harness.fails("CREATE VIEW w AS SELECT * FROM tv").await;
    assert_eq!(wrong.error_class, "INVALID_TEMP_OBJ_REFERENCE");
    harness.sql("DROP VIEW tv").await;
    harness.sql("DROP VIEW v").await;
    assert_eq!(harness.fails("SELECT * FROM v").await.error_class, "TABLE_OR_VIEW_NOT_FOUND");
}

/// Five rows of `system.access.audit`, newest first, in pages of two; remembers what was asked.
fn audit_pages(harness: &Harness) -> Arc<Mutex<Vec<Value>>> {
    let table = SystemTable::find("access", "audit").unwrap();
    let info = TableInfo {
        name: "audit".into(),
        catalog_name: "system".into(),
        schema_name: "access".into(),
        full_name: "system.access.audit".into(),
        table_type: "MANAGED".into(),
        data_source_format: Some(SYSTEM_FORMAT.into()),
        columns: table.column_infos(),
        ..TableInfo::default()
    };
    let resolved = ResolvedTable { info, storage: None };
    harness.fake.tables.lock().insert("system.access.audit".into(), resolved);
    let asked = Arc::<Mutex<Vec<Value>>>::default();
    let pages = asked.clone();
    harness.fake.answer(move |_, path, body| {
        if path != "/internal/v1/system-rows" {
            return None;
        }
        pages.lock().push(body.clone());
        let from: i64 = body["page_token"].as_str().map_or(0, |token| token.parse().unwrap());
        let row = |n: i64| {
            json!({
                "workspace_id": 7, "event_time": 1_700_000_000_000_000 - n, "event_date": "2023-11-14",
                "action_name": format!("call_{n}"), "account_id": "a",
                "user_identity": { "email": "ada@example.com", "subject_name": null },
                "request_params": { "http_method": "GET" },
                "response": { "status_code": 200 + n },
            })
        };
        let rows: Vec<Value> = (from..(from + 2).min(5)).map(row).collect();
        let next = (from + 2 < 5).then(|| (from + 2).to_string());
        Some((200, json!({ "rows": rows, "next_page_token": next })))
    });
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn system_tables_are_fetched_page_by_page_as_far_as_needed() {
    let harness = catalog::start().await;
    let asked = audit_pages(&harness);
    let sql = "SELECT action_name, user_identity.email, request_params['http_method'], event_date,
                 response.status_code, event_time, session_id
               FROM system.access.audit ORDER BY event_time";
    let rows = harness.rows(sql).await;
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[4], "call_0|ada@example.com|GET|2023-11-14|200|2023-11-14T22:13:20.000Z|null");
    assert_eq!(asked.lock().len(), 3);
    asked.lock().clear();
    let sql = "SELECT count(*) FROM system.access.audit WHERE event_time >= '2023-11-14T00:00:00Z'
                 AND event_time < timestamp '2023-11-15T00:00:00Z' AND workspace_id = 7";
    assert_eq!(harness.rows(sql).await, ["5"]);
    let first = asked.lock()[0].clone();
    assert_eq!(
        (&first["since_ms"], &first["until_ms"]),
        (&json!(1_699_920_000_000_i64), &json!(1_700_006_400_001_i64))
    );
    asked.lock().clear();
    assert_eq!(harness.rows("SELECT action_name FROM system.access.audit LIMIT 1").await.len(), 1);
    assert_eq!(asked.lock()[0]["limit"], 1);
    assert_eq!(asked.lock().len(), 1);
    let old = harness.fails("SELECT * FROM system.access.audit VERSION AS OF 1").await;
    assert_eq!(old.error_class, "UNSUPPORTED_FEATURE");
    let detail = harness.fails("DESCRIBE DETAIL system.access.audit").await;
    assert_eq!(detail.error_class, "UNSUPPORTED_FEATURE");
    let columns = harness.rows("DESCRIBE system.access.audit").await;
    assert_eq!(columns[3], "event_time|timestamp|null");
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_the_catalogs() {
    let harness = catalog::start().await;
    harness.sql("CREATE TABLE t (id INT)").await;
    let asked = Arc::<Mutex<Vec<Value>>>::default();
    let calls = asked.clone();
    harness.fake.answer(move |_, path, body| match path {
        "/internal/v1/tags" => {
            calls.lock().push(body.clone());
            Some((200, json!({})))
        }
        "/internal/v1/tag-rows" => {
            let name = &body["full_names"][0];
            let tag = json!({ "full_name": name, "key": "team", "value": "shop" });
            let of_column =
                json!({ "full_name": name, "column": "id", "key": "pii", "value": "no" });
            Some((200, json!({ "rows": [tag, of_column] })))
        }
        _ => None,
    });
    harness.sql("ALTER TABLE t SET TAGS ('team' = 'shop', 'Flag')").await;
    harness.sql("ALTER TABLE T ALTER COLUMN `id` SET TAGS ('pii' = 'no')").await;
    harness.sql("ALTER SCHEMA default UNSET TAGS ('a', 'b')").await;
    assert_eq!(
        *asked.lock(),
        [
            json!({ "securable_type": "TABLE", "full_name": "main.default.t", "set": { "team": "shop", "Flag": "" } }),
            json!({ "securable_type": "TABLE", "full_name": "main.default.t", "column": "id", "set": { "pii": "no" } }),
            json!({ "securable_type": "SCHEMA", "full_name": "main.default", "unset": ["a", "b"] }),
        ]
    );
    let rows = |view: &str, columns: &str| {
        format!(
            "SELECT {columns} FROM system.information_schema.{view} WHERE catalog_name = 'main' \
             AND schema_name = 'default' AND table_name = 't'"
        )
    };
    let tags = harness.rows(&rows("table_tags", "table_name, tag_name, tag_value")).await;
    assert_eq!(tags, ["t|team|shop"]);
    let tags = harness.rows(&rows("column_tags", "column_name, tag_name, tag_value")).await;
    assert_eq!(tags, ["id|pii|no"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_parquet_become_a_table() {
    let harness = catalog::start().await;
    let place = harness.fake.root.join("converted");
    let shown = place.display();
    harness
        .sql(&format!(
            "CREATE TABLE t PARTITIONED BY (p) LOCATION 'file://{shown}' AS
             SELECT id, CAST(id % 2 AS INT) AS p FROM range(10)"
        ))
        .await;
    std::fs::remove_dir_all(place.join("_delta_log")).unwrap();
    let convert = format!("CONVERT TO DELTA parquet.`{shown}`");
    let failed = harness.fails(&convert).await;
    assert_eq!(failed.error_class, "DELTA_CONVERSION_PARTITION_MISMATCH", "{}", failed.message);
    harness.sql(&format!("{convert} PARTITIONED BY (p INT)")).await;
    let all = format!("SELECT p, sum(id) FROM delta.`{shown}` GROUP BY p ORDER BY p");
    assert_eq!(harness.rows(&all).await, ["0|20", "1|25"]);
    harness.sql(&convert).await;
    let empty = harness.fake.root.join("empty");
    std::fs::create_dir_all(&empty).unwrap();
    let failed = harness.fails(&format!("CONVERT TO DELTA parquet.`{}`", empty.display())).await;
    assert_eq!(failed.error_class, "DELTA_CONVERSION_NO_PARQUET_FILES", "{}", failed.message);
}

/// A log that somebody wrote by hand, in a place where he may: it names a file of a table that he may not read.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_does_not_lead_out_of_its_table() {
    let harness = catalog::start().await;
    harness.sql("CREATE TABLE secret AS SELECT 42 AS x").await;
    let info = harness.fake.table("main.default.secret").unwrap().info;
    let location = info.storage_location.unwrap();
    let dir = PathBuf::from(location.trim_start_matches("file://"));
    let of_log = std::fs::read_to_string(dir.join("_delta_log/00000000000000000000.json")).unwrap();
    let metadata = of_log.lines().find(|line| line.contains("\"metaData\"")).unwrap();
    let files = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
    let file = files.into_iter().find(|path| path.extension().is_some_and(|end| end == "parquet"));
    let file = file.unwrap();
    let name = file.file_name().unwrap().to_string_lossy();
    let folder = dir.file_name().unwrap().to_string_lossy();
    let up = format!("../{folder}/{name}");
    let paths = [
        format!("file://{}", file.display()),
        file.display().to_string(),
        up.replace("..", "%2E%2E"),
        up,
    ];
    for (number, path) in paths.iter().enumerate() {
        for mapped in [false, true] {
            let table = dir.with_file_name(format!("crafted-{number}-{mapped}"));
            std::fs::create_dir_all(table.join("_delta_log")).unwrap();
            let mut metadata: Value = serde_json::from_str(metadata).unwrap();
            let (reader, writer) = if mapped { (2, 5) } else { (1, 2) };
            if mapped {
                let field = json!({
                    "name": "x", "type": "integer", "nullable": true,
                    "metadata": { "delta.columnMapping.id": 1, "delta.columnMapping.physicalName": "x" },
                });
                let schema = json!({ "type": "struct", "fields": [field] });
                metadata["metaData"]["schemaString"] = schema.to_string().into();
                metadata["metaData"]["configuration"] = json!({ "delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "1" });
            }
            let protocol =
                json!({ "protocol": { "minReaderVersion": reader, "minWriterVersion": writer } });
            let size = std::fs::metadata(&file).unwrap().len();
            let add = json!({ "add": {
                "path": path, "partitionValues": {}, "size": size,
                "modificationTime": 1_700_000_000_000_i64, "dataChange": true,
            }});
            let log = format!("{protocol}\n{metadata}\n{add}\n");
            std::fs::write(table.join("_delta_log/00000000000000000000.json"), log).unwrap();
            let crafted = format!("delta.`{}`", table.display());
            harness.fails(&format!("SELECT * FROM {crafted}")).await;
            harness.fails(&format!("CREATE TABLE stolen_{number}_{mapped} CLONE {crafted}")).await;
        }
    }
    assert_eq!(harness.rows("SELECT x FROM secret").await, ["42"]);
}
