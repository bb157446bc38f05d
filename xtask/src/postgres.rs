//! A PostgreSQL server of its own for one test run: Debian's binaries, a temporary directory, a Unix
//! socket in it and a free port.

use anyhow::{Context, bail};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub struct Postgres {
    server: Child,
    _dir: tempfile::TempDir,
    pub url: String,
}

impl Postgres {
    pub fn start() -> anyhow::Result<Self> {
        let bin = binaries()?;
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("data");
        // PostgreSQL refuses to run as root; Debian's package made this user.
        let as_user = crate::run::output("id", &["-u"]).as_deref() == Some("0");
        if as_user {
            Command::new("chown").arg("postgres").arg(dir.path()).status()?;
        }
        let command = |program: &str| {
            let program = bin.join(program);
            if as_user {
                let mut command = Command::new("setpriv");
                command
                    .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
                    .arg(program);
                command
            } else {
                Command::new(program)
            }
        };
        let mut initdb = command("initdb");
        initdb
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", "-D"])
            .arg(&data);
        if !initdb.stdout(Stdio::null()).current_dir("/").status()?.success() {
            bail!("initdb failed");
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut server = command("postgres");
        server.arg("-D").arg(&data).arg("-k").arg(dir.path());
        server.args([
            "-h",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "-c",
            "fsync=off",
            "-c",
            "max_connections=400",
        ]);
        let log = fs::File::create(dir.path().join("log"))?;
        let server = server
            .stdout(Stdio::null())
            .stderr(log)
            .current_dir("/")
            .spawn()
            .context("starting postgres")?;
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        let mut postgres = Self { server, _dir: dir, url };
        postgres.wait(&bin, port)?;
        Ok(postgres)
    }

    fn wait(&mut self, bin: &Path, port: u16) -> anyhow::Result<()> {
        for _ in 0..300 {
            let mut ready = Command::new(bin.join("pg_isready"));
            ready.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]);
            if ready.status()?.success() {
                return Ok(());
            }
            if let Some(status) = self.server.try_wait()? {
                bail!("postgres ended at once ({status})");
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        bail!("postgres did not become ready")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGKILL would leave its children and shared memory for a moment; SIGQUIT ends them at once.
        let _ = Command::new("kill").args(["-QUIT", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }
}

fn binaries() -> anyhow::Result<PathBuf> {
    let mut versions: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .context("PostgreSQL is not installed")?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("postgres").exists())
        .collect();
    versions.sort();
    versions.pop().context("PostgreSQL is not installed")
}
