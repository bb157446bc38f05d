//! Runs a program in a sandbox: `run [--mount PATH]… [--exec-written] [--host-network] PROGRAM ARGUMENTS…`
//!
//! Its working directory is thrown away afterwards; its standard error is shown.

use biplane_sandbox::{
    Access, DOORS, Isolator, IsolatorConfig, Limits, Mount, Native, Network, ProcView, Program,
    SandboxSpec, WORK, launcher_main_if_asked, libraries,
};
use std::error::Error;
use std::io::Read;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    launcher_main_if_asked();
    let dir = std::env::temp_dir().join(format!("biplane-run-{}", std::process::id()));
    for part in [DOORS, WORK] {
        std::fs::create_dir_all(dir.join(part))?;
    }
    let ended = run(&dir);
    std::fs::remove_dir_all(&dir)?;
    std::process::exit(ended?);
}

fn run(dir: &Path) -> Result<i32, Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let (mut mounts, mut exec_written, mut network) = (Vec::new(), false, Network::None);
    let program = loop {
        match words.next().ok_or("which program?")?.as_str() {
            "--mount" => {
                let path = PathBuf::from(words.next().ok_or("which path?")?);
                mounts.push(Mount::new(&path, &path, Access::Program)?);
            }
            "--exec-written" => exec_written = true,
            "--host-network" => network = Network::Host,
            program => break PathBuf::from(program),
        }
    };
    let native = Native::start(IsolatorConfig {
        launcher: "/proc/self/exe".into(),
        tag: format!("run{}", std::process::id()),
        work_dir: dir.to_owned(),
        writable: Vec::new(),
        left_open: Vec::new(),
    })?;
    eprintln!("{:?}", native.level());
    // A program in one of the mounts is started there, with what the mounts have.
    let within = mounts.iter().any(|mount| program.starts_with(&mount.target));
    if !within {
        mounts.extend(libraries(&program)?);
    }
    let spec = SandboxSpec {
        name: "run".into(),
        tenant: None,
        dir: std::fs::canonicalize(dir)?,
        program: Program {
            path: std::fs::canonicalize(&program)?,
            args: words.collect(),
            env: vec![("HOME".into(), "/sandbox/work".into()), ("LANG".into(), "C.UTF-8".into())],
            inside: within.then_some(program),
        },
        mounts,
        network,
        proc: ProcView::Masked,
        limits: Limits { memory_bytes: 2 << 30, ..Limits::default() },
        forwarder: false,
        exec_written,
        without: Vec::new(),
    };
    let (mut read, write) = std::io::pipe()?;
    let begin = std::time::Instant::now();
    let sandbox = native.spawn(&spec, write.into())?;
    eprintln!("started in {:?}", begin.elapsed());
    let mut text = String::new();
    read.read_to_string(&mut text)?;
    eprint!("{text}");
    let (status, out_of_memory) = sandbox.wait();
    eprintln!("ended with {status}, out of memory: {out_of_memory}, {:?}", begin.elapsed());
    Ok(status)
}
