//! One server at a time.

use biplane_platform::db::{Db, args};
use biplane_platform::testing;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// A database that several open, as servers do.
enum Place {
    File(PathBuf),
    Url(String),
}

impl Place {
    async fn new() -> Self {
        match std::env::var("BIPLANE_TEST_POSTGRES") {
            Ok(server) => Self::Url(testing::fresh_postgres_url(&server).await.unwrap()),
            Err(_) => {
                let name = format!("biplane-test-{}", uuid::Uuid::new_v4());
                let dir = std::env::temp_dir().join(name);
                std::fs::create_dir_all(&dir).unwrap();
                Self::File(dir)
            }
        }
    }

    async fn open(&self) -> Db {
        match self {
            Self::File(dir) => Db::sqlite(&dir.join("test.db")).await.unwrap(),
            Self::Url(url) => Db::postgres(url).await.unwrap(),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Self::File(dir) = self {
            let _ = std::fs::remove_dir_all(dir);
        }
    }
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.unwrap()
}

/// The one backend that has the lock, or waits for it.
async fn backend(db: &Db, granted: bool) -> Option<i64> {
    let sql = "SELECT CAST(pid AS BIGINT) FROM pg_locks WHERE locktype = 'advisory' AND granted = ($1 = 1)
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let rows = db.read().await.unwrap().fetch_all(sql, args![i64::from(granted)]).await.unwrap();
    rows.first().map(|row| row.int(0).unwrap())
}

async fn until(db: &Db, granted: bool, is_it: impl Fn(i64) -> bool) -> i64 {
    soon(async {
        loop {
            match backend(db, granted).await {
                Some(pid) if is_it(pid) => break pid,
                _ => tokio::task::yield_now().await,
            }
        }
    })
    .await
}

async fn cut(db: &Db, pid: i64) {
    let sql = "SELECT CAST(pg_terminate_backend(CAST($1 AS INTEGER)) AS TEXT)";
    db.read().await.unwrap().fetch_all(sql, args![pid]).await.unwrap();
}

#[tokio::test]
async fn a_second_server_waits_or_is_told() {
    let place = Place::new().await;
    let first = place.open().await;
    let seat = first.take_seat().await.unwrap();
    first.migrate(&[biplane_platform::MIGRATIONS]).await.unwrap();
    let seat = seat.keep(&first).await.unwrap();
    let second = place.open().await;
    if !second.is_postgres() {
        let refused = soon(second.take_seat()).await.unwrap_err();
        let told = refused.internal.unwrap();
        assert!(
            told.contains(&format!("another server (process {})", std::process::id())),
            "{told}"
        );
        drop(seat);
        soon(second.take_seat()).await.unwrap();
        return;
    }
    let waiting = tokio::spawn({
        let second = second.clone();
        async move { second.take_seat().await.unwrap().keep(&second).await.unwrap() }
    });
    until(&first, false, |_| true).await;
    assert!(!waiting.is_finished());
    drop(seat);
    drop(soon(waiting).await.unwrap());
}

/// Only PostgreSQL has connections that can be cut.
#[tokio::test]
async fn who_lost_the_seat_is_told_only_when_another_has_had_it() {
    let place = Place::new().await;
    if matches!(place, Place::File(_)) {
        return;
    }
    let first = place.open().await;
    let seat = first.take_seat().await.unwrap();
    first.migrate(&[biplane_platform::MIGRATIONS]).await.unwrap();
    let seat = seat.keep(&first).await.unwrap();

    let old = until(&first, true, |_| true).await;
    cut(&first, old).await;
    let held_again = until(&first, true, |pid| pid != old).await;

    let second = place.open().await;
    let waiting = tokio::spawn({
        let second = second.clone();
        async move { second.take_seat().await.unwrap().keep(&second).await.unwrap() }
    });
    until(&second, false, |_| true).await;
    cut(&second, held_again).await;
    let taken = soon(waiting).await.unwrap();
    soon(seat.lost()).await;
    drop(taken);
}
