//! Directories of control groups, whichever version: what is in them, ended and removed.

use crate::isolator::Stats;
use crate::sys;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Groups are gone some time after their processes: when somebody waits for that, and when nobody does.
const REMOVE_MAX: Duration = Duration::from_secs(2);
const LINGER_MAX: Duration = Duration::from_secs(120);

/// The groups directly below one.
fn below(group: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    let is_dir = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    entries.filter(is_dir).map(|entry| entry.path()).collect()
}

/// Ends and removes every group below `base`.
pub fn sweep(base: &Path) {
    for group in below(base) {
        end(&group);
        sweep(&group);
        remove(&group);
    }
}

/// Kills every process in it.
pub fn end(group: &Path) {
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

/// False: something is left in it.
pub fn remove(group: &Path) -> bool {
    remove_within(group, REMOVE_MAX)
}

/// For a process that has nothing else to do: giving back gigabytes takes its time on a busy host.
pub fn remove_at_last(group: &Path) -> bool {
    remove_within(group, LINGER_MAX)
}

fn remove_within(group: &Path, patience: Duration) -> bool {
    let until = Instant::now() + patience;
    loop {
        match fs::remove_dir(group) {
            Ok(()) => return true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return true,
            Err(_) if Instant::now() >= until => return false,
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
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
        super::leave_tenant(group);
    }
}

/// What all processes in the groups of one sandbox use together.
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

pub fn field(file: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.trim().parse().ok()
}
