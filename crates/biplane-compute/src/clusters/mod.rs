//! Clusters: hosts that belong to one of them each, started and ended by a provider.
//!
//! What must hold: what a cluster is and is to be are its row, written before it is answered; every change
//! names the version of the row that it was decided on, so a late one changes nothing; a machine is noted
//! before it is ordered, and what no row knows is ended (`reap`); a host of a cluster runs nothing else.

mod change;
mod deliver;
mod environment;
mod events;
pub(crate) mod hosts;
pub(crate) mod http;
pub(crate) mod keep;
mod libraries;
pub(crate) mod local;
mod log;
pub(crate) mod ops;
mod order;
mod own;
pub(crate) mod pools;
mod prepare;
mod profiles;
mod reap;
mod reasons;
mod scale;
mod scripts;
mod spec;
pub(crate) mod store;
mod use_it;
mod versions;
mod view;

pub(crate) use environment::Environment;
pub(crate) use libraries::{library_check, library_want};
pub(crate) use scale::LOAD_LIFE;
pub(crate) use use_it::{Attached, Workers};
pub(crate) use versions::Engine;
pub(crate) use versions::named as version_named;
pub(crate) use versions::newest as newest_version;

use crate::Compute;
use crate::provider::{NodeType, Place, Provider, ProviderError};
use crate::supplies::Supplies;
use biplane_api::clusters::ClusterLogStatus;
use biplane_api::ids::{ClusterId, InstancePoolId, PrincipalId, WorkspaceId};
use biplane_platform::{ApiError, Ctx, Result};
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The label of a node that is a host of a cluster.
pub const CLUSTER: &str = "cluster";
/// The label of a node that is one of a workspace's own machines; its value is the id.
pub const WORKSPACE: &str = "workspace";
const TYPES_KEPT: Duration = Duration::from_secs(60);

/// Patience with hosts.
#[derive(Debug, Clone)]
pub struct ClusterConfig {
    /// From the order of a machine to its node.
    pub boot_wait: Duration,
    /// For a provider that has too much to do.
    pub launch_wait: Duration,
    /// Before an order is tried again; longer each time.
    pub retry_wait: Duration,
    /// A provider is asked about machines that do not show up this often.
    pub host_poll: Duration,
    /// For one answer of a provider.
    pub answer_wait: Duration,
    /// Machines that nobody owns are looked for this often.
    pub reap_every: Duration,
    /// Logs are delivered this often.
    pub log_every: Duration,
    /// Work for more workers brings them after this long.
    pub grow_after: Duration,
    /// Workers go that have had nothing to do for this long.
    pub shrink_after: Duration,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            boot_wait: Duration::from_secs(600),
            launch_wait: Duration::from_secs(300),
            retry_wait: Duration::from_secs(1),
            host_poll: Duration::from_secs(5),
            answer_wait: Duration::from_secs(120),
            reap_every: Duration::from_secs(60),
            log_every: Duration::from_secs(300),
            grow_after: Duration::from_secs(5),
            shrink_after: Duration::from_secs(150),
        }
    }
}

/// Where the clusters of workspaces run, and who may own one.
#[async_trait::async_trait]
pub trait Places: Send + Sync {
    /// The name of the provider, and the place.
    async fn place(&self, workspace: WorkspaceId) -> Result<(String, Place)>;

    /// Those of all workspaces.
    async fn places(&self) -> Result<Vec<(String, Place)>>;

    /// Whether somebody of this name is in the workspace.
    async fn is_member(&self, workspace: WorkspaceId, name: &str) -> Result<bool>;

    /// The instance profiles that somebody may use there who does not administer the workspace.
    async fn profiles_of(
        &self,
        workspace: WorkspaceId,
        principal: PrincipalId,
    ) -> Result<Vec<String>>;
}

/// What hosts are told of the control plane.
#[derive(Debug, Clone, Default)]
pub struct Home {
    /// `host:port` of the relay.
    pub relay: String,
    /// Where machines get the program from, and the SHA-256 it must have.
    pub program_url: String,
    pub program_sha256: String,
}

/// What a provider said, and when.
type KnownTypes = (Instant, Arc<[NodeType]>);

#[derive(Default)]
pub(crate) struct Clusters {
    providers: RwLock<BTreeMap<String, Arc<dyn Provider>>>,
    places: RwLock<Option<Arc<dyn Places>>>,
    home: RwLock<Home>,
    supplies: RwLock<Option<Arc<dyn Supplies>>>,
    keepers: Mutex<HashMap<ClusterId, Arc<Keeper>>>,
    pool_keepers: Mutex<HashMap<InstancePoolId, Arc<Keeper>>>,
    types: Mutex<HashMap<WorkspaceId, KnownTypes>>,
    /// Where something is being prepared, and what.
    busy: Mutex<HashSet<(ClusterId, &'static str)>>,
    /// What was resolved, and for which generation.
    environments: Mutex<HashMap<ClusterId, (i64, Environment)>>,
    pub(crate) logs: log::Logs,
    /// How the last delivery of logs went.
    log_status: Mutex<HashMap<ClusterId, ClusterLogStatus>>,
    /// When somebody last did something there.
    used: Mutex<HashMap<ClusterId, Instant>>,
    /// Machines ordered before that were ordered by a server before this one.
    began_ms: RwLock<i64>,
}

/// The task of one cluster, or one pool.
#[derive(Default)]
pub(crate) struct Keeper {
    wake: Notify,
    asked: AtomicBool,
}

impl Keeper {
    fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
        self.wake.notify_one();
    }
}

impl Clusters {
    pub fn wake_all(&self) {
        self.keepers.lock().values().for_each(|keeper| keeper.ask());
        self.pool_keepers.lock().values().for_each(|keeper| keeper.ask());
    }

    pub fn used(&self, id: &ClusterId) {
        self.used.lock().insert(id.clone(), Instant::now());
    }

    fn last_used(&self, id: &ClusterId) -> Instant {
        *self.used.lock().entry(id.clone()).or_insert_with(Instant::now)
    }
}

impl Compute {
    /// Who decides where clusters run. Without it, on this machine.
    pub fn set_places(&self, places: Arc<dyn Places>) {
        *self.clusters.places.write() = Some(places);
    }

    /// Where files and people of the workspaces are. Without it hosts get none.
    pub fn set_supplies(&self, supplies: Arc<dyn Supplies>) {
        *self.clusters.supplies.write() = Some(supplies);
    }

    fn supplies(&self) -> Result<Arc<dyn Supplies>> {
        let known = self.clusters.supplies.read().clone();
        known.ok_or_else(|| ApiError::unsupported("Files on hosts of clusters"))
    }

    /// Who owns the cluster: what is read for it, is read as them.
    async fn cluster_owner(&self, row: &store::Cluster) -> Result<Ctx> {
        self.supplies()?.ctx_of(&row.creator_name, row.workspace_id).await
    }

    /// From now on clusters can be. Machines of the workspaces' own are always among the providers.
    pub fn serve_clusters(self: &Arc<Self>, home: Home, providers: Vec<Arc<dyn Provider>>) {
        *self.clusters.home.write() = home;
        *self.clusters.began_ms.write() = self.clock.now_ms();
        let own: Arc<dyn Provider> = Arc::new(own::OwnMachines::new(Arc::downgrade(self)));
        let named = providers.into_iter().chain([own]).map(|one| (one.name().to_owned(), one));
        self.clusters.providers.write().extend(named);
        tokio::spawn(self.clone().clusters_keep(self.db.subscribe()));
        tokio::spawn(self.clone().clusters_reap());
    }

    pub(crate) fn provider(&self, name: &str) -> Result<Arc<dyn Provider>> {
        let found = self.clusters.providers.read().get(name).cloned();
        found.ok_or_else(|| {
            ApiError::unsupported("Starting clusters in this workspace (no hosts can be made)")
        })
    }

    async fn place_of(&self, workspace: WorkspaceId) -> Result<(String, Place)> {
        let places = self.clusters.places.read().clone();
        match places {
            Some(places) => places.place(workspace).await,
            None => {
                let place = Place { workspace_id: workspace.0, ..Place::default() };
                Ok((local::LocalProvider::NAME.into(), place))
            }
        }
    }

    /// Whose machine a node type is, and where.
    async fn source_of(&self, workspace: WorkspaceId, node_type: &str) -> Result<(String, Place)> {
        let (provider, place) = self.place_of(workspace).await?;
        match own::is_own(node_type) {
            true => Ok((own::NAME.into(), place)),
            false => Ok((provider, place)),
        }
    }

    /// What can be had: of the provider, and of the workspace's own machines.
    pub(crate) async fn node_types_of(&self, workspace: WorkspaceId) -> Result<Arc<[NodeType]>> {
        let told = self.node_types_told(workspace).await?;
        told.map_err(|(_, error)| reasons::to_caller(error))
    }

    /// The same; a refusal with the name of the provider.
    async fn node_types_told(
        &self,
        workspace: WorkspaceId,
    ) -> Result<std::result::Result<Arc<[NodeType]>, (String, ProviderError)>> {
        let known = self.clusters.types.lock().get(&workspace).cloned();
        if let Some((at, types)) = known
            && at.elapsed() < TYPES_KEPT
        {
            return Ok(Ok(types.iter().cloned().chain(self.own_types(workspace)).collect()));
        }
        let (name, place) = self.place_of(workspace).await?;
        let asked = match self.provider(&name) {
            Ok(provider) => self.answered(provider.node_types(&place)).await,
            Err(_) => Ok(Vec::new()),
        };
        let mut types = match asked {
            Ok(types) => types,
            Err(error) => return Ok(Err((name, error))),
        };
        types.sort_by(|a, b| a.node_type_id.cmp(&b.node_type_id));
        let types: Arc<[NodeType]> = types.into();
        self.clusters.types.lock().insert(workspace, (Instant::now(), types.clone()));
        Ok(Ok(types.iter().cloned().chain(self.own_types(workspace)).collect()))
    }

    /// With an end to patience.
    async fn answered<T>(
        &self,
        asked: impl Future<Output = crate::provider::ProviderResult<T>>,
    ) -> crate::provider::ProviderResult<T> {
        let wait = self.config.clusters.answer_wait;
        tokio::time::timeout(wait, asked).await.unwrap_or_else(|_| Err(reasons::silent()))
    }
}
