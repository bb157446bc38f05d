//! Logs that somebody wrote by hand, in a place where he may: they name files of others.

use crate::catalog;
use crate::harness::ask;
use serde_json::{Value, json};
use std::path::PathBuf;

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_of_changes_does_not_lead_out_of_its_table() {
    let harness = catalog::start().await;
    harness.sql("CREATE TABLE secret AS SELECT 42 AS x").await;
    harness.sql("CREATE TABLE own (x INT) TBLPROPERTIES (delta.enableChangeDataFeed = true)").await;
    harness.sql("INSERT INTO own VALUES (7)").await;
    let place = |name: &str| {
        let info = harness.fake.table(&format!("main.default.{name}")).unwrap().info;
        PathBuf::from(info.storage_location.unwrap().trim_start_matches("file://"))
    };
    let (secret, own) = (place("secret"), place("own"));
    let files = std::fs::read_dir(&secret).unwrap().map(|entry| entry.unwrap().path());
    let file = files.into_iter().find(|path| path.extension().is_some_and(|end| end == "parquet"));
    let file = file.unwrap();
    let size = std::fs::metadata(&file).unwrap().len();
    let name = file.file_name().unwrap().to_string_lossy();
    let up = format!("../{}/{name}", secret.file_name().unwrap().to_string_lossy());
    let paths = [
        format!("file://{}", file.display()),
        file.display().to_string(),
        up.replace("..", "%2E%2E"),
        up,
    ];
    // The same of a file of its own is read.
    std::fs::copy(&file, own.join("copy.parquet")).unwrap();
    let add = json!({ "add": { "path": "copy.parquet", "partitionValues": {}, "size": size,
        "dataChange": true, "modificationTime": 1_700_000_000_000_i64 } });
    std::fs::write(own.join("_delta_log/00000000000000000002.json"), add.to_string()).unwrap();
    assert_eq!(harness.rows("SELECT x FROM table_changes('own', 2, 2)").await, ["42"]);
    for path in paths {
        for kind in ["add", "cdc", "remove"] {
            let mut action = json!({ "path": path, "partitionValues": {}, "size": size,
                "dataChange": kind != "cdc" });
            match kind {
                "add" => action["modificationTime"] = 1_700_000_000_000_i64.into(),
                "remove" => action["deletionTimestamp"] = 1_700_000_000_000_i64.into(),
                _ => {}
            }
            let time = 1_700_000_000_000_i64;
            let info = json!({ "commitInfo": { "timestamp": time, "operation": "WRITE" } });
            let actions: [Value; 2] = [info, json!({ kind: action })];
            let lines = actions.map(|action| action.to_string()).join("\n");
            std::fs::write(own.join("_delta_log/00000000000000000002.json"), lines).unwrap();
            for sql in [
                "SELECT * FROM table_changes('own', 2, 2)",
                "SELECT x FROM table_changes('own', 1)",
            ] {
                let ran = harness.run(ask(sql)).await;
                assert!(ran.is_err(), "{sql} {kind} {path}: {:?}", ran.map(|ran| ran.rows()).ok());
            }
        }
    }
}
