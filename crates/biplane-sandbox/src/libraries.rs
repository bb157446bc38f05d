//! Which files of the host a program needs to start: its loader and the libraries it is linked with.

use crate::spec::{Access, Mount};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SEGMENT_INTERPRETER: u32 = 3;
const SEGMENTS_MAX: u16 = 128;
const INTERPRETER_BYTES_MAX: u64 = 4096;

/// Mounts for everything that `program`, which is trusted, is linked with. Nothing for a static one.
pub fn libraries(program: &Path) -> io::Result<Vec<Mount>> {
    let Some(loader) = interpreter(program)? else {
        return Ok(Vec::new());
    };
    // The loader itself says what it would load, and from where; the program does not run.
    let listed = Command::new(&loader)
        .arg("--list")
        .arg(program)
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()?;
    if !listed.status.success() {
        return Err(io::Error::other(format!("{} cannot be loaded", program.display())));
    }
    let text = String::from_utf8_lossy(&listed.stdout);
    let mut paths: Vec<PathBuf> = text.lines().filter_map(library).collect();
    paths.push(loader);
    paths.sort();
    paths.dedup();
    paths.iter().map(|path| Mount::new(path, path, Access::Program)).collect()
}

/// `libm.so.6 => /lib/libm.so.6 (0x…)`, or the loader's own `/lib64/ld.so (0x…)`.
fn library(line: &str) -> Option<PathBuf> {
    let path = line.rsplit_once(" => ").map_or(line, |(_, path)| path).trim();
    let path = path.rsplit_once(" (").map_or(path, |(path, _)| path);
    path.starts_with('/').then(|| PathBuf::from(path))
}

/// The loader that an ELF file of 64 bits asks for.
fn interpreter(program: &Path) -> io::Result<Option<PathBuf>> {
    let mut file = File::open(program)?;
    let mut header = [0_u8; 64];
    file.read_exact(&mut header)?;
    if header[..5] != *b"\x7fELF\x02" {
        return Err(io::Error::other(format!("{} is no program", program.display())));
    }
    let (table, size, count) =
        (number(&header, 32, 8), number(&header, 54, 2), number(&header, 56, 2));
    for index in 0..count.min(u64::from(SEGMENTS_MAX)) {
        let mut segment = [0_u8; 56];
        file.seek(SeekFrom::Start(table.saturating_add(index * size)))?;
        file.read_exact(&mut segment)?;
        if number(&segment, 0, 4) != u64::from(SEGMENT_INTERPRETER) {
            continue;
        }
        file.seek(SeekFrom::Start(number(&segment, 8, 8)))?;
        let mut path = Vec::new();
        let bytes = number(&segment, 32, 8).min(INTERPRETER_BYTES_MAX);
        file.take(bytes).read_to_end(&mut path)?;
        path.retain(|byte| *byte != 0);
        return Ok(String::from_utf8(path).ok().map(PathBuf::from));
    }
    Ok(None)
}

fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    bytes[at..at + length].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linked_program_needs_its_loader_and_libraries() {
        let own = std::env::current_exe().unwrap();
        let found = libraries(&own).unwrap();
        let has =
            |part: &str| found.iter().any(|mount| mount.target.to_string_lossy().contains(part));
        assert!(has("libc.so") && has("ld-linux"), "{found:?}");
        assert!(found.iter().all(|mount| mount.source.is_absolute() && mount.source.is_file()));
    }

    #[test]
    fn lines_of_the_loader() {
        let path = |line| library(line).map(|path| path.display().to_string());
        assert_eq!(path("\tlibm.so.6 => /lib/libm.so.6 (0x7f)").as_deref(), Some("/lib/libm.so.6"));
        assert_eq!(path("\t/lib64/ld.so (0x7f)").as_deref(), Some("/lib64/ld.so"));
        assert_eq!(path("\tlinux-vdso.so.1 (0x7f)"), None);
    }
}
