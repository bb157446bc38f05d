//! Raw system calls and what came of them.

use std::ffi::CString;

/// The call's result, or its error number.
pub fn raw(number: i64, arguments: [i64; 6]) -> Result<i64, i32> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: what the arguments point to lives as long as the call; the rest is up to the kernel.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if result == -1 { Err(errno()) } else { Ok(result) }
}

pub fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// The call did not get past the boundary.
pub fn is_refusal(error: i32) -> bool {
    matches!(error, libc::EPERM | libc::ENOSYS)
}

pub fn text(error: i32) -> String {
    std::io::Error::from_raw_os_error(error).to_string()
}

pub fn string(text: &str) -> CString {
    CString::new(text).unwrap_or_default()
}

/// Tries each; open if one got through.
pub fn any(tries: impl IntoIterator<Item = (String, Result<i64, i32>)>) -> crate::Outcome {
    let (mut open, mut refused) = (Vec::new(), 0);
    for (name, result) in tries {
        match result {
            Err(error) if is_refusal(error) => refused += 1,
            Err(error) => open.push(format!("{name} ({})", text(error))),
            Ok(_) => open.push(name),
        }
    }
    if open.is_empty() { Err(format!("{refused} calls")) } else { Ok(open.join(", ")) }
}

pub fn fork() -> i32 {
    // SAFETY: the attacks that fork have one thread.
    unsafe { libc::fork() }
}

pub fn exit(code: i32) -> ! {
    // SAFETY: does not return.
    unsafe { libc::_exit(code) }
}

/// What became of a child: its exit code, or minus the signal.
pub fn wait(pid: i32) -> i32 {
    let mut status = 0;
    // SAFETY: the status is ours.
    unsafe { libc::waitpid(pid, &raw mut status, 0) };
    if libc::WIFSIGNALED(status) { -libc::WTERMSIG(status) } else { libc::WEXITSTATUS(status) }
}
