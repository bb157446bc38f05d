//! System tables: who sees them, who reads them, whose rows they are.

use crate::harness::*;
use biplane_api::catalog::system_tables::SystemTable;
use biplane_catalog::SystemSource;
use biplane_platform::Result;
use biplane_platform::system::{SystemRow, SystemWanted};
use serde_json::json;
use std::sync::Arc;

/// Three rows, and the workspaces that were asked for.
struct Rows;

#[async_trait::async_trait]
impl SystemSource for Rows {
    async fn system_rows(
        &self,
        table: &'static SystemTable,
        wanted: SystemWanted,
    ) -> Result<Vec<SystemRow>> {
        let (before, _) = wanted.position();
        let rows = (1..=3).rev().filter(|time| *time < before && *time >= wanted.since_ms);
        let row = |time_ms: i64| SystemRow {
            time_ms,
            id: String::new(),
            values: json!({ "table": table.name, "at": time_ms, "of": wanted.workspaces }),
        };
        Ok(rows.take(wanted.limit).map(row).collect())
    }
}

async fn world() -> World {
    let world = World::new().await;
    world.catalog.set_system_source(Arc::new(Rows));
    world
}

fn ask(table: &str) -> serde_json::Value {
    json!({ "schema": "compute", "name": table, "limit": 2 })
}

#[tokio::test]
async fn the_owner_of_the_metastore_reads_and_lets_others_read() {
    let world = world().await;
    let first = world.internal(ADMIN, "/system-rows", ask("warehouse_events")).await.ok();
    assert_eq!(first["rows"][0]["at"], 3);
    let workspace = world.ctx(ADMIN).workspace.unwrap();
    assert_eq!(first["rows"][0]["of"], format!(",{workspace},"));
    let mut next = ask("warehouse_events");
    next["page_token"] = first["next_page_token"].clone();
    let second = world.internal(ADMIN, "/system-rows", next).await.ok();
    assert_eq!(second["rows"].as_array().unwrap().len(), 1);
    assert_eq!(second["next_page_token"], json!(null));

    world.internal(ALICE, "/system-rows", ask("warehouses")).await.fails("PERMISSION_DENIED");
    let schemas = world.get(ALICE, "/schemas?catalog_name=system").await.ok();
    assert_eq!(names(&schemas, "schemas"), ["information_schema"]);
    world.grant("SCHEMA", "system.compute", ALICE, &["USE_SCHEMA", "SELECT"]).await;
    world.internal(ALICE, "/system-rows", ask("warehouses")).await.ok();
    let schemas = world.get(ALICE, "/schemas?catalog_name=system").await.ok();
    assert_eq!(names(&schemas, "schemas"), ["compute", "information_schema"]);
    let path = "/tables?catalog_name=system&schema_name=compute";
    let tables = world.get(ALICE, path).await.ok();
    assert_eq!(names(&tables, "tables"), ["warehouse_events", "warehouses"]);
    world.internal(ALICE, "/system-rows", ask("clusters")).await.fails("TABLE_DOES_NOT_EXIST");
}

#[tokio::test]
async fn a_view_gives_its_readers_what_its_owner_may_read() {
    let world = world().await;
    world.catalog("c").await;
    world.schema(ADMIN, "c", "s").await;
    world.view(ADMIN, "c.s.mine", &["system.compute.warehouses"]).await;
    world.grant("CATALOG", "c", BOB, &["USE_CATALOG", "USE_SCHEMA", "SELECT"]).await;
    world.internal(BOB, "/system-rows", ask("warehouses")).await.fails("PERMISSION_DENIED");
    let mut through = ask("warehouses");
    through["via"] = json!(["c.s.mine"]);
    world.internal(BOB, "/system-rows", through.clone()).await.ok();
    through["name"] = json!("warehouse_events");
    world.internal(BOB, "/system-rows", through).await.fails("PERMISSION_DENIED");
}

#[tokio::test]
async fn nobody_writes_system_tables() {
    let world = world().await;
    let name = "system.compute.warehouses";
    for access in ["WRITE", "MANAGE"] {
        assert!(world.resolve(ADMIN, name, access, &[]).await.is_err(), "{access}");
    }
    world.delete(ADMIN, "/tables/system.compute.warehouses").await.fails("PERMISSION_DENIED");
    world.delete(ADMIN, "/schemas/system.compute").await.fails("PERMISSION_DENIED");
    assert!(!world.try_table(ADMIN, "system.compute.mine", "CREATE").await.status.is_success());
    // A second start changes nothing.
    let before = world.get(ADMIN, &format!("/tables/{name}")).await.ok();
    world.catalog.system_tables_renew().await.unwrap();
    assert_eq!(world.get(ADMIN, &format!("/tables/{name}")).await.ok(), before);
}
