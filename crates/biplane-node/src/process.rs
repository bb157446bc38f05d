//! One running engine: how it is started, how it ends, what it said last.

use crate::isolation;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::watch;

/// What is kept of an engine's stderr.
const TAIL_BYTES_MAX: usize = 16 << 10;
/// Below the working directory, so that it goes with the sandbox.
const SPILL_DIR: &str = "spill";
/// A grandchild that left the group may hold stderr open; nobody waits for it.
const DRAIN_MAX: Duration = Duration::from_millis(200);

/// What an engine is told when it starts.
pub struct Launch<'a> {
    pub command: &'a [String],
    pub env: &'a [(String, String)],
    /// Its working directory, its own alone.
    pub dir: &'a Path,
    /// The door, relative to `dir`: a socket's path has 107 bytes and `dir` may be deep.
    pub door: &'a str,
    pub cpus: u32,
    pub memory_bytes: u64,
}

pub fn command(launch: &Launch<'_>) -> Option<Command> {
    let (program, arguments) = launch.command.split_first()?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .args(["--door", launch.door])
        .args(["--cpu-threads", &launch.cpus.to_string()])
        .args(["--spill-dir", SPILL_DIR])
        .args(["--memory-bytes", &launch.memory_bytes.to_string()])
        .current_dir(launch.dir)
        .env_clear()
        .envs(launch.env.iter().map(|(name, value)| (name, value)))
        .env("HOME", launch.dir)
        .env("TMPDIR", launch.dir.join("tmp"))
        .env("LANG", "C.UTF-8")
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    isolation::confine(&mut command);
    Some(command)
}

/// How a process is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    No,
    Term(Duration),
    Kill,
}

/// Waits until no process of the group is left. `ending` may change from outside at any time.
pub async fn supervise(
    mut child: Child,
    pid: i32,
    mut ending: watch::Receiver<Ending>,
) -> (i32, String) {
    let tail = Arc::new(Mutex::new(VecDeque::new()));
    let reader = child.stderr.take().map(|stderr| tokio::spawn(read_tail(stderr, tail.clone())));
    let status = wait(&mut child, pid, &mut ending).await;
    signal(pid, Signal::SIGKILL);
    if let Some(reader) = reader {
        let abort = reader.abort_handle();
        if tokio::time::timeout(DRAIN_MAX, reader).await.is_err() {
            abort.abort();
        }
    }
    let bytes: Vec<u8> = tail.lock().iter().copied().collect();
    (status.map_or(-1, code), String::from_utf8_lossy(&bytes).into_owned())
}

async fn wait(
    child: &mut Child,
    pid: i32,
    ending: &mut watch::Receiver<Ending>,
) -> Option<ExitStatus> {
    loop {
        let now = *ending.borrow_and_update();
        let grace = match now {
            Ending::No => None,
            Ending::Term(grace) => {
                signal(pid, Signal::SIGTERM);
                Some(grace)
            }
            Ending::Kill => {
                signal(pid, Signal::SIGKILL);
                return child.wait().await.ok();
            }
        };
        tokio::select! {
            status = child.wait() => return status.ok(),
            () = sleep_or_never(grace) => {
                signal(pid, Signal::SIGKILL);
                return child.wait().await.ok();
            }
            changed = ending.changed() => if changed.is_err() {
                signal(pid, Signal::SIGKILL);
                return child.wait().await.ok();
            }
        }
    }
}

async fn sleep_or_never(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

fn signal(pid: i32, signal: Signal) {
    // Gone already is as good.
    let _ = killpg(Pid::from_raw(pid), signal);
}

fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| -signal)).unwrap_or(-1)
}

async fn read_tail(mut stderr: ChildStderr, tail: Arc<Mutex<VecDeque<u8>>>) {
    let mut buffer = vec![0; 4096];
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        tracing::debug!(target: "engine", "{}", String::from_utf8_lossy(&buffer[..read]).trim_end());
        let mut tail = tail.lock();
        tail.extend(&buffer[..read]);
        let excess = tail.len().saturating_sub(TAIL_BYTES_MAX);
        tail.drain(..excess);
    }
}
