//! Lists in pages, while others add and drop.

use crate::harness::*;
use serde_json::json;

#[tokio::test]
async fn pages_are_stable_while_the_list_changes() {
    let world = World::new().await;
    world.catalog("c").await;
    for name in ["b", "d", "f", "h"] {
        world.schema(ADMIN, "c", name).await;
    }
    let (mut seen, mut token, mut round) = (Vec::new(), String::new(), 0);
    loop {
        let page = world
            .get(ADMIN, &format!("/schemas?catalog_name=c&max_results=2&page_token={token}"))
            .await
            .ok();
        seen.extend(names(&page, "schemas"));
        match round {
            // Before and behind the position, and the last one seen goes.
            0 => {
                world.schema(ADMIN, "c", "a").await;
                world.schema(ADMIN, "c", "e").await;
                world.delete(ADMIN, "/schemas/c.d").await.ok();
            }
            1 => world.schema(ADMIN, "c", "g").await,
            _ => {}
        }
        round += 1;
        match page["next_page_token"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, ["b", "d", "default", "e", "f", "g", "h", "information_schema"]);
}

#[tokio::test]
async fn pages_hold_what_one_may_see() {
    let world = World::new().await;
    world.catalog("c").await;
    world.schema(ADMIN, "c", "s").await;
    world.grant("CATALOG", "c", BOB, &["USE_CATALOG"]).await;
    world.grant("SCHEMA", "c.s", BOB, &["USE_SCHEMA"]).await;
    for n in 0..12 {
        world.table(ADMIN, &format!("c.s.t{n:02}")).await;
    }
    for n in [3, 4, 11] {
        world.grant("TABLE", &format!("c.s.t{n:02}"), BOB, &["SELECT"]).await;
    }
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let path = format!(
            "/tables?catalog_name=c&schema_name=s&max_results=2&omit_columns=true&page_token={token}"
        );
        let page = world.get(BOB, &path).await.ok();
        seen.extend(names(&page, "tables"));
        assert!(
            page["tables"].as_array().unwrap().iter().all(|table| table["columns"] == json!([]))
        );
        match page["next_page_token"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, ["t03", "t04", "t11"]);
}

#[tokio::test]
async fn absurd_pages_are_refused() {
    let world = World::new().await;
    for query in [
        "max_results=-1",
        "max_results=x",
        "max_results=1e3",
        "page_token=%00",
        "page_token=!!!",
        "page_token=AAAA",
    ] {
        world.get(ADMIN, &format!("/catalogs?{query}")).await.fails("INVALID_PARAMETER_VALUE");
    }
    world.get(ADMIN, "/catalogs?max_results=9223372036854775807&page_token=").await.ok();
    world.get(ADMIN, "/schemas?max_results=1").await.fails("INVALID_PARAMETER_VALUE");
}

#[tokio::test]
async fn summaries_walk_through_a_catalog() {
    let world = World::new().await;
    world.catalog("c").await;
    for schema in ["s1", "s2", "x1"] {
        world.schema(ADMIN, "c", schema).await;
        for table in ["a1", "a2", "b1"] {
            world.table(ADMIN, &format!("c.{schema}.{table}")).await;
        }
    }
    world.view(ADMIN, "c.s2.a3", &[]).await;
    let (mut seen, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let path = format!(
            "/table-summaries?catalog_name=c&schema_name_pattern=s%25&table_name_pattern=a%25&max_results=2&page_token={token}"
        );
        let page = world.get(ADMIN, &path).await.ok();
        pages += 1;
        for table in page["tables"].as_array().unwrap() {
            seen.push((
                table["full_name"].as_str().unwrap().to_owned(),
                table["table_type"].as_str().unwrap().to_owned(),
            ));
        }
        match page["next_page_token"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    let names: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["c.s1.a1", "c.s1.a2", "c.s2.a1", "c.s2.a2", "c.s2.a3"]);
    assert_eq!(seen[4].1, "VIEW");
    assert!(pages <= 4, "{pages}");
}
