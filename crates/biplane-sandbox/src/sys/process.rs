//! Processes: made, replaced, waited for, signalled.

use super::{check, owned};
use std::ffi::{CStr, CString};
use std::io::{self, Error, Result};
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::{null, null_mut};

/// The constant of the libc crate has too few bits.
const CLONE_INTO_CGROUP: u64 = 1 << 33;

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

pub fn new_session() -> Result<()> {
    // SAFETY: takes nothing.
    check(unsafe { libc::setsid() }.into()).map(drop)
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
