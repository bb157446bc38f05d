//! System calls that the standard library does not have: thin, typed, each with its errors. Every
//! `unsafe` block of the crate is here.
#![expect(unsafe_code, reason = "system calls; the rest of the crate has none")]

mod loops;
mod message;
mod mount;
mod networks;
mod process;
mod rights;

pub use loops::*;
pub use message::*;
pub use mount::*;
pub use networks::*;
pub use process::*;
pub use rights::*;

use std::ffi::CString;
use std::io::{Error, Result};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

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
