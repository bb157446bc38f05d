//! More than one's share.

use crate::Outcome;
use crate::call::{errno, exit, fork, raw, string, text, wait};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

pub fn number(arguments: &[String]) -> Result<u64, String> {
    arguments.first().and_then(|text| text.parse().ok()).ok_or_else(|| "a number?".into())
}

/// As many children at once; open when all could be had.
pub fn forks(arguments: &[String]) -> Outcome {
    let wanted = number(arguments)?;
    let mut children = Vec::new();
    let mut error = 0;
    for _ in 0..wanted {
        match fork() {
            0 => {
                // SAFETY: waits for a signal.
                unsafe { libc::pause() };
                exit(0);
            }
            -1 => {
                error = errno();
                break;
            }
            child => children.push(child),
        }
    }
    let count = children.len() as u64;
    for child in children {
        let _ = raw(libc::SYS_kill, [child.into(), libc::SIGKILL.into(), 0, 0, 0, 0]);
        wait(child);
    }
    if count == wanted {
        Ok(format!("{count} children"))
    } else {
        Err(format!("{count}, {}", text(error)))
    }
}

pub fn threads(arguments: &[String]) -> Outcome {
    let wanted = number(arguments)?;
    for count in 0..wanted {
        let small = std::thread::Builder::new().stack_size(64 << 10);
        if let Err(error) = small.spawn(|| std::thread::sleep(Duration::from_secs(600))) {
            return Err(format!("{count}, {error}"));
        }
    }
    Ok(format!("{wanted} threads"))
}

fn touch(bytes: u64) -> Result<(), String> {
    let bytes = usize::try_from(bytes).map_err(|error| error.to_string())?;
    // SAFETY: a new mapping of that size, written within its bounds and left to the end of the process.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let at = libc::mmap(std::ptr::null_mut(), bytes, access, flags, -1, 0);
        if at == libc::MAP_FAILED {
            return Err(text(errno()));
        }
        for page in (0..bytes).step_by(4096) {
            at.cast::<u8>().add(page).write_volatile(1);
        }
    }
    Ok(())
}

pub fn memory(arguments: &[String]) -> Outcome {
    let bytes = number(arguments)?;
    touch(bytes).map(|()| format!("{bytes} bytes"))
}

/// Eight children with a part each, which all hold it until the last one has it.
pub fn memory_many(arguments: &[String]) -> Outcome {
    let part = number(arguments)? / 8;
    let (mut ready, mut go) = ([0; 2], [0; 2]);
    // SAFETY: room for two descriptors each.
    if unsafe { libc::pipe(ready.as_mut_ptr()) | libc::pipe(go.as_mut_ptr()) } != 0 {
        return Err(text(errno()));
    }
    let byte = [0_u8];
    let at = byte.as_ptr() as i64;
    let children: Vec<i32> = (0..8)
        .map(|_| {
            let child = fork();
            if child == 0 {
                let touched = touch(part).is_ok();
                let _ = raw(libc::SYS_close, [go[1].into(), 0, 0, 0, 0, 0]);
                let _ = raw(libc::SYS_write, [ready[1].into(), at, 1, 0, 0, 0]);
                let _ = raw(libc::SYS_read, [go[0].into(), at, 1, 0, 0, 0]);
                exit(if touched { 0 } else { 1 });
            }
            child
        })
        .collect();
    let _ = raw(libc::SYS_close, [ready[1].into(), 0, 0, 0, 0, 0]);
    for _ in &children {
        let _ = raw(libc::SYS_read, [ready[0].into(), at, 1, 0, 0, 0]);
    }
    let _ = raw(libc::SYS_close, [go[1].into(), 0, 0, 0, 0, 0]);
    let ends: Vec<i32> = children.into_iter().map(wait).collect();
    if ends == [0; 8] { Ok(format!("8 times {part} bytes")) } else { Err(format!("{ends:?}")) }
}

/// A file without a name: charged, as everything else is.
pub fn memory_file(arguments: &[String]) -> Outcome {
    let bytes = number(arguments)?;
    let name = string("x");
    let fd = raw(libc::SYS_memfd_create, [name.as_ptr() as i64, 0, 0, 0, 0, 0]).map_err(text)?;
    let block = vec![1_u8; 1 << 20];
    for done in 0..bytes >> 20 {
        let at = block.as_ptr() as i64;
        raw(libc::SYS_write, [fd, at, 1 << 20, 0, 0, 0])
            .map_err(|error| format!("{done} MiB, {}", text(error)))?;
    }
    Ok(format!("{bytes} bytes"))
}

/// `fill <directory> <bytes>`
pub fn fill(arguments: &[String]) -> Outcome {
    let [dir, bytes] = arguments else {
        return Err("a directory and a number?".into());
    };
    let bytes = number(std::slice::from_ref(bytes))?;
    let path = Path::new(dir).join(format!("fill-{}", std::process::id()));
    let mut file = File::create(&path).map_err(|error| error.to_string())?;
    let block = vec![1_u8; 1 << 20];
    let mut written = Ok(format!("{bytes} bytes"));
    for done in 0..bytes >> 20 {
        if let Err(error) = file.write_all(&block) {
            written = Err(format!("{done} MiB, {error}"));
            break;
        }
    }
    let _ = fs::remove_file(path);
    written
}

/// Stays with what it made where it is told to, for whoever looks at it from time to time.
fn stay(told: &[String]) {
    if !told.is_empty() {
        std::thread::sleep(Duration::from_mins(1));
    }
}

/// `fill-many <directory> <bytes> [stay]`: the same in files of a mebibyte.
pub fn fill_many(arguments: &[String]) -> Outcome {
    let [dir, bytes, told @ ..] = arguments else {
        return Err("a directory and a number?".into());
    };
    let bytes = number(std::slice::from_ref(bytes))?;
    let dir = Path::new(dir).join(format!("many-{}", std::process::id()));
    let block = vec![1_u8; 1 << 20];
    let made = fs::create_dir(&dir).and_then(|()| {
        (0..bytes >> 20).try_for_each(|count| fs::write(dir.join(count.to_string()), &block))
    });
    if made.is_ok() {
        stay(told);
    }
    let _ = fs::remove_dir_all(&dir);
    made.map(|()| format!("{bytes} bytes")).map_err(|error| error.to_string())
}

/// `inodes <directory> <count> [stay]`
pub fn inodes(arguments: &[String]) -> Outcome {
    let [dir, count, told @ ..] = arguments else {
        return Err("a directory and a number?".into());
    };
    let count = number(std::slice::from_ref(count))?;
    let dir = Path::new(dir).join(format!("inodes-{}", std::process::id()));
    fs::create_dir(&dir).map_err(|error| error.to_string())?;
    let mut made = Ok(format!("{count} files"));
    for done in 0..count {
        if let Err(error) = File::create(dir.join(done.to_string())) {
            made = Err(format!("{done} files, {error}"));
            break;
        }
    }
    if made.is_ok() {
        stay(told);
    }
    let _ = fs::remove_dir_all(&dir);
    made
}

pub fn descriptors(arguments: &[String]) -> Outcome {
    let wanted = number(arguments)?;
    for count in 0..wanted {
        let result =
            raw(libc::SYS_socket, [libc::AF_UNIX.into(), libc::SOCK_STREAM.into(), 0, 0, 0, 0]);
        if let Err(error) = result {
            return Err(format!("{count}, {}", text(error)));
        }
    }
    Ok(format!("{wanted} sockets"))
}

/// `spin <milliseconds> <processor milliseconds>`: four threads; open when they get that much in time.
pub fn spin(arguments: &[String]) -> Outcome {
    let [time, most] = arguments else {
        return Err("two numbers?".into());
    };
    let (time, most) = (number(std::slice::from_ref(time))?, number(std::slice::from_ref(most))?);
    let until = Instant::now() + Duration::from_millis(time);
    let spin = move || while Instant::now() < until && used_ms() < most {};
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(spin)).collect();
    threads.into_iter().for_each(|thread| drop(thread.join()));
    let used = used_ms();
    if used >= most { Ok(format!("{used} ms")) } else { Err(format!("{used} ms")) }
}

fn used_ms() -> u64 {
    let mut used = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the struct lives as long as the call.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut used) };
    used.tv_sec as u64 * 1000 + used.tv_nsec as u64 / 1_000_000
}

/// A segment that another one may have made: System V and POSIX.
pub fn shared_memory(arguments: &[String]) -> Outcome {
    let key = number(arguments)? as i64;
    let segment = raw(libc::SYS_shmget, [key, 4096, 0, 0, 0, 0]);
    let path = format!("/dev/shm/hostile-{key}");
    match (segment, fs::metadata(path)) {
        (Err(error), Err(file)) => Err(format!("{}, {file}", text(error))),
        (Ok(_), _) => Ok("a segment".into()),
        (_, Ok(_)) => Ok("a file".into()),
    }
}

/// A message queue of that name.
pub fn queue(names: &[String]) -> Outcome {
    let name = string(names.first().ok_or("a name?")?);
    raw(libc::SYS_mq_open, [name.as_ptr() as i64, libc::O_RDONLY.into(), 0, 0, 0, 0])
        .map(|_| "a queue".into())
        .map_err(text)
}

/// Makes what `shared_memory` and `queue` look for.
pub fn meet(arguments: &[String]) -> Outcome {
    let [key, name] = arguments else {
        return Err("a key and a name?".into());
    };
    let key = number(std::slice::from_ref(key))? as i64;
    let mode = i64::from(libc::IPC_CREAT | 0o666);
    raw(libc::SYS_shmget, [key, 4096, mode, 0, 0, 0]).map_err(text)?;
    let name = string(name);
    let flags = i64::from(libc::O_CREAT | libc::O_RDWR);
    raw(libc::SYS_mq_open, [name.as_ptr() as i64, flags, 0o666, 0, 0, 0])
        .map(|_| "both".into())
        .map_err(text)
}

/// Removes them.
pub fn part(arguments: &[String]) -> Outcome {
    let [key, name] = arguments else {
        return Err("a key and a name?".into());
    };
    let key = number(std::slice::from_ref(key))? as i64;
    let segment = raw(libc::SYS_shmget, [key, 4096, 0, 0, 0, 0]).map_err(text)?;
    raw(libc::SYS_shmctl, [segment, libc::IPC_RMID.into(), 0, 0, 0, 0]).map_err(text)?;
    let name = string(name);
    raw(libc::SYS_mq_unlink, [name.as_ptr() as i64, 0, 0, 0, 0, 0])
        .map(|_| "both".into())
        .map_err(text)
}
