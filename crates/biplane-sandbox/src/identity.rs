//! Who a sandbox is on the host: a user of its own from a pool, or, without privileges, the agent's.

use crate::error::{At, Result, refuse};
use crate::spec::INSIDE_ID;
use crate::sys::{self, Forked};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, PoisonError};

/// One byte of this file is locked for every user in use, whatever agent uses it; the kernel unlocks
/// it when the last process with the lock is gone.
const LOCKS: &str = "/run/biplane-ids.lock";
const POOL_FIRST: u32 = 200_000;
const POOL_COUNT: u32 = 65_536;

/// Where users of sandboxes come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// As root: one of these, for one sandbox at a time.
    Pool { first: u32, count: u32 },
    /// As root, on a file system that cannot show its files under another owner: the owner of the
    /// sandbox's directory.
    Owner,
    /// The agent's own.
    Agent,
}

impl Identity {
    /// What this process may use.
    pub fn detect() -> std::result::Result<Self, String> {
        if sys::effective_uid() != 0 {
            return Ok(Self::Agent);
        }
        let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        pool(&map).ok_or_else(|| {
            "this process is root of a namespace with too few users to give each sandbox its own".into()
        })
    }

    pub fn is_privileged(&self) -> bool {
        *self != Self::Agent
    }
}

/// The usual pool, or the end of the largest range that is mapped.
fn pool(map: &str) -> Option<Identity> {
    let ranges = map.lines().filter_map(|line| {
        let mut numbers = line.split_whitespace().map(str::parse::<u64>);
        let (first, _, count) =
            (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
        Some((first, count))
    });
    let (first, count) = ranges.max_by_key(|(_, count)| *count)?;
    let end = first + count;
    if first <= POOL_FIRST.into() && end >= (POOL_FIRST + POOL_COUNT).into() {
        return Some(Identity::Pool { first: POOL_FIRST, count: POOL_COUNT });
    }
    let count = (count / 4).min(POOL_COUNT.into());
    if count < 64 {
        return None;
    }
    Some(Identity::Pool {
        first: u32::try_from(end - count).ok()?,
        count: u32::try_from(count).ok()?,
    })
}

/// A user that nothing else on this host runs as, until the lock is dropped.
#[derive(Debug)]
pub struct HostUser {
    pub id: u32,
    _lock: Option<File>,
}

impl HostUser {
    pub fn allocate(identity: &Identity, owner: u32) -> Result<Self> {
        let (first, count) = match *identity {
            Identity::Agent => return Self::known(sys::effective_uid()),
            Identity::Owner => return Self::known(owner),
            Identity::Pool { first, count } => (first, count),
        };
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(LOCKS)
            .at(format!("open {LOCKS}"))?;
        let taken = subordinate();
        // Another place for every supervisor: they seldom try the same.
        let start = std::process::id().wrapping_mul(2_654_435_761) % count;
        for offset in (start..count).chain(0..start) {
            let id = first + offset;
            if taken.iter().any(|(first, count)| id >= *first && id - first < *count) {
                continue;
            }
            if sys::lock_byte(file.as_fd(), id).at("lock a user")? {
                return Ok(Self { id, _lock: Some(file) });
            }
        }
        refuse("find a user", "all users of the pool are in use")
    }

    /// The agent itself, whoever that is: no boundary.
    pub fn agent() -> Self {
        Self { id: sys::effective_uid(), _lock: None }
    }

    fn known(id: u32) -> Result<Self> {
        if id == 0 {
            return refuse("find a user", "a sandbox never runs as root of the host");
        }
        Ok(Self { id, _lock: None })
    }
}

/// Ranges that this host's users have been given for their own containers.
fn subordinate() -> Vec<(u32, u32)> {
    let text = fs::read_to_string("/etc/subuid").unwrap_or_default();
    let range = |line: &str| {
        let mut fields = line.split(':').skip(1).map(str::parse);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    };
    text.lines().filter_map(range).collect()
}

/// Fills the maps of the user namespace of `pid`: one id, and no 0.
pub fn write_maps(pid: i32, identity: &Identity, host_id: u32) -> Result<()> {
    let group = match identity {
        Identity::Agent => {
            // Without this the kernel lets nobody unprivileged map a group.
            fs::write(format!("/proc/{pid}/setgroups"), "deny").at("give up groups")?;
            sys::effective_gid()
        }
        _ => host_id,
    };
    map(pid, (INSIDE_ID, host_id), (INSIDE_ID, group))
}

fn map(pid: i32, user: (u32, u32), group: (u32, u32)) -> Result<()> {
    for (file, (inside, outside)) in [("uid_map", user), ("gid_map", group)] {
        fs::write(format!("/proc/{pid}/{file}"), format!("{inside} {outside} 1\n"))
            .at(format!("write the {file}"))?;
    }
    Ok(())
}

/// Processes that made namespaces and were ended.
static HELPERS: Mutex<Vec<i32>> = Mutex::new(Vec::new());

pub fn reap_helpers() {
    for pid in HELPERS.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let _ = sys::wait(pid, 0);
    }
}

/// A user namespace that shows files of `owner` as those of `host_id`, for mounts.
pub fn mapping(owner: (u32, u32), host_id: u32) -> Result<OwnedFd> {
    let (wait, go) = sys::pipe().at("make a pipe")?;
    let step = "make a mapping of owners";
    match sys::clone_into(libc::CLONE_NEWUSER, None).at(step)? {
        Forked::Child => {
            drop(go);
            // Until the other end is closed.
            let _ = sys::poll(&[Some(wait.as_fd())], -1);
            sys::exit(0);
        }
        Forked::Parent { pid, .. } => {
            let made = map(pid, (owner.0, host_id), (owner.1, host_id)).and_then(|()| {
                File::open(format!("/proc/{pid}/ns/user")).map(OwnedFd::from).at(step)
            });
            drop(go);
            let _ = sys::kill(pid, libc::SIGKILL);
            // On a busy host it takes its time to die.
            HELPERS.lock().unwrap_or_else(PoisonError::into_inner).push(pid);
            made
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_fits_the_namespace_the_agent_is_in() {
        let whole = pool("         0          0 4294967295\n");
        assert_eq!(whole, Some(Identity::Pool { first: 200_000, count: 65_536 }));
        let part = pool("0 100000 65536\n");
        assert_eq!(part, Some(Identity::Pool { first: 49_152, count: 16_384 }));
        assert_eq!(pool("0 1000 1\n"), None);
    }

    #[test]
    fn root_is_never_a_sandbox() {
        assert!(HostUser::known(0).is_err());
    }
}
