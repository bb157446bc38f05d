//! Compute: SQL warehouses, clusters, the nodes that run them, the relay that nodes connect to.
//!
//! What must hold: what is wanted of a warehouse is in the database before it is answered; what runs
//! follows it, whatever ends in between; no sandbox runs that no row knows; the control plane never
//! dials a node; a statement on a running warehouse costs no database access here.

pub mod ca;
mod clusters;
mod code;
mod mesh;
mod nodes;
mod policies;
pub mod provider;
mod relay;
mod state;
mod supplies;
mod system;
mod warehouses;

pub use ca::{CaError, NodeName, RelayCa, SigningRequest, node_of};
pub use clusters::local::{
    InNetwork, LocalHosts, LocalNetworks, LocalProvider, NetworkedHost, StartError,
};
pub use clusters::{CLUSTER, ClusterConfig, Home, Places, WORKSPACE};
pub use code::{SPARK_PREFIX, SqlRunner, SqlTable, spark_refusal};
pub use nodes::accesses::AccessFilter;
pub use nodes::outbound::OutboundRow;
pub use nodes::place::{DEDICATED, Tenancies, Tenancy, WorkspaceLimits};
pub use nodes::reach::{Reach, ReachGrant, ReachStore, Reaches};
pub use nodes::sandboxes::SandboxFilter;
pub use nodes::tokens::NewNode;
pub use supplies::{Encryption, FileBytes, InBucket, Supplies};
pub use warehouses::acquire::{AcquireRequest, EngineLease};

use axum::Router;
use biplane_api::ids::{NodeId, SandboxId, WarehouseId};
use biplane_platform::db::Change;
use biplane_platform::statement_token::StatementTokens;
use biplane_platform::{Clock, Db, Migration};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use warehouses::slot::Slot;

/// Tables of this crate.
pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "compute_0001", sql: include_str!("../migrations/0001_compute.sql") },
    Migration { name: "compute_0002", sql: include_str!("../migrations/0002_placement.sql") },
    Migration { name: "compute_0003", sql: include_str!("../migrations/0003_outbound.sql") },
    Migration { name: "compute_0004", sql: include_str!("../migrations/0004_given.sql") },
    Migration { name: "compute_0005", sql: include_str!("../migrations/0005_seen.sql") },
    Migration {
        name: "compute_0006",
        sql: include_str!("../migrations/0006_warehouse_changes.sql"),
    },
    Migration { name: "compute_0010", sql: include_str!("../migrations/0010_admission.sql") },
    Migration { name: "compute_0011", sql: include_str!("../migrations/0011_clusters.sql") },
    Migration { name: "compute_0012", sql: include_str!("../migrations/0012_policies.sql") },
    Migration { name: "compute_0013", sql: include_str!("../migrations/0013_libraries.sql") },
    Migration { name: "compute_0014", sql: include_str!("../migrations/0014_init_scripts.sql") },
    Migration { name: "compute_0015", sql: include_str!("../migrations/0015_pools.sql") },
    Migration {
        name: "compute_0016",
        sql: include_str!("../migrations/0016_instance_profiles.sql"),
    },
    Migration { name: "compute_0017", sql: include_str!("../migrations/0017_comply.sql") },
];

/// Patience. The defaults are for production; tests have less.
#[derive(Debug, Clone)]
pub struct ComputeConfig {
    /// A node that hears nothing for this long kills what it runs.
    pub lease: Duration,
    /// From the start of a sandbox to the connection of its engine.
    pub engine_wait: Duration,
    /// For a lost engine connection, or a lost node, to come back.
    pub reconnect_wait: Duration,
    /// For a node to be there when a warehouse is to start.
    pub node_wait: Duration,
    /// For statements on an engine that is to be replaced.
    pub drain_wait: Duration,
    /// Between SIGTERM and SIGKILL.
    pub stop_grace: Duration,
    /// Before the second attempt of a start; longer before the third.
    pub retry_wait: Duration,
    /// The first statement of a queue waits this long before another engine is started for it.
    pub scale_out_wait: Duration,
    /// An engine more than the least has nothing to do for this long before it ends.
    pub scale_in_wait: Duration,
    /// Statements that wait for one warehouse; more are refused.
    pub queue_max: usize,
    pub workspace_limits: WorkspaceLimits,
    /// How long a certificate of a node is good for; it is renewed after two thirds of it.
    pub node_certificate: Duration,
    /// What `auto_stop_mins` counts.
    pub minute: Duration,
    pub clusters: ClusterConfig,
}

impl Default for ComputeConfig {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            engine_wait: Duration::from_secs(30),
            reconnect_wait: Duration::from_secs(5),
            node_wait: Duration::from_secs(60),
            drain_wait: Duration::from_secs(30),
            stop_grace: Duration::from_secs(2),
            retry_wait: Duration::from_millis(200),
            scale_out_wait: Duration::from_millis(500),
            scale_in_wait: Duration::from_secs(120),
            queue_max: 1000,
            workspace_limits: WorkspaceLimits::default(),
            node_certificate: Duration::from_secs(86_400),
            minute: Duration::from_secs(60),
            clusters: ClusterConfig::default(),
        }
    }
}

/// The compute service.
pub struct Compute {
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) config: ComputeConfig,
    pub(crate) stop: CancellationToken,
    pub(crate) nodes: relay::nodes::Nodes,
    /// Held while a node is chosen and what it gives is counted.
    pub(crate) placing: Mutex<()>,
    pub(crate) authority: OnceLock<Arc<RelayCa>>,
    /// Which admission of a node holds; what is not here is in the database.
    pub(crate) admissions: RwLock<HashMap<NodeId, String>>,
    slots: RwLock<HashMap<WarehouseId, Arc<Slot>>>,
    /// Sandboxes whose connections are let in.
    pub(crate) expected: RwLock<HashMap<SandboxId, Arc<Slot>>>,
    /// News of permissions, read before permissions are looked at.
    permission_news: Mutex<broadcast::Receiver<Change>>,
    serial: AtomicU64,
    pub(crate) tenancies: RwLock<Option<Arc<dyn Tenancies>>>,
    pub(crate) reaches: RwLock<Option<Arc<dyn Reaches>>>,
    /// Numbers what nodes are told of reaches.
    pub(crate) reach_serial: AtomicU64,
    pub(crate) outbound_swept: AtomicI64,
    pub(crate) code: code::Code,
    pub(crate) clusters: clusters::Clusters,
    pub(crate) mesh: mesh::Authorities,
}

impl Compute {
    /// Reads what there is and begins to make it so. Ends with `stop`.
    pub async fn start(
        db: Db,
        clock: Clock,
        config: ComputeConfig,
        stop: CancellationToken,
    ) -> biplane_platform::Result<Arc<Self>> {
        let (permission_news, row_news) = (Mutex::new(db.subscribe()), db.subscribe());
        let tokens = StatementTokens::load(&db, &clock).await?;
        let mesh = mesh::Authorities::load(&db, &clock).await?;
        let compute = Arc::new(Self {
            db,
            clock,
            config,
            stop,
            nodes: relay::nodes::Nodes::default(),
            placing: Mutex::default(),
            authority: OnceLock::new(),
            admissions: RwLock::default(),
            slots: RwLock::default(),
            expected: RwLock::default(),
            permission_news,
            serial: AtomicU64::new(0),
            tenancies: RwLock::default(),
            reaches: RwLock::default(),
            reach_serial: AtomicU64::new(0),
            outbound_swept: AtomicI64::new(0),
            code: code::Code::new(tokens),
            clusters: clusters::Clusters::default(),
            mesh,
        });
        compute.load().await?;
        tokio::spawn(compute.clone().heed_rows(row_news));
        tokio::spawn(compute.clone().code_sweep());
        tokio::spawn(compute.clone().sample_warehouses());
        Ok(compute)
    }

    /// Accepts nodes and engines on `listener` until the service stops. `calls` is what engines may
    /// call; requests carry a `RelayPeer`.
    pub async fn serve_relay(
        self: &Arc<Self>,
        listener: TcpListener,
        ca: Arc<RelayCa>,
        calls: Router,
    ) -> Result<(), CaError> {
        relay::serve(self.clone(), listener, ca, calls).await
    }

    /// Spark Connect: gRPC, and no part of the API description.
    pub fn spark_routes(self: Arc<Self>) -> Router {
        code::spark_routes().with_state(self)
    }

    pub fn routes(self: Arc<Self>) -> OpenApiRouter {
        warehouses::http::routes()
            .merge(warehouses::endpoints::routes())
            .merge(nodes::http::routes())
            .merge(code::routes())
            .merge(clusters::http::routes())
            .merge(policies::http::routes())
            .merge(clusters::pools::http::routes())
            .with_state(self)
    }
}
