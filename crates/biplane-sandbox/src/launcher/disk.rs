//! How much a sandbox may keep in its working directory.
//!
//! As root the directory is a file system of its own, in a sparse file of the size that was granted, which
//! is mounted in the sandbox and nowhere else: its bytes and inodes end where they end, and it is gone with
//! the sandbox. Without root, or without loop devices, the supervisor looks from time to time.

use super::DISK_STEP;
use crate::error::{At, Result};
use crate::isolator::SpawnError;
use crate::spec::{SandboxSpec, WORK};
use crate::sys;
use serde::{Deserialize, Serialize};
use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// In the sandbox's directory.
const IMAGE: &CStr = c"disk.ext4";
/// Who has as many files as this has too many: they are counted while nothing else is looked after.
const ENTRIES_MAX: u64 = 200_000;
const BYTES_MIN: u64 = 4 << 20;
/// What an inode costs, for those who fill the disk with empty files.
const ENTRY_BYTES: u64 = 4096;

/// How the limit is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disk {
    /// There is none.
    #[default]
    Unlimited,
    /// A copy of this empty file system.
    Image(PathBuf),
    /// Looked at by the supervisor.
    Watched,
}

/// A mount of its own for the working directory, attached nowhere; nothing of it is seen on the host.
pub fn mount(spec: &SandboxSpec, template: &Path, attributes: u64) -> Result<OwnedFd> {
    let step = |what: &str| format!("{DISK_STEP}: {what}");
    let empty = File::open(template).at(step("open the empty one"))?;
    let dir = sys::open_path(None, &spec.dir, libc::O_PATH | libc::O_DIRECTORY);
    let dir = dir.at(format!("open {}", spec.dir.display()))?;
    let image = File::from(sys::make_new_file(dir.as_fd(), IMAGE).at(step("make a file"))?);
    sys::copy_sparse(&empty, &image).at(step("copy"))?;
    let (_device, name) = sys::loop_device(image.as_fd()).at(step("find a device"))?;
    let text = |bytes: &[u8]| CString::new(bytes).map_err(std::io::Error::from);
    let source = text(name.as_os_str().as_bytes()).at(step("name the device"))?;
    // It never outlives its sandbox: nothing of it need ever be flushed, or be zeros on disk.
    let [never, flag] = [c"0", c""].map(CStr::to_owned);
    let options = [(c"source", source), (c"barrier", never), (c"noinit_itable", flag)];
    let tree = sys::new_mount(c"ext4", &options, attributes).at(step("mount"))?;
    // Every new file system has it; a working directory begins empty.
    sys::remove_dir(tree.as_fd(), c"lost+found").at(step("empty it"))?;
    Ok(tree)
}

/// The empty file systems of an agent, one of every size that was asked for.
#[derive(Debug)]
pub struct Disks {
    dir: PathBuf,
    making: Mutex<()>,
}

impl Disks {
    pub fn new(work_dir: &Path) -> Self {
        Self { dir: work_dir.join("disks"), making: Mutex::new(()) }
    }

    /// A limit of so many bytes; what is too small for a file system becomes the smallest one. Never more
    /// than the host has left now: who writes beyond that would lose it unheard.
    pub fn of(&self, bytes: u64) -> std::result::Result<Disk, SpawnError> {
        let failed = |step: &str, error: std::io::Error| SpawnError::Refused {
            step: format!("{DISK_STEP}: {step}"),
            error: error.to_string(),
        };
        fs::create_dir_all(&self.dir).map_err(|error| failed("prepare", error))?;
        let free =
            sys::free_bytes(&self.dir).map_err(|error| failed("look at the host's", error))?;
        let bytes = granted(bytes, free);
        let path = self.dir.join(format!("{bytes}.ext4"));
        let _one = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if !path.exists() {
            format(&path, bytes).map_err(|error| failed("format", error))?;
        }
        Ok(Disk::Image(path))
    }
}

/// A power of two where it is less than was asked for: every size needs an empty file system.
fn granted(bytes: u64, free: u64) -> u64 {
    let possible = if bytes <= free { bytes } else { 1 << free.max(1).ilog2() };
    possible.max(BYTES_MIN).next_multiple_of(ENTRY_BYTES)
}

fn format(path: &Path, bytes: u64) -> std::io::Result<()> {
    let unfinished = path.with_extension("new");
    File::create(&unfinished)?.set_len(bytes)?;
    let made = Command::new("mke2fs")
        // Lazily: the kernel need not see zeros where it knows that nothing is.
        .args([
            "-q",
            "-F",
            "-t",
            "ext4",
            "-O",
            "^has_journal,^resize_inode,sparse_super2",
            "-b",
            "4096",
            "-m",
            "0",
        ])
        .args(["-i", "16384", "-E", "lazy_itable_init=1,nodiscard,root_owner=0:0,num_backup_sb=0"])
        .arg(&unfinished)
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .stdin(Stdio::null())
        .output()?;
    if !made.status.success() {
        let text = String::from_utf8_lossy(&made.stderr).trim().to_owned();
        return Err(std::io::Error::other(format!("mke2fs: {text}")));
    }
    fs::rename(unfinished, path)
}

/// What is below the working directory is more than it may be. Never follows a link; what has no name any
/// more is not seen.
pub fn is_full(spec: &SandboxSpec) -> bool {
    let (mut bytes, mut entries) = (0_u64, 0_u64);
    let mut waiting = vec![spec.dir.join(WORK)];
    while let Some(dir) = waiting.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            entries += 1;
            bytes = bytes.saturating_add((meta.blocks() * 512).max(ENTRY_BYTES));
            if bytes > spec.limits.disk_bytes || entries > ENTRIES_MAX {
                return true;
            }
            if meta.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_granted_than_there_is() {
        assert_eq!(granted(16 << 20, 1 << 40), 16 << 20);
        assert_eq!(granted(64 << 30, 20 << 30), 16 << 30);
        assert_eq!(granted(64 << 30, 0), BYTES_MIN);
        assert_eq!(granted((16 << 20) + 1, 1 << 40), (16 << 20) + 4096);
    }
}
