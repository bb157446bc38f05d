//! What sandboxes use, from the heartbeats of their nodes: for the operator's pages and for Prometheus.
//!
//! What must hold: a node speaks of its own sandboxes alone; labels of metrics are words of ours.

use super::place::Given;
use crate::Compute;
use crate::relay::nodes::Node;
use biplane_api::compute::{SandboxKind, SandboxTraffic};
use biplane_api::ids::{NodeId, SandboxId, WarehouseId, WorkspaceId};
use biplane_platform::metrics::registered;
use biplane_proto::v1::{Heartbeat, SandboxUsage, Traffic};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use std::collections::HashMap;
use std::sync::LazyLock;
use std::sync::atomic::AtomicU64;
use tokio::time::Instant;

/// A sandbox as this replica knows it, and what its node last said of it.
#[derive(Debug, Clone)]
pub(crate) struct SandboxSeen {
    pub id: SandboxId,
    pub node_id: NodeId,
    pub workspace_id: WorkspaceId,
    pub kind: SandboxKind,
    /// Of an engine.
    pub warehouse_id: Option<WarehouseId>,
    pub created_at: i64,
    pub given: Given,
    pub usage: Option<SandboxUsage>,
    /// Processors kept busy between the last two heartbeats.
    pub cpu_cores: Option<f32>,
}

/// The last heartbeat of a node, and what the one before makes of it.
#[derive(Debug, Default)]
pub(crate) struct Beat {
    pub heartbeat: Heartbeat,
    at: Option<Instant>,
    cores: HashMap<String, f32>,
}

impl Beat {
    pub fn usage(&self, id: &SandboxId) -> Option<&SandboxUsage> {
        self.heartbeat.sandboxes.iter().find(|usage| usage.sandbox_id == id.as_str())
    }

    /// How long ago it came.
    pub fn age(&self) -> Option<std::time::Duration> {
        self.at.map(|at| at.elapsed())
    }

    pub fn cores(&self, id: &SandboxId) -> Option<f32> {
        self.cores.get(id.as_str()).copied()
    }

    /// Takes the next one; gives what was used between the two. What ran before the first one was
    /// counted, if at all, by a server before this.
    pub fn next(
        &mut self,
        now: Instant,
        heartbeat: Heartbeat,
        ran_before: &[&str],
    ) -> Vec<SandboxUsage> {
        let since = self.at.replace(now).map(|at| now.duration_since(at).as_secs_f32());
        let before = std::mem::replace(&mut self.heartbeat, heartbeat).sandboxes;
        let before: HashMap<&str, &SandboxUsage> =
            before.iter().map(|usage| (usage.sandbox_id.as_str(), usage)).collect();
        let (mut used, mut cores) = (Vec::new(), HashMap::new());
        for usage in &self.heartbeat.sandboxes {
            let id = usage.sandbox_id.as_str();
            let spent = match before.get(id) {
                Some(before) => difference(usage, before),
                None if since.is_none() && ran_before.contains(&id) => continue,
                None => usage.clone(),
            };
            if let (Some(seconds), true) = (since.filter(|s| *s > 0.0), before.contains_key(id)) {
                cores.insert(id.to_owned(), spent.cpu_ms as f32 / 1000.0 / seconds);
            }
            used.push(spent);
        }
        self.cores = cores;
        used
    }
}

fn difference(now: &SandboxUsage, before: &SandboxUsage) -> SandboxUsage {
    let traffic = |now: &Option<Traffic>, before: &Option<Traffic>| {
        let before = before.unwrap_or_default();
        now.map(|now| Traffic {
            bytes_sent: now.bytes_sent.saturating_sub(before.bytes_sent),
            bytes_received: now.bytes_received.saturating_sub(before.bytes_received),
            allowed: now.allowed.saturating_sub(before.allowed),
            denied: now.denied.saturating_sub(before.denied),
        })
    };
    SandboxUsage {
        cpu_ms: now.cpu_ms.saturating_sub(before.cpu_ms),
        egress: traffic(&now.egress, &before.egress),
        storage: traffic(&now.storage, &before.storage),
        mesh: traffic(&now.mesh, &before.mesh),
        ..now.clone()
    }
}

/// As the API says it.
pub(crate) fn told(traffic: &Traffic) -> SandboxTraffic {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    SandboxTraffic {
        bytes_sent: number(traffic.bytes_sent),
        bytes_received: number(traffic.bytes_received),
        allowed: number(traffic.allowed),
        denied: number(traffic.denied),
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Door {
    kind: &'static str,
    door: &'static str,
    /// `sent` or `received` of bytes, `allowed` or `denied` of connections.
    way: &'static str,
}

struct Figures {
    nodes: Gauge,
    prestarted: Gauge,
    sandboxes: Family<Of, Gauge>,
    processes: Family<Of, Gauge>,
    memory: Family<Of, Gauge>,
    cpu: Family<Of, Counter<f64, AtomicU64>>,
    bytes: Family<Door, Counter>,
    connections: Family<Door, Counter>,
}

static FIGURES: LazyLock<Figures> = LazyLock::new(|| Figures {
    nodes: registered(
        "nodes_connected",
        "Compute nodes connected to this server.",
        Gauge::default(),
    ),
    prestarted: registered(
        "engines_prestarted",
        "Engines started ahead that belong to nobody yet.",
        Gauge::default(),
    ),
    sandboxes: registered("sandboxes", "Sandboxes on connected nodes.", Family::default()),
    processes: registered("sandbox_processes", "Processes in sandboxes.", Family::default()),
    memory: registered("sandbox_memory_bytes", "Memory that sandboxes use.", Family::default()),
    cpu: registered(
        "sandbox_cpu_seconds",
        "Processor time that sandboxes used.",
        Family::default(),
    ),
    bytes: registered(
        "sandbox_door_bytes",
        "Bytes through the doors of sandboxes.",
        Family::default(),
    ),
    connections: registered(
        "sandbox_door_connections",
        "Connections (storage: requests) that doors let through or refused.",
        Family::default(),
    ),
});

fn word(kind: SandboxKind) -> &'static str {
    match kind {
        SandboxKind::Engine => "engine",
        SandboxKind::Code => "code",
    }
}

fn count_traffic(kind: &'static str, door: &'static str, traffic: Option<Traffic>) {
    let Some(traffic) = traffic else {
        return;
    };
    let label = |way| Door { kind, door, way };
    for (way, bytes) in [("sent", traffic.bytes_sent), ("received", traffic.bytes_received)] {
        FIGURES.bytes.get_or_create(&label(way)).inc_by(bytes);
    }
    for (way, number) in [("allowed", traffic.allowed), ("denied", traffic.denied)] {
        FIGURES.connections.get_or_create(&label(way)).inc_by(number);
    }
}

impl Compute {
    /// All sandboxes that were placed and not seen to end.
    pub(crate) fn sandboxes_seen(&self) -> Vec<SandboxSeen> {
        let mut seen = Vec::new();
        for slot in self.all_slots() {
            let live = slot.live.borrow();
            seen.extend(live.members.iter().map(|member| SandboxSeen {
                id: member.id.clone(),
                node_id: member.node_id.clone(),
                workspace_id: slot.workspace_id,
                kind: SandboxKind::Engine,
                warehouse_id: Some(slot.id.clone()),
                created_at: member.created_at,
                given: member.given,
                usage: None,
                cpu_cores: None,
            }));
        }
        for sandbox in self.code.all() {
            let Some((node_id, given)) = sandbox.placed() else { continue };
            seen.push(SandboxSeen {
                id: sandbox.id.clone(),
                node_id,
                workspace_id: sandbox.workspace_id,
                kind: SandboxKind::Code,
                warehouse_id: None,
                created_at: sandbox.created_at,
                given,
                usage: None,
                cpu_cores: None,
            });
        }
        for sandbox in &mut seen {
            if let Some(node) = self.nodes.get(&sandbox.node_id) {
                let beat = node.beat.lock();
                sandbox.usage = beat.usage(&sandbox.id).cloned();
                sandbox.cpu_cores = beat.cores(&sandbox.id);
            }
        }
        seen
    }

    /// A heartbeat came.
    pub(crate) fn node_beats(&self, node: &Node, heartbeat: Heartbeat) {
        let ran: Vec<&str> =
            node.hello.sandboxes.iter().map(|sandbox| sandbox.sandbox_id.as_str()).collect();
        let used = node.beat.lock().next(Instant::now(), heartbeat, &ran);
        let seen = self.sandboxes_seen();
        let kinds: HashMap<&str, SandboxKind> = seen
            .iter()
            .filter(|sandbox| sandbox.node_id == node.id)
            .map(|sandbox| (sandbox.id.as_str(), sandbox.kind))
            .collect();
        for usage in used {
            let Some(kind) = kinds.get(usage.sandbox_id.as_str()).map(|kind| word(*kind)) else {
                continue;
            };
            FIGURES.cpu.get_or_create(&Of { kind }).inc_by(usage.cpu_ms as f64 / 1000.0);
            count_traffic(kind, "egress", usage.egress);
            count_traffic(kind, "storage", usage.storage);
            count_traffic(kind, "mesh", usage.mesh);
        }
        self.figures_now(&seen);
    }

    /// What is, beside what was used.
    pub(crate) fn figures_now(&self, seen: &[SandboxSeen]) {
        let nodes = self.nodes.all();
        let number = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
        FIGURES.nodes.set(number(nodes.len()));
        let prestarted = |node: &std::sync::Arc<Node>| node.beat.lock().heartbeat.prestarted;
        FIGURES.prestarted.set(nodes.iter().map(prestarted).map(i64::from).sum());
        for kind in [SandboxKind::Engine, SandboxKind::Code] {
            let these = || seen.iter().filter(|sandbox| sandbox.kind == kind);
            let usages = || these().filter_map(|sandbox| sandbox.usage.as_ref());
            let memory: u64 = usages().map(|usage| usage.memory_bytes).sum();
            let of = Of { kind: word(kind) };
            FIGURES.sandboxes.get_or_create(&of).set(number(these().count()));
            FIGURES.memory.get_or_create(&of).set(i64::try_from(memory).unwrap_or(i64::MAX));
            FIGURES
                .processes
                .get_or_create(&of)
                .set(usages().map(|usage| i64::from(usage.processes)).sum());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(id: &str, cpu_ms: u64, denied: u64) -> Heartbeat {
        let egress = Some(Traffic { denied, ..Traffic::default() });
        let usage = SandboxUsage { sandbox_id: id.into(), cpu_ms, egress, ..Default::default() };
        Heartbeat { sandboxes: vec![usage], ..Heartbeat::default() }
    }

    #[test]
    fn what_is_used_between_heartbeats_is_counted_once() {
        let mut beats = Beat::default();
        let now = Instant::now();
        assert!(beats.next(now, beat("old", 5000, 9), &["old"]).is_empty());
        let later = now + std::time::Duration::from_secs(10);
        let used = beats.next(later, beat("old", 20_000, 11), &["old"]);
        assert_eq!((used[0].cpu_ms, used[0].egress.unwrap().denied), (15_000, 2));
        assert_eq!(beats.cores.get("old"), Some(&1.5));
        let used = beats.next(later, beat("new", 100, 1), &["old"]);
        assert_eq!((used[0].cpu_ms, used[0].egress.unwrap().denied), (100, 1));
        assert!(!beats.cores.contains_key("new"));
    }
}
