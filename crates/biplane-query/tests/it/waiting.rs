//! Waiting, cancelling, timeouts, the line in front of a warehouse.

use crate::support::{Lab, id, state, until};
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test]
async fn asynchronous_statements_are_polled() {
    let lab = Lab::new().await;
    let answer = lab.execute("SELECT rows:1 hold", json!({"wait_timeout": "0s"})).await.ok();
    assert!(matches!(state(&answer), "PENDING" | "RUNNING"));
    assert!(answer.get("manifest").is_none());
    let path = format!("/api/2.0/sql/statements/{}", id(&answer));
    until(async || (state(&lab.get(&path).await.ok()) == "RUNNING").then_some(())).await;
    assert_eq!(lab.get(&format!("{path}/result/chunks/0")).await.error(400), "INVALID_STATE");
    lab.engine[0].permits.0.add_permits(1);
    let answer = lab.ended(&id(&answer)).await;
    assert_eq!(answer["result"]["data_array"], json!([["0"]]));
    // As a client polls: GET with a body.
    let body = json!({"statement_id": id(&answer)}).to_string();
    assert_eq!(lab.call("ann", "GET", &path, body).await.ok(), answer);
}

#[tokio::test]
async fn progress_rises_while_a_statement_runs() {
    let lab = Lab::new().await;
    let text = "SELECT at:25 hold at:75 hold rows:1";
    let answer = lab.execute(text, json!({"wait_timeout": "0s"})).await.ok();
    let path = format!("/api/2.0/sql/statements/{}", id(&answer));
    for hundredths in [25, 75] {
        let told = json!({"fraction": hundredths as f32 / 100.0, "rows_read": hundredths, "bytes_read": hundredths * 10});
        until(async || (lab.get(&path).await.ok()["status"]["progress"] == told).then_some(()))
            .await;
        lab.engine[0].permits.0.add_permits(1);
    }
    let ended = lab.ended(&id(&answer)).await;
    assert_eq!((state(&ended), ended["status"].get("progress")), ("SUCCEEDED", None));
}

#[tokio::test]
async fn a_start_and_a_record_that_both_want_to_write_do_not_wait_for_each_other() {
    let lab = Lab::with(|config| config.record_after = Duration::ZERO).await;
    *lab.engines.writes.lock() = Some(lab.db.db.clone());
    for _ in 0..5 {
        lab.engines.wishes.lock().clear();
        let writer = lab.db.db.write().await.unwrap();
        let statement = lab.execute("SELECT rows:1", json!({"wait_timeout": "10s"}));
        let release = async {
            until(async || (!lab.engines.wishes.lock().is_empty()).then_some(())).await;
            writer.commit().await.unwrap();
        };
        let (answer, ()) = tokio::join!(statement, release);
        assert_eq!(state(&answer.ok()), "SUCCEEDED");
    }
}

#[tokio::test]
async fn a_wait_ends_with_continue_or_cancel() {
    let lab = Lab::new().await;
    // The shortest wait there is.
    let go_on = json!({"wait_timeout": "5s"});
    let cancel = json!({"wait_timeout": "5s", "on_wait_timeout": "CANCEL"});
    let (going, ended) =
        tokio::join!(lab.execute("SELECT hang", go_on), lab.execute("SELECT hang", cancel));
    assert_eq!(state(&going.ok()), "RUNNING");
    assert_eq!(state(&ended.ok()), "CANCELED");
    until(async || (lab.engine[0].dropped.load(Ordering::SeqCst) == 1).then_some(())).await;
}

#[tokio::test]
async fn cancelling_stops_the_engine_and_gives_the_lease_back() {
    let lab = Lab::new().await;
    let answer = lab.execute("SELECT rows:1 hang", json!({"wait_timeout": "0s"})).await.ok();
    let path = format!("/api/2.0/sql/statements/{}", id(&answer));
    until(async || (!lab.engine[0].seen.lock().is_empty()).then_some(())).await;
    assert_eq!(lab.post(&format!("{path}/cancel"), json!({})).await.ok(), json!({}));
    assert_eq!(state(&lab.ended(&id(&answer)).await), "CANCELED");
    until(async || (lab.engine[0].dropped.load(Ordering::SeqCst) == 1).then_some(())).await;
    until(async || (lab.engines.leases.load(Ordering::SeqCst) == 0).then_some(())).await;
    // Again, and after the end, changes nothing.
    assert_eq!(lab.post(&format!("{path}/cancel"), json!({})).await.ok(), json!({}));
    let list = lab.get("/api/2.0/sql/history/queries").await.ok();
    assert_eq!(list["res"][0]["status"], "CANCELED");
}

#[tokio::test]
async fn deleting_a_running_statement_ends_it() {
    let lab = Lab::new().await;
    let answer = lab.execute("SELECT rows:1 hang", json!({"wait_timeout": "0s"})).await.ok();
    let path = format!("/api/2.0/sql/statements/{}", id(&answer));
    until(async || (!lab.engine[0].seen.lock().is_empty()).then_some(())).await;
    lab.delete(&path).await.ok();
    assert_eq!(state(&lab.get(&path).await.ok()), "CLOSED");
    until(async || (lab.engine[0].dropped.load(Ordering::SeqCst) == 1).then_some(())).await;
    until(async || {
        let list = lab.get("/api/2.0/sql/history/queries").await.ok();
        (list["res"][0]["status"] == "CANCELED").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_runs_too_long_is_stopped() {
    let lab = Lab::with(|config| config.statement_timeout = Duration::from_millis(50)).await;
    let answer = lab.execute("SELECT hang", json!({})).await.ok();
    assert_eq!(state(&answer), "FAILED");
    assert_eq!(answer["status"]["error"]["error_code"], "DEADLINE_EXCEEDED");
    assert!(
        answer["status"]["error"]["message"].as_str().unwrap().starts_with("[STATEMENT_TIMEOUT]")
    );
    assert_eq!(lab.engine[0].seen.lock()[0].timeout_ms, 50);
}

#[tokio::test]
async fn the_line_is_first_come_first_served_and_bounded() {
    let lab = Lab::with(|config| (config.running_max, config.queued_max) = (1, 2)).await;
    let asynchronous = json!({"wait_timeout": "0s"});
    let mut ids = Vec::new();
    for number in 0..3 {
        let answer = lab.execute(&format!("SELECT hold n{number}"), asynchronous.clone()).await;
        ids.push(id(&answer.ok()));
    }
    let refused = lab.execute("SELECT 1", asynchronous).await;
    assert_eq!(refused.error(429), "RESOURCE_EXHAUSTED");
    assert_eq!(refused.headers["retry-after"], "1");
    let seen = || lab.engine[0].seen.lock().iter().map(|r| r.statement.clone()).collect::<Vec<_>>();
    until(async || (seen().len() == 1).then_some(())).await;
    assert_eq!(
        state(&lab.get(&format!("/api/2.0/sql/statements/{}", ids[1])).await.ok()),
        "PENDING"
    );
    lab.engine[0].permits.0.add_permits(3);
    for id in &ids {
        assert_eq!(state(&lab.ended(id).await), "SUCCEEDED");
    }
    assert_eq!(seen(), ["SELECT hold n0", "SELECT hold n1", "SELECT hold n2"]);
    // One that waits can be cancelled without its turn.
    let list = lab.get("/api/2.0/sql/history/queries?include_metrics=true").await.ok();
    assert_eq!(list["res"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn waiting_in_line_can_be_cancelled() {
    let lab = Lab::with(|config| config.running_max = 1).await;
    let asynchronous = json!({"wait_timeout": "0s"});
    let first = lab.execute("SELECT hold", asynchronous.clone()).await.ok();
    let second = lab.execute("SELECT 2", asynchronous).await.ok();
    lab.post(&format!("/api/2.0/sql/statements/{}/cancel", id(&second)), json!({})).await.ok();
    assert_eq!(state(&lab.ended(&id(&second)).await), "CANCELED");
    lab.engine[0].permits.0.add_permits(1);
    assert_eq!(state(&lab.ended(&id(&first)).await), "SUCCEEDED");
}

#[tokio::test]
async fn a_warehouse_that_does_not_start_is_a_clear_failure() {
    let lab = Lab::with(|config| config.start_wait = Duration::from_millis(20)).await;
    lab.engines.never_starts.store(true, Ordering::SeqCst);
    let answer = lab.execute("SELECT 1", json!({})).await.ok();
    assert_eq!(state(&answer), "FAILED");
    assert_eq!(answer["status"]["error"]["error_code"], "DEADLINE_EXCEEDED");
    assert!(
        answer["status"]["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("[WAREHOUSE_UNAVAILABLE]")
    );
}

#[tokio::test]
async fn a_panic_is_the_end_of_one_statement() {
    let lab = Lab::new().await;
    lab.engines.panics.store(true, Ordering::SeqCst);
    let answer = lab.execute("SELECT 1", json!({})).await.ok();
    assert_eq!(answer["status"]["error"]["error_code"], "INTERNAL_ERROR");
    lab.engines.panics.store(false, Ordering::SeqCst);
    assert_eq!(state(&lab.execute("SELECT 1", json!({})).await.ok()), "SUCCEEDED");
}

#[tokio::test]
async fn draining_lets_statements_end_and_takes_no_more() {
    let lab = Lab::new().await;
    let asynchronous = json!({"wait_timeout": "0s"});
    let ends = lab.execute("SELECT hold", asynchronous.clone()).await.ok();
    let hangs = lab.execute("SELECT hang", asynchronous).await.ok();
    until(async || (lab.engine[0].seen.lock().len() == 2).then_some(())).await;
    lab.engine[0].permits.0.add_permits(1);
    lab.query.drain(tokio::time::Instant::now() + Duration::from_millis(200)).await;
    assert_eq!(state(&lab.ended(&id(&ends)).await), "SUCCEEDED");
    assert_eq!(state(&lab.ended(&id(&hangs)).await), "CANCELED");
    assert_eq!(lab.execute("SELECT 1", json!({})).await.error(503), "TEMPORARILY_UNAVAILABLE");
}
