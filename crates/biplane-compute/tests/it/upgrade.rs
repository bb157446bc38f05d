//! A node agent is replaced by a newer one while statements run.

use crate::support::{PATIENCE, World, agent, ask, eventually, quick};
use biplane_api::ids::NodeId;
use biplane_node::{NodeConfig, NodeError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[tokio::test(flavor = "multi_thread")]
async fn statements_go_on_while_the_agent_is_replaced() {
    let world = Arc::new(World::without_node(quick()).await);
    let long = || NodeConfig { drain: PATIENCE, ..world.node_config("serve") };
    let old = agent(world.node_id.clone(), long());
    let id = world.create("one").await;
    let running = world.acquire(&id).await.unwrap();

    // Somebody works all the time.
    let (over, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let (world, id, over, answers) =
                (world.clone(), id.clone(), over.clone(), answers.clone());
            tokio::spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    assert_eq!(world.ask(&id, "hello").await, "hello");
                    answers.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();

    // Without the word it does not run beside another.
    let error = biplane_node::run(long(), Default::default()).await.unwrap_err();
    assert!(matches!(error, NodeError::InUse(_)), "{error}");
    // The id of the new one is the control plane's to say.
    let new = agent(NodeId::random(), NodeConfig { replace: true, ..long() });
    let moved = eventually("an engine of the new agent", async || {
        let lease = world.acquire(&id).await.unwrap();
        (lease.sandbox_id() != running.sandbox_id()).then_some(lease)
    })
    .await;
    assert!(!old.task.is_finished());
    assert_eq!(ask(&running, "still").await, "still");
    let second = biplane_node::run(NodeConfig { replace: true, ..long() }, Default::default());
    let error = second.await.unwrap_err();
    assert!(matches!(error, NodeError::Replacing(_)), "{error}");
    drop(running);
    tokio::time::timeout(PATIENCE, old.task).await.unwrap().unwrap().unwrap();
    drop(moved);
    // One node is left, on the same host.
    let left = eventually("the end of the old node", async || {
        let mut nodes = world.compute.node_list(&world.ctx, None, None).await.unwrap().nodes;
        (nodes.len() == 1).then(|| nodes.remove(0))
    })
    .await;
    assert_ne!(left.id, world.node_id);
    assert_eq!((&left.host_id, left.connected), (&world.node_id, true));
    let so_far = answers.load(Ordering::SeqCst);
    eventually("more answers", async || {
        (answers.load(Ordering::SeqCst) > so_far + 8).then_some(())
    })
    .await;
    over.store(true, Ordering::SeqCst);
    for worker in workers {
        worker.await.unwrap();
    }
    // It can be replaced again, and started again by itself.
    let third = agent(NodeId::random(), NodeConfig { replace: true, ..long() });
    tokio::time::timeout(PATIENCE, new.task).await.unwrap().unwrap().unwrap();
    assert_eq!(world.ask(&id, "hello").await, "hello");
    third.stop.cancel();
    tokio::time::timeout(PATIENCE, third.task).await.unwrap().unwrap().unwrap();
    let _fourth = agent(NodeId::random(), long());
    assert_eq!(world.ask(&id, "hello").await, "hello");
}
