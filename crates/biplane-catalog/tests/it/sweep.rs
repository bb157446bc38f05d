//! Files nobody refers to any more.

use crate::harness::*;
use biplane_api::internal::Storage;
use biplane_catalog::StorageSweep;
use biplane_platform::{ApiError, Result};
use serde_json::json;
use std::sync::Mutex;

#[derive(Default)]
struct Deleted {
    urls: Mutex<Vec<String>>,
    fail: Option<String>,
}

#[async_trait::async_trait]
impl StorageSweep for Deleted {
    async fn delete_prefix(&self, storage: &Storage) -> Result<()> {
        if self.fail.as_ref() == Some(&storage.url) {
            return Err(ApiError::internal("no"));
        }
        self.urls.lock().unwrap().push(storage.url.clone());
        Ok(())
    }
}

async fn swept(world: &World) -> Vec<String> {
    let deleted = Deleted::default();
    world.catalog.sweep(&deleted).await.unwrap();
    deleted.urls.into_inner().unwrap()
}

fn url(table: &serde_json::Value) -> String {
    table["storage_location"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn dropped_files_go_after_a_grace() {
    let world = World::new().await;
    let table = world.table(BOB, "main.default.t").await;
    let volume = json!({ "name": "v", "catalog_name": "main", "schema_name": "default", "volume_type": "MANAGED" });
    let volume = world.post(BOB, "/volumes", volume).await.ok();
    let kept = world.table(BOB, "main.default.kept").await;
    let replaced = world.try_table(BOB, "main.default.kept", "REPLACE").await.ok();
    world.delete(BOB, "/tables/main.default.t").await.ok();
    world.delete(BOB, "/volumes/main.default.v").await.ok();
    assert_eq!(swept(&world).await, Vec::<String>::new());
    world.clock.set(NOW + 1000);
    let mut expected = [url(&table), url(&volume), url(&kept)];
    expected.sort();
    let failing = Deleted { fail: Some(expected[0].clone()), ..Deleted::default() };
    world.catalog.sweep(&failing).await.unwrap();
    assert_eq!(*failing.urls.lock().unwrap(), expected[1..]);
    // What failed is tried again, what is done is not.
    assert_eq!(swept(&world).await, expected[..1]);
    assert_eq!(swept(&world).await, Vec::<String>::new());
    assert_eq!(url(&world.get(BOB, "/tables/main.default.kept").await.ok()), url(&replaced));
}

#[tokio::test]
async fn a_catalog_goes_with_all_its_files() {
    let world = World::new().await;
    world.catalog("c").await;
    world.schema(ADMIN, "c", "s").await;
    let mut expected = vec![
        url(&world.table(ADMIN, "c.s.a").await),
        url(&world.table(ADMIN, "c.default.b").await),
    ];
    expected.sort();
    let dir = world.test.dir().display().to_string();
    world
        .post(
            ADMIN,
            "/external-locations",
            json!({ "name": "e", "url": format!("file://{dir}/e") }),
        )
        .await
        .ok();
    let external = json!({ "name": "x", "catalog_name": "c", "schema_name": "s", "table_type": "EXTERNAL", "storage_location": format!("file://{dir}/e/x") });
    world.post(ADMIN, "/tables", external).await.ok();
    world.delete(ADMIN, "/catalogs/c?force=true").await.ok();
    world.clock.set(NOW + 2000);
    assert_eq!(swept(&world).await, expected);
}

#[tokio::test]
async fn what_is_never_published_goes_at_its_deadline() {
    let world = World::new().await;
    let place = json!({ "catalog_name": "main", "schema_name": "default", "name": "t" });
    let staged = world.internal(BOB, "/staging-tables", place).await.ok();
    let published = world.table(BOB, "main.default.p").await;
    world.clock.set(NOW + 23 * 3600 * 1000);
    assert_eq!(swept(&world).await, Vec::<String>::new());
    world.clock.set(NOW + 25 * 3600 * 1000);
    assert_eq!(swept(&world).await, [staged["storage"]["url"].as_str().unwrap()]);
    assert_eq!(world.get(BOB, "/tables/main.default.p").await.ok(), published);
}
