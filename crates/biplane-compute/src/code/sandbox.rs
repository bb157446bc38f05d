//! The sandbox of one user's interpreters, or of a runtime: placed, started, awaited, stopped.

use super::Code;
use super::executors::Executes;
use super::runtime::{Owner, Runtime};
use crate::Compute;
use crate::clusters::{Attached, Engine};
use crate::nodes::place::Given;
use crate::relay::nodes::Node;
use biplane_api::ids::{NodeId, PrincipalId, SandboxId, WarehouseId, WorkspaceId};
use biplane_platform::{ApiError, ErrorCode, Principal, Result};
use biplane_proto::v1::start_sandbox_request::Program;
use biplane_proto::v1::{
    ClusterShare, Limits, PythonProgram, Reach, RuntimeProgram, SparkProgram, StartSandboxRequest,
};
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Code as Answer;

/// Where the node has it.
const WANTED: Given = Given { cpu_millis: 2000, memory_bytes: 2 << 30 };
const WANTED_BY_RUNTIME: Given = Given { cpu_millis: 4000, memory_bytes: 4 << 30 };
/// The first sandbox of a host waits for its runtime to be built.
const START_MAX: Duration = Duration::from_secs(600);
const AGAIN: Duration = Duration::from_millis(500);
const CONNECT_MAX: Duration = Duration::from_secs(30);
/// Java takes its time on a host that has much to do.
const CONNECT_MAX_OF_SPARK: Duration = Duration::from_secs(180);
const ORDERS_MAX: usize = 1024;
const STOP_GRACE: Duration = Duration::ZERO;

pub struct CodeSandbox {
    pub id: SandboxId,
    pub workspace_id: WorkspaceId,
    pub principal_id: PrincipalId,
    pub user_name: String,
    /// Where `biplane.sql` runs.
    pub warehouse_id: Option<WarehouseId>,
    pub created_at: i64,
    /// None: serverless, on any node.
    pub cluster: Option<Attached>,
    /// None: it holds interpreters.
    pub runtime: Option<Runtime>,
    /// It works for a runtime of Apache Spark, on a worker.
    pub executes: Option<Executes>,
    /// It prepares a host of its cluster, and this is who hears what it says.
    pub prepares: Option<mpsc::Sender<Value>>,
    /// Why it ended, for its user.
    pub fate: Mutex<Option<String>>,
    place: Mutex<Option<(NodeId, Given)>>,
    /// For the interpreter's end of the connection, from before it is there.
    pub orders: mpsc::Sender<Value>,
    /// Taken by the first connection; there is no second.
    pub inbox: Mutex<Option<mpsc::Receiver<Value>>>,
    /// Its node runs it.
    pub started: CancellationToken,
    pub connected: CancellationToken,
    /// The node's word about its end.
    pub exited: watch::Sender<Option<String>>,
    /// Everything of it ends.
    pub closed: CancellationToken,
}

impl CodeSandbox {
    pub fn new(
        workspace_id: WorkspaceId,
        principal: &Principal,
        warehouse_id: Option<WarehouseId>,
        cluster: Option<&Attached>,
        created_at: i64,
    ) -> Self {
        let whose = (workspace_id, principal.id, principal.name.clone());
        Self { cluster: cluster.cloned(), ..Self::made(whose, warehouse_id, created_at, None) }
    }

    pub fn of_runtime(owner: &Owner, created_at: i64) -> Self {
        let whose = (owner.workspace_id, owner.principal_id, owner.user_name.clone());
        let made = Self::made(whose, None, created_at, Some(Runtime::new()));
        Self { cluster: owner.cluster.clone(), ..made }
    }

    /// On a worker, which `on` names.
    pub fn of_executor(
        driver: &CodeSandbox,
        on: Attached,
        executes: Executes,
        created_at: i64,
    ) -> Self {
        let whose = (driver.workspace_id, driver.principal_id, driver.user_name.clone());
        let made = Self::made(whose, None, created_at, None);
        Self { cluster: Some(on), executes: Some(executes), ..made }
    }

    /// It is a runtime, by Apache Spark.
    pub fn drives(&self) -> bool {
        let engine = self.cluster.as_ref().map(|on| on.engine);
        self.runtime.is_some() && engine == Some(Engine::ApacheSpark)
    }

    fn made(
        (workspace_id, principal_id, user_name): (WorkspaceId, PrincipalId, String),
        warehouse_id: Option<WarehouseId>,
        created_at: i64,
        runtime: Option<Runtime>,
    ) -> Self {
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        Self {
            id: SandboxId::random(),
            workspace_id,
            principal_id,
            user_name,
            warehouse_id,
            created_at,
            cluster: None,
            runtime,
            executes: None,
            prepares: None,
            fate: Mutex::default(),
            place: Mutex::default(),
            orders,
            inbox: Mutex::new(Some(inbox)),
            started: CancellationToken::new(),
            connected: CancellationToken::new(),
            exited: watch::Sender::new(None),
            closed: CancellationToken::new(),
        }
    }

    pub fn node_id(&self) -> Option<NodeId> {
        self.place.lock().as_ref().map(|(node_id, _)| node_id.clone())
    }

    /// Where, and what it was given there.
    pub fn placed(&self) -> Option<(NodeId, Given)> {
        self.place.lock().clone()
    }

    pub fn starting(&self) -> bool {
        !self.connected.is_cancelled()
    }

    /// What it is to its user.
    fn what(&self) -> &'static str {
        match (&self.runtime, &self.executes) {
            (Some(_), _) => "Spark runtime",
            (None, Some(_)) => "Spark executor",
            (None, None) => "Python sandbox",
        }
    }

    /// Ends it, with a reason for its user.
    pub fn end(&self, reason: &str) {
        self.fate.lock().get_or_insert_with(|| reason.to_owned());
        self.closed.cancel();
    }

    fn wanted(&self) -> Given {
        if let Some(cluster) = &self.cluster {
            let Given { cpu_millis, memory_bytes } = cluster.size;
            let half = memory_bytes / 2;
            let memory_bytes = match self.prepares {
                Some(_) => half.min(WANTED.memory_bytes),
                None => half,
            };
            return Given { cpu_millis, memory_bytes };
        }
        if self.runtime.is_some() { WANTED_BY_RUNTIME } else { WANTED }
    }

    fn request(&self, given: Given, reach: Option<Reach>) -> StartSandboxRequest {
        let Given { cpu_millis, memory_bytes } = given;
        let program = match (&self.runtime, &self.executes) {
            (None, Some(executes)) => Program::Spark(executes.program()),
            (None, None) => Program::Python(PythonProgram {}),
            (Some(_), _) if self.drives() => Program::Spark(SparkProgram {
                has_executors: self.cluster.as_ref().is_some_and(|on| on.has_workers),
                ..SparkProgram::default()
            }),
            (Some(_), _) => Program::Runtime(RuntimeProgram {}),
        };
        let resource_id = self.cluster.as_ref().map_or(super::CLUSTER, |on| on.id.as_str());
        let cluster = self.cluster.as_ref().map(|on| ClusterShare {
            name: format!("{}-{}", on.id, on.generation),
            prepares: self.prepares.is_some(),
        });
        StartSandboxRequest {
            sandbox_id: self.id.to_string(),
            generation: 1,
            workspace_id: self.workspace_id.0,
            resource_id: resource_id.to_owned(),
            program: Some(program),
            limits: Some(Limits { cpu_millis, memory_bytes }),
            reach,
            cluster,
        }
    }

    /// False: it does not listen, and will be ended.
    pub fn order(&self, order: Value) -> bool {
        let sent = self.orders.try_send(order).is_ok();
        if !sent {
            self.closed.cancel();
        }
        sent
    }
}

impl Compute {
    /// Refuses where no Python can come from.
    pub(super) fn code_possible(&self) -> Result<()> {
        let nodes = self.nodes.all();
        match nodes.is_empty() || nodes.iter().any(has_python) {
            true => Ok(()),
            false => {
                Err(ApiError::unsupported("Running Python (no compute node has an interpreter)"))
            }
        }
    }

    /// From its placement to its end.
    pub(super) async fn code_keep(self: Arc<Self>, sandbox: Arc<CodeSandbox>) {
        let reason = tokio::select! {
            () = self.stop.cancelled() => return,
            () = sandbox.closed.cancelled() => String::new(),
            started = self.code_start(&sandbox) => match started {
                Ok(()) => {
                    tokio::select! {
                        () = self.stop.cancelled() => return,
                        () = sandbox.closed.cancelled() => {}
                    }
                    String::new()
                }
                Err(reason) => reason,
            },
        };
        let known = sandbox.fate.lock().clone();
        let reason = match (reason.is_empty(), known, sandbox.exited.borrow().clone()) {
            (false, ..) => reason,
            (true, Some(known), _) => known,
            (true, None, Some(told)) => format!("The {} ended: {told}.", sandbox.what()),
            (true, None, None) => format!("The {} was lost.", sandbox.what()),
        };
        sandbox.end(&reason);
        self.code_lost(&sandbox, &reason);
        let node = sandbox.node_id().and_then(|id| self.nodes.get(&id));
        if let Some(node) = node
            && let Err(status) = node.stop_sandbox(&sandbox.id, STOP_GRACE).await
        {
            // The node's lease ends it, or its return: nobody knows it then.
            tracing::warn!(sandbox_id = %sandbox.id, %status, "a sandbox could not be stopped");
        }
        self.code.sandboxes.lock().remove(&sandbox.id);
    }

    async fn code_start(&self, sandbox: &Arc<CodeSandbox>) -> Result<(), String> {
        let internal = |error: ApiError| {
            tracing::warn!(%error, cause = ?error.internal, "a sandbox for code could not be placed");
            format!("The {} could not be started.", sandbox.what())
        };
        let tenancy = self.tenancy(sandbox.workspace_id).await.map_err(internal)?;
        let (mut node_due, due) =
            (Instant::now() + self.config.node_wait, Instant::now() + START_MAX);
        loop {
            // Where it was tried before counts no longer.
            sandbox.place.lock().take();
            let reserve = |node: Arc<Node>, given| {
                *sandbox.place.lock() = Some((node.id.clone(), given));
                (node, given)
            };
            let workspace = sandbox.workspace_id;
            let wanted = sandbox.wanted();
            let placed = match &sandbox.cluster {
                Some(cluster) => self.place_on(workspace, &cluster.driver, wanted, reserve),
                None => self.place(workspace, &tenancy, wanted, has_python, reserve),
            };
            let (node, given) = match placed {
                Ok(placed) => placed,
                Err(no) if Instant::now() >= node_due => return Err(no.summary()),
                Err(_) => {
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
            };
            let reach = self.reach_of(sandbox.workspace_id).await.map_err(internal)?;
            let request = sandbox.request(given, reach);
            let status = match node.start_sandbox(request).await {
                Ok(()) => break,
                Err(status) => status,
            };
            match status.code() {
                // The runtime is being built there.
                Answer::Unavailable if Instant::now() < due => {
                    node_due = Instant::now() + self.config.node_wait;
                    tokio::time::sleep(AGAIN).await;
                }
                Answer::Unimplemented | Answer::Aborted | Answer::Unavailable => {
                    let what = if sandbox.drives() || sandbox.executes.is_some() {
                        "Apache Spark"
                    } else {
                        "Python"
                    };
                    return Err(format!("{what} is not available: {}.", status.message()));
                }
                _ => {
                    tracing::warn!(sandbox_id = %sandbox.id, %status, "a sandbox for code could not be started");
                    return Err(format!("The {} could not be started.", sandbox.what()));
                }
            }
        }
        sandbox.started.cancel();
        if sandbox.executes.is_some() {
            // It speaks with its driver alone.
            sandbox.connected.cancel();
        }
        let patience = if sandbox.drives() { CONNECT_MAX_OF_SPARK } else { CONNECT_MAX };
        let mut exited = sandbox.exited.subscribe();
        tokio::select! {
            biased;
            () = sandbox.connected.cancelled() => Ok(()),
            told = exited.wait_for(Option::is_some) => {
                let why = told.ok().and_then(|told| told.clone()).unwrap_or_default();
                Err(format!("The {} ended: {why}.", sandbox.what()))
            }
            () = tokio::time::sleep(patience) => {
                Err(format!("The {} did not connect in time.", sandbox.what()))
            }
        }
    }

    /// Contexts of a sandbox that is gone.
    fn code_lost(&self, sandbox: &CodeSandbox, reason: &str) {
        let of = |context: &&Arc<super::Context>| {
            context.sandbox.as_ref().is_some_and(|own| own.id == sandbox.id)
        };
        let contexts: Vec<_> = self.code.contexts.lock().values().filter(of).cloned().collect();
        for context in contexts {
            context.fail(reason);
        }
    }
}

impl Code {
    /// The user's, made when there is none that lives. True: it is new.
    pub(super) fn sandbox_of(
        &self,
        workspace_id: WorkspaceId,
        principal: &Principal,
        warehouse_id: Option<WarehouseId>,
        cluster: Option<&Attached>,
        now_ms: i64,
    ) -> (Arc<CodeSandbox>, bool) {
        let mut sandboxes = self.sandboxes.lock();
        let own = |sandbox: &&Arc<CodeSandbox>| {
            sandbox.workspace_id == workspace_id
                && sandbox.principal_id == principal.id
                && sandbox.cluster.as_ref().map(|on| (&on.id, &on.driver))
                    == cluster.map(|on| (&on.id, &on.driver))
                && sandbox.runtime.is_none()
                && sandbox.executes.is_none()
                && sandbox.prepares.is_none()
                && !sandbox.closed.is_cancelled()
        };
        if let Some(found) = sandboxes.values().find(own) {
            return (found.clone(), false);
        }
        let made =
            Arc::new(CodeSandbox::new(workspace_id, principal, warehouse_id, cluster, now_ms));
        sandboxes.insert(made.id.clone(), made.clone());
        (made, true)
    }
}

pub(super) fn has_python(node: &Arc<Node>) -> bool {
    !node.hello.python.is_empty()
}

/// For those who ask in vain.
pub(super) fn too_many(what: &str, limit: usize) -> ApiError {
    ApiError::new(
        ErrorCode::ResourceExhausted,
        format!("{what} at most {limit} contexts at a time."),
    )
}
