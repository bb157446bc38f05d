//! The host: its files and sockets, its size, its load.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use tokio::net::{UnixListener, UnixStream};

/// The path of a socket in an open directory: so the length of the directory's own does not matter.
pub fn socket_in(dir: &File, name: &str) -> String {
    format!("/proc/self/fd/{}/{name}", dir.as_raw_fd())
}

/// A Unix socket in `dir`, reached through a descriptor so that the length of its path does not matter.
pub fn bind(dir: &Path, name: &str) -> io::Result<UnixListener> {
    let handle = File::open(dir)?;
    UnixListener::bind(socket_in(&handle, name))
}

pub async fn connect(dir: &Path, name: &str) -> io::Result<UnixStream> {
    let handle = File::open(dir)?;
    UnixStream::connect(socket_in(&handle, name)).await
}

/// A directory for this user alone; its parents as they come.
pub fn private_dir(path: &Path) -> io::Result<()> {
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

    #[tokio::test]
    async fn a_deep_directory_still_has_a_socket() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("d".repeat(120)).join("e".repeat(120));
        std::fs::create_dir_all(&deep).unwrap();
        let listener = bind(&deep, "x.sock").unwrap();
        let (connected, accepted) = tokio::join!(connect(&deep, "x.sock"), listener.accept());
        connected.unwrap();
        accepted.unwrap();
    }
}
