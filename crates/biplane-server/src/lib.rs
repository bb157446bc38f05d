//! The control plane as one process: listeners, the edge, the services and how they are wired, the web
//! application, the first start.

mod app;
mod cloud;
mod code;
mod config;
mod edge;
mod first_start;
mod listener;
mod metrics;
mod otlp;
mod places;
mod profile;
mod reach;
mod samples;
mod system;
mod tls;
mod web;
mod wiring;

pub use cloud::CloudConfig;
pub use config::{
    HostsConfig, InNetwork, LocalHosts, LocalNetworks, NetworkedHost, Reaches, S3Config,
    ServerConfig, StartError, WorkspaceLimits,
};
pub use edge::PUBLIC;
pub use otlp::TracesConfig;
pub use profile::{LocalNode, file_roots};

use anyhow::Context;
use app::Services;
use biplane_api::ids::WarehouseId;
use biplane_compute::provider::Provider;
use biplane_compute::{Home, LocalProvider};
use biplane_platform::audit::AuditSink;
use biplane_platform::db::{KeptSeat, args};
use biplane_platform::keys::MasterKeys;
use biplane_platform::{ApiError, Clock, Ctx, Db, keys};
use listener::Listener;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// SIGTERM to the end of what is in flight; with the node's share it stays under ten seconds.
const DRAIN: Duration = Duration::from_secs(6);
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// A running control plane.
pub struct Server {
    db: Db,
    services: Services,
    config: ServerConfig,
    http: Option<SocketAddr>,
    https: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
    relay: SocketAddr,
    /// No new connections.
    stop_listening: CancellationToken,
    /// Reconcilers, sweepers, the relay.
    stop: CancellationToken,
    tasks: TaskTracker,
    audit: JoinHandle<()>,
    /// Ends when the last spans are exported.
    traces: Option<JoinHandle<()>>,
    stop_traces: CancellationToken,
    local_hosts: Option<Arc<LocalProvider>>,
    /// Last: what is above works with the database.
    seat: KeptSeat,
}

impl Server {
    /// Returns when requests are served; with a PostgreSQL database that another server works with, when that
    /// one has ended.
    pub async fn start(config: ServerConfig) -> anyhow::Result<Self> {
        anyhow::ensure!(
            config.listen.is_some() || config.tls_listen.is_some(),
            "nothing to listen on: give --listen or --tls-listen"
        );
        profile::prepare(&config.data_dir)?;
        let clock = Clock::system();
        let (db, seat) = open_database(&config).await?;
        let stop = CancellationToken::new();
        let (audit_sink, audit) = AuditSink::start(db.clone());
        let (stop_traces, mut tracer, mut traces) = (CancellationToken::new(), None, None);
        if let Some(config) = &config.traces {
            let (made, exporter) = otlp::Exporter::new(config.clone())?;
            tracer = Some(made);
            traces = Some(tokio::spawn(exporter.run(stop_traces.clone())));
        }
        let services = Services::start(&config, &db, &clock, &stop).await?;
        let http = bind(config.listen.as_deref()).await?;
        let https = bind(config.tls_listen.as_deref()).await?;
        let metrics = bind(config.metrics_listen.as_deref()).await?;
        let relay = TcpListener::bind(&config.relay_listen)
            .await
            .with_context(|| format!("listening for nodes on {}", config.relay_listen))?;
        let mut server = Self {
            http: address(http.as_ref())?,
            https: address(https.as_ref())?,
            metrics: address(metrics.as_ref())?,
            relay: relay.local_addr()?,
            stop_listening: CancellationToken::new(),
            tasks: TaskTracker::new(),
            db,
            services,
            config,
            stop,
            audit,
            traces,
            stop_traces,
            local_hosts: None,
            seat,
        };
        let first = first_start::run(&server).await?;
        let (public, calls) =
            app::routers(&server.services, &server.config, audit_sink, tracer, clock)?;
        for (socket, tls) in
            [(http, None), (https, server.https.is_some().then(|| server.acceptor()).transpose()?)]
        {
            if let Some(socket) = socket {
                let listener = Listener { socket, tls, app: public.clone() };
                server.tasks.spawn(listener.serve(server.stop_listening.clone(), DRAIN));
            }
        }
        if let Some(socket) = metrics {
            server.tasks.spawn(metrics::serve(socket, server.stop_listening.clone()));
        }
        server.serve_relay(relay, calls);
        server.serve_clusters();
        server.background(first);
        Ok(server)
    }

    /// Where clients reach it; plain HTTP first, as it is for this machine.
    pub fn url(&self) -> String {
        match (self.http, self.https) {
            (Some(address), _) => format!("http://{}", host(address)),
            (None, Some(address)) => format!("https://{}", host(address)),
            (None, None) => String::new(),
        }
    }

    pub fn metrics_url(&self) -> Option<String> {
        self.metrics.map(|address| format!("http://{}/metrics", host(address)))
    }

    pub fn https_url(&self) -> Option<String> {
        self.https.map(|address| format!("https://{}", host(address)))
    }

    /// Returns when another server took over the database: nothing may be written any more.
    pub async fn replaced(&self) {
        self.seat.lost().await;
    }

    pub fn is_postgres(&self) -> bool {
        self.db.is_postgres()
    }

    /// What a node on this machine needs to dial in.
    pub fn local_node(&self) -> anyhow::Result<LocalNode> {
        profile::local_node(self)
    }

    /// Names of all operations in the audit, as far as it is written.
    pub async fn audited_operations(&self) -> anyhow::Result<HashSet<String>> {
        let rows = self
            .db
            .read()
            .await?
            .fetch_all("SELECT DISTINCT operation FROM audit_events", args![])
            .await?;
        rows.iter().map(|row| row.text(0).map_err(Into::into)).collect()
    }

    /// Lets requests in flight finish, then ends everything.
    pub async fn stop(self) {
        self.stop_listening.cancel();
        self.services.query.drain(Instant::now() + DRAIN).await;
        self.tasks.close();
        self.stop.cancel();
        if let Some(local) = &self.local_hosts {
            local.end().await;
        }
        if tokio::time::timeout(DRAIN + Duration::from_secs(1), self.tasks.wait()).await.is_err() {
            tracing::warn!("some tasks did not end in time");
        }
        // It holds the way to all services, and would keep them.
        self.services.compute.forget_calls();
        drop(self.services);
        self.stop_traces.cancel();
        if let Some(traces) = self.traces
            && tokio::time::timeout(Duration::from_secs(2), traces).await.is_err()
        {
            tracing::warn!("the last traces could not be exported");
        }
        if tokio::time::timeout(Duration::from_secs(2), self.audit).await.is_err() {
            tracing::error!("the audit could not be written to its end");
        }
        self.db.close().await;
    }

    fn serve_relay(&self, listener: TcpListener, calls: axum::Router) {
        let (compute, ca) = (self.services.compute.clone(), self.services.relay_ca.clone());
        self.tasks.spawn(async move {
            if let Err(error) = compute.serve_relay(listener, ca, calls).await {
                tracing::error!(%error, "the relay ended; no node can connect");
            }
        });
    }

    /// Clusters can be, from providers that are configured.
    fn serve_clusters(&mut self) {
        let hosts = &self.config.hosts;
        let home = Home {
            relay: hosts.relay_address.clone().unwrap_or_else(|| host(self.relay)),
            program_url: hosts.program_url.clone(),
            program_sha256: hosts.program_sha256.clone(),
        };
        let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
        if let Some(local) = &hosts.local {
            let reaches = Arc::new(reach::WorkspaceReaches {
                identity: self.services.identity.clone(),
                catalog: self.services.catalog.clone(),
            });
            let local = LocalProvider::new(local.clone(), Clock::system(), reaches);
            providers.push(local.clone());
            self.local_hosts = Some(local);
        }
        providers.extend(self.config.cloud.as_ref().map(|cloud| cloud.provider.clone()));
        self.services.compute.serve_clusters(home, providers);
    }

    /// What goes on by itself: sweepers, and the samples of a first start.
    fn background(&self, (system, warehouse): (Ctx, WarehouseId)) {
        let (workspace, catalog, stop) =
            (self.services.workspace.clone(), self.services.catalog.clone(), self.stop.clone());
        let identity = self.services.identity.clone();
        self.tasks.spawn(identity.workspaces_provision(stop.clone()));
        self.tasks.spawn(catalog.sweep_until(Arc::new(wiring::Sweep), stop.clone()));
        self.tasks.spawn(async move {
            while stop.run_until_cancelled(tokio::time::sleep(SWEEP_EVERY)).await.is_some() {
                workspace.uploads_sweep().await;
            }
        });
        let samples = samples::Samples {
            db: self.db.clone(),
            query: self.services.query.clone(),
            system,
            warehouse,
            scale: self.config.samples_scale.clone(),
        };
        self.tasks.spawn(samples.make(self.stop.clone()));
    }

    fn acceptor(&self) -> anyhow::Result<tokio_rustls::TlsAcceptor> {
        let files = match &self.config.tls_files {
            Some((cert, key)) => tls::CertificateFiles { cert: cert.clone(), key: key.clone() },
            None => tls::local(
                &self.config.data_dir.join("tls"),
                &profile::tls_names(&self.config, self.https),
            )?,
        };
        tls::acceptor(&files)
    }
}

async fn open_database(config: &ServerConfig) -> anyhow::Result<(Db, KeptSeat)> {
    let told = |doing: &'static str| {
        move |error: ApiError| {
            anyhow::anyhow!("{doing} the database: {}", error.internal.unwrap_or(error.message))
        }
    };
    let db = match &config.database_url {
        Some(url) => Db::postgres(url.expose()).await,
        None => Db::sqlite(&config.data_dir.join("biplane.db")).await,
    };
    let db = db.map_err(told("opening"))?;
    let db = match &config.master_key_file {
        Some(file) => db.with_master_keys(master_keys(file)?),
        None => db,
    };
    let seat = db.take_seat().await.map_err(told("opening"))?;
    db.migrate(&[
        biplane_platform::MIGRATIONS,
        biplane_identity::MIGRATIONS,
        biplane_catalog::MIGRATIONS,
        biplane_compute::MIGRATIONS,
        biplane_query::MIGRATIONS,
        biplane_workspace::secrets::MIGRATIONS,
        biplane_workspace::objects::MIGRATIONS,
    ])
    .await
    .map_err(told("migrating"))?;
    let seat = seat.keep(&db).await.map_err(told("opening"))?;
    keys::seal_all(&db).await.map_err(told("reading"))?;
    Ok((db, seat))
}

fn master_keys(file: &Path) -> anyhow::Result<MasterKeys> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("reading the master key file {}", file.display()))?;
    MasterKeys::parse(&text).map_err(|error| {
        anyhow::anyhow!("the master key file {}: {}", file.display(), error.message)
    })
}

async fn bind(address: Option<&str>) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = address else {
        return Ok(None);
    };
    TcpListener::bind(address).await.map(Some).with_context(|| format!("listening on {address}"))
}

fn address(socket: Option<&TcpListener>) -> anyhow::Result<Option<SocketAddr>> {
    socket.map(TcpListener::local_addr).transpose().map_err(Into::into)
}

/// A wildcard address is no place to go to.
fn host(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("localhost:{}", address.port()),
        false => address.to_string(),
    }
}
