//! What is seen of compute: sandboxes, a warehouse over time, what was tried, hosts for their operator.

use crate::support::{World, ask, eventually, quick};
use biplane_api::compute::{NodeState, SandboxKind, WarehouseState};
use biplane_api::ids::{WarehouseId, WorkspaceId};
use biplane_api::seen::{SandboxInfo, SandboxState};
use biplane_compute::{AccessFilter, SandboxFilter};
use biplane_platform::acl::{self, Entry, WAREHOUSES};
use biplane_platform::db::args;
use biplane_platform::testing::ctx;
use biplane_platform::{Ctx, ErrorCode};
use std::time::Duration;

/// Somebody else of the same workspace.
fn ann(world: &World) -> Ctx {
    Ctx { workspace: world.ctx.workspace, ..ctx("ann@example.org") }
}

async fn grant(world: &World, id: &WarehouseId, level: &str) {
    let entry = Entry {
        principal_kind: "user".into(),
        principal_name: "ann@example.org".into(),
        permission_level: level.into(),
    };
    let mut tx = world.db.db.write().await.unwrap();
    acl::grant(&mut tx, world.workspace(), &WAREHOUSES, id.as_str(), &entry).await.unwrap();
    tx.commit().await.unwrap();
}

async fn sandboxes(world: &World, ctx: &Ctx, filter: &SandboxFilter) -> Vec<SandboxInfo> {
    world.compute.sandbox_list(ctx, filter, None, None).await.unwrap().sandboxes
}

#[tokio::test(flavor = "multi_thread")]
async fn sandboxes_are_seen_by_those_who_may_see_their_warehouse() {
    let world = World::new().await;
    let (one, two) = (world.create("one").await, world.create("two").await);
    let lease = world.acquire(&one).await.unwrap();
    world.ask(&two, "hello").await;
    let all = sandboxes(&world, &world.ctx, &SandboxFilter::default()).await;
    assert_eq!(all.len(), 2);
    let of_one = SandboxFilter { warehouse_id: Some(one.clone()), ..Default::default() };
    let seen = sandboxes(&world, &world.ctx, &of_one).await.remove(0);
    assert_eq!((seen.state, seen.kind), (SandboxState::Running, SandboxKind::Engine));
    assert_eq!(
        (&seen.sandbox_id, seen.warehouse_name.as_deref()),
        (lease.sandbox_id(), Some("one"))
    );
    assert_eq!((seen.statements, seen.generation), (Some(1), 1));
    assert!(seen.node_id.is_some() && seen.isolation.is_some() && seen.cpu_millis > 0);
    assert!(seen.ready_at.unwrap() >= seen.created_at);

    // Pages.
    let filter = SandboxFilter::default();
    let first = world.compute.sandbox_list(&world.ctx, &filter, Some(1), None).await.unwrap();
    let token = first.next_page_token.unwrap();
    let rest =
        world.compute.sandbox_list(&world.ctx, &filter, Some(1), Some(&token)).await.unwrap();
    assert!(rest.next_page_token.is_none());
    assert_ne!(first.sandboxes[0].sandbox_id, rest.sandboxes[0].sandbox_id);

    let ann = ann(&world);
    assert!(sandboxes(&world, &ann, &filter).await.is_empty());
    grant(&world, &one, "CAN_USE").await;
    let seen = sandboxes(&world, &ann, &filter).await;
    assert_eq!(seen.len(), 1);
    assert!(seen[0].node_id.is_none());
    // Another workspace's are for admins of the account only.
    let everywhere = SandboxFilter { all_workspaces: true, ..Default::default() };
    let refused = world.compute.sandbox_list(&ann, &everywhere, None, None).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::PermissionDenied);
    let away = Ctx { workspace: Some(WorkspaceId(world.workspace().0 + 1)), ..world.ctx.clone() };
    assert!(sandboxes(&world, &away, &filter).await.is_empty());
    assert_eq!(sandboxes(&world, &away, &everywhere).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warehouse_is_seen_over_time() {
    let world = World::new().await;
    let id = world.create("one").await;
    let leases = [world.acquire(&id).await.unwrap(), world.acquire(&id).await.unwrap()];
    drop(leases);
    let list = |ctx: Ctx| {
        let (compute, id) = (world.compute.clone(), id.clone());
        async move { compute.warehouse_sample_list(&ctx, &id, None, None).await }
    };
    // The step that goes on has the most of the whole step; it may just have begun anew.
    let now = list(world.ctx.clone()).await.unwrap();
    let most = now.samples.iter().map(|sample| sample.running).max();
    assert_eq!((most, now.samples.last().unwrap().engines), (Some(2), 1));
    assert!(now.samples.last().unwrap().cpu_millis_max > 0);

    let hour_ago = world.ctx.now_ms() - 1_800_000;
    let old = hour_ago - hour_ago % now.step_ms;
    let mut tx = world.db.db.write().await.unwrap();
    for (offset, running) in [(0, 1), (now.step_ms, 5)] {
        tx.execute(
            "INSERT INTO warehouse_samples VALUES ($1, $2, 2, $3, 7, 1500, 4000, 100, 200)",
            args![id.as_str(), old + offset, running],
        )
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    let found = list(world.ctx.clone()).await.unwrap().samples;
    let (first, second) = (&found[0], &found[1]);
    assert_eq!((first.time, first.running, second.running), (old, 1, 5));
    assert_eq!((first.engines, first.queued, first.cpu_millis), (2, 7, 1500));
    // Of a longer period the steps are longer.
    let start = Some(world.ctx.now_ms() - 20 * 3_600_000);
    let wide = world.compute.warehouse_sample_list(&world.ctx, &id, start, None).await.unwrap();
    assert!(wide.step_ms > now.step_ms);
    assert_eq!(wide.samples.iter().map(|sample| sample.running).max(), Some(5));

    let ann = ann(&world);
    grant(&world, &id, "CAN_USE").await;
    assert_eq!(list(ann.clone()).await.unwrap_err().code, ErrorCode::PermissionDenied);
    grant(&world, &id, "CAN_MONITOR").await;
    assert!(!list(ann).await.unwrap().samples.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_tried_is_seen_by_those_it_concerns() {
    let world = World::without_node(quick()).await;
    let id = world.create("one").await;
    let mut tx = world.db.db.write().await.unwrap();
    for (event, kind, resource, reason_code, age) in [
        ("a", "DROP", id.as_str(), "not-in-policy", 3),
        ("b", "ALLOW", id.as_str(), "listed", 2),
        ("c", "DROP", "serverless", "port-denied", 1),
    ] {
        tx.execute(
            "INSERT INTO outbound_accesses (event_id, workspace_id, event_time, destination_type, destination,
               access_type, network_source_type, resource_id, sandbox_id, port, reason, suppressed, reason_code)
             VALUES ($1, $2, $3, 'DNS', 'example.org', $4, 'DBSQL', $5, 'sandbox', 443, 'why', 0, $6)",
            args![event, world.workspace().0, world.ctx.now_ms() - age, kind, resource, reason_code],
        )
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    let list = async |ctx: &Ctx, outcome: Option<&str>| {
        let filter = AccessFilter { outcome: outcome.map(Into::into), ..Default::default() };
        let list = world.compute.outbound_access_list(ctx, &filter, None, None).await.unwrap();
        list.accesses.into_iter().map(|one| one.event_id).collect::<Vec<_>>()
    };
    assert_eq!(list(&world.ctx, None).await, ["c", "b", "a"]);
    assert_eq!(list(&world.ctx, Some("DENIED")).await, ["c", "a"]);
    let ann = ann(&world);
    assert!(list(&ann, None).await.is_empty());
    grant(&world, &id, "CAN_MONITOR").await;
    assert_eq!(list(&ann, None).await, ["b", "a"]);
    let away = Ctx { workspace: Some(WorkspaceId(world.workspace().0 + 1)), ..world.ctx.clone() };
    assert!(list(&away, None).await.is_empty());

    let filter = AccessFilter { outcome: Some("DENIED".into()), ..Default::default() };
    let first =
        world.compute.outbound_access_list(&world.ctx, &filter, Some(1), None).await.unwrap();
    let shown = &first.accesses[0];
    assert_eq!((shown.outcome.as_str(), shown.reason_code.as_str()), ("DENIED", "port-denied"));
    assert_eq!(shown.warehouse_id, None);
    let token = first.next_page_token.as_deref();
    let rest =
        world.compute.outbound_access_list(&world.ctx, &filter, Some(1), token).await.unwrap();
    assert_eq!(rest.accesses[0].warehouse_id.as_deref(), Some(id.as_str()));
    let filter = AccessFilter { outcome: Some("MAYBE".into()), ..Default::default() };
    let error =
        world.compute.outbound_access_list(&world.ctx, &filter, None, None).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidParameterValue);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_host_is_emptied_and_stays_so_until_taken_back() {
    let mut world = World::without_node(quick()).await;
    let mut old = world.start_other_node("", &[("rack", "one")], Duration::ZERO).await;
    world.nodes(1).await;
    let id = world.create("one").await;
    let running = world.acquire(&id).await.unwrap();
    let new = world.start_other_node("", &[], Duration::ZERO).await;
    world.nodes(2).await;

    let refused = world.compute.node_drain(&ann(&world), &old.node_id).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::PermissionDenied);
    let drained = world.compute.node_drain(&world.ctx, &old.node_id).await.unwrap();
    assert_eq!((drained.state, drained.draining), (NodeState::Draining, true));
    assert_eq!(drained.labels.get("rack").map(String::as_str), Some("one"));
    let moved = eventually("an engine on the other node", async || {
        let lease = world.acquire(&id).await.unwrap();
        (lease.sandbox_id() != running.sandbox_id()).then_some(lease)
    })
    .await;
    // What ran runs on, and shows as what it is.
    assert_eq!(ask(&running, "still").await, "still");
    let here = SandboxFilter { node_id: Some(old.node_id.clone()), ..Default::default() };
    assert_eq!(sandboxes(&world, &world.ctx, &here).await[0].state, SandboxState::Draining);
    drop(running);
    eventually("the end of the old one", async || {
        world.placed().await.keys().eq([new.node_id.as_str()]).then_some(())
    })
    .await;
    assert_eq!(ask(&moved, "hello").await, "hello");
    drop(moved);
    world.compute.warehouse_stop(&world.ctx, &id).await.unwrap();
    world.until(&id, WarehouseState::Stopped).await;

    // A server that starts again knows it still.
    world.restart_server().await;
    world.nodes(2).await;
    let state = async |world: &World, node: &crate::support::Agent| {
        let nodes = world.compute.node_list(&world.ctx, None, None).await.unwrap().nodes;
        nodes.into_iter().find(|one| one.id == node.node_id).unwrap().state
    };
    assert_eq!(state(&world, &old).await, NodeState::Draining);
    assert_eq!(state(&world, &new).await, NodeState::Ready);
    world.ask(&id, "hello").await;
    assert!(world.placed().await.keys().eq([new.node_id.as_str()]));
    let back = world.compute.node_resume(&world.ctx, &old.node_id).await.unwrap();
    assert_eq!(back.state, NodeState::Ready);

    // One that is gone can be removed.
    old.stop.cancel();
    (&mut old.task).await.unwrap().unwrap();
    eventually("its loss", async || (state(&world, &old).await == NodeState::Lost).then_some(()))
        .await;
    world.compute.node_delete(&world.ctx, &old.node_id).await.unwrap();
    let nodes = world.compute.node_list(&world.ctx, None, None).await.unwrap().nodes;
    assert_eq!(nodes.len(), 1);
    let gone = world.compute.node_drain(&world.ctx, &old.node_id).await.unwrap_err();
    assert_eq!(gone.code, ErrorCode::ResourceDoesNotExist);
}
