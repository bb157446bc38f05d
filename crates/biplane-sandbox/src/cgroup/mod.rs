//! Control groups: where they can be had, one for each sandbox, and nothing of them left.
//!
//! Everything is made below the group the agent itself is in, so that what bounds the agent bounds its
//! sandboxes too.

mod group;
mod tree;

pub use group::{Group, leave_tenant};
pub use tree::{clear, stats};

use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tree::sweep;

/// An agent that ends lets go of its sandboxes one by one.
const LEAVE_MAX: Duration = Duration::from_secs(10);
/// The agent itself, where it had to make room for groups of sandboxes.
const LEAF: &str = "biplane-agent";
const V1: &[&str] = &["memory", "pids", "cpu", "cpuacct"];
const V2: &[&str] = &["memory", "pids", "cpu"];

/// The agent's subtree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Groups {
    #[default]
    None,
    /// Controller and directory.
    V1(Vec<(String, PathBuf)>),
    V2(PathBuf),
}

impl Groups {
    /// Makes the subtree `biplane-<tag>`, ends what is left in it from an agent before, and says why
    /// there is none if there is none.
    pub fn prepare(tag: &str) -> (Self, Option<String>) {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let name = format!("biplane-{tag}");
        let refused = match prepare_v2(&mounts, &own, &name) {
            Ok(base) => return (Self::V2(base), None),
            Err(refused) => refused,
        };
        match prepare_v1(&mounts, &own, &name) {
            Ok(bases) => (Self::V1(bases), None),
            Err(error) => {
                (Self::None, Some(refused.unwrap_or_else(|| format!("cgroup v1: {error}"))))
            }
        }
    }

    pub fn bases(&self) -> Vec<&Path> {
        match self {
            Self::None => Vec::new(),
            Self::V1(bases) => bases.iter().map(|(_, base)| base.as_path()).collect(),
            Self::V2(base) => vec![base],
        }
    }

    /// What of the subtree is missing is made: the launcher of an agent that was killed may just have
    /// removed it behind its successor.
    fn restore(&self) -> io::Result<()> {
        for base in self.bases() {
            if !base.exists() {
                fs::create_dir_all(base)?;
                if matches!(self, Self::V2(_)) {
                    enable(base)?;
                }
            }
        }
        Ok(())
    }
}

/// None: there is no version 2 with controllers here.
fn prepare_v2(mounts: &str, own: &str, name: &str) -> std::result::Result<PathBuf, Option<String>> {
    let own = own_place(mounts, own, "cgroup2", "").ok_or(None)?;
    let root = mount_point(mounts, &own);
    let offered = fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default();
    if !V2.iter().any(|wanted| offered.split_whitespace().any(|offer| offer == *wanted)) {
        return Err(None);
    }
    // Another agent in this process, or one before it, has made room here.
    let own = match own.file_name().is_some_and(|name| name == LEAF) {
        true => own.parent().unwrap_or(&own).to_owned(),
        false => own,
    };
    let mut first = None;
    for place in own.ancestors().take_while(|place| place.starts_with(&root)) {
        match settle(place, name, place == own) {
            Ok(base) => return Ok(base),
            Err(error) => first = first.or(Some(error)),
        }
    }
    let error = first.map(|error| error.to_string()).unwrap_or_default();
    Err(Some(format!(
        "cgroup v2: {} is not delegated to this agent ({error}); a systemd unit with Delegate=yes does it",
        own.display()
    )))
}

/// Makes the agent's subtree in one group. A group with processes of its own cannot have controllers
/// below it: where this process is alone it moves out of the way; where it is not, the groups above are
/// tried, for whoever may (root).
fn settle(place: &Path, name: &str, is_own: bool) -> io::Result<PathBuf> {
    let base = place.join(name);
    let made = make_room(place, is_own).and_then(|()| fs::create_dir_all(&base)).and_then(|()| {
        sweep(&base);
        enable(&base)
    });
    if made.is_err() {
        let _ = fs::remove_dir(&base);
    }
    made.map(|()| base)
}

fn make_room(place: &Path, is_own: bool) -> io::Result<()> {
    let Err(error) = enable(place) else {
        return Ok(());
    };
    if !is_own {
        return Err(error);
    }
    let leaf = place.join(LEAF);
    fs::create_dir_all(&leaf)?;
    fs::write(leaf.join("cgroup.procs"), "0")?;
    enable(place).inspect_err(|_| {
        // Others are in it, too.
        let _ = fs::write(place.join("cgroup.procs"), "0");
        let _ = fs::remove_dir(&leaf);
    })
}

fn enable(group: &Path) -> io::Result<()> {
    let order = V2.iter().map(|controller| format!("+{controller}")).collect::<Vec<_>>().join(" ");
    fs::write(group.join("cgroup.subtree_control"), order)
}

/// Where the file system of control groups that `place` is in begins.
fn mount_point(mounts: &str, place: &Path) -> PathBuf {
    let points = mounts.lines().filter(|line| line.contains(" - cgroup2 "));
    let mut points = points.filter_map(|line| line.split(' ').nth(4)).map(Path::new);
    points.rfind(|point| place.starts_with(point)).unwrap_or(place).to_owned()
}

fn prepare_v1(mounts: &str, own: &str, name: &str) -> io::Result<Vec<(String, PathBuf)>> {
    let mut bases = Vec::new();
    for controller in V1 {
        let place = own_place(mounts, own, "cgroup", controller);
        let Some(place) = place.filter(|place| place.join("cgroup.procs").exists()) else {
            if *controller == "cpuacct" {
                continue;
            }
            return Err(io::Error::other(format!("no {controller} controller")));
        };
        let base = place.join(name);
        fs::create_dir_all(&base)?;
        sweep(&base);
        // Two controllers may share a directory.
        bases.push(((*controller).to_owned(), base));
    }
    Ok(bases)
}

/// The directory of the group this process is in.
fn own_place(mounts: &str, own: &str, kind: &str, controller: &str) -> Option<PathBuf> {
    let group = own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        controllers.split(',').any(|name| name == controller).then_some(path)
    })?;
    mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut right = right.split(' ');
        let options = (right.next()? == kind).then(|| right.nth(1)).flatten()?;
        if kind == "cgroup" && !options.split(',').any(|option| option == controller) {
            return None;
        }
        let mut left = left.split(' ').skip(3);
        let (root, point) = (left.next()?, left.next()?);
        let below = group.strip_prefix(root.trim_end_matches('/'))?;
        Some(Path::new(point).join(below.trim_start_matches('/')))
    })
}

/// Removes the groups of an agent that is gone if nothing is in them: for a supervisor that may be the last of all.
pub fn leave_if_empty(groups: &Groups) {
    for base in groups.bases() {
        let _ = fs::remove_dir(base);
    }
}

/// Removes the groups of an agent that is gone, once the supervisors have removed those in them.
pub fn leave(bases: &[PathBuf]) {
    let until = Instant::now() + LEAVE_MAX;
    for base in bases {
        while let Err(error) = fs::remove_dir(base) {
            if error.kind() == io::ErrorKind::NotFound || Instant::now() >= until {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_group_is_found_in_every_layout() {
        let mounts = "30 25 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
                      31 25 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      32 25 0:28 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n";
        let own = "4:memory:/a/b\n3:cpu,cpuacct:/docker/abc/d\n0::/\n";
        let place = |kind, controller| own_place(mounts, own, kind, controller);
        assert_eq!(place("cgroup2", ""), Some("/sys/fs/cgroup/unified/".into()));
        assert_eq!(place("cgroup", "memory"), Some("/sys/fs/cgroup/memory/a/b".into()));
        assert_eq!(place("cgroup", "cpuacct"), Some("/sys/fs/cgroup/cpu,cpuacct/d".into()));
        assert_eq!(place("cgroup", "pids"), None);
    }
}
