//! What nodes give and workspaces may have, however many ask at once and whoever was there before.

use crate::fake_node::FakeNode;
use crate::support::{PATIENCE, World, eventually, quick};
use biplane_api::compute::{NodeState, WarehouseRequest, WarehouseState};
use biplane_api::ids::{SandboxId, WarehouseId, WorkspaceId};
use biplane_compute::{AcquireRequest, ComputeConfig, EngineLease, WorkspaceLimits};
use biplane_platform::{Ctx, ErrorCode, Result};
use biplane_proto::v1::{Hello, Sandbox};
use std::time::Duration;
use tokio::time::Instant;

/// Whoever finds no place hears of it soon.
fn hasty() -> ComputeConfig {
    ComputeConfig { node_wait: Duration::from_millis(300), ..quick() }
}

fn elsewhere(world: &World) -> Ctx {
    Ctx { workspace: Some(WorkspaceId(2)), ..world.ctx.clone() }
}

async fn create_as(world: &World, ctx: &Ctx, name: &str) -> WarehouseId {
    let request = WarehouseRequest { name: Some(name.into()), ..WarehouseRequest::default() };
    world.compute.warehouse_create(ctx, &request).await.unwrap()
}

async fn acquire_as(world: &World, ctx: &Ctx, id: &WarehouseId) -> Result<EngineLease> {
    world.compute.acquire(ctx, id, AcquireRequest::by(Instant::now() + PATIENCE)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_gives_no_more_memory_than_it_has() {
    let world = World::without_node(hasty()).await;
    let node = FakeNode::sized(&world, 4);
    world.nodes(1).await;
    // All at once: nobody waits for the row of another.
    let all = futures::future::join_all((0..12).map(async |number| {
        let id = world.create(&format!("w{number}")).await;
        (id.clone(), world.acquire(&id).await)
    }))
    .await;
    assert!(node.given() <= 4 << 30, "{}", node.given());
    let (some, none): (Vec<_>, Vec<_>) = all.iter().partition(|(_, lease)| lease.is_ok());
    assert!(some.len() >= 3 && !none.is_empty(), "{}", some.len());
    for (id, lease) in none {
        let error = lease.as_ref().err().unwrap();
        assert_eq!(error.code, ErrorCode::TemporarilyUnavailable);
        assert!(error.message.contains("no memory left"), "{}", error.message);
        assert_eq!(world.get(id).await.state, WarehouseState::Stopped);
    }
    // What one gives back the next one gets.
    let (first, _) = some[0];
    world.compute.warehouse_delete(&world.ctx, first).await.unwrap();
    eventually("its end", async || (node.sandboxes().len() < some.len()).then_some(())).await;
    let next = all.iter().find(|(_, lease)| lease.is_err()).unwrap();
    eventually("a place", async || world.acquire(&next.0).await.ok()).await;
    assert!(node.given() <= 4 << 30, "{}", node.given());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_larger_node_is_chosen_before_a_share_gets_smaller() {
    let world = World::without_node(hasty()).await;
    let (small, large) = (FakeNode::sized(&world, 2), FakeNode::sized(&world, 512));
    world.nodes(2).await;
    for name in ["one", "two", "three"] {
        drop(world.acquire(&world.create(name).await).await.unwrap());
    }
    // X-Small has 16 GiB.
    assert_eq!((small.given(), large.given()), (0, 48 << 30));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_before_this_one_placed_counts() {
    let workspace_limits = WorkspaceLimits { sandboxes: 1, ..WorkspaceLimits::default() };
    let mut world = World::without_node(ComputeConfig { workspace_limits, ..hasty() }).await;
    let node = FakeNode::sized(&world, 2);
    world.nodes(1).await;
    let one = world.create("one").await;
    drop(world.acquire(&one).await.unwrap());
    let before = node.sandboxes();
    world.restart_server().await;
    world.nodes(1).await;
    let two = world.create("two").await;
    let error = world.acquire(&two).await.err().unwrap();
    assert!(error.message.contains("all the sandboxes it may use"), "{}", error.message);
    // Others may, and get what is left.
    let given = node.given();
    let other = elsewhere(&world);
    let three = create_as(&world, &other, "three").await;
    drop(acquire_as(&world, &other, &three).await.unwrap());
    assert_eq!(node.given() >> 20, (given * 2) >> 20);
    let third = Ctx { workspace: Some(WorkspaceId(3)), ..world.ctx.clone() };
    let four = create_as(&world, &third, "four").await;
    drop(acquire_as(&world, &third, &four).await.unwrap());
    assert_eq!(node.given() >> 20, (given * 5 / 2) >> 20);
    drop(world.acquire(&one).await.unwrap());
    assert!(node.sandboxes().contains(&before[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_gets_what_is_left_of_its_limits_and_no_more() {
    let limit = 3 << 30;
    let workspace_limits =
        WorkspaceLimits { sandboxes: 0, cpu_millis: 12_000, memory_bytes: limit };
    let world = World::without_node(ComputeConfig { workspace_limits, ..hasty() }).await;
    let node = FakeNode::sized(&world, 6);
    world.nodes(1).await;
    let all = futures::future::join_all((0..4).map(async |number| {
        let id = world.create(&format!("w{number}")).await;
        world.acquire(&id).await.map(drop)
    }))
    .await;
    // Eight processors and four; a third finds none.
    assert_eq!(all.iter().filter(|lease| lease.is_ok()).count(), 2);
    assert!(node.given() <= limit);
    let refused = all.into_iter().find_map(Result::err).unwrap();
    assert!(refused.message.contains("it may use"), "{}", refused.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_degraded_node_never_has_two_workspaces() {
    let world = World::without_node(hasty()).await;
    let hello =
        Hello { cpus: 8, memory_bytes: 64 << 30, isolation: "degraded".into(), ..Hello::default() };
    let node = FakeNode::start(&world, hello);
    world.nodes(1).await;
    let other = elsewhere(&world);
    let own = world.create("one").await;
    let theirs = create_as(&world, &other, "one").await;
    for _ in 0..5 {
        // Both at once: one of them gets it.
        let (here, there) = tokio::join!(world.acquire(&own), acquire_as(&world, &other, &theirs));
        assert_eq!(node.workspaces().len(), 1);
        let (lost, stay, ctx) = match (here, there) {
            (Ok(_), Err(lost)) => (lost, &own, &world.ctx),
            (Err(lost), Ok(_)) => (lost, &theirs, &other),
            (Ok(_), Ok(_)) => panic!("both are there"),
            (Err(one), Err(two)) => panic!("{one} {two}"),
        };
        assert!(lost.message.contains("is free for this workspace"), "{}", lost.message);
        // A second sandbox of the same workspace may come.
        let second = create_as(&world, ctx, "two").await;
        drop(acquire_as(&world, ctx, &second).await.unwrap());
        assert_eq!((node.workspaces().len(), node.sandboxes().len()), (1, 2));
        world.compute.warehouse_delete(ctx, &second).await.unwrap();
        world.compute.warehouse_stop(ctx, stay).await.unwrap();
        eventually("an empty node", async || node.sandboxes().is_empty().then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_returns_with_what_nobody_knows_is_cleared_first() {
    let world = World::without_node(quick()).await;
    let stranger = SandboxId::random().to_string();
    let hello = Hello {
        cpus: 8,
        memory_bytes: 64 << 30,
        sandboxes: vec![Sandbox { sandbox_id: stranger.clone(), generation: 1 }],
        ..Hello::default()
    };
    let node = FakeNode::start(&world, hello);
    node.hold_stops(true);
    world.nodes_that(1, |node| node.connected && node.state == NodeState::Lost).await;
    let id = world.create("one").await;
    let soon = AcquireRequest::by(Instant::now() + Duration::from_millis(100));
    world.acquire_as(&id, soon).await.err().unwrap();
    assert_eq!(node.sandboxes(), std::slice::from_ref(&stranger));
    node.hold_stops(false);
    drop(world.acquire(&id).await.unwrap());
    assert!(!node.sandboxes().contains(&stranger));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_on_a_node_that_falls_silent_is_given_up_by_everybody() {
    given_up_after(FakeNode::freeze).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_on_a_node_that_is_gone_is_given_up_though_its_connections_look_open() {
    given_up_after(FakeNode::hang_up).await;
}

async fn given_up_after(fault: impl Fn(&FakeNode)) {
    let config = ComputeConfig { lease: Duration::from_millis(600), ..quick() };
    let world = World::without_node(config).await;
    let hello =
        Hello { cpus: 8, memory_bytes: 64 << 30, python: "3.13".into(), ..Hello::default() };
    let node = FakeNode::start(&world, hello);
    world.nodes(1).await;
    let id = world.create("one").await;
    let lease = world.acquire(&id).await.unwrap();
    let made = world.compute.context_create(&world.ctx, Some("serverless"), Some("python"));
    let context = made.await.unwrap()["id"].as_str().unwrap().to_owned();
    let status = || {
        let status = world.compute.context_status(&world.ctx, Some("serverless"), Some(&context));
        status.unwrap()["status"].as_str().unwrap().to_owned()
    };
    eventually("an interpreter", async || (node.sandboxes().len() == 2).then_some(())).await;
    assert_eq!(status(), "Pending");
    fault(&node);
    let until = Instant::now() + PATIENCE;
    tokio::time::timeout_at(until, lease.lost().cancelled()).await.unwrap();
    eventually("the end of the context", async || (status() == "Error").then_some(())).await;
}
