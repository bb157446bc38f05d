//! More than one's share, the ways round: what the kernel keeps on behalf of a process.

use crate::Outcome;
use crate::call::{errno, exit, fork, raw, text, wait};
use crate::resources::number;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

const BLOCK: usize = 64 << 10;

/// As many descriptors as this process may ever have.
fn raise_descriptors() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the struct lives as long as the calls.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
    }
}

/// Writes until it would block; how much.
fn stuff(fd: i64) -> u64 {
    let block = [1_u8; BLOCK];
    let mut total = 0;
    while let Ok(count @ 1..) =
        raw(libc::SYS_write, [fd, block.as_ptr() as i64, BLOCK as i64, 0, 0, 0])
    {
        total += count as u64;
    }
    total
}

/// So many bytes in pipes that nobody reads.
pub fn pipes(arguments: &[String]) -> Outcome {
    let wanted = number(arguments)?;
    raise_descriptors();
    let mut held = 0;
    while held < wanted {
        let mut ends = [0_i32; 2];
        // SAFETY: room for two descriptors.
        if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_NONBLOCK) } != 0 {
            return Err(format!("{held} bytes, {}", text(errno())));
        }
        let fd = i64::from(ends[1]);
        let _ = raw(libc::SYS_fcntl, [fd, libc::F_SETPIPE_SZ.into(), 1 << 20, 0, 0, 0]);
        held += stuff(fd);
    }
    Ok(format!("{held} bytes"))
}

/// So many bytes on their way between sockets.
pub fn socket_buffers(arguments: &[String]) -> Outcome {
    let wanted = number(arguments)?;
    raise_descriptors();
    let (mut held, mut pairs) = (0, Vec::new());
    while held < wanted {
        let pair = UnixStream::pair().map_err(|error| format!("{held} bytes, {error}"))?;
        for end in [&pair.0, &pair.1] {
            end.set_nonblocking(true).map_err(|error| error.to_string())?;
            held += stuff(end.as_raw_fd().into());
        }
        pairs.push(pair);
    }
    Ok(format!("{held} bytes"))
}

/// A segment of System V of that size, written to and removed.
pub fn segment(arguments: &[String]) -> Outcome {
    let bytes = number(arguments)?;
    let mode = i64::from(libc::IPC_CREAT | 0o600);
    let id = raw(libc::SYS_shmget, [libc::IPC_PRIVATE.into(), bytes as i64, mode, 0, 0, 0])
        .map_err(text)?;
    let at = raw(libc::SYS_shmat, [id, 0, 0, 0, 0, 0]);
    let removed = raw(libc::SYS_shmctl, [id, libc::IPC_RMID.into(), 0, 0, 0, 0]);
    let at = at.and_then(|at| removed.map(|_| at)).map_err(text)?;
    for page in (0..bytes).step_by(4096) {
        // SAFETY: within the segment, which is attached there until this process ends.
        unsafe { (at as *mut u8).add(page as usize).write_volatile(1) };
    }
    Ok(format!("{bytes} bytes"))
}

/// So many bytes of tables for pages that are all the same page of zeros.
pub fn page_tables(arguments: &[String]) -> Outcome {
    const STEP: u64 = 2 << 20;
    let tables = number(arguments)? / 4096;
    let bytes = usize::try_from(tables * STEP).map_err(|error| error.to_string())?;
    // SAFETY: a new mapping, read within its bounds and left to the end of the process.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let at = libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_READ, flags, -1, 0);
        if at == libc::MAP_FAILED {
            return Err(text(errno()));
        }
        // Else one table would do for much more.
        libc::madvise(at, bytes, libc::MADV_NOHUGEPAGE);
        for table in 0..tables {
            at.cast::<u8>().add((table * STEP) as usize).read_volatile();
        }
    }
    Ok(format!("{tables} tables"))
}

/// More descriptors than one may have, most of them on their way to nobody.
pub fn in_flight(arguments: &[String]) -> Outcome {
    let wanted = number(arguments)?;
    let mut pairs = Vec::new();
    for count in 0..wanted {
        if count % 64 == 0 {
            pairs.push(UnixStream::pair().map_err(|error| format!("{count}, {error}"))?);
        }
        let end = &pairs.last().ok_or("a pair?")?.0;
        let null = File::open("/dev/null").map_err(|error| format!("{count}, {error}"))?;
        send(end, null.as_raw_fd()).map_err(|error| format!("{count}, {}", text(error)))?;
    }
    Ok(format!("{wanted} descriptors"))
}

fn send(socket: &UnixStream, fd: i32) -> Result<(), i32> {
    let (mut byte, mut control) = ([0_u8], [0_u64; 4]);
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    // SAFETY: every pointer lives as long as the call, and the buffer has room for one descriptor.
    let sent = unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(4) as usize;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(4) as usize;
        libc::CMSG_DATA(header).cast::<i32>().write_unaligned(fd);
        libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL)
    };
    if sent < 0 { Err(errno()) } else { Ok(()) }
}

/// So many descriptors of every kind that is allowed.
pub fn mixed_descriptors(arguments: &[String]) -> Outcome {
    let wanted = number(arguments)?;
    raise_descriptors();
    let kinds: [(i64, [i64; 6]); 4] = [
        (libc::SYS_eventfd2, [0; 6]),
        (libc::SYS_epoll_create1, [0; 6]),
        (libc::SYS_timerfd_create, [libc::CLOCK_MONOTONIC.into(), 0, 0, 0, 0, 0]),
        (libc::SYS_socket, [libc::AF_INET.into(), libc::SOCK_STREAM.into(), 0, 0, 0, 0]),
    ];
    for count in 0..wanted {
        let (number, arguments) = kinds[(count % 4) as usize];
        raw(number, arguments).map_err(|error| format!("{count}, {}", text(error)))?;
    }
    Ok(format!("{wanted} descriptors"))
}

/// So many bytes of noise to whoever listens, with what would command a terminal.
pub fn flood(arguments: &[String]) -> Outcome {
    let wanted = number(arguments)?;
    let block = b"\x1b]0;owned\x07\x1b[2J\x9b31m\r\0 noise\n".repeat(2048);
    let (mut errors, mut output) = (std::io::stderr(), std::io::stdout());
    let mut told = 0;
    while told < wanted {
        errors.write_all(&block).map_err(|error| error.to_string())?;
        let _ = output.write_all(&block);
        told += block.len() as u64;
    }
    Ok(format!("{told} bytes"))
}

/// Forks and spins for as long as it lives, in every process it gets.
pub fn bomb(_: &[String]) -> Outcome {
    eprintln!("ticking");
    loop {
        if fork() == 0 {
            let until = Instant::now() + Duration::from_millis(20);
            while Instant::now() < until {}
        }
        let mut status = 0;
        // SAFETY: the status is ours.
        while unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) } > 0 {}
    }
}

/// How long so many forks take, one by one, in milliseconds: half of them, and all but one in a hundred.
pub fn pace(arguments: &[String]) -> Outcome {
    let rounds = usize::try_from(number(arguments)?).map_err(|error| error.to_string())?;
    let mut times: Vec<Duration> = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let begin = Instant::now();
        match fork() {
            0 => exit(0),
            -1 => return Err(text(errno())),
            child => wait(child),
        };
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    let at = |part: usize| times[(rounds * part / 100).min(rounds - 1)].as_millis();
    Ok(format!("{} {}", at(50), at(99)))
}
