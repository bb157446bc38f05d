//! SQLite's one writer: slow disks, callers that go away, transactions that are kept open.

use biplane_platform::db::{Db, Limits, Migration, args};
use biplane_platform::testing::{SlowDisk, TestDb};
use biplane_platform::{ApiError, ErrorCode};
use std::sync::Arc;
use std::time::Duration;

const TABLES: &[Migration] =
    &[Migration { name: "w_1", sql: "CREATE TABLE w (k TEXT PRIMARY KEY);\n" }];
const PATIENT: Limits = Limits { wait: Duration::from_secs(60), hold: Duration::from_secs(60) };

async fn on_disk(limits: Limits) -> (TestDb, Arc<SlowDisk>) {
    let disk = Arc::new(SlowDisk::default());
    (TestDb::on_disk(&[TABLES], disk.clone(), limits).await.unwrap(), disk)
}

async fn put(db: &Db, key: String) -> Result<(), ApiError> {
    let mut tx = db.write().await?;
    tx.execute("INSERT INTO w (k) VALUES ($1)", args![&key]).await?;
    tx.notify("w", &key);
    tx.commit().await
}

async fn count(db: &Db) -> i64 {
    let mut tx = db.read().await.unwrap();
    tx.fetch_one("SELECT count(*) FROM w", args![]).await.unwrap().int(0).unwrap()
}

async fn until(mut reached: impl AsyncFnMut() -> bool) {
    while !reached().await {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn many_commits_share_a_flush_and_none_is_answered_before_it() {
    let (test, disk) = on_disk(PATIENT).await;
    let before = disk.flushes();
    disk.stick();
    let writers: Vec<_> = (0..40)
        .map(|n| {
            tokio::spawn({
                let db = test.db.clone();
                async move { put(&db, n.to_string()).await }
            })
        })
        .collect();
    // The disk holds nobody up but who waits for it.
    until(async || count(&test.db).await == 40).await;
    let mut relaxed = test.db.write_relaxed().await.unwrap();
    relaxed.execute("INSERT INTO w (k) VALUES ('r')", args![]).await.unwrap();
    relaxed.commit().await.unwrap();
    assert!(writers.iter().all(|writer| !writer.is_finished()));
    assert_eq!(disk.flushes(), before + 1);
    disk.free();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert!(disk.flushes() - before < 20, "{} flushes", disk.flushes() - before);
}

#[tokio::test]
async fn a_failed_flush_is_told_and_nothing_is_trusted_after_it() {
    let (test, disk) = on_disk(PATIENT).await;
    let before = disk.flushes();
    disk.fail();
    for key in ["a", "b"] {
        assert_eq!(put(&test.db, key.into()).await.unwrap_err().code, ErrorCode::DataLoss);
    }
    assert_eq!(disk.flushes(), before + 1);
}

#[tokio::test]
async fn a_commit_goes_on_when_its_caller_goes_away() {
    let (test, disk) = on_disk(PATIENT).await;
    let mut changes = test.db.subscribe();
    let before = disk.flushes();
    disk.stick();
    let caller = tokio::spawn({
        let db = test.db.clone();
        async move { put(&db, "a".into()).await }
    });
    until(async || disk.flushes() > before).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    disk.free();
    assert_eq!(&*changes.recv().await.unwrap().key, "a");
    put(&test.db, "b".into()).await.unwrap();
}

#[tokio::test]
async fn who_keeps_a_transaction_open_loses_it_to_who_waits() {
    let limits = Limits { hold: Duration::from_millis(30), ..PATIENT };
    let (test, _) = on_disk(limits).await;
    let mut kept = test.db.write().await.unwrap();
    kept.execute("INSERT INTO w (k) VALUES ('kept')", args![]).await.unwrap();
    put(&test.db, "waits".into()).await.unwrap();
    let lost = kept.execute("INSERT INTO w (k) VALUES ('more')", args![]).await.unwrap_err();
    assert_eq!(
        (lost.code, lost.retry_after_s.is_some()),
        (ErrorCode::TemporarilyUnavailable, true)
    );
    assert_eq!(kept.commit().await.unwrap_err().code, ErrorCode::TemporarilyUnavailable);
    assert_eq!(count(&test.db).await, 1);
}

#[tokio::test]
async fn waiting_for_the_turn_has_an_end() {
    let limits = Limits { wait: Duration::from_millis(30), ..PATIENT };
    let (test, _) = on_disk(limits).await;
    let kept = test.db.write().await.unwrap();
    let refused = put(&test.db, "late".into()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::TemporarilyUnavailable);
    assert!(refused.retry_after_s.is_some());
    drop(kept);
    put(&test.db, "later".into()).await.unwrap();
}

/// A handler whose client hung up is dropped wherever it is: the turn goes on, nothing of it stays.
#[tokio::test]
async fn callers_that_go_away_leave_nothing() {
    let (test, _) = on_disk(PATIENT).await;
    for n in 0..50 {
        let db = test.db.clone();
        let caller = tokio::spawn(async move {
            let mut tx = db.write().await.unwrap();
            tx.execute("INSERT INTO w (k) VALUES ('gone')", args![]).await.unwrap();
            tx.execute("INSERT INTO w (k) VALUES ('gone too')", args![]).await.unwrap();
            std::future::pending::<()>().await;
        });
        for _ in 0..n {
            tokio::task::yield_now().await;
        }
        caller.abort();
    }
    put(&test.db, "stays".into()).await.unwrap();
    assert_eq!(count(&test.db).await, 1);
}
