//! Paths opened without following links, and mounts by descriptor.

use super::{c_path, check, owned};
use std::ffi::{CStr, CString};
use std::io::{self, Result};
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::ptr::null;

const EMPTY: &CStr = c"";
pub const MOUNT_READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY;
pub const MOUNT_NO_SUID: u64 = libc::MOUNT_ATTR_NOSUID;
pub const MOUNT_NO_DEV: u64 = libc::MOUNT_ATTR_NODEV;
pub const MOUNT_NO_EXEC: u64 = libc::MOUNT_ATTR_NOEXEC;

/// A handle on `path` that follows no symbolic link on the way, nor at its end. With `root`, the path
/// is inside of it.
pub fn open_path(root: Option<BorrowedFd<'_>>, path: &Path, flags: i32) -> Result<OwnedFd> {
    // SAFETY: plain data.
    let mut how: libc::open_how = unsafe { zeroed() };
    // Without O_NOFOLLOW, with which O_PATH would open a link itself.
    how.flags = (flags | libc::O_CLOEXEC) as u64;
    how.resolve = libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_NO_MAGICLINKS;
    let dir = match root {
        Some(root) => {
            how.resolve |= libc::RESOLVE_IN_ROOT;
            root.as_raw_fd()
        }
        None => libc::AT_FDCWD,
    };
    let path = c_path(path)?;
    // SAFETY: both pointers live as long as the call, and the size is that of the struct.
    owned(unsafe {
        libc::syscall(
            libc::SYS_openat2,
            dir,
            path.as_ptr(),
            &raw const how,
            size_of::<libc::open_how>(),
        )
    })
}

/// A private copy of the mount that `handle` is in, from there downwards, attached nowhere.
pub fn clone_tree(handle: BorrowedFd<'_>) -> Result<OwnedFd> {
    let flags = libc::OPEN_TREE_CLONE
        | libc::OPEN_TREE_CLOEXEC
        | (libc::AT_EMPTY_PATH | libc::AT_RECURSIVE) as libc::c_uint;
    // SAFETY: the path is a constant.
    owned(unsafe { libc::syscall(libc::SYS_open_tree, handle.as_raw_fd(), EMPTY.as_ptr(), flags) })
}

/// Attaches `mount` at the place `at` is a handle of.
pub fn attach(mount: BorrowedFd<'_>, at: BorrowedFd<'_>) -> Result<()> {
    let flags = libc::MOVE_MOUNT_F_EMPTY_PATH | libc::MOVE_MOUNT_T_EMPTY_PATH;
    // SAFETY: the paths are constants.
    check(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            mount.as_raw_fd(),
            EMPTY.as_ptr(),
            at.as_raw_fd(),
            EMPTY.as_ptr(),
            flags,
        )
    })?;
    Ok(())
}

/// Sets attributes of a mount; with `recursive` of all below it too, which also makes them private.
pub fn set_mount(
    mount: BorrowedFd<'_>,
    attributes: u64,
    recursive: bool,
    ids: Option<BorrowedFd<'_>>,
) -> Result<()> {
    // SAFETY: plain data.
    let mut attr: libc::mount_attr = unsafe { zeroed() };
    attr.attr_set = attributes;
    if let Some(ids) = ids {
        attr.attr_set |= libc::MOUNT_ATTR_IDMAP;
        attr.userns_fd = ids.as_raw_fd() as u64;
    }
    let mut flags = libc::AT_EMPTY_PATH;
    if recursive {
        flags |= libc::AT_RECURSIVE;
        attr.propagation = libc::MS_PRIVATE;
    }
    // SAFETY: both pointers live as long as the call, and the size is that of the struct.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            EMPTY.as_ptr(),
            flags,
            &raw const attr,
            size_of::<libc::mount_attr>(),
        )
    })?;
    Ok(())
}

/// A new file system, attached nowhere. An option without a value is a flag.
pub fn new_mount(kind: &CStr, options: &[(&CStr, CString)], attributes: u64) -> Result<OwnedFd> {
    const FSCONFIG_SET_FLAG: libc::c_uint = 0;
    const FSCONFIG_SET_STRING: libc::c_uint = 1;
    const FSCONFIG_CMD_CREATE: libc::c_uint = 6;
    const FSOPEN_CLOEXEC: libc::c_uint = 1;
    const FSMOUNT_CLOEXEC: libc::c_uint = 1;
    // SAFETY: every pointer is a string that outlives its call, or null where the call wants that.
    unsafe {
        let context = owned(libc::syscall(libc::SYS_fsopen, kind.as_ptr(), FSOPEN_CLOEXEC))?;
        let context_fd = context.as_raw_fd();
        let config =
            |command: libc::c_uint, name: *const libc::c_char, value: *const libc::c_char| {
                check(libc::syscall(libc::SYS_fsconfig, context_fd, command, name, value, 0))
            };
        for (name, value) in options {
            match value.is_empty() {
                true => config(FSCONFIG_SET_FLAG, name.as_ptr(), null())?,
                false => config(FSCONFIG_SET_STRING, name.as_ptr(), value.as_ptr())?,
            };
        }
        config(FSCONFIG_CMD_CREATE, null(), null())?;
        owned(libc::syscall(libc::SYS_fsmount, context_fd, FSMOUNT_CLOEXEC, attributes))
    }
}

/// Makes `root` the root of this mount namespace, and lets go of the one before.
pub fn enter_root(root: BorrowedFd<'_>) -> Result<()> {
    const HERE: &CStr = c".";
    // SAFETY: the paths are constants.
    unsafe {
        check(libc::fchdir(root.as_raw_fd()).into())?;
        check(libc::syscall(libc::SYS_pivot_root, HERE.as_ptr(), HERE.as_ptr()))?;
        check(libc::umount2(HERE.as_ptr(), libc::MNT_DETACH).into())?;
        check(libc::chdir(c"/".as_ptr()).into())?;
    }
    Ok(())
}

pub fn make_dir(dir: BorrowedFd<'_>, name: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the name lives as long as the call.
    match check(unsafe { libc::mkdirat(dir.as_raw_fd(), name.as_ptr(), mode) }.into()) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}

pub fn make_file(dir: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd> {
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_CLOEXEC | libc::O_NOFOLLOW;
    // SAFETY: the name lives as long as the call.
    owned(unsafe { libc::openat(dir.as_raw_fd(), name.as_ptr(), flags, 0o444) }.into())
}

/// To read and write, and only if there is nothing of that name.
pub fn make_new_file(dir: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd> {
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC | libc::O_NOFOLLOW;
    // SAFETY: the name lives as long as the call.
    owned(unsafe { libc::openat(dir.as_raw_fd(), name.as_ptr(), flags, 0o600) }.into())
}

/// What is left of the file system that a directory is in.
pub fn free_bytes(dir: &Path) -> Result<u64> {
    let dir = c_path(dir)?;
    // SAFETY: plain data, and both pointers live as long as the call.
    unsafe {
        let mut found: libc::statvfs = zeroed();
        check(libc::statvfs(dir.as_ptr(), &raw mut found).into())?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }
}

pub fn remove_dir(dir: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    // SAFETY: the name lives as long as the call.
    check(unsafe { libc::unlinkat(dir.as_raw_fd(), name.as_ptr(), libc::AT_REMOVEDIR) }.into())?;
    Ok(())
}

pub fn make_link(dir: BorrowedFd<'_>, name: &CStr, target: &CStr) -> Result<()> {
    // SAFETY: both strings live as long as the call.
    check(unsafe { libc::symlinkat(target.as_ptr(), dir.as_raw_fd(), name.as_ptr()) }.into())?;
    Ok(())
}
