//! kill -9 and start again: what was answered is still true.

use crate::support::{Lab, id, state, until};
use serde_json::json;

#[tokio::test]
async fn running_statements_end_clearly() {
    let lab = Lab::new().await;
    let running = lab.execute("SELECT hang", json!({"wait_timeout": "0s"})).await.ok();
    let writing = lab.execute("INSERT hang", json!({"wait_timeout": "0s"})).await.ok();
    until(async || (lab.engine[0].seen.lock().len() == 2).then_some(())).await;
    let lab = lab.restart().await;
    for answer in [running, writing] {
        let answer = lab.get(&format!("/api/2.0/sql/statements/{}", id(&answer))).await.ok();
        assert_eq!(state(&answer), "FAILED");
        assert_eq!(answer["status"]["error"]["error_code"], "ABORTED");
        assert!(
            answer["status"]["error"]["message"]
                .as_str()
                .unwrap()
                .starts_with("[SERVER_RESTARTED]")
        );
    }
    let list = lab.get("/api/2.0/sql/history/queries").await.ok();
    assert!(list["res"].as_array().unwrap().iter().all(|info| info["is_final"] == true));
}

#[tokio::test]
async fn finished_statements_answer_and_results_in_files_survive() {
    let lab = Lab::with(|config| config.statement_memory_bytes_max = 100).await;
    let small = lab.execute("SELECT rows:1", json!({})).await.ok();
    let failed = lab.execute("SELECT fail", json!({})).await.ok();
    let with = json!({"disposition": "EXTERNAL_LINKS", "format": "ARROW_STREAM", "result_compression": "LZ4_FRAME"});
    let large = lab.execute("SELECT rows:2 big:100 rows:3", with).await.ok();
    until(async || lab.config.results_dir.join(id(&large)).join("manifest").exists().then_some(()))
        .await;
    let link = large["result"]["external_links"][0]["external_link"].as_str().unwrap().to_owned();
    let before = lab.anonymous(&link).await;
    let half = lab.config.results_dir.join("00000000-0000-0000-0000-000000000001");
    std::fs::create_dir_all(&half).unwrap();

    let lab = lab.restart().await;
    assert!(!half.exists());
    let after = lab.get(&format!("/api/2.0/sql/statements/{}", id(&large))).await.ok();
    assert_eq!(after["manifest"], large["manifest"]);
    // The link given out before is still good.
    assert_eq!(lab.anonymous(&link).await.bytes, before.bytes);
    let total = large["manifest"]["total_byte_count"].as_u64().unwrap();
    assert_eq!(lab.query.statements.spool().disk_bytes(), total);

    let path = format!("/api/2.0/sql/statements/{}", id(&small));
    let answer = lab.get(&path).await.ok();
    assert_eq!((state(&answer), answer.get("result")), ("SUCCEEDED", None));
    let gone = lab.get(&format!("{path}/result/chunks/0")).await;
    assert_eq!(gone.error(404), "NOT_FOUND");
    let answer = lab.get(&format!("/api/2.0/sql/statements/{}", id(&failed))).await.ok();
    assert_eq!(answer["status"], failed["status"]);
    // Closing what is left of it works, and lasts.
    lab.delete(&path).await.ok();
    lab.delete(&format!("/api/2.0/sql/statements/{}", id(&large))).await.ok();
    let lab = lab.restart().await;
    assert_eq!(state(&lab.get(&path).await.ok()), "CLOSED");
    let large = lab.get(&format!("/api/2.0/sql/statements/{}", id(&large))).await.ok();
    assert_eq!(state(&large), "CLOSED");
}

#[tokio::test]
async fn an_answered_id_is_found_whatever_comes_next() {
    let lab = Lab::new().await;
    // Answered while it runs, answered at its end: killed right behind the answer.
    let pending = lab.execute("SELECT hang", json!({"wait_timeout": "0s"})).await.ok();
    let done = lab.execute("SELECT rows:1", json!({})).await.ok();
    let lab = lab.restart().await;
    assert_eq!(
        state(&lab.get(&format!("/api/2.0/sql/statements/{}", id(&pending))).await.ok()),
        "FAILED"
    );
    assert_eq!(
        state(&lab.get(&format!("/api/2.0/sql/statements/{}", id(&done))).await.ok()),
        "SUCCEEDED"
    );
}

#[tokio::test]
async fn a_write_is_in_the_history_before_an_engine_has_it() {
    let lab = Lab::with(|config| config.record_after = std::time::Duration::from_secs(3600)).await;
    let with = json!({"statement": "INSERT hang", "warehouse_id": lab.engines.warehouse, "wait_timeout": "50s"});
    let call = lab.post("/api/2.0/sql/statements", with);
    let look = async {
        until(async || (lab.engine[0].seen.lock().len() == 1).then_some(())).await;
        lab.get("/api/2.0/sql/history/queries").await.ok()
    };
    let list = tokio::select! {
        _ = call => panic!("it hangs"),
        list = look => list,
    };
    assert_eq!(list["res"][0]["query_text"], "INSERT hang");
    assert_eq!(list["res"][0]["is_final"], false);
}

#[tokio::test]
async fn sessions_go_on() {
    let lab = Lab::new().await;
    let open = json!({"warehouse_id": lab.engines.warehouse, "catalog": "a", "session_confs": {"ANSI_MODE": "true"}});
    let session = lab.post("/api/2.0/sql/sessions", open).await.ok();
    let session_id = session["session_id"].as_str().unwrap().to_owned();
    lab.execute("USE use:b", json!({"session_id": session_id})).await.ok();
    let lab = lab.restart().await;
    lab.execute("SELECT 1", json!({"session_id": session_id})).await.ok();
    let seen = lab.engine[0].seen.lock()[0].session.clone().unwrap();
    assert_eq!((seen.catalog.as_str(), seen.conf["ansi_mode"].as_str()), ("b", "true"));
    lab.delete(&format!("/api/2.0/sql/sessions/{session_id}")).await.ok();
    let lab = lab.restart().await;
    let gone = lab.execute("SELECT 1", json!({"session_id": session_id})).await;
    assert_eq!(gone.error(404), "RESOURCE_DOES_NOT_EXIST");
}

#[tokio::test]
async fn a_server_that_is_stopped_keeps_all_results() {
    let lab = Lab::new().await;
    let answer = lab.execute("SELECT rows:3", json!({})).await.ok();
    lab.query.drain(tokio::time::Instant::now()).await;
    let lab = lab.restart().await;
    let path = format!("/api/2.0/sql/statements/{}", id(&answer));
    assert_eq!(lab.get(&path).await.ok(), answer);
}
