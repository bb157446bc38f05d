//! Results that are kept: found again by the same query over the same data, and by nothing else.

use crate::harness::{Harness, ask};
use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use biplane_proto::v1;
use std::sync::Arc;

fn numbers(range: std::ops::Range<i64>) -> RecordBatch {
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values(range));
    RecordBatch::try_from_iter([("n", values)]).unwrap()
}

async fn with_numbers() -> Harness {
    let harness = Harness::start().await;
    harness.fake.put_table("main.default.t", vec![numbers(0..10)]).await;
    harness
}

/// The first cell, and whether it was there already.
async fn first(harness: &Harness, request: v1::ExecuteRequest) -> (String, bool) {
    let ran = harness.run(request).await.unwrap();
    let cell = ran.rows()[0][0].clone().unwrap_or_else(|| "null".to_owned());
    (cell, ran.finished.metrics.unwrap().from_cache)
}

async fn asked(harness: &Harness, sql: &str) -> (String, bool) {
    first(harness, ask(sql)).await
}

fn known(cell: &str) -> (String, bool) {
    (cell.to_owned(), true)
}

fn made(cell: &str) -> (String, bool) {
    (cell.to_owned(), false)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_query_over_the_same_data_is_answered_at_once() {
    let harness = with_numbers().await;
    let sql = "SELECT sum(n) FROM t WHERE n > 2";
    assert_eq!(asked(&harness, sql).await, made("42"));
    let again = harness.sql(sql).await;
    let metrics = again.finished.metrics.unwrap();
    assert!(metrics.from_cache);
    assert_eq!((metrics.rows_read, metrics.rows_produced), (0, 1));
    assert_eq!(again.finished.lineage[0].source_table, "main.default.t");
    assert_eq!(again.names(), ["sum(n)"]);
    // In another form, and of another user who may read it.
    let mut arrow = ask(sql);
    arrow.format = v1::ResultFormat::Arrow.into();
    arrow.session.as_mut().unwrap().user_name = "bob@example.com".into();
    let ran = harness.run(arrow).await.unwrap();
    assert!(ran.finished.metrics.unwrap().from_cache);
    assert_eq!(ran.batches()[0].num_rows(), 1);
    // A limit of the client's cuts what is kept, and what it cut is not kept.
    let mut cut = ask("SELECT n FROM t ORDER BY n");
    cut.row_limit = 3;
    let ran = harness.run(cut.clone()).await.unwrap();
    assert_eq!((ran.rows().len(), ran.finished.truncated), (3, true));
    let all = harness.sql("SELECT n FROM t ORDER BY n").await;
    assert_eq!(all.rows().len(), 10);
    let ran = harness.run(cut).await.unwrap();
    assert_eq!((ran.rows().len(), ran.finished.truncated), (3, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_data_and_other_names_are_read_again() {
    let harness = with_numbers().await;
    let sql = "SELECT count(*) FROM t";
    assert_eq!(asked(&harness, sql).await, made("10"));
    assert_eq!(asked(&harness, sql).await, known("10"));
    harness.sql("INSERT INTO t VALUES (10)").await;
    assert_eq!(asked(&harness, sql).await, made("11"));
    assert_eq!(asked(&harness, "SELECT count(*) FROM t VERSION AS OF 0").await, made("10"));
    // A view is what it says now.
    harness.fake.put_view("main.default.v", "SELECT n FROM t WHERE n < 5");
    let view = "SELECT count(*) FROM v";
    assert_eq!(asked(&harness, view).await, made("5"));
    assert_eq!(asked(&harness, view).await, known("5"));
    harness.fake.put_view("main.default.v", "SELECT n FROM t WHERE n < 6");
    assert_eq!(asked(&harness, view).await, made("6"));
    // Two tables that change names.
    harness.fake.put_table("main.default.a", vec![numbers(0..1)]).await;
    harness.fake.put_table("main.default.b", vec![numbers(0..2)]).await;
    let both = "SELECT concat((SELECT count(*) FROM a), '-', (SELECT count(*) FROM b))";
    assert_eq!(asked(&harness, both).await, made("1-2"));
    assert_eq!(asked(&harness, both).await, known("1-2"));
    {
        let mut tables = harness.fake.tables.lock();
        let (mut a, mut b) = (tables["main.default.a"].clone(), tables["main.default.b"].clone());
        std::mem::swap(&mut a.info.full_name, &mut b.info.full_name);
        tables.insert("main.default.a".into(), b);
        tables.insert("main.default.b".into(), a);
    }
    assert_eq!(asked(&harness, both).await, made("2-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_gets_nothing_that_is_kept() {
    let harness = with_numbers().await;
    let sql = "SELECT max(n) FROM t";
    assert_eq!(asked(&harness, sql).await, made("9"));
    harness.fake.denied.lock().insert("main.default.t".into());
    assert_eq!(harness.fails(sql).await.error_class, "INSUFFICIENT_PERMISSIONS");
    harness.fake.denied.lock().clear();
    assert_eq!(asked(&harness, sql).await, known("9"));
    // What depends on who asks is of who asked.
    let mine = "SELECT current_user(), count(*) FROM t";
    let mut other = ask(mine);
    other.session.as_mut().unwrap().user_name = "bob@example.com".into();
    assert_eq!(asked(&harness, mine).await, made("ada@example.com"));
    assert_eq!(first(&harness, other).await, made("bob@example.com"));
    assert_eq!(asked(&harness, mine).await, known("ada@example.com"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_change_by_itself_is_not_kept() {
    let harness = with_numbers().await;
    let file = harness.fake.root.join("x.json");
    std::fs::write(&file, "{\"x\": 1}\n").unwrap();
    let files = format!("SELECT count(*) FROM json.`{}`, t", file.display());
    for sql in [
        "SELECT 1",
        "SELECT count(*) FROM t WHERE now() > TIMESTAMP '2020-01-01'",
        "SELECT count(*) FROM t WHERE rand() < 2",
        "SELECT count(DISTINCT uuid()) FROM t",
        "SELECT count(*) FROM t WHERE n IN (SELECT n FROM t WHERE current_date() > DATE '2020-01-01')",
        &files,
    ] {
        harness.sql(sql).await;
        assert!(!asked(&harness, sql).await.1, "{sql}");
    }
    harness
        .fake
        .put_view("main.default.today", "SELECT n FROM t WHERE current_date() > '2020-01-01'");
    for _ in 0..2 {
        assert_eq!(asked(&harness, "SELECT count(*) FROM today").await, made("10"));
    }
    // Settings, and whoever wants none of it.
    let sql = "SELECT max(n) FROM t";
    let mut without = ask(sql);
    without.session.as_mut().unwrap().conf.insert("use_cached_result".into(), "false".into());
    for _ in 0..2 {
        assert_eq!(first(&harness, without.clone()).await, made("9"));
    }
    let mut elsewhere = ask(sql);
    elsewhere.session.as_mut().unwrap().conf.insert("timezone".into(), "Asia/Tokyo".into());
    assert_eq!(asked(&harness, sql).await, made("9"));
    assert_eq!(first(&harness, elsewhere).await, made("9"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_is_not_kept() {
    let harness = Harness::start_with(64 << 20).await;
    harness.fake.put_table("main.default.t", vec![numbers(0..100_000)]).await;
    for _ in 0..2 {
        let ran = harness.sql("SELECT n FROM t").await;
        assert_eq!(ran.rows().len(), 100_000);
        assert!(!ran.finished.metrics.unwrap().from_cache);
    }
}
