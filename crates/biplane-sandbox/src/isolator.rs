//! What a node may ask of isolation, whatever kind it is.

use crate::spec::{Paths, SandboxSpec};
use crate::sys;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

const END_WAIT_MS: i32 = 2000;

/// How sandboxes are kept apart. `native` is namespaces of this kernel, `none` is a plain process;
/// a microVM would be a third.
pub trait Isolator: Send + Sync + std::fmt::Debug {
    /// What this host gives, found out when the isolator was made.
    fn level(&self) -> &Level;

    /// What the program of a sandbox sees its directories as.
    fn paths(&self, spec_dir: &std::path::Path) -> Paths;

    /// Starts the program and answers when it runs; takes milliseconds, and blocks for them.
    /// Its standard error goes to `stderr`; standard input and output are empty.
    fn spawn(&self, spec: &SandboxSpec, stderr: OwnedFd) -> Result<Sandbox, SpawnError>;

    /// Ends it: nothing of it is left when [`Event::Exited`] arrives.
    fn kill(&self, sandbox: &Sandbox) {
        sandbox.kill();
    }

    /// What all processes of the sandbox use together.
    fn stats(&self, sandbox: &Sandbox) -> Stats;

    /// The agent ends; all its sandboxes have.
    fn retire(&self);
}

/// What stands between two sandboxes of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    pub kind: LevelKind,
    /// Why it is not `full`, in words for an operator.
    pub reasons: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LevelKind {
    /// Every layer holds.
    Full,
    /// Sandboxes run, but a layer is missing: never two workspaces on such a host.
    Degraded,
    /// Nothing holds: for development alone.
    None,
}

impl LevelKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Degraded => "degraded",
            Self::None => "none",
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    pub memory_bytes: u64,
    pub cpu_ms: u64,
    pub processes: u32,
}

#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    #[error("the launcher cannot be reached")]
    Launcher(#[source] io::Error),
    /// The step that failed, and the kernel's word for it.
    #[error("{step}: {error}")]
    Refused { step: String, error: String },
    #[error("the launcher ended without an answer")]
    NoAnswer,
}

/// A running sandbox. Dropped, it ends.
#[derive(Debug)]
pub struct Sandbox {
    /// Its first process, as the host sees it.
    pub pid: i32,
    /// The host's user it runs as.
    pub host_uid: u32,
    /// Its control groups; empty where there are none.
    pub cgroups: Vec<PathBuf>,
    /// Of `pid`: a number may come to mean another process, this cannot.
    handle: Option<OwnedFd>,
    control: UnixStream,
}

/// What the supervisor of a sandbox says, one JSON object a line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Started {
        pid: i32,
        host_uid: u32,
        cgroups: Vec<PathBuf>,
    },
    Failed {
        step: String,
        error: String,
    },
    /// No process, mount, namespace or control group of it is left.
    Exited {
        /// Exit code, or minus the signal.
        status: i32,
        /// It was ended because it used more memory than it may.
        out_of_memory: bool,
    },
}

impl Sandbox {
    /// Waits for the supervisor's first word.
    pub(crate) fn greet(control: UnixStream) -> Result<Self, SpawnError> {
        // One byte at a time would do: what follows the first line must stay in the socket. The
        // supervisor sends nothing more before the program ends, and a reader of its own sees that.
        let mut line = String::new();
        let mut reader = BufReader::with_capacity(1, &control);
        reader.read_line(&mut line).map_err(SpawnError::Launcher)?;
        match serde_json::from_str(&line) {
            Ok(Event::Started { pid, host_uid, cgroups }) => {
                Ok(Self { pid, host_uid, cgroups, handle: sys::process_handle(pid).ok(), control })
            }
            Ok(Event::Failed { step, error }) => Err(SpawnError::Refused { step, error }),
            Ok(Event::Exited { .. }) | Err(_) => Err(SpawnError::NoAnswer),
        }
    }

    /// Where [`Event::Exited`] arrives, as a line of JSON; its end without that line means that the
    /// supervisor itself was killed. Give it to an asynchronous reader, or use [`Sandbox::wait`].
    pub fn events(&self) -> io::Result<UnixStream> {
        self.control.try_clone()
    }

    /// Asks the program to end.
    pub fn terminate(&self) {
        // Gone already is as good.
        let _ = (&self.control).write_all(b"t");
    }

    pub fn kill(&self) {
        let _ = (&self.control).write_all(b"k");
    }

    /// The supervisor was killed, which kills process 1; this makes sure, and waits for it.
    pub(crate) fn end_without_supervisor(&self) {
        if let Some(handle) = &self.handle {
            let _ = sys::signal_handle(handle.as_fd(), libc::SIGKILL);
            let _ = sys::poll(&[Some(handle.as_fd())], END_WAIT_MS);
        }
    }

    /// Blocks until it has ended; -9 when nobody was left to say how.
    pub fn wait(&self) -> (i32, bool) {
        let mut line = String::new();
        let _ = BufReader::new(&self.control).read_line(&mut line);
        match serde_json::from_str(&line) {
            Ok(Event::Exited { status, out_of_memory }) => (status, out_of_memory),
            _ => (-9, false),
        }
    }
}
