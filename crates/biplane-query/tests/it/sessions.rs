//! `/api/2.0/sql/sessions`.

use crate::support::{Lab, id, state, until, user};
use biplane_platform::Clock;
use serde_json::json;
use std::time::Duration;

async fn open(lab: &Lab) -> String {
    let body = json!({"warehouse_id": lab.engines.warehouse, "execution_mode": "FAST",
        "session_confs": {"query_tags": "team:x,k"}});
    let answer = lab.post("/api/2.0/sql/sessions", body).await.ok();
    answer["session_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_session_carries_what_use_left_behind() {
    let lab = Lab::new().await;
    let session = open(&lab).await;
    lab.execute("USE use:c2", json!({"session_id": session})).await.ok();
    lab.execute("SELECT 1", json!({"session_id": session})).await.ok();
    // For one statement only.
    lab.execute("SELECT 1", json!({"session_id": session, "catalog": "other", "schema": "s"}))
        .await
        .ok();
    lab.execute("SELECT 1", json!({"session_id": session})).await.ok();
    let seen: Vec<_> =
        lab.engine[0].seen.lock().iter().map(|r| r.session.clone().unwrap()).collect();
    let catalogs: Vec<_> = seen.iter().map(|session| session.catalog.as_str()).collect();
    assert_eq!(catalogs, ["main", "c2", "other", "c2"]);
    assert!(seen.iter().all(|s| s.session_id == session));
    let list = lab.get("/api/2.0/sql/history/queries").await.ok();
    assert_eq!(list["res"][0]["session_id"], session.as_str());
    assert_eq!(list["res"][0]["query_tags"], json!([{"key": "team", "value": "x"}, {"key": "k"}]));
    let info = lab.get(&format!("/api/2.0/sql/sessions/{session}")).await.ok();
    assert_eq!(info["catalog"], "c2");
}

#[tokio::test]
async fn temporary_objects_bind_a_session_to_its_engine() {
    let lab = Lab::new().await;
    let session = open(&lab).await;
    let run = async |text: &str| lab.execute(text, json!({"session_id": session})).await.ok();
    run("SELECT 1").await;
    run("CREATE TEMPORARY VIEW v AS SELECT 1").await;
    run("SELECT 2").await;
    let wishes = lab.engines.wishes.lock().clone();
    assert_eq!((&wishes[0].0, wishes[0].1), (&None, false));
    assert!(wishes[1].0.is_some() && !wishes[1].1);
    assert!(wishes[2].0 == wishes[1].0 && wishes[2].1);
    let pins = || lab.engines.pins.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(pins(), 1);
    let path = format!("/api/2.0/sql/sessions/{session}?warehouse_id={}", lab.engines.warehouse);
    lab.delete(&path).await.ok();
    assert_eq!(pins(), 0);
    // Another session is not bound, wherever it goes.
    lab.execute("SELECT 3", json!({})).await.ok();
    assert!(!lab.engines.wishes.lock().last().unwrap().1);
}

#[tokio::test]
async fn closing_ends_its_statements_and_tells_the_engine() {
    let lab = Lab::new().await;
    let session = open(&lab).await;
    let with = json!({"session_id": session, "wait_timeout": "0s"});
    let answer = lab.execute("SELECT hang", with).await.ok();
    until(async || (lab.engine[0].seen.lock().len() == 1).then_some(())).await;
    let path = format!("/api/2.0/sql/sessions/{session}?warehouse_id={}", lab.engines.warehouse);
    assert_eq!(lab.delete(&path).await.ok(), json!({}));
    assert_eq!(state(&lab.ended(&id(&answer)).await), "CANCELED");
    until(async || (*lab.engine[0].closed_sessions.lock() == [session.clone()]).then_some(()))
        .await;
    assert_eq!(lab.delete(&path).await.error(404), "RESOURCE_DOES_NOT_EXIST");
    let with = json!({"session_id": session});
    assert_eq!(lab.execute("SELECT 1", with).await.error(404), "RESOURCE_DOES_NOT_EXIST");
}

#[tokio::test]
async fn sessions_are_their_owners_and_the_warehouses() {
    let lab = Lab::new().await;
    let session = open(&lab).await;
    let path = format!("/api/2.0/sql/sessions/{session}");
    for who in ["bob", "root"] {
        assert_eq!(lab.call(who, "GET", &path, "").await.error(404), "RESOURCE_DOES_NOT_EXIST");
        lab.call(who, "DELETE", &path, "").await.error(404);
        let body = json!({"statement": "SELECT 1", "session_id": session}).to_string();
        lab.call(who, "POST", "/api/2.0/sql/statements", body).await.error(404);
    }
    let with = json!({"session_id": session, "warehouse_id": "00000000000000ff"});
    assert_eq!(lab.execute("SELECT 1", with).await.error(400), "INVALID_PARAMETER_VALUE");
    let other = json!({"warehouse_id": "00000000000000ff"});
    lab.post("/api/2.0/sql/sessions", other).await.error(404);
    lab.post("/api/2.0/sql/sessions", json!({})).await.error(400);
    lab.get("/api/2.0/sql/sessions/x").await.error(404);
}

#[tokio::test]
async fn idle_sessions_end_and_busy_ones_do_not() {
    let lab = Lab::new().await;
    let config = lab.config.clone();
    let clock = Clock::fixed(1_800_000_000_000);
    let lab = Lab::start(lab.db.clone(), config, clock.clone()).await;
    let (idle, busy) = (open(&lab).await, open(&lab).await);
    let with = json!({"session_id": busy, "wait_timeout": "0s"});
    lab.execute("SELECT hang", with).await.ok();
    clock.set(1_800_000_000_000 + 9 * 3600 * 1000);
    lab.query.sweep().await.unwrap();
    lab.get(&format!("/api/2.0/sql/sessions/{idle}")).await.error(404);
    lab.get(&format!("/api/2.0/sql/sessions/{busy}")).await.ok();
}

#[tokio::test]
async fn sessions_are_bounded_and_confs_checked() {
    let lab = Lab::with(|config| config.sessions_max = 1).await;
    for confs in [
        json!({"statement_timeout": "soon"}),
        json!({"x": ["y"]}),
        json!({"x": "y".repeat(100_000)}),
        json!({"query_tags": "k,".repeat(50)}),
    ] {
        let body = json!({"warehouse_id": lab.engines.warehouse, "session_confs": confs});
        assert_eq!(
            lab.post("/api/2.0/sql/sessions", body).await.error(400),
            "INVALID_PARAMETER_VALUE"
        );
    }
    open(&lab).await;
    let body = json!({"warehouse_id": lab.engines.warehouse});
    assert_eq!(lab.post("/api/2.0/sql/sessions", body).await.error(429), "RESOURCE_EXHAUSTED");
}

#[tokio::test]
async fn statement_timeout_of_the_session_counts() {
    let lab = Lab::with(|config| config.statement_timeout = Duration::from_secs(100)).await;
    let body =
        json!({"warehouse_id": lab.engines.warehouse, "session_confs": {"STATEMENT_TIMEOUT": "7"}});
    let session = lab.post("/api/2.0/sql/sessions", body).await.ok();
    lab.execute("SELECT 1", json!({"session_id": session["session_id"]})).await.ok();
    lab.execute("SELECT 1", json!({})).await.ok();
    let seen: Vec<_> = lab.engine[0].seen.lock().iter().map(|request| request.timeout_ms).collect();
    assert_eq!(seen, [7_000, 100_000]);
    assert!(user("ann").principal.id != user("bob").principal.id);
}
