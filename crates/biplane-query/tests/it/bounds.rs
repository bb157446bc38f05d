//! Memory and disk for results are bounded, proved by counting.

use crate::support::{Lab, id, state, until};
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;

const MIB: u64 = 1 << 20;
/// What may be on its way: the stream's window, a message in each hand.
const IN_FLIGHT: u64 = 16;

#[tokio::test]
async fn large_results_go_to_files_and_come_back_whole() {
    let lab = Lab::with(|config| config.statement_memory_bytes_max = 2 * MIB).await;
    let with = json!({"disposition": "EXTERNAL_LINKS", "format": "CSV"});
    let answer = lab.execute("SELECT rows:1 many:6", with).await.ok();
    let dir = lab.config.results_dir.join(id(&answer));
    // The whole result is moved there once the statement has ended.
    until(async || dir.join("manifest").exists().then_some(())).await;
    let spool = lab.query.statements.spool();
    assert_eq!(spool.memory_bytes(), 0);
    let total = answer["manifest"]["total_byte_count"].as_u64().unwrap();
    assert_eq!(spool.disk_bytes(), total);
    let mut index = Some(0);
    let mut fetched = 0;
    while let Some(at) = index {
        let chunk = lab
            .get(&format!("/api/2.0/sql/statements/{}/result/chunks/{at}", id(&answer)))
            .await
            .ok();
        let link = &chunk["external_links"][0];
        let file = lab.anonymous(link["external_link"].as_str().unwrap()).await;
        assert_eq!(file.bytes.len() as u64, link["byte_count"].as_u64().unwrap());
        fetched += file.bytes.len() as u64;
        index = link["next_chunk_index"].as_u64();
    }
    assert_eq!(fetched, total);
    lab.delete(&format!("/api/2.0/sql/statements/{}", id(&answer))).await.ok();
    assert!(!dir.exists());
    assert_eq!(spool.disk_bytes(), 0);
}

#[tokio::test]
async fn an_engine_waits_when_the_store_is_full() {
    let lab = Lab::with(|config| {
        (config.memory_bytes_max, config.statement_memory_bytes_max) = (2 * MIB, 2 * MIB);
        config.disk_bytes_max = 4 * MIB;
        config.room_wait = Duration::from_secs(20);
    })
    .await;
    let with = json!({"disposition": "EXTERNAL_LINKS", "format": "CSV", "wait_timeout": "0s"});
    let answer = lab.execute("SELECT many:60", with).await.ok();
    let spool = lab.query.statements.spool();
    until(async || (spool.disk_bytes() > 2 * MIB).then_some(())).await;
    // It does not go on by itself.
    let sent = || lab.engine[0].chunks_sent.load(Ordering::SeqCst);
    let mut before = u64::MAX;
    until(async || {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = sent();
        std::mem::replace(&mut before, now).eq(&now).then_some(())
    })
    .await;
    assert!(sent() <= 6 + IN_FLIGHT, "{} chunks of 1 MiB were taken", sent());
    assert!(spool.memory_bytes() <= 2 * MIB && spool.disk_bytes() <= 4 * MIB);
    // A reader that lets go of what it has read moves it on.
    let statement_id = id(&answer).parse().unwrap();
    let ctx = crate::support::user("ann");
    let access = biplane_query::statements::Access::Result;
    let statement = lab.query.statements.find(&ctx, &statement_id, access).await.unwrap();
    let mut next = 0;
    loop {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        let seen = statement.wait(deadline, |now| now.chunks > next).await;
        while next < seen.chunks {
            assert!(statement.chunk(next).unwrap().bytes().await.unwrap().len() as u64 > MIB);
            next += 1;
            statement.release_before(next);
        }
        assert!(spool.memory_bytes() <= 2 * MIB && spool.disk_bytes() <= 4 * MIB);
        if seen.complete() {
            break;
        }
    }
    // Not only their share is given back.
    let dir = lab.config.results_dir.join(id(&answer));
    until(async || std::fs::read_dir(&dir).unwrap().count().le(&1).then_some(())).await;
    assert_eq!((next, sent()), (60, 60));
    assert_eq!(state(&lab.ended(&id(&answer)).await), "SUCCEEDED");
}

#[tokio::test]
async fn nobody_waits_for_room_for_ever() {
    let lab = Lab::with(|config| {
        (config.memory_bytes_max, config.disk_bytes_max) = (MIB, MIB);
        config.room_wait = Duration::from_millis(20);
    })
    .await;
    let with = json!({"disposition": "EXTERNAL_LINKS", "format": "CSV"});
    let answer = lab.execute("SELECT many:5", with).await.ok();
    assert_eq!(answer["status"]["error"]["error_code"], "RESOURCE_EXHAUSTED");
    let spool = lab.query.statements.spool();
    until(async || (spool.memory_bytes() == 0 && spool.disk_bytes() == 0).then_some(())).await;
    until(async || (!lab.config.results_dir.join(id(&answer)).exists()).then_some(())).await;
}

#[tokio::test]
async fn results_are_cut_at_the_servers_limit_and_inline_ones_refused() {
    let lab = Lab::with(|config| config.result_bytes_max = 3 * MIB + MIB / 2).await;
    let with = json!({"disposition": "EXTERNAL_LINKS", "format": "CSV"});
    let answer = lab.execute("SELECT many:10", with).await.ok();
    assert_eq!(answer["manifest"]["truncated"], true);
    assert_eq!(answer["manifest"]["total_chunk_count"], 3);
    let lab = Lab::new().await;
    let answer = lab.execute("SELECT many:30", json!({})).await.ok();
    assert!(
        answer["status"]["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("[INLINE_BYTE_LIMIT_EXCEEDED]")
    );
}

#[tokio::test]
async fn tight_memory_moves_finished_results_to_files() {
    let lab = Lab::with(|config| config.memory_bytes_max = 4 * MIB).await;
    let with = json!({"disposition": "EXTERNAL_LINKS", "format": "CSV"});
    let mut links = Vec::new();
    for _ in 0..6 {
        let answer = lab.execute("SELECT many:1", with.clone()).await.ok();
        links.push(
            answer["result"]["external_links"][0]["external_link"].as_str().unwrap().to_owned(),
        );
    }
    let spool = lab.query.statements.spool();
    until(async || (spool.memory_bytes() <= 3 * MIB && spool.disk_bytes() > 0).then_some(())).await;
    for link in links {
        assert!(lab.anonymous(&link).await.bytes.len() as u64 > MIB);
    }
}

#[tokio::test]
async fn old_results_are_swept() {
    let lab = Lab::with(|config| {
        config.retention = Duration::ZERO;
        config.statement_memory_bytes_max = 0;
    })
    .await;
    let with = json!({"disposition": "EXTERNAL_LINKS", "format": "CSV"});
    let answer = lab.execute("SELECT rows:3", with).await.ok();
    let link = answer["result"]["external_links"][0]["external_link"].as_str().unwrap();
    let dir = lab.config.results_dir.join(id(&answer));
    until(async || dir.join("manifest").exists().then_some(())).await;
    lab.query.sweep().await.unwrap();
    until(async || (!dir.exists()).then_some(())).await;
    assert_eq!(lab.anonymous(link).await.error(404), "NOT_FOUND");
    let later = lab.get(&format!("/api/2.0/sql/statements/{}", id(&answer))).await.ok();
    assert_eq!((state(&later), later.get("manifest")), ("SUCCEEDED", None));
    assert_eq!(lab.query.statements.spool().disk_bytes(), 0);
}

#[tokio::test]
async fn finished_statements_in_memory_are_bounded() {
    let lab = Lab::with(|config| config.finished_max = 3).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(id(&lab.execute("SELECT rows:1", json!({})).await.ok()));
    }
    for (number, id) in ids.iter().enumerate() {
        let answer = lab.get(&format!("/api/2.0/sql/statements/{id}")).await.ok();
        assert_eq!(state(&answer), "SUCCEEDED");
        assert_eq!(answer.get("result").is_some(), number >= 2, "{number}");
    }
}
