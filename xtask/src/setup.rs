//! Installs what is missing: system packages, node packages, Python environments.

use crate::run::{cache, output, root, step};
use anyhow::{Context, bail};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest Node.js that Vite takes.
const NODE_MAJOR_MIN: u32 = 20;

/// (a file that shows it is there, the Debian package).
const BUILD: &[(&str, &str)] = &[
    ("/usr/bin/cc", "build-essential"),
    ("/usr/bin/cmake", "cmake"),
    // Runs the Python of users.
    ("/usr/bin/python3", "python3"),
];
const TEST: &[(&str, &str)] = &[
    ("/usr/bin/chromium", "chromium"),
    ("/usr/bin/curl", "curl"),
    ("/sbin/tc", "iproute2"),
    ("/usr/lib/postgresql", "postgresql"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// Building the product and starting it.
    Build,
    /// The tests too: real clients, a browser, a second database.
    Test,
}

/// What the steps after it use.
pub struct Tools {
    /// Goes in front of PATH.
    pub path: String,
}

impl Tools {
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("PATH", &self.path);
        command
    }

    pub fn npm(&self, dir: &str, args: &[&str]) -> Command {
        let mut command = self.command("npm");
        command.args(args).current_dir(root().join(dir));
        command
    }
}

pub fn setup(goal: For) -> anyhow::Result<Tools> {
    system_packages(goal)?;
    let mut path = std::env::var("PATH").unwrap_or_default();
    if node_major("node") < NODE_MAJOR_MIN {
        path = format!("{}:{path}", node_of_its_own()?.display());
    }
    let tools = Tools { path };
    node_packages(&tools, "web", &["ci"])?;
    Ok(tools)
}

fn system_packages(goal: For) -> anyhow::Result<()> {
    let testing = goal == For::Test;
    let mut missing: Vec<&str> = BUILD
        .iter()
        .chain(if testing { TEST } else { &[] })
        .filter(|(file, _)| !Path::new(file).exists())
        .map(|(_, package)| *package)
        .collect();
    if output("npm", &["--version"]).is_none() {
        missing.extend(["nodejs", "npm"]);
    }
    if output("python3", &["-c", "import venv, ensurepip"]).is_none() {
        missing.push("python3-venv");
    }
    install(&missing)
}

/// Installs those of the packages whose file is not there.
pub fn packages(wanted: &[(&str, &str)]) -> anyhow::Result<()> {
    let missing = wanted.iter().filter(|(file, _)| !Path::new(file).exists());
    install(&missing.map(|(_, package)| *package).collect::<Vec<_>>())
}

fn install(missing: &[&str]) -> anyhow::Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let install = format!("apt-get install -y --no-install-recommends {}", missing.join(" "));
    let Some(mut installing) = as_root(&install) else {
        bail!(
            "These packages are missing. Install them, then run this again:\n\n  sudo {install}\n"
        );
    };
    read_lists()?;
    step(&format!("Installing {}", missing.join(", ")), &mut installing)
}

/// What packages there are now.
pub fn read_lists() -> anyhow::Result<()> {
    let Some(mut reading) = as_root("apt-get update -qq") else {
        bail!("Package lists are missing. Run this first:\n\n  sudo apt-get update\n");
    };
    step("Reading package lists", &mut reading)
}

/// None: nobody here may.
fn as_root(line: &str) -> Option<Command> {
    let root_user = output("id", &["-u"]).as_deref() == Some("0");
    let sudo =
        || Command::new("sudo").args(["-n", "true"]).status().is_ok_and(|status| status.success());
    let prefix = match root_user {
        true => "",
        false if sudo() => "sudo ",
        false => return None,
    };
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{prefix}{line}")]).env("DEBIAN_FRONTEND", "noninteractive");
    Some(command)
}

fn node_major(program: &str) -> u32 {
    let version = output(program, &["--version"]).unwrap_or_default();
    version
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse().ok())
        .unwrap_or(0)
}

/// The distribution's Node.js is too old: take one from the npm registry.
fn node_of_its_own() -> anyhow::Result<PathBuf> {
    let dir = cache()?.join("node");
    let bin = dir.join("node_modules/.bin");
    if !bin.join("node").exists() {
        let mut install = Command::new("npm");
        install.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(&dir).arg("node@22");
        step("Installing a newer Node.js from the npm registry", &mut install)?;
    }
    Ok(bin)
}

/// As the lock file says, where it changed since the last time.
pub fn node_packages(tools: &Tools, dir: &str, install: &[&str]) -> anyhow::Result<()> {
    let lock = fs::read(root().join(dir).join("package-lock.json"))
        .with_context(|| format!("{dir}/package-lock.json"))?;
    let stamp = root().join(dir).join("node_modules/.biplane-stamp");
    let digest = hex::encode(Sha256::digest(lock));
    if fs::read_to_string(&stamp).is_ok_and(|known| known == digest) {
        return Ok(());
    }
    step(
        &format!("Installing node packages of {dir}"),
        tools.npm(dir, install).args(["--no-audit", "--no-fund"]),
    )?;
    fs::write(stamp, digest).map_err(Into::into)
}

/// A Python environment with the packages of a requirements file; made anew when the file changes.
/// Returns its interpreter.
pub fn python(name: &str, requirements: &str) -> anyhow::Result<PathBuf> {
    let file = root().join(requirements);
    let digest = hex::encode(&Sha256::digest(fs::read(&file)?)[..6]);
    let dir = cache()?.join(format!("venv-{name}-{digest}"));
    let python = dir.join("bin/python");
    let stamp = dir.join("complete");
    if !stamp.exists() {
        let _ = fs::remove_dir_all(&dir);
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(&dir);
        step(&format!("Making the Python environment {name}"), &mut make)?;
        let mut install = Command::new(&python);
        install
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(&file);
        step(&format!("Installing the packages of {requirements}"), &mut install)?;
        fs::write(stamp, "")?;
    }
    Ok(python)
}
