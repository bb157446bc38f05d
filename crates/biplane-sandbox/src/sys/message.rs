//! Descriptors: passed on, waited for, locked, let go of.

use super::{check, owned};
use std::ffi::{CStr, OsStr, OsString};
use std::io::{self, Error, Result};
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;

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

/// Room for the few descriptors that one message carries.
const CONTROL_BYTES: usize = 64;
const PASSED_MAX: usize = 8;

#[repr(align(8))]
struct ControlBuffer([u8; CONTROL_BYTES]);

/// Sends one message of one byte with descriptors.
pub fn send_fds<const N: usize>(socket: BorrowedFd<'_>, fds: [BorrowedFd<'_>; N]) -> Result<()> {
    const { assert!(N <= PASSED_MAX) };
    let (mut byte, mut control) = ([1_u8], ControlBuffer([0; CONTROL_BYTES]));
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    let bytes = size_of::<[RawFd; N]>() as u32;
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
pub fn receive_fds<const N: usize>(socket: BorrowedFd<'_>) -> Result<Option<[OwnedFd; N]>> {
    let (mut byte, mut control) = ([0_u8], ControlBuffer([0; CONTROL_BYTES]));
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    let mut received: Vec<OwnedFd> = Vec::with_capacity(N);
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
