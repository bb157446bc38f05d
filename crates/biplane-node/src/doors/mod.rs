//! The doors to the outside of this node's sandboxes: what each may reach, and what was tried.
//!
//! What must hold: a sandbox whose workspace nobody spoke of reaches nothing; a change reaches every
//! running sandbox of its workspace before the call that brought it is answered.

mod convert;

use crate::mesh::Mesh;
use biplane_api::ids::{SandboxId, WorkspaceId};
use biplane_api::network::EgressProduct;
use biplane_doors::egress::Egress;
use biplane_doors::storage::{
    Client, ClientError, Files, Grant, Roots, Storage, Store, Stores, Whose,
};
use biplane_doors::{EventLog, Identity, Limits, Meter, Operator, Outside, Policy, Recorder};
use biplane_forwarder::{EGRESS_DOOR, MESH_DOOR, STORAGE_DOOR};
use biplane_proto::v1;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use convert::ReachError;

/// Told at one time.
const EVENTS_MAX: usize = 200;

/// What every sandbox of this node shares of the outside.
pub struct Doors {
    outside: Arc<dyn Outside>,
    client: Client,
    log: Arc<EventLog>,
    operator: Operator,
    mesh: Mesh,
    files: Arc<Roots>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    reaches: HashMap<WorkspaceId, Reach>,
    open: HashMap<SandboxId, Open>,
}

/// As the control plane last said it.
#[derive(Clone)]
struct Reach {
    version: u64,
    egress: biplane_api::network::EgressPolicy,
    stores: Arc<Stores>,
}

struct Open {
    workspace_id: WorkspaceId,
    product: EgressProduct,
    policy: watch::Sender<Arc<Policy>>,
    stores: watch::Sender<Arc<Stores>>,
    /// None: all that its workspace has.
    granted: Option<Granted>,
    meters: Meters,
}

/// To a Spark runtime, with what it was asked to open so far.
#[derive(Default)]
struct Granted {
    version: u64,
    objects: Vec<Grant>,
    files: Option<Store>,
}

impl Granted {
    fn stores(&self, reach: Option<&Reach>) -> Arc<Stores> {
        let mut stores =
            reach.map(|reach| reach.stores.narrowed(&self.objects)).unwrap_or_default();
        stores.0.extend(self.files.clone());
        Arc::new(stores)
    }
}

impl Open {
    /// What is behind its storage door.
    fn stores(&self, reach: Option<&Reach>) -> Arc<Stores> {
        match &self.granted {
            Some(granted) => granted.stores(reach),
            None => reach.map(|reach| reach.stores.clone()).unwrap_or_default(),
        }
    }
}

/// What runs in a sandbox, as far as its doors are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inside {
    Engine,
    /// Code of users, which reaches data through engines.
    Code,
    /// Code of users, which reaches the tables that the catalog opened for it.
    Runtime,
}

/// Of each door of a sandbox.
#[derive(Clone, Default)]
struct Meters {
    egress: Arc<Meter>,
    storage: Arc<Meter>,
    mesh: Arc<Meter>,
}

impl Doors {
    /// `files`: where local tables lie, that runtimes may be given.
    pub fn new(
        outside: Arc<dyn Outside>,
        operator: Operator,
        mesh: Mesh,
        files: Arc<Roots>,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            client: Client::through(outside.clone())?,
            outside,
            log: Arc::default(),
            operator,
            mesh,
            files,
            state: Mutex::default(),
        })
    }

    /// Opens the doors of a sandbox in `dir`; they close with `closed`. Python has no storage door: it
    /// reaches data through engines and runtimes.
    pub fn open(
        self: &Arc<Self>,
        dir: &Path,
        identity: Identity,
        inside: Inside,
        closed: CancellationToken,
    ) -> io::Result<()> {
        let egress = biplane_doors::open(dir, EGRESS_DOOR)?;
        let mesh = biplane_doors::open(dir, MESH_DOOR)?;
        let whose = match inside {
            Inside::Engine => Some(Whose::Engine),
            Inside::Runtime => Some(Whose::Runtime(Files::new(self.files.clone()))),
            Inside::Code => None,
        };
        let storage = match whose {
            Some(whose) => Some((biplane_doors::open(dir, STORAGE_DOOR)?, whose)),
            None => None,
        };
        let sandbox_id = identity.sandbox_id.clone();
        let meters = Meters::default();
        let (policy, stores) = self.enter(&identity, inside, &meters);
        let recorder = Arc::new(Recorder::new(identity, self.log.clone()));
        self.mesh.keep(recorder.clone(), mesh, meters.mesh, closed.clone());
        let limits = Limits::default();
        if let Some((listener, whose)) = storage {
            let door = Storage {
                recorder: recorder.clone(),
                stores,
                limits: limits.clone(),
                meter: meters.storage,
                client: self.client.clone(),
                whose,
            };
            tokio::spawn(Arc::new(door).keep(listener, closed.clone()));
        }
        let (meter, outside) = (meters.egress, self.outside.clone());
        let door = Egress { recorder, policy, limits, meter, outside };
        tokio::spawn(Arc::new(door).keep(egress, closed.clone()));
        let doors = self.clone();
        tokio::spawn(async move {
            closed.cancelled().await;
            doors.state.lock().open.remove(&sandbox_id);
        });
        Ok(())
    }

    /// Takes the sandbox among those that hear of changes.
    fn enter(
        &self,
        identity: &Identity,
        inside: Inside,
        meters: &Meters,
    ) -> (watch::Receiver<Arc<Policy>>, watch::Receiver<Arc<Stores>>) {
        let Identity { sandbox_id, workspace_id, product } = identity.clone();
        let mut state = self.state.lock();
        let reach = state.reaches.get(&workspace_id);
        let (policy, policy_now) = watch::channel(Arc::new(self.policy(reach, product)));
        let granted = (inside == Inside::Runtime).then(Granted::default);
        let (stores, stores_now) = watch::channel(Arc::default());
        let open = Open { workspace_id, product, policy, stores, granted, meters: meters.clone() };
        open.stores.send_replace(open.stores(reach));
        state.open.insert(sandbox_id, open);
        (policy_now, stores_now)
    }

    /// What went through the egress and the storage door of a sandbox.
    pub fn traffic(&self, id: &SandboxId) -> Option<(v1::Traffic, v1::Traffic)> {
        let state = self.state.lock();
        let open = state.open.get(id)?;
        let Meters { egress, storage, .. } = &open.meters;
        Some((convert::traffic(egress.usage()), convert::traffic(storage.usage())))
    }

    /// What went through its mesh door.
    pub fn mesh_traffic(&self, id: &SandboxId) -> Option<v1::Traffic> {
        self.state.lock().open.get(id).map(|open| convert::traffic(open.meters.mesh.usage()))
    }

    pub fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    fn policy(&self, reach: Option<&Reach>, product: EgressProduct) -> Policy {
        let egress = reach.map_or_else(convert::nothing, |reach| reach.egress.clone());
        Policy { egress, product, operator: self.operator.clone() }
    }

    /// Holds at once for sandboxes that run, and for those that start later.
    pub fn set(&self, reach: v1::Reach) -> Result<(), ReachError> {
        let workspace_id = WorkspaceId(reach.workspace_id);
        let reach = convert::reach(reach)?;
        let mut state = self.state.lock();
        if state.reaches.get(&workspace_id).is_some_and(|known| known.version > reach.version) {
            return Ok(());
        }
        for open in state.open.values().filter(|open| open.workspace_id == workspace_id) {
            open.policy.send_replace(Arc::new(self.policy(Some(&reach), open.product)));
            open.stores.send_replace(open.stores(Some(&reach)));
        }
        state.reaches.insert(workspace_id, reach);
        Ok(())
    }

    /// All that a runtime may touch now. False: there is none of this name.
    pub fn grant(&self, id: &SandboxId, request: v1::SetGrantedRequest) -> bool {
        let mut state = self.state.lock();
        let State { reaches, open } = &mut *state;
        let Some(open) = open.get_mut(id) else {
            return false;
        };
        let Some(granted) = open.granted.as_mut() else {
            return false;
        };
        if granted.version < request.version {
            granted.version = request.version;
            let (objects, files) = convert::granted(request);
            (granted.objects, granted.files) = (objects, Some(files));
            open.stores.send_replace(open.stores(reaches.get(&open.workspace_id)));
        }
        true
    }

    /// A control plane that comes back counts from the start.
    pub fn forget_versions(&self) {
        for reach in self.state.lock().reaches.values_mut() {
            reach.version = 0;
        }
    }

    /// Waits for something to tell.
    pub async fn events(&self) -> v1::OutboundAccesses {
        let events = self.log.take(EVENTS_MAX).await;
        v1::OutboundAccesses { accesses: events.into_iter().map(convert::access).collect() }
    }
}
