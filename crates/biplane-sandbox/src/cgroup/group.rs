//! The control groups of one sandbox.
//!
//! Sandboxes of one tenant are in a group of the tenant's, so that tenants share processors by halves,
//! however many sandboxes each has; within it they share by what each was promised.

use super::tree::{end, field, remove, remove_at_last};
use super::{Groups, enable};
use crate::error::{At, Result};
use crate::spec::{Limits, SandboxSpec};
use crate::sys;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Begins the names of groups of tenants; no sandbox has a name like this.
const TENANT: &str = ".tenant-";
/// Another supervisor may remove the empty group of a tenant while this one makes one in it.
const TRIES_MAX: u32 = 1000;
const PERIOD_US: u64 = 100_000;

#[derive(Debug)]
pub struct Group {
    version: u8,
    /// Controller and directory; with version 2 one, without a controller.
    dirs: Vec<(String, PathBuf)>,
    handle: Option<OwnedFd>,
}

impl Group {
    pub fn create(groups: &Groups, spec: &SandboxSpec) -> Result<Self> {
        groups.restore().at("make the control groups of the agent")?;
        let place = |base: &Path| match &spec.tenant {
            Some(tenant) => base.join(format!("{TENANT}{tenant}")).join(&spec.name),
            None => base.join(&spec.name),
        };
        let (version, dirs) = match groups {
            Groups::None => (0, Vec::new()),
            Groups::V1(bases) => {
                (1, bases.iter().map(|(kind, base)| (kind.clone(), place(base))).collect())
            }
            Groups::V2(base) => (2, vec![(String::new(), place(base))]),
        };
        let mut group = Self { version, dirs: Vec::new(), handle: None };
        match group.fill(dirs, spec) {
            Ok(()) => Ok(group),
            Err(error) => {
                // What it made itself.
                group.remove();
                Err(error)
            }
        }
    }

    fn fill(&mut self, dirs: Vec<(String, PathBuf)>, spec: &SandboxSpec) -> Result<()> {
        for (kind, dir) in dirs {
            match make(&dir, self.version) {
                // Controllers that are mounted together.
                Err(_) if self.dirs.iter().any(|(_, made)| *made == dir) => {}
                other => other.at(format!("make the control group {}", dir.display()))?,
            }
            self.dirs.push((kind, dir));
        }
        self.limit(&spec.limits, spec.tenant.is_some())?;
        if let (2, Some((_, dir))) = (self.version, self.dirs.first()) {
            let flags = libc::O_PATH | libc::O_DIRECTORY;
            self.handle = Some(sys::open_path(None, dir, flags).at("open the control group")?);
        }
        Ok(())
    }

    pub fn paths(&self) -> Vec<PathBuf> {
        self.dirs.iter().map(|(_, dir)| dir.clone()).collect()
    }

    /// To be cloned into.
    pub fn handle(&self) -> Option<BorrowedFd<'_>> {
        self.handle.as_ref().map(AsFd::as_fd)
    }

    pub fn limits_memory(&self) -> bool {
        self.version > 0
    }

    fn set(&self, controller: &str, file: &str, value: impl ToString) -> Result<()> {
        let found = self.dirs.iter().find(|(kind, _)| self.version == 2 || kind == controller);
        let Some((_, dir)) = found else {
            return Ok(());
        };
        fs::write(dir.join(file), value.to_string()).at(format!("set {file}"))
    }

    fn limit(&self, limits: &Limits, shares: bool) -> Result<()> {
        let millis = u64::from(limits.cpu_millis);
        // Init, the forwarder and the program itself are among them.
        self.set("pids", "pids.max", limits.processes.saturating_add(2))?;
        if self.version == 2 {
            if limits.memory_bytes > 0 {
                self.set("memory", "memory.max", limits.memory_bytes)?;
                // A kernel without swap has no such file.
                let _ = self.set("memory", "memory.swap.max", 0);
            }
            self.set("memory", "memory.oom.group", 1)?;
            if millis > 0 {
                self.set("cpu", "cpu.max", format!("{} {PERIOD_US}", millis * PERIOD_US / 1000))?;
            }
            if millis > 0 && shares {
                self.set("cpu", "cpu.weight", (millis / 10).clamp(1, 10_000))?;
            }
        } else {
            if limits.memory_bytes > 0 {
                self.set("memory", "memory.limit_in_bytes", limits.memory_bytes)?;
                let _ = self.set("memory", "memory.memsw.limit_in_bytes", limits.memory_bytes);
            }
            if millis > 0 {
                self.set("cpu", "cpu.cfs_period_us", PERIOD_US)?;
                self.set("cpu", "cpu.cfs_quota_us", millis * PERIOD_US / 1000)?;
            }
            if millis > 0 && shares {
                self.set("cpu", "cpu.shares", (millis * 1024 / 1000).clamp(2, 262_144))?;
            }
        }
        Ok(())
    }

    /// Where the first process of the sandbox enters groups of version 1, by writing `0`. A process that
    /// moves itself needs no lock of the whole host, for which another would wait a grace period.
    pub fn entrances(&self) -> Result<Vec<fs::File>> {
        let open = |(_, dir): &(String, PathBuf)| {
            fs::File::options().write(true).open(dir.join("tasks")).at("open the control group")
        };
        self.dirs.iter().filter(|_| self.version == 1).map(open).collect()
    }

    /// Readable when the kernel ended one process for lack of memory. With version 2 it ends all itself.
    pub fn watch_memory(&self) -> Option<OwnedFd> {
        let (_, dir) = self.dirs.iter().find(|(kind, _)| self.version == 1 && kind == "memory")?;
        let control = fs::File::open(dir.join("memory.oom_control")).ok()?;
        let counter = sys::event_counter().ok()?;
        let order = format!("{} {}", counter.as_raw_fd(), control.as_raw_fd());
        fs::write(dir.join("cgroup.event_control"), order).ok()?;
        Some(counter)
    }

    pub fn ran_out_of_memory(&self) -> bool {
        let Some((_, dir)) = self.dirs.first().filter(|_| self.version == 2) else {
            return false;
        };
        field(&dir.join("memory.events"), "oom_kill").is_some_and(|count| count > 0)
    }

    pub fn kill(&self) {
        for (_, dir) in &self.dirs {
            end(dir);
        }
    }

    /// False: something is left in it.
    pub fn remove(&self) -> bool {
        self.remove_by(remove)
    }

    /// The same, with the patience of one who has nothing else to do.
    pub fn remove_at_last(&self) -> bool {
        self.remove_by(remove_at_last)
    }

    fn remove_by(&self, remove: impl Fn(&Path) -> bool) -> bool {
        self.dirs.iter().fold(true, |all, (_, dir)| {
            let removed = remove(dir);
            leave_tenant(dir);
            removed && all
        })
    }
}

/// Makes the group of a sandbox, and above it that of its tenant.
fn make(dir: &Path, version: u8) -> io::Result<()> {
    let mut tries = 0;
    loop {
        match make_once(dir, version) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries < TRIES_MAX => {
                tries += 1
            }
            other => return other,
        }
    }
}

fn make_once(dir: &Path, version: u8) -> io::Result<()> {
    if let Some(tenant) = tenant_of(dir) {
        match fs::create_dir(tenant) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ if version == 2 => enable(tenant)?,
            _ => {}
        }
    }
    fs::create_dir(dir)
}

fn tenant_of(group: &Path) -> Option<&Path> {
    let above = group.parent()?;
    above.file_name()?.to_str()?.starts_with(TENANT).then_some(above)
}

/// Removes the group of a tenant when nothing is in it any more.
pub fn leave_tenant(group: &Path) {
    if let Some(tenant) = tenant_of(group) {
        let _ = fs::remove_dir(tenant);
    }
}
