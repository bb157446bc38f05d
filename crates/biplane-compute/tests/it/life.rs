//! The life of a warehouse on a healthy node.

use crate::support::{World, alive, ask, dies, eventually, quick};
use biplane_api::compute::{WarehouseRequest, WarehouseState};
use biplane_compute::{AcquireRequest, ComputeConfig};
use biplane_platform::ErrorCode;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_serves_and_stops() {
    let mut world = World::new().await;
    let id = world.create("one").await;
    assert_eq!(world.get(&id).await.state, WarehouseState::Starting);
    let running = world.until(&id, WarehouseState::Running).await;
    assert_eq!((running.num_clusters, running.health.status.as_str()), (1, "HEALTHY"));
    assert_eq!(world.ask(&id, "hello").await, "hello");
    let pid = world.pid(&id).await;
    assert_eq!(world.sandboxes().await.len(), 1);

    world.compute.warehouse_stop(&world.ctx, &id).await.unwrap();
    assert_ne!(world.get(&id).await.state, WarehouseState::Running);
    let stopped = world.until(&id, WarehouseState::Stopped).await;
    assert_eq!(stopped.num_clusters, 0);
    assert!(!alive(pid));
    assert!(world.sandboxes().await.is_empty());
    world.stop_node().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_sees_little_of_its_host() {
    let world = World::new().await;
    let id = world.create("one").await;
    let lease = world.acquire(&id).await.unwrap();
    let env = ask(&lease, "env").await;
    let mut names: Vec<&str> = env.lines().collect();
    names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_", "FAKE_ENGINE"].contains(name));
    names.sort_unstable();
    assert_eq!(names, ["FAKE_MODE", "HOME", "LANG", "TMPDIR", "TZ"]);
    let cwd = ask(&lease, "cwd").await;
    assert!(cwd.ends_with(&format!("{}/work", lease.sandbox_id())));
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&cwd).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700);
    let arguments = ask(&lease, "args").await;
    assert!(
        arguments.contains("--door ../doors/relay.sock") && arguments.contains("--memory-bytes "),
        "{arguments}"
    );
    let caller = ask(&lease, "call /who").await;
    assert_eq!(caller, format!("1 {}", lease.sandbox_id()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_starts_what_is_stopped_once_for_all_who_wait() {
    let world = World::new().await;
    let id = world
        .compute
        .default_warehouse_create(world.workspace(), &world.ctx.principal)
        .await
        .unwrap();
    assert_eq!(
        id,
        world
            .compute
            .default_warehouse_create(world.workspace(), &world.ctx.principal)
            .await
            .unwrap()
    );
    assert_eq!(world.get(&id).await.state, WarehouseState::Stopped);
    let leases = futures::future::join_all((0..8).map(|_| world.acquire(&id))).await;
    let sandboxes: std::collections::HashSet<_> =
        leases.iter().map(|lease| lease.as_ref().unwrap().sandbox_id().clone()).collect();
    assert_eq!(sandboxes.len(), 1);
    assert_eq!(world.get(&id).await.state, WarehouseState::Running);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_when_idle_and_not_before() {
    let config = ComputeConfig { minute: Duration::from_millis(150), ..quick() };
    let world = World::with(config, "serve").await;
    let request = WarehouseRequest {
        name: Some("one".into()),
        auto_stop_mins: Some(1),
        ..Default::default()
    };
    let id = world.create_with(request).await;
    let lease = world.acquire(&id).await.unwrap();
    let first = lease.sandbox_id().clone();
    // Longer than a "minute": what runs is never stopped.
    let held = tokio::time::timeout(Duration::from_millis(400), lease.lost().cancelled()).await;
    assert!(held.is_err());
    assert_eq!(world.get(&id).await.state, WarehouseState::Running);
    drop(lease);
    let since = Instant::now();
    world.until(&id, WarehouseState::Stopped).await;
    assert!(since.elapsed() >= Duration::from_millis(150));
    assert_ne!(*world.acquire(&id).await.unwrap().sandbox_id(), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_sandbox_outlives_it() {
    let world = World::new().await;
    let id = world.create("one").await;
    let child: u32 = world.ask(&id, "fork").await.parse().unwrap();
    assert!(alive(child));
    world.compute.warehouse_stop(&world.ctx, &id).await.unwrap();
    world.until(&id, WarehouseState::Stopped).await;
    dies(child).await;
    let left = std::fs::read_dir(world.place().join("sandboxes")).unwrap().count();
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_is_told_and_the_engine_comes_back() {
    let world = World::new().await;
    let id = world.create("one").await;
    let lease = world.acquire(&id).await.unwrap();
    let mut engine = lease.engine();
    let request = |statement: &str| biplane_proto::v1::ExecuteRequest {
        statement: statement.into(),
        ..Default::default()
    };
    let mut hanging = engine.execute(request("hang")).await.unwrap().into_inner();
    assert!(hanging.message().await.unwrap().is_some());
    assert!(engine.execute(request("crash")).await.is_err());
    assert!(hanging.message().await.is_err());
    lease.lost().cancelled().await;
    let next = world.acquire(&id).await.unwrap();
    assert_ne!(next.sandbox_id(), lease.sandbox_id());
    assert_eq!(ask(&next, "hello").await, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_is_given_up_and_explained() {
    for (mode, hint) in [("exit", "exit code 3"), ("silent", "did not connect")] {
        let config = ComputeConfig { engine_wait: Duration::from_millis(300), ..quick() };
        let world = World::with(config, mode).await;
        let id = world
            .compute
            .default_warehouse_create(world.workspace(), &world.ctx.principal)
            .await
            .unwrap();
        let error = world.acquire(&id).await.err().unwrap();
        assert_eq!(error.code, ErrorCode::TemporarilyUnavailable);
        let info = world.until(&id, WarehouseState::Stopped).await;
        assert_eq!(info.health.status, "FAILED");
        assert!(info.health.summary.unwrap().contains(hint), "{hint}");
        // Another try forgets the failure.
        world.compute.warehouse_start(&world.ctx, &id).await.unwrap();
        assert_eq!(world.get(&id).await.health.status, "HEALTHY");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_node_a_start_waits_and_then_fails() {
    let config = ComputeConfig { node_wait: Duration::from_millis(100), ..quick() };
    let world = World::without_node(config).await;
    let id = world.create("one").await;
    assert_eq!(world.acquire(&id).await.err().unwrap().code, ErrorCode::TemporarilyUnavailable);
    let info = world.until(&id, WarehouseState::Stopped).await;
    assert!(info.health.summary.unwrap().contains("No compute node"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_and_a_stop_end_the_waiting() {
    let world = World::with(quick(), "silent").await;
    let id = world.create("one").await;
    let soon = Instant::now() + Duration::from_millis(50);
    let error = world.acquire_as(&id, AcquireRequest::by(soon)).await.err().unwrap();
    assert_eq!(error.code, ErrorCode::DeadlineExceeded);
    let (waited, stopped) = tokio::join!(world.acquire(&id), async {
        eventually("a sandbox", async || {
            Some(world.sandboxes().await).filter(|all| !all.is_empty())
        })
        .await;
        world.compute.warehouse_stop(&world.ctx, &id).await
    });
    stopped.unwrap();
    assert_eq!(waited.err().unwrap().code, ErrorCode::InvalidState);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_while_it_starts_it_stays_deleted() {
    let world = World::with(quick(), "silent").await;
    let id = world.create("one").await;
    eventually("a sandbox", async || Some(world.sandboxes().await).filter(|all| !all.is_empty()))
        .await;
    let (waited, deleted) = tokio::join!(world.acquire(&id), async {
        tokio::task::yield_now().await;
        world.compute.warehouse_delete(&world.ctx, &id).await
    });
    deleted.unwrap();
    assert_eq!(waited.err().unwrap().code, ErrorCode::ResourceDoesNotExist);
    let error = world.compute.warehouse_get(&world.ctx, &id).await.err().unwrap();
    assert_eq!(error.code, ErrorCode::ResourceDoesNotExist);
    let dir = world.place().join("sandboxes");
    eventually("an empty node", async || {
        (std::fs::read_dir(&dir).unwrap().count() == 0).then_some(())
    })
    .await;
    // The name is free again.
    world.create("one").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_size_brings_another_engine_when_the_old_one_is_done() {
    let world = World::new().await;
    let id = world.create("one").await;
    let old = world.acquire(&id).await.unwrap();
    let edit = WarehouseRequest { cluster_size: Some("Small".into()), ..Default::default() };
    world.compute.warehouse_edit(&world.ctx, &id, &edit).await.unwrap();
    assert_eq!(ask(&old, "still here").await, "still");
    let (next, ()) = tokio::join!(world.acquire(&id), async {
        tokio::task::yield_now().await;
        assert!(!old.lost().is_cancelled());
        drop(old);
    });
    assert_eq!(ask(&next.unwrap(), "hello").await, "hello");
    // What does not concern the engine leaves it alone.
    let before = world.pid(&id).await;
    let edit = WarehouseRequest {
        name: Some("renamed".into()),
        auto_stop_mins: Some(0),
        ..Default::default()
    };
    world.compute.warehouse_edit(&world.ctx, &id, &edit).await.unwrap();
    assert_eq!(world.pid(&id).await, before);
    assert_eq!(world.get(&id).await.name, "renamed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_warehouse_costs_microseconds() {
    let world = World::new().await;
    let id = world.create("one").await;
    drop(world.acquire(&id).await.unwrap());
    let start = Instant::now();
    for _ in 0..1_000 {
        drop(world.acquire(&id).await.unwrap());
    }
    // A wide margin: a debug build on a busy machine.
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
}

/// Everybody pulls at it at once; afterwards it still does what it is told, and nothing is left over.
#[tokio::test(flavor = "multi_thread")]
async fn it_survives_a_crowd() {
    let world = World::new().await;
    let id = world.create("one").await;
    let pull = async |turn: usize| match turn % 5 {
        0 => drop(world.compute.warehouse_stop(&world.ctx, &id).await),
        1 => drop(world.compute.warehouse_start(&world.ctx, &id).await),
        2 => {
            let size = ["Small", "Medium"][turn % 2];
            let edit = WarehouseRequest { cluster_size: Some(size.into()), ..Default::default() };
            drop(world.compute.warehouse_edit(&world.ctx, &id, &edit).await);
        }
        3 => {
            world.try_ask(&id, "crash").await;
        }
        _ => {
            world.try_ask(&id, "hello").await;
        }
    };
    let crowd = (0..6).map(|person| async move {
        for turn in 0..12 {
            pull(person + turn * 7).await;
        }
    });
    futures::future::join_all(crowd).await;
    eventually("an answer", async || world.try_ask(&id, "hello").await).await;
    world.until(&id, WarehouseState::Running).await;
    world.compute.warehouse_stop(&world.ctx, &id).await.unwrap();
    world.until(&id, WarehouseState::Stopped).await;
    assert!(world.sandboxes().await.is_empty());
    let dir = world.place().join("sandboxes");
    assert_eq!(std::fs::read_dir(dir).unwrap().count(), 0);
}
