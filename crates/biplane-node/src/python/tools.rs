//! Programs of the host that init scripts find: a shell, and what scripts are commonly made of.
//!
//! Files of the operating system alone, read-only; what of them is not on this host is not there inside.

use biplane_sandbox::{Access, Mount, libraries};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const DIRS: &[&str] = &["/usr/bin", "/bin"];
const NAMES: &[&str] = &[
    "awk",
    "base64",
    "basename",
    "bash",
    "cat",
    "chmod",
    "cmp",
    "cp",
    "curl",
    "cut",
    "date",
    "dirname",
    "du",
    "echo",
    "env",
    "expr",
    "false",
    "find",
    "grep",
    "gunzip",
    "gzip",
    "head",
    "hostname",
    "id",
    "ln",
    "ls",
    "md5sum",
    "mkdir",
    "mktemp",
    "mv",
    "nproc",
    "paste",
    "printenv",
    "printf",
    "pwd",
    "readlink",
    "realpath",
    "rm",
    "rmdir",
    "sed",
    "seq",
    "sh",
    "sha256sum",
    "sleep",
    "sort",
    "split",
    "stat",
    "tail",
    "tar",
    "tee",
    "test",
    "timeout",
    "touch",
    "tr",
    "true",
    "uname",
    "uniq",
    "unzip",
    "wc",
    "wget",
    "which",
    "whoami",
    "xargs",
];

/// Looked for once: the host stays what it is.
pub fn mounts() -> &'static [Mount] {
    static FOUND: OnceLock<Vec<Mount>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let mut once: BTreeMap<PathBuf, Mount> = BTreeMap::new();
        for name in NAMES {
            let mut places = DIRS.iter().map(|dir| Path::new(dir).join(name));
            let Some(program) = places.find(|path| path.is_file()) else { continue };
            for mount in of(&program, name) {
                once.entry(mount.target.clone()).or_insert(mount);
            }
        }
        once.into_values().collect()
    })
}

/// One program under both of its usual paths, with what it is linked with.
fn of(program: &Path, name: &str) -> Vec<Mount> {
    let Ok(mut found) = libraries(program) else { return Vec::new() };
    for dir in DIRS {
        match Mount::new(program, &Path::new(dir).join(name), Access::Program) {
            Ok(mount) => found.push(mount),
            Err(_) => return Vec::new(),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_shell_under_both_of_its_names() {
        let found = mounts();
        for path in ["/bin/sh", "/usr/bin/sh"] {
            assert!(found.iter().any(|mount| mount.target == Path::new(path)), "{path}");
        }
    }
}
