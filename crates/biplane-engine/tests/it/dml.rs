//! INSERT, UPDATE, DELETE, MERGE and the upkeep of tables.

use crate::catalog;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_inserted_in_every_way() {
    let harness = catalog::start().await;
    harness
        .sql("CREATE TABLE t (Id INT, name STRING, at TIMESTAMP, p STRING) PARTITIONED BY (p)")
        .await;
    let ran = harness
        .sql("INSERT INTO t VALUES (1, 'a', '2024-01-02 03:04:05', 'x'), (2, 'b', NULL, 'y')")
        .await;
    assert_eq!(ran.names(), ["num_affected_rows", "num_inserted_rows"]);
    assert_eq!(ran.rows(), [[Some("2".to_owned()), Some("2".to_owned())]]);
    harness.sql("INSERT INTO t (p, id) SELECT 'x', 3").await;
    harness.sql("INSERT INTO t BY NAME SELECT 'y' AS P, 4 AS ID").await;
    harness.sql("INSERT INTO t SELECT 5, 5, NULL, 'x'").await;
    assert_eq!(
        harness.rows("SELECT id, name, p FROM t ORDER BY id").await,
        ["1|a|x", "2|b|y", "3|null|x", "4|null|y", "5|5|x"]
    );
    for (sql, class) in [
        ("INSERT INTO t VALUES (1)", "INSERT_COLUMN_ARITY_MISMATCH.NOT_ENOUGH_DATA_COLUMNS"),
        ("INSERT INTO t (id) VALUES ('x')", "CAST_INVALID_INPUT"),
        ("INSERT INTO t (id) VALUES (3000000000)", "CAST_OVERFLOW"),
        ("INSERT INTO t (nosuch) VALUES (1)", "UNRESOLVED_COLUMN.WITH_SUGGESTION"),
        ("INSERT INTO t BY NAME SELECT 1 AS zz", "INCOMPATIBLE_DATA_FOR_TABLE.EXTRA_COLUMNS"),
        ("INSERT INTO nosuch VALUES (1)", "TABLE_OR_VIEW_NOT_FOUND"),
    ] {
        let failed = harness.fails(sql).await;
        assert_eq!(failed.error_class, class, "{sql}: {}", failed.message);
    }
    assert_eq!(harness.rows("SELECT count(*) FROM t").await, ["5"]);
    harness.sql("INSERT OVERWRITE t PARTITION (p = 'x') SELECT 9, 'nine', NULL").await;
    assert_eq!(harness.rows("SELECT id FROM t ORDER BY id").await, ["2", "4", "9"]);
    harness.sql("INSERT INTO t REPLACE WHERE p = 'y' SELECT 7, 'seven', NULL, 'y'").await;
    assert_eq!(harness.rows("SELECT id FROM t ORDER BY id").await, ["7", "9"]);
    let failed =
        harness.fails("INSERT INTO t REPLACE WHERE p = 'y' SELECT 7, 'seven', NULL, 'x'").await;
    assert_eq!(failed.error_class, "DELTA_REPLACE_WHERE_MISMATCH", "{}", failed.message);
    let ran = harness
        .sql(
            "INSERT INTO t AS t REPLACE ON (t.id <=> s.id) (SELECT 7 AS id, 'new', NULL, 'y') AS s",
        )
        .await;
    assert_eq!(ran.finished.num_modified_rows, Some(1));
    assert_eq!(harness.rows("SELECT id, name FROM t ORDER BY id").await, ["7|new", "9|nine"]);
    harness.sql("INSERT OVERWRITE t VALUES (0, 'z', NULL, 'q')").await;
    assert_eq!(harness.rows("SELECT id, p FROM t").await, ["0|q"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_changed_and_removed() {
    let harness = catalog::start().await;
    harness.sql("CREATE TABLE t AS SELECT id AS Id, CAST(id % 3 AS INT) AS k, 'n' AS name FROM range(10)").await;
    harness.sql("CREATE TABLE s AS SELECT 1 AS k").await;
    let ran = harness.sql("UPDATE t SET name = concat('x', id), k = k + 1 WHERE id < 2").await;
    assert_eq!(ran.names(), ["num_affected_rows"]);
    assert_eq!(ran.finished.num_modified_rows, Some(2));
    assert_eq!(
        harness.rows("SELECT id, k, name FROM t WHERE id < 3 ORDER BY id").await,
        ["0|1|x0", "1|2|x1", "2|2|n"]
    );
    let ran = harness.sql("UPDATE t AS a SET name = 'sub' WHERE a.k IN (SELECT k FROM s)").await;
    let changed = ran.finished.num_modified_rows.unwrap();
    assert_eq!(
        harness.rows("SELECT count(*) FROM t WHERE name = 'sub'").await,
        [changed.to_string()]
    );
    assert_eq!(harness.rows("SELECT count(*) FROM t").await, ["10"]);
    let ran = harness.sql("DELETE FROM t WHERE EXISTS (SELECT 1 FROM s WHERE s.k = t.k)").await;
    assert_eq!(ran.finished.num_modified_rows, Some(changed));
    let ran = harness.sql("DELETE FROM t WHERE Id >= 8").await;
    assert!(ran.finished.num_modified_rows.unwrap() > 0);
    assert_eq!(harness.rows("SELECT count(*) FROM t WHERE id >= 8").await, ["0"]);
    let left = harness.rows("SELECT count(*) FROM t").await[0].clone();
    let ran = harness.sql("DELETE FROM t").await;
    assert_eq!(ran.finished.num_modified_rows.unwrap().to_string(), left);
    harness.sql("RESTORE TABLE t TO VERSION AS OF 0").await;
    assert_eq!(harness.rows("SELECT count(*) FROM t").await, ["10"]);
    harness.sql("TRUNCATE TABLE t").await;
    assert_eq!(harness.rows("SELECT count(*) FROM t").await, ["0"]);
    assert_eq!(
        harness.fails("UPDATE t SET nosuch = 1").await.error_class,
        "UNRESOLVED_COLUMN.WITH_SUGGESTION"
    );
    assert_eq!(
        harness.fails("RESTORE t TO VERSION AS OF 99").await.error_class,
        "DELTA_CANNOT_RESTORE_TABLE_VERSION"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn merge_does_all_three() {
    let harness = catalog::start().await;
    harness
        .sql("CREATE TABLE t AS SELECT * FROM VALUES (1, 'a'), (2, 'b'), (3, 'c') AS v(Id, name)")
        .await;
    harness.sql("CREATE TABLE s AS SELECT * FROM VALUES (2, 'B'), (4, 'D') AS v(id, Name)").await;
    let sql = "MERGE INTO t AS dest USING s AS src ON dest.id <=> src.id \
               WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT * \
               WHEN NOT MATCHED BY SOURCE AND dest.id = 3 THEN DELETE";
    let ran = harness.sql(sql).await;
    let names = ["num_affected_rows", "num_updated_rows", "num_deleted_rows", "num_inserted_rows"];
    assert_eq!(ran.names(), names);
    let counts: Vec<_> = ran.rows()[0].iter().map(|cell| cell.clone().unwrap()).collect();
    assert_eq!(counts, ["3", "1", "1", "1"]);
    assert_eq!(harness.rows("SELECT * FROM t ORDER BY id").await, ["1|a", "2|B", "4|D"]);
    let sql = "MERGE INTO t USING (SELECT 1 AS k, 'n' AS v UNION ALL SELECT 9, 'm') q ON t.id = q.k \
               WHEN MATCHED AND q.v = 'n' THEN DELETE \
               WHEN NOT MATCHED AND q.k > 5 THEN INSERT (id, name) VALUES (q.k, upper(q.v))";
    harness.sql(sql).await;
    assert_eq!(harness.rows("SELECT * FROM t ORDER BY id").await, ["2|B", "4|D", "9|M"]);
    let sql = "MERGE INTO t USING (SELECT 2 AS k, 'x' AS v UNION ALL SELECT 2, 'y') q ON t.id = q.k \
               WHEN MATCHED THEN UPDATE SET name = q.v";
    let failed = harness.fails(sql).await;
    assert_eq!(
        failed.error_class, "DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE",
        "{}",
        failed.message
    );
    let failed = harness
        .fails("MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET zz = 1")
        .await;
    assert_eq!(failed.error_class, "UNRESOLVED_COLUMN.WITH_SUGGESTION");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_kept_in_order() {
    let harness = catalog::start().await;
    harness.sql("CREATE TABLE t (id INT, p STRING) PARTITIONED BY (p)").await;
    for n in 0..4 {
        harness.sql(&format!("INSERT INTO t VALUES ({n}, 'x')")).await;
    }
    let ran = harness.sql("OPTIMIZE t WHERE p = 'x'").await;
    assert_eq!(ran.names(), ["path", "metrics"]);
    assert!(
        ran.rows()[0][1].as_deref().unwrap().contains("\"numFilesRemoved\":4"),
        "{:?}",
        ran.rows()
    );
    harness.sql("OPTIMIZE t ZORDER BY (id)").await;
    assert_eq!(harness.rows("SELECT count(*) FROM t").await, ["4"]);
    assert_eq!(harness.rows("SHOW PARTITIONS t").await, ["x"]);
    let failed = harness.fails("VACUUM t RETAIN 0 HOURS").await;
    assert_eq!(failed.error_class, "DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT");
    harness.sql("VACUUM t DRY RUN").await;
    harness.sql("VACUUM t").await;
    assert_eq!(harness.rows("SELECT sum(id) FROM t").await, ["6"]);
    assert_eq!(harness.fails("OPTIMIZE t WHERE id = 1").await.sql_state, "42P10");
}

/// Eight writers, who all change the same row, add rows and take them away again.
#[tokio::test(flavor = "multi_thread")]
async fn writers_of_one_table_wait_for_each_other_and_lose_nothing() {
    const WRITERS: usize = 8;
    const TURNS: usize = 4;
    let harness = Arc::new(catalog::start().await);
    harness.sql("CREATE TABLE counter (k INT, n BIGINT)").await;
    harness.sql("INSERT INTO counter VALUES (1, 0), (2, 0)").await;
    harness.sql("CREATE TABLE notes (writer INT, turn INT)").await;
    let writers = (0..WRITERS).map(|writer| {
        let harness = harness.clone();
        tokio::spawn(async move {
            for turn in 0..TURNS {
                harness.sql("UPDATE counter SET n = n + 1 WHERE k = 1").await;
                harness.sql(&format!("INSERT INTO notes VALUES ({writer}, {turn})")).await;
                let merge = "MERGE INTO counter t USING (SELECT 2 AS k) s ON t.k = s.k
                             WHEN MATCHED THEN UPDATE SET n = t.n + 1";
                harness.sql(merge).await;
                let before = turn as i64 - 1;
                let delete =
                    format!("DELETE FROM notes WHERE writer = {writer} AND turn = {before}");
                harness.sql(&delete).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let all = WRITERS * TURNS;
    let counted = harness.rows("SELECT n FROM counter ORDER BY k").await;
    assert_eq!(counted, [all.to_string(), all.to_string()]);
    let last =
        format!("SELECT count(DISTINCT writer), count(*), min(turn) = {} FROM notes", TURNS - 1);
    assert_eq!(harness.rows(&last).await, [format!("{WRITERS}|{WRITERS}|true")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_inserts_at_the_same_time_gets_numbers_of_their_own() {
    let harness = catalog::start().await;
    harness.sql("CREATE TABLE t (id BIGINT GENERATED ALWAYS AS IDENTITY, name STRING)").await;
    let inserts = (0..4).map(|_| async {
        for _ in 0..3 {
            harness.sql("INSERT INTO t (name) VALUES ('a'), ('b')").await;
        }
    });
    futures::future::join_all(inserts).await;
    assert_eq!(
        harness.rows("SELECT count(*), count(DISTINCT id), min(id), max(id) FROM t").await,
        ["24|24|1|24"]
    );
}
