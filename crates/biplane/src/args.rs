//! The command line. Every option has an environment variable, for containers; secrets have only that
//! or a file, so that they never show in a process list.

use crate::cloud_args::{self, CloudArgs};
use crate::network_args::NetworkArgs;
use crate::outside_args::OutsideArgs;
use biplane_platform::Secret;
use biplane_server::{S3Config, ServerConfig};
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, Parser)]
#[command(
    name = "biplane",
    version,
    about = "A lakehouse platform: control plane, compute plane, SQL engine"
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// What to log, as `level` or `crate=level,…`.
    #[arg(long, global = true, env = "BIPLANE_LOG", default_value = "warn,biplane=info")]
    pub log: String,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Everything on this machine: the control plane and one node.
    Up(UpArgs),
    /// The control plane alone.
    Server(ServerArgs),
    /// A node agent, which starts engines for the control plane it dials.
    Node(NodeArgs),
    /// Tokens that let hosts in as nodes.
    #[command(subcommand)]
    NodeToken(NodeTokenCommand),
    /// One SQL engine; started by the node agent.
    #[cfg(feature = "engine")]
    Engine(EngineArgs),
}

#[derive(Debug, Args)]
pub struct UpArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(flatten)]
    pub on_hosts: OnHostsArgs,
}

/// What agents on this machine are started with.
#[derive(Debug, Args)]
pub struct OnHostsArgs {
    #[command(flatten)]
    pub isolation: IsolationArgs,
    #[command(flatten)]
    pub outside: OutsideArgs,
}

#[derive(Debug, Args)]
pub struct IsolationArgs {
    /// For development on hosts that cannot isolate: engines are plain processes, with all that this
    /// user may do.
    #[arg(long, env = "BIPLANE_DEV_NO_ISOLATION")]
    pub dev_no_isolation: bool,
    /// What one sandbox may keep on disk: spilled data, packages of users. 0 = no limit, which makes the
    /// isolation a degraded one.
    #[arg(long, env = "BIPLANE_SANDBOX_DISK_GIB", default_value_t = 64)]
    pub sandbox_disk_gib: u32,
}

#[derive(Debug, Args)]
pub struct ServerArgs {
    /// Where everything is kept: database, tables, results, keys.
    #[arg(long, env = "BIPLANE_DATA_DIR")]
    data_dir: PathBuf,
    /// Plain HTTP, for development and behind a proxy: `127.0.0.1:8080`.
    #[arg(long, env = "BIPLANE_LISTEN")]
    listen: Option<String>,
    /// HTTPS: `0.0.0.0:443`.
    #[arg(long, env = "BIPLANE_TLS_LISTEN")]
    tls_listen: Option<String>,
    /// PEM chain for HTTPS. Without it a local authority is made in the data directory.
    #[arg(long, env = "BIPLANE_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    #[arg(long, env = "BIPLANE_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// More names and addresses for the certificate of the local authority.
    #[arg(long = "tls-name", env = "BIPLANE_TLS_NAMES", value_delimiter = ',')]
    tls_names: Vec<String>,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    cloud: CloudArgs,
    /// Where nodes dial in.
    #[arg(long, env = "BIPLANE_RELAY_LISTEN", default_value = "127.0.0.1:0")]
    relay_listen: String,
    /// Sandboxes that one workspace may have at a time, on all nodes; 0 = no limit.
    #[arg(long, env = "BIPLANE_WORKSPACE_SANDBOXES_MAX", default_value_t = 0)]
    workspace_sandboxes_max: u32,
    /// Processors that its sandboxes may have together; 0 = no limit.
    #[arg(long, env = "BIPLANE_WORKSPACE_CPUS_MAX", default_value_t = 0)]
    workspace_cpus_max: u64,
    /// GiB of memory that they may have together; 0 = no limit.
    #[arg(long, env = "BIPLANE_WORKSPACE_MEMORY_GIB_MAX", default_value_t = 0)]
    workspace_memory_gib_max: u64,
    /// A node that hears nothing of the control plane for this long ends what it runs; its warehouses start
    /// elsewhere.
    #[arg(long, env = "BIPLANE_NODE_LEASE_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    node_lease_seconds: u64,
    /// Keys of the server are sealed in the database with the first key in this file: a line each, of 32 bytes
    /// in Base64 or hexadecimal. Without the file the database cannot be used, and nothing in it is recovered.
    #[arg(long, env = "BIPLANE_MASTER_KEY_FILE")]
    master_key_file: Option<PathBuf>,
    /// `GET /metrics` for Prometheus, for the operator's network: it asks for no login.
    #[arg(long, env = "BIPLANE_METRICS_LISTEN")]
    metrics_listen: Option<String>,
    /// Root of managed tables and volumes: `file:///…` or `s3://bucket/prefix`. Default: in the data directory.
    #[arg(long, env = "BIPLANE_STORAGE_ROOT")]
    storage_root: Option<String>,
    /// A directory of this machine in which external locations may be made; may be repeated.
    #[arg(long = "local-root", env = "BIPLANE_LOCAL_ROOTS", value_delimiter = ',')]
    local_roots: Vec<PathBuf>,
    /// A store that speaks S3 and is not AWS: `https://minio.example.com`. Default: AWS_ENDPOINT_URL_S3 or
    /// AWS_ENDPOINT_URL. Keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY alone, with
    /// AWS_SESSION_TOKEN where they are temporary.
    #[arg(long, env = "BIPLANE_S3_ENDPOINT")]
    s3_endpoint: Option<String>,
    /// Default: AWS_REGION, AWS_DEFAULT_REGION or us-east-1.
    #[arg(long, env = "BIPLANE_S3_REGION")]
    s3_region: Option<String>,
    /// User name of the first account admin.
    #[arg(long, env = "BIPLANE_ADMIN_USER", default_value = "admin@localhost")]
    admin_user: String,
    /// Scale factor of samples.tpch; 0 for none.
    #[arg(long, env = "BIPLANE_SAMPLES_SCALE", default_value = "0.1")]
    samples_scale: String,
}

#[derive(Debug, Args)]
pub struct NodeArgs {
    /// `host:port` of the control plane's relay.
    #[arg(long)]
    pub relay: String,
    /// A file with the token that lets this host in, `-` = standard input. Needed once; a host that has joined
    /// stays a node.
    #[arg(long, env = "BIPLANE_JOIN_TOKEN_FILE")]
    pub join_token_file: Option<PathBuf>,
    /// Belongs to the agents of this host: who they are, and their sandboxes.
    #[arg(long, env = "BIPLANE_NODE_DATA_DIR")]
    pub data_dir: PathBuf,
    /// Takes over from the agent that runs on this data directory: starts beside it, and has it drain.
    #[arg(long)]
    pub replace: bool,
    /// The way to the relay, `http://user:password@proxy:3128`. Default: HTTPS_PROXY, but for hosts in NO_PROXY.
    /// Give it in the environment when it holds a password.
    #[arg(long, env = "BIPLANE_NODE_PROXY", hide_env_values = true)]
    pub proxy: Option<String>,
    /// Takes connections of other nodes there, between sandboxes of one cluster. Without it, none.
    #[arg(long, env = "BIPLANE_NODE_MESH_LISTEN")]
    pub mesh_listen: Option<SocketAddr>,
    /// `host:port` at which other nodes reach it, when that is not what it listens on.
    #[arg(long, env = "BIPLANE_NODE_MESH_ADDRESS", requires = "mesh_listen")]
    pub mesh_address: Option<String>,
    /// Engines kept started for whoever needs one next, of the size that was asked for last.
    #[arg(long, env = "BIPLANE_NODE_PRESTARTED", default_value_t = 0)]
    pub prestarted: usize,
    /// When told to end: so long statements may go on while warehouses move to other nodes.
    #[arg(long, env = "BIPLANE_NODE_DRAIN_SECONDS", default_value_t = 60)]
    pub drain_seconds: u64,
    /// The program of an engine, if it is not this one.
    #[arg(long, env = "BIPLANE_ENGINE_PROGRAM")]
    pub engine_program: Option<PathBuf>,
    /// A directory that engines read and write: storage with `file://` URLs. May be repeated.
    #[arg(long = "file-root", env = "BIPLANE_FILE_ROOTS", value_delimiter = ',')]
    pub file_roots: Vec<PathBuf>,
    /// Engines use the host's network: a boundary less.
    #[arg(long, env = "BIPLANE_HOST_NETWORK")]
    pub host_network: bool,
    /// The interpreter for code of users: CPython 3.11 to 3.14. Without it, the host's python3 if it fits.
    #[arg(long, env = "BIPLANE_PYTHON")]
    pub python: Option<PathBuf>,
    /// Where the packages of that interpreter are kept; nodes of one host may share it. Without it, below
    /// the working directory.
    #[arg(long, env = "BIPLANE_IMAGES_DIR")]
    pub images_dir: Option<PathBuf>,
    #[command(flatten)]
    pub isolation: IsolationArgs,
    #[command(flatten)]
    pub outside: OutsideArgs,
    /// This host is in a network with nothing but loopback: whoever started it connects for it, and is asked
    /// in this directory.
    #[arg(long, hide = true)]
    pub way_out: Option<PathBuf>,
    /// End when standard input ends: whoever started this is gone then.
    #[arg(long, hide = true)]
    pub with_stdin: bool,
}

#[derive(Debug, Subcommand)]
pub enum NodeTokenCommand {
    /// Makes one and prints it. It lets one host in, once, as what is said here.
    Create(NodeTokenArgs),
}

#[derive(Debug, Args)]
pub struct NodeTokenArgs {
    /// The server: `https://biplane.example.com`. Without it, that of --data-dir.
    #[arg(long, env = "BIPLANE_HOST")]
    pub host: Option<String>,
    /// PEM of the authority of its certificate, if the system does not know it.
    #[arg(long, env = "BIPLANE_CA")]
    pub ca: Option<PathBuf>,
    /// Of a server on this machine: its `databrickscfg` says host and token. Without it, the token of an account
    /// admin is in BIPLANE_TOKEN.
    #[arg(long, env = "BIPLANE_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// The node takes workspaces of this region only. Without it, of every region.
    #[arg(long, default_value = "")]
    pub region: String,
    /// `name=value`; may be repeated. `dedicated-host=x` keeps it for workspaces with that custom tag.
    #[arg(long = "label")]
    pub labels: Vec<String>,
    /// Seconds for which the token may be used.
    #[arg(long, default_value_t = 3600)]
    pub ttl: i64,
    /// For people.
    #[arg(long, default_value = "")]
    pub comment: String,
}

#[cfg(feature = "engine")]
#[derive(Debug, Args)]
pub struct EngineArgs {
    /// Unix socket of the relay door.
    #[arg(long)]
    door: PathBuf,
    /// Unix socket of the storage door.
    #[arg(long)]
    storage_door: Option<PathBuf>,
    #[arg(long)]
    memory_bytes: Option<u64>,
    #[arg(long)]
    spill_dir: Option<PathBuf>,
    #[arg(long)]
    spill_bytes: Option<u64>,
    #[arg(long)]
    cpu_threads: Option<usize>,
}

fn secret(name: &str) -> Option<Secret> {
    std::env::var(name).ok().filter(|text| !text.is_empty()).map(Secret::new)
}

/// The first of these that says something.
fn variable(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| std::env::var(name).ok().filter(|text| !text.is_empty()))
}

impl ServerArgs {
    pub async fn config(self) -> anyhow::Result<ServerConfig> {
        let cloud = cloud_args::cloud(&self.cloud).await?;
        Ok(ServerConfig { cloud, ..self.into() })
    }
}

impl From<ServerArgs> for ServerConfig {
    fn from(args: ServerArgs) -> Self {
        let keys = secret("AWS_ACCESS_KEY_ID").zip(secret("AWS_SECRET_ACCESS_KEY"));
        let s3 = keys.map(|(access_key_id, secret_access_key)| S3Config {
            endpoint: args
                .s3_endpoint
                .or_else(|| variable(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])),
            region: args
                .s3_region
                .or_else(|| variable(&["AWS_REGION", "AWS_DEFAULT_REGION"]))
                .unwrap_or_else(|| "us-east-1".into()),
            access_key_id,
            secret_access_key,
            session_token: secret("AWS_SESSION_TOKEN"),
        });
        Self {
            data_dir: args.data_dir,
            database_url: secret("BIPLANE_DATABASE_URL"),
            master_key_file: args.master_key_file,
            listen: args.listen,
            tls_listen: args.tls_listen,
            tls_files: args.tls_cert.zip(args.tls_key),
            tls_names: args.tls_names,
            domain: args.network.domain,
            trusted_proxies: args.network.trusted_proxies,
            egress_addresses: args.network.egress_addresses,
            private_endpoints: args.network.private_endpoints,
            endpoint_services: args.network.endpoint_services,
            relay_listen: args.relay_listen,
            hosts: args.cloud.hosts(),
            metrics_listen: args.metrics_listen,
            traces: crate::traces::from_environment(),
            workspace_limits: biplane_server::WorkspaceLimits {
                sandboxes: args.workspace_sandboxes_max,
                cpu_millis: args.workspace_cpus_max.saturating_mul(1000),
                memory_bytes: args.workspace_memory_gib_max.saturating_mul(1 << 30),
            },
            node_lease: std::time::Duration::from_secs(args.node_lease_seconds),
            storage_root: args.storage_root,
            local_roots: args.local_roots,
            s3,
            cloud: None,
            admin_user: args.admin_user,
            admin_password: secret("BIPLANE_ADMIN_PASSWORD"),
            samples_scale: args.samples_scale,
        }
    }
}

#[cfg(feature = "engine")]
pub fn engine(args: EngineArgs) -> anyhow::Result<()> {
    let filter = std::env::var("BIPLANE_ENGINE_LOG").unwrap_or_else(|_| "warn".into());
    crate::log_to_stderr(tracing_subscriber::EnvFilter::try_new(filter)?);
    let mut config = biplane_engine::EngineConfig::new(args.door);
    if let Some(bytes) = args.memory_bytes {
        config.memory_limit_bytes = bytes;
    }
    config.storage_door = args.storage_door;
    if let Some(dir) = args.spill_dir {
        config.spill_dir = dir;
    }
    if let Some(bytes) = args.spill_bytes {
        config.spill_limit_bytes = bytes;
    }
    if let Some(threads) = args.cpu_threads {
        config.cpu_threads = threads;
    }
    biplane_engine::service::run_blocking(config).map_err(Into::into)
}
