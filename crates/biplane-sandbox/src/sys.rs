//! System calls that the standard library does not have: thin, typed, each with its errors. Every
//! `unsafe` block of the crate is here.
#![expect(unsafe_code, reason = "system calls; the rest of the crate has none")]

use std::ffi::{CStr, CString, OsStr, OsString};
use std::io::{self, Error, Result};
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{null, null_mut};

pub const MOUNT_READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY;
pub const MOUNT_NO_SUID: u64 = libc::MOUNT_ATTR_NOSUID;
pub const MOUNT_NO_DEV: u64 = libc::MOUNT_ATTR_NODEV;
pub const MOUNT_NO_EXEC: u64 = libc::MOUNT_ATTR_NOEXEC;

/// The constant of the libc crate has too few bits.
const CLONE_INTO_CGROUP: u64 = 1 << 33;
const EMPTY: &CStr = c"";

fn check(result: libc::c_long) -> Result<libc::c_long> {
    if result == -1 { Err(Error::last_os_error()) } else { Ok(result) }
}

fn owned(result: libc::c_long) -> Result<OwnedFd> {
    let fd = check(result)?;
    // SAFETY: the kernel has just made it, for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

pub fn c_path(path: &Path) -> Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

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

/// A new file system, attached nowhere.
pub fn new_mount(kind: &CStr, options: &[(&CStr, CString)], attributes: u64) -> Result<OwnedFd> {
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
            config(FSCONFIG_SET_STRING, name.as_ptr(), value.as_ptr())?;
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

pub fn make_link(dir: BorrowedFd<'_>, name: &CStr, target: &CStr) -> Result<()> {
    // SAFETY: both strings live as long as the call.
    check(unsafe { libc::symlinkat(target.as_ptr(), dir.as_raw_fd(), name.as_ptr()) }.into())?;
    Ok(())
}

/// Which side of a fork this is.
pub enum Forked {
    Child,
    Parent { pid: i32, handle: OwnedFd },
}

/// `clone3` as a fork with `namespaces`, straight into `cgroup`. Only for a process with one thread.
pub fn clone_into(namespaces: i32, cgroup: Option<BorrowedFd<'_>>) -> Result<Forked> {
    let mut pidfd: libc::c_int = -1;
    // SAFETY: plain data.
    let mut args: libc::clone_args = unsafe { zeroed() };
    args.flags = namespaces as u64 | libc::CLONE_PIDFD as u64;
    args.pidfd = &raw mut pidfd as u64;
    args.exit_signal = libc::SIGCHLD as u64;
    if let Some(cgroup) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = cgroup.as_raw_fd() as u64;
    }
    // SAFETY: no memory is shared, the child goes on with a copy of this stack; there is one thread,
    // so no lock of the allocator can be held by another.
    let pid = check(unsafe {
        libc::syscall(libc::SYS_clone3, &raw const args, size_of::<libc::clone_args>())
    })?;
    if pid == 0 {
        return Ok(Forked::Child);
    }
    // SAFETY: the kernel put a new descriptor there.
    let handle = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Forked::Parent { pid: pid as i32, handle })
}

/// `fork` where `clone3` is not wanted: what runs below a filter.
pub fn fork() -> Result<i32> {
    // SAFETY: there is one thread.
    Ok(check(unsafe { libc::fork() }.into())? as i32)
}

/// Ends this process without running anything more of it.
pub fn exit(code: i32) -> ! {
    // SAFETY: does not return.
    unsafe { libc::_exit(code) }
}

pub fn execve(path: &CStr, args: &[CString], env: &[CString]) -> Error {
    let pointers = |strings: &[CString]| {
        strings.iter().map(|s| s.as_ptr()).chain([null()]).collect::<Vec<_>>()
    };
    let (args, env) = (pointers(args), pointers(env));
    // SAFETY: both arrays end with null and live as long as the call.
    unsafe { libc::execve(path.as_ptr(), args.as_ptr(), env.as_ptr()) };
    Error::last_os_error()
}

/// Waits for one child, or any with -1. None: it has not ended yet (`WNOHANG`).
pub fn wait(pid: i32, flags: i32) -> Result<Option<(i32, i32)>> {
    let mut status = 0;
    loop {
        // SAFETY: the status is ours.
        match check(unsafe { libc::waitpid(pid, &raw mut status, flags) }.into()) {
            Ok(0) => return Ok(None),
            Ok(pid) => return Ok(Some((pid as i32, status))),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Exit code, or minus the signal.
pub fn exit_code(status: i32) -> i32 {
    if libc::WIFSIGNALED(status) { -libc::WTERMSIG(status) } else { libc::WEXITSTATUS(status) }
}

pub fn kill(pid: i32, signal: i32) -> Result<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::kill(pid, signal) }.into()).map(drop)
}

pub fn signal_handle(handle: BorrowedFd<'_>, signal: i32) -> Result<()> {
    // SAFETY: no information is passed.
    check(unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            handle.as_raw_fd(),
            signal,
            null::<libc::siginfo_t>(),
            0,
        )
    })
    .map(drop)
}

pub fn process_handle(pid: i32) -> Result<OwnedFd> {
    // SAFETY: plain numbers.
    owned(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
}

/// Physical memory.
pub fn memory_bytes() -> u64 {
    // SAFETY: plain data, filled by the call.
    unsafe {
        let mut info: libc::sysinfo = zeroed();
        libc::sysinfo(&raw mut info);
        info.totalram.saturating_mul(info.mem_unit.into())
    }
}

/// Waits until one of them is ready or hung up; what happened, in their order.
pub fn poll(fds: &[Option<BorrowedFd<'_>>], timeout_ms: i32) -> Result<Vec<i16>> {
    let mut polled: Vec<libc::pollfd> = fds
        .iter()
        .map(|fd| libc::pollfd {
            fd: fd.map_or(-1, |fd| fd.as_raw_fd()),
            events: libc::POLLIN,
            revents: 0,
        })
        .collect();
    loop {
        // SAFETY: the array has the length that is given.
        let done =
            unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, timeout_ms) };
        match check(done.into()) {
            Ok(_) => return Ok(polled.iter().map(|fd| fd.revents).collect()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

pub fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: there is room for two descriptors, which are ours then.
    unsafe {
        check(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC).into())?;
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

/// Two ends of a socket that keeps messages apart.
pub fn message_pair() -> Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: as above.
    unsafe {
        check(libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()).into())?;
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

pub fn event_counter() -> Result<OwnedFd> {
    // SAFETY: plain numbers.
    owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) }.into())
}

/// An anonymous file.
pub fn memory_file(name: &CStr) -> Result<OwnedFd> {
    // SAFETY: the name lives as long as the call.
    owned(unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) }.into())
}

/// How many descriptors one message carries.
pub const PASSED: usize = 3;
const CONTROL_BYTES: usize = 64;

#[repr(align(8))]
struct ControlBuffer([u8; CONTROL_BYTES]);

/// Sends one message of one byte with descriptors.
pub fn send_fds(socket: BorrowedFd<'_>, fds: [BorrowedFd<'_>; PASSED]) -> Result<()> {
    let (mut byte, mut control) = ([1_u8], ControlBuffer([0; CONTROL_BYTES]));
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    let bytes = size_of::<[RawFd; PASSED]>() as u32;
    // SAFETY: every pointer lives as long as the call; the control buffer has room for the header and
    // the descriptors, which `CMSG_*` place in it.
    unsafe {
        let mut message: libc::msghdr = zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(bytes) as usize;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(bytes) as usize;
        let data = libc::CMSG_DATA(header).cast::<RawFd>();
        for (place, fd) in fds.iter().enumerate() {
            data.add(place).write_unaligned(fd.as_raw_fd());
        }
        check(libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) as i64)?;
    }
    Ok(())
}

/// The next message's descriptors; None when the other side is gone. A message of another form is
/// an error.
pub fn receive_fds(socket: BorrowedFd<'_>) -> Result<Option<[OwnedFd; PASSED]>> {
    let (mut byte, mut control) = ([0_u8], ControlBuffer([0; CONTROL_BYTES]));
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    let mut received: Vec<OwnedFd> = Vec::with_capacity(PASSED);
    // SAFETY: as above; what `CMSG_*` yield lies in the control buffer, and the descriptors are ours.
    unsafe {
        let mut message: libc::msghdr = zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = CONTROL_BYTES;
        let flags = libc::MSG_CMSG_CLOEXEC;
        let bytes = loop {
            match check(libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) as i64) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        let mut header = libc::CMSG_FIRSTHDR(&raw const message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
                let length = (*header).cmsg_len - libc::CMSG_LEN(0) as usize;
                let data = libc::CMSG_DATA(header).cast::<RawFd>();
                for place in 0..length / size_of::<RawFd>() {
                    received.push(OwnedFd::from_raw_fd(data.add(place).read_unaligned()));
                }
            }
            header = libc::CMSG_NXTHDR(&raw const message, header);
        }
        if bytes == 0 {
            return Ok(None);
        }
    }
    let fds = received.try_into().map_err(|_| Error::from(io::ErrorKind::InvalidData))?;
    Ok(Some(fds))
}

pub fn prctl(option: i32, value: u64) -> Result<i32> {
    // SAFETY: the options used take numbers.
    Ok(check(unsafe { libc::prctl(option, value, 0, 0, 0) }.into())? as i32)
}

pub fn set_ids(uid: u32, gid: u32) -> Result<()> {
    // SAFETY: plain numbers.
    unsafe {
        check(libc::setresgid(gid, gid, gid).into())?;
        check(libc::setresuid(uid, uid, uid).into())?;
    }
    Ok(())
}

pub fn drop_groups() -> Result<()> {
    // SAFETY: an empty list.
    check(unsafe { libc::setgroups(0, null()) }.into()).map(drop)
}

pub fn effective_uid() -> u32 {
    // SAFETY: always succeeds.
    unsafe { libc::geteuid() }
}

pub fn effective_gid() -> u32 {
    // SAFETY: always succeeds.
    unsafe { libc::getegid() }
}

/// Gives up every capability: effective, permitted, inheritable, ambient, and the right to get any.
pub fn drop_capabilities() -> Result<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    const VERSION_3: u32 = 0x2008_0522;
    for capability in 0..64 {
        match prctl(libc::PR_CAPBSET_DROP, capability) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => break,
            other => other?,
        };
    }
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as u64)?;
    let (header, none) = (Header { version: VERSION_3, pid: 0 }, [0_u32; 6]);
    // SAFETY: version 3 reads a header and two sets of three words.
    check(unsafe { libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) })?;
    Ok(())
}

pub fn set_limit(resource: libc::__rlimit_resource_t, soft: u64, hard: u64) -> Result<()> {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: the struct lives as long as the call.
    check(unsafe { libc::setrlimit(resource, &raw const limit) }.into()).map(drop)
}

pub fn hard_limit(resource: libc::__rlimit_resource_t) -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the struct lives as long as the call.
    match unsafe { libc::getrlimit(resource, &raw mut limit) } {
        0 => limit.rlim_max,
        _ => 0,
    }
}

/// Lets no descriptor from `first` on survive `execve`.
pub fn close_on_exec_from(first: u32) -> Result<()> {
    let flags = libc::CLOSE_RANGE_CLOEXEC;
    // SAFETY: plain numbers; nothing is closed now.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, flags) }).map(drop)
}

/// What a directory holds, save `.` and `..`.
pub fn names(dir: OwnedFd) -> Result<Vec<OsString>> {
    let mut names = Vec::new();
    // SAFETY: the stream takes the descriptor over and is closed once; an entry is read before the next
    // one is asked for.
    unsafe {
        let stream = libc::fdopendir(dir.into_raw_fd());
        if stream.is_null() {
            return Err(Error::last_os_error());
        }
        loop {
            let entry = libc::readdir(stream);
            if entry.is_null() {
                break;
            }
            let name = CStr::from_ptr((*entry).d_name.as_ptr()).to_bytes();
            if name != b"." && name != b".." {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        libc::closedir(stream);
    }
    Ok(names)
}

/// Makes `fd` also known as `number`, which survives `execve`.
pub fn place(fd: BorrowedFd<'_>, number: RawFd) -> Result<()> {
    // SAFETY: plain numbers.
    unsafe {
        if fd.as_raw_fd() == number {
            return check(libc::fcntl(number, libc::F_SETFD, 0).into()).map(drop);
        }
        check(libc::dup2(fd.as_raw_fd(), number).into()).map(drop)
    }
}

pub fn new_session() -> Result<()> {
    // SAFETY: takes nothing.
    check(unsafe { libc::setsid() }.into()).map(drop)
}

/// A session keyring of its own, empty.
pub fn new_keyring() -> Result<()> {
    const KEYCTL_JOIN_SESSION_KEYRING: i32 = 1;
    // SAFETY: no name.
    check(unsafe {
        libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, null::<libc::c_char>())
    })
    .map(drop)
}

pub fn new_group_namespace() -> Result<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::unshare(libc::CLONE_NEWCGROUP) }.into()).map(drop)
}

pub fn set_umask(mask: u32) {
    // SAFETY: always succeeds.
    unsafe { libc::umask(mask) };
}

pub fn set_host_name(name: &str) -> Result<()> {
    // SAFETY: pointer and length of one string.
    check(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) }.into()).map(drop)
}

pub fn change_dir(path: &CStr) -> Result<()> {
    // SAFETY: the path lives as long as the call.
    check(unsafe { libc::chdir(path.as_ptr()) }.into()).map(drop)
}

/// Every signal to its default, none blocked.
pub fn reset_signals() {
    /// `struct sigaction` of the kernel, all zero: the default.
    const DEFAULT: [u64; 4] = [0; 4];
    // SAFETY: default handlers; numbers that cannot be set are refused, which is as good. The library's
    // own call leaves two numbers out, which may be ignored by who started all this.
    unsafe {
        for signal in 1..=64 {
            let nothing = null_mut::<u64>();
            libc::syscall(libc::SYS_rt_sigaction, signal, DEFAULT.as_ptr(), nothing, 8);
        }
        let mut none: libc::sigset_t = zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, null_mut());
    }
}

/// What asks processes to end is ignored from now on.
pub fn ignore_to_end() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: no handler.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Children are waited for again.
pub fn heed_children() {
    // SAFETY: no handler.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
}

pub fn ignore_children() {
    // SAFETY: the kernel reaps them then.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
}

/// `signal` calls `handler`, which may do system calls only.
pub fn on_signal(signal: i32, handler: extern "C" fn(i32)) -> Result<()> {
    // SAFETY: the handler's type is that of the call, and interrupted calls go on.
    unsafe {
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        check(libc::sigaction(signal, &raw const action, null_mut()).into()).map(drop)
    }
}

/// Brings loopback up in this network namespace.
pub fn loopback_up() -> Result<()> {
    // SAFETY: the request lives as long as the call; its name and flags are set.
    unsafe {
        let socket =
            owned(libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0).into())?;
        let mut request: libc::ifreq = zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request).into())
            .map(drop)
    }
}

/// Binds this process, and all it will start, to a filter program.
pub fn set_filter(program: &mut [libc::sock_filter]) -> Result<()> {
    const SECCOMP_SET_MODE_FILTER: libc::c_uint = 1;
    let length =
        u16::try_from(program.len()).map_err(|_| Error::from(io::ErrorKind::InvalidInput))?;
    let program = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    // SAFETY: the program lives as long as the call; the kernel copies and verifies it.
    check(unsafe {
        libc::syscall(libc::SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &raw const program)
    })
    .map(drop)
}

/// Locks one byte of a file until the last handle on this open file is closed. False: another holds it.
pub fn lock_byte(file: BorrowedFd<'_>, byte: u32) -> Result<bool> {
    // SAFETY: plain data, which lives as long as the call.
    unsafe {
        let mut lock: libc::flock = zeroed();
        lock.l_type = libc::F_WRLCK as libc::c_short;
        lock.l_whence = libc::SEEK_SET as libc::c_short;
        lock.l_start = libc::off_t::from(byte);
        lock.l_len = 1;
        match check(libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock).into()) {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}
