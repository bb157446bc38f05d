//! Tables that other writers left with deletion vectors and with columns of other names.

use crate::catalog;
use crate::harness::Harness;
use roaring::RoaringTreemap;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use uuid::Uuid;

const MAGIC: u32 = 1_681_511_377;

fn bitmap(rows: &[u64]) -> Vec<u8> {
    let mut out = MAGIC.to_le_bytes().to_vec();
    rows.iter().copied().collect::<RoaringTreemap>().serialize_into(&mut out).unwrap();
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

fn inline(rows: &[u64]) -> Value {
    let data = bitmap(rows);
    json!({ "storageType": "i", "pathOrInlineDv": z85::encode(&data), "sizeInBytes": data.len(),
            "cardinality": rows.len() })
}

/// In a file of its own, below `prefix`.
fn stored(table: &Path, prefix: &str, rows: &[u64]) -> Value {
    let (name, data) = (Uuid::new_v4(), bitmap(rows));
    let mut file = vec![1];
    file.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
    file.extend(&data);
    file.extend(crc32fast::hash(&data).to_be_bytes());
    let folder = table.join(prefix);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("deletion_vector_{name}.bin")), file).unwrap();
    let path = format!("{prefix}{}", z85::encode(name.as_bytes()));
    json!({ "storageType": "u", "pathOrInlineDv": path, "offset": 1, "sizeInBytes": data.len(),
            "cardinality": rows.len() })
}

fn place(harness: &Harness, name: &str) -> PathBuf {
    let info = harness.fake.table(&format!("main.default.{name}")).unwrap().info;
    PathBuf::from(info.storage_location.unwrap().trim_start_matches("file://"))
}

fn actions(table: &Path, version: u64) -> Vec<Value> {
    let file = table.join(format!("_delta_log/{version:020}.json"));
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn commit(table: &Path, version: u64, actions: &[Value]) {
    let lines: Vec<String> = actions.iter().map(Value::to_string).collect();
    let file = table.join(format!("_delta_log/{version:020}.json"));
    std::fs::write(file, lines.join("\n")).unwrap();
}

fn added(table: &Path, version: u64) -> Value {
    let all = actions(table, version);
    all.into_iter().find_map(|action| action.get("add").cloned()).unwrap()
}

/// The file of a commit with a vector, as another commit says it.
fn with_vector(mut add: Value, vector: Value) -> [Value; 2] {
    let remove = json!({ "remove": { "path": add["path"], "dataChange": true,
        "deletionTimestamp": 1_700_000_000_000_i64 } });
    add["deletionVector"] = vector;
    [remove, json!({ "add": add })]
}

fn protocol(features: &[&str]) -> Value {
    json!({ "protocol": { "minReaderVersion": 3, "minWriterVersion": 7,
        "readerFeatures": features, "writerFeatures": features } })
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_vector_takes_out_are_not_there() {
    let harness = catalog::start().await;
    harness.sql("CREATE TABLE t (id BIGINT, v BIGINT, p STRING) PARTITIONED BY (p)").await;
    let rows = "SELECT id, CASE WHEN id >= 5 THEN id END, 'a' FROM range(10) ORDER BY id";
    harness.sql(&format!("INSERT INTO t {rows}")).await;
    harness.sql("INSERT INTO t SELECT id, id AS v, NULL FROM range(100, 110) ORDER BY id").await;
    let table = place(&harness, "t");
    let mut change = vec![protocol(&["deletionVectors"])];
    change.extend(with_vector(added(&table, 1), inline(&[0, 5, 6, 7, 8])));
    change.extend(with_vector(added(&table, 2), stored(&table, "ab", &[1, 9])));
    commit(&table, 3, &change);
    let left = ["1", "2", "3", "4", "9", "100", "102", "103", "104", "105", "106", "107", "108"];
    assert_eq!(harness.rows("SELECT id FROM t ORDER BY id").await, left);
    let sql = "SELECT count(*), count(v), count(p), min(id), max(id), sum(id) FROM t";
    assert_eq!(harness.rows(sql).await, ["13|9|5|1|108|854"]);
    // As many nulls are in the file as rows are left; one of them is none.
    assert_eq!(harness.rows("SELECT id FROM t WHERE v > 3 AND p = 'a'").await, ["9"]);
    assert_eq!(harness.rows("SELECT count(*) FROM t WHERE v IS NULL").await, ["4"]);
    assert_eq!(harness.rows("SELECT id FROM t WHERE id > 106 ORDER BY id LIMIT 1").await, ["107"]);
    assert_eq!(harness.rows("SELECT count(*) FROM t WHERE p IS NULL").await, ["8"]);
    let plan = harness.rows("EXPLAIN SELECT count(*) FROM t").await;
    assert!(plan[0].contains("PlaceholderRowExec"), "{plan:?}");
    let sql =
        format!("SELECT count(DISTINCT _metadata.file_name) FROM delta.`{}`", table.display());
    assert_eq!(harness.rows(&sql).await, ["2"]);
    let old = harness.rows("SELECT count(*) FROM t VERSION AS OF 2").await;
    assert_eq!(old, ["20"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_in_files_are_those_of_no_one_else() {
    let harness = catalog::start().await;
    harness
        .sql(
            "CREATE TABLE t (a INT, b INT, s ARRAY<STRUCT<x: INT, y: STRING>>, p INT) PARTITIONED BY (p)
             TBLPROPERTIES ('delta.columnMapping.mode' = 'name')",
        )
        .await;
    harness
        .sql("INSERT INTO t SELECT id, -id, array(named_struct('x', id, 'y', 'y' || id)), id % 2 FROM range(6)")
        .await;
    // Names change places.
    for (from, to) in [("a", "old"), ("b", "a"), ("old", "b"), ("p", "part")] {
        harness.sql(&format!("ALTER TABLE t RENAME COLUMN {from} TO {to}")).await;
    }
    let table = place(&harness, "t");
    let adds: Vec<Value> =
        actions(&table, 1).into_iter().filter_map(|action| action.get("add").cloned()).collect();
    assert_eq!(adds.len(), 2);
    let version = std::fs::read_dir(table.join("_delta_log")).unwrap().count() as u64;
    let mut change = vec![protocol(&["deletionVectors", "columnMapping"])];
    change.extend(with_vector(adds[0].clone(), inline(&[0])));
    commit(&table, version, &change);
    let rows = harness.rows("SELECT count(*), min(b) >= 0, max(a) <= 0, sum(a + b) FROM t").await;
    assert_eq!(rows, ["5|true|true|0"]);
    let rows =
        harness.rows("SELECT a, s[0].x, s[0].y, part FROM t WHERE b = 3 AND s[0].x > 2").await;
    assert_eq!(rows, ["-3|3|y3|1"]);
    assert_eq!(harness.rows("SELECT count(*) FROM t WHERE a > 0 OR b < 0").await, ["0"]);
    let plan = harness.rows("EXPLAIN SELECT count(*) FROM t").await;
    assert!(plan[0].contains("PlaceholderRowExec"), "{plan:?}");
    let plan = harness.rows("EXPLAIN SELECT * FROM t WHERE b > 100").await;
    assert!(plan[0].contains("EmptyExec"), "{plan:?}");
    let plan = harness.rows("EXPLAIN SELECT b FROM t WHERE b > 1").await;
    assert!(plan[0].contains("DataSourceExec"), "{plan:?}");
}

/// What a log says may have been written by anybody.
#[tokio::test(flavor = "multi_thread")]
async fn vectors_that_lead_elsewhere_or_nowhere_are_refused() {
    let harness = catalog::start().await;
    let other = harness.fake.root.join("elsewhere");
    let there = stored(&other, "", &[1, 2]);
    let files = std::fs::read_dir(&other).unwrap().map(|entry| entry.unwrap().path());
    let file = files.into_iter().next().unwrap();
    let mut crafted = vec![there.clone(); 6];
    crafted[1]["storageType"] = "p".into();
    crafted[1]["pathOrInlineDv"] = format!("file://{}", file.display()).into();
    crafted[2]["storageType"] = "p".into();
    crafted[2]["pathOrInlineDv"] = file.display().to_string().into();
    crafted[3] = inline(&[1]);
    crafted[3]["pathOrInlineDv"] = "".into();
    crafted[4] = inline(&[1, 50]);
    crafted[5] = inline(&[1, 5]);
    crafted[5]["cardinality"] = 9.into();
    crafted.push(inline(&[1, 5]));
    for (number, mut vector) in crafted.into_iter().enumerate() {
        let name = format!("t{number}");
        harness.sql(&format!("CREATE TABLE {name} AS SELECT id FROM range(10)")).await;
        let table = place(&harness, &name);
        if number == 0 {
            let up: PathBuf = table.components().skip(1).map(|_| "..").collect();
            let up = up.join(other.strip_prefix("/").unwrap());
            let path = format!("{}/{}", up.display(), there["pathOrInlineDv"].as_str().unwrap());
            vector["pathOrInlineDv"] = path.into();
        }
        let mut change = vec![protocol(&["deletionVectors"])];
        change.extend(with_vector(added(&table, 0), vector));
        commit(&table, 1, &change);
        if number == 6 {
            assert_eq!(harness.rows(&format!("SELECT count(*) FROM {name}")).await, ["8"]);
            continue;
        }
        let failed = harness.fails(&format!("SELECT * FROM {name}")).await;
        assert!(!failed.message.contains("panic"), "{}", failed.message);
    }
}
