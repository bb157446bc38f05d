//! Many at once.

use crate::harness::*;
use futures::future::join_all;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_creators_one_wins() {
    let world = World::new().await;
    for round in 0..5 {
        let body = json!({ "name": format!("c{round}") });
        let answers = join_all((0..8).map(|_| world.post(ADMIN, "/catalogs", body.clone()))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status.is_success()).count(), 1);
        for answer in answers.into_iter().filter(|answer| !answer.status.is_success()) {
            answer.fails("CATALOG_ALREADY_EXISTS");
        }
        let name = format!("main.default.t{round}");
        let answers = join_all((0..8).map(|_| world.try_table(BOB, &name, "CREATE"))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status.is_success()).count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dropped_while_something_is_made_in_it_leaves_no_orphan() {
    let world = World::new().await;
    for round in 0..10 {
        let catalog = format!("c{round}");
        world.catalog(&catalog).await;
        world.schema(ADMIN, &catalog, "s").await;
        let made = async {
            let mut made = 0;
            for n in 0..5 {
                let answer = world.try_table(ADMIN, &format!("{catalog}.s.t{n}"), "CREATE").await;
                let code = answer.body["error_code"].as_str().unwrap_or("ok").to_owned();
                assert!(
                    [
                        "ok",
                        "SCHEMA_DOES_NOT_EXIST",
                        "CATALOG_DOES_NOT_EXIST",
                        "RESOURCE_CONFLICT",
                        "INVALID_PARAMETER_VALUE"
                    ]
                    .contains(&code.as_str()),
                    "{code}"
                );
                made += i32::from(code == "ok");
            }
            made
        };
        let dropped = async {
            loop {
                let answer = world.delete(ADMIN, &format!("/schemas/{catalog}.s?force=true")).await;
                if answer.status.is_success() {
                    return;
                }
                answer.fails("RESOURCE_CONFLICT");
            }
        };
        let (_, ()) = tokio::join!(made, dropped);
        world.get(ADMIN, &format!("/schemas/{catalog}.s")).await.fails("SCHEMA_DOES_NOT_EXIST");
        world.schema(ADMIN, &catalog, "s").await;
        let tables =
            world.get(ADMIN, &format!("/tables?catalog_name={catalog}&schema_name=s")).await.ok();
        assert_eq!(names(&tables, "tables"), Vec::<String>::new());
    }
    let sql = "SELECT count(*) FROM securables s WHERE s.parent_id IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM securables p WHERE p.id = s.parent_id)";
    let mut tx = world.test.db.read().await.unwrap();
    assert_eq!(tx.fetch_one(sql, vec![]).await.unwrap().int(0).unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_right_is_gone_when_the_revoke_is_answered() {
    let world = World::new().await;
    world.table(BOB, "main.default.t").await;
    for _ in 0..20 {
        world.grant("TABLE", "main.default.t", ALICE, &["SELECT"]).await;
        let readers = async {
            join_all((0..8).map(|_| world.resolve(ALICE, "main.default.t", "READ", &[]))).await;
        };
        let revoked = async {
            world.revoke("TABLE", "main.default.t", ALICE, &["SELECT"]).await;
            world.resolve(ALICE, "main.default.t", "READ", &[]).await
        };
        let ((), after) = tokio::join!(readers, revoked);
        assert_eq!(after.unwrap_err(), "PERMISSION_DENIED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_change_is_lost() {
    let world = World::new().await;
    world.table(BOB, "main.default.t").await;
    let changes = (0..20).map(|n| {
        let body = json!({ "full_name_arg": "main.default.t", "constraint": { "named_table_constraint": { "name": format!("n{n}") } } });
        world.post(BOB, "/constraints", body)
    });
    for answer in join_all(changes).await {
        answer.ok();
    }
    let table = world.get(BOB, "/tables/main.default.t").await.ok();
    assert_eq!(table["table_constraints"].as_array().unwrap().len(), 20);
}
