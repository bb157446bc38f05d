//! The executors of a runtime of Apache Spark: a sandbox on every worker of its cluster, and the mesh that
//! joins them with the driver.
//!
//! What must hold: they are of one user as the driver is, end with it and with their host, and nobody but
//! they and the driver are in their mesh, so what they say to each other needs no other secret.

use super::CodeSandbox;
use crate::Compute;
use crate::clusters::{Attached, Workers};
use crate::mesh::{MeshMember, Told};
use biplane_api::clusters::ClusterLogStream;
use biplane_api::ids::{NodeId, SandboxId};
use biplane_api::mesh::SPARK_PORTS;
use biplane_platform::Result;
use biplane_proto::v1::SparkProgram;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Workers come and go, and executors end.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Before one is started again where another has ended.
const AGAIN: Duration = Duration::from_secs(5);

/// Whose executor.
#[derive(Debug, Clone)]
pub struct Executes {
    driver: SandboxId,
    number: u32,
}

impl Executes {
    pub fn program(&self) -> SparkProgram {
        let driver = self.driver.to_string();
        SparkProgram { driver, executor: self.number, has_executors: false }
    }
}

#[derive(Default)]
struct Executors {
    by_host: HashMap<NodeId, Arc<CodeSandbox>>,
    /// Where one ended.
    ended_at: HashMap<NodeId, Instant>,
    /// How many there have been.
    count: u32,
    told: Told,
}

impl Compute {
    /// Has executors of this driver on all workers, until it ends.
    pub(super) async fn executors_keep(self: Arc<Self>, driver: Arc<CodeSandbox>) {
        let Some(on) = driver.cluster.clone() else { return };
        let mut executors = Executors::default();
        let started = async {
            tokio::select! {
                () = driver.started.cancelled() => true,
                () = driver.closed.cancelled() => false,
                () = self.stop.cancelled() => false,
            }
        };
        let mut runs = started.await;
        while runs {
            if let Err(error) = self.executors_look(&driver, &on, &mut executors).await {
                tracing::warn!(sandbox_id = %driver.id, %error, cause = ?error.internal, "executors could not be looked after");
            }
            runs = tokio::select! {
                () = driver.closed.cancelled() => false,
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => true,
            };
        }
        for executor in executors.by_host.values() {
            executor.end("The Spark runtime ended.");
        }
    }

    async fn executors_look(
        self: &Arc<Self>,
        driver: &Arc<CodeSandbox>,
        on: &Attached,
        executors: &mut Executors,
    ) -> Result<()> {
        let Some(Workers { any, ready }) = self.cluster_workers(on).await? else {
            // It ends, and everything on it.
            return Ok(());
        };
        if any != on.has_workers {
            let text = match on.has_workers {
                true => "The cluster has no workers any more: Spark starts anew, on the driver.",
                false => "The cluster has workers now: Spark starts anew, with them.",
            };
            driver.end(text);
            return Ok(());
        }
        executors.by_host.retain(|host, executor| {
            let stays = ready.iter().any(|(known, _)| known == host);
            if !stays {
                executor.end("Its host left the cluster.");
            }
            if executor.closed.is_cancelled() {
                executors.ended_at.insert(host.clone(), Instant::now());
            }
            !executor.closed.is_cancelled()
        });
        executors.ended_at.retain(|_, at| at.elapsed() < AGAIN);
        for (node_id, size) in ready {
            let Some(node) = self.nodes.get(&node_id) else { continue };
            if node.hello.mesh_address.is_empty() {
                let text = "The hosts of the cluster do not reach each other: Apache Spark needs agents that are started with --mesh-listen.";
                self.clusters.logs.write(&on.id, ClusterLogStream::Stderr, &format!("{text}\n"));
                driver.end(text);
                return Ok(());
            }
            if executors.by_host.contains_key(&node_id) || executors.ended_at.contains_key(&node_id)
            {
                continue;
            }
            executors.count += 1;
            let executes = Executes { driver: driver.id.clone(), number: executors.count };
            let place = Attached { driver: node_id.clone(), size, ..on.clone() };
            let now = self.clock.now_ms();
            let made = Arc::new(CodeSandbox::of_executor(driver, place, executes, now));
            self.code.sandboxes.lock().insert(made.id.clone(), made.clone());
            tokio::spawn(self.clone().code_keep(made.clone()));
            executors.by_host.insert(node_id, made);
        }
        self.executors_join(driver, on, executors).await
    }

    /// Tells the nodes who is in the mesh: those that run.
    async fn executors_join(
        &self,
        driver: &CodeSandbox,
        on: &Attached,
        executors: &mut Executors,
    ) -> Result<()> {
        if !on.has_workers {
            return Ok(());
        }
        let member = |sandbox: &CodeSandbox| {
            let node_id = sandbox.node_id().filter(|_| sandbox.started.is_cancelled())?;
            Some(MeshMember { sandbox_id: sandbox.id.clone(), node_id })
        };
        let mut members: Vec<MeshMember> = member(driver).into_iter().collect();
        members.extend(executors.by_host.values().filter_map(|executor| member(executor)));
        members.sort_by(|a, b| a.sandbox_id.cmp(&b.sandbox_id));
        let name = format!("spark-{}", driver.id);
        // Whoever could not be told is told with the next look.
        self.mesh_tell(driver.workspace_id, &name, members, &SPARK_PORTS, &mut executors.told)
            .await
            .map(|_| ())
    }
}
