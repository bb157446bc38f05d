//! Hosts for the operator, who is an admin of the account: the list, emptying one.

use super::store;
use super::usage::{self, SandboxSeen};
use crate::Compute;
use biplane_api::compute::{NodeInfo, NodeList, NodeSandbox, NodeState};
use biplane_api::ids::NodeId;
use biplane_platform::{ApiError, Ctx, Result, page};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 1000;

fn missing(id: &NodeId) -> ApiError {
    ApiError::not_found(format!("Node {id} does not exist."))
}

impl Compute {
    pub async fn node_list(
        &self,
        ctx: &Ctx,
        size: Option<i64>,
        token: Option<&str>,
    ) -> Result<NodeList> {
        ctx.require_account_admin()?;
        let limit = page::size(size, PAGE_DEFAULT, PAGE_MAX)?;
        let after: String = page::decode(token)?.unwrap_or_default();
        let rows = store::after(&mut self.db.read().await?, &after, limit + 1).await?;
        let (rows, next_page_token) = page::cut(rows, limit, |row| row.id.to_string());
        let seen = self.sandboxes_seen();
        let nodes = rows.into_iter().map(|row| self.node_view(row, &seen)).collect();
        Ok(NodeList { nodes, next_page_token })
    }

    /// Nothing new is placed there; what runs goes elsewhere, or ends when it has nothing to do.
    pub async fn node_drain(self: &Arc<Self>, ctx: &Ctx, id: &NodeId) -> Result<NodeInfo> {
        self.node_set(ctx, id, true).await
    }

    pub async fn node_resume(self: &Arc<Self>, ctx: &Ctx, id: &NodeId) -> Result<NodeInfo> {
        self.node_set(ctx, id, false).await
    }

    async fn node_set(
        self: &Arc<Self>,
        ctx: &Ctx,
        id: &NodeId,
        draining: bool,
    ) -> Result<NodeInfo> {
        ctx.require_account_admin()?;
        let mut tx = self.db.write().await?;
        if !store::drain(&mut tx, id, draining).await? {
            return Err(missing(id));
        }
        let row = store::get(&mut tx, id).await?.ok_or_else(|| missing(id))?;
        tx.commit().await?;
        self.node_heed(id, draining);
        Ok(self.node_view(row, &self.sandboxes_seen()))
    }

    pub(super) fn node_heed(&self, id: &NodeId, draining: bool) {
        let Some(node) = self.nodes.get(id) else {
            return;
        };
        if node.draining.swap(draining, Ordering::Relaxed) != draining {
            tracing::info!(node_id = %id, draining, "the operator changed a node");
            self.wake_all();
        }
    }

    fn node_view(&self, row: store::NodeRow, seen: &[SandboxSeen]) -> NodeInfo {
        let node = self.nodes.get(&row.id);
        let beat = node.as_ref().map(|node| {
            let beat = node.beat.lock();
            (beat.heartbeat.clone(), beat.age())
        });
        let here = seen.iter().filter(|sandbox| sandbox.node_id == row.id);
        let sandboxes = here.map(sandbox_view).collect();
        let age = beat.as_ref().and_then(|(_, age)| *age);
        let heard =
            age.map(|age| self.clock.now_ms() - i64::try_from(age.as_millis()).unwrap_or(0));
        let heartbeat = beat.map(|(heartbeat, _)| heartbeat);
        let leaving = node.as_ref().is_some_and(|node| node.leaving.load(Ordering::Relaxed));
        NodeInfo {
            connected: node.is_some(),
            state: match node.as_ref().is_some_and(|node| !node.clears()) {
                false => NodeState::Lost,
                true if leaving || row.draining => NodeState::Draining,
                true => NodeState::Ready,
            },
            draining: row.draining,
            leaving,
            isolation_reasons: row.isolation_reasons,
            memory_available_bytes: heartbeat
                .as_ref()
                .map(|beat| i64::try_from(beat.memory_available_bytes).unwrap_or(i64::MAX)),
            load1: heartbeat.as_ref().map(|beat| beat.load1),
            prestarted: heartbeat.as_ref().map(|beat| i64::from(beat.prestarted)),
            python: node.map(|node| node.hello.python.clone()).filter(|text| !text.is_empty()),
            sandboxes,
            id: row.id,
            host_id: row.host_id,
            certificate_expires_at: row.certificate_expires_at,
            version: row.version,
            isolation: row.isolation,
            region: row.region,
            labels: row.labels,
            cpus: row.cpus,
            memory_bytes: row.memory_bytes,
            last_seen_at: heard.unwrap_or(row.last_seen_at),
        }
    }
}

fn sandbox_view(seen: &SandboxSeen) -> NodeSandbox {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let usage = seen.usage.as_ref();
    NodeSandbox {
        sandbox_id: seen.id.to_string(),
        kind: seen.kind,
        workspace_id: seen.workspace_id,
        warehouse_id: seen.warehouse_id.clone(),
        created_at: seen.created_at,
        cpu_millis: i64::from(seen.given.cpu_millis),
        memory_bytes_max: number(seen.given.memory_bytes),
        memory_bytes: usage.map(|usage| number(usage.memory_bytes)),
        processes: usage.map(|usage| i64::from(usage.processes)),
        cpu_ms: usage.map(|usage| number(usage.cpu_ms)),
        cpu_cores: seen.cpu_cores,
        egress: usage.and_then(|usage| usage.egress.as_ref()).map(usage::told),
        storage: usage.and_then(|usage| usage.storage.as_ref()).map(usage::told),
    }
}
