//! The gRPC service that the agent offers the control plane.

use crate::host;
use crate::lease::Lease;
use crate::python::PythonError;
use crate::sandboxes::{Sandboxes, StartError};
use biplane_api::ids::SandboxId;
use biplane_doors::mesh::OrderError;
use biplane_proto::v1::node_server::Node;
use biplane_proto::v1::{
    Heartbeat, NodeEvent, RenewRequest, SetGrantedRequest, SetGrantedResponse, SetMeshRequest,
    SetMeshResponse, SetReachRequest, SetReachResponse, StartSandboxRequest, StartSandboxResponse,
    StopSandboxRequest, StopSandboxResponse, WatchRequest,
};
use futures::StreamExt;
use futures::stream::BoxStream;
use std::sync::Arc;
use std::time::Duration;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

/// However patient the control plane is, a sandbox ends within this.
const GRACE_MAX: Duration = Duration::from_secs(30);

pub struct NodeService {
    sandboxes: Arc<Sandboxes>,
    lease: Arc<Lease>,
}

impl NodeService {
    pub fn new(sandboxes: Arc<Sandboxes>, lease: Arc<Lease>) -> Self {
        Self { sandboxes, lease }
    }
}

#[tonic::async_trait]
impl Node for NodeService {
    type WatchStream = BoxStream<'static, Result<NodeEvent, Status>>;

    async fn watch(
        &self,
        request: Request<WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        self.lease.renew(request.get_ref().lease_ms);
        self.sandboxes.doors().forget_versions();
        let events = self.sandboxes.watch();
        Ok(Response::new(ReceiverStream::new(events).map(Ok).boxed()))
    }

    async fn renew(&self, request: Request<RenewRequest>) -> Result<Response<Heartbeat>, Status> {
        self.lease.renew(request.get_ref().lease_ms);
        Ok(Response::new(Heartbeat {
            memory_available_bytes: host::memory_available_bytes(),
            load1: host::load1(),
            sandboxes: self.sandboxes.usage(),
            prestarted: u32::try_from(self.sandboxes.prestarted()).unwrap_or(u32::MAX),
        }))
    }

    async fn start_sandbox(
        &self,
        request: Request<StartSandboxRequest>,
    ) -> Result<Response<StartSandboxResponse>, Status> {
        let request = request.into_inner();
        let id = parse(&request.sandbox_id)?;
        let sandboxes = self.sandboxes.clone();
        // In a task of its own: a caller that goes away must not leave half a sandbox.
        let started = tokio::spawn(async move { sandboxes.start(id, request).await });
        match started.await {
            Ok(Ok(())) => Ok(Response::new(StartSandboxResponse {})),
            Ok(Err(error)) => Err(status(&error)),
            Err(error) => Err(Status::internal(error.to_string())),
        }
    }

    async fn stop_sandbox(
        &self,
        request: Request<StopSandboxRequest>,
    ) -> Result<Response<StopSandboxResponse>, Status> {
        let request = request.get_ref();
        let id = parse(&request.sandbox_id)?;
        let grace = Duration::from_millis(request.grace_ms.into()).min(GRACE_MAX);
        self.sandboxes.stop(&id, grace).await;
        Ok(Response::new(StopSandboxResponse {}))
    }

    async fn set_reach(
        &self,
        request: Request<SetReachRequest>,
    ) -> Result<Response<SetReachResponse>, Status> {
        if let Some(reach) = request.into_inner().reach {
            let set = self.sandboxes.doors().set(reach);
            set.map_err(|error| Status::invalid_argument(error.to_string()))?;
        }
        Ok(Response::new(SetReachResponse {}))
    }

    async fn set_mesh(
        &self,
        request: Request<SetMeshRequest>,
    ) -> Result<Response<SetMeshResponse>, Status> {
        let SetMeshRequest { sandbox_id, membership } = request.into_inner();
        let told = self.sandboxes.doors().mesh().tell(&parse(&sandbox_id)?, membership);
        told.map_err(|error| match error {
            OrderError::Gone => Status::not_found(error.to_string()),
            _ => Status::invalid_argument(error.to_string()),
        })?;
        Ok(Response::new(SetMeshResponse {}))
    }

    async fn set_granted(
        &self,
        request: Request<SetGrantedRequest>,
    ) -> Result<Response<SetGrantedResponse>, Status> {
        let request = request.into_inner();
        match self.sandboxes.doors().grant(&parse(&request.sandbox_id)?, request) {
            true => Ok(Response::new(SetGrantedResponse {})),
            false => Err(Status::not_found("no Spark runtime of this name runs here")),
        }
    }
}

/// An id becomes a directory's name: nothing but an id will do.
fn parse(id: &str) -> Result<SandboxId, Status> {
    id.parse().map_err(|_| Status::invalid_argument("sandbox_id is not a sandbox id"))
}

fn status(error: &StartError) -> Status {
    // It is asked again and again until that is done, which the build tells.
    if !matches!(error, StartError::Python(PythonError::Building(_))) {
        tracing::warn!(error = error as &dyn std::error::Error, "a sandbox could not be started");
    }
    let source =
        std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    let text = format!("{error}{source}");
    match error {
        StartError::Full => Status::resource_exhausted(text),
        StartError::Generation => Status::failed_precondition(text),
        StartError::NoProgram | StartError::Share | StartError::Reach(_) => {
            Status::invalid_argument(text)
        }
        StartError::Python(PythonError::Absent(_) | PythonError::NoSpark(_)) => {
            Status::unimplemented(text)
        }
        StartError::Closing | StartError::Python(PythonError::Building(_)) => {
            Status::unavailable(text)
        }
        StartError::Python(PythonError::Failed(_)) => Status::aborted(text),
        StartError::Python(PythonError::Io(_))
        | StartError::Dir(_)
        | StartError::Spawn(_)
        | StartError::Interrupted(_) => Status::internal(text),
    }
}
