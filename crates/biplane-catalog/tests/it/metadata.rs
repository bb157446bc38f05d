//! Whole lists, as the Thrift front end asks for them.

use crate::harness::*;
use biplane_api::internal::Access;
use biplane_catalog::TableQuery;

#[tokio::test]
async fn lists_by_pattern_and_type_of_what_one_sees() {
    let world = World::new().await;
    world.catalog("c").await;
    world.schema(ADMIN, "c", "sales").await;
    world.table(ADMIN, "c.sales.orders").await;
    world.view(ADMIN, "c.sales.order_view", &["c.sales.orders"]).await;
    world.table(BOB, "main.default.mine").await;
    let (admin, bob) = (world.ctx(ADMIN), world.ctx(BOB));
    let catalogs = world.catalog.catalogs_list(&bob).await.unwrap();
    assert_eq!(
        catalogs.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
        ["main", "samples", "system"]
    );
    let schemas = world.catalog.schemas_list(&admin, Some("C"), Some("s%")).await.unwrap();
    assert_eq!(schemas.iter().map(|s| s.full_name.as_str()).collect::<Vec<_>>(), ["c.sales"]);
    assert!(world.catalog.schemas_list(&bob, Some("c"), None).await.unwrap().is_empty());
    assert!(world.catalog.schemas_list(&bob, Some("gone"), None).await.unwrap().is_empty());

    let views = ["VIEW".to_owned()];
    let tables = ["TABLE".to_owned()];
    let names = |found: Vec<biplane_api::catalog::TableInfo>| {
        found.into_iter().map(|table| table.full_name).collect::<Vec<_>>()
    };
    let query = TableQuery {
        catalog: Some("c"),
        schema_like: Some("sales"),
        table_like: Some("order%"),
        ..TableQuery::default()
    };
    assert_eq!(
        names(world.catalog.tables_list(&admin, &query).await.unwrap()),
        ["c.sales.order_view", "c.sales.orders"]
    );
    let query = TableQuery { types: &views, ..query };
    assert_eq!(
        names(world.catalog.tables_list(&admin, &query).await.unwrap()),
        ["c.sales.order_view"]
    );
    let query = TableQuery { types: &tables, ..TableQuery::default() };
    assert_eq!(
        names(world.catalog.tables_list(&bob, &query).await.unwrap()),
        ["main.default.mine"]
    );
    let columns = world
        .catalog
        .columns_list(
            &admin,
            &TableQuery { catalog: Some("c"), ..TableQuery::default() },
            Some("no%"),
        )
        .await
        .unwrap();
    assert_eq!(columns.len(), 1);
    assert_eq!(columns[0].columns[0].name, "note");

    world.catalog.namespace_check(&bob, "main", Some("default")).await.unwrap();
    assert!(world.catalog.namespace_check(&bob, "c", None).await.is_err());
    assert!(world.catalog.namespace_check(&bob, "main", Some("gone")).await.is_err());
    assert!(world.catalog.volume_resolve(&bob, "s3://x/y", Access::Read).await.is_err());
}

/// Not a bench; prints what a warm answer costs here.
#[tokio::test]
async fn warm_resolving_needs_no_database() {
    let world = World::new().await;
    world.table(BOB, "main.default.t").await;
    world.resolve(BOB, "main.default.t", "READ", &[]).await.unwrap();
    world.test.db.close().await;
    let start = std::time::Instant::now();
    for _ in 0..100 {
        world.resolve(BOB, "main.default.t", "READ", &[]).await.unwrap();
    }
    println!("{:?} a call, through the router, unoptimised", start.elapsed() / 100);
}
