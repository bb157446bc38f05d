//! Control groups: where they can be had, one for each sandbox, and nothing of them left.
//!
//! Everything is made below the group the agent itself is in, so that what bounds the agent bounds its
//! sandboxes too.

use crate::error::{At, Result};
use crate::isolator::Stats;
use crate::spec::Limits;
use crate::sys;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Groups are gone some time after their processes.
const REMOVE_MAX: Duration = Duration::from_secs(2);
/// An agent that ends lets go of its sandboxes one by one.
const LEAVE_MAX: Duration = Duration::from_secs(10);
const V1: &[&str] = &["memory", "pids", "cpu", "cpuacct"];
const V2: &[&str] = &["memory", "pids", "cpu"];

/// The agent's subtree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Groups {
    #[default]
    None,
    /// Controller and directory.
    V1(Vec<(String, PathBuf)>),
    V2(PathBuf),
}

impl Groups {
    /// Makes the subtree `biplane-<tag>`, ends what is left in it from an agent before, and says why
    /// there is none if there is none.
    pub fn prepare(tag: &str) -> (Self, Option<String>) {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let name = format!("biplane-{tag}");
        let refused = match prepare_v2(&mounts, &own, &name) {
            Ok(base) => return (Self::V2(base), None),
            Err(refused) => refused,
        };
        match prepare_v1(&mounts, &own, &name) {
            Ok(bases) => (Self::V1(bases), None),
            Err(error) => {
                (Self::None, Some(refused.unwrap_or_else(|| format!("cgroup v1: {error}"))))
            }
        }
    }

    pub fn bases(&self) -> Vec<&Path> {
        match self {
            Self::None => Vec::new(),
            Self::V1(bases) => bases.iter().map(|(_, base)| base.as_path()).collect(),
            Self::V2(base) => vec![base],
        }
    }

    /// What of the subtree is missing is made: the launcher of an agent that was killed may just have
    /// removed it behind its successor.
    fn restore(&self) -> io::Result<()> {
        for base in self.bases() {
            if !base.exists() {
                fs::create_dir_all(base)?;
                if matches!(self, Self::V2(_)) {
                    enable(base)?;
                }
            }
        }
        Ok(())
    }
}

/// None: there is no version 2 with controllers here.
fn prepare_v2(mounts: &str, own: &str, name: &str) -> std::result::Result<PathBuf, Option<String>> {
    let place = own_place(mounts, own, "cgroup2", "").ok_or(None)?;
    let offered = fs::read_to_string(place.join("cgroup.controllers")).unwrap_or_default();
    let has = |wanted: &&str| offered.split_whitespace().any(|offer| offer == *wanted);
    if !V2.iter().any(has) {
        return Err(None);
    }
    if !V2.iter().all(has) {
        return Err(Some(format!("cgroup v2: only these controllers are delegated: {offered}")));
    }
    let failed = |error: io::Error| {
        Some(format!(
            "cgroup v2: {} is not delegated to this agent ({error}); a systemd unit with Delegate=yes does it",
            place.display()
        ))
    };
    let base = place.join(name);
    fs::create_dir_all(&base).map_err(failed)?;
    if enable(&place).is_err() {
        // A group with processes of its own cannot have controllers below it: move out of the way.
        let leaf = place.join("agent");
        fs::create_dir_all(&leaf).map_err(failed)?;
        fs::write(leaf.join("cgroup.procs"), "0").map_err(failed)?;
        enable(&place).map_err(failed)?;
    }
    sweep(&base);
    enable(&base).map_err(failed)?;
    Ok(base)
}

fn enable(group: &Path) -> io::Result<()> {
    fs::write(group.join("cgroup.subtree_control"), "+memory +pids +cpu")
}

fn prepare_v1(mounts: &str, own: &str, name: &str) -> io::Result<Vec<(String, PathBuf)>> {
    let mut bases = Vec::new();
    for controller in V1 {
        let place = own_place(mounts, own, "cgroup", controller);
        let Some(place) = place.filter(|place| place.join("cgroup.procs").exists()) else {
            if *controller == "cpuacct" {
                continue;
            }
            return Err(io::Error::other(format!("no {controller} controller")));
        };
        let base = place.join(name);
        fs::create_dir_all(&base)?;
        sweep(&base);
        // Two controllers may share a directory.
        bases.push(((*controller).to_owned(), base));
    }
    Ok(bases)
}

/// The directory of the group this process is in.
fn own_place(mounts: &str, own: &str, kind: &str, controller: &str) -> Option<PathBuf> {
    let group = own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        controllers.split(',').any(|name| name == controller).then_some(path)
    })?;
    mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut right = right.split(' ');
        let options = (right.next()? == kind).then(|| right.nth(1)).flatten()?;
        if kind == "cgroup" && !options.split(',').any(|option| option == controller) {
            return None;
        }
        let mut left = left.split(' ').skip(3);
        let (root, point) = (left.next()?, left.next()?);
        let below = group.strip_prefix(root.trim_end_matches('/'))?;
        Some(Path::new(point).join(below.trim_start_matches('/')))
    })
}

/// Ends and removes every group below `base`.
fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            end(&entry.path());
            remove(&entry.path());
        }
    }
}

fn end(group: &Path) {
    if fs::write(group.join("cgroup.kill"), "1").is_ok() {
        return;
    }
    for pid in processes(group) {
        let _ = sys::kill(pid, libc::SIGKILL);
    }
}

fn processes(group: &Path) -> Vec<i32> {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    // 0 is a process that this namespace does not see.
    text.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 0).collect()
}

fn remove(group: &Path) -> bool {
    let until = Instant::now() + REMOVE_MAX;
    loop {
        match fs::remove_dir(group) {
            Ok(()) => return true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return true,
            Err(_) if Instant::now() >= until => return false,
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// The control groups of one sandbox.
#[derive(Debug)]
pub struct Group {
    version: u8,
    /// Controller and directory; with version 2 one, without a controller.
    dirs: Vec<(String, PathBuf)>,
    handle: Option<OwnedFd>,
}

impl Group {
    pub fn create(groups: &Groups, name: &str, limits: &Limits) -> Result<Self> {
        groups.restore().at("make the control groups of the agent")?;
        let (version, dirs) = match groups {
            Groups::None => (0, Vec::new()),
            Groups::V1(bases) => {
                (1, bases.iter().map(|(kind, base)| (kind.clone(), base.join(name))).collect())
            }
            Groups::V2(base) => (2, vec![(String::new(), base.join(name))]),
        };
        let mut group = Self { version, dirs: Vec::new(), handle: None };
        for (kind, dir) in dirs {
            match fs::create_dir(&dir) {
                // Controllers that are mounted together.
                Err(_) if group.dirs.iter().any(|(_, made)| *made == dir) => {}
                other => other.at(format!("make the control group {}", dir.display()))?,
            }
            group.dirs.push((kind, dir));
        }
        group.limit(limits)?;
        if let (2, Some((_, dir))) = (version, group.dirs.first()) {
            let flags = libc::O_PATH | libc::O_DIRECTORY;
            group.handle = Some(sys::open_path(None, dir, flags).at("open the control group")?);
        }
        Ok(group)
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

    fn limit(&self, limits: &Limits) -> Result<()> {
        const PERIOD_US: u64 = 100_000;
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
        } else {
            if limits.memory_bytes > 0 {
                self.set("memory", "memory.limit_in_bytes", limits.memory_bytes)?;
                let _ = self.set("memory", "memory.memsw.limit_in_bytes", limits.memory_bytes);
            }
            if millis > 0 {
                self.set("cpu", "cpu.cfs_period_us", PERIOD_US)?;
                self.set("cpu", "cpu.cfs_quota_us", millis * PERIOD_US / 1000)?;
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
        self.dirs.iter().fold(true, |all, (_, dir)| remove(dir) && all)
    }
}

/// Removes the groups of an agent that is gone if nothing is in them: for a supervisor that may be the last of all.
pub fn leave_if_empty(groups: &Groups) {
    for base in groups.bases() {
        let _ = fs::remove_dir(base);
    }
}

/// Removes the groups of an agent that is gone, once the supervisors have removed those in them.
pub fn leave(bases: &[PathBuf]) {
    let until = Instant::now() + LEAVE_MAX;
    for base in bases {
        while let Err(error) = fs::remove_dir(base) {
            if error.kind() == io::ErrorKind::NotFound || Instant::now() >= until {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Ends what is left in groups whose supervisor is gone.
pub fn clear(groups: &[PathBuf]) {
    for group in groups {
        if group.exists() {
            end(group);
            remove(group);
        }
    }
}

pub fn stats(groups: &[PathBuf]) -> Option<Stats> {
    let number = |file: &str| {
        let read = |dir: &PathBuf| fs::read_to_string(dir.join(file)).ok()?.trim().parse().ok();
        groups.iter().find_map(read).unwrap_or(0_u64)
    };
    let within = |file: &str, name: &str| {
        groups.iter().find_map(|dir| field(&dir.join(file), name)).unwrap_or(0)
    };
    if groups.is_empty() {
        return None;
    }
    let used = number("memory.current") + number("memory.usage_in_bytes");
    // Pages of files that nobody misses when they go.
    let cached =
        within("memory.stat", "total_inactive_file").max(within("memory.stat", "inactive_file"));
    let cpu_us = within("cpu.stat", "usage_usec") + number("cpuacct.usage") / 1000;
    Some(Stats {
        memory_bytes: used.saturating_sub(cached),
        cpu_ms: cpu_us / 1000,
        processes: u32::try_from(number("pids.current")).unwrap_or(u32::MAX),
    })
}

fn field(file: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_group_is_found_in_every_layout() {
        let mounts = "30 25 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
                      31 25 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      32 25 0:28 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n";
        let own = "4:memory:/a/b\n3:cpu,cpuacct:/docker/abc/d\n0::/\n";
        let place = |kind, controller| own_place(mounts, own, kind, controller);
        assert_eq!(place("cgroup2", ""), Some("/sys/fs/cgroup/unified/".into()));
        assert_eq!(place("cgroup", "memory"), Some("/sys/fs/cgroup/memory/a/b".into()));
        assert_eq!(place("cgroup", "cpuacct"), Some("/sys/fs/cgroup/cpu,cpuacct/d".into()));
        assert_eq!(place("cgroup", "pids"), None);
    }
}
