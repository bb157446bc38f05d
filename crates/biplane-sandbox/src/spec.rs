//! What a sandbox is to be: everything the launcher is told, as JSON through a descriptor.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The name of the doors' directory below [`SandboxSpec::dir`].
pub const DOORS: &str = "doors";
/// The name of the directory a sandbox may write to, below [`SandboxSpec::dir`].
pub const WORK: &str = "work";
/// Where they are seen inside, and where the program is.
pub(crate) const DOORS_INSIDE: &str = "/doors";
pub(crate) const WORK_INSIDE: &str = "/sandbox/work";
pub(crate) const APP_INSIDE: &str = "/sandbox/app";
/// Who everything in a sandbox runs as, seen from inside. There is no 0.
pub const INSIDE_ID: u32 = 1000;

/// One sandbox. It serves one workspace and is never used again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SandboxSpec {
    /// Names its control group: letters, digits, `-`, `_` and `.`, at most 64 of them.
    pub name: String,
    /// Whose it is, a name of the same form: tenants share the processors of a host evenly, and the
    /// sandboxes of one its part. None: a tenant of its own.
    #[serde(default)]
    pub tenant: Option<String>,
    /// Absolute, private to the agent, and holds [`DOORS`] and [`WORK`]. `doors` is mounted read-only
    /// at `/doors`: sockets may be made in it at any time. `work` is mounted at `/sandbox/work`.
    pub dir: PathBuf,
    pub program: Program,
    /// Further parts of the host that are to be seen inside.
    pub mounts: Vec<Mount>,
    pub network: Network,
    pub proc: ProcView,
    pub limits: Limits,
    /// Runs `biplane-forwarder` inside: loopback sockets that are carried to the doors in `/doors`, and
    /// the name server that goes with them.
    #[serde(default)]
    pub forwarder: bool,
    /// Whether files that the sandbox itself writes may be executed or loaded as libraries.
    #[serde(default)]
    pub exec_written: bool,
    /// Layers left out. The launcher refuses any unless it was started for development.
    #[serde(default)]
    pub without: Vec<Layer>,
}

/// What runs as the main process; when it ends, so does the sandbox.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Program {
    /// On the host; found inside at `/sandbox/app/<file name>`. Others than its owner must be able to read
    /// and execute it.
    pub path: PathBuf,
    pub args: Vec<String>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// The path inside to execute instead, when the program comes with one of the mounts.
    #[serde(default)]
    pub inside: Option<PathBuf>,
}

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Mount {
    /// Absolute and without symbolic links in it: see [`Mount::new`].
    pub source: PathBuf,
    /// Absolute path inside.
    pub target: PathBuf,
    pub access: Access,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// May be read and executed.
    Program,
    /// May be read.
    Read,
    /// May be read and written. Files keep the owner of the directory on disk.
    Write,
}

impl Mount {
    /// Resolves the symbolic links of `source` now, while nobody but the operator can place any.
    pub fn new(source: &Path, target: &Path, access: Access) -> std::io::Result<Self> {
        let target = target.to_owned();
        Ok(Self { source: std::fs::canonicalize(source)?, target, access })
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq, Default)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Loopback, and nothing else.
    #[default]
    None,
    /// The host's. A boundary less; only for sandboxes that no door serves yet.
    Host,
}

/// What `/proc` shows.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq, Default)]
#[serde(rename_all = "snake_case")]
pub enum ProcView {
    /// The processes of the sandbox.
    #[default]
    Processes,
    /// Also what general-purpose programs read (`cpuinfo`, `stat`, `sys`), with `meminfo` telling the
    /// sandbox's own limit; the rest is masked.
    Masked,
    /// Nothing. For hosts that let nobody mount it.
    Absent,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
pub struct Limits {
    /// Thousandths of a processor. 0 = no limit.
    pub cpu_millis: u32,
    /// 0 = no limit.
    pub memory_bytes: u64,
    pub processes: u32,
    pub files: u32,
    pub tmp_bytes: u64,
    pub shm_bytes: u64,
    /// What the sandbox may keep in its working directory. 0 = no limit.
    #[serde(default)]
    pub disk_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu_millis: 0,
            memory_bytes: 0,
            processes: 1024,
            files: 65_536,
            tmp_bytes: 64 << 20,
            shm_bytes: 64 << 20,
            disk_bytes: 0,
        }
    }
}

/// One of the layers between a sandbox and its host.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// All of them: a plain child process.
    All,
    User,
    Pid,
    Ipc,
    Net,
    Files,
    Seccomp,
    Capabilities,
    Cgroup,
    Core,
    Descriptors,
    Dumpable,
    Masks,
    ReadOnly,
}

impl SandboxSpec {
    pub(crate) fn keeps(&self, layer: Layer) -> bool {
        !self.without.contains(&layer) && !self.without.contains(&Layer::All)
    }
}

/// Where the agent's side of a sandbox is seen from its program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    pub doors: PathBuf,
    pub work: PathBuf,
    pub tmp: PathBuf,
}
