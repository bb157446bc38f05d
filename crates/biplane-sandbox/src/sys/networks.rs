//! Network namespaces of programs that are started: made or entered between `fork` and `execve`, where
//! nothing may allocate.

use super::{check, loopback_up};
use std::ffi::CStr;
use std::io::{Error, Result};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What is written into the maps of a user namespace, made before the fork.
pub struct Maps {
    pub user: String,
    pub group: String,
}

/// The program begins in an empty network of its own, where loopback is up.
pub fn in_new_network(command: &mut Command, maps: Maps) {
    let make = move || {
        if unshare(libc::CLONE_NEWNET).is_err() {
            // Who may not do it alone may as the owner of a user namespace, as which it stays the same user.
            unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET)?;
            write(c"/proc/self/setgroups", b"deny")?;
            write(c"/proc/self/uid_map", maps.user.as_bytes())?;
            write(c"/proc/self/gid_map", maps.group.as_bytes())?;
        }
        loopback_up()
    };
    // SAFETY: system calls on what was made before; nothing allocates or locks.
    unsafe { command.pre_exec(make) };
}

/// The program begins in these namespaces, which must stay open until it was started.
pub fn in_network(command: &mut Command, user: Option<RawFd>, network: RawFd) {
    let enter = move || {
        // SAFETY: plain numbers.
        unsafe {
            if let Some(user) = user {
                check(libc::setns(user, libc::CLONE_NEWUSER).into())?;
            }
            check(libc::setns(network, libc::CLONE_NEWNET).into()).map(drop)
        }
    };
    // SAFETY: as above.
    unsafe { command.pre_exec(enter) };
}

fn unshare(flags: i32) -> Result<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::unshare(flags) }.into()).map(drop)
}

fn write(path: &CStr, bytes: &[u8]) -> Result<()> {
    // SAFETY: path and bytes live as long as the calls; the descriptor is ours, and closed once.
    unsafe {
        let flags = libc::O_WRONLY | libc::O_CLOEXEC;
        let file = check(libc::open(path.as_ptr(), flags).into())?;
        let file = OwnedFd::from_raw_fd(file as RawFd);
        let wrote = libc::write(file.as_raw_fd(), bytes.as_ptr().cast(), bytes.len());
        if wrote == bytes.len() as isize { Ok(()) } else { Err(Error::last_os_error()) }
    }
}
