//! What happens when server, node or the line between them fails.

use crate::fake_engine;
use crate::support::{PATIENCE, World, alive, dies, eventually, quick};
use biplane_api::compute::WarehouseState;
use biplane_compute::ComputeConfig;
use biplane_node::{NodeConfig, Route};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_server_takes_over_what_runs() {
    let mut world = World::new().await;
    let (one, two) = (world.create("one").await, world.create("two").await);
    let (pid, other) = (world.pid(&one).await, world.pid(&two).await);
    // While no server looked, the row of one sandbox went: nobody knows it any more.
    let mut tx = world.db.db.write().await.unwrap();
    let sql = "DELETE FROM sandboxes WHERE warehouse_id = $1";
    tx.execute(sql, biplane_platform::db::args![two.as_str()]).await.unwrap();
    tx.commit().await.unwrap();
    world.restart_server().await;
    assert_eq!(world.pid(&one).await, pid);
    dies(other).await;
    assert_ne!(world.pid(&two).await, other);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_elsewhere_with_the_same_database_takes_over_what_runs() {
    let mut world = World::new().await;
    let id = world.create("one").await;
    let pid = world.pid(&id).await;
    let made = world.compute.context_create(&world.ctx, Some("serverless"), Some("sql"));
    let context = made.await.unwrap()["id"].as_str().unwrap().to_owned();
    world.restart_server_elsewhere().await;
    // What lived in the memory of the other is not there, and whoever asks is told so.
    let status = |id: &str| world.compute.context_status(&world.ctx, Some("serverless"), Some(id));
    assert!(status(&context).unwrap_err().message.contains("at another server"));
    assert_eq!(status("x").unwrap_err().message, "The context x does not exist.");
    // The node trusts it and is trusted, and a token of before lets a host in.
    assert_eq!(world.pid(&id).await, pid);
    let other = world.start_other_node("", &[], Duration::ZERO).await;
    eventually("the other node", async || {
        let nodes = world.compute.node_list(&world.ctx, None, None).await.unwrap().nodes;
        nodes.iter().any(|node| node.id == other.node_id && node.connected).then_some(())
    })
    .await;
    other.stop.cancel();
    other.task.await.unwrap().unwrap();
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
    let config = ComputeConfig { lease: Duration::from_millis(600), ..quick() };
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
async fn a_line_that_died_silently_is_left_before_the_lease_ends() {
    let config = ComputeConfig { lease: Duration::from_secs(6), ..quick() };
    let world = World::with(config, "serve").await;
    let id = world.create("one").await;
    let pid = world.pid(&id).await;
    let before = world.proxy.connections();
    world.proxy.strand();
    // It is noticed: the node connects anew, then its engine does, and it is the same.
    eventually("new connections", async || (world.proxy.connections() >= before + 2).then_some(()))
        .await;
    let next = eventually("the engine", async || {
        // What was asked on the dead line is not answered.
        let asking = world.try_ask(&id, "pid");
        tokio::time::timeout(Duration::from_millis(500), asking).await.ok()?
    })
    .await;
    assert_eq!(next, pid.to_string());
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
        if world.node.as_ref().is_none_or(|agent| agent.task.is_finished()) {
            world.start_node("serve");
        }
        world
            .compute
            .node_list(&world.ctx, None, None)
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
    assert_eq!((info.state, info.health.status.as_str()), (WarehouseState::Starting, "HEALTHY"));
    world.start_node("serve");
    world.until(&id, WarehouseState::Running).await;
}

/// The main of a node agent in a process of its own; its configuration comes as a line on stdin.
#[test]
#[ignore = "the main of a node agent"]
fn agent() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let words: Vec<&str> = line.trim().split(' ').collect();
    let [relay, dir, token] = words[..] else {
        return;
    };
    let config = NodeConfig {
        relay: relay.to_owned(),
        route: Route::default(),
        dial_patience: PATIENCE,
        data_dir: dir.into(),
        join_token: Some(token.parse().unwrap()),
        replace: false,
        engine_command: fake_engine::command(),
        engine_env: Vec::new(),
        sandboxes_max: 16,
        isolation: fake_engine::isolation(),
        mesh: Default::default(),
        python: Default::default(),
        drain: Duration::ZERO,
        prestarted: 0,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(biplane_node::run(config, CancellationToken::new())).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_leaves_no_orphans() {
    let world = World::without_node(quick()).await;
    let mut node = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["loss::agent", "--exact", "--ignored"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let dir = world.db.dir().join("node");
    let line = format!("{} {} {}\n", world.relay, dir.display(), world.token.expose());
    std::io::Write::write_all(node.stdin.as_mut().unwrap(), line.as_bytes()).unwrap();
    let id = world.create("one").await;
    let lease = world.acquire(&id).await.unwrap();
    let pid = world.pid(&id).await;
    node.kill().unwrap();
    node.wait().unwrap();
    dies(pid).await;
    lease.lost().cancelled().await;
}
