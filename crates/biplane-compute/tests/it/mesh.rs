//! The engines of a warehouse as a cluster: on two nodes, with a real authority.

use crate::support::{World, eventually};
use biplane_api::compute::WarehouseRequest;
use biplane_api::ids::WarehouseId;
use biplane_platform::db::args;
use std::collections::HashSet;
use std::time::Duration;

async fn two_engines(world: &World, name: &str) -> WarehouseId {
    let id = world
        .create_with(WarehouseRequest {
            name: Some(name.into()),
            cluster_size: Some("2X-Small".into()),
            min_num_clusters: Some(2),
            max_num_clusters: Some(2),
            ..WarehouseRequest::default()
        })
        .await;
    world.clusters(&id, 2).await;
    id
}

/// Its sandboxes, and on how many nodes they are.
async fn members(world: &World, id: &WarehouseId) -> (Vec<String>, usize) {
    let mut tx = world.db.db.read().await.unwrap();
    let sql = "SELECT id, node_id FROM sandboxes WHERE warehouse_id = $1";
    let rows = tx.fetch_all(sql, args![id.as_str()]).await.unwrap();
    let nodes: HashSet<String> = rows.iter().map(|row| row.text(1).unwrap()).collect();
    (rows.iter().map(|row| row.text(0).unwrap()).collect(), nodes.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn engines_of_a_warehouse_reach_each_other_and_no_others() {
    let mut world = World::new().await;
    let _other = world.start_other_node("", &[], Duration::ZERO).await;
    world.nodes(2).await;
    let (one, two) = (two_engines(&world, "one").await, two_engines(&world, "two").await);
    let (of_one, nodes) = members(&world, &one).await;
    assert_eq!((of_one.len(), nodes), (2, 2));
    let ask_them = format!("mesh {}", of_one.join(" "));
    // Whichever of the two is asked: the other one answers, and was told who came.
    let talked = async |world: &World| {
        eventually("members that talk", async || {
            let said = world.try_ask(&one, &ask_them).await?;
            let came = of_one.iter().any(|id| said.contains(&format!("ok\nfrom {id} 7077\n")));
            (came && said.matches("no there is no such member").count() == 1).then_some(())
        })
        .await;
    };
    talked(&world).await;
    let none = "no there is no such member in this cluster\n".repeat(2);
    // Those of another warehouse, once they are a cluster themselves.
    let of_two = members(&world, &two).await.0;
    eventually("the other cluster", async || {
        let said = world.try_ask(&two, &format!("mesh {}", of_two.join(" "))).await?;
        said.contains("ok\nfrom").then_some(())
    })
    .await;
    assert_eq!(world.ask(&two, &ask_them).await, none);
    // The authority survives the server that made it.
    world.restart_server().await;
    talked(&world).await;
    assert_eq!(world.ask(&two, &ask_them).await, none);
}
