//! A Biplane of its own for one step: a temporary directory, any free port.

use anyhow::Context;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub const USER: &str = "admin@localhost";
pub const PASSWORD: &str = "a password for tests only";

pub struct Server {
    process: Child,
    _dir: tempfile::TempDir,
    pub url: String,
}

impl Server {
    pub fn start(binary: &Path) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let mut command = Command::new(binary);
        command
            .args(["up", "--listen", "127.0.0.1:0", "--samples-scale", "0.01", "--data-dir"])
            .arg(dir.path().join("data"));
        command.env("BIPLANE_ADMIN_PASSWORD", PASSWORD).stdout(Stdio::piped());
        let mut process = command.spawn().context("starting biplane")?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("its output")?).read_line(&mut line)?;
        let url =
            line.trim().strip_prefix("ready ").context("biplane did not become ready")?.to_owned();
        Ok(Self { process, _dir: dir, url })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}
