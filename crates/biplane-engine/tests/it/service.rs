//! The service: limits, formats, cancellation, timeouts, sessions, and how the engine ends.

use crate::harness::{Harness, ask};
use biplane_proto::{lz4, v1};
use futures::StreamExt;

const ENDLESS: &str =
    "SELECT count(*) FROM range(0, 3000000000) a CROSS JOIN range(0, 3000000000) b";

async fn until_idle(harness: &Harness) {
    for _ in 0..1_000 {
        let stats = harness.client.clone().stats(v1::StatsRequest {}).await.unwrap().into_inner();
        if stats.statements_running == 0 {
            return;
        }
        tokio::task::yield_now().await;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("a statement goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_traced_statement_tells_what_it_did() {
    let harness = Harness::start().await;
    let mut request = tonic::Request::new(ask("CREATE TABLE t AS SELECT 1 AS a"));
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    request.metadata_mut().insert("traceparent", parent.parse().unwrap());
    let spans = harness.run(request).await.unwrap().spans;
    let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    assert_eq!(named("engine").parent_span_id[..], 0xb7ad_6b71_6920_3331_u64.to_be_bytes());
    for name in ["parse", "prepare"] {
        assert_eq!(named(name).parent_span_id, named("engine").span_id, "{name}");
    }
    let commit = named("commit");
    assert!(spans.iter().any(|span| span.span_id == commit.parent_span_id));
    let plain = harness.sql("SELECT a FROM t").await;
    assert!(plain.spans.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn results_come_in_chunks_and_formats() {
    let harness = Harness::start().await;
    let sql = "SELECT id AS n FROM range(0, 10000)";
    let mut request = ask(sql);
    request.set_format(v1::ResultFormat::Arrow);
    request.chunk_rows_max = 4_000;
    let ran = harness.run(request.clone()).await.unwrap();
    assert_eq!(
        ran.chunks.iter().map(|chunk| chunk.rows).collect::<Vec<_>>(),
        [4_000, 4_000, 2_000]
    );
    assert_eq!(ran.batches().iter().map(|batch| batch.num_rows()).sum::<usize>(), 10_000);
    request.arrow = Some(v1::ArrowOptions { lz4_frame: true, ..Default::default() });
    request.row_limit = 10;
    let ran = harness.run(request).await.unwrap();
    assert!(ran.finished.truncated);
    assert_eq!(ran.chunks.len(), 1);
    assert!(lz4::join(&[&ran.chunks[0].data]).is_ok());
    let mut request = ask("SELECT 1 AS a, 'x,y' AS b");
    request.set_format(v1::ResultFormat::Csv);
    let ran = harness.run(request).await.unwrap();
    assert_eq!(ran.chunks[0].data.as_ref(), b"a,b\n1,\"x,y\"\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_stream_cancels() {
    let harness = Harness::start().await;
    let mut stream = harness.client.clone().execute(ask(ENDLESS)).await.unwrap().into_inner();
    let first = stream.next().await.unwrap().unwrap();
    assert!(first.event.is_some());
    drop(stream);
    until_idle(&harness).await;
    assert_eq!(harness.rows("SELECT 1").await, ["1"]);
}

/// Few rows that become many: operators that read little must let go too.
#[tokio::test(flavor = "multi_thread")]
async fn joins_let_go() {
    let harness = Harness::start().await;
    for join in [
        "range(1000000) a CROSS JOIN range(1000000) b",
        "range(1000000) a JOIN range(1000000) b ON a.id % 2 = b.id % 2",
        "range(1000000) a LEFT ANTI JOIN range(1000000) b ON a.id * b.id = -3",
        "range(1000000) a JOIN range(1000000) b ON a.id * b.id = -3",
    ] {
        let sql = format!("SELECT count(*) FROM {join}");
        let mut stream = harness.client.clone().execute(ask(&sql)).await.unwrap().into_inner();
        assert!(stream.next().await.unwrap().unwrap().event.is_some());
        // Every thread is in the midst of it.
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert_eq!(harness.rows("SELECT 1").await, ["1"], "{join}");
        drop(stream);
        until_idle(&harness).await;
        let mut request = ask(&sql);
        request.timeout_ms = 100;
        let failed = harness.run(request).await.unwrap_err();
        assert_eq!(failed.error_code, "DEADLINE_EXCEEDED", "{join}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_ends_a_statement() {
    let harness = Harness::start().await;
    let mut request = ask(ENDLESS);
    request.timeout_ms = 100;
    let failed = harness.run(request).await.unwrap_err();
    assert_eq!(failed.error_code, "DEADLINE_EXCEEDED");
    until_idle(&harness).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_ends_with_its_door() {
    let Harness { client, engine, .. } = Harness::start().await;
    drop(client);
    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), engine).await;
    assert!(ended.unwrap().unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_refused_and_a_session_can_be_closed() {
    let harness = Harness::start().await;
    let mut request = ask("SELECT * FROM t");
    request.token = "another".into();
    let failed = harness.run(request).await.unwrap_err();
    assert_eq!(failed.error_code, "PERMISSION_DENIED");
    assert!(!failed.message.contains("another"));
    let close = v1::CloseSessionRequest { session_id: "session-1".into() };
    harness.client.clone().close_session(close).await.unwrap();
    assert_eq!(harness.sql("/* x */ select 1").await.finished.statement_type, "SELECT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_over_the_bound_fails_alone() {
    let harness = Harness::start_with(4 << 20).await;
    let failed = harness.fails("SELECT array_agg(id) FROM range(0, 2000000)").await;
    assert_eq!(failed.error_code, "RESOURCE_EXHAUSTED", "{}", failed.message);
    assert_eq!(harness.rows("SELECT count(*) FROM range(0, 1000)").await, ["1000"]);
}
