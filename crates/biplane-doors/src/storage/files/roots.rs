//! Where local files may lie, and how they are opened: the kernel sees to it that no path leads out.

use super::Failed;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{Mode, mkdirat};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Directories of this host, opened once.
#[derive(Debug, Default)]
pub struct Roots(Vec<(PathBuf, OwnedFd)>);

/// A file or directory as found: the root that it is in, and the way from there.
pub(super) struct Place<'a> {
    root: &'a OwnedFd,
    pub way: PathBuf,
}

impl Roots {
    /// Paths without links in them.
    pub fn open(paths: &[PathBuf]) -> io::Result<Self> {
        let open = |path: &PathBuf| {
            let directory = File::open(path)?;
            Ok((path.clone(), OwnedFd::from(directory)))
        };
        paths.iter().map(open).collect::<io::Result<_>>().map(Self)
    }

    /// A key is an absolute path without its first slash.
    pub(super) fn place(&self, key: &str) -> Result<Place<'_>, Failed> {
        let trimmed = key.strip_suffix('/').unwrap_or(key);
        if trimmed.is_empty() || trimmed.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(Failed::Missing);
        }
        let path = Path::new("/").join(trimmed);
        let found = self
            .0
            .iter()
            .find_map(|(root, directory)| Some((directory, path.strip_prefix(root).ok()?)));
        let (root, way) = found.ok_or(Failed::Elsewhere)?;
        Ok(Place { root, way: way.to_owned() })
    }
}

impl Place<'_> {
    pub fn file(&self) -> Result<File, Failed> {
        // A pipe that somebody put there is not waited for.
        self.open(&self.way, OFlag::O_RDONLY | OFlag::O_NONBLOCK)
    }

    pub fn directory(&self) -> Result<File, Failed> {
        self.open(&self.way, OFlag::O_RDONLY | OFlag::O_DIRECTORY)
    }

    /// The directory that it is in, made when it is missing, and its name there.
    pub fn parent(&self) -> Result<(File, &std::ffi::OsStr), Failed> {
        let name = self.way.file_name().ok_or(Failed::Missing)?;
        let above = self.way.parent().unwrap_or(Path::new(""));
        let directory = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
        let found = match self.open(above, directory) {
            Err(Failed::Missing) => {
                let mut way = PathBuf::new();
                for part in above {
                    let at = self.open(&way, directory)?;
                    match mkdirat(&at, part, Mode::from_bits_truncate(0o777)) {
                        Ok(()) | Err(nix::Error::EEXIST) => way.push(part),
                        Err(error) => return Err(error.into()),
                    }
                }
                self.open(above, directory)?
            }
            found => found?,
        };
        Ok((found, name))
    }

    fn open(&self, way: &Path, flags: OFlag) -> Result<File, Failed> {
        let way = if way.as_os_str().is_empty() { Path::new(".") } else { way };
        let resolve = ResolveFlag::RESOLVE_BENEATH
            | ResolveFlag::RESOLVE_NO_SYMLINKS
            | ResolveFlag::RESOLVE_NO_MAGICLINKS;
        let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(resolve);
        Ok(openat2(self.root, way, how)?.into())
    }
}
