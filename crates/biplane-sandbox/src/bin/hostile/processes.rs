//! Other processes, and being more than one is.

use crate::Outcome;
use crate::call::{any, exit, fork, raw, text, wait};
use std::fs;
use std::process::Command;
use std::time::Duration;

/// Processes beside init, the forwarder and this one.
pub fn listing(_: &[String]) -> Outcome {
    let mut seen = Vec::new();
    for entry in fs::read_dir("/proc").map_err(|error| error.to_string())?.flatten() {
        if let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) {
            seen.push(pid);
        }
    }
    if seen.iter().all(|pid| *pid <= 3) {
        Err(format!("{seen:?}"))
    } else {
        Ok(format!("{seen:?}"))
    }
}

/// A process of the host by its number: signals, tracing, its memory, its descriptors.
pub fn bystander(pids: &[String]) -> Outcome {
    let pid: i64 = pids.first().and_then(|pid| pid.parse().ok()).ok_or("a number?")?;
    let refused = |result: Result<i64, i32>| match result {
        Err(libc::ESRCH) => Err(libc::EPERM),
        other => other,
    };
    let byte = [0_u8; 8];
    let local = [byte.as_ptr() as i64, 8];
    let remote = [0x1000_i64, 8];
    let (local, remote) = (local.as_ptr() as i64, remote.as_ptr() as i64);
    let handle = raw(libc::SYS_pidfd_open, [pid, 0, 0, 0, 0, 0]);
    let mut tries = vec![
        ("kill", raw(libc::SYS_kill, [pid, 0, 0, 0, 0, 0])),
        ("tgkill", raw(libc::SYS_tgkill, [pid, pid, 0, 0, 0, 0])),
        ("ptrace", raw(libc::SYS_ptrace, [libc::PTRACE_SEIZE.into(), pid, 0, 0, 0, 0])),
        ("process_vm_readv", raw(libc::SYS_process_vm_readv, [pid, local, 1, remote, 1, 0])),
        ("pidfd_open", handle),
        ("prlimit", raw(libc::SYS_prlimit64, [pid, 0, 0, local, 0, 0])),
        ("setpriority", raw(libc::SYS_setpriority, [0, pid, 10, 0, 0, 0])),
        ("sched_setaffinity", raw(libc::SYS_sched_setaffinity, [pid, 8, local, 0, 0, 0])),
    ];
    if let Ok(fd) = handle {
        tries.push(("pidfd_send_signal", raw(libc::SYS_pidfd_send_signal, [fd, 0, 0, 0, 0, 0])));
        tries.push(("pidfd_getfd", raw(libc::SYS_pidfd_getfd, [fd, 0, 0, 0, 0, 0])));
    }
    any(tries.into_iter().map(|(name, result)| (name.to_owned(), refused(result))))
}

/// Everything that can be reached, at once. Refused when this process can still say so.
pub fn kill_all(_: &[String]) -> Outcome {
    let result = raw(libc::SYS_kill, [-1, libc::SIGKILL.into(), 0, 0, 0, 0]);
    std::thread::sleep(Duration::from_millis(50));
    match raw(libc::SYS_kill, [1, 0, 0, 0, 0, 0]) {
        Ok(_) => Err(format!("init is there; {result:?}")),
        Err(error) => Ok(format!("init is gone: {}", text(error))),
    }
}

/// Stopping init to outlive everything. With an argument it is a child of its own, for the control.
pub fn trace_init(arguments: &[String]) -> Outcome {
    let mut pid = 1;
    if !arguments.is_empty() {
        pid = fork();
        if pid == 0 {
            std::thread::sleep(Duration::from_secs(5));
            exit(0);
        }
    }
    let pid = i64::from(pid);
    let outcome = any([
        ("seize".to_owned(), raw(libc::SYS_ptrace, [libc::PTRACE_SEIZE.into(), pid, 0, 0, 0, 0])),
        ("attach".to_owned(), raw(libc::SYS_ptrace, [libc::PTRACE_ATTACH.into(), pid, 0, 0, 0, 0])),
    ]);
    if pid > 1 {
        let _ = raw(libc::SYS_kill, [pid, libc::SIGKILL.into(), 0, 0, 0, 0]);
    }
    outcome
}

/// Holds on as well as it can, for the supervisor to end it.
pub fn hang(_: &[String]) -> Outcome {
    // SAFETY: no handler.
    unsafe {
        for signal in 1..32 {
            libc::signal(signal, libc::SIG_IGN);
        }
    }
    let _ = raw(libc::SYS_ptrace, [libc::PTRACE_ATTACH.into(), 1, 0, 0, 0, 0]);
    let _ = raw(libc::SYS_kill, [1, libc::SIGSTOP.into(), 0, 0, 0, 0]);
    for _ in 0..4 {
        if fork() == 0 {
            let _ = raw(libc::SYS_setsid, [0; 6]);
        }
    }
    eprintln!("hanging");
    loop {
        std::thread::sleep(Duration::from_secs(600));
    }
}

/// Leaves a grandchild in a session of its own behind, which writes a file for as long as it lives.
pub fn daemon(arguments: &[String]) -> Outcome {
    let path = arguments.first().cloned().unwrap_or_else(|| "/sandbox/work/alive".into());
    if fork() == 0 {
        let _ = raw(libc::SYS_setsid, [0; 6]);
        if fork() != 0 {
            exit(0);
        }
        // SAFETY: no handler.
        unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
        loop {
            let _ = crate::files::append(path.as_ref(), b".");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    while fs::metadata(&path).is_err() {
        std::thread::sleep(Duration::from_millis(1));
    }
    Err("left a grandchild behind".into())
}

/// A helper of the host's root with the bit that makes it run as such.
pub fn set_user(paths: &[String]) -> Outcome {
    let helper = paths.first().ok_or("a helper?")?;
    let own = raw(libc::SYS_geteuid, [0; 6]).unwrap_or(-1).to_string();
    let ran = Command::new(helper).arg("who").output().map_err(|error| error.to_string())?;
    let who = String::from_utf8_lossy(&ran.stderr).trim().to_owned();
    match who.split_whitespace().last() {
        Some(id) if *id != own => Ok(format!("became {id}")),
        _ => Err(format!("still {own}: {who}")),
    }
}

/// Prints the effective user.
pub fn who(_: &[String]) -> Outcome {
    Err(raw(libc::SYS_geteuid, [0; 6]).unwrap_or(-1).to_string())
}

/// Capabilities, root, or the right to get more.
pub fn privileges(_: &[String]) -> Outcome {
    let status = fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let mut open = Vec::new();
    for line in status.lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.trim();
        let wrong = match name {
            "CapInh" | "CapPrm" | "CapEff" | "CapBnd" | "CapAmb" => {
                u64::from_str_radix(value, 16) != Ok(0)
            }
            "NoNewPrivs" => value != "1",
            "Seccomp" => value != "2",
            "Uid" | "Gid" => value.split_whitespace().any(|id| id != "1000"),
            // Without privileges nobody can drop the groups of others.
            "Groups" => value.split_whitespace().any(|id| id != "65534" && id != "1000"),
            _ => false,
        };
        if wrong {
            open.push(format!("{name} {value}"));
        }
    }
    for (name, number) in [
        ("setuid", libc::SYS_setuid),
        ("setgid", libc::SYS_setgid),
        ("setgroups", libc::SYS_setgroups),
    ] {
        if raw(number, [0; 6]).is_ok() {
            open.push(name.to_owned());
        }
    }
    if open.is_empty() { Err("nothing".into()) } else { Ok(open.join("; ")) }
}

/// What came along from those who started this.
pub fn inherited(_: &[String]) -> Outcome {
    let mut found = Vec::new();
    for fd in 3..1024 {
        if raw(libc::SYS_fcntl, [fd, libc::F_GETFD.into(), 0, 0, 0, 0]).is_ok() {
            found.push(format!("descriptor {fd}"));
        }
    }
    found
        .extend(std::env::vars().filter(|(name, _)| name.contains("CANARY")).map(|(name, _)| name));
    // SAFETY: sets and puts back; only queries after that.
    unsafe {
        let mask = libc::umask(0o022);
        if mask != 0o022 {
            found.push(format!("umask {mask:o}"));
        }
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigprocmask(libc::SIG_BLOCK, std::ptr::null(), &raw mut set);
        found.extend(
            (1..65)
                .filter(|signal| libc::sigismember(&raw const set, *signal) == 1)
                .map(|signal| format!("blocked signal {signal}")),
        );
    }
    // The runtime of this very program ignores SIGPIPE.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    if ignored & !(1 << (libc::SIGPIPE - 1)) != 0 {
        found.push(format!("ignored signals {ignored:x}"));
    }
    if found.is_empty() { Err("nothing".into()) } else { Ok(found.join(", ")) }
}

/// A limit with which a `core_pattern` that is a pipe would run its helper on the host.
pub fn core(_: &[String]) -> Outcome {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the struct lives as long as the call.
    unsafe { libc::getrlimit(libc::RLIMIT_CORE, &raw mut limit) };
    let child = fork();
    if child == 0 {
        // SAFETY: ends this process.
        unsafe { libc::abort() };
    }
    let ended = wait(child);
    match (limit.rlim_cur, limit.rlim_max) {
        (1, 1) => Err(format!("the limit is 1; a crash ended with {ended}")),
        limits => Ok(format!("the limits are {limits:?}")),
    }
}
