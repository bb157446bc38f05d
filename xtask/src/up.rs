//! `up`: a release build, started.

use crate::run::{cache, cargo, step, target};
use crate::setup::{self, Tools};
use anyhow::Context;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub fn up(args: &[String]) -> anyhow::Result<()> {
    let tools = setup::setup(setup::For::Build)?;
    let binary = release(&tools)?;
    let data_dir = args
        .iter()
        .position(|arg| arg == "--data-dir")
        .and_then(|at| args.get(at + 1))
        .map_or_else(|| cache().map(|cache| cache.join("data")), |dir| Ok(PathBuf::from(dir)))?;
    let mut command = Command::new(binary);
    command.arg("up").args(args);
    for (flag, value) in
        [("--data-dir", data_dir.display().to_string()), ("--listen", "127.0.0.1:8080".into())]
    {
        if !args.iter().any(|arg| arg == flag) {
            command.args([flag, &value]);
        }
    }
    let mut server = command.stdout(Stdio::piped()).spawn().context("starting biplane")?;
    let stdout = server.stdout.take().context("the server's output")?;
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        println!("{line}");
        if let Some(url) = line.strip_prefix("ready ") {
            welcome(url, &data_dir);
        }
    }
    anyhow::ensure!(server.wait()?.success(), "biplane ended with an error");
    Ok(())
}

/// The web app first: the binary carries it.
pub fn release(tools: &Tools) -> anyhow::Result<PathBuf> {
    step("Building the web app", &mut tools.npm("web", &["run", "build"]))?;
    step(
        "Building a release (the first time takes half an hour on two cores)",
        cargo().args(["build", "--release", "-p", "biplane", "--features", "engine"]),
    )?;
    Ok(target().join("release/biplane"))
}

fn welcome(url: &str, data_dir: &Path) {
    let login = fs::read_to_string(data_dir.join("initial-login")).unwrap_or_default();
    let profile = data_dir.join("databrickscfg");
    println!("\nOpen {url} and sign in:\n{login}");
    println!(
        "Every Databricks tool works with this profile:\n\n  export DATABRICKS_CONFIG_FILE={}\n",
        profile.display()
    );
    println!("{}", fs::read_to_string(profile).unwrap_or_default());
}
