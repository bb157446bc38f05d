//! The host: its working directory, its size, its load.

use crate::NodeError;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Makes the working directory this agent's own until the lock is dropped, and sweeps what an agent
/// before it left behind (its processes died with it).
pub fn claim(work_dir: &Path) -> Result<Flock<File>, NodeError> {
    let failed = |source| NodeError::WorkDir { path: work_dir.to_owned(), source };
    private_dir(work_dir).map_err(failed)?;
    let file = File::create(work_dir.join("node.lock")).map_err(failed)?;
    let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock)
        .map_err(|_| NodeError::InUse(work_dir.to_owned()))?;
    let sandboxes = work_dir.join("sandboxes");
    if sandboxes.exists() {
        std::fs::remove_dir_all(&sandboxes).map_err(failed)?;
    }
    private_dir(&sandboxes).map_err(failed)?;
    Ok(lock)
}

/// A directory for this user alone; its parents as they come.
pub fn private_dir(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

pub fn cpus() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX))
}

/// Physical memory, or the limit of the control group when that is less.
pub fn memory_bytes() -> u64 {
    let total = meminfo("MemTotal:").unwrap_or(0);
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limit =
        limits.iter().find_map(|path| std::fs::read_to_string(path).ok()?.trim().parse().ok());
    limit.map_or(total, |limit: u64| limit.min(total))
}

pub fn memory_available_bytes() -> u64 {
    meminfo("MemAvailable:").unwrap_or(0)
}

fn meminfo(field: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with(field))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

pub fn load1() -> f32 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_tells_its_size() {
        assert!(memory_bytes() > 1 << 20 && memory_available_bytes() > 0 && cpus() > 0);
    }

    #[test]
    fn a_working_directory_has_one_agent_and_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("sandboxes/old")).unwrap();
        let lock = claim(dir.path()).unwrap();
        assert!(!dir.path().join("sandboxes/old").exists());
        assert!(matches!(claim(dir.path()), Err(NodeError::InUse(_))));
        drop(lock);
        assert!(claim(dir.path()).is_ok());
    }
}
