//! What must be left of a host's sandboxes when they and their agent are gone: nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

/// Looks when it is dropped: everything else of a world is gone by then.
#[derive(Debug)]
pub struct Clean {
    dir: PathBuf,
    tag: String,
    groups: Mutex<Vec<PathBuf>>,
}

impl Clean {
    pub fn new(dir: &Path, tag: &str) -> Self {
        Self { dir: dir.to_owned(), tag: tag.to_owned(), groups: Mutex::default() }
    }

    /// These were made for a sandbox.
    pub fn remember(&self, groups: &[PathBuf]) {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(groups);
    }

    fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        let dir = self.dir.to_str().unwrap();
        // Launcher, supervisors and inits are one program; with an init all of its sandbox is gone.
        let launcher = format!("{dir}/launcher");
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if line.starts_with(launcher.as_bytes()) {
                left.push(format!("process {}", entry.file_name().display()));
            }
        }
        for group in self.groups.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let own = format!("biplane-{}", self.tag);
            let base =
                group.ancestors().find(|path| path.file_name().is_some_and(|name| *name == *own));
            left.extend(
                [Some(group.as_path()), base]
                    .into_iter()
                    .flatten()
                    .filter(|path| path.exists())
                    .map(|path| format!("control group {}", path.display())),
            );
        }
        // Of sockets those in the directories of sandboxes: another one is inherited by whatever is started.
        let doors = format!("{dir}/sb");
        for (file, place) in [("/proc/self/mountinfo", dir), ("/proc/net/unix", &doors)] {
            let text = fs::read_to_string(file).unwrap_or_default();
            left.extend(text.lines().filter(|line| line.contains(place)).map(str::to_owned));
        }
        left.extend(devices(&self.dir).into_iter().map(|file| format!("device of {file}")));
        if self.dir.exists() {
            left.push(format!("directory {dir}"));
        }
        left
    }
}

impl Drop for Clean {
    fn drop(&mut self) {
        let until = Instant::now() + PATIENCE;
        let mut left = self.left();
        while !left.is_empty() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
            left = self.left();
        }
        // A test that fails anyway says why itself.
        if !std::thread::panicking() {
            assert!(left.is_empty(), "these stay: {left:#?}");
        }
    }
}

/// Files below a directory that are block devices now.
pub fn devices(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let file =
        |entry: fs::DirEntry| fs::read_to_string(entry.path().join("loop/backing_file")).ok();
    entries.filter_map(file).filter(|file| Path::new(file.trim()).starts_with(dir)).collect()
}
