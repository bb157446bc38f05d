//! Parts of the host on their way into a sandbox: opened without following links, copied as mounts of
//! their own, restricted before anybody can see them.

use super::{DISK_STEP, Disk, Order, disk};
use crate::error::{At, Result, refuse};
use crate::identity::{self, Identity};
use crate::spec::{
    APP_INSIDE, Access, DOORS, DOORS_INSIDE, Layer, Mount, ProcView, SandboxSpec, WORK, WORK_INSIDE,
};
use crate::sys;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// Device nodes that are no more than functions of the kernel.
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom"];
/// Places that belong to the sandbox itself.
const OWN: &[&str] = &["proc", "sys", "dev", "doors", "sandbox"];

/// A detached mount and the place it is for.
pub struct Part {
    pub tree: OwnedFd,
    pub target: PathBuf,
    pub is_dir: bool,
}

/// Opens all that `spec` names. As root this happens before the sandbox is cloned, with the rights of
/// the agent; unprivileged, inside its own mount namespace.
pub fn open_all(order: &Order, host_id: u32) -> Result<Vec<Part>> {
    let (spec, identity) = (&order.spec, &order.identity);
    check_targets(spec)?;
    let mut opener = Opener { spec, identity, host_id, maps: BTreeMap::new() };
    let mut parts = Vec::new();
    for device in DEVICES {
        let path = Path::new("/dev").join(device);
        let attributes = sys::MOUNT_NO_SUID | sys::MOUNT_NO_EXEC;
        parts.push(opener.open(&path, &path, attributes, false)?);
    }
    for mount in &spec.mounts {
        parts.push(opener.mount(&mount.source, &mount.target, mount.access)?);
    }
    if spec.program.inside.is_none() {
        let path = &spec.program.path;
        parts.push(opener.mount(path, &inside_path(path)?, Access::Program)?);
    }
    let (doors, work) = (spec.dir.join(DOORS), spec.dir.join(WORK));
    parts.push(opener.doors(&doors)?);
    parts.push(match &order.disk {
        Disk::Image(template) => opener.disk(template)?,
        _ => opener.mount(&work, Path::new(WORK_INSIDE), Access::Write)?,
    });
    Ok(parts)
}

/// Where a program that comes from the host is found.
pub fn inside_path(program: &Path) -> Result<PathBuf> {
    match program.file_name() {
        Some(name) => Ok(Path::new(APP_INSIDE).join(name)),
        None => refuse("find the program", "its path has no name"),
    }
}

/// No part lies in another one, or where the sandbox has parts of its own: every mount point is made
/// by the launcher, in empty file systems.
fn check_targets(spec: &SandboxSpec) -> Result<()> {
    let plain = |path: &Path| {
        path.is_absolute()
            && path.components().skip(1).all(|part| matches!(part, Component::Normal(_)))
            && path.components().nth(1).is_some()
    };
    let own = |path: &Path| {
        path.components()
            .nth(1)
            .is_some_and(|first| OWN.iter().any(|own| first.as_os_str() == *own))
    };
    for (index, Mount { target, .. }) in spec.mounts.iter().enumerate() {
        let nested = spec
            .mounts
            .iter()
            .enumerate()
            .any(|(other, mount)| other != index && mount.target.starts_with(target));
        if !plain(target) || own(target) || nested || target == Path::new("/tmp") {
            return refuse(
                "check the mounts",
                format!("{} cannot be a mount point", target.display()),
            );
        }
    }
    Ok(())
}

struct Opener<'a> {
    spec: &'a SandboxSpec,
    identity: &'a Identity,
    host_id: u32,
    /// Owner on disk → the namespace that shows it as the sandbox's user.
    maps: BTreeMap<(u32, u32), OwnedFd>,
}

impl Opener<'_> {
    fn mount(&mut self, source: &Path, target: &Path, access: Access) -> Result<Part> {
        self.open(source, target, self.attributes(access), access == Access::Write)
    }

    fn attributes(&self, access: Access) -> u64 {
        let always = sys::MOUNT_NO_SUID | sys::MOUNT_NO_DEV;
        let read_only = if self.spec.keeps(Layer::ReadOnly) { sys::MOUNT_READ_ONLY } else { 0 };
        match access {
            Access::Program => always | read_only,
            Access::Read => always | read_only | sys::MOUNT_NO_EXEC,
            Access::Write if self.spec.exec_written => always,
            Access::Write => always | sys::MOUNT_NO_EXEC,
        }
    }

    /// The working directory as a file system of its own, which root owns on disk.
    fn disk(&mut self, template: &Path) -> Result<Part> {
        let attributes = self.attributes(Access::Write);
        let tree = disk::mount(self.spec, template, attributes)?;
        if matches!(self.identity, Identity::Pool { .. }) {
            let ids = self.map((0, 0))?;
            sys::set_mount(tree.as_fd(), attributes, false, Some(ids.as_fd()))
                .at(format!("{DISK_STEP}: {}", super::OWNERS_STEP))?;
        }
        Ok(Part { tree, target: WORK_INSIDE.into(), is_dir: true })
    }

    /// Owned by the sandbox's user, else it could not connect to a socket there; and read-only.
    fn doors(&mut self, source: &Path) -> Result<Part> {
        let read_only = if self.spec.keeps(Layer::ReadOnly) { sys::MOUNT_READ_ONLY } else { 0 };
        let attributes = sys::MOUNT_NO_SUID | sys::MOUNT_NO_DEV | sys::MOUNT_NO_EXEC | read_only;
        self.open(source, Path::new(DOORS_INSIDE), attributes, true)
    }

    fn open(
        &mut self,
        source: &Path,
        target: &Path,
        attributes: u64,
        mapped: bool,
    ) -> Result<Part> {
        let step = |verb: &str| format!("{verb} {}", source.display());
        let handle = sys::open_path(None, source, libc::O_PATH).at(step("open"))?;
        let meta =
            File::from(handle.try_clone().at(step("open"))?).metadata().at(step("look at"))?;
        let tree = sys::clone_tree(handle.as_fd()).at(step("mount"))?;
        let ids = if mapped && matches!(self.identity, Identity::Pool { .. }) {
            Some(self.map((meta.uid(), meta.gid()))?)
        } else {
            None
        };
        sys::set_mount(tree.as_fd(), attributes, true, ids.as_ref().map(AsFd::as_fd))
            .at(step(if mapped { super::OWNERS_STEP } else { "restrict" }))?;
        Ok(Part { tree, target: target.to_owned(), is_dir: meta.is_dir() })
    }

    fn map(&mut self, owner: (u32, u32)) -> Result<OwnedFd> {
        if !self.maps.contains_key(&owner) {
            self.maps.insert(owner, identity::mapping(owner, self.host_id)?);
        }
        match self.maps.get(&owner) {
            Some(map) => map.try_clone().at("use a mapping of owners"),
            None => refuse("use a mapping of owners", "there is none"),
        }
    }
}

/// What of the kernel's own files general-purpose programs may read.
pub const PROC_SHOWN: &[&str] = &[
    "cpuinfo",
    "devices",
    "filesystems",
    "loadavg",
    "meminfo",
    "mounts",
    "net",
    "self",
    "stat",
    "sys",
    "thread-self",
    "uptime",
    "version",
];

pub fn shows_kernel_files(view: ProcView) -> bool {
    view == ProcView::Masked
}
