//! Files that are not the sandbox's.

use crate::Outcome;
use crate::call::text;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;

fn first_open<T>(tries: impl IntoIterator<Item = (String, io::Result<T>)>) -> Outcome {
    let mut refusals = Vec::new();
    for (name, result) in tries {
        match result {
            Ok(_) => return Ok(name),
            Err(error) => refusals.push(format!("{name}: {error}")),
        }
    }
    Err(refusals.join("; "))
}

/// Everything one could do to a directory of doors that has a socket `relay.sock`.
pub fn doors(dirs: &[String]) -> Outcome {
    let dir = Path::new(dirs.first().ok_or("a directory?")?);
    let (door, other) = (dir.join("relay.sock"), dir.join("other.sock"));
    let open = fs::Permissions::from_mode(0o777);
    first_open([
        ("make a file".into(), File::create(dir.join("x")).map(drop)),
        ("bind".into(), UnixListener::bind(&other).map(drop)),
        ("link".into(), fs::hard_link(&door, dir.join("y"))),
        ("symlink".into(), std::os::unix::fs::symlink("/", dir.join("z"))),
        ("chmod the directory".into(), fs::set_permissions(dir, open.clone())),
        ("chmod the door".into(), fs::set_permissions(&door, open)),
        ("rename".into(), fs::rename(&door, &other)),
        ("unlink".into(), fs::remove_file(&door)),
    ])
}

/// Any of these files, or directories.
pub fn read(paths: &[String]) -> Outcome {
    first_open(paths.iter().map(|path| {
        let found = fs::metadata(path).and_then(|meta| match meta.is_dir() {
            true => fs::read_dir(path).map(drop),
            false => fs::read(path).map(drop),
        });
        (path.clone(), found)
    }))
}

/// Any of these files, without changing them.
pub fn write(paths: &[String]) -> Outcome {
    first_open(paths.iter().map(|path| (path.clone(), OpenOptions::new().append(true).open(path))))
}

/// One absolute path of the host, by every way round.
pub fn escape(paths: &[String]) -> Outcome {
    let path = paths.first().ok_or("a path?")?;
    let plain = path.trim_start_matches('/');
    let up = "../".repeat(20);
    let link = std::env::temp_dir().join(format!("link-{}", std::process::id()));
    let _ = std::os::unix::fs::symlink(path, &link);
    let mut ways = vec![
        path.clone(),
        format!("/{up}{plain}"),
        format!("{up}{plain}"),
        format!("/proc/self/root/{plain}"),
        format!("/proc/self/cwd/{up}{plain}"),
        link.to_string_lossy().into_owned(),
    ];
    for process in ["1", "2", "self", "thread-self"] {
        ways.push(format!("/proc/{process}/root/{plain}"));
        ways.push(format!("/proc/{process}/cwd/{up}{plain}"));
        ways.extend((0..16).map(|fd| format!("/proc/{process}/fd/{fd}/{up}{plain}")));
        ways.extend((0..16).map(|fd| format!("/proc/{process}/fd/{fd}/{plain}")));
    }
    let hard = std::env::temp_dir().join(format!("hard-{}", std::process::id()));
    let linked = fs::hard_link(path, &hard).and_then(|()| File::open(&hard)).map(drop);
    let _ = fs::remove_file(&link);
    let mut tries: Vec<_> =
        ways.into_iter().map(|way| (way.clone(), File::open(&way).map(drop))).collect();
    tries.push(("hard link".into(), linked));
    match first_open(tries) {
        Err(refusals) => Err(format!("{} ways", refusals.split("; ").count())),
        open => open,
    }
}

/// Places of the system that nobody may write to.
pub fn system(_: &[String]) -> Outcome {
    let dirs = [
        "/",
        "/etc",
        "/usr",
        "/lib",
        "/lib64",
        "/dev",
        "/doors",
        "/sandbox",
        "/sandbox/app",
        "/home",
        "/run",
        "/var",
    ];
    let file = |dir: &&str| {
        let path = Path::new(dir).join("hostile-was-here");
        let made = File::create(&path).map(drop);
        let _ = fs::remove_file(&path);
        (format!("{dir} is writable"), made)
    };
    first_open(dirs.iter().map(file))
}

/// What the kernel tells about the whole host.
pub fn kernel_files(_: &[String]) -> Outcome {
    let names = [
        "kcore",
        "kallsyms",
        "keys",
        "key-users",
        "timer_list",
        "sched_debug",
        "kmsg",
        "locks",
        "slabinfo",
        "vmallocinfo",
        "pagetypeinfo",
        "buddyinfo",
        "zoneinfo",
        "modules",
        "iomem",
        "interrupts",
        "diskstats",
        "partitions",
        "config.gz",
        "cmdline",
        "swaps",
        "schedstat",
        "pressure/cpu",
        "fs/ext4/vda/options",
        "bus/pci/devices",
        "latency_stats",
        "kpagecount",
        "crypto",
        "cgroups",
    ];
    let mut shown = Vec::new();
    for name in names {
        let mut byte = [0];
        let read = File::open(format!("/proc/{name}")).and_then(|mut file| file.read(&mut byte));
        if matches!(read, Ok(1)) {
            shown.push(name);
        }
    }
    for dir in ["/sys/kernel", "/sys/class", "/sys/fs/cgroup", "/proc/acpi", "/proc/bus/pci"] {
        if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
            shown.push(dir);
        }
    }
    if shown.is_empty() { Err(format!("{} files", names.len())) } else { Ok(shown.join(", ")) }
}

/// Switches of the kernel, opened and left as they are.
pub fn sysctl(_: &[String]) -> Outcome {
    let paths = [
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/modprobe",
        "/proc/sys/kernel/hostname",
        "/proc/sys/kernel/randomize_va_space",
        "/proc/sys/vm/overcommit_memory",
        "/proc/sys/net/ipv4/ip_forward",
        "/proc/sys/net/ipv4/ip_unprivileged_port_start",
        "/proc/sys/fs/binfmt_misc/register",
        "/proc/sysrq-trigger",
        "/proc/self/uid_map",
        "/sys/kernel/uevent_helper",
        "/sys/fs/cgroup/memory/release_agent",
        "/sys/fs/cgroup/cgroup.procs",
        "/proc/1/oom_score_adj",
        "/proc/irq/default_smp_affinity",
        "/proc/latency_stats",
    ];
    let null = fs::metadata("/dev/null").map(|meta| meta.rdev()).unwrap_or(0);
    let mut open = Vec::new();
    for path in paths {
        // `open` alone is no proof: a mask swallows what is written, and the own map is written later.
        let opened = OpenOptions::new().write(true).open(path);
        let real = opened
            .and_then(|file| file.metadata())
            .is_ok_and(|meta| meta.rdev() != null || null == 0);
        if real && path != "/proc/self/uid_map" {
            open.push(path);
        }
    }
    if fs::write("/proc/self/uid_map", "0 0 1\n").is_ok() {
        open.push("/proc/self/uid_map");
    }
    if open.is_empty() { Err(format!("{} switches", paths.len())) } else { Ok(open.join(", ")) }
}

/// Reaching the program on the host that made the sandbox.
pub fn launcher(_: &[String]) -> Outcome {
    let mut tries: Vec<(String, io::Result<()>)> = Vec::new();
    for process in ["1", "3"] {
        for file in ["exe", "mem", "environ", "maps"] {
            let path = format!("/proc/{process}/{file}");
            let read = File::open(&path).and_then(|mut file| file.read(&mut [0]).map(drop));
            tries.push((format!("read {path}"), read));
        }
    }
    for path in ["/proc/self/exe", "/proc/1/exe"] {
        tries.push((format!("write {path}"), OpenOptions::new().write(true).open(path).map(drop)));
    }
    if let Ok(own) = std::env::current_exe() {
        let opened = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(&own);
        tries.push(("write the program".into(), opened.map(drop)));
        tries.push(("replace the program".into(), fs::remove_file(&own)));
    }
    first_open(tries)
}

/// A program written here, executed and mapped.
pub fn execute_written(dirs: &[String]) -> Outcome {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut tries = Vec::new();
    for dir in dirs {
        let path = Path::new(dir).join("program");
        fs::copy(&own, &path).map_err(|error| format!("{dir}: {error}"))?;
        let ran = std::process::Command::new(&path).arg("who").output().map(drop);
        tries.push((format!("executed {}", path.display()), ran));
        tries.push((format!("mapped {}", path.display()), map(&path)));
        let _ = fs::remove_file(&path);
    }
    first_open(tries)
}

fn map(path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(0))?;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
    // SAFETY: a new mapping, which nobody looks at.
    let at = unsafe {
        let flags = libc::PROT_READ | libc::PROT_EXEC;
        libc::mmap(std::ptr::null_mut(), 4096, flags, libc::MAP_PRIVATE, fd, 0)
    };
    if at == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
}

pub fn append(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(bytes))
        .map_err(|error| text(error.raw_os_error().unwrap_or(0)))
}
