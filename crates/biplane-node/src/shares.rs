//! Directories that the sandboxes of one cluster share: what its init scripts and libraries left.
//!
//! What must hold: a host is of one cluster at a time, and what another one left is gone before; one
//! sandbox fills a directory, and is ended when it fills more than a sandbox's disk.

use crate::process::Ending;
use crate::python::Share;
use crate::sandboxes::StartError;
use biplane_proto::v1::ClusterShare;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const NAME_CHARS_MAX: usize = 100;
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub struct Shares {
    dir: PathBuf,
}

impl Shares {
    /// Kept beside the directories of sandboxes, which an agent that starts again sweeps.
    pub fn beside(sandboxes: &Path) -> Self {
        Self { dir: sandboxes.with_file_name("clusters") }
    }

    /// The directory of this cluster, made when it is new here.
    pub fn of(&self, wanted: &ClusterShare) -> Result<Share, StartError> {
        let name = &wanted.name;
        let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.bytes().all(good) {
            return Err(StartError::Share);
        }
        let dir = self.dir.join(name);
        if !dir.exists() {
            self.make(&dir).map_err(StartError::Dir)?;
        }
        Ok(Share { dir, prepares: wanted.prepares })
    }

    fn make(&self, dir: &Path) -> io::Result<()> {
        if self.dir.exists() {
            for left in fs::read_dir(&self.dir)? {
                fs::remove_dir_all(left?.path())?;
            }
        }
        crate::host::private_dir(&self.dir)?;
        for made in [dir, &dir.join("packages"), &dir.join("bin")] {
            DirBuilder::new().recursive(true).mode(0o755).create(made)?;
        }
        Ok(())
    }
}

/// What a sandbox with this share fills.
pub fn filled_by(share: Option<&Share>) -> Option<PathBuf> {
    share.filter(|share| share.prepares).map(|share| share.dir.clone())
}

/// Ends the sandbox when there is more than `most` bytes in `dir`.
pub async fn bound(
    dir: PathBuf,
    most: u64,
    ending: Arc<watch::Sender<Ending>>,
    closed: CancellationToken,
) {
    loop {
        tokio::select! {
            () = closed.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let looked = dir.clone();
        let held = tokio::task::spawn_blocking(move || bytes(&looked)).await.unwrap_or(0);
        if held > most {
            tracing::warn!(dir = %dir.display(), held, "a cluster's directory is too large");
            ending.send_replace(Ending::Kill);
            return;
        }
    }
}

/// What changes meanwhile is not counted.
fn bytes(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let one = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.filter_map(Result::ok).map(one).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(name: &str) -> ClusterShare {
        ClusterShare { name: name.into(), prepares: true }
    }

    #[test]
    fn a_host_is_of_one_cluster_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let shares = Shares::beside(&root.path().join("sandboxes"));
        let first = shares.of(&wanted("one-1")).unwrap().dir;
        fs::write(first.join("packages/a.py"), "12345").unwrap();
        assert_eq!(shares.of(&wanted("one-1")).unwrap().dir, first);
        assert_eq!(bytes(&first), 5);
        shares.of(&wanted("one-2")).unwrap();
        assert!(!first.exists());
        for bad in ["", "..", "a/b", "a b"] {
            assert!(matches!(shares.of(&wanted(bad)), Err(StartError::Share)), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn what_fills_too_much_is_ended() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a"), [0; 100]).unwrap();
        let (ending, ended) = watch::channel(Ending::No);
        bound(root.path().to_owned(), 99, Arc::new(ending), CancellationToken::new()).await;
        assert_eq!(*ended.borrow(), Ending::Kill);
    }
}
