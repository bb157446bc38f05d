//! How this node isolates what it runs, and what a sandbox of an engine is made of.

use crate::{NodeConfig, NodeError};
use biplane_api::ids::WorkspaceId;
use biplane_doors::Operator;
use biplane_forwarder::STORAGE_DOOR;
use biplane_sandbox::{
    Access, Isolator, IsolatorConfig, LevelKind, Limits, Mount, Native, Network, ProcView, Program,
    SandboxSpec, Unisolated, libraries,
};
use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an engine on the host's network needs to find and trust others.
const NETWORK_FILES: &[&str] = &[
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
];
/// Threads of an engine, and the processes it may fork.
const PROCESSES: u32 = 1024;

/// How sandboxes are to be kept apart.
#[derive(Debug, Clone, Default)]
pub struct Isolation {
    /// Plain processes instead of sandboxes. Anybody who may run a statement then owns this host.
    pub off_for_development: bool,
    /// What each sandbox may keep in its working directory; 0 = no limit.
    pub sandbox_disk_bytes: u64,
    /// Engines use the host's network: a boundary less.
    pub host_network: bool,
    /// Directories that engines read and write under the same path: storage with `file://` URLs.
    pub file_roots: Vec<PathBuf>,
    /// The program whose `main` begins with `biplane_sandbox::launcher_main_if_asked`. None: this one.
    pub launcher: Option<PathBuf>,
    /// What sandboxes may reach beside the internet when the policy of their workspace lists it.
    pub outside: Operator,
}

/// Makes the isolator and says what it is worth.
pub fn isolator(config: &NodeConfig, place: &Path) -> Result<Arc<dyn Isolator>, NodeError> {
    let isolation = &config.isolation;
    let made = IsolatorConfig {
        launcher: isolation.launcher.clone().unwrap_or_else(|| "/proc/self/exe".into()),
        tag: tag(place),
        work_dir: place.join("sandboxes"),
        writable: roots(&isolation.file_roots).map_err(NodeError::Storage)?,
        left_open: left_open(isolation),
    };
    let isolator: Arc<dyn Isolator> = if isolation.off_for_development {
        tracing::warn!(
            "ISOLATION IS OFF: engines are plain processes of this user, and whoever may run a statement may do what it may"
        );
        Arc::new(Unisolated::start(made)?)
    } else {
        Arc::new(Native::start(made)?)
    };
    let level = isolator.level();
    match level.kind {
        LevelKind::Full => tracing::info!("sandboxes: full isolation"),
        LevelKind::Degraded => tracing::warn!(
            reasons = level.reasons.join("; "),
            "sandboxes: degraded isolation; this node takes one workspace at a time"
        ),
        LevelKind::None => {}
    }
    Ok(isolator)
}

fn left_open(isolation: &Isolation) -> Vec<String> {
    let open = [
        (isolation.host_network, "engines use the host's network (--host-network)"),
        (isolation.sandbox_disk_bytes == 0, "the disks of sandboxes are not limited"),
    ];
    open.iter().filter(|(is_open, _)| *is_open).map(|(_, reason)| (*reason).to_owned()).collect()
}

/// The same for the same directory: an agent that starts again finds what it left. Agents in containers may
/// share a kernel and name different directories alike.
fn tag(place: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    fs::canonicalize(place).unwrap_or_else(|_| place.to_owned()).hash(&mut hasher);
    fs::metadata(place).map(|place| (place.dev(), place.ino())).ok().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Made where they are missing, in order, none inside another.
pub fn roots(file_roots: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut sorted = Vec::with_capacity(file_roots.len());
    for root in file_roots {
        DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        // URLs of the control plane have the canonical path, too.
        sorted.push(fs::canonicalize(root)?);
    }
    sorted.sort();
    let mut kept: Vec<PathBuf> = Vec::new();
    for root in sorted {
        if kept.last().is_none_or(|above| !root.starts_with(above)) {
            kept.push(root);
        }
    }
    Ok(kept)
}

/// What every engine on this node is started from.
#[derive(Debug)]
pub struct Engine {
    program: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    mounts: Vec<Mount>,
    network: Network,
}

/// One engine.
pub struct Launch<'a> {
    pub name: &'a str,
    /// None: it belongs to nobody yet.
    pub workspace: Option<WorkspaceId>,
    /// Holds `doors` and `work`.
    pub dir: &'a Path,
    /// The door's file name.
    pub door: &'a str,
    pub cpu_millis: u32,
    pub memory_bytes: u64,
    pub disk_bytes: u64,
}

impl Launch<'_> {
    /// Workspaces share this host's processors evenly, however many sandboxes each has.
    pub fn tenant(&self) -> Option<String> {
        self.workspace.map(|workspace| workspace.to_string())
    }
}

impl Engine {
    pub fn new(config: &NodeConfig) -> Result<Self, NodeError> {
        let (program, args) = config.engine_command.split_first().ok_or(NodeError::NoEngine)?;
        let failed = |source| NodeError::Engine { program: program.clone(), source };
        let program = fs::canonicalize(program).map_err(failed)?;
        let isolation = &config.isolation;
        let mut mounts = libraries(&program).map_err(failed)?;
        let network = if isolation.host_network { Network::Host } else { Network::None };
        let same = |path: &Path, access| Mount::new(path, path, access);
        if network == Network::Host {
            let present = NETWORK_FILES.iter().map(Path::new).filter(|path| path.exists());
            mounts.extend(present.filter_map(|path| same(path, Access::Read).ok()));
        }
        for root in roots(&isolation.file_roots).map_err(NodeError::Storage)? {
            mounts.push(same(&root, Access::Write).map_err(NodeError::Storage)?);
        }
        let (args, env) = (args.to_vec(), config.engine_env.clone());
        Ok(Self { program, args, env, mounts, network })
    }

    pub fn spec(&self, launch: &Launch<'_>, isolator: &dyn Isolator) -> SandboxSpec {
        let paths = isolator.paths(launch.dir);
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let threads = launch.cpu_millis.div_ceil(1000).max(1);
        let mut args = self.args.clone();
        args.extend(["--door".into(), text(paths.doors.join(launch.door))]);
        args.extend(["--storage-door".into(), text(paths.doors.join(STORAGE_DOOR))]);
        args.extend(["--cpu-threads".into(), threads.to_string()]);
        args.extend(["--spill-dir".into(), text(paths.work.join("spill"))]);
        args.extend(["--memory-bytes".into(), launch.memory_bytes.to_string()]);
        let mut env = self.env.clone();
        let own = [
            ("HOME", text(paths.work)),
            ("TMPDIR", text(paths.tmp)),
            ("LANG", "C.UTF-8".to_owned()),
            ("TZ", "UTC".to_owned()),
        ];
        env.extend(own.map(|(name, value)| (name.to_owned(), value)));
        SandboxSpec {
            name: launch.name.to_owned(),
            tenant: launch.tenant(),
            dir: launch.dir.to_owned(),
            program: Program { path: self.program.clone(), args, env, inside: None },
            mounts: self.mounts.clone(),
            network: self.network,
            // Libraries of the engine size themselves by `/proc/meminfo`.
            proc: ProcView::Masked,
            limits: Limits {
                cpu_millis: launch.cpu_millis,
                memory_bytes: launch.memory_bytes,
                processes: PROCESSES,
                disk_bytes: launch.disk_bytes,
                ..Limits::default()
            },
            forwarder: false,
            exec_written: false,
            without: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_within_a_root_is_there_already() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| fs::canonicalize(dir.path()).unwrap().join(name);
        let found = roots(&[at("b/c"), at("a"), at("b"), at("bc")]).unwrap();
        assert_eq!(found, [at("a"), at("b"), at("bc")]);
    }
}
