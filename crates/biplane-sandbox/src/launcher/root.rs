//! The file system of a sandbox: an empty one, in which every mount point is made before anything that
//! a tenant wrote is attached.

use super::mounts::{PROC_SHOWN, Part, shows_kernel_files};
use crate::error::{At, Result, refuse};
use crate::spec::{Layer, Network, ProcView, SandboxSpec};
use crate::sys;
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

/// Any directory that every host has; what it holds is out of sight a moment later.
const STAGES: &[&str] = &["/tmp", "/usr", "/etc"];
const ROOT_BYTES: u64 = 1 << 20;
const TEMPORARY: u64 = sys::MOUNT_NO_SUID | sys::MOUNT_NO_DEV;
const PASSWD: &str = "sandbox:x:1000:1000::/sandbox/work:/usr/sbin/nologin\nnobody:x:65534:65534::/:/usr/sbin/nologin\n";
const GROUP: &str = "sandbox:x:1000:\nnogroup:x:65534:\n";
const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost\n";
/// Names from files first: nothing else is asked unless there is somebody to ask.
const NAMES: &str = "passwd: files\ngroup: files\nhosts: files dns\n";

/// Makes `parts` and what every sandbox has the root of this process's mount namespace.
pub fn enter(spec: &SandboxSpec, parts: Vec<Part>) -> Result<()> {
    let root = temporary(ROOT_BYTES, 0o755, sys::MOUNT_NO_EXEC)?;
    // Mounted before the host's goes out of sight: the kernel wants to see a whole one for that.
    let processes = processes(spec.proc)?;
    stage(root.as_fd())?;
    let root = root.as_fd();
    let limits = &spec.limits;
    let temporary_exec = if spec.exec_written { 0 } else { sys::MOUNT_NO_EXEC };
    for (path, bytes) in [("tmp", limits.tmp_bytes), ("dev/shm", limits.shm_bytes)] {
        let made = temporary(bytes, 0o1777, temporary_exec)?;
        put(root, Path::new(path), &made, true)?;
    }
    for name in ["etc", "home", "proc", "dev"] {
        dir(root, Path::new(name))?;
    }
    device_links(root)?;
    system_files(root, spec, &parts)?;
    let mut places = Vec::with_capacity(parts.len());
    for part in &parts {
        places.push(point(root, &part.target, part.is_dir)?);
    }
    for (part, place) in parts.iter().zip(&places) {
        sys::attach(part.tree.as_fd(), place.as_fd())
            .at(format!("attach {}", part.target.display()))?;
    }
    drop((parts, places));
    if let Some(processes) = processes {
        put(root, Path::new("proc"), &processes, true)?;
        if shows_kernel_files(spec.proc) && spec.keeps(Layer::Masks) {
            mask(root)?;
            invent(root, spec)?;
        }
    }
    if spec.keeps(Layer::ReadOnly) {
        let attributes = TEMPORARY | sys::MOUNT_NO_EXEC | sys::MOUNT_READ_ONLY;
        sys::set_mount(root, attributes, false, None).at("make the root read-only")?;
    }
    sys::enter_root(root).at("enter the root")
}

fn temporary(bytes: u64, mode: u32, exec: u64) -> Result<OwnedFd> {
    let step = "make a temporary file system";
    let text = |value: String| CString::new(value).map_err(std::io::Error::from).at(step);
    let inodes = (bytes / 4096).clamp(1024, 1 << 20);
    let options = [
        (c"size", text(bytes.to_string())?),
        (c"nr_inodes", text(inodes.to_string())?),
        (c"mode", text(format!("{mode:o}"))?),
    ];
    sys::new_mount(c"tmpfs", &options, TEMPORARY | exec).at(step)
}

fn processes(view: ProcView) -> Result<Option<OwnedFd>> {
    let options = match view {
        ProcView::Absent => return Ok(None),
        ProcView::Processes => vec![(c"subset", c"pid".to_owned())],
        ProcView::Masked => Vec::new(),
    };
    let attributes = TEMPORARY | sys::MOUNT_NO_EXEC;
    sys::new_mount(c"proc", &options, attributes).at(super::PROC_STEP).map(Some)
}

/// Attaches the new root somewhere: only what is attached can become a root.
fn stage(root: BorrowedFd<'_>) -> Result<()> {
    let mut last = None;
    for stage in STAGES {
        let attached = sys::open_path(None, Path::new(stage), libc::O_PATH | libc::O_DIRECTORY)
            .and_then(|place| sys::attach(root, place.as_fd()));
        match attached {
            Ok(()) => return Ok(()),
            Err(error) => last = Some(error),
        }
    }
    refuse("attach the root", last.map(|error| error.to_string()).unwrap_or_default())
}

fn name(text: &OsStr) -> Result<CString> {
    CString::new(text.as_bytes()).map_err(std::io::Error::from).at("name a file")
}

/// Makes a directory and those above it; a handle on it.
fn dir(root: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd> {
    let step = || format!("make the directory {}", path.display());
    let mut here = root.try_clone_to_owned().at(step())?;
    for component in path.components() {
        let Component::Normal(part) = component else {
            continue;
        };
        sys::make_dir(here.as_fd(), &name(part)?, 0o755).at(step())?;
        let flags = libc::O_PATH | libc::O_DIRECTORY;
        here = sys::open_path(Some(here.as_fd()), Path::new(part), flags).at(step())?;
    }
    Ok(here)
}

/// Makes a place to attach something at; a handle on it.
fn point(root: BorrowedFd<'_>, path: &Path, is_dir: bool) -> Result<OwnedFd> {
    if is_dir {
        return dir(root, path);
    }
    let step = format!("make the file {}", path.display());
    let (Some(above), Some(last)) = (path.parent(), path.file_name()) else {
        return refuse(&step, "it has no name");
    };
    let above = dir(root, above)?;
    sys::make_file(above.as_fd(), &name(last)?).at(&step)?;
    sys::open_path(Some(above.as_fd()), Path::new(last), libc::O_PATH).at(&step)
}

fn put(root: BorrowedFd<'_>, path: &Path, mount: &OwnedFd, is_dir: bool) -> Result<()> {
    let place = point(root, path, is_dir)?;
    sys::attach(mount.as_fd(), place.as_fd()).at(format!("attach /{}", path.display()))
}

fn device_links(root: BorrowedFd<'_>) -> Result<()> {
    let dev = dir(root, Path::new("dev"))?;
    let links = [
        (c"fd", c"/proc/self/fd"),
        (c"stdin", c"/proc/self/fd/0"),
        (c"stdout", c"/proc/self/fd/1"),
        (c"stderr", c"/proc/self/fd/2"),
    ];
    for (link, target) in links {
        sys::make_link(dev.as_fd(), link, target).at("make links in /dev")?;
    }
    Ok(())
}

fn system_files(root: BorrowedFd<'_>, spec: &SandboxSpec, parts: &[Part]) -> Result<()> {
    let mut files = vec![
        ("/etc/passwd", PASSWD),
        ("/etc/group", GROUP),
        ("/etc/hosts", HOSTS),
        ("/etc/nsswitch.conf", NAMES),
    ];
    if spec.forwarder && spec.network == Network::None {
        files.push(("/etc/resolv.conf", biplane_forwarder::RESOLV_CONF));
    }
    let etc = dir(root, Path::new("/etc"))?;
    for (path, text) in files {
        let path = Path::new(path);
        if parts.iter().any(|part| path.starts_with(&part.target)) {
            continue;
        }
        let step = || format!("write {}", path.display());
        let file = sys::make_file(etc.as_fd(), &name(path.file_name().unwrap_or_default())?);
        File::from(file.at(step())?).write_all(text.as_bytes()).at(step())?;
    }
    Ok(())
}

/// Covers everything in `/proc` that is neither a process nor in the list, and makes `sys` read-only.
fn mask(root: BorrowedFd<'_>) -> Result<()> {
    let step = |name: &OsStr| format!("mask /proc/{}", name.display());
    let open = |path: &Path, flags| sys::open_path(Some(root), path, flags);
    let listing = open(Path::new("proc"), libc::O_RDONLY | libc::O_DIRECTORY).at("list /proc")?;
    // Through its own handle: there is no other name for it yet.
    for entry in sys::names(listing).at("list /proc")? {
        let shown = entry.as_bytes().iter().all(u8::is_ascii_digit)
            || PROC_SHOWN.iter().any(|shown| entry == *shown);
        if shown {
            continue;
        }
        let path = Path::new("proc").join(&entry);
        let Ok(place) = open(&path, libc::O_PATH) else {
            // A symbolic link, to something that is masked itself.
            continue;
        };
        let is_dir =
            File::from(place.try_clone().at(step(&entry))?).metadata().at(step(&entry))?.is_dir();
        let cover = if is_dir {
            let attributes = TEMPORARY | sys::MOUNT_NO_EXEC | sys::MOUNT_READ_ONLY;
            let small = [(c"size", c"4096".to_owned()), (c"mode", c"555".to_owned())];
            sys::new_mount(c"tmpfs", &small, attributes)
        } else {
            open(Path::new("dev/null"), libc::O_PATH).and_then(|null| sys::clone_tree(null.as_fd()))
        };
        sys::attach(cover.at(step(&entry))?.as_fd(), place.as_fd()).at(step(&entry))?;
    }
    restrict_copy(root, Path::new("proc/sys"), Path::new("proc/sys"))
}

/// A read-only copy of what is at `source`, attached at `target`.
fn restrict_copy(root: BorrowedFd<'_>, source: &Path, target: &Path) -> Result<()> {
    let open = |path: &Path| sys::open_path(Some(root), path, libc::O_PATH);
    let attributes = TEMPORARY | sys::MOUNT_NO_EXEC | sys::MOUNT_READ_ONLY;
    let step = format!("cover {}", target.display());
    let copy = open(source).and_then(|source| sys::clone_tree(source.as_fd())).at(&step)?;
    sys::set_mount(copy.as_fd(), attributes, false, None).at(&step)?;
    open(target).and_then(|target| sys::attach(copy.as_fd(), target.as_fd())).at(&step)
}

/// Files about the host's memory and load, as if the sandbox were the host: programs size themselves by
/// them, and nobody learns what the neighbours do.
fn invent(root: BorrowedFd<'_>, spec: &SandboxSpec) -> Result<()> {
    let total_kib = match spec.limits.memory_bytes {
        0 => sys::memory_bytes(),
        bytes => bytes.min(sys::memory_bytes()),
    } / 1024;
    let memory = [
        ("MemTotal", total_kib),
        ("MemFree", total_kib),
        ("MemAvailable", total_kib),
        ("Buffers", 0),
        ("Cached", 0),
        ("SwapCached", 0),
        ("SwapTotal", 0),
        ("SwapFree", 0),
        ("Shmem", 0),
        ("SReclaimable", 0),
    ];
    let memory: String = memory.iter().map(|(name, kib)| format!("{name}: {kib} kB\n")).collect();
    let home = dir(root, Path::new("sandbox"))?;
    for (file, text) in [("meminfo", memory.as_str()), ("loadavg", "0.00 0.00 0.00 1/1 1\n")] {
        let step = || format!("invent {file}");
        let made = sys::make_file(home.as_fd(), &name(OsStr::new(file))?).at(step())?;
        File::from(made).write_all(text.as_bytes()).at(step())?;
        restrict_copy(root, &Path::new("sandbox").join(file), &Path::new("proc").join(file))?;
    }
    Ok(())
}
