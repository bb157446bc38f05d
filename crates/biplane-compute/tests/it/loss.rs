//! What happens when server, node or the line between them fails.

use crate::support::{World, alive, dies, eventually, quick};
use biplane_api::compute::WarehouseState;
use biplane_compute::ComputeConfig;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_server_takes_over_what_runs() {
    let mut world = World::new().await;
    let (one, two) = (world.create("one").await, world.create("two").await);
    let (pid, other) = (world.pid(&one).await, world.pid(&two).await);
    // While no server looked, the row of one sandbox went: nobody knows it any more.
    let mut tx = world.db.db.write().await.unwrap();
    let sql = "DELETE FROM sandboxes WHERE warehouse_id = $1";
    tx.execute(sql, biplane_platform::db::args![two.as_str()])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    world.restart_server().await;
    assert_eq!(world.pid(&one).await, pid);
    dies(other).await;
    assert_ne!(world.pid(&two).await, other);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_line_comes_back_and_the_engine_is_the_same() {
    let world = World::new().await;
    let id = world.create("one").await;
    let pid = world.pid(&id).await;
    let lease = world.acquire(&id).await.unwrap();
    world.proxy.down();
    lease.lost().cancelled().await;
    world.node_connected(false).await;
    world.proxy.up();
    assert_eq!(world.pid(&id).await, pid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_control_plane_ends_what_runs() {
    let config = ComputeConfig {
        lease: Duration::from_millis(600),
        ..quick()
    };
    let world = World::with(config, "serve").await;
    let id = world.create("one").await;
    let pid = world.pid(&id).await;
    // Renewals keep it alive beyond one lease.
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert!(alive(pid));
    world.proxy.silence();
    dies(pid).await;
    // The control plane notices, too; when the line is back everything is as wanted.
    world.node_connected(false).await;
    world.proxy.down();
    world.proxy.up();
    let next = eventually("another engine", async || world.try_ask(&id, "pid").await).await;
    assert_ne!(next, pid.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_dies_takes_its_engines_along_and_its_successor_starts_anew() {
    let mut world = World::new().await;
    let id = world.create("one").await;
    let pid = world.pid(&id).await;
    let lease = world.acquire(&id).await.unwrap();
    world.node.take().unwrap().task.abort();
    lease.lost().cancelled().await;
    dies(pid).await;
    drop(lease);
    world.node_connected(false).await;
    eventually("a free work directory", async || {
        if world
            .node
            .as_ref()
            .is_none_or(|agent| agent.task.is_finished())
        {
            world.start_node("serve");
        }
        world
            .compute
            .node_list(&world.ctx)
            .await
            .unwrap()
            .nodes
            .iter()
            .any(|node| node.connected)
            .then_some(())
    })
    .await;
    assert_ne!(world.pid(&id).await, pid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_leaves_nothing_and_its_successor_goes_on() {
    let mut world = World::new().await;
    let id = world.create("one").await;
    let pid = world.pid(&id).await;
    world.stop_node().await;
    assert!(!alive(pid));
    world.node_connected(false).await;
    let info = world.get(&id).await;
    assert_eq!(
        (info.state, info.health.status.as_str()),
        (WarehouseState::Starting, "HEALTHY")
    );
    world.start_node("serve");
    world.until(&id, WarehouseState::Running).await;
}
