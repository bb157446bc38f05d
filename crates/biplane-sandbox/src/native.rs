//! The agent's side of the namespaces of this kernel: holds the launcher, and knows what the host gives.

use crate::cgroup::{self, Groups};
use crate::identity::Identity;
use crate::isolator::{Isolator, Level, LevelKind, Sandbox, SpawnError, Stats};
use crate::launcher::{
    ARGUMENT, DEVELOPMENT, DISK_STEP, Disk, Disks, OWNERS_STEP, Order, PROC_STEP,
};
use crate::spec::{
    Access, DOORS, DOORS_INSIDE, Layer, Limits, Mount, Network, Paths, ProcView, Program,
    SandboxSpec, WORK, WORK_INSIDE,
};
use crate::sys;
use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// Of the sandbox that is tried out at the start.
const PROBE_DISK_BYTES: u64 = 16 << 20;
const DISK_WATCHED: &str =
    "what a sandbox writes to its disk is looked at from time to time, not limited";

#[derive(Debug, Clone)]
pub struct IsolatorConfig {
    /// The program whose `main` begins with `launcher_main_if_asked`; the own one as a rule.
    pub launcher: PathBuf,
    /// Tells this agent's control groups from another's: letters and digits.
    pub tag: String,
    /// Where the directories of sandboxes are; tried out at the start.
    pub work_dir: PathBuf,
    /// Directories that sandboxes will write to; tried out as well.
    pub writable: Vec<PathBuf>,
    /// What the agent leaves open on purpose, in words for an operator: the level is degraded by it.
    pub left_open: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum IsolatorError {
    #[error("the launcher could not be started")]
    Launcher(#[source] io::Error),
    #[error("this host cannot isolate sandboxes: {0}")]
    Impossible(String),
}

/// Kernel namespaces.
#[derive(Debug)]
pub struct Native {
    host: Host,
    level: Level,
    identity: Identity,
    proc_absent: bool,
    /// None: disks are watched only.
    disks: Option<Disks>,
}

impl Native {
    /// Starts the launcher and tries a sandbox out. Takes some ten milliseconds.
    pub fn start(config: IsolatorConfig) -> Result<Self, IsolatorError> {
        Self::with(config, false)
    }

    /// Also takes specifications that leave layers out: to show what each is for.
    pub fn for_development(config: IsolatorConfig) -> Result<Self, IsolatorError> {
        Self::with(config, true)
    }

    fn with(config: IsolatorConfig, development: bool) -> Result<Self, IsolatorError> {
        let identity = Identity::detect().map_err(IsolatorError::Impossible)?;
        let mut reasons = config.left_open.clone();
        if !identity.is_privileged() {
            reasons.push(
                "the agent does not run as root: its sandboxes run as its own user, not as one each"
                    .to_owned(),
            );
        }
        let (host, no_groups) = Host::start(&config, development)?;
        if let Some(reason) = no_groups {
            reasons.push(format!(
                "memory, processors and processes are limited one process at a time: {reason}"
            ));
        }
        let disks = identity.is_privileged().then(|| Disks::new(&config.work_dir));
        if disks.is_none() {
            reasons.push(DISK_WATCHED.to_owned());
        }
        let level = Level { kind: LevelKind::Full, reasons };
        let mut native = Self { host, level, identity, proc_absent: false, disks };
        native.probe(&config)?;
        if !native.level.reasons.is_empty() {
            native.level.kind = LevelKind::Degraded;
        }
        Ok(native)
    }

    /// Every layer at once, with nothing to run; then without what a host may lack.
    fn probe(&mut self, config: &IsolatorConfig) -> Result<(), IsolatorError> {
        loop {
            let failed = match self.rehearse(config) {
                Ok(()) => return Ok(()),
                Err(SpawnError::Refused { step, error }) => (step, error),
                Err(error) => return Err(IsolatorError::Impossible(error.to_string())),
            };
            let (step, error) = failed;
            if step == PROC_STEP && !self.proc_absent {
                self.proc_absent = true;
                self.level.reasons.push(format!(
                    "sandboxes have no /proc: the host's own is partly covered ({error}); in a container, unmask it"
                ));
            } else if step.starts_with(DISK_STEP) && self.disks.is_some() {
                self.disks = None;
                self.level.reasons.push(format!("{DISK_WATCHED} ({step}: {error})"));
            } else if step.starts_with(OWNERS_STEP)
                && matches!(self.identity, Identity::Pool { .. })
            {
                self.identity = Identity::Owner;
                self.level.reasons.push(format!(
                    "sandboxes run as the owner of their files, not as one user each: could not {step} ({error}); \
                     ext4, xfs, btrfs and tmpfs of a recent kernel can"
                ));
            } else {
                return Err(IsolatorError::Impossible(format!("{step}: {error}")));
            }
        }
    }

    fn rehearse(&self, config: &IsolatorConfig) -> Result<(), SpawnError> {
        let dir = config.work_dir.join(format!("probe-{}", std::process::id()));
        let clean = || fs::remove_dir_all(&dir);
        let made = [DOORS, WORK].iter().try_for_each(|name| fs::create_dir_all(dir.join(name)));
        made.map_err(SpawnError::Launcher)?;
        let outcome = self.try_out(config, &dir);
        let _ = clean();
        outcome
    }

    fn try_out(&self, config: &IsolatorConfig, dir: &Path) -> Result<(), SpawnError> {
        let mount = |(index, path): (usize, &PathBuf)| {
            Mount::new(path, Path::new(&format!("/probe/{index}")), Access::Write)
        };
        let mounts = config.writable.iter().enumerate().map(mount).collect::<io::Result<_>>();
        let program = Program {
            path: fs::canonicalize(&config.launcher).map_err(SpawnError::Launcher)?,
            args: Vec::new(),
            env: Vec::new(),
            inside: None,
        };
        let spec = SandboxSpec {
            name: "probe".into(),
            tenant: None,
            dir: fs::canonicalize(dir).map_err(SpawnError::Launcher)?,
            program,
            mounts: mounts.map_err(SpawnError::Launcher)?,
            network: Network::None,
            proc: ProcView::Processes,
            limits: Limits { disk_bytes: PROBE_DISK_BYTES, ..Limits::default() },
            forwarder: false,
            exec_written: false,
            without: Vec::new(),
        };
        let null = File::open("/dev/null").map_err(SpawnError::Launcher)?;
        let order = self.order(&spec, true)?;
        self.host.spawn(&order, null.into())?.wait();
        Ok(())
    }

    fn order(&self, spec: &SandboxSpec, rehearsal: bool) -> Result<Order, SpawnError> {
        let mut spec = spec.clone();
        if self.proc_absent {
            spec.proc = ProcView::Absent;
        }
        let disk = match (&self.disks, spec.limits.disk_bytes) {
            (_, 0) => Disk::Unlimited,
            (Some(disks), bytes) => disks.of(bytes)?,
            (None, _) => Disk::Watched,
        };
        let (groups, identity) = (self.host.groups.clone(), self.identity.clone());
        Ok(Order { spec, groups, identity, disk, rehearsal })
    }
}

impl Isolator for Native {
    fn level(&self) -> &Level {
        &self.level
    }

    fn paths(&self, _: &Path) -> Paths {
        Paths { doors: DOORS_INSIDE.into(), work: WORK_INSIDE.into(), tmp: "/tmp".into() }
    }

    fn spawn(&self, spec: &SandboxSpec, stderr: OwnedFd) -> Result<Sandbox, SpawnError> {
        self.host.spawn(&self.order(spec, false)?, stderr)
    }

    fn stats(&self, sandbox: &Sandbox) -> Stats {
        stats(sandbox)
    }

    fn retire(&self) {
        self.host.retire();
    }
}

/// Plain processes: a session, a control group where there is one, and nothing that keeps anything apart.
#[derive(Debug)]
pub struct Unisolated {
    host: Host,
    level: Level,
}

impl Unisolated {
    pub fn start(config: IsolatorConfig) -> Result<Self, IsolatorError> {
        let (host, _) = Host::start(&config, true)?;
        let reasons = vec!["isolation is switched off for development".to_owned()];
        Ok(Self { host, level: Level { kind: LevelKind::None, reasons } })
    }
}

impl Isolator for Unisolated {
    fn level(&self) -> &Level {
        &self.level
    }

    fn paths(&self, dir: &Path) -> Paths {
        // Relative where a socket's path must be short: the program starts in its working directory.
        let work = dir.join(WORK);
        Paths { doors: Path::new("..").join(DOORS), tmp: work.join("tmp"), work }
    }

    fn spawn(&self, spec: &SandboxSpec, stderr: OwnedFd) -> Result<Sandbox, SpawnError> {
        let mut spec = spec.clone();
        spec.without = vec![
            Layer::User,
            Layer::Pid,
            Layer::Ipc,
            Layer::Net,
            Layer::Files,
            Layer::Seccomp,
            Layer::Capabilities,
        ];
        let (groups, identity) = (self.host.groups.clone(), Identity::Agent);
        let disk = Disk::Watched;
        self.host.spawn(&Order { spec, groups, identity, disk, rehearsal: false }, stderr)
    }

    fn stats(&self, sandbox: &Sandbox) -> Stats {
        stats(sandbox)
    }

    fn retire(&self) {
        self.host.retire();
    }
}

/// The launcher and the control groups of an agent.
#[derive(Debug)]
struct Host {
    program: PathBuf,
    development: bool,
    groups: Groups,
    launcher: Mutex<Launcher>,
}

#[derive(Debug)]
struct Launcher {
    process: Option<Child>,
    socket: OwnedFd,
}

impl Host {
    fn start(
        config: &IsolatorConfig,
        development: bool,
    ) -> Result<(Self, Option<String>), IsolatorError> {
        // Before the launcher is there: it belongs where the agent is.
        let (groups, reason) = Groups::prepare(&config.tag);
        let program = config.launcher.clone();
        let launcher =
            Launcher::start(&program, development, &groups).map_err(IsolatorError::Launcher)?;
        Ok((Self { program, development, groups, launcher: Mutex::new(launcher) }, reason))
    }

    fn spawn(&self, order: &Order, stderr: OwnedFd) -> Result<Sandbox, SpawnError> {
        let mut file = File::from(sys::memory_file(c"order").map_err(SpawnError::Launcher)?);
        let bytes = serde_json::to_vec(order).map_err(io::Error::from);
        let written = bytes.and_then(|bytes| file.write_all(&bytes)).and_then(|()| file.rewind());
        written.map_err(SpawnError::Launcher)?;
        let (ours, theirs) = UnixStream::pair().map_err(SpawnError::Launcher)?;
        let fds = [file.as_fd(), theirs.as_fd(), stderr.as_fd()];
        {
            let mut launcher = self.launcher.lock().unwrap_or_else(PoisonError::into_inner);
            if sys::send_fds(launcher.socket.as_fd(), fds).is_err() {
                // It was killed. What it started lives on without it.
                *launcher = Launcher::start(&self.program, self.development, &self.groups)
                    .map_err(SpawnError::Launcher)?;
                sys::send_fds(launcher.socket.as_fd(), fds).map_err(SpawnError::Launcher)?;
            }
        }
        // Else a supervisor that dies would go unnoticed.
        drop((theirs, stderr));
        Sandbox::greet(ours)
    }
}

impl Host {
    /// A launcher clears up when the agent is gone; one that was killed cannot.
    fn retire(&self) {
        let mut launcher = self.launcher.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = |process: &mut Child| matches!(process.try_wait(), Ok(Some(_)));
        if launcher.process.as_mut().is_some_and(ended) {
            cgroup::leave_if_empty(&self.groups);
        }
    }
}

impl Launcher {
    fn start(program: &Path, development: bool, groups: &Groups) -> io::Result<Self> {
        let (ours, theirs) = sys::message_pair()?;
        let mut command = Command::new(program);
        command.arg(ARGUMENT).args(groups.bases()).env_clear().stdin(theirs).stdout(Stdio::null());
        if development {
            command.arg(DEVELOPMENT);
        }
        Ok(Self { process: Some(command.spawn()?), socket: ours })
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        // Closing the socket ends it, after the last sandbox. That may be for this very thread to let go
        // of, so another one waits; without that one, the process stays a zombie as long as the agent lives.
        let waiting = std::thread::Builder::new().name("launcher".into());
        let _ = waiting.spawn(move || process.wait());
    }
}

fn stats(sandbox: &Sandbox) -> Stats {
    cgroup::stats(&sandbox.cgroups).unwrap_or_else(|| crate::usage::of_tree(sandbox.pid))
}

/// What is left of a sandbox whose supervisor was killed: for when no [`crate::Event::Exited`] came.
pub fn clear(sandbox: &Sandbox) {
    sandbox.end_without_supervisor();
    cgroup::clear(&sandbox.cgroups);
}
