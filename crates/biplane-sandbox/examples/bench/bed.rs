//! An agent to measure, and figures.

use biplane_sandbox::{
    DOORS, Isolator, IsolatorConfig, Level, Limits, Mount, Native, Network, ProcView, Program,
    Sandbox, SandboxSpec, WORK, libraries,
};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// As on a node.
const DISK_BYTES: u64 = 64 << 30;

pub struct Bed {
    pub native: Native,
    dir: PathBuf,
    next: AtomicUsize,
}

impl Bed {
    pub fn new() -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("biplane-bench-{}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        let dir = std::fs::canonicalize(dir)?;
        let native = Native::start(IsolatorConfig {
            launcher: "/proc/self/exe".into(),
            tag: format!("bench{}", std::process::id()),
            work_dir: dir.clone(),
            writable: Vec::new(),
            left_open: Vec::new(),
        })?;
        Ok(Self { native, dir, next: AtomicUsize::new(0) })
    }

    pub fn level(&self) -> &Level {
        self.native.level()
    }

    /// A sandbox as a node makes them: a tenant, limits of every kind, a disk of its own.
    pub fn spec(&self, program: &Path, words: &[String], mounts: &[Mount]) -> Result<SandboxSpec> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("s{number}");
        let dir = self.dir.join(&name);
        for part in [DOORS, WORK] {
            std::fs::create_dir_all(dir.join(part))?;
        }
        Ok(SandboxSpec {
            name,
            tenant: Some(format!("{}", number % 10)),
            dir,
            program: Program {
                path: std::fs::canonicalize(program)?,
                args: words.to_vec(),
                env: Vec::new(),
                inside: None,
            },
            mounts: mounts.to_vec(),
            network: Network::None,
            proc: ProcView::Masked,
            limits: Limits {
                memory_bytes: 256 << 20,
                cpu_millis: 1000,
                disk_bytes: DISK_BYTES,
                ..Limits::default()
            },
            forwarder: false,
            exec_written: false,
            without: Vec::new(),
        })
    }

    pub fn start(&self, spec: &SandboxSpec) -> Result<Sandbox> {
        Ok(self.native.spawn(spec, std::fs::File::open("/dev/null")?.into())?)
    }

    pub fn mounts(&self, program: &str) -> Result<Vec<Mount>> {
        Ok(libraries(Path::new(program))?)
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

pub fn quiet(mut command: Command) -> Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// What half of them took, and all but one in a hundred, in milliseconds.
pub fn percentiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |part: usize| {
        let time = times.get((times.len() * part / 100).min(times.len().saturating_sub(1)));
        time.copied().unwrap_or_default().as_secs_f64() * 1e3
    };
    format!("p50 {:>8.3} ms   p99 {:>8.3} ms", at(50), at(99))
}
