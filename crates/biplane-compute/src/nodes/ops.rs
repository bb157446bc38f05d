//! What happens when nodes come, go and report.

use super::store;
use crate::Compute;
use crate::relay::nodes::Node;
use crate::warehouses::slot::Fate;
use biplane_api::ids::{NodeId, SandboxId};
use biplane_platform::ApiError;
use biplane_proto::v1::SandboxExited;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const CLEAR_AGAIN: Duration = Duration::from_secs(1);

impl Compute {
    /// A node is there: what it still runs and should run is kept, the rest is stopped.
    pub(crate) async fn node_connected(self: &Arc<Self>, node: &Arc<Node>) {
        self.note_seen(node).await;
        let runs: HashMap<&str, u64> = node
            .hello
            .sandboxes
            .iter()
            .map(|sandbox| (sandbox.sandbox_id.as_str(), sandbox.generation))
            .collect();
        let mut known = HashSet::new();
        for slot in self.all_slots() {
            let here: Vec<(SandboxId, i64)> = {
                let live = slot.live.borrow();
                let here = live.members.iter().filter(|member| member.node_id == node.id);
                here.map(|member| (member.id.clone(), member.generation)).collect()
            };
            for (id, generation) in here {
                let generation_there = runs.get(id.as_str()).copied().map(i64::try_from);
                if generation_there != Some(Ok(generation)) {
                    slot.update_member(&id, |member| {
                        member.exited = Some("the node no longer runs it".into());
                    });
                }
                known.insert(id.to_string());
            }
        }
        let for_code = self.code_heed_node(&node.id, &runs);
        known.extend(for_code.into_iter().map(|id| id.to_string()));
        let here = node.hello.sandboxes.iter().filter_map(|one| one.sandbox_id.parse().ok());
        let strangers: Vec<SandboxId> =
            here.filter(|id: &SandboxId| !known.contains(id.as_str())).collect();
        tokio::spawn(self.clone().reaches_tell(node.clone()));
        if strangers.is_empty() {
            node.clearing.store(false, Ordering::Relaxed);
            self.wake_all();
        } else {
            tokio::spawn(self.clone().clear(node.clone(), strangers));
        }
    }

    /// Stops what nobody knows. What it has of the node is given to others only then.
    async fn clear(self: Arc<Self>, node: Arc<Node>, strangers: Vec<SandboxId>) {
        let stops = strangers.iter().map(async |id| {
            tracing::info!(node_id = %node.id, sandbox_id = %id, "stopping a sandbox that nobody knows");
            while let Err(status) = node.stop_sandbox(id, Duration::ZERO).await {
                tracing::warn!(node_id = %node.id, sandbox_id = %id, %status, "a sandbox could not be stopped");
                tokio::time::sleep(CLEAR_AGAIN).await;
            }
        });
        tokio::select! {
            _ = futures::future::join_all(stops) => {}
            () = node.gone() => return,
        }
        node.clearing.store(false, Ordering::Relaxed);
        self.wake_all();
    }

    pub(crate) async fn node_disconnected(self: &Arc<Self>, node: &Node) {
        self.note_seen(node).await;
        self.wake_all();
        // It comes back within its lease, or has ended what it ran by then.
        let (compute, id) = (self.clone(), node.id.clone());
        tokio::spawn(async move {
            tokio::time::sleep(compute.config.lease).await;
            if compute.nodes.get(&id).is_none() {
                // Connections of its sandboxes may look open for longer.
                compute.node_silent(&id);
            }
        });
    }

    /// The node is silent, and will end what it runs when its lease does: nobody waits for that.
    pub(crate) fn node_silent(&self, id: &NodeId) {
        for slot in self.all_slots() {
            let live = slot.live.borrow();
            let here = live.members.iter().filter(|member| member.node_id == *id);
            for engine in here.filter_map(|member| member.engine.as_ref()) {
                engine.cut.cancel();
            }
        }
        self.code_lose_node(id);
    }

    /// Its warehouses go elsewhere, if there is an elsewhere.
    pub(crate) fn node_leaving(&self, node: &Node) {
        tracing::info!(node_id = %node.id, "node leaves");
        node.leaving.store(true, Ordering::Relaxed);
        self.wake_all();
    }

    async fn note_seen(&self, node: &Node) {
        let noted = async {
            let mut tx = self.db.write().await?;
            let draining = store::seen(&mut tx, &node.id, &node.hello, self.clock.now_ms()).await?;
            tx.commit().await?;
            Ok::<_, ApiError>(draining)
        };
        match noted.await {
            Ok(draining) => node.draining.store(draining.unwrap_or(false), Ordering::Relaxed),
            Err(error) => {
                tracing::warn!(node_id = %node.id, %error, cause = ?error.internal, "a node could not be noted");
            }
        }
    }

    pub(crate) fn sandbox_exited(&self, node_id: &NodeId, exit: &SandboxExited) {
        let Ok(id) = exit.sandbox_id.parse::<SandboxId>() else {
            return;
        };
        if self.code_exited(node_id, &id, exit) {
            return;
        }
        let Some(slot) = self.expected_slot(node_id, &id) else {
            return;
        };
        let how = match exit.status {
            _ if exit.out_of_memory => "it used more memory than it may".to_owned(),
            status if status < 0 => format!("signal {}", -status),
            status => format!("exit code {status}"),
        };
        let fate = if exit.out_of_memory { Fate::OutOfMemory } else { Fate::Other };
        tracing::info!(warehouse_id = %slot.id, sandbox_id = %id, how, tail = exit.tail, "an engine ended");
        slot.update_member(&id, |member| {
            member.exited = Some(how);
            member.engine = None;
            member.fate.send_replace(Some(fate));
        });
    }
}
