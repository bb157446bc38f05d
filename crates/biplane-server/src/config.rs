//! What a server is started with.

use crate::cloud::CloudConfig;
use crate::otlp::TracesConfig;
use biplane_api::network::ServiceAddress;
pub use biplane_compute::{
    InNetwork, LocalHosts, LocalNetworks, NetworkedHost, Reaches, StartError, WorkspaceLimits,
};
use biplane_platform::{IpNet, Secret};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Clone)]
pub struct ServerConfig {
    pub data_dir: PathBuf,
    /// `postgres://…`; None = SQLite in the data directory. A secret: it may hold a password.
    pub database_url: Option<Secret>,
    /// Seals the keys of the server in the database.
    pub master_key_file: Option<PathBuf>,
    pub listen: Option<String>,
    pub tls_listen: Option<String>,
    /// Certificate chain and key; None = from a local authority.
    pub tls_files: Option<(PathBuf, PathBuf)>,
    pub tls_names: Vec<String>,
    /// `biplane.example.com`: `<deployment>.` before it is a workspace, `accounts.` the account.
    pub domain: Option<String>,
    /// Networks of proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Where compute comes from when it calls out, as firewalls elsewhere see it.
    pub egress_addresses: Vec<IpNet>,
    /// Networks that are the private endpoints of this name: `(vpce-…, 10.0.0.0/16)`.
    pub private_endpoints: Vec<(String, IpNet)>,
    /// Where services of private-endpoint rules are.
    pub endpoint_services: Vec<(String, ServiceAddress)>,
    pub relay_listen: String,
    pub hosts: HostsConfig,
    /// `GET /metrics` for Prometheus, without a login; None = nowhere.
    pub metrics_listen: Option<String>,
    /// None = nothing is traced.
    pub traces: Option<TracesConfig>,
    /// What the compute of one workspace may have together.
    pub workspace_limits: WorkspaceLimits,
    /// A node that hears nothing for this long ends what it runs.
    pub node_lease: Duration,
    /// Root of managed storage; None = in the data directory.
    pub storage_root: Option<String>,
    /// Directories in which external locations may be made.
    pub local_roots: Vec<PathBuf>,
    pub s3: Option<S3Config>,
    /// None = clusters are not started in cloud accounts.
    pub cloud: Option<CloudConfig>,
    pub admin_user: String,
    /// None = a random one at first start.
    pub admin_password: Option<Secret>,
    /// Scale factor of samples.tpch as text; `0` = none.
    pub samples_scale: String,
}

/// What hosts of clusters need to know of this server.
#[derive(Debug, Clone)]
pub struct HostsConfig {
    /// `host:port` at which hosts elsewhere reach the relay; None = what it listens on.
    pub relay_address: Option<String>,
    /// Where they get the program from, and the SHA-256 it must have.
    pub program_url: String,
    pub program_sha256: String,
    /// From the order of one to its node; then it is ended.
    pub boot_wait: Duration,
    /// For a provider that is busy or does not answer.
    pub launch_wait: Duration,
    /// How hosts on this machine are started; None = there are none.
    pub local: Option<LocalHosts>,
}

impl Default for HostsConfig {
    fn default() -> Self {
        Self {
            relay_address: None,
            program_url: String::new(),
            program_sha256: String::new(),
            boot_wait: Duration::from_secs(600),
            launch_wait: Duration::from_secs(300),
            local: None,
        }
    }
}

/// The operator's S3, or a store that speaks it.
#[derive(Debug, Clone)]
pub struct S3Config {
    /// None = AWS.
    pub endpoint: Option<String>,
    pub region: String,
    pub access_key_id: Secret,
    pub secret_access_key: Secret,
    /// Of a key that is good for a time only.
    pub session_token: Option<Secret>,
}

impl ServerConfig {
    /// For development and tests: everything in `data_dir`, any free port.
    pub fn local(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            database_url: None,
            master_key_file: None,
            listen: Some("127.0.0.1:0".into()),
            tls_listen: None,
            tls_files: None,
            tls_names: Vec::new(),
            domain: None,
            trusted_proxies: Vec::new(),
            egress_addresses: Vec::new(),
            private_endpoints: Vec::new(),
            endpoint_services: Vec::new(),
            relay_listen: "127.0.0.1:0".into(),
            hosts: HostsConfig::default(),
            metrics_listen: None,
            traces: None,
            workspace_limits: WorkspaceLimits::default(),
            node_lease: Duration::from_secs(30),
            storage_root: None,
            local_roots: Vec::new(),
            s3: None,
            cloud: None,
            admin_user: "admin@localhost".into(),
            admin_password: None,
            samples_scale: "0".into(),
        }
    }
}
