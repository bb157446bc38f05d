//! Serverless for code: contexts and commands of users, in sandboxes that are never an engine's.
//!
//! What must hold: a sandbox is one user's in one workspace and is destroyed after use; it reaches data
//! through the statement API alone, as that user, with tokens bound to it; contexts live in memory, and
//! whatever ends their sandbox ends them with a reason. A server that starts again knows none, and the
//! nodes are told to stop what it does not know.

mod catalog;
mod context;
mod executors;
mod frames;
mod granted;
mod http;
mod link;
mod ops;
mod prepare;
mod result;
mod runtime;
mod sandbox;
mod spark;
mod version;

pub(crate) use http::routes;
pub(crate) use prepare::{Preparer, Ran, Run};
pub(crate) use sandbox::CodeSandbox;
pub(crate) use spark::routes as spark_routes;
pub use spark::{PREFIX as SPARK_PREFIX, refusal as spark_refusal};

use crate::Compute;
use axum::Router;
use biplane_api::clusters::ClusterLogStream;
use biplane_api::ids::{ClusterId, NodeId, SandboxId, WarehouseId, WorkspaceId};
use biplane_platform::statement_token::StatementTokens;
use biplane_platform::{Ctx, Result};
use biplane_proto::v1::SandboxExited;
use context::Context;
use parking_lot::{Mutex, RwLock};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The `clusterId` of all of this.
pub(crate) const CLUSTER: &str = "serverless";
/// A context that nobody uses ends.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// Of the 32 of an id.
const TAG_CHARS: usize = 8;
const SWEEP: Duration = Duration::from_secs(30);

/// Who runs SQL for a context.
#[async_trait::async_trait]
pub trait SqlRunner: Send + Sync {
    async fn run(
        &self,
        ctx: &Ctx,
        warehouse: &WarehouseId,
        statement: &str,
        rows_max: u64,
        cancel: CancellationToken,
    ) -> Result<SqlTable>;
}

#[derive(Debug, Clone, Default)]
pub struct SqlTable {
    /// Name and type.
    pub columns: Vec<(String, String)>,
    pub rows: Vec<Vec<Value>>,
    pub truncated: bool,
}

pub(crate) struct Code {
    /// What the ids of contexts of this server begin with, from its start to its end.
    tag: String,
    tokens: StatementTokens,
    sql: RwLock<Option<Arc<dyn SqlRunner>>>,
    /// What sandboxes may call.
    calls: RwLock<Option<Router>>,
    sandboxes: Mutex<HashMap<SandboxId, Arc<CodeSandbox>>>,
    contexts: Mutex<HashMap<String, Arc<Context>>>,
}

impl Code {
    pub fn new(tokens: StatementTokens) -> Self {
        let (sql, calls, sandboxes, contexts) = Default::default();
        let mut tag = uuid::Uuid::new_v4().simple().to_string();
        tag.truncate(TAG_CHARS);
        Self { tag, tokens, sql, calls, sandboxes, contexts }
    }

    /// For a context of this server.
    fn context_id(&self) -> String {
        let random = uuid::Uuid::new_v4().simple().to_string();
        format!("{}{}", self.tag, &random[TAG_CHARS..])
    }

    /// It is the id of a context, and this server did not give it.
    fn is_elsewhere(&self, context_id: &str) -> bool {
        let shaped = context_id.len() == 32 && context_id.bytes().all(|b| b.is_ascii_hexdigit());
        shaped && !context_id.starts_with(&self.tag)
    }

    pub fn all(&self) -> Vec<Arc<CodeSandbox>> {
        self.sandboxes.lock().values().cloned().collect()
    }

    pub fn on(&self, node_id: &NodeId) -> Vec<Arc<CodeSandbox>> {
        let mut found = self.all();
        found.retain(|sandbox| sandbox.node_id().as_ref() == Some(node_id));
        found
    }

    pub fn get(&self, node_id: &NodeId, id: &SandboxId) -> Option<Arc<CodeSandbox>> {
        let found = self.sandboxes.lock().get(id).cloned()?;
        (found.node_id().as_ref() == Some(node_id)).then_some(found)
    }

    /// The same for one that has something to say here: an executor has not.
    pub fn speaker(&self, node_id: &NodeId, id: &SandboxId) -> Option<Arc<CodeSandbox>> {
        self.get(node_id, id).filter(|sandbox| sandbox.executes.is_none())
    }
}

impl Compute {
    /// Without it contexts take no SQL.
    pub fn set_sql_runner(&self, runner: Arc<dyn SqlRunner>) {
        *self.code.sql.write() = Some(runner);
    }

    /// A node is there: what it should run and does not is lost.
    pub(crate) fn code_heed_node(
        &self,
        node_id: &NodeId,
        runs: &HashMap<&str, u64>,
    ) -> Vec<SandboxId> {
        let mut known = Vec::new();
        for sandbox in self.code.on(node_id) {
            if !sandbox.starting() && !runs.contains_key(sandbox.id.as_str()) {
                sandbox.exited.send_replace(Some("its node no longer runs it".into()));
                sandbox.closed.cancel();
            }
            known.push(sandbox.id.clone());
        }
        known
    }

    /// A node is gone, or as good as: nobody waits for what ran there.
    pub(crate) fn code_lose_node(&self, node_id: &NodeId) {
        for sandbox in self.code.on(node_id) {
            sandbox.exited.send_replace(Some("its node does not answer".into()));
            sandbox.closed.cancel();
        }
    }

    /// False: it was none of these.
    pub(crate) fn code_exited(
        &self,
        node_id: &NodeId,
        id: &SandboxId,
        exit: &SandboxExited,
    ) -> bool {
        let Some(sandbox) = self.code.get(node_id, id) else {
            return false;
        };
        let reason = match (exit.out_of_memory, exit.status) {
            (true, _) => "it used more memory than it may".to_owned(),
            (false, status) if status < 0 => format!("it was ended by signal {}", -status),
            (false, status) => format!("it ended with exit code {status}"),
        };
        tracing::info!(sandbox_id = %id, reason, tail = exit.tail, "an interpreter's sandbox ended");
        if let (Some(cluster), None) = (&sandbox.cluster, &sandbox.prepares) {
            let text = format!("A sandbox of {} ended: {reason}\n", sandbox.user_name);
            self.clusters.logs.write(&cluster.id, ClusterLogStream::Stderr, &text);
        }
        sandbox.exited.send_replace(Some(reason));
        if sandbox.executes.is_some() {
            // It has no connection whose end would be seen.
            sandbox.closed.cancel();
        }
        true
    }

    /// What runs for a workspace that goes.
    pub(crate) fn code_forget(&self, workspace: WorkspaceId) {
        let of = |context: &Arc<Context>| context.workspace_id == workspace;
        let gone: Vec<_> =
            self.code.contexts.lock().values().filter(|one| of(one)).cloned().collect();
        for context in gone {
            self.code_end(&context, "The workspace was deleted.");
        }
        self.code.end_runtimes_of(workspace);
    }

    /// How long nobody has used contexts and runtimes on a cluster; None = there are none.
    pub(crate) fn code_idle(&self, cluster: &ClusterId) -> Option<Duration> {
        let contexts = self.code.contexts.lock();
        let on = contexts.values().filter(|context| context.is_on(cluster));
        let of_contexts = on.map(|context| context.idle_for()).min();
        of_contexts.into_iter().chain(self.code.runtime_idle(cluster)).min()
    }

    /// What runs on a cluster that ends.
    pub(crate) fn code_leave_cluster(&self, cluster: &ClusterId, reason: &str) {
        let on = |context: &&Arc<Context>| context.is_on(cluster);
        let gone: Vec<_> = self.code.contexts.lock().values().filter(on).cloned().collect();
        for context in gone {
            self.code_end(&context, reason);
        }
        for sandbox in self.code.all() {
            if sandbox.cluster.as_ref().is_some_and(|on| on.id == *cluster) {
                sandbox.end(reason);
            }
        }
    }

    /// Ends contexts and runtimes that nobody uses, until the service stops.
    pub(crate) async fn code_sweep(self: Arc<Self>) {
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(SWEEP) => {}
            }
            let all: Vec<_> = self.code.contexts.lock().values().cloned().collect();
            for context in all.into_iter().filter(|context| context.idle_for() >= IDLE) {
                self.code_end(&context, "The context was not used for a while.");
            }
            self.code.end_idle_runtimes();
            self.granted_sweep().await;
        }
    }
}
