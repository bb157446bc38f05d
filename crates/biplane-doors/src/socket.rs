//! Opening a door: a Unix listener in a directory.

use std::fs::{File, Permissions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tokio::net::UnixListener;

/// Binds `name` in `dir`. The path is reached through a descriptor so that its length does not matter.
/// Anybody who reaches the directory may connect: a sandbox has a user of its own, and the directory
/// is mounted into it alone.
pub fn open(dir: &Path, name: &str) -> std::io::Result<UnixListener> {
    let handle = File::open(dir)?;
    let path = format!("/proc/self/fd/{}/{name}", handle.as_raw_fd());
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, Permissions::from_mode(0o666))?;
    Ok(listener)
}
