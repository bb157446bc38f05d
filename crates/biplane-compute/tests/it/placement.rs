//! Several engines for one warehouse, several nodes for the engines.

use crate::support::{PATIENCE, World, ask, eventually, quick};
use biplane_api::compute::{WarehouseRequest, WarehouseState};
use biplane_api::ids::{SandboxId, WarehouseId, WorkspaceId};
use biplane_compute::{
    AcquireRequest, ComputeConfig, EngineLease, Tenancies, Tenancy, WorkspaceLimits,
};
use biplane_platform::{ErrorCode, Result};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Statements that one engine of the smallest size runs at a time.
const ROOM: usize = 10;

async fn fill(world: &World, id: &WarehouseId, number: usize) -> Vec<EngineLease> {
    let mut leases = Vec::new();
    for _ in 0..number {
        leases.push(world.acquire(id).await.unwrap());
    }
    leases
}

fn engines(leases: &[EngineLease]) -> HashSet<SandboxId> {
    leases.iter().map(|lease| lease.sandbox_id().clone()).collect()
}

async fn events(world: &World, id: &WarehouseId) -> Vec<String> {
    let list = world.compute.warehouse_event_list(&world.ctx, id, None, None).await.unwrap();
    list.events.into_iter().rev().map(|event| event.event_type).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn engines_come_with_the_queue_and_go_when_idle() {
    let config = ComputeConfig { scale_in_wait: Duration::from_millis(50), ..quick() };
    let world = World::with(config, "serve").await;
    let id = world.create_clusters(1, 2).await;
    let mut leases = fill(&world, &id, ROOM).await;
    assert_eq!(engines(&leases).len(), 1);
    // One too many for one engine: another comes for it.
    let one_more = world.acquire(&id).await.unwrap();
    assert!(one_more.queued > Duration::ZERO);
    assert!(!engines(&leases).contains(one_more.sandbox_id()));
    leases.push(one_more);
    // And takes its part of what follows.
    leases.extend(fill(&world, &id, 5).await);
    assert_eq!(world.get(&id).await.num_clusters, 2);
    drop(leases);
    world.clusters(&id, 1).await;
    assert_eq!(world.ask(&id, "hello").await, "hello");
    eventually("its end on the node", async || (world.sandboxes().await.len() == 1).then_some(()))
        .await;
    let told = ["STARTING", "RUNNING", "SCALED_UP", "SCALED_DOWN"];
    eventually("events", async || (events(&world, &id).await == told).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_least_number_of_engines_is_there_from_the_start_and_shares_the_work() {
    let world = World::new().await;
    let id = world.create_clusters(2, 2).await;
    world.clusters(&id, 2).await;
    let leases = fill(&world, &id, 6).await;
    let by_engine = engines(&leases);
    assert_eq!(by_engine.len(), 2);
    for engine in &by_engine {
        let share = leases.iter().filter(|lease| lease.sandbox_id() == engine).count();
        assert_eq!(share, 3);
    }
    // One crashes: the other serves on, and soon there are two again.
    let lost = leases[0].lost().clone();
    let _ = tokio::time::timeout(PATIENCE, crate::support::try_ask(&leases[0], "crash")).await;
    lost.cancelled().await;
    assert_eq!(world.ask(&id, "hello").await, "hello");
    assert_eq!(world.get(&id).await.state, WarehouseState::Running);
    drop(leases);
    world.clusters(&id, 2).await;
    world.compute.warehouse_stop(&world.ctx, &id).await.unwrap();
    world.until(&id, WarehouseState::Stopped).await;
    assert!(world.sandboxes().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_engines_than_there_are_end_the_idle_ones() {
    let world = World::new().await;
    let id = world.create_clusters(2, 2).await;
    world.clusters(&id, 2).await;
    let edit = WarehouseRequest {
        min_num_clusters: Some(1),
        max_num_clusters: Some(1),
        ..Default::default()
    };
    world.compute.warehouse_edit(&world.ctx, &id, &edit).await.unwrap();
    world.clusters(&id, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_bounded_in_length_and_time() {
    let config = ComputeConfig { queue_max: 1, ..quick() };
    let world = World::with(config, "serve").await;
    let id = world.create_clusters(1, 1).await;
    let mut leases = fill(&world, &id, ROOM).await;
    let now = Instant::now();
    let mut hasty = AcquireRequest::by(now + PATIENCE);
    hasty.queue_by = now + Duration::from_millis(20);
    let error = world.acquire_as(&id, hasty).await.err().unwrap();
    assert_eq!(error.code, ErrorCode::DeadlineExceeded);
    assert!(error.message.contains("too much to do"), "{}", error.message);
    world.compute.queue_check(&id).unwrap();
    let (first, second) = tokio::join!(world.acquire(&id), async {
        eventually("a full queue", async || world.compute.queue_check(&id).err()).await;
        let second = world.acquire(&id).await;
        leases.pop();
        second
    });
    assert_eq!(second.err().unwrap().code, ErrorCode::ResourceExhausted);
    assert!(first.unwrap().queued > Duration::ZERO);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_session_waits_for_its_engine_and_lets_others_pass() {
    let config = ComputeConfig { scale_in_wait: Duration::from_millis(20), ..quick() };
    let world = World::with(config, "serve").await;
    let id = world.create_clusters(2, 2).await;
    world.clusters(&id, 2).await;
    let first = world.acquire(&id).await.unwrap();
    let home = first.sandbox_id().clone();
    let pin = first.pin();
    drop(first);
    let wish = |bound| AcquireRequest {
        engine: Some(home.clone()),
        bound,
        ..AcquireRequest::by(Instant::now() + PATIENCE)
    };
    let mut at_home = Vec::new();
    for _ in 0..ROOM {
        at_home.push(world.acquire_as(&id, wish(false)).await.unwrap());
    }
    assert_eq!(engines(&at_home).len(), 1);
    // Full: who is not bound goes elsewhere, who is waits.
    let away = world.acquire_as(&id, wish(false)).await.unwrap();
    assert_ne!(*away.sandbox_id(), home);
    let (bound, ()) = tokio::join!(world.acquire_as(&id, wish(true)), async {
        let passing = world.acquire(&id).await.unwrap();
        assert_ne!(*passing.sandbox_id(), home);
        at_home.pop();
    });
    assert_eq!(*bound.unwrap().sandbox_id(), home);
    drop((away, at_home));
    // What holds a session's objects is not taken away for being idle.
    let edit = WarehouseRequest { min_num_clusters: Some(1), ..Default::default() };
    world.compute.warehouse_edit(&world.ctx, &id, &edit).await.unwrap();
    world.clusters(&id, 1).await;
    assert_eq!(*world.acquire(&id).await.unwrap().sandbox_id(), home);
    drop(pin);
    // An engine that is gone binds nobody.
    let _ = crate::support::try_ask(&world.acquire(&id).await.unwrap(), "crash").await;
    let next = eventually("another engine", async || {
        let lease = world.acquire_as(&id, wish(true)).await.ok()?;
        (*lease.sandbox_id() != home).then_some(lease)
    })
    .await;
    assert_eq!(ask(&next, "hello").await, "hello");
}

struct Fixed(Tenancy);

#[async_trait::async_trait]
impl Tenancies for Fixed {
    async fn tenancy(&self, _: WorkspaceId) -> Result<Tenancy> {
        Ok(self.0.clone())
    }
}

fn belong(world: &World, region: &str, dedicated: Option<&str>) {
    let tenancy = Tenancy { region: region.into(), dedicated: dedicated.map(Into::into) };
    world.compute.set_tenancies(Arc::new(Fixed(tenancy)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_stays_in_its_region_and_on_its_hosts() {
    let config = ComputeConfig { node_wait: Duration::from_millis(30), ..quick() };
    let world = World::without_node(config).await;
    let eu = world.start_other_node("eu", &[], Duration::ZERO).await;
    let us = world.start_other_node("us", &[], Duration::ZERO).await;
    let acme = world.start_other_node("eu", &[("dedicated-host", "acme")], Duration::ZERO).await;
    world.nodes(3).await;
    for (region, dedicated, expected) in [
        ("eu", None, Some(&eu)),
        ("us", None, Some(&us)),
        ("eu", Some("acme"), Some(&acme)),
        ("mars", None, None),
    ] {
        belong(&world, region, dedicated);
        let id = world.create("one").await;
        match expected {
            Some(node) => {
                world.ask(&id, "hello").await;
                let placed = world.placed().await;
                assert_eq!(placed.keys().collect::<Vec<_>>(), [node.node_id.as_str()]);
            }
            None => {
                let error = world.acquire(&id).await.err().unwrap();
                assert!(error.message.contains("region \"mars\""), "{}", error.message);
            }
        }
        world.compute.warehouse_delete(&world.ctx, &id).await.unwrap();
        eventually("the end", async || world.placed().await.is_empty().then_some(())).await;
    }
    let nodes = world.compute.node_list(&world.ctx, None, None).await.unwrap().nodes;
    let shown = nodes.iter().find(|node| node.id == acme.node_id).unwrap();
    assert_eq!((shown.region.as_str(), shown.labels["dedicated-host"].as_str()), ("eu", "acme"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_leaves_hands_its_warehouses_over() {
    let world = World::without_node(quick()).await;
    let old = world.start_other_node("", &[], PATIENCE).await;
    world.nodes(1).await;
    let id = world.create("one").await;
    let running = world.acquire(&id).await.unwrap();
    let new = world.start_other_node("", &[], Duration::ZERO).await;
    world.nodes(2).await;
    old.stop.cancel();
    let moved = eventually("an engine on the other node", async || {
        let lease = world.acquire(&id).await.unwrap();
        (lease.sandbox_id() != running.sandbox_id()).then_some(lease)
    })
    .await;
    // What ran runs on.
    assert_eq!(ask(&running, "still").await, "still");
    assert!(!old.task.is_finished());
    let nodes = world.compute.node_list(&world.ctx, None, None).await.unwrap().nodes;
    assert!(nodes.iter().any(|node| node.id == old.node_id && node.leaving));
    drop(running);
    tokio::time::timeout(PATIENCE, old.task).await.unwrap().unwrap().unwrap();
    assert_eq!(ask(&moved, "hello").await, "hello");
    eventually("the end of the old one", async || {
        world.placed().await.keys().eq([new.node_id.as_str()]).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_others_still_leaves() {
    let world = World::without_node(quick()).await;
    let only = world.start_other_node("", &[], PATIENCE).await;
    world.nodes(1).await;
    let id = world.create("one").await;
    world.ask(&id, "hello").await;
    let began = Instant::now();
    only.stop.cancel();
    tokio::time::timeout(PATIENCE, only.task).await.unwrap().unwrap().unwrap();
    assert!(began.elapsed() < PATIENCE / 2);
    world.until(&id, WarehouseState::Starting).await;
    // A node that comes while somebody waits is welcome.
    let (answer, _node) = tokio::join!(world.ask(&id, "hello"), async {
        world.start_other_node("", &[], Duration::ZERO).await
    });
    assert_eq!(answer, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_has_no_more_than_its_share() {
    let config = ComputeConfig {
        workspace_limits: WorkspaceLimits { sandboxes: 2, ..WorkspaceLimits::default() },
        node_wait: Duration::from_millis(30),
        ..quick()
    };
    let world = World::with(config, "serve").await;
    world.nodes(1).await;
    let id = world.create_clusters(3, 3).await;
    world.clusters(&id, 2).await;
    let health = eventually("its health", async || {
        Some(world.get(&id).await.health).filter(|health| health.status == "DEGRADED")
    })
    .await;
    assert!(health.summary.unwrap().contains("all the sandboxes it may use"));
    assert_eq!(world.ask(&id, "hello").await, "hello");
    let other = world.create("other").await;
    let error = world.acquire(&other).await.err().unwrap();
    assert_eq!(error.code, ErrorCode::TemporarilyUnavailable);
    assert!(error.message.contains("all the sandboxes it may use"), "{}", error.message);
    world.compute.warehouse_stop(&world.ctx, &id).await.unwrap();
    world.until(&id, WarehouseState::Stopped).await;
    eventually("room", async || world.placed().await.is_empty().then_some(())).await;
    assert_eq!(world.ask(&other, "hello").await, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_started_ahead_belongs_to_nobody_until_it_is_given_away_for_good() {
    let mut world = World::without_node(quick()).await;
    world.start_eager_node(1);
    let dir = world.place().join("sandboxes");
    let directories = || {
        let names = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect::<HashSet<_>>()
    };
    let ahead = async |running: usize| {
        eventually("an engine ahead", async || (directories().len() == running + 1).then_some(()))
            .await;
    };
    let mut own = HashSet::new();
    let one = world.create("one").await;
    own.insert(world.acquire(&one).await.unwrap().sandbox_id().to_string());
    ahead(1).await;
    assert!(own.is_subset(&directories()));
    let two = world.create("two").await;
    let lease = world.acquire(&two).await.unwrap();
    // It knows itself only by the doors that it was given.
    assert_eq!(ask(&lease, "call /who").await, format!("1 {}", lease.sandbox_id()));
    assert!(!directories().contains(lease.sandbox_id().as_str()));
    drop(lease);
    ahead(2).await;
    let pid = world.pid(&two).await;
    world.compute.warehouse_stop(&world.ctx, &two).await.unwrap();
    world.until(&two, WarehouseState::Stopped).await;
    crate::support::dies(pid).await;
    ahead(1).await;
    let waiting: HashSet<_> = directories();
    world.ask(&two, "hello").await;
    let lease = world.acquire(&two).await.unwrap();
    assert!(!waiting.contains(lease.sandbox_id().as_str()));
    drop(lease);
    ahead(2).await;
    world.stop_node().await;
    eventually("an empty node", async || directories().is_empty().then_some(())).await;
}
