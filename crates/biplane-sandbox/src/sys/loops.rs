//! Files as block devices.

use super::check;
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Result};
use std::mem::zeroed;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::PathBuf;

/// Whoever asks for a free one at the same time may get the same.
const TRIES_MAX: u32 = 1000;
const LOOP_CONFIGURE: libc::Ioctl = 0x4c0a;
const LOOP_CTL_GET_FREE: libc::Ioctl = 0x4c82;
/// It is free again when nobody has it open or mounted.
const LO_FLAGS_AUTOCLEAR: u32 = 4;
const BLOCK_BYTES: u32 = 4096;

/// `struct loop_config` of the kernel.
#[repr(C)]
struct Config {
    fd: u32,
    block_size: u32,
    info: Info,
    reserved: [u64; 8],
}

/// `struct loop_info64`.
#[repr(C)]
struct Info {
    numbers: [u64; 5],
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    names: [u8; 160],
    init: [u64; 2],
}

/// A device with what `file` holds, until the handle is closed and nothing of it is mounted.
pub fn loop_device(file: BorrowedFd<'_>) -> Result<(File, PathBuf)> {
    let control = File::open("/dev/loop-control")?;
    for _ in 0..TRIES_MAX {
        // SAFETY: takes nothing.
        let number = unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE) };
        let path = PathBuf::from(format!("/dev/loop{}", check(number.into())?));
        let device = OpenOptions::new().read(true).write(true).open(&path)?;
        // SAFETY: plain data.
        let mut config: Config = unsafe { zeroed() };
        config.fd = file.as_raw_fd().unsigned_abs();
        config.block_size = BLOCK_BYTES;
        config.info.flags = LO_FLAGS_AUTOCLEAR;
        // SAFETY: the struct is the kernel's, and lives as long as the call.
        let done = unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CONFIGURE, &raw const config) };
        match check(done.into()) {
            Ok(_) => return Ok((device, path)),
            Err(error) if error.kind() == ErrorKind::ResourceBusy => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::from(ErrorKind::ResourceBusy))
}

/// Copies what a sparse file has; what it has not stays a hole.
pub fn copy_sparse(from: &File, to: &File) -> Result<()> {
    let length = i64::try_from(from.metadata()?.len()).map_err(|_| ErrorKind::FileTooLarge)?;
    to.set_len(length.unsigned_abs())?;
    let mut at = 0;
    loop {
        // SAFETY: plain numbers.
        let (begin, end) = unsafe {
            let begin = libc::lseek(from.as_raw_fd(), at, libc::SEEK_DATA);
            (begin, libc::lseek(from.as_raw_fd(), begin.max(0), libc::SEEK_HOLE))
        };
        match check(begin) {
            // There is nothing but a hole any more.
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) => return Ok(()),
            other => other?,
        };
        check(end)?;
        at = begin;
        while at < end {
            let count = usize::try_from(end - at).unwrap_or(usize::MAX);
            let (mut read, mut write) = (at, at);
            // SAFETY: both positions live as long as the call.
            let copied = check(unsafe {
                libc::copy_file_range(
                    from.as_raw_fd(),
                    &raw mut read,
                    to.as_raw_fd(),
                    &raw mut write,
                    count,
                    0,
                ) as libc::c_long
            })?;
            if copied == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            at += copied;
        }
    }
}
