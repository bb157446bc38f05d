//! read_files, path tables, COPY INTO, LIST and the sample data.

use crate::catalog;

fn put(harness: &crate::harness::Harness, name: &str, text: &str) -> String {
    let path = harness.fake.root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_read_with_their_types() {
    let harness = catalog::start().await;
    let csv = put(
        &harness,
        "in/a.csv",
        "id,name,score,day\n1,\"A, b\",1.5,2024-01-02\n2,,x,2024-01-03\n",
    );
    put(&harness, "in/_SUCCESS", "x");
    let root = harness.fake.root.join("in").display().to_string();
    let sql = format!("SELECT * FROM read_files('{csv}', format => 'csv', header => true)");
    let ran = harness.sql(&sql).await;
    assert_eq!(ran.names(), ["id", "name", "score", "day", "_rescued_data"]);
    assert_eq!(ran.types(), ["BIGINT", "STRING", "STRING", "DATE", "STRING"]);
    assert_eq!(
        harness.rows(&sql).await,
        ["1|A, b|1.5|2024-01-02|null", "2|null|x|2024-01-03|null"]
    );
    let sql = format!(
        "SELECT id, score FROM read_files('{root}', format => 'csv', header => true, \
         schema => 'id INT, name STRING, score DOUBLE, day DATE') ORDER BY id"
    );
    assert_eq!(harness.rows(&sql).await, ["1|1.5", "2|null"]);
    assert_eq!(harness.rows(&format!("SELECT _c0 FROM csv.`{csv}` LIMIT 1")).await, ["id"]);
    put(&harness, "js/a.json", "{\"a\": 1, \"b\": {\"c\": \"x\"}}\n{\"a\": 2, \"d\": [1, 2]}\n");
    let js = harness.fake.root.join("js/*.json").display().to_string();
    assert_eq!(
        harness.rows(&format!("SELECT a, b.c, d[0] FROM read_files('{js}') ORDER BY a")).await,
        ["1|x|null", "2|null|1"]
    );
    let text = put(&harness, "tx/a.txt", "one\ntwo, \"2\"\n");
    assert_eq!(
        harness.rows(&format!("SELECT value FROM text.`{text}`")).await,
        ["one", "two, \"2\""]
    );
    assert_eq!(
        harness.fails(&format!("SELECT * FROM csv.`{root}/nosuch`")).await.error_class,
        "PATH_NOT_FOUND"
    );
    assert_eq!(
        harness.fails("SELECT * FROM csv.`/etc/passwd`").await.error_code,
        "PERMISSION_DENIED"
    );
    let failed = harness.fails(&format!("SELECT * FROM read_files('{csv}', nonsense => 1)")).await;
    assert_eq!(failed.error_class, "CF_UNKNOWN_OPTION_KEYS_ERROR");
    let listed = harness.sql(&format!("LIST '{root}'")).await;
    assert_eq!(listed.names(), ["path", "name", "size", "modification_time"]);
    assert_eq!(listed.rows().len(), 2);
    harness.sql("CREATE TABLE t AS SELECT 1 AS a").await;
    let place = harness.fake.table("main.default.t").unwrap().info.storage_location.unwrap();
    let place = place.trim_start_matches("file://");
    assert_eq!(harness.rows(&format!("SELECT * FROM parquet.`{place}`")).await, ["1"]);
    assert_eq!(harness.rows(&format!("SELECT * FROM delta.`{place}`")).await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_file_is_copied_once() {
    let harness = catalog::start().await;
    put(&harness, "in/a.csv", "id,name\n1,a\n2,b\n");
    let root = harness.fake.root.join("in").display().to_string();
    harness.sql("CREATE TABLE t (id INT, name STRING)").await;
    let sql =
        format!("COPY INTO t FROM '{root}' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true')");
    let ran = harness.sql(&sql).await;
    assert_eq!(
        ran.names(),
        ["num_affected_rows", "num_inserted_rows", "num_skipped_corrupt_files"]
    );
    assert_eq!(harness.rows("SELECT count(*) FROM t").await, ["2"]);
    assert_eq!(harness.rows(&sql).await, ["0|0|0"]);
    put(&harness, "in/b.csv", "id,name\n3,c\n");
    assert_eq!(harness.rows(&sql).await, ["1|1|0"]);
    assert_eq!(harness.rows(&sql).await, ["0|0|0"]);
    let force = format!("{sql} COPY_OPTIONS ('force' = 'true')");
    assert_eq!(harness.rows(&force).await, ["3|3|0"]);
    put(&harness, "in/c.csv", "id,name,extra\n4,d,e\n");
    let failed = harness.fails(&sql).await;
    assert_eq!(
        failed.error_class, "COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE",
        "{}",
        failed.message
    );
    let merge = format!("{sql} COPY_OPTIONS ('mergeSchema' = 'true')");
    assert_eq!(harness.rows(&merge).await, ["1|1|0"]);
    assert_eq!(harness.rows("SELECT id, extra FROM t WHERE id = 4").await, ["4|e"]);
    put(&harness, "in/d.csv", "id,name\n5,e\n");
    let query = format!(
        "COPY INTO t FROM (SELECT id::int * 10 AS id, upper(name) AS name FROM '{root}') FILEFORMAT = CSV \
         FILES = ('d.csv') FORMAT_OPTIONS ('header' = 'true')"
    );
    assert_eq!(harness.rows(&query).await, ["1|1|0"]);
    assert_eq!(harness.rows("SELECT id, name FROM t WHERE id = 50").await, ["50|E"]);
    put(&harness, "in/e.csv", "id,name\nx,e\n");
    let failed = harness.fails(&sql).await;
    assert_eq!(failed.error_class, "CAST_INVALID_INPUT", "{}", failed.message);
    put(&harness, "in/e.csv", "id,name\n6,e\n");
    let (one, two) = tokio::join!(harness.rows(&sql), harness.rows(&sql));
    let mut both = [one[0].clone(), two[0].clone()];
    both.sort();
    assert_eq!(both, ["0|0|0", "1|1|0"]);
    harness.sql("CREATE OR REPLACE TABLE t (id INT, name STRING, extra STRING)").await;
    assert_eq!(harness.rows(&sql).await, ["6|6|0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_are_made_once() {
    let harness = catalog::start().await;
    let rows = harness.rows("CALL biplane.generate_tpch('0.001')").await;
    assert_eq!(rows.len(), 8);
    assert!(rows.iter().all(|row| row.ends_with("|created")), "{rows:?}");
    assert_eq!(harness.rows("SELECT count(*) FROM samples.tpch.region").await, ["5"]);
    assert_eq!(harness.rows("SELECT count(*) FROM samples.tpch.orders").await, ["1500"]);
    let sql = "SELECT sum(l_extendedprice) > 0, min(l_shipdate) FROM samples.tpch.lineitem";
    assert!(harness.rows(sql).await[0].starts_with("true|1992-"));
    let rows = harness.rows("CALL biplane.generate_tpch('0.001')").await;
    assert!(rows.iter().all(|row| row.ends_with("|exists")), "{rows:?}");
    assert_eq!(
        harness.fails("CALL biplane.generate_tpch('1e9')").await.error_class,
        "INVALID_PARAMETER_VALUE"
    );
    assert_eq!(harness.fails("CALL nosuch.thing()").await.error_class, "UNRESOLVED_ROUTINE");
}
