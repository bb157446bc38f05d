//! One process on the host for every sandbox: makes it, waits, ends it as a whole, clears up.
//!
//! It lives exactly as long as its sandbox. When the agent is gone its socket closes, and that ends both.

use super::{Disk, Order, disk, inside, mounts};
use crate::cgroup::{self, Group};
use crate::error::{At, LaunchError, Result, refuse};
use crate::identity::{self, HostUser};
use crate::isolator::Event;
use crate::spec::{Layer, Network};
use crate::sys::{self, Forked};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;

const ORDER_BYTES_MAX: u64 = 4 << 20;
/// What `chmod` needs of a name of a control group.
const NAME_BYTES_MAX: usize = 64;

/// How often a disk that cannot be limited is looked at.
const LOOK_MS: i32 = 500;

struct Made {
    pid: i32,
    handle: OwnedFd,
    status: OwnedFd,
    /// Its other end is init's: closed with this process.
    _life: OwnedFd,
    group: Group,
    user: HostUser,
}

/// Never returns: this is the supervisor's whole life.
pub fn run(order: OwnedFd, control: OwnedFd, stderr: OwnedFd, development: bool) -> ! {
    let mut control = UnixStream::from(control);
    let ended = start(order, stderr, development);
    let (order, made) = match ended {
        Ok(started) => started,
        Err(LaunchError { step, error }) => {
            tell(&mut control, &Event::Failed { step, error });
            sys::exit(1)
        }
    };
    let (pid, host_uid) = (made.pid, made.user.id);
    tell(&mut control, &Event::Started { pid, host_uid, cgroups: made.group.paths() });
    let end = watch(&order, &made, &control);
    let cleared = made.group.remove();
    if end.agent_is_gone {
        // Nobody else will.
        let _ = std::fs::remove_dir_all(&order.spec.dir);
    } else {
        let Ended { status, out_of_memory, .. } = end;
        tell(&mut control, &Event::Exited { status, out_of_memory });
    }
    if !cleared && !made.group.remove_at_last() {
        let _ = writeln!(std::io::stderr(), "a control group of {} stays", order.spec.name);
    }
    if end.agent_is_gone || !cleared {
        cgroup::leave_if_empty(&order.groups);
    }
    sys::exit(0)
}

fn tell(control: &mut UnixStream, event: &Event) {
    if let Ok(mut line) = serde_json::to_vec(event) {
        line.push(b'\n');
        // An agent that is gone is noticed elsewhere.
        let _ = control.write_all(&line);
    }
}

fn start(order: OwnedFd, stderr: OwnedFd, development: bool) -> Result<(Order, Made)> {
    sys::heed_children();
    let null = File::options().read(true).write(true).open("/dev/null").at("open /dev/null")?;
    // The launcher's own socket.
    sys::place(null.as_fd(), 0).at("let go of the launcher")?;
    let mut bytes = Vec::new();
    File::from(order).take(ORDER_BYTES_MAX).read_to_end(&mut bytes).at("read the order")?;
    let order: Order = match serde_json::from_slice(&bytes) {
        Ok(order) => order,
        Err(error) => return refuse("read the order", error),
    };
    check(&order, development)?;
    let spec = &order.spec;
    let owner = std::fs::symlink_metadata(&spec.dir).at("look at the sandbox's directory")?.uid();
    let user = if spec.keeps(Layer::User) {
        HostUser::allocate(&order.identity, owner)?
    } else {
        HostUser::agent()
    };
    let groups = if spec.keeps(Layer::Cgroup) { &order.groups } else { &Default::default() };
    let group = Group::create(groups, spec)?;
    match make(&order, group, user, stderr) {
        Ok(made) => Ok((order, made)),
        Err((error, group)) => {
            group.kill();
            group.remove();
            Err(error)
        }
    }
}

/// A specification comes from the agent, which is trusted; this guards against its mistakes.
fn check(order: &Order, development: bool) -> Result<()> {
    let spec = &order.spec;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    for name in std::iter::once(&spec.name).chain(&spec.tenant) {
        let named = !name.is_empty() && !name.starts_with('.') && name.len() <= NAME_BYTES_MAX;
        if !named || !name.chars().all(plain) {
            return refuse("check the order", "the name is not a name");
        }
    }
    if !spec.dir.is_absolute() {
        return refuse("check the order", "the directory is not absolute");
    }
    if !spec.without.is_empty() && !development {
        return refuse("check the order", "layers may be left out in development only");
    }
    Ok(())
}

fn make(
    order: &Order,
    group: Group,
    user: HostUser,
    stderr: OwnedFd,
) -> std::result::Result<Made, (LaunchError, Group)> {
    match clone(order, &group, &user, stderr) {
        Ok((pid, handle, status, life)) => {
            Ok(Made { pid, handle, status, _life: life, group, user })
        }
        Err(error) => Err((error, group)),
    }
}

fn namespaces(order: &Order) -> i32 {
    let spec = &order.spec;
    let mut flags = 0;
    for (layer, flag) in [
        (Layer::User, libc::CLONE_NEWUSER),
        (Layer::Files, libc::CLONE_NEWNS),
        (Layer::Pid, libc::CLONE_NEWPID),
        (Layer::Ipc, libc::CLONE_NEWIPC | libc::CLONE_NEWUTS),
    ] {
        if spec.keeps(layer) {
            flags |= flag;
        }
    }
    if spec.keeps(Layer::Net) && spec.network == Network::None {
        flags |= libc::CLONE_NEWNET;
    }
    flags
}

fn clone(
    order: &Order,
    group: &Group,
    user: &HostUser,
    stderr: OwnedFd,
) -> Result<(i32, OwnedFd, OwnedFd, OwnedFd)> {
    let spec = &order.spec;
    let sees_files = spec.keeps(Layer::Files);
    let parts = if sees_files && order.identity.is_privileged() {
        Some(mounts::open_all(order, user.id)?)
    } else {
        None
    };
    let entrances = group.entrances()?;
    let (life, go) = sys::pipe().at("make a pipe")?;
    let (report, failed) = sys::pipe().at("make a pipe")?;
    let (status, done) = sys::pipe().at("make a pipe")?;
    let cloned = sys::clone_into(namespaces(order), group.handle()).at("make the namespaces")?;
    let (pid, handle) = match cloned {
        Forked::Child => {
            drop((go, report, status));
            let limits_memory = group.limits_memory();
            inside::run(inside::Inside {
                order,
                parts,
                entrances,
                stderr,
                life,
                failed,
                done,
                limits_memory,
            })
        }
        Forked::Parent { pid, handle } => (pid, handle),
    };
    drop((parts, entrances, stderr, life, failed, done));
    let started = release(order, user, pid, &go).and_then(|()| read_report(report));
    identity::reap_helpers();
    if let Err(error) = started {
        let _ = sys::signal_handle(handle.as_fd(), libc::SIGKILL);
        let _ = sys::wait(pid, 0);
        return Err(error);
    }
    Ok((pid, handle, status, go))
}

fn release(order: &Order, user: &HostUser, pid: i32, go: &OwnedFd) -> Result<()> {
    if order.spec.keeps(Layer::User) {
        identity::write_maps(pid, &order.identity, user.id)?;
    }
    let mut go = File::from(go.try_clone().at("release the sandbox")?);
    go.write_all(&[1]).at("release the sandbox")
}

/// Nothing: the program has been executed, which closed the other end.
fn read_report(report: OwnedFd) -> Result<()> {
    let mut text = String::new();
    File::from(report).take(4096).read_to_string(&mut text).at("hear of the start")?;
    match text.split_once('\n') {
        None if text.is_empty() => Ok(()),
        None => refuse(&text, "failed"),
        Some((step, error)) => refuse(step, error),
    }
}

struct Ended {
    status: i32,
    out_of_memory: bool,
    agent_is_gone: bool,
}

fn watch(order: &Order, made: &Made, control: &UnixStream) -> Ended {
    let counter = made.group.watch_memory();
    let mut ended = Ended { status: -libc::SIGKILL, out_of_memory: false, agent_is_gone: false };
    let mut listening = true;
    let watches_disk = order.disk == Disk::Watched && order.spec.limits.disk_bytes > 0;
    loop {
        let fds = [
            Some(made.handle.as_fd()),
            listening.then(|| control.as_fd()),
            counter.as_ref().filter(|_| !ended.out_of_memory).map(AsFd::as_fd),
        ];
        let Ok(ready) = sys::poll(&fds, if watches_disk { LOOK_MS } else { -1 }) else {
            break;
        };
        if watches_disk && ready.iter().all(|events| *events == 0) && disk::is_full(&order.spec) {
            kill(made);
        }
        if ready[0] != 0 {
            break;
        }
        if ready[2] != 0 {
            ended.out_of_memory = true;
            kill(made);
        }
        if ready[1] != 0 {
            let mut words = [0; 16];
            match (&mut &*control).read(&mut words) {
                Ok(count @ 1..) => {
                    for word in &words[..count] {
                        command(made, *word);
                    }
                }
                _ => {
                    listening = false;
                    ended.agent_is_gone = true;
                    kill(made);
                }
            }
        }
    }
    kill(made);
    let waited = sys::wait(made.pid, 0);
    let mut word = [0; 4];
    let told = sys::poll(&[Some(made.status.as_fd())], 0).is_ok_and(|ready| ready[0] != 0)
        && made.status.try_clone().is_ok_and(|pipe| File::from(pipe).read_exact(&mut word).is_ok());
    ended.status = match waited {
        _ if told => sys::exit_code(i32::from_ne_bytes(word)),
        Ok(Some((_, status))) => sys::exit_code(status),
        _ => ended.status,
    };
    ended.out_of_memory |= made.group.ran_out_of_memory();
    ended
}

fn command(made: &Made, word: u8) {
    match word {
        b't' => {
            let _ = sys::signal_handle(made.handle.as_fd(), libc::SIGTERM);
        }
        _ => kill(made),
    }
}

/// Process 1 takes all others with it; where there is no process 1, the control group has them.
fn kill(made: &Made) {
    let _ = sys::signal_handle(made.handle.as_fd(), libc::SIGKILL);
    made.group.kill();
}
