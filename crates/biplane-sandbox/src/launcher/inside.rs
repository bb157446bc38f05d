//! The first process of a sandbox, from its clone until it is init: builds what it will be locked in,
//! then locks itself in.

use super::mounts::{self, Part};
use super::{Disk, Order, init, root};
use crate::error::{At, LaunchError, Result, refuse};
use crate::filter;
use crate::spec::{DOORS_INSIDE, INSIDE_ID, Layer, Network};
use crate::sys;
use biplane_forwarder::Listeners;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

const HOST_NAME: &str = "sandbox";
/// Bytes of memory that a sandbox may lock.
const LOCKED_BYTES: u64 = 8 << 20;

pub struct Inside<'a> {
    pub order: &'a Order,
    /// None: they are opened here.
    pub parts: Option<Vec<Part>>,
    /// Control groups to enter.
    pub entrances: Vec<File>,
    pub stderr: OwnedFd,
    /// A byte comes when the supervisor is ready; its end means that the supervisor is gone.
    pub life: OwnedFd,
    pub failed: OwnedFd,
    pub done: OwnedFd,
    pub limits_memory: bool,
}

pub fn run(inside: Inside<'_>) -> ! {
    let Inside { order, parts, entrances, stderr, life, failed, done, limits_memory } = inside;
    let step = join(order, entrances).and_then(|()| prepare(order, parts, &life, limits_memory));
    match step {
        Ok(listeners) if order.rehearsal => {
            drop(listeners);
            sys::exit(0)
        }
        Ok(listeners) => init::run(order, listeners, init::Ends { stderr, life, failed, done }),
        Err(error) => report(&failed, &error),
    }
}

pub fn report(failed: &OwnedFd, LaunchError { step, error }: &LaunchError) -> ! {
    if let Ok(pipe) = failed.try_clone() {
        let _ = File::from(pipe).write_all(format!("{step}\n{error}").as_bytes());
    }
    sys::exit(127)
}

fn prepare(
    order: &Order,
    parts: Option<Vec<Part>>,
    life: &OwnedFd,
    limits_memory: bool,
) -> Result<Option<Listeners>> {
    let spec = &order.spec;
    wait(life)?;
    if spec.keeps(Layer::User) {
        if order.identity.is_privileged() {
            sys::drop_groups().at("drop groups")?;
        }
        sys::set_ids(INSIDE_ID, INSIDE_ID).at("become the sandbox's user")?;
    }
    // After the last change of credentials, which would clear it.
    sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as u64).at("tie to the supervisor")?;
    if spec.keeps(Layer::Dumpable) {
        sys::prctl(libc::PR_SET_DUMPABLE, 0).at("hide from tracing")?;
    } else {
        sys::prctl(libc::PR_SET_DUMPABLE, 1).at("show to tracing")?;
    }
    if !sys::poll(&[Some(life.as_fd())], 0).is_ok_and(|ready| ready[0] == 0) {
        return refuse("start", "the supervisor is gone");
    }
    if spec.keeps(Layer::Ipc) {
        sys::set_host_name(HOST_NAME).at("set the host name")?;
    }
    sys::set_umask(0o022);
    if spec.keeps(Layer::Files) {
        let parts = match parts {
            Some(parts) => parts,
            None => mounts::open_all(order, 0)?,
        };
        root::enter(spec, parts)?;
    }
    let mut listeners = None;
    if spec.keeps(Layer::Net) && spec.network == Network::None {
        sys::loopback_up().at("bring loopback up")?;
        if spec.forwarder {
            listeners = Some(Listeners::bind(Path::new(DOORS_INSIDE)).at("listen on loopback")?);
        }
    }
    lock(order, limits_memory)?;
    Ok(listeners)
}

/// Enters the control groups, and sees them as the roots of all.
fn join(order: &Order, entrances: Vec<File>) -> Result<()> {
    for mut entrance in entrances {
        entrance.write_all(b"0").at("enter the control group")?;
    }
    if order.spec.keeps(Layer::Cgroup) && order.spec.keeps(Layer::User) {
        sys::new_group_namespace().at("hide the control groups of others")?;
    }
    Ok(())
}

fn wait(life: &OwnedFd) -> Result<()> {
    let mut byte = [0];
    let mut pipe = File::from(life.try_clone().at("wait for the supervisor")?);
    pipe.read_exact(&mut byte).at("wait for the supervisor")
}

/// Gives up what was needed until here, for good.
fn lock(order: &Order, limits_memory: bool) -> Result<()> {
    let spec = &order.spec;
    limit(order, limits_memory).at("set limits")?;
    if spec.keeps(Layer::Capabilities) {
        sys::new_keyring().or_else(without_keys).at("make a keyring")?;
        sys::drop_capabilities().at("drop capabilities")?;
    }
    if spec.keeps(Layer::Capabilities) || spec.keeps(Layer::Seccomp) {
        sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1).at("refuse new privileges")?;
    }
    if spec.keeps(Layer::Seccomp) {
        sys::set_filter(&mut filter::build()).at("filter system calls")?;
    }
    Ok(())
}

/// A kernel without keyrings, or an agent that may not use them, leaves nothing to inherit.
fn without_keys(error: std::io::Error) -> std::io::Result<()> {
    match error.raw_os_error() {
        Some(libc::ENOSYS | libc::EPERM | libc::EDQUOT) => Ok(()),
        _ => Err(error),
    }
}

fn limit(order: &Order, limits_memory: bool) -> std::io::Result<()> {
    let spec = &order.spec;
    let same = |resource, value: u64| {
        let value = value.min(sys::hard_limit(resource));
        sys::set_limit(resource, value, value)
    };
    if spec.keeps(Layer::Core) {
        // Not 0: with 0 a `core_pattern` that is a pipe still runs its helper, as root of the host.
        same(libc::RLIMIT_CORE, 1)?;
    }
    if !spec.keeps(Layer::User) {
        return Ok(());
    }
    same(libc::RLIMIT_NOFILE, spec.limits.files.into())?;
    same(libc::RLIMIT_NPROC, u64::from(spec.limits.processes) + 2)?;
    same(libc::RLIMIT_MEMLOCK, LOCKED_BYTES)?;
    same(libc::RLIMIT_MSGQUEUE, 0)?;
    same(libc::RLIMIT_RTPRIO, 0)?;
    same(libc::RLIMIT_NICE, 0)?;
    if order.disk == Disk::Watched && spec.limits.disk_bytes > 0 {
        // Of one file: the supervisor counts the rest.
        same(libc::RLIMIT_FSIZE, spec.limits.disk_bytes)?;
    }
    if !limits_memory && spec.limits.memory_bytes > 0 {
        // Of one process: all there is without control groups.
        same(libc::RLIMIT_DATA, spec.limits.memory_bytes)?;
    }
    Ok(())
}
