//! What a process is and may do: its user, capabilities, limits, filter.

use super::{check, owned};
use std::ffi::CStr;
use std::io::{self, Error, Result};
use std::mem::zeroed;
use std::os::fd::AsRawFd;
use std::ptr::null;

/// Physical memory.
pub fn memory_bytes() -> u64 {
    // SAFETY: plain data, filled by the call.
    unsafe {
        let mut info: libc::sysinfo = zeroed();
        libc::sysinfo(&raw mut info);
        info.totalram.saturating_mul(info.mem_unit.into())
    }
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
