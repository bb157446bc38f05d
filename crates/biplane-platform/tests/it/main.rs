//! The database layer, on whichever database the run asks for.
#![expect(clippy::unwrap_used, reason = "test")]

mod seat;
mod writer;

use biplane_platform::db::{Db, Migration, args};
use biplane_platform::testing::{self, TestDb};
use biplane_platform::{Clock, ErrorCode, acl, keys};

const TABLES: &[Migration] = &[Migration {
    name: "t_1",
    sql: "CREATE TABLE t (k TEXT PRIMARY KEY, n BIGINT, note TEXT);\nCREATE INDEX t_n ON t (n);\n",
}];

async fn db() -> TestDb {
    TestDb::new(&[TABLES]).await.unwrap()
}

async fn count(db: &Db) -> i64 {
    db.read()
        .await
        .unwrap()
        .fetch_one("SELECT count(*) FROM t", args![])
        .await
        .unwrap()
        .int(0)
        .unwrap()
}

#[tokio::test]
async fn one_text_serves_both_databases() {
    let test = db().await;
    let mut tx = test.db.write().await.unwrap();
    let insert = "INSERT INTO t (k, n, note) VALUES ($1, $2, $3) ON CONFLICT (k) DO UPDATE SET n = excluded.n RETURNING n";
    tx.fetch_one(insert, args!["a", 1i64, None::<&str>]).await.unwrap();
    let row = tx.fetch_one(insert, args!["a", None::<i64>, "x"]).await.unwrap();
    assert_eq!(row.opt_int(0).unwrap(), None);
    tx.commit().await.unwrap();
    let row = test
        .db
        .read()
        .await
        .unwrap()
        .fetch_opt("SELECT k, note FROM t WHERE k = $1", args!["a"])
        .await
        .unwrap();
    let row = row.unwrap();
    assert_eq!((row.text(0).unwrap(), row.opt_text(1).unwrap()), ("a".to_owned(), None));
}

#[tokio::test]
async fn what_is_not_committed_did_not_happen() {
    let test = db().await;
    let mut tx = test.db.write().await.unwrap();
    tx.execute("INSERT INTO t (k) VALUES ($1)", args!["a"]).await.unwrap();
    drop(tx);
    assert_eq!(count(&test.db).await, 0);
}

#[tokio::test]
async fn a_taken_key_is_told_apart() {
    let test = db().await;
    let mut tx = test.db.write().await.unwrap();
    tx.execute("INSERT INTO t (k) VALUES ($1)", args!["a"]).await.unwrap();
    let error = tx.execute("INSERT INTO t (k) VALUES ($1)", args!["a"]).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::ResourceAlreadyExists);
}

#[tokio::test]
async fn readers_cannot_write_and_writers_queue() {
    let test = db().await;
    let writes = (0..20).map(|n| {
        let db = test.db.clone();
        async move {
            let mut tx = db.write().await.unwrap();
            tx.execute("INSERT INTO t (k) VALUES ($1)", args![format!("k{n}")]).await.unwrap();
            tx.commit().await.unwrap();
        }
    });
    futures::future::join_all(writes).await;
    assert_eq!(count(&test.db).await, 20);
}

#[tokio::test]
async fn changes_are_heard_after_the_commit_only() {
    let test = db().await;
    let mut changes = test.db.subscribe();
    let mut tx = test.db.write().await.unwrap();
    tx.notify("t", "a");
    drop(tx);
    let mut tx = test.db.write().await.unwrap();
    tx.notify("t", "b");
    tx.commit().await.unwrap();
    let change = loop {
        let change = changes.recv().await.unwrap();
        if &*change.topic == "t" {
            break change;
        }
    };
    assert_eq!(&*change.key, "b");
}

#[tokio::test]
async fn migrations_run_once_and_are_never_edited() {
    const EDITED: &[Migration] =
        &[Migration { name: "t_1", sql: "CREATE TABLE other (k TEXT);\n" }];
    let test = db().await;
    test.db.migrate(&[TABLES]).await.unwrap();
    assert!(test.db.migrate(&[EDITED]).await.is_err());
}

#[tokio::test]
async fn keys_stay_the_same() {
    let test = db().await;
    let clock = Clock::system();
    let first = keys::signing_key(&test.db, &clock, "k").await.unwrap();
    assert_eq!(keys::signing_key(&test.db, &clock, "k").await.unwrap(), first);
    assert_ne!(keys::signing_key(&test.db, &clock, "l").await.unwrap(), first);
}

#[tokio::test]
async fn object_permissions_hide_refuse_and_allow() {
    let test = db().await;
    let (user, admin) = (testing::ctx("u@x"), testing::admin_ctx("a@x"));
    let workspace = user.workspace().unwrap();
    let need = |ctx: biplane_platform::Ctx, level: &'static str| {
        let db = test.db.clone();
        async move {
            acl::require(&db, &ctx, &acl::WAREHOUSES, "w", level).await.map_err(|error| error.code)
        }
    };
    assert_eq!(need(user.clone(), "CAN_USE").await, Err(ErrorCode::ResourceDoesNotExist));
    assert_eq!(need(admin, "CAN_MANAGE").await, Ok(()));
    let mut tx = test.db.write().await.unwrap();
    let entry = acl::Entry {
        principal_kind: "group".into(),
        principal_name: "users".into(),
        permission_level: "CAN_USE".into(),
    };
    acl::grant(&mut tx, workspace, &acl::WAREHOUSES, "w", &entry).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(need(user.clone(), "CAN_USE").await, Ok(()));
    assert_eq!(need(user, "CAN_MANAGE").await, Err(ErrorCode::PermissionDenied));
}
