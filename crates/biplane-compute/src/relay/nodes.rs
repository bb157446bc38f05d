//! Connected nodes: who they are, how they do, what they are told.

use super::{Guarded, Refused};
use crate::Compute;
use crate::nodes::admission::NotAdmitted;
use crate::nodes::store::NodeRow;
use crate::nodes::usage::Beat;
use biplane_api::ids::{NodeId, SandboxId};
use biplane_proto::preface::{Agent, Refusal, Verdict};
use biplane_proto::v1::node_client::NodeClient;
use biplane_proto::v1::node_event::Event;
use biplane_proto::v1::{
    Hello, NodeEvent, Reach, RenewRequest, SetGrantedRequest, SetMeshRequest, SetReachRequest,
    StartSandboxRequest, StopSandboxRequest, WatchRequest,
};
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
const START_TIMEOUT: Duration = Duration::from_secs(15);
const REACH_TIMEOUT: Duration = Duration::from_secs(5);
/// The clock may be set meanwhile.
const EXPIRY_LOOK: Duration = Duration::from_secs(60);
/// On top of the grace: killing and cleaning up.
const STOP_MARGIN: Duration = Duration::from_secs(5);

/// A node that is connected now.
pub(crate) struct Node {
    pub id: NodeId,
    /// Nodes of one host share its memory.
    pub host_id: NodeId,
    pub admission: String,
    pub agent: Agent,
    /// As it was let in, whatever it says.
    pub region: String,
    pub labels: BTreeMap<String, String>,
    pub hello: Hello,
    pub beat: Mutex<Beat>,
    /// It said that it ends: nothing more is placed on it.
    pub leaving: AtomicBool,
    /// The operator wants nothing more there.
    pub draining: AtomicBool,
    /// It still runs what nobody knows: that is stopped first.
    pub clearing: AtomicBool,
    client: NodeClient<Channel>,
    cut: CancellationToken,
}

impl Node {
    pub async fn start_sandbox(&self, request: StartSandboxRequest) -> Result<(), tonic::Status> {
        let mut client = self.client.clone();
        tokio::time::timeout(START_TIMEOUT, client.start_sandbox(request))
            .await
            .map_err(|_| tonic::Status::deadline_exceeded("the node did not answer in time"))?
            .map(|_| ())
    }

    pub async fn stop_sandbox(&self, id: &SandboxId, grace: Duration) -> Result<(), tonic::Status> {
        let mut client = self.client.clone();
        let grace_ms = u32::try_from(grace.as_millis()).unwrap_or(u32::MAX);
        let request = StopSandboxRequest { sandbox_id: id.to_string(), grace_ms };
        tokio::time::timeout(grace + STOP_MARGIN, client.stop_sandbox(request))
            .await
            .map_err(|_| tonic::Status::deadline_exceeded("the node did not answer in time"))?
            .map(|_| ())
    }

    pub async fn set_reach(&self, reach: Reach) -> Result<(), tonic::Status> {
        let mut client = self.client.clone();
        let request = SetReachRequest { reach: Some(reach) };
        tokio::time::timeout(REACH_TIMEOUT, client.set_reach(request))
            .await
            .map_err(|_| tonic::Status::deadline_exceeded("the node did not answer in time"))?
            .map(|_| ())
    }

    /// Sandboxes may be placed on it.
    pub fn takes(&self) -> bool {
        !self.empties() && !self.clears()
    }

    /// What nobody knows is being ended there.
    pub fn clears(&self) -> bool {
        self.clearing.load(Ordering::Relaxed)
    }

    /// What runs on it goes elsewhere.
    pub fn empties(&self) -> bool {
        self.leaving.load(Ordering::Relaxed) || self.draining.load(Ordering::Relaxed)
    }

    /// For one that is forgotten whatever comes of it: a node that does not answer has to come back, and
    /// is then told to stop what nobody knows.
    pub async fn stop_or_cut(&self, id: &SandboxId) {
        if let Err(status) = self.stop_sandbox(id, Duration::ZERO).await {
            tracing::warn!(node_id = %self.id, sandbox_id = %id, %status, "a sandbox could not be stopped");
            self.cut();
        }
    }

    pub async fn set_granted(&self, request: SetGrantedRequest) -> Result<(), tonic::Status> {
        let mut client = self.client.clone();
        tokio::time::timeout(REACH_TIMEOUT, client.set_granted(request))
            .await
            .map_err(|_| tonic::Status::deadline_exceeded("the node did not answer in time"))?
            .map(|_| ())
    }

    pub async fn set_mesh(&self, request: SetMeshRequest) -> Result<(), tonic::Status> {
        let mut client = self.client.clone();
        tokio::time::timeout(REACH_TIMEOUT, client.set_mesh(request))
            .await
            .map_err(|_| tonic::Status::deadline_exceeded("the node did not answer in time"))?
            .map(|_| ())
    }

    /// Ends the connection; the node comes back by itself.
    pub fn cut(&self) {
        self.cut.cancel();
    }

    /// Its connection has ended.
    pub async fn gone(&self) {
        self.cut.cancelled().await;
    }
}

/// All nodes connected to this replica.
#[derive(Default)]
pub(crate) struct Nodes(RwLock<HashMap<NodeId, Arc<Node>>>);

impl Nodes {
    pub fn get(&self, id: &NodeId) -> Option<Arc<Node>> {
        self.0.read().get(id).cloned()
    }

    /// It is connected, and what runs on it may stay.
    pub fn stays(&self, id: &NodeId) -> bool {
        self.get(id).is_some_and(|node| !node.empties())
    }

    pub fn all(&self) -> Vec<Arc<Node>> {
        self.0.read().values().cloned().collect()
    }

    /// A node has one connection: the newer one wins, for the older may be dead without knowing.
    fn enter(&self, node: Arc<Node>) {
        if let Some(older) = self.0.write().insert(node.id.clone(), node) {
            older.cut();
        }
    }

    fn leave(&self, node: &Arc<Node>) {
        let mut nodes = self.0.write();
        if nodes.get(&node.id).is_some_and(|current| Arc::ptr_eq(current, node)) {
            nodes.remove(&node.id);
        }
    }
}

/// Speaks with a node until its connection ends.
pub(super) async fn serve(
    compute: &Arc<Compute>,
    mut stream: TlsStream<TcpStream>,
    row: NodeRow,
    agent: Agent,
) -> Result<(), Refused> {
    let id = &row.id;
    let welcome = Verdict::Welcome.write(&mut stream);
    tokio::time::timeout(HELLO_TIMEOUT, welcome).await.map_err(|_| Refused::Silent)??;
    let cut = compute.stop.child_token();
    let _cut = cut.clone().drop_guard();
    let stream = Guarded::new(stream, cut.clone(), CancellationToken::new());
    let mut client = NodeClient::new(biplane_proto::channel::over(stream).await?);
    let lease_ms = u32::try_from(compute.config.lease.as_millis()).unwrap_or(u32::MAX);
    let first = async {
        let mut events = client.watch(WatchRequest { lease_ms }).await?.into_inner();
        let first = events.message().await?.and_then(|event| event.event);
        Ok::<_, tonic::Status>((events, first))
    };
    let (events, first) =
        tokio::time::timeout(HELLO_TIMEOUT, first).await.map_err(|_| Refused::Silent)??;
    let Some(Event::Hello(hello)) = first else {
        return Err(tonic::Status::failed_precondition("its first event is not hello").into());
    };
    compute.agent_enters(&row, &agent).await?;
    let node = Arc::new(Node {
        id: id.clone(),
        host_id: row.host_id.clone(),
        admission: row.admission.clone(),
        agent,
        region: row.region.clone(),
        labels: row.labels.clone(),
        hello,
        beat: Mutex::default(),
        leaving: AtomicBool::new(false),
        draining: AtomicBool::new(row.draining),
        clearing: AtomicBool::new(true),
        client,
        cut: cut.clone(),
    });
    compute.nodes.enter(node.clone());
    compute.node_connected(&node).await;
    // It may have been removed while it came in.
    compute.node_changed(id).await;
    // Several may wait for the database: none is left alone while another does.
    let result = tokio::select! {
        () = cut.cancelled() => Ok(()),
        () = expired(compute, id) => {
            compute.node_silent(id);
            Err(NotAdmitted::Node(Refusal::Expired).into())
        }
        error = renew(compute, &node, lease_ms) => {
            compute.node_silent(id);
            Err(error.into())
        }
        ended = heed(compute, &node, events) => ended.map_err(Into::into),
    };
    compute.nodes.leave(&node);
    compute.node_disconnected(&node).await;
    result
}

/// What the node tells, until it hangs up.
async fn heed(
    compute: &Arc<Compute>,
    node: &Node,
    mut events: tonic::Streaming<NodeEvent>,
) -> Result<(), tonic::Status> {
    while let Some(event) = events.message().await? {
        match event.event {
            Some(Event::SandboxExited(exit)) => compute.sandbox_exited(&node.id, &exit),
            Some(Event::Leaving(_)) => compute.node_leaving(node),
            Some(Event::Outbound(tried)) => compute.outbound_tried(&node.id, tried).await,
            Some(Event::Hello(_)) | None => {}
        }
    }
    Ok(())
}

/// Returns when the node let its certificate expire.
async fn expired(compute: &Compute, id: &NodeId) {
    loop {
        let wait = match compute.certificate_expires_at(id).await {
            Ok(Some(at)) => u64::try_from(at - compute.clock.now_ms()).unwrap_or(0),
            Ok(None) => 0,
            Err(error) => {
                tracing::warn!(node_id = %id, %error, "the certificate of a node could not be looked at");
                1000
            }
        };
        if wait == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(wait).min(EXPIRY_LOOK)).await;
    }
}

/// Renews the lease three times within it. Returns when the node does not answer.
async fn renew(compute: &Compute, node: &Node, lease_ms: u32) -> tonic::Status {
    let mut client = node.client.clone();
    let third = Duration::from_millis(lease_ms.into()) / 3;
    loop {
        let renewed =
            tokio::time::timeout(third * 2, client.renew(RenewRequest { lease_ms })).await;
        match renewed {
            Ok(Ok(heartbeat)) => compute.node_beats(node, heartbeat.into_inner()),
            Ok(Err(status)) => return status,
            Err(_) => return tonic::Status::deadline_exceeded("the node does not answer"),
        }
        tokio::time::sleep(third).await;
    }
}
